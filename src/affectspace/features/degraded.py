"""A feature set of recordings that are made worse first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from affectspace.audio import scale_to_level
from affectspace.audio.degrade import Degradation
from affectspace.features.backend import Backend
from affectspace.features.composite import parts_of
from affectspace.features.spec import FeatureSpec


class Degraded:
    """A [`Backend`][affectspace.features.Backend] that hears recordings after a degradation.

    What `extract` checks and measures is the recording as it was.

    Args:
        backend: what computes the features.
        degradation: what happens to the signal before.

    Attributes:
        spec: the backend's contract, marked as that of degraded signals.
        parts: of a composite, each part after the degradation; else none.
    """

    spec: FeatureSpec

    def __init__(self, backend: Backend, degradation: Degradation) -> None:
        self._backend, self._degradation = backend, degradation
        name = f"{backend.spec.backend} after {degradation}"
        self.spec = replace(backend.spec, backend=name)
        parts = parts_of(backend)
        self.parts = tuple(Degraded(p, degradation) for p in parts) if len(parts) > 1 else ()

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the features of the degraded signal; see `Backend`."""
        worse = self._degradation(samples)
        level = self.spec.target_level
        return self._backend(worse if level is None else scale_to_level(worse, level))
