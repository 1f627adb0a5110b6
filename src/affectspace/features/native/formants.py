"""Formants: the resonances of the vocal tract, from the poles of linear prediction.

The spectrum of each frame below 5.5 kHz is modelled by ten poles, five resonances, which is what a
vocal tract of some 16 cm has in that band. The three lowest that fit the frames around them are
taken for the formants.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from array_api_compat import array_namespace, device

from affectspace.features.native.hops import RATE, Array, Hops
from affectspace.features.native.spectrum import frequencies, hann, power_spectrum

FRAME = 400
"""Samples of a frame: 25 ms."""

NEUTRAL_FREQUENCY = (500.0, 1500.0, 2500.0)
"""Hz: the formants of an even tube of 17.5 cm, which stand where none were found."""

NEUTRAL_BANDWIDTH = (80.0, 120.0, 160.0)
"""Hz: bandwidths that stand where no formants were found."""

LOOKAHEAD = 0.06
"""Seconds of signal after a frame's centre that its formants depend on, at most."""

_FFT = 512
_CEILING = 5500.0  # Hz: the band that is modelled, a whole number of bins
_TOP = round(_CEILING / RATE * _FFT)
_RESONANCES = 5
_ORDER = 2 * _RESONANCES
_EMPHASIS = math.exp(-2 * math.pi * 50 / RATE)  # 6 dB per octave above 50 Hz
_FLOOR = 1e-9  # of the power: keeps the recursion sound where the band is empty

_STEPS = 6
_START = 0.95  # radius of the starting points
_LOWEST, _HIGHEST = 90.0, 5200.0  # Hz: poles beyond shape the spectrum's slope
_WIDEST = 1000.0  # Hz
_AROUND = 4  # frames before and after that a frame is compared with

_PAIRS = np.triu_indices(_RESONANCES, 1)
_TRIPLES = np.array(
    [
        (i, j, k)
        for i in range(_RESONANCES)
        for j in range(i + 1, _RESONANCES)
        for k in range(j + 1, _RESONANCES)
    ]
).T


@dataclass(frozen=True, eq=False)
class Formants:
    """Formants 1 to 3 of each frame.

    Attributes:
        frequency: shape (n, 3), float32, Hz, rising from the first to the third.
        bandwidth: shape (n, 3), float32, Hz, between the points 3 dB below the peak.
        level: shape (n, 3), float32, dB: height of the model's spectrum at the formant over its
            mean below 5.5 kHz, after an emphasis of 6 dB per octave; does not change with gain.
        found: shape (n, 3), bool: where there is no pole to be taken for a formant, the values are
            the neutral ones, and the level is 0.
    """

    frequency: Array
    bandwidth: Array
    level: Array
    found: Array


def formants(hops: Hops, voiced: Array | None = None) -> Formants:
    """Return the formants of each frame.

    Linear prediction of the band below 5.5 kHz by the autocorrelation method: Atal, B. S. and
    Hanauer, S. L. (1971). Speech analysis and synthesis by linear prediction of the speech wave.
    J. Acoust. Soc. Am. 50, 637-655; Makhoul, J. (1975). Spectral linear prediction: properties and
    applications. IEEE Trans. ASSP 23, 283-296 (for a band alone).

    Args:
        hops: n frames.
        voiced: shape (n,), bool: frames that have formants; all where it is not given. The others
            are not looked at, and formants are continuous along the frames that are.

    Returns:
        Frequencies, bandwidths, levels, and where they were found. A frame depends on 0.06 s of
        the signal after its centre at most.
    """
    xp = array_namespace(hops.blocks)
    where = device(hops.blocks)
    n = sum(hops.counts)
    chosen = xp.arange(n, device=where) if voiced is None else xp.nonzero(voiced)[0]
    neutral = [
        xp.asarray([values] * n, dtype=xp.float32, device=where)
        for values in (NEUTRAL_FREQUENCY, NEUTRAL_BANDWIDTH, (0.0, 0.0, 0.0))
    ]
    nowhere = xp.zeros((n, 3), dtype=xp.bool, device=where)
    if not chosen.shape[0]:
        return Formants(*neutral, nowhere)
    starts = xp.take(hops.starts, chosen)
    lags = _autocorrelation(replace(hops, starts=starts).frames(FRAME))
    predictor, error = levinson(lags)
    root, settled = poles(predictor)
    found = _choose(root, settled, starts)
    found_all = [*found[:2], _levels(predictor, error / lags[0, :], found[0])]
    mask = xp.permute_dims(found[2], (1, 0))
    results = []
    for values, neutral_values in zip(found_all, neutral, strict=True):
        rows = xp.astype(xp.permute_dims(values, (1, 0)), xp.float32)
        neutral_values[chosen, :] = xp.where(mask, rows, xp.take(neutral_values, chosen, axis=0))
        results.append(neutral_values)
    nowhere[chosen, :] = mask
    return Formants(*results, nowhere)


