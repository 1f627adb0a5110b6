"""Voice quality: how regular the voice is from period to period, and how noisy."""

from __future__ import annotations

import numpy as np
from array_api_compat import array_namespace, device

from affectspace.features.native.hops import HOP, RATE, Array, Hops
from affectspace.features.native.pitch import Voice

_POINTS = 64  # at which a period is looked at
_SHIFTS = 6  # points by which the next period may come early or late: 9 % of the period
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

    Three periods around the frame's centre are compared: each with the next, at the lag at which
    they are most alike. Jitter is the difference of both lags, shimmer that of the amplitudes of
    neighbours; both are averaged over the voiced ones of the frame, the two before it and the two
    after it.

    Titze, I. R., & Liang, H. (1993). Comparison of F0 extraction methods for high-precision voice
    perturbation measurements. Journal of Speech and Hearing Research 36, 1120-1133 (matching of
    waveforms).

    Returns:
        Jitter, as a share of the period, 0 to 0.2; shimmer in dB, from 0.
    """
    xp = array_namespace(hops.blocks)
    where = device(hops.blocks)
    rows = xp.nonzero(voice.voiced)[0]
    jitter = xp.zeros(voice.f0.shape, dtype=xp.float32, device=where)
    shimmer = xp.zeros(voice.f0.shape, dtype=xp.float32, device=where)
    if rows.shape[0]:
        jitter[rows], shimmer[rows] = _perturbation(hops, rows, RATE / voice.f0[rows])
    near, there = hops.rows()
    sound = there & voice.voiced[near]
    nothing = xp.asarray(float("nan"), dtype=xp.float32, device=where)
    smooth = [
        xp.where(voice.voiced, _averaged(values[near], sound)[there], nothing)
        for values in (jitter, shimmer)
    ]
    return smooth[0], smooth[1]


def _perturbation(hops: Hops, rows: Array, period: Array) -> tuple[Array, Array]:
    xp = array_namespace(period)
    signal = xp.reshape(hops.blocks, (-1,))
    centre = hops.starts[rows] * HOP + HOP // 2
    half = 3 * _POINTS // 2 + _SHIFTS
    grid = (np.arange(-half, half + 1) / _POINTS).astype(np.float32)
    at = period[:, None] * xp.asarray(grid, device=device(period))
    whole = xp.floor(at)
    part = at - whole
    index = xp.astype(whole, xp.int64) + centre[:, None]
    left = signal[index]
    points = left + part * (signal[index + 1] - left)
    middle = points[:, _SHIFTS + _POINTS : _SHIFTS + 2 * _POINTS]
    early, before = _match(middle, points[:, : _POINTS + 2 * _SHIFTS])
    late, after = _match(middle, points[:, 2 * _POINTS :][:, : _POINTS + 2 * _SHIFTS])
    energy = xp.sum(middle**2, axis=1)
    # The period before is early by `early` points if its lag is shorter by as much.
    jitter = xp.abs(early + late) / _POINTS
    least = 1e-10 * _POINTS
    steps = [xp.abs(10 * xp.log10((other + least) / (energy + least))) for other in (before, after)]
    return jitter, (steps[0] + steps[1]) / 2


def _match(period: Array, around: Array) -> tuple[Array, Array]:
    """Return where a period fits best, in points from the middle, and the energy there."""
    xp = array_namespace(period)
    size = period.shape[1]
    alike, energies = [], []
    squares = around**2
    energy = xp.sum(squares[:, :size], axis=1)
    for shift in range(2 * _SHIFTS + 1):
        if shift:
            energy = energy + squares[:, shift + size - 1] - squares[:, shift - 1]
        alike.append(xp.sum(period * around[:, shift : shift + size], axis=1))
        energies.append(energy)
    energy = xp.clip(xp.stack(energies, axis=1), 1e-12, None)
    fit = xp.stack(alike, axis=1) / xp.sqrt(energy)
    best = xp.clip(xp.argmax(fit, axis=1), 1, 2 * _SHIFTS - 1)
    rows = xp.arange(best.shape[0], device=device(best))
    before, top, after = (fit[rows, best + step] for step in (-1, 0, 1))
    bend = xp.clip(2 * top - before - after, 1e-12, None)
    shift = xp.clip((after - before) / (2 * bend), -0.5, 0.5)
    return xp.astype(best, xp.float32) + shift - _SHIFTS, energy[rows, best]


def _averaged(values: Array, there: Array) -> Array:
    """Return the mean over each place's neighbours in a row, of those that are there."""
    xp = array_namespace(values)
    where = device(values)
    blank = xp.zeros((values.shape[0], _NEAR), dtype=xp.float32, device=where)
    weights = xp.concat([blank, xp.astype(there, xp.float32), blank], axis=1)
    weighted = xp.concat([blank, xp.where(there, values, 0), blank], axis=1)
    length = values.shape[1]
    spans = [slice(start, start + length) for start in range(2 * _NEAR + 1)]
    total = sum(weighted[:, span] for span in spans)
    return total / xp.clip(sum(weights[:, span] for span in spans), 1, None)
