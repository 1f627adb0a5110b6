"""Fundamental frequency and voicing: candidates of each frame, and the best path through them.

Candidates are peaks of the autocorrelation of a windowed frame, divided by that of the window:
Boersma, P. (1993). Accurate short-term analysis of the fundamental frequency and the
harmonics-to-noise ratio of a sampled sound. Proceedings of the Institute of Phonetic Sciences 17,
97-110.

The path is found in blocks of 16 frames (160 ms) that do not know of one another: each takes the
best path (Viterbi's) through its own frames, the 24 before and the 24 after, and keeps its own
part. So blocks are computed side by side, and a decision depends on nothing further than 2.26 s
before the frame's centre and 0.52 s after it. The blocks of a signal begin at its first frame. For
a stream: a slice of candidates that begins at a block, 208 frames or more before another block,
decides that block just as the whole does, if it reaches 34 frames beyond it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from affectspace.features.native.arrays import array_namespace, device, is_numpy_array
from affectspace.features.native.hops import RATE, Array, Hops
from affectspace.features.native.spectrum import hann, power_spectrum

LOWEST, HIGHEST = 55.0, 600.0
"""The range of the fundamental frequency in Hz."""

WINDOW = 864
"""Samples of a frame: 54 ms, three periods of the lowest voice."""

SIZE = 1024
"""Of the transform; its bins lie 15.6 Hz apart."""

BINS = 321
"""That are kept: up to 5 kHz."""

BLOCK, ASIDE = 16, 24
"""Frames that are decided together, and frames that are heard on either side for that."""

BEFORE, AFTER = 184, 10
"""Frames before and after one that its level is compared with."""

_STEP = 2  # samples from one lag to the next: the autocorrelation is that of what lies below 4 kHz
_LAGS = 160  # that are kept
_FIRST, _LAST = math.floor(RATE / _STEP / HIGHEST), math.ceil(RATE / _STEP / LOWEST)
_CANDIDATES = 5
_REACH = 6  # lags on either side of a peak that its interpolation hears
_PARTS = 4  # of a lag, on whose grid it is looked for
# frames at a time, of transforms and of peaks: larger temporaries are mapped anew each time, and
# smaller ones pay for more calls
_CHUNKS, _CHUNKS_ELSEWHERE = (64, 384), (4_096, 4_096)

_VOICING = 0.52  # periodicity from which a frame is rather voiced than not
_SILENCE = 0.04  # amplitude against the loudest around, from which a frame may be voiced
_OCTAVE = 0.015  # what a candidate loses per octave down
_JUMP = 0.35  # what a path loses per octave from frame to frame
_TURN = 0.14  # what it loses where voice begins or ends
_WINDOWED = 0.375 * (WINDOW + 1)  # what the window leaves of a mean square of 1
_FLOOR = 1e-10  # mean square of what counts as digital silence: -100 dB of full scale


class Candidates(NamedTuple):
    """What is known of each frame alone, frames behind one another.

    Attributes:
        octaves: shape (n, 5), float32: log2 of each candidate's frequency in Hz.
        strength: shape (n, 5), float32: the autocorrelation at each candidate's period, at most 1;
            -1 where there is no candidate.
        level: shape (n,), float32: mean square of the windowed frame below 4 kHz.
        power: shape (n, 321), float32: power spectrum of the frame in a Hann window of 54 ms.
    """

    octaves: Array
    strength: Array
    level: Array
    power: Array


class Voice(NamedTuple):
    """The voice in each frame.

    Attributes:
        f0: shape (n,), float32: fundamental frequency in Hz, 55 to 600; 0 where unvoiced.
        voiced: shape (n,), bool.
        strength: shape (n,), float32, 0 to 1: the autocorrelation at the period; where unvoiced, at
            the strongest candidate's.
        power: shape (n, 321), float32: see [`Candidates`].
    """

    f0: Array
    voiced: Array
    strength: Array
    power: Array


def voice(hops: Hops) -> Voice:
    """Return the fundamental frequency and the voicing of each frame, shape (n,).

    Returns:
        One frame per hop; see the module for what a decision depends on.
    """
    found = candidates(hops)
    return track(found, hops)


def candidates(hops: Hops) -> Candidates:
    """Return the candidates of each frame, which depend on nothing but the frame (54 ms)."""
    small, large = _CHUNKS if is_numpy_array(hops.blocks) else _CHUNKS_ELSEWHERE

    def transform(part: slice) -> tuple[Array, ...]:
        frames = Hops(hops.blocks, hops.starts[part], hops.counts).frames(WINDOW)
        return _autocorrelation(frames)

    count = hops.starts.shape[0]
    power, correlation, level = in_chunks(transform, count, small)
    octaves, strength = in_chunks(lambda part: _peaks(correlation[part, :]), count, large)
    return Candidates(octaves, strength, level, power)


def in_chunks(compute: Callable[[slice], tuple[Array, ...]], count: int, size: int) -> list[Array]:
    """Return what is computed of chunks of frames, float32, behind one another."""
    whole: list[Array] = []
    for first in range(0, count, size):
        part = slice(first, first + size)
        found = compute(part)
        if not whole:
            xp, where = array_namespace(found[0]), device(found[0])
            shapes = [(count, *values.shape[1:]) for values in found]
            whole = [xp.empty(shape, dtype=xp.float32, device=where) for shape in shapes]
        for into, values in zip(whole, found, strict=True):
            into[part] = values
    return whole


def _peaks(correlation: Array) -> tuple[Array, Array]:
    """Return octaves and strength of the highest peaks of autocorrelations; see Candidates."""
    xp = array_namespace(correlation)
    where = device(correlation)
    around = correlation[:, _FIRST - 1 : _LAST + 2]
    middle = around[:, 1:-1]
    peak = (middle > around[:, :-2]) & (middle >= around[:, 2:]) & (middle > 0)
    left = (middle + xp.asarray(_bonus(), device=where)) * peak
    rows = xp.arange(correlation.shape[0], device=where)
    lags, kept = [], []
    for _ in range(_CANDIDATES):
        lag = xp.argmax(left, axis=1)
        kept.append(left[rows, lag] > 0)
        left[rows, lag] = 0
        lags.append(lag)
    lag = xp.stack(lags, axis=1) + _FIRST
    there = xp.stack(kept, axis=1)
    lag, strength = _refined(correlation, lag)
    octaves = math.log2(RATE / _STEP) - xp.log2(lag)
    strength = xp.where(there, xp.clip(strength, 0, 1), -1)
    return octaves, strength


def _refined(correlation: Array, lags: Array) -> tuple[Array, Array]:
    """Return place and height of the peaks near whole lags, by interpolation to quarters."""
    xp = array_namespace(correlation)
    where = device(correlation)
    rows = xp.arange(lags.shape[0], device=where)[:, None, None]
    offsets = xp.arange(-_REACH, _REACH + 1, dtype=xp.int64, device=where)
    near = correlation[rows, lags[:, :, None] + offsets]
    weights = xp.asarray(_interpolation(), device=where)
    values = xp.reshape(near, (-1, near.shape[2])) @ weights
    best = xp.clip(xp.argmax(values, axis=1), 1, values.shape[1] - 2)
    rows = xp.arange(best.shape[0], device=where)
    before, at, after = (values[rows, best + step] for step in (-1, 0, 1))
    bend = xp.clip(2 * at - before - after, 1e-9, None)
    shift = xp.clip((after - before) / (2 * bend), -0.5, 0.5)
    late = (xp.astype(best, xp.float32) + shift) / _PARTS - 1
    place = xp.astype(lags, xp.float32) + xp.reshape(late, lags.shape)
    return place, xp.reshape(at + shift * (after - before) / 4, lags.shape)


@cache
def _interpolation() -> np.ndarray:
    """Return weights of the lags around a peak for places from -1 to 1: sinc in a Hann window."""
    places = np.arange(-_PARTS, _PARTS + 1) / _PARTS
    distance = places - np.arange(-_REACH, _REACH + 1)[:, None]
    taper = np.cos(np.pi * distance / (2 * (_REACH + 1))) ** 2
    taper[np.abs(distance) > _REACH + 1] = 0
    weights: np.ndarray = (np.sinc(distance) * taper).astype(np.float32)
    return weights


def _autocorrelation(frames: Array) -> tuple[Array, Array, Array]:
    """Return power spectra, normalised autocorrelations and mean squares of windowed frames."""
    xp = array_namespace(frames)
    where = device(frames)
    power = power_spectrum(frames, hann(WINDOW), SIZE, BINS)
    # few enough lags are wanted for a product to be faster than a transform
    raw = power[:, : SIZE // 4] @ xp.asarray(_cosines(), device=where)
    energy = raw[:, 0]
    correlation = raw / (energy + _FLOOR * _WINDOWED)[:, None]
    return power, correlation, energy / _WINDOWED


@cache
def _cosines() -> np.ndarray:
    """Return what turns power up to 4 kHz into an autocorrelation, shape (256, lags).

    The constant is left out, and what lies above 3 kHz falls off; the window's taper is undone.
    """
    bins = np.arange(SIZE // 4)
    band = np.clip((RATE / 4 - bins * (RATE / SIZE)) / 1000, 0, 1)
    band[:3] = 0  # as far as the window spreads a constant
    window = np.hanning(WINDOW + 2)[1:-1]
    taper = np.correlate(window, window, "full")[WINDOW - 1 :: _STEP][:_LAGS]
    waves = np.cos(np.outer(bins, np.arange(_LAGS)) * (2 * _STEP * np.pi / SIZE))
    weights: np.ndarray = (2 / SIZE * band[:, None] * waves * (taper[0] / taper)).astype(np.float32)
    return weights


@cache
def _bonus() -> np.ndarray:
    """Return 1 and what a candidate of each lag gains for its height: less, the longer it is."""
    part = np.arange(_FIRST, _LAST + 1) * (LOWEST * _STEP / RATE)
    bonus: np.ndarray = (1 - _OCTAVE * np.log2(part)).astype(np.float32)
    return bonus


def track(found: Candidates, hops: Hops) -> Voice:
    """Return the best path through the candidates of frames.

    Args:
        found: of all frames.
        hops: whose frames they are; of the signals themselves nothing is asked.
    """
    xp = array_namespace(found.level)
    near, there = hops.rows()
    local, octaves = _scores(found, _loudest(found.level, near, there))
    choice = _best(local, octaves, hops.counts)
    voiced = choice > 0
    rows = xp.arange(choice.shape[0], device=device(choice))
    chosen = xp.where(voiced, choice - 1, 0)
    f0 = xp.where(voiced, 2.0 ** found.octaves[rows, chosen], 0.0)
    strength = xp.where(voiced, found.strength[rows, chosen], xp.max(found.strength, axis=1))
    return Voice(f0, voiced, xp.clip(strength, 0, 1), found.power)


def _loudest(level: Array, near: Array, there: Array) -> Array:
    """Return the highest level around each frame, by doubling the span that is looked at."""
    xp = array_namespace(level)
    rows = xp.where(there, level[near], 0)
    blank = xp.zeros((rows.shape[0], BEFORE), dtype=rows.dtype, device=device(level))
    highest = xp.concat([blank, rows, blank[:, :AFTER]], axis=1)
    span, want = 1, BEFORE + AFTER + 1
    while span < want:  # the highest of the `span` frames from here on
        step = min(span, want - span)
        highest = xp.maximum(highest[:, : highest.shape[1] - step], highest[:, step:])
        span += step
    return highest[there]


def _scores(found: Candidates, loudest: Array) -> tuple[Array, Array]:
    """Return what speaks for each state of a frame, and its frequency; the first is unvoiced."""
    xp = array_namespace(found.level)
    ratio = xp.sqrt(found.level / (loudest + _FLOOR))
    quiet = xp.clip(2 - ratio * ((1 + _VOICING) / _SILENCE), 0, 2)
    height = found.octaves - math.log2(LOWEST)
    voiced = xp.where(found.strength < 0, -4, found.strength + _OCTAVE * height)
    local = xp.concat([(quiet + _VOICING)[:, None], voiced], axis=1)
    octaves = xp.concat([xp.zeros_like(found.level)[:, None], found.octaves], axis=1)
    return local, octaves


def _best(local: Array, octaves: Array, counts: tuple[int, ...]) -> Array:
    """Return the state of each frame on the best path of its block, shape (n,)."""
    xp = array_namespace(local)
    where = device(local)
    nothing = xp.zeros((1, local.shape[1]), dtype=xp.float32, device=where)
    scores = xp.concat([local, nothing], axis=0)
    # Both ways at once: the best that leads to each state, and the best that follows it.
    cost = _costs(octaves)
    back = xp.permute_dims(cost, (0, 2, 1))
    costs = xp.concat([cost, back, xp.zeros_like(cost[:1, :, :])], axis=0)
    at, step, inside, blocks = _windows(counts)
    at, step = xp.asarray(at, device=where), xp.asarray(step, device=where)
    score = scores[at]
    reached = [score[0]]
    for now in range(1, at.shape[0]):
        ways = reached[-1][:, :, None] + costs[step[now, :]]
        reached.append(xp.max(ways, axis=1) + score[now])
    total = xp.stack(reached[ASIDE:], axis=0)
    together = total[:, :blocks] + xp.flip(total[:, blocks:], axis=0) - score[ASIDE:, :blocks]
    return xp.argmax(together, axis=2).T[xp.asarray(inside, device=where)]


def _costs(octaves: Array) -> Array:
    """Return what it gains to go from each state of the frame before to each, shape (n, 6, 6)."""
    xp = array_namespace(octaves)
    before = xp.concat([octaves[:1, :], octaves[:-1, :]], axis=0)
    costs = -_JUMP * xp.abs(octaves[:, None, :] - before[:, :, None])
    costs[:, 0, :] = -_TURN
    costs[:, :, 0] = -_TURN
    costs[:, 0, 0] = 0
    return costs


def _windows(counts: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Return what each block hears at each step, forwards in the first half, then backwards.

    Returns:
        The frame that is heard, shape (40, 2 blocks); the row of the step that leads to it; both
        are the row of zeros behind the last where there is none. Which of its frames there are,
        shape (blocks, 16). How many blocks there are.
    """
    frames = np.asarray(counts)
    total = int(frames.sum())
    blocks = -(-frames // BLOCK)
    first = np.repeat(np.cumsum(frames) - frames, blocks)
    count = np.repeat(frames, blocks)
    number = np.arange(blocks.sum()) - np.repeat(np.cumsum(blocks) - blocks, blocks)
    place = np.arange(-ASIDE, BLOCK + ASIDE)[:, None] + BLOCK * number
    inside = (place >= 0) & (place < count)
    at = np.where(inside, first + place, total)
    step = np.where(inside & (place > 0), first + place, 2 * total)
    ahead = np.where(inside & (place < count - 1), total + first + place + 1, 2 * total)
    heard = BLOCK + ASIDE
    return (
        np.concatenate([at[:heard], at[::-1][:heard]], axis=1),
        np.concatenate([step[:heard], ahead[::-1][:heard]], axis=1),
        inside[ASIDE:heard].T,
        len(number),
    )
