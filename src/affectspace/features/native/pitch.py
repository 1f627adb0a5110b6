"""Fundamental frequency and voicing: candidates of each frame, and the best path through them.

Candidates are peaks of the autocorrelation of a windowed frame, divided by that of the window:
Boersma, P. (1993). Accurate short-term analysis of the fundamental frequency and the
harmonics-to-noise ratio of a sampled sound. Proceedings of the Institute of Phonetic Sciences 17,
97-110.

The path is found in blocks of 16 frames that do not know of one another: each takes the best path
(Viterbi's) through its own frames, the 24 before and the 24 after, and keeps its own part. So
blocks are computed side by side, and a decision depends on what lies at most 2.25 s before the
frame and 0.49 s after it. The blocks of a signal begin at its first frame; a slice of a longer
signal that begins at one of its blocks, 208 frames or more before a block, decides that block just
as the whole does, if it reaches 34 frames beyond it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from array_api_compat import array_namespace, device, is_numpy_array

from affectspace.features.native.hops import RATE, Array, Hops
from affectspace.features.native.spectrum import hann

LOWEST, HIGHEST = 55.0, 600.0
"""The range of the fundamental frequency in Hz."""

WINDOW = 864
"""Samples of a frame: 54 ms, three periods of the lowest voice."""

SIZE = 1024
"""Of the transform; its bins lie 15.6 Hz apart."""

BLOCK, ASIDE = 16, 24
"""Frames that are decided together, and frames that are heard on either side for that."""

BEFORE, AFTER = 184, 10
"""Frames before and after one that its level is compared with."""

_LAGS = 300  # of the autocorrelation that are kept
_FIRST, _LAST = math.floor(RATE / HIGHEST), math.ceil(RATE / LOWEST)
_CANDIDATES = 5
_REACH = 4  # samples on either side of a peak that its interpolation hears
_CHUNK = 64  # frames at a time: larger temporaries are mapped anew each time

_VOICING = 0.5  # periodicity from which a frame is rather voiced than not
_SILENCE = 0.03  # amplitude against the loudest around, from which a frame may be voiced
_OCTAVE = 0.01  # what a candidate loses per octave down
_JUMP = 0.35  # what a path loses per octave from frame to frame
_TURN = 0.14  # what it loses where voice begins or ends
_FLOOR = 1e-10  # mean square of what counts as digital silence: -100 dB of full scale


class Candidates(NamedTuple):
    """What is known of each frame alone, frames behind one another.

    Attributes:
        octaves: shape (n, 5), float32: log2 of each candidate's frequency in Hz.
        strength: shape (n, 5), float32: the autocorrelation at each candidate's period, at most 1;
            -1 where there is no candidate.
        level: shape (n,), float32: mean square of the windowed frame.
        power: shape (n, 513), float32: power spectrum of the frame in a Hann window of 54 ms.
        correlation: shape (n, 300), float32: the normalised autocorrelation, lags in samples.
    """

    octaves: Array
    strength: Array
    level: Array
    power: Array
    correlation: Array


class Voice(NamedTuple):
    """The voice in each frame.

    Attributes:
        f0: shape (n,), float32: fundamental frequency in Hz, 55 to 600; 0 where unvoiced.
        voiced: shape (n,), bool.
        strength: shape (n,), float32, 0 to 1: the autocorrelation at the period; where unvoiced, at
            the strongest candidate's.
        power: shape (n, 513), float32: see [`Candidates`].
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
    xp = array_namespace(hops.blocks)
    frames = hops.frames(WINDOW)
    window = hann(WINDOW, frames)
    parts = [
        _candidates(frames[at : at + _CHUNK, :], window)
        for at in range(0, frames.shape[0], _CHUNK)
    ]
    return Candidates(*(xp.concat(list(part), axis=0) for part in zip(*parts, strict=True)))


