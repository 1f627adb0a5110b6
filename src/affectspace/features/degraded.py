"""A feature set of recordings that are made worse first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from affectspace.audio import scale_to_level
from affectspace.audio.degrade import Degradation
from affectspace.features.backend import Backend
from affectspace.features.spec import FeatureSpec


@dataclass(frozen=True)
class Degraded:
    """A [`Backend`][affectspace.features.Backend] that hears recordings after a degradation.

    What `extract` checks and measures is the recording as it was.

    Attributes:
        backend: what computes the features.
        degradation: what happens to the signal before.
    """

    backend: Backend
    degradation: Degradation

    @cached_property
    def spec(self) -> FeatureSpec:
        """The backend's contract, marked as that of degraded signals."""
        spec = self.backend.spec
        return replace(spec, backend=f"{spec.backend} after {self.degradation}")

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the features of the degraded signal; see `Backend`."""
        worse = self.degradation(samples)
        level = self.backend.spec.target_level
        return self.backend(worse if level is None else scale_to_level(worse, level))
