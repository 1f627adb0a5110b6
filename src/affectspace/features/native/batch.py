"""From signals to features: one or many, of any lengths, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from affectspace.audio import Status
from affectspace.errors import AudioError
from affectspace.features.native.arrays import array_namespace, device, is_numpy_array
from affectspace.features.native.descriptors import describe
from affectspace.features.native.hops import HOP, Array, cut, layout
from affectspace.features.native.stream import describe_long
from affectspace.features.native.summary import FEATURES, summarise

_AT_ONCE, _AT_ONCE_ELSEWHERE = 6_000, 60_000  # frames described at once on a CPU, on others


def features(signals: Sequence[Array]) -> Array:
    """Return the features of signals, the same as each has alone.

    Signals are taken in groups of about the same length, and one of more than a minute (ten, where
    it isn't on a CPU) is described part by part, so that what is needed on top of the signals
    hardly grows with them: an hour takes its descriptors, 107 MB, and 80 MB more.

    Args:
        signals: each of shape (samples,), finite, at 16 kHz; all NumPy, or all torch on one device.

    Returns:
        Shape (signals, features), float32, in the order of `FEATURES`, of the kind of the signals;
        a row of NaN for a signal in which no frame is voiced, and for one of less than 10 ms.

    Raises:
        AudioError: when there is no signal, or one isn't in one dimension.

    Examples:
        >>> import numpy as np
        >>> buzz = np.tile(np.eye(1, 100, dtype=np.float32)[0], 160)
        >>> found = features([buzz, np.zeros(8_000, np.float32)])
        >>> found.shape, np.isnan(found).all(axis=1)
        ((2, 289), array([False,  True]))
    """
    if not signals:
        raise AudioError(Status.EMPTY, "there are no signals to compute features of")
    for signal in signals:
        if signal.ndim != 1:
            shape = tuple(signal.shape)
            raise AudioError(Status.FAILED, f"a signal must have the shape (n,), one has {shape}")
    xp = array_namespace(*signals)
    where = device(signals[0])
    counts = [int(signal.shape[0]) // HOP for signal in signals]
    found = xp.full((len(signals), len(FEATURES)), float("nan"), dtype=xp.float32, device=where)
    limit = _AT_ONCE if is_numpy_array(signals[0]) else _AT_ONCE_ELSEWHERE
    for group in _groups(counts, limit):
        rows = xp.asarray(group, dtype=xp.int64, device=where)
        found[rows, :] = _of_group([signals[number] for number in group], limit)
    return found


def _groups(counts: Sequence[int], limit: int) -> Iterator[list[int]]:
    """Give groups of signals that have no more frames than the limit, padded to the longest."""
    group: list[int] = []
    order = sorted((i for i, count in enumerate(counts) if count), key=lambda i: counts[i])
    for number in order:
        if group and (len(group) + 1) * counts[number] > limit:
            yield group
            group = []
        group.append(number)
    if group:
        yield group


def _of_group(signals: list[Array], limit: int) -> Array:
    xp = array_namespace(*signals)
    if len(signals) == 1 and signals[0].shape[0] // HOP > limit:
        described = describe_long(signals[0])
        hops = layout((described.voiced.shape[0],), described.values)
    else:
        hops = cut(signals)
        described = describe(hops)
    rows, there = hops.rows()
    heard = xp.any(described.voiced[rows] & there, axis=1)
    return xp.where(heard[:, None], summarise(described, hops), float("nan"))