def _candidates(frames: Array, window: Array) -> Candidates:
    xp = array_namespace(frames)
    power, correlation, level = _autocorrelation(frames, window)
    around = correlation[:, _FIRST - 1 : _LAST + 2]
    middle = around[:, 1:-1]
    peak = (middle > around[:, :-2]) & (middle >= around[:, 2:]) & (middle > 0)
    bonus = xp.asarray(_bonus(), device=device(frames))
    left = xp.where(peak, middle + bonus, xp.asarray(-1.0, dtype=xp.float32))
    rows = xp.arange(frames.shape[0], device=device(frames))
    lags, kept = [], []
    for _ in range(_CANDIDATES):
        lag = xp.argmax(left, axis=1)
        kept.append(left[rows, lag] > -1)
        left[rows, lag] = -1
        lags.append(lag)
    lag = xp.stack(lags, axis=1) + _FIRST
    there = xp.stack(kept, axis=1)
    rows = rows[:, None]
    before, at, after = (correlation[rows, lag + step] for step in (-1, 0, 1))
    bend = xp.where(there, 2 * at - before - after, 1)
    shift = xp.clip((after - before) / (2 * bend), -0.5, 0.5)
    strength = at + shift * (after - before) / 4
    octaves = math.log2(RATE) - xp.log2(xp.astype(lag, xp.float32) + shift)
    strength = xp.where(there, xp.clip(strength, 0, 1), -1)
    return Candidates(octaves, strength, level, power, correlation)


def _autocorrelation(frames: Array, window: Array) -> tuple[Array, Array, Array]:
    """Return power spectra, normalised autocorrelations and mean squares of windowed frames."""
    xp = array_namespace(frames)
    windowed = frames * window
    if is_numpy_array(frames):  # NumPy 2 takes 4 times as long in single precision
        windowed = windowed.astype(np.float64)
    spectrum = xp.fft.rfft(windowed, n=SIZE, axis=1)
    power = xp.real(spectrum) ** 2 + xp.imag(spectrum) ** 2
    heard = xp.astype(power, spectrum.dtype)
    heard[:, :3] = 0  # a constant, as far as the window spreads it
    raw = xp.fft.irfft(heard, n=SIZE, axis=1)[:, :_LAGS]
    energy = raw[:, :1]
    least = _FLOOR * float(xp.sum(window**2))
    weights = xp.asarray(_correction(), device=device(frames))
    correlation = raw / (energy + least) * weights
    single = xp.float32
    level = xp.astype(energy[:, 0], single) / xp.sum(window**2)
    return xp.astype(power, single), xp.astype(correlation, single), level


def _correction() -> np.ndarray:
    """Return by what the autocorrelation at each lag is multiplied for the window's taper."""
    window = np.hanning(WINDOW + 2)[1:-1]
    raw = np.correlate(window, window, "full")[WINDOW - 1 :][:_LAGS]
    return (raw[0] / raw).astype(np.float32)


def _bonus() -> np.ndarray:
    """Return what a candidate of each lag gains for its height: the less the longer the period."""
    return (-_OCTAVE * np.log2(np.arange(_FIRST, _LAST + 1) * (LOWEST / RATE))).astype(np.float32)


