"""`native`: 289 features of the package's own, on NumPy alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from affectspace.audio import Channel, Status
from affectspace.errors import AudioError
from affectspace.features.native.batch import features
from affectspace.features.native.summary import FEATURES
from affectspace.features.spec import AS_RECORDED, FeatureSpec

VERSION = "1"
"""Of the set: counts up whenever a value changes by more than rounding."""


class Native:
    """Computes the set `native`; see [`Backend`][affectspace.features.Backend]."""

    def __init__(self, *, channel: Channel = "first", level: str = AS_RECORDED) -> None:
        self.spec = FeatureSpec(
            name="native",
            backend="affectspace native",
            backend_version=VERSION,
            channel=channel,
            level=level,
            features=tuple(feature.name for feature in FEATURES),
        )

    def many(self, signals: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return the features of signals, shape (signals, 289); NaN where no frame is voiced."""
        values: NDArray[np.float32] = features(signals)
        return values

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the features of a signal, shape (n,) -> (289,).

        Raises:
            AudioError: where no frame is voiced.
        """
        values: NDArray[np.float32] = features([samples])[0]
        if np.isnan(values).any():
            raise AudioError(Status.UNVOICED, f"{Status.UNVOICED.sentence}: no frame has a pitch")
        return values
