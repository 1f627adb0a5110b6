"""Descriptors of a signal that comes piece by piece: the same that the whole signal has.

Nothing is computed in another way here. What was heard is kept for as long as frames to come depend
on it, and the functions for whole signals are called on a part that holds enough of it: the path
through candidates of pitch decides blocks of frames by the frames around them (see [`pitch`]
[affectspace.features.native.pitch]), and some descriptors are averaged over neighbours.
"""

from __future__ import annotations

from affectspace.audio import Status
from affectspace.errors import AudioError
from affectspace.features.native.arrays import array_namespace, device, is_numpy_array
from affectspace.features.native.descriptors import DESCRIPTORS, Described, describe_heard
from affectspace.features.native.hops import HOP, MARGIN, RATE, Array, Hops, layout
from affectspace.features.native.pitch import (
    AFTER,
    ASIDE,
    BEFORE,
    BLOCK,
    WINDOW,
    Candidates,
    Voice,
    candidates,
    track,
)

_BESIDE = 2  # frames on either side that formants, jitter and shimmer are averaged over
_REACH = -(-(WINDOW - HOP) // (2 * HOP))  # hops on either side that candidates hear
_AHEAD = ASIDE + AFTER  # frames behind a block whose candidates decide it too
_BACK = -(-(BEFORE + ASIDE) // BLOCK) * BLOCK  # the same before it, in whole blocks
_AT_ONCE, _AT_ONCE_ELSEWHERE = 1_024, 16_384  # hops on a CPU, on others: more is taken in parts

DELAY = (BLOCK + _AHEAD + _REACH + _BESIDE - 0.5) * HOP / RATE
"""Seconds after a frame's centre by which its descriptors are there, at the latest: 0.545. Frames
come 16 at a time, so that the last of them are there 0.15 s earlier."""


class Stream:
    """Describes a signal piece by piece.

    The frames that `feed` and `finish` give, one after the other, are those of
    `describe(cut([signal]))`; they come at most `DELAY` = 0.545 s after their centre. Memory
    doesn't grow with the signal: some 3 s of it are kept, and a long piece is taken in parts.

    Examples:
        >>> import numpy as np
        >>> stream = Stream()
        >>> tone = np.sin(2 * np.pi * 200 * np.arange(16_000) / 16_000).astype(np.float32)
        >>> [len(stream.feed(tone[i : i + 4_000]).values) for i in range(0, 16_000, 4_000)]
        [0, 0, 30, 16]
        >>> len(stream.finish().values)
        54
    """

    def __init__(self) -> None:
        self._pieces: list[Array] = []  # what has come and isn't laid out yet
        self._waiting = 0  # samples in these
        self._blocks: Array = None  # hops, from number `_first` on; frame k has its centre in hop k
        self._first = -MARGIN
        self._found: Candidates | None = None  # of the frames from number `_start` on
        self._start = 0
        self._told = 0  # frames that were given
        self._finished = False

    def feed(self, samples: Array) -> Described:
        """Take the next samples, and return the frames that are complete by now.

        Args:
            samples: shape (n,), finite, at 16 kHz, any number of them; NumPy or torch, the same
                kind every time. They are copied.

        Returns:
            The frames after those that were given before; often none.

        Raises:
            AudioError: when samples aren't in one dimension, or the stream is finished.
        """
        if self._finished:
            raise AudioError(Status.FAILED, "this stream is finished: begin another one")
        if samples.ndim != 1:
            shape = tuple(samples.shape)
            raise AudioError(Status.FAILED, f"samples must have the shape (n,), these have {shape}")
        xp = array_namespace(samples)
        told = []
        size = HOP * (_AT_ONCE if is_numpy_array(samples) else _AT_ONCE_ELSEWHERE)
        for at in range(0, samples.shape[0], size):
            piece = xp.astype(samples[at : at + size], xp.float32)
            self._pieces.append(piece)
            self._waiting += piece.shape[0]
            frames = self._hops() + self._waiting // HOP - _REACH
            decided = (frames - _AHEAD) // BLOCK * BLOCK
            if decided - _BESIDE > self._told:
                self._lay_out()
                told.append(self._tell(frames, decided - _BESIDE))
        return _joined(told, samples)

    def finish(self) -> Described:
        """Return the frames that are left; the signal ends here.

        Raises:
            AudioError: when nothing was fed, or the stream is finished.
        """
        if self._finished or not self._pieces:
            raise AudioError(Status.EMPTY, "there is nothing to finish: feed samples first")
        self._finished = True
        like = self._pieces[0]
        xp = array_namespace(like)
        frames = self._hops() + self._waiting // HOP
        silence = xp.zeros(
            -self._waiting % HOP + MARGIN * HOP, dtype=xp.float32, device=device(like)
        )
        self._pieces.append(silence)
        self._waiting += silence.shape[0]
        self._lay_out()
        return _joined([self._tell(frames, frames)] if frames > self._told else [], like)

    def _hops(self) -> int:
        """How many hops of the signal are laid out."""
        return 0 if self._blocks is None else self._first + self._blocks.shape[0]

    def _lay_out(self) -> None:
        """Lay waiting samples out in hops; what is less than a hop waits on."""
        xp = array_namespace(*self._pieces)
        joined = xp.concat(self._pieces)
        end = joined.shape[0] // HOP * HOP
        if self._blocks is None:
            self._blocks = xp.zeros((MARGIN, HOP), dtype=xp.float32, device=device(joined))
        self._blocks = xp.concat([self._blocks, xp.reshape(joined[:end], (-1, HOP))])
        self._pieces = [joined[end:]]
        self._waiting = joined.shape[0] - end

    def _tell(self, frames: int, until: int) -> Described:
        """Describe the frames from `_told` on, and forget what no later one depends on.

        Args:
            frames: those whose candidates can be known.
            until: the first that isn't described yet.
        """
        found = self._look(frames)
        heard = track(found, layout((frames - self._start,), self._blocks))
        first, last = max(self._told - _BESIDE, 0), min(until + _BESIDE, frames)
        near = Voice(*(values[first - self._start : last - self._start] for values in heard))
        described = describe_heard(self._part(first, last), near)
        new = Described(*(values[self._told - first : until - first] for values in described))
        self._told = until
        needed = max(until - _BESIDE, 0)
        start = max(needed // BLOCK * BLOCK - _BACK, 0)
        self._found = Candidates(*(values[start - self._start :] for values in found))
        self._start = start
        self._blocks = self._blocks[needed - MARGIN - self._first :]
        self._first = needed - MARGIN
        return new

    def _look(self, frames: int) -> Candidates:
        """Return the candidates of the frames from `_start` on, those known before among them."""
        if self._found is None:
            return candidates(self._part(0, frames))
        xp = array_namespace(self._blocks)
        known = self._start + self._found.level.shape[0]
        new = candidates(self._part(known, frames))
        return Candidates(*(xp.concat(pair) for pair in zip(self._found, new, strict=True)))

    def _part(self, first: int, last: int) -> Hops:
        """Return some frames, with the sound around them."""
        xp = array_namespace(self._blocks)
        begin, end = first - self._first, last - self._first
        starts = xp.arange(begin, end, dtype=xp.int64, device=device(self._blocks))
        return Hops(self._blocks, starts, (last - first,))


def describe_long(samples: Array) -> Described:
    """Return what `describe(cut([samples]))` does, without holding more than a part of the rest.

    Args:
        samples: shape (n,), finite, at 16 kHz.
    """
    xp = array_namespace(samples)
    where = device(samples)
    frames = samples.shape[0] // HOP
    whole = Described(
        xp.empty((frames, len(DESCRIPTORS)), dtype=xp.float32, device=where),
        xp.empty(frames, dtype=xp.bool, device=where),
    )
    stream, size, at = Stream(), 16 * _AT_ONCE * HOP, 0
    for first in range(0, samples.shape[0] + size, size):
        more = first < samples.shape[0]
        part = stream.feed(samples[first : first + size]) if more else stream.finish()
        end = at + part.voiced.shape[0]
        whole.values[at:end, :] = part.values
        whole.voiced[at:end] = part.voiced
        at = end
    return whole


def _joined(parts: list[Described], like: Array) -> Described:
    xp = array_namespace(like)
    if not parts:
        where = device(like)
        nothing = xp.zeros((0, len(DESCRIPTORS)), dtype=xp.float32, device=where)
        return Described(nothing, xp.zeros(0, dtype=xp.bool, device=where))
    return parts[0] if len(parts) == 1 else Described(*map(xp.concat, zip(*parts, strict=True)))
