"""`extract_signals`: recordings that are in memory -> `FeatureTable`, in this process."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from affectspace.features.backend import Backend
from affectspace.features.work import WHOLE, Span, features_of

if TYPE_CHECKING:
    import pandas as pd

    from affectspace.features.table import FeatureTable

InMemory = tuple[NDArray[Any], int]
"""Samples, shape (n,) or (channels, n), and their sampling rate in Hz; see `read_audio`."""


def extract_signals(
    signals: Iterable[InMemory], index: pd.MultiIndex, *, backend: Backend
) -> FeatureTable:
    """Extract the features of recordings in memory, whole.

    Args:
        signals: the recordings.
        index: the utterance index that the table gets, a row per recording.
        backend: what computes the features, with its channel and level rule.

    Returns:
        One row per recording, with a status as [`extract`][affectspace.features.extract] gives it.
    """
    import pandas as pd

    from affectspace.features.table import table_of_results

    results = [features_of(signal, Span(0, 0, WHOLE), backend=backend) for signal in signals]
    missing = np.full(len(backend.spec.features), np.nan, np.float32)
    values = np.array([missing if r.values is None else r.values for r in results])
    return table_of_results(
        pd.DataFrame(index=index),
        backend.spec,
        values.reshape(len(results), len(missing)),
        [result._replace(values=None) for result in results],
    )


def cut_signal(signal: InMemory, start: float, end: float) -> InMemory:
    """Return the part of a recording in memory between two times in seconds, without a copy."""
    samples, rate = np.asarray(signal[0]), signal[1]
    return samples[..., round(start * rate) : round(end * rate)], rate