def levinson(lags: Array) -> tuple[Array, Array]:
    """Return the predictors of frames from their autocorrelation, by Levinson's recursion.

    Markel, J. D. and Gray, A. H. (1976). Linear prediction of speech. Springer, chapter 3.

    Args:
        lags: shape (order + 1, n), float64: the autocorrelation at lags from 0, positive definite.

    Returns:
        Coefficients of the inverse filter 1 + a1 / z + ..., shape (order + 1, n), and the power
        that is left after it, shape (n,).
    """
    xp = array_namespace(lags)
    predictor = xp.ones_like(lags[:1, :])
    error = lags[0, :]
    nothing = xp.zeros_like(predictor)
    for order in range(1, lags.shape[0]):
        ahead = xp.sum(predictor * xp.flip(lags[1 : order + 1, :], axis=0), axis=0)
        reflection = -ahead / error
        longer = xp.concat([predictor, nothing])
        predictor = longer + reflection * xp.flip(longer, axis=0)
        error = error * (1 - reflection * reflection)
    return predictor, error


def poles(predictor: Array) -> tuple[Array, Array]:
    """Return the poles of all-pole models in the upper half of the plane.

    All at once, by the method of Ehrlich and Aberth: Aberth, O. (1973). Iteration methods for
    finding all zeros of a polynomial simultaneously. Math. Comput. 27, 339-344. Poles on the real
    axis are not found: they have no conjugate that would go with them.

    Args:
        predictor: shape (11, n), float64: inverse filters with their zeros within the unit circle.

    Returns:
        Shape (5, n), complex128, in order of their angle, and whether each is a pole, bool.
    """
    xp = array_namespace(predictor)
    where = device(predictor)
    angles = (np.arange(_RESONANCES) + 0.5) * (np.pi / _RESONANCES)
    begin = xp.asarray(_START * np.exp(1j * angles), device=where)
    first, second = (xp.asarray(pair, device=where) for pair in _PAIRS)
    members = np.stack([np.arange(_RESONANCES)[:, None] == pair for pair in _PAIRS])
    in_first, in_second = (xp.asarray(one.astype(complex), device=where) for one in members)
    a = xp.astype(predictor, xp.complex128)
    z = begin[:, None] + xp.zeros_like(a[:1, :])
    for _ in range(_STEPS):
        slope = 2 * z + a[1, :]
        value = (z + a[1, :]) * z + a[2, :]
        for k in range(3, _ORDER + 1):
            slope = slope * z + value
            value = value * z + a[k, :]
        one, other = xp.take(z, first, axis=0), xp.take(z, second, axis=0)
        apart = 1 / (one - other + _TINY)
        across = 1 / (one - xp.conj(other) + _TINY)
        push = in_first @ (apart + across) - in_second @ (apart + xp.conj(across))
        push = push - 0.5j / (xp.imag(z) + _TINY)
        step = value / (slope - value * push + _TINY)
        z = z - step
        z = z / xp.astype(xp.clip(xp.abs(z), 1.0, None), xp.complex128)
    settled = (xp.abs(step) < 0.03) & (xp.imag(z) > 0)
    order = xp.argsort(-xp.real(z) / (xp.abs(z) + _TINY), axis=0)
    return xp.take_along_axis(z, order, axis=0), xp.take_along_axis(settled, order, axis=0)


_TINY = 1e-30


def _autocorrelation(frames: Array) -> Array:
    """Return the autocorrelation of the band in frames at lags from 0, shape (11, n), float64."""
    xp = array_namespace(frames)
    where = device(frames)
    power = power_spectrum(frames, hann(FRAME, frames), _FFT)[:, : _TOP + 1]
    angle = 2 * np.pi * frequencies(_FFT)[: _TOP + 1] / RATE
    weight = 1 + _EMPHASIS**2 - 2 * _EMPHASIS * np.cos(angle)
    weight[[0, -1]] /= 2  # the ends of the band count once, all between for both signs
    bins = np.arange(_TOP + 1) * (np.pi / _TOP)
    cosines = xp.asarray(weight * np.cos(np.arange(_ORDER + 1)[:, None] * bins), device=where)
    lags = cosines @ xp.permute_dims(xp.astype(power, xp.float64), (1, 0))
    return xp.concat([lags[:1, :] * (1 + _FLOOR) + _TINY, lags[1:, :]])


def _choose(root: Array, settled: Array, starts: Array) -> tuple[Array, Array, Array]:
    """Choose three poles of each frame: frequency, bandwidth, and whether found, each (3, n)."""
    xp = array_namespace(root)
    angle = xp.atan2(xp.imag(root), xp.real(root))
    frequency = angle * (_CEILING / np.pi)
    radius = xp.clip(xp.abs(root), 1e-6, None)
    bandwidth = -xp.log(radius) * (2 * _CEILING / np.pi)
    good = settled & (frequency > _LOWEST) & (frequency < _HIGHEST) & (bandwidth < _WIDEST)
    order = xp.argsort(xp.where(good, frequency, 2 * _CEILING), axis=0)[:3, :]
    chosen = [xp.take_along_axis(each, order, axis=0) for each in (frequency, bandwidth, good)]
    return chosen[0], chosen[1], chosen[2]


def _levels(predictor: Array, left: Array, frequency: Array) -> Array:
    """Return the height of models at frequencies over the band's mean in dB, shape (3, n)."""
    xp = array_namespace(predictor)
    angle = frequency * (np.pi / _CEILING)
    z = xp.astype(xp.cos(angle), xp.complex128) + 1j * xp.astype(xp.sin(angle), xp.complex128)
    value = xp.ones_like(z)
    a = xp.astype(predictor, xp.complex128)
    for k in range(1, _ORDER + 1):
        value = value * z + a[k, :]
    gain = xp.real(value) ** 2 + xp.imag(value) ** 2
    return 10 * xp.log10(left / (gain + _TINY) + _TINY)
