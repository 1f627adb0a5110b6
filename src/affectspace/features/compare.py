"""`compare`: the 6,373 functionals of ComParE 2016.

Schuller et al.: The INTERSPEECH 2016 Computational Paralinguistics Challenge: Deception,
Sincerity & Native Language, INTERSPEECH 2016.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from affectspace.audio import Channel
from affectspace.features import opensmile
from affectspace.features.spec import AS_RECORDED, FeatureSpec

_CONFIG, _LEVEL = "compare/ComParE_2016", "func"


class Compare:
    """Computes the set `compare`; see [`Backend`][affectspace.features.Backend]."""

    def __init__(self, *, channel: Channel = "first", level: str = AS_RECORDED) -> None:
        self.spec = FeatureSpec(
            name="compare",
            backend="opensmile ComParE_2016",
            backend_version=opensmile.version(),
            channel=channel,
            level=level,
            features=opensmile.names(_CONFIG, _LEVEL),
        )

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the functionals of a signal, shape (n,) -> (6373,)."""
        functionals: NDArray[np.float32] = opensmile.run(_CONFIG, _LEVEL, samples)[0]
        return functionals
