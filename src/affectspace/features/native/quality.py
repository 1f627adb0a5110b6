"""Voice quality: how regular the voice is from period to period, and how noisy."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from affectspace.features.native.arrays import array_namespace, device, is_numpy_array
from affectspace.features.native.hops import HOP, RATE, Array, Hops
from affectspace.features.native.pitch import SIZE, Voice, in_chunks
from affectspace.features.native.spectrum import fold, folded

_POINTS = 64  # at which a period is looked at
_COARSE = 32  # at which its peak is looked for
_SHIFTS = 6  # points by which the next period may come early or late: 9 % of the period
_SAME = 4.08  # dB by which the amplitudes of neighbours differ at most
_TREND = slice(8, 256)  # quefrencies in eighths of a millisecond: 1 to 32 ms
_MIDDLE = 123.5  # of these, from 0 on
_PEAK = slice(4, 63)  # of the even ones of these, and of the odd ones: 2 to 17 ms
_CHUNK = 512  # frames at a time, for the processor's cache
_NEAR = 2  # frames on either side that a frame's irregularity is averaged over


def harmonics_to_noise(voice: Voice) -> Array:
    """Return the ratio of the harmonic to the noisy part in dB, shape (n,), -20 to 40.

    10 log10(r / (1 - r)) with r the normalised autocorrelation at the period; on unvoiced frames,
    at the strongest candidate's.

    Boersma, P. (1993). Accurate short-term analysis of the fundamental frequency and the
    harmonics-to-noise ratio of a sampled sound. Proceedings of the Institute of Phonetic Sciences
    17, 97-110, eq. 4.
    """
    xp = array_namespace(voice.strength)
    part = xp.clip(voice.strength, 1e-3, 1 - 1e-4)
    return xp.clip(10 * xp.log10(part / (1 - part)), -20.0, 40.0)


def irregularity(hops: Hops, voice: Voice) -> tuple[Array, Array]:
    """Return jitter and shimmer of each frame, shape (n,), NaN where unvoiced.

    Three periods, the middle one of which has its highest peak within half a period of the
    frame's centre, are compared, the middle one with the one before and the
    one after. Jitter is the difference of the two lags at which they are most alike; shimmer the
    difference of their amplitudes from peak to peak, where that is at most 4.08 dB: a factor of
    1.6, the bound that Praat has by default. Both are averaged over the frame, the two before it
    and the two after it, as far as they are voiced.

    Titze, I. R., & Liang, H. (1993). Comparison of F0 extraction methods for high-precision voice
    perturbation measurements. Journal of Speech and Hearing Research 36, 1120-1133 (matching of
    waveforms).

    Returns:
        Jitter, as a share of the period, 0 to 0.19. Shimmer in dB, 0 to 4.08; NaN also where no
        amplitudes were comparable.
    """
    xp = array_namespace(hops.blocks)
    where = device(hops.blocks)
    values = xp.zeros((4, *voice.f0.shape), dtype=xp.float32, device=where)
    rows = xp.nonzero(voice.voiced)[0]
    if rows.shape[0]:
        starts, period = hops.starts[rows], RATE / voice.f0[rows]
        count = rows.shape[0]
        size = _CHUNK if is_numpy_array(period) else count
        signal = xp.reshape(hops.blocks, (-1,))
        found = in_chunks(
            lambda part: _perturbation(signal, starts[part], period[part]), count, size
        )
        values[:, rows] = xp.stack(found, axis=0)
    near, there = hops.rows()
    sums = _around(xp.where(there, values[:, near], 0))[:, there]
    known = voice.voiced & (sums[2:] > 0)
    means = sums[:2] / xp.where(sums[2:] > 0, sums[2:], 1)
    means = xp.where(known, means, xp.asarray(float("nan"), dtype=xp.float32, device=where))
    return means[0], means[1]


def _perturbation(signal: Array, starts: Array, period: Array) -> tuple[Array, ...]:
    """Return jitter, sum of shimmer, and how many values are in each, of each frame."""
    xp = array_namespace(period)
    centre = _onsets(signal, starts * HOP + HOP // 2, period)
    grid = (np.arange(-_POINTS - _SHIFTS, 2 * _POINTS + _SHIFTS) / _POINTS).astype(np.float32)
    at = period[:, None] * xp.asarray(grid, device=device(period))
    whole = xp.floor(at)
    part = at - whole
    index = xp.astype(whole, xp.int64) + centre[:, None]
    left = xp.take(signal, xp.reshape(index, (-1,)))
    right = xp.take(signal, xp.reshape(index + 1, (-1,)))
    points = xp.reshape(left, index.shape) + part * xp.reshape(right - left, index.shape)
    middle = points[:, _SHIFTS + _POINTS : _SHIFTS + 2 * _POINTS]
    # The lag to the period before is longer if that is early, the lag to the next if that is late.
    before = _match(middle, points[:, : _POINTS + 2 * _SHIFTS])
    after = _match(middle, points[:, 2 * _POINTS :])
    jitter = xp.abs(before + after) / _POINTS
    three = xp.reshape(points[:, _SHIFTS : _SHIFTS + 3 * _POINTS], (-1, 3, _POINTS))
    amplitude = xp.max(three, axis=2) - xp.min(three, axis=2)
    level = 20 * xp.log10(amplitude + 1e-7)
    steps = xp.abs(level[:, 1:] - level[:, :-1])
    same = steps <= _SAME
    counted = xp.sum(xp.astype(same, xp.float32), axis=1)
    total = xp.sum(xp.where(same, steps, 0), axis=1)
    return jitter, total, xp.ones_like(jitter), counted


def _onsets(signal: Array, centre: Array, period: Array) -> Array:
    """Return where the periods around places begin: a quarter before the highest peak.

    From any place, a period could hold the halves of two pulses, and its lag would be the mean of
    two: a fifth of the jitter would be lost.
    """
    xp = array_namespace(period)
    grid = (np.arange(-_COARSE // 2, _COARSE // 2) / _COARSE).astype(np.float32)
    steps = xp.astype(period[:, None] * xp.asarray(grid, device=device(period)), xp.int64)
    highest = xp.argmax(xp.abs(signal[centre[:, None] + steps]), axis=1)
    share = xp.astype(highest, xp.float32) / _COARSE - 0.75
    return centre + xp.astype(xp.round(period * share), xp.int64)


def _match(period: Array, around: Array) -> Array:
    """Return where a period fits best in what lies around the place of another, in points late."""
    xp = array_namespace(period)
    size = period.shape[1]
    alike, energies = [], []
    squares = around**2
    energy = xp.sum(squares[:, :size], axis=1)
    for shift in range(2 * _SHIFTS + 1):
        if shift:
            energy = energy + squares[:, shift + size - 1] - squares[:, shift - 1]
        alike.append(xp.vecdot(period, around[:, shift : shift + size]))
        energies.append(energy)
    energy = xp.clip(xp.stack(energies, axis=1), 1e-12, None)
    fit = xp.stack(alike, axis=1) / xp.sqrt(energy)
    best = xp.clip(xp.argmax(fit, axis=1), 1, 2 * _SHIFTS - 1)
    rows = xp.arange(best.shape[0], device=device(best))
    before, top, after = (fit[rows, best + step] for step in (-1, 0, 1))
    bend = xp.clip(2 * top - before - after, 1e-12, None)
    late = xp.clip((after - before) / (2 * bend), -0.5, 0.5)
    return xp.astype(best, xp.float32) + late - _SHIFTS


def _around(values: Array) -> Array:
    """Return sums over each place's neighbours along the last axis."""
    xp = array_namespace(values)
    length = values.shape[-1]
    blank = xp.zeros((*values.shape[:-1], _NEAR), dtype=values.dtype, device=device(values))
    padded = xp.concat([blank, values, blank], axis=-1)
    total = values
    for start in range(2 * _NEAR + 1):
        if start != _NEAR:
            total = total + padded[..., start : start + length]
    return total