def track(found: Candidates, hops: Hops) -> Voice:
    """Return the best path through the candidates of frames."""
    xp = array_namespace(found.level)
    near, there = hops.rows()
    local, octaves = _scores(found, _loudest(found.level, near, there))
    choice = _best(local, octaves, hops.counts)
    voiced = choice > 0
    rows = xp.arange(choice.shape[0], device=device(choice))
    chosen = xp.where(voiced, choice - 1, 0)
    hertz = 2.0 ** found.octaves[rows, chosen]
    hertz, strength = _refined(found.correlation, RATE / hertz)
    f0 = xp.where(voiced, hertz, xp.asarray(0.0, dtype=xp.float32))
    strength = xp.where(voiced, strength, xp.clip(xp.max(found.strength, axis=1), 0, 1))
    return Voice(f0, voiced, strength, found.power)


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
    frame, inside = _windows(counts)
    frame = xp.asarray(frame, device=where)
    valid = xp.asarray(inside.astype(np.float32), device=where)
    steps, blocks = frame.shape
    score = local[frame] * valid[:, :, None]
    height = octaves[frame]
    cost = _JUMP * xp.abs(height[1:, :, :, None] - height[:-1, :, None, :])  # (.., to, from)
    cost[:, :, 0, :] = _TURN
    cost[:, :, :, 0] = _TURN
    cost[:, :, 0, 0] = 0
    cost = cost * (valid[1:] * valid[:-1])[:, :, None, None]
    # Both ways at once: the best that leads to each state, and the best that follows it.
    cost = xp.stack([cost, xp.permute_dims(xp.flip(cost, axis=0), (0, 1, 3, 2))], axis=1)
    scores = xp.stack([score, xp.flip(score, axis=0)], axis=1)
    reached = [scores[0]]
    for step in range(1, ASIDE + BLOCK):
        best = xp.max(reached[-1][:, :, None, :] - cost[step - 1], axis=3)
        reached.append(best + scores[step])
    total = xp.stack(reached[ASIDE:], axis=0)
    together = total[:, 0] + xp.flip(total[:, 1], axis=0) - score[ASIDE : ASIDE + BLOCK]
    choice = xp.argmax(together, axis=2).T
    return choice[xp.asarray(inside[ASIDE : ASIDE + BLOCK].T, device=where)]


def _windows(counts: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the frames that each block hears, shape (64, blocks), and which of them there are."""
    frames = np.asarray(counts)
    blocks = -(-frames // BLOCK)
    first = np.repeat(np.cumsum(frames) - frames, blocks)
    count = np.repeat(frames, blocks)
    number = np.arange(blocks.sum()) - np.repeat(np.cumsum(blocks) - blocks, blocks)
    at = np.arange(-ASIDE, BLOCK + ASIDE)[:, None] + BLOCK * number
    inside = (at >= 0) & (at < count)
    return first + np.clip(at, 0, count - 1), inside


def _refined(correlation: Array, lag: Array) -> tuple[Array, Array]:
    """Return frequency and height of the peak near a lag, on a grid of an eighth of a sample."""
    xp = array_namespace(correlation)
    middle = xp.astype(xp.round(lag), xp.int64)
    middle = xp.clip(middle, _REACH, _LAGS - 1 - _REACH)
    offsets = xp.arange(-_REACH, _REACH + 1, dtype=xp.int64, device=device(lag))
    rows = xp.arange(lag.shape[0], device=device(lag))[:, None]
    values = correlation[rows, middle[:, None] + offsets] @ xp.asarray(
        _interpolation(), device=device(lag)
    )
    best = xp.clip(xp.argmax(values, axis=1), 1, values.shape[1] - 2)
    rows = rows[:, 0]
    before, at, after = (values[rows, best + step] for step in (-1, 0, 1))
    bend = xp.clip(2 * at - before - after, 1e-9, None)
    shift = xp.clip((after - before) / (2 * bend), -0.5, 0.5)
    fine = xp.astype(middle, xp.float32) + (xp.astype(best, xp.float32) + shift) / 8 - 1
    height = at + shift * (after - before) / 4
    return RATE / fine, xp.clip(height, 0, 1)


def _interpolation() -> np.ndarray:
    """Return weights of samples around a peak at -1 .. 1 in eighths: sinc in a Hann window."""
    distance = np.arange(-8, 9) / 8 - np.arange(-_REACH, _REACH + 1)[:, None]
    taper = np.where(np.abs(distance) < _REACH + 1, np.cos(np.pi * distance / (2 * _REACH + 2)), 0)
    return (np.sinc(distance) * taper**2).astype(np.float32)
