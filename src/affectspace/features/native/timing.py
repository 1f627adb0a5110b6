"""Rhythm: how speech is cut into stretches and pauses, and how often and how steeply it swells.

All on one row per signal, as in [`functionals`][affectspace.features.native.functionals].
"""

from __future__ import annotations

from typing import NamedTuple

from affectspace.features.native.arrays import array_namespace, device
from affectspace.features.native.functionals import FRAME_RATE, mean_and_deviation, quantiles
from affectspace.features.native.hops import Array

_SMOOTH = 2  # frames on either side that a loudness is averaged over before its peaks are counted
_PEAK = 0.5  # of the loudness that one frame in twenty exceeds: lower peaks don't count


class Runs(NamedTuple):
    """Stretches of frames in a row, by signal; each of shape (signals,), float32.

    Attributes:
        rate: stretches per second.
        mean: length in seconds; 0 where there is none.
        deviation: of the lengths, in seconds.
    """

    rate: Array
    mean: Array
    deviation: Array


class Swells(NamedTuple):
    """How a loudness contour rises and falls; each of shape (signals,), float32.

    Attributes:
        rate: peaks per second: of syllables, roughly.
        height: mean loudness at the peaks over the mean loudness; 1 where there is no peak.
        rise: mean rise per 10 ms where it rises, over the mean loudness.
        fall: mean fall per 10 ms where it falls, over the mean loudness.
    """

    rate: Array
    height: Array
    rise: Array
    fall: Array


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
    deviation = xp.sqrt(xp.clip(_sums(length**2, counts) / many - mean**2, 0.0, None))
    rate = xp.astype(counts, xp.float64) / xp.astype(duration, xp.float64)
    return Runs(*(xp.astype(value, xp.float32) for value in (rate, mean, deviation)))


def extent(mask: Array) -> Array:
    """Return the frames from the first to the last that a mask has, same shape."""
    xp = array_namespace(mask)
    counted = xp.cumulative_sum(xp.astype(mask, xp.int64), axis=1)
    begun = counted > 0
    return begun & ((counted < counted[:, -1:]) | mask)


def swells(loudness: Array, there: Array, duration: Array) -> Swells:
    """Measure the peaks and slopes of a loudness contour, averaged over 50 ms.

    Args:
        loudness: shape (signals, frames), above 0.
        there: the frames that a signal has, from the first on.
        duration: what peaks are counted over, in seconds, shape (signals,), above 0.
    """
    xp = array_namespace(loudness)
    own = xp.where(there, loudness, xp.zeros_like(loudness))
    mean = mean_and_deviation(own[:, None, :], there)[0][:, 0]
    edge = xp.zeros((own.shape[0], _SMOOTH), dtype=own.dtype, device=device(own))
    wide = xp.concat([edge, own, edge], axis=1)
    length = own.shape[1]
    smooth = sum(wide[:, i : i + length] for i in range(2 * _SMOOTH + 1)) / (2 * _SMOOTH + 1)
    most = quantiles(own[:, None, :], there, [0.95])[:, 0, :]
    middle = smooth[:, 1:-1]
    peak = (middle > smooth[:, :-2]) & (middle >= smooth[:, 2:]) & (middle > _PEAK * most)
    peak = peak & there[:, 1:-1]
    count = xp.astype(xp.sum(xp.astype(peak, xp.int64), axis=1), xp.float32)
    height = mean_and_deviation(middle[:, None, :], peak)[0][:, 0] / mean
    step = smooth[:, 1:] - smooth[:, :-1]
    inside = there[:, 1:]
    rise, fall = (
        mean_and_deviation(sign * step[:, None, :], inside & (sign * step > 0))[0][:, 0] / mean
        for sign in (1.0, -1.0)
    )
    return Swells(
        count / xp.astype(duration, xp.float32),
        xp.where(count > 0, height, xp.ones_like(height)),
        rise,
        fall,
    )


def _sums(values: Array, counts: Array) -> Array:
    """Sum what lies behind one another, so many for each signal."""
    xp = array_namespace(values)
    nothing = xp.zeros(1, dtype=values.dtype, device=device(values))
    total = xp.concat([nothing, xp.cumulative_sum(values)])
    ends = xp.cumulative_sum(counts)
    return total[ends] - total[ends - counts]