def cepstral_prominence(voice: Voice) -> Array:
    """Return how far the cepstrum's peak rises above its trend in dB, shape (n,), from 0.

    The cepstrum is that of the power spectrum in dB up to 4 kHz. Its level in dB is fitted by a
    line from 1 to 32 ms, and the peak is the point of 2 to 17 ms (60 to 500 Hz) that is the highest
    above it. It needs no pitch, and so means something on unvoiced frames too: noise has some 15, a
    clear voice 20 to 35. Not smoothed over time.

    Hillenbrand, J., Cleveland, R. A., & Erickson, R. L. (1994). Acoustic correlates of breathy
    vocal quality. Journal of Speech and Hearing Research 37, 769-778.
    """
    large = 384 if is_numpy_array(voice.power) else 4_096
    found = in_chunks(
        lambda part: (_prominence(voice.power[part, :]),), voice.power.shape[0], large
    )
    return found[0]


def _prominence(power: Array) -> Array:
    xp = array_namespace(power)
    where = device(power)
    decibels = (10 / math.log(10)) * xp.log(power[:, : SIZE // 4 + 1] + 1e-12)
    decibels = decibels - xp.mean(decibels, axis=1, keepdims=True)  # which isn't in what is kept
    kept = xp.abs(fold(decibels) @ xp.asarray(_cosines(), device=where))
    level = (20 / math.log(10)) * xp.log(kept + 1e-6)
    x = (np.arange(_TREND.stop - _TREND.start, dtype=np.float32) - _MIDDLE).reshape(-1, 2).T
    line = xp.asarray(np.ascontiguousarray(x), device=where)[:, :, None]
    slope = xp.sum(level @ line, axis=0) / float(np.sum(x**2))
    mean = xp.sum(xp.sum(level, axis=2), axis=0) / x.size
    above = level[:, :, _PEAK] - slope * xp.permute_dims(line, (0, 2, 1))[:, :, _PEAK]
    highest = xp.max(xp.max(above, axis=2), axis=0)
    return xp.clip(highest - mean, 0, None)


@cache
def _cosines() -> np.ndarray:
    """Return what turns levels up to 4 kHz into the cepstrum that is kept, shape (2, 129, 124)."""
    bins, quefrencies = np.arange(SIZE // 4 + 1), np.arange(_TREND.start, _TREND.stop)
    waves = np.cos(np.outer(bins, quefrencies) * (4 * np.pi / SIZE)) * (4 / SIZE)
    waves[[0, -1]] /= 2  # the ends of the band count once, all between for both signs
    return folded(waves)
