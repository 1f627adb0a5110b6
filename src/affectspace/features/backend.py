"""The one narrow interface that every feature backend has."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from affectspace.features.spec import FeatureSpec


@runtime_checkable
class Backend(Protocol):
    """Computes one feature vector from one signal.

    To run in several processes it must pickle; what is heavy is best loaded at the first call.

    Where several signals at once cost less than one by one, it may also have a method
    `many(signals)`, which takes a list of them and returns their features, shape (signals,
    features): the same as each has alone, up to rounding. A signal whose row isn't finite is
    computed once more, alone, for what there is to say about it.

    Attributes:
        spec: the contract of what it computes.
    """

    spec: FeatureSpec

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the features of a signal.

        Args:
            samples: shape (n,), mono, at the contract's sampling rate and level, in
                [-1, 32767/32768], at least 0.2 s.

        Returns:
            Shape (features,), float32, in the order of `spec.features`.
        """
        ...
