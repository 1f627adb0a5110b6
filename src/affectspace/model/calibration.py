"""What a model says about how sure it is: intervals, and what a usual utterance looks like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from affectspace.model.network import Array


@dataclass(frozen=True, eq=False)
class Calibration:
    """How far a model's estimates lie from ratings, and how well it rebuilt its training rows.

    Attributes:
        coverage: the share of utterances whose rating the intervals are meant to cover, say 0.9.
        intervals: for each label the ends of its interval relative to the estimate, in rating
            units: low at most 0, high at least 0. A label that is not there has no interval.
        errors: shape `(k,)`, ascending, k at least 2: quantiles of
            [`reconstruction_error`][affectspace.model.AffectModel.reconstruction_error] over the
            training rows, evenly spaced in probability from 0 to 1, as
            `np.quantile(errors, np.linspace(0, 1, k))` gives them.
        durations: shortest and longest utterance of the training rows, in s.

    Raises:
        ValueError: if it contradicts what is said here.

    Examples:
        >>> calibration = Calibration(0.9, {"valence": (-1.0, 1.2)}, np.array([0, 1, 3]), (0.5, 20))
        >>> calibration.unusualness([0.5, 2, 9, np.nan])
        array([0.25, 0.75, 1.  ,  nan])
    """

    coverage: float
    intervals: Mapping[str, tuple[float, float]]
    errors: Array
    durations: tuple[float, float]

    def __post_init__(self) -> None:
        errors = np.asarray(self.errors, dtype=np.float64)
        object.__setattr__(self, "errors", errors)
        if not 0 < self.coverage < 1:
            raise ValueError(f"coverage should be between 0 and 1, and is {self.coverage}")
        for label, (low, high) in self.intervals.items():
            if not -np.inf < low <= 0 <= high < np.inf:
                raise ValueError(f"the interval of {label} should span 0, and is {(low, high)}")
        if errors.ndim != 1 or len(errors) < 2:
            raise ValueError(f"errors should have the shape (k,), k at least 2, not {errors.shape}")
        if not (errors[0] >= 0 and errors[-1] < np.inf and (np.diff(errors) >= 0).all()):
            raise ValueError("errors should be finite, at least 0 and ascending")
        shortest, longest = self.durations
        if not 0 <= shortest <= longest < np.inf:
            raise ValueError(f"durations should be shortest and longest, not {self.durations}")

    def unusualness(self, errors: Array) -> Array:
        """The share of training rows that were rebuilt better, `(n,)`, 0 to 1; NaN stays NaN.

        Args:
            errors: reconstruction errors, shape `(n,)`.
        """
        shares = np.linspace(0, 1, len(self.errors))
        return np.asarray(np.interp(errors, self.errors, shares))
