"""Levels of the first harmonics against one another and against the formants."""

from __future__ import annotations

from affectspace.features.native.arrays import array_namespace, device
from affectspace.features.native.hops import RATE, Array
from affectspace.features.native.pitch import BINS, SIZE, Voice

TOP = 4900.0
"""Hz up to which levels are measured."""

_BIN = RATE / SIZE  # Hz from one bin to the next
_BESIDE = 2  # bins on either side of a harmonic in which its peak is looked for
_WIDTH = 16  # bins on either side of a formant that may hold its strongest harmonic: 250 Hz
_WIDEST = 24  # the same where the voice is high
_LEAST = 1e-10  # power below which nothing is measured


def harmonic_difference(voice: Voice, number: int, *, first: int = 1) -> Array:
    """Return the level of a harmonic, the first by default, over that of another in dB.

    Levels are those of the highest bin within 31 Hz of the harmonic's place in the power spectrum,
    interpolated by a parabola.

    Hanson, H. M. (1997). Glottal characteristics of female speakers: acoustic correlates. Journal
    of the Acoustical Society of America 101, 466-481 (H1*-H2*, here without the correction for the
    formants). Eyben, F., et al. (2016). The Geneva minimalistic acoustic parameter set (GeMAPS) for
    voice research and affective computing. IEEE Transactions on Affective Computing 7, 190-202.

    Args:
        voice: of n frames.
        number: of the other harmonic, from 2.
        first: the number of the harmonic that is compared with it. What openSMILE 3 calls H1-H2 is
            the second's over the third's, by our measurements.

    Returns:
        Shape (n,), float32; NaN on unvoiced frames and where a harmonic lies above 4.9 kHz.
    """
    xp = array_namespace(voice.f0)
    known = voice.voiced & (max(first, number) * voice.f0 < TOP)
    hertz = xp.where(known, voice.f0, 0.0)
    level = _harmonic(voice, xp.stack([first * hertz, number * hertz], axis=1))
    return xp.where(known, level[:, 0] - level[:, 1], _nothing(hertz))


def formant_differences(voice: Voice, formants: Array, *, first: int = 1) -> Array:
    """Return the level of a harmonic, the first by default, over the strongest near formants in dB.

    "Near" is within 250 Hz or 0.6 of the fundamental frequency, whichever is more: a harmonic lies
    within half of it.

    Hanson (1997) and Eyben et al. (2016); see [`harmonic_difference`].

    Args:
        voice: of n frames.
        formants: shape (n, formants), frequencies in Hz.
        first: the number of the harmonic that is compared with them.

    Returns:
        Shape (n, formants), float32: H1-A1, H1-A2, H1-A3. NaN on unvoiced frames and where a
        formant is NaN, 0, or above 4.9 kHz.
    """
    xp = array_namespace(voice.f0)
    where = device(voice.f0)
    known = voice.voiced[:, None] & (formants > 0) & (formants < TOP)
    middle = xp.where(known, formants, 0.0) / _BIN
    steps = xp.arange(-_WIDEST, _WIDEST + 1, dtype=xp.int64, device=where)
    bins = xp.clip(xp.astype(xp.round(middle), xp.int64)[:, :, None] + steps, 1, BINS - 2)
    rows = xp.arange(voice.f0.shape[0], device=where)[:, None, None]
    reach = xp.clip(0.6 * voice.f0 / _BIN, _WIDTH, None)[:, None, None]
    inside = xp.abs(xp.astype(bins, xp.float32) - middle[:, :, None]) <= reach
    best = xp.argmax(voice.power[rows, bins] * inside, axis=2)
    best = xp.clip(best + xp.astype(xp.round(middle), xp.int64) - _WIDEST, 1, BINS - 2)
    level = _harmonic(voice, first * voice.f0[:, None]) - _peak(voice.power, best)
    return xp.where(known, level, _nothing(voice.f0))


def _harmonic(voice: Voice, hertz: Array) -> Array:
    """Return the levels of the peaks near frequencies in dB, shape (n, k) -> (n, k)."""
    xp = array_namespace(voice.power)
    where = device(voice.power)
    middle = xp.astype(xp.round(hertz / _BIN), xp.int64)
    middle = xp.clip(middle, _BESIDE + 1, BINS - _BESIDE - 2)
    steps = xp.arange(-_BESIDE, _BESIDE + 1, dtype=xp.int64, device=where)
    rows = xp.arange(hertz.shape[0], device=where)[:, None, None]
    near = voice.power[rows, middle[:, :, None] + steps]
    return _peak(voice.power, xp.argmax(near, axis=2) + middle - _BESIDE)


def _peak(power: Array, bins: Array) -> Array:
    """Return the level of the peak at each bin in dB, by a parabola, shape (n, k)."""
    xp = array_namespace(power)
    rows = xp.arange(bins.shape[0], device=device(power))[:, None]
    before, at, after = (10 * xp.log10(power[rows, bins + step] + _LEAST) for step in (-1, 0, 1))
    bend = xp.clip(2 * at - before - after, 1e-6, None)
    shift = xp.clip((after - before) / (2 * bend), -0.5, 0.5)
    return at + shift * (after - before) / 4


def _nothing(like: Array) -> Array:
    xp = array_namespace(like)
    return xp.asarray(float("nan"), dtype=xp.float32, device=device(like))
