"""The set `native`: descriptors of speech from published formulas, on NumPy alone.

Every function takes arrays of NumPy or of torch, of any device, and returns the same kind, by the
Python array API standard (https://data-apis.org/array-api/): there is one way to compute a
descriptor, and it runs on a GPU as it is.

`features` computes what a model hears, of one signal or many; `describe` the descriptors of each
frame, which a `Stream` gives as a signal comes. `FEATURES` and `DESCRIPTORS` say what they are.
"""

from affectspace.features.native.batch import features
from affectspace.features.native.descriptors import (
    DESCRIPTORS,
    Described,
    Descriptor,
    describe,
)
from affectspace.features.native.hops import Hops, cut
from affectspace.features.native.stream import DELAY, Stream
from affectspace.features.native.summary import FEATURES, Feature, summarise

__all__ = [
    "DELAY",
    "DESCRIPTORS",
    "FEATURES",
    "Described",
    "Descriptor",
    "Feature",
    "Hops",
    "Stream",
    "cut",
    "describe",
    "features",
    "summarise",
]
