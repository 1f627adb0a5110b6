"""`egemaps`: the 88 functionals of eGeMAPSv02.

Eyben et al.: The Geneva Minimalistic Acoustic Parameter Set (GeMAPS) for Voice Research and
Affective Computing, IEEE Transactions on Affective Computing 7(2), 2016.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from affectspace.audio import Channel
from affectspace.features import opensmile
from affectspace.features.spec import AS_RECORDED, FeatureSpec

_CONFIG, _LEVEL = "egemaps/v02/eGeMAPSv02", "func"


class Egemaps:
    """Computes the set `egemaps`; see [`Backend`][affectspace.features.Backend]."""

    def __init__(self, *, channel: Channel = "first", level: str = AS_RECORDED) -> None:
        self.spec = FeatureSpec(
            name="egemaps",
            backend="opensmile eGeMAPSv02",
            backend_version=opensmile.version(),
            channel=channel,
            level=level,
            features=opensmile.names(_CONFIG, _LEVEL),
        )

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the functionals of a signal, shape (n,) -> (88,)."""
        functionals: NDArray[np.float32] = opensmile.run(_CONFIG, _LEVEL, samples)[0]
        return functionals
