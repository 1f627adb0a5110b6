"""What a model says about how sure it is: intervals, and what a usual utterance looks like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from affectspace.model.network import Array

LEAST, MOST = 1e-3, 1e3
"""What a collection's scale may be, in rating units."""

APART = 3.0
"""How far spreads may lie apart, as a deviation of their logarithms."""

_FARTHEST = 3.0  # deviations of log spreads that one collection's may lie off


class Placed(NamedTuple):
    """What aligns a model's estimates of a label with a collection: gain * estimate + offset.

    Attributes:
        gain: above 0.
        offset: rating units.
        interval: the ends of an aligned estimate's interval relative to it, rating units.
    """

    gain: float
    offset: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class CollectionScale:
    """How one label is estimated and rated in collections, recordings of one source each.

    Whoever rates a collection does so by what is in it: mean ratings differ little from one to the
    next. A model's estimates know nothing of it, and follow microphone, language and way of acting
    too: their means and deviations differ much. So the estimates of a whole collection say where
    its own scale lies, without a rating. How far to believe those of a few recordings is told by
    empirical Bayes, with means and log deviations normal over collections.[^1] [^2]

    [^1]: Efron, B., Morris, C. (1973). Stein's estimation rule and its competitors: an empirical
        Bayes approach. J. Am. Stat. Assoc. 68(341).
    [^2]: The logarithm of a deviation is half that of a chi-square, whose mean and variance are a
        digamma and a trigamma: Abramowitz, M., Stegun, I. A. (1964). Handbook of Mathematical
        Functions, 6.3.18 and 6.4.12.

    Attributes:
        centre: the mean of collections' mean estimates, rating units.
        centres_apart: the deviation of these, rating units, at least 0.
        spread: what estimates deviate by within a collection, rating units, above 0.
        spreads_apart: the deviation of its natural logarithm, at least 0.
        rated: the mean of collections' mean ratings.
        slope: rating units per deviation of the estimates within a collection, above 0.
        interval: the ends of an aligned estimate's interval relative to it, rating units: low at
            most 0, high at least 0.

    Raises:
        ValueError: if it contradicts what is said here.
    """

    centre: float
    centres_apart: float
    spread: float
    spreads_apart: float
    rated: float
    slope: float
    interval: tuple[float, float]

    def __post_init__(self) -> None:
        low, high = self.interval
        if not (LEAST <= self.spread <= MOST and LEAST <= self.slope <= MOST):
            raise ValueError(f"spread and slope should be from {LEAST:g} to {MOST:g}")
        if not (0 <= self.centres_apart <= MOST and 0 <= self.spreads_apart <= APART):
            raise ValueError(f"deviations should be from 0 to {MOST:g}, of logarithms to {APART}")
        if not max(abs(self.centre), abs(self.rated)) <= MOST:
            raise ValueError(f"centre and rated should be within {MOST:g}")
        if not -MOST <= low <= 0 <= high <= MOST:
            raise ValueError(f"the interval should span 0, and is {self.interval}")

    def place(self, estimates: Array, *, coverage: float) -> Placed:
        """Find a collection's own scale from the estimates of its recordings.

        Args:
            estimates: rating units, `(n,)`, finite, n at least 1; of a collection that holds a
                usual mix. Each counts as a witness of its own.
            coverage: what the intervals are meant to cover. They are wider by what n recordings
                leave open.

        Examples:
            >>> scale = CollectionScale(3.0, 0.6, 0.6, 0.3, 3.1, 0.7, (-1.0, 1.0))
            >>> many = scale.place(np.tile([3.5, 4.5], 500), coverage=0.9)
            >>> round(many.gain, 1), round(many.gain * 4 + many.offset, 1)
            (1.4, 3.1)
        """
        n, k = len(estimates), len(estimates) - 1
        log, unsure = np.log(self.spread), self.spreads_apart**2
        if k:
            bias, variance = _of_log_deviation(k)
            found = np.log(max(float(np.std(estimates, ddof=1)), 1e-99)) - bias
            farthest = _FARTHEST * self.spreads_apart
            share = _share(unsure, variance)
            log += share * float(np.clip(found - log, -farthest, farthest))
            unsure *= 1 - share
        spread = float(np.exp(log))
        share = _share(self.centres_apart**2, spread**2 / n)
        centre = self.centre + share * (float(np.mean(estimates)) - self.centre)
        gain = self.slope / spread
        # what is left open: of the centre, and of the spread for an estimate a deviation away
        left = (1 - share) * (gain * self.centres_apart) ** 2
        left += self.slope**2 * (1 - 2 * np.exp(unsure / 2) + np.exp(2 * unsure))
        more = NormalDist().inv_cdf((1 + coverage) / 2) * np.sqrt(left)
        low, high = (float(np.hypot(end, more)) for end in self.interval)
        return Placed(gain, self.rated - gain * centre, (-low, high))

    def moved(self, gain: float, offset: float) -> CollectionScale:
        """The same for estimates that are first multiplied by a gain above 0, then shifted."""
        return replace(
            self,
            centre=gain * self.centre + offset,
            centres_apart=gain * self.centres_apart,
            spread=gain * self.spread,
        )


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
        collections: for each label how collections are estimated and rated, which
            [`aligned`][affectspace.model.AffectModel.aligned] goes by; a label that is not there
            can't be aligned.

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
    collections: Mapping[str, CollectionScale] = field(default_factory=dict)

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


def _of_log_deviation(k: int) -> tuple[float, float]:
    """Mean and variance of the log of a deviation of k degrees of freedom, over the true one.

    The first terms of the series: off by 8 % at k = 1, by 1 % from 2 on.
    """
    return -1 / (2 * k) - 1 / (6 * k**2), 1 / (2 * k) + 1 / (2 * k**2) + 1 / (3 * k**3)


def _share(between: float, within: float) -> float:
    """How far to believe what was measured with a variance, against what varies anyway."""
    return between / (between + within) if between > 0 else 0.0
