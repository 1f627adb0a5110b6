"""Formants: the resonances of the vocal tract, from the poles of linear prediction.

The spectrum of each frame below 5.5 kHz is modelled by ten poles, five resonances: as many as a
vocal tract of 16 cm has in that band. The three lowest stand for the formants, averaged with those
of the frames around, in which the sharper ones count more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from affectspace.features.native.arrays import array_namespace, device
from affectspace.features.native.hops import RATE, Array, Hops
from affectspace.features.native.spectrum import frequencies, hann, power_spectrum

FRAME = 384
"""Samples of a frame: 24 ms."""

NEUTRAL_FREQUENCY = (500.0, 1500.0, 2500.0)
"""Hz: the formants of an even tube of 17.5 cm, which stand where none were found."""

NEUTRAL_BANDWIDTH = (80.0, 120.0, 160.0)
"""Hz: bandwidths that stand where no formants were found."""

_NEUTRAL = np.array([*NEUTRAL_FREQUENCY, *NEUTRAL_BANDWIDTH, 0.0, 0.0, 0.0], dtype=np.float32)

LOOKAHEAD = 0.032
"""Seconds of signal after a frame's centre that its formants depend on: half a frame, two hops."""

_CEILING = 5500.0  # Hz: the band that is modelled
_TOP = round(_CEILING / RATE * FRAME)  # the bin at the ceiling, 132
_ORDER = 10
_EMPHASIS = math.exp(-2 * math.pi * 50 / RATE)  # 6 dB per octave above 50 Hz
_FLOOR = 1e-9  # of the power: keeps the recursion sound where the band is empty
_TINY = 1e-30
_BLOCK = 320  # frames; products of 512 are split over threads, at twice the cost

# where the search for poles begins: from where poles of speech mostly are, which saves a step
_BEGIN = 0.87 * np.exp(1j * np.pi / _CEILING * np.array([600, 1700, 2900, 3900, 4400]))
_STEPS = 5
_SETTLED = 0.03  # a last step no longer than that: the next would be under 5 Hz
_USABLE = 0.3  # up to that, poles are taken where there are no better ones around
_DOUBTFUL = 1e-3  # their weight
_PAIRS = np.triu_indices(len(_BEGIN), 1)
_LOWEST = 60.0  # Hz: poles closer to an end of the band shape the slope of the spectrum

_SHARPEST = math.exp(-math.pi * 10 / (2 * _CEILING))  # a pole's radius: a bandwidth of 10 Hz

_AROUND = 2  # frames before and after that a frame is averaged with
_BLUR = 100.0  # Hz, added to a bandwidth before it weighs, inversely and squared


@dataclass(frozen=True, eq=False)
class Formants:
    """Formants 1 to 3 of each frame.

    Attributes:
        frequency: shape (n, 3), float32, Hz, rising from the first to the third.
        bandwidth: shape (n, 3), float32, Hz, between the points 3 dB below the peak.
        level: shape (n, 3), float32, dB: height of the model's spectrum at the formant over its
            mean below 5.5 kHz, after an emphasis of 6 dB per octave; does not change with gain.
        found: shape (n, 3), bool: where there are no three poles to be taken for formants, neutral
            values stand, and the level is 0; all three are there, or none.
    """

    frequency: Array
    bandwidth: Array
    level: Array
    found: Array


def formants(hops: Hops, voiced: Array | None = None) -> Formants:
    """Return the formants of each frame.

    Linear prediction by the autocorrelation method: Atal, B. S. and Hanauer, S. L. (1971). Speech
    analysis and synthesis by linear prediction of the speech wave. J. Acoust. Soc. Am. 50, 637-655;
    of a part of the band: Makhoul, J. (1975). Spectral linear prediction: properties and
    applications. IEEE Trans. ASSP 23, 283-296. A pole r exp(i w) is a resonance at w / (2 pi) of
    the rate with a bandwidth of -ln(r) / pi of it: Markel, J. D. and Gray, A. H. (1976). Linear
    prediction of speech. Springer, chapter 7.

    Args:
        hops: n frames.
        voiced: shape (n,), bool: frames that have formants; all where it is not given. The others
            are not looked at.

    Returns:
        Frequencies from 60 to 5500 Hz, bandwidths from 10 Hz, levels, and where they were found. A
        frame depends on 0.032 s of the signal before and after its centre.
    """
    xp = array_namespace(hops.blocks)
    where = device(hops.blocks)
    n = sum(hops.counts)
    chosen = xp.arange(n, device=where) if voiced is None else xp.nonzero(voiced)[0]
    neutral = xp.asarray(_NEUTRAL, device=where)
    values = neutral[None, :] + xp.zeros((n, 1), dtype=xp.float32, device=where)
    found = xp.zeros((n, 3), dtype=xp.bool, device=where)
    if chosen.shape[0]:
        starts = xp.take(hops.starts, chosen)
        # on a processor block by block, so that what there is of so many frames stays in its cache
        size = _BLOCK if str(where) == "cpu" else starts.shape[0]
        firsts = range(0, starts.shape[0], size)
        blocks = [_model(replace(hops, starts=starts[i : i + size])) for i in firsts]
        model = xp.concat(blocks, axis=1) if len(blocks) > 1 else blocks[0]
        averages, seen = _average(model[:9, :], starts)
        level = _level(model[9:, :], averages[:3, :])
        measured = xp.astype(xp.concat([averages, level]), xp.float32)
        measured = xp.where(seen, measured, neutral[:, None])
        values[chosen, :] = xp.permute_dims(measured, (1, 0))
        found[chosen, :] = xp.zeros_like(found[:1, :]) | seen[:, None]
    return Formants(values[:, :3], values[:, 3:6], values[:, 6:], found)


