"""Rhythm: how speech is cut into voiced stretches and pauses, and how often it swells."""

from __future__ import annotations

from typing import NamedTuple

from array_api_compat import array_namespace, device

from affectspace.features.native.functionals import FRAME_RATE
from affectspace.features.native.hops import Array

FEATURES = ("rate", "mean_length", "sd_length")


class Runs(NamedTuple):
    """Stretches of frames in a row, by signal; each of shape (signals,).

    Attributes:
        rate: stretches per second of the signal from its first to its last one, 0 where there is
            none.
        mean: length in seconds.
        deviation: of the lengths, in seconds.
    """

    rate: Array
    mean: Array
    deviation: Array


def runs(mask: Array, duration: Array) -> Runs:
    """Measure the stretches of True in a mask.

    Args:
        mask: shape (signals, frames).
        duration: what the rate is counted over, in seconds, shape (signals,), above 0.
    """
    xp = array_namespace(mask)
    here = xp.astype(mask, xp.int64)
    edge = xp.zeros((mask.shape[0], 1), dtype=xp.int64, device=device(mask))
    steps = xp.concat([here, edge], axis=1) - xp.concat([edge, here], axis=1)
    flat = xp.reshape(steps, (-1,))
    (begins,) = xp.nonzero(flat == 1)
    (ends,) = xp.nonzero(flat == -1)
    length = xp.astype(ends - begins, xp.float64) / FRAME_RATE
    counts = xp.sum(xp.astype(steps == 1, xp.int64), axis=1)
    many = xp.clip(xp.astype(counts, xp.float64), 1.0, None)
    mean = _sums(length, counts) / many
    square = _sums(length**2, counts) / many
    deviation = xp.sqrt(xp.clip(square - mean**2, 0.0, None))
    rate = xp.astype(counts, xp.float64) / xp.astype(duration, xp.float64)
    return Runs(*(xp.astype(value, xp.float32) for value in (rate, mean, deviation)))


def _sums(values: Array, counts: Array) -> Array:
    """Sum what lies behind one another, so many for each signal."""
    xp = array_namespace(values)
    nothing = xp.zeros(1, dtype=values.dtype, device=device(values))
    total = xp.concat([nothing, xp.cumulative_sum(values)])
    ends = xp.cumulative_sum(counts)
    return total[ends] - total[ends - counts]
