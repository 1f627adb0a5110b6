"""Signals cut into hops of 10 ms: the layout that all descriptors share.

The frames of several signals lie behind one another in one array, without padding, so what is
computed per frame neither knows nor depends on which signal a frame is of. Frame k of a signal has
its centre at (k + 1/2) * 10 ms, whatever its length; where it reaches over an end, the signal is
continued by zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from affectspace.features.native.arrays import array_namespace, device, is_numpy_array

RATE = 16_000
"""Samples per second."""

HOP = 160
"""Samples from one frame to the next: 10 ms."""

MARGIN = 5
"""Hops of zeros at either end of a signal: half of the longest frame, rounded up."""

Array = Any
"""An array of NumPy or torch."""


@dataclass(frozen=True, eq=False)
class Hops:
    """Signals in hops.

    Attributes:
        blocks: shape (hops, 160), float32: all signals with their margins, behind one another.
        starts: shape (n,): the hop at which each frame has its centre.
        counts: frames of each signal; they add up to n.
    """

    blocks: Array
    starts: Array
    counts: tuple[int, ...]

    def frames(self, size: int) -> Array:
        """Return frames of a length in samples, even and at most 1,600, shape (n, size).

        They may share memory, so they aren't to be written to.
        """
        xp = array_namespace(self.blocks)
        before = size // 2 - HOP // 2  # samples of the frame before the hop that holds its centre
        hops = -(-before // HOP) if before > 0 else 0
        skip = hops * HOP - before
        if is_numpy_array(self.blocks):
            return _overlapping(self.blocks, skip, size, self.starts - hops)
        parts = [
            xp.take(self.blocks, self.starts + offset, axis=0) for offset in range(-hops, hops + 1)
        ]
        return xp.concat(parts, axis=1)[:, skip : skip + size]

    def rows(self) -> tuple[Array, Array]:
        """Return how to lay frames out as one row per signal.

        Returns:
            The frame at each place, shape (signals, longest), and whether there is one; where
            there is none, the signal's last frame stands.
        """
        xp = array_namespace(self.blocks)
        where = device(self.blocks)
        counts = xp.asarray(self.counts, dtype=xp.int64, device=where)
        first = xp.cumulative_sum(counts) - counts
        place = xp.arange(max(self.counts), dtype=xp.int64, device=where)[None, :]
        there = place < counts[:, None]
        return first[:, None] + xp.minimum(place, counts[:, None] - 1), there


def _overlapping(blocks: Array, skip: int, size: int, rows: Array) -> Array:
    """Return the frames that begin so many samples behind where rows do; a view, if in a row."""
    samples = blocks.reshape(-1)
    width = samples.itemsize
    count = max(0, (len(samples) - skip - size) // HOP + 1)
    frames = np.ndarray(
        (count, size), samples.dtype, samples, offset=skip * width, strides=(HOP * width, width)
    )
    if len(rows) and rows[-1] - rows[0] == len(rows) - 1:
        return frames[rows[0] : rows[-1] + 1]
    return frames[rows]


def layout(counts: tuple[int, ...], like: Array) -> Hops:
    """Return hops that know how frames belong to signals, and nothing of the sound.

    For functions that only ask how frames lie: [`Hops.rows`], and what calls it.

    Args:
        counts: frames of each signal.
        like: an array of the kind, and on the device, that is wanted.
    """
    xp = array_namespace(like)
    where = device(like)
    nothing = xp.zeros((0, HOP), dtype=xp.float32, device=where)
    return Hops(nothing, xp.zeros(0, dtype=xp.int64, device=where), counts)


def cut(signals: Sequence[Array]) -> Hops:
    """Cut signals into hops.

    Args:
        signals: each of shape (samples,), float32, at 16 kHz, at least 10 ms. Samples beyond the
            last whole hop are heard by frames that reach so far, but have no frame of their own.

    Returns:
        One frame per whole hop of each signal.
    """
    xp = array_namespace(*signals)
    where = device(signals[0])
    counts = tuple(int(signal.shape[0]) // HOP for signal in signals)
    parts, starts, at = [], [], 0
    margin = xp.zeros(MARGIN * HOP, dtype=xp.float32, device=where)
    for signal, count in zip(signals, counts, strict=True):
        fill = -int(signal.shape[0]) % HOP
        filled = xp.zeros(fill, dtype=xp.float32, device=where)
        parts += [margin, xp.astype(signal, xp.float32), filled, margin]
        starts.append(xp.arange(at + MARGIN, at + MARGIN + count, dtype=xp.int64, device=where))
        at += 2 * MARGIN + (int(signal.shape[0]) + fill) // HOP
    return Hops(xp.reshape(xp.concat(parts), (-1, HOP)), xp.concat(starts), counts)