def _model(hops: Hops) -> Array:
    """Model the frames of hops.

    Returns:
        Shape (21, n): weights of the three lowest poles, these times frequencies, times bandwidths,
        the predictor, and the power that is left after it as a share.
    """
    xp = array_namespace(hops.blocks)
    lags = _autocorrelation(hops.frames(FRAME))
    predictor, error = levinson(lags)
    left = (error / lags[0, :])[None, :]
    return xp.concat([*_lowest(*poles(predictor)), predictor, left])


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
    predictor = xp.zeros_like(lags)
    predictor[0, :] = 1.0
    backwards = xp.flip(lags, axis=0)
    size = lags.shape[0]
    error = lags[0, :]
    for order in range(1, size):
        ahead = xp.sum(predictor[:order, :] * backwards[size - 1 - order : size - 1, :], axis=0)
        reflection = -ahead / error
        change = reflection * xp.flip(predictor[:order, :], axis=0)
        predictor[1 : order + 1, :] = predictor[1 : order + 1, :] + change
        error = error * (1 - reflection * reflection)
    return predictor, error


def poles(predictor: Array) -> tuple[Array, Array]:
    """Return the poles of all-pole models in the upper half of the plane.

    All at once, by the method of Ehrlich and Aberth: Aberth, O. (1973). Iteration methods for
    finding all zeros of a polynomial simultaneously. Math. Comput. 27, 339-344. What is left over
    of the polynomial for the last of the five is a quadratic, so it need not be searched for: in a
    third of frames of speech it has two real zeros, which are no resonance.

    Args:
        predictor: shape (11, n), float64: inverse filters with their zeros within the unit circle.

    Returns:
        Shape (5, n), complex128, on the real axis where there is no pole above it; and how far each
        frame's poles moved in the last step, shape (n,): those of 0.03 and less are right to 5 Hz.
    """
    xp = array_namespace(predictor)
    where = device(predictor)
    first, second = (xp.asarray(pair, device=where) for pair in _PAIRS)
    members = (np.arange(len(_BEGIN))[:, None] == pair for pair in _PAIRS)
    in_first, in_second = (xp.asarray(one.astype(complex), device=where) for one in members)
    z = xp.asarray(_BEGIN[:, None], device=where) + xp.zeros_like(predictor[:1, :])
    # laid out as wide as z: to add a row to each of five takes twice as long
    a = predictor[:, None, :] + xp.zeros_like(z)[None, :, :]
    step, unit = z, xp.ones_like(xp.real(z))
    for _ in range(_STEPS):
        value = z + a[1, ...]
        slope = z + value
        value = value * z + a[2, ...]
        for k in range(3, _ORDER + 1):
            slope = slope * z + value
            value = value * z + a[k, ...]
        one, other = xp.take(z, first, axis=0) + _TINY, xp.take(z, second, axis=0)
        apart, across = 1 / (one - other), 1 / (one - xp.conj(other))
        push = in_first @ (apart + across) - in_second @ (apart + xp.conj(across))
        push = push - 0.5j / (xp.imag(z) + _TINY)
        step = value / (slope - value * push + _TINY)
        z = z - step
        z = z * xp.astype(1 / xp.maximum(xp.abs(z), unit), xp.complex128)  # all lie within
    return _complete(predictor, z, xp.abs(step))


def _complete(predictor: Array, z: Array, step: Array) -> tuple[Array, Array]:
    """Put what the other four leave over in place of the pole that has settled least."""
    xp = array_namespace(predictor)
    last = xp.arange(z.shape[0], device=device(z))[:, None] == xp.argmax(step, axis=0)[None, :]
    squared = xp.real(z) ** 2 + xp.imag(z) ** 2
    half = predictor[1, :] / 2 + xp.sum(xp.where(last, 0.0, xp.real(z)), axis=0)
    rest = predictor[_ORDER, :] / (xp.prod(xp.where(last, 1.0, squared), axis=0) + _TINY)
    height = rest - half * half
    height = xp.sqrt(xp.where(height > 0, height, 0.0))
    left = xp.astype(-half, xp.complex128) + 1j * xp.astype(height, xp.complex128)
    above = xp.where(xp.imag(z) < 0, xp.conj(z), z)  # some settle on the pole's conjugate
    return xp.where(last, left[None, :], above), xp.max(xp.where(last, 0.0, step), axis=0)


