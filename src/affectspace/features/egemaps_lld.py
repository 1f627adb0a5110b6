"""`egemaps-lld`: mean and deviation of the 23 low-level descriptors of eGeMAPSv01a, 46 features.

Over all frames, voiced or not: as in feature tables that were made from descriptors alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from affectspace.audio import Channel
from affectspace.features import opensmile
from affectspace.features.spec import AS_RECORDED, FeatureSpec

_CONFIG, _LEVEL = "egemaps/v01a/eGeMAPSv01a", "lld"


class EgemapsLld:
    """Computes the set `egemaps-lld`; see [`Backend`][affectspace.features.Backend]."""

    def __init__(self, *, channel: Channel = "first", level: str = AS_RECORDED) -> None:
        descriptors = opensmile.names(_CONFIG, _LEVEL)
        self.spec = FeatureSpec(
            name="egemaps-lld",
            backend="opensmile eGeMAPSv01a descriptors, mean and deviation",
            backend_version=opensmile.version(),
            channel=channel,
            level=level,
            features=tuple(f"{name}_{kind}" for kind in ("mean", "std") for name in descriptors),
        )

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return all means, then all deviations (ddof 1), shape (n,) -> (46,)."""
        frames = opensmile.run(_CONFIG, _LEVEL, samples).astype(np.float64)
        moments = np.concatenate([frames.mean(axis=0), frames.std(axis=0, ddof=1)])
        return moments.astype(np.float32)