def _autocorrelation(frames: Array) -> Array:
    """Return the autocorrelation of the band in frames at lags from 0, shape (11, n), float64."""
    xp = array_namespace(frames)
    where = device(frames)
    # as the window falls to 0, what the transform wraps around at 16 samples is nothing
    power = power_spectrum(frames, hann(FRAME), FRAME, _TOP + 1)
    cosines = xp.asarray(_cosines(), device=where)
    lags = cosines @ xp.permute_dims(xp.astype(power, xp.float64), (1, 0))
    return xp.concat([lags[:1, :] * (1 + _FLOOR) + _TINY, lags[1:, :]])


@cache
def _cosines() -> np.ndarray:
    """What turns the band's power into its autocorrelation after the emphasis, shape (11, bins)."""
    angle = 2 * np.pi * frequencies(FRAME)[: _TOP + 1] / RATE
    weight = 1 + _EMPHASIS**2 - 2 * _EMPHASIS * np.cos(angle)
    weight[[0, -1]] /= 2  # the ends of the band count once, all between for both signs
    bins = np.arange(_TOP + 1) * (np.pi / _TOP)
    return weight * np.cos(np.arange(_ORDER + 1)[:, None] * bins)


def _lowest(z: Array, moved: Array) -> tuple[Array, Array, Array]:
    """Return weights, these times frequencies, times bandwidths, of the three lowest poles."""
    xp = array_namespace(z)
    frequency = xp.atan2(xp.imag(z), xp.real(z)) * (_CEILING / np.pi)
    found = (moved < _USABLE) & (frequency > _LOWEST) & (frequency < _CEILING - _LOWEST)
    frequency = xp.where(found, frequency, _CEILING)
    order = xp.argsort(frequency, axis=0)[:3, :]
    frequency = xp.take_along_axis(frequency, order, axis=0)
    radius = xp.abs(xp.take_along_axis(z, order, axis=0))
    bandwidth = xp.log(xp.where(radius < _SHARPEST, radius + _TINY, _SHARPEST))
    bandwidth = bandwidth * (-2 * _CEILING / np.pi)
    weight = xp.where(moved < _SETTLED, 1.0, _DOUBTFUL) / (bandwidth + _BLUR) ** 2
    # all three or none: without the third it isn't sure which the others are
    weight = xp.where(frequency[2:, :] < _CEILING, weight, 0.0)
    return weight, weight * frequency, weight * bandwidth


def _average(parts: Array, starts: Array) -> tuple[Array, Array]:
    """Average over the frames around.

    Args:
        parts: weights, these times frequencies, times bandwidths, shape (9, n).
        starts: when the frames are, in hops, shape (n,).

    Returns:
        Frequencies and bandwidths, shape (6, n), and whether there were any, shape (n,).
    """
    xp = array_namespace(parts)
    n = starts.shape[0]
    edge = xp.zeros_like(parts[:, :1]) + xp.zeros((1, _AROUND), device=device(parts))
    parts = xp.concat([edge, parts, edge], axis=1)
    far = xp.zeros(_AROUND, dtype=starts.dtype, device=device(starts)) - 2 * _AROUND
    times = xp.concat([far, starts, far])
    sums = (1.0 + _AROUND) * parts[:, _AROUND : _AROUND + n]
    for shift in range(2 * _AROUND + 1):
        if shift != _AROUND:
            apart = xp.abs(times[shift : shift + n] - starts)  # signals lie further apart than that
            near = xp.where(apart <= _AROUND, 1.0 + _AROUND - apart, 0.0)
            sums = sums + near * parts[:, shift : shift + n]
    seen = sums[0, :] > 0
    total = xp.where(seen, sums[:3, :], 1.0)
    # each has weights of its own, so one frame in a thousand would have two of them the wrong way
    frequency = xp.sort(sums[3:6, :] / total, axis=0)
    return xp.concat([frequency, sums[6:, :] / total]), seen


def _level(model: Array, frequency: Array) -> Array:
    """Return the height of models at frequencies over the band's mean in dB, shape (3, n)."""
    xp = array_namespace(model)
    angle = frequency * (np.pi / _CEILING)
    z = xp.astype(xp.cos(angle), xp.complex128) + 1j * xp.astype(xp.sin(angle), xp.complex128)
    value = xp.ones_like(z)
    a = xp.astype(model, xp.complex128)
    for k in range(1, _ORDER + 1):
        value = value * z + a[k, :]
    gain = xp.real(value) ** 2 + xp.imag(value) ** 2
    return 10 * xp.log10(model[_ORDER + 1, :] / (gain + _TINY) + _TINY)
