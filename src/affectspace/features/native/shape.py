"""The shape of a spectrum: where its energy lies. None of it but `change` depends on the level.

All take the power spectra of short frames; see [`short_spectrum`]
[affectspace.features.native.shape.short_spectrum].
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np

from affectspace.features.native.arrays import array_namespace, device
from affectspace.features.native.hops import RATE, Array, Hops
from affectspace.features.native.spectrum import frequencies, hamming, power_spectrum

FRAME = 320
"""Samples of a short frame: 20 ms."""

SIZE = 512
"""Samples of its transform: bins of 31.25 Hz."""

FLOOR = 1e-13
"""Power per bin that is added to every spectrum, where full scale is 1: some -130 dB, so that
digital silence has a spectrum, a flat one."""

_SOME = 16  # bins of a block

ROLL_OFFS = (0.25, 0.5, 0.75, 0.9)
"""Shares of the power below a roll-off."""


def short_spectrum(hops: Hops) -> Array:
    """Return the power spectra of frames of 20 ms in a Hamming window.

    As for the spectral parameters in Eyben, F. et al. (2016). The Geneva Minimalistic Acoustic
    Parameter Set (GeMAPS) for voice research and affective computing. IEEE Trans. Affective
    Computing 7(2). In recordings with nothing below 60 Hz the slope up to 500 Hz is mostly what
    leaks into the lowest bins, so it depends on the window.

    Returns:
        Shape (n, 257), float32, above 0: power per bin, of which a sine of full scale has about 0.4
        in the highest one.
    """
    return power_spectrum(hops.frames(FRAME), _window(), SIZE) + FLOOR


def decibels(power: Array) -> Array:
    """Return 10 lg of powers above 0."""
    return 10.0 * array_namespace(power).log10(power)


def alpha_ratio(power: Array) -> Array:
    """Return the energy of 50 to 1,000 Hz over that of 1 to 5 kHz, in dB, shape (n,).

    Eyben, F. et al. (2016). The Geneva Minimalistic Acoustic Parameter Set (GeMAPS) for voice
    research and affective computing. IEEE Trans. Affective Computing 7(2).
    """
    xp = array_namespace(power)
    both = decibels(power @ xp.asarray(_halves(), device=device(power)))
    return both[:, 0] - both[:, 1]


def hammarberg_index(power: Array) -> Array:
    """Return the highest peak up to 2 kHz over that of 2 to 5 kHz, in dB, shape (n,).

    Hammarberg, B. et al. (1980). Perceptual and acoustic correlates of abnormal voice qualities.
    Acta Oto-Laryngologica 90.
    """
    xp = array_namespace(power)
    low, high = _band(0, 2_000), _band(2_000, 5_000)
    return decibels(xp.max(power[:, low], axis=1)) - decibels(xp.max(power[:, high], axis=1))


def slope(level: Array, lowest: float, highest: float) -> Array:
    """Return the slope of a spectrum in a band, by linear regression on frequency.

    Tamarit, L., Goudbeek, M., Scherer, K. (2008). Spectral slope measurements in emotionally
    expressive speech. Proc. ITRW on Speech Analysis and Processing for Knowledge Discovery.

    Args:
        level: the spectrum in dB, shape (n, 257).
        lowest: lower end of the band in Hz.
        highest: its upper end in Hz.

    Returns:
        In dB per kHz, shape (n,).
    """
    xp = array_namespace(level)
    return level @ xp.asarray(_regression(lowest, highest), device=device(level))


def change(magnitude: Array, hops: Hops) -> Array:
    """Return how much the spectrum has changed since the frame before, louder or not.

    The Euclidean distance of magnitudes, the spectral flux of Eyben et al. (2016) as openSMILE
    measures it. It depends on the level: twice the amplitude is twice the change.

    Args:
        magnitude: of short spectra, shape (n, k).
        hops: says which frame is the first of its signal: it has no change.

    Returns:
        0 and more, shape (n,).
    """
    xp = array_namespace(magnitude)
    moved = xp.sum((magnitude[1:, :] - magnitude[:-1, :]) ** 2, axis=1) ** 0.5
    same_signal = hops.starts[1:] == hops.starts[:-1] + 1
    moved = xp.where(same_signal, moved, xp.zeros_like(moved))
    return xp.concat([xp.zeros_like(magnitude[:1, 0]), moved])


class Moments(NamedTuple):
    """Where a spectrum's power lies; each of shape (n,).

    Attributes:
        centroid: mean frequency in Hz.
        spread: standard deviation in Hz.
        skewness: third standardised moment; positive where a tail reaches to high frequencies.
        entropy: of the distribution of power over the bins, 0 (one bin) to 1 (flat).
    """

    centroid: Array
    spread: Array
    skewness: Array
    entropy: Array


def moments(level: Array, magnitude: Array) -> Moments:
    """Return the moments of the magnitude over frequency, of the root of the power.

    The magnitude is taken in place of the power, so that what is quiet counts too. Peeters, G.
    (2004). A large set of audio features for sound description. Ircam, section 6.1. Entropy: Misra,
    H. et al. (2004). Spectral entropy based feature for robust ASR. ICASSP.

    Args:
        level: the spectrum in dB, shape (n, 257).
        magnitude: its root, shape (n, 257).
    """
    xp = array_namespace(magnitude)
    sums = xp.astype(magnitude, xp.float64) @ xp.asarray(_powers(), device=device(magnitude))
    total = sums[:, 0]
    mean, square, cube = (sums[:, k] / total for k in (1, 2, 3))
    variance = xp.clip(square - mean**2, 1e-4, None)
    spread = xp.sqrt(variance)
    third = cube - 3.0 * mean * square + 2.0 * mean**3
    # the mean of ln(share) is that of the level, less ln(total)
    share_of_level = xp.astype(xp.vecdot(magnitude, level), xp.float64) / total
    logarithm = share_of_level * (math.log(10.0) / 20.0) - xp.log(total)
    entropy = -logarithm / math.log(SIZE // 2 + 1)
    found = (1_000.0 * mean, 1_000.0 * spread, third / (variance * spread), entropy)
    return Moments(*(xp.astype(moment, xp.float32) for moment in found))


def roll_offs(power: Array) -> Array:
    """Return the frequencies below which a quarter, half, three quarters, 9/10 of the power lie.

    Scheirer, E., Slaney, M. (1997). Construction and evaluation of a robust multifeature
    speech/music discriminator. ICASSP.

    Returns:
        In Hz, shape (n, 4), between bins by linear interpolation.
    """
    xp = array_namespace(power)
    where = device(power)
    n, bins = power.shape
    count = n * len(ROLL_OFFS)
    # first which 16 bins a share of the power ends in, then which one of them, each by a product
    # along the bins: running sums over all of them take four times as long
    up_to, within = (xp.asarray(sums, device=where) for sums in _running_sums())
    ends = up_to @ xp.permute_dims(xp.astype(power, xp.float64), (1, 0))
    shares = xp.asarray(np.asarray(ROLL_OFFS), device=where)
    wanted = shares[:, None] * ends[-1, :]
    block = xp.sum(xp.astype(ends[1:-1, None, :] < wanted, xp.int64), axis=0)
    wanted, block = xp.reshape(wanted, (-1,)), xp.reshape(block, (-1,))
    frame = xp.tile(xp.arange(n, dtype=xp.int64, device=where), (len(ROLL_OFFS),))
    before = xp.take(xp.reshape(ends, (-1,)), block * n + frame)
    steps = xp.arange(_SOME + 1, dtype=xp.int64, device=where)[:, None]
    near = xp.reshape(power, (-1,))[frame * bins + block * _SOME + steps]
    below = within @ xp.astype(near, xp.float64) + before
    at = xp.sum(xp.astype(below[:-1, :] < wanted, xp.int64), axis=0)
    column = xp.arange(count, dtype=xp.int64, device=where)
    inside = at * count + column
    over = xp.take(xp.reshape(below, (-1,)), inside) - wanted
    into = over / xp.astype(xp.take(xp.reshape(near, (-1,)), inside), xp.float64)
    place = xp.astype(block * _SOME + at, xp.float64) + 0.5 - into
    hertz = xp.reshape(place * (RATE / SIZE), (len(ROLL_OFFS), n))
    return xp.astype(xp.permute_dims(hertz, (1, 0)), xp.float32)


def flux(magnitude: Array, hops: Hops) -> Array:
    """Return how much the spectrum has changed since the frame before, relative to its size.

    Scheirer and Slaney (1997), on magnitudes divided by the mean of both frames' sums.

    Args:
        magnitude: of short spectra, shape (n, k).
        hops: says which frame is the first of its signal: it has no change.

    Returns:
        0 (the same) to 2 (nothing in common), shape (n,).
    """
    xp = array_namespace(magnitude)
    change = xp.sum(xp.abs(magnitude[1:] - magnitude[:-1]), axis=1)
    size = xp.sum(magnitude, axis=1)
    same_signal = hops.starts[1:] == hops.starts[:-1] + 1
    moved = xp.where(same_signal, 2.0 * change / (size[1:] + size[:-1]), xp.zeros_like(change))
    return xp.concat([xp.zeros_like(size[:1]), moved])


@cache
def _window() -> np.ndarray:
    """A Hamming window such that the power of white noise is that of its samples, per bin."""
    window = hamming(FRAME)
    scaled: np.ndarray = window * (2.0 / (np.sum(window**2) * FRAME)) ** 0.5
    return scaled


@cache
def _powers() -> np.ndarray:
    """The frequency of each bin in kHz, to the power of 0, 1, 2, 3, shape (257, 4)."""
    return (frequencies(SIZE)[:, None] / 1_000.0) ** np.arange(4)


@cache
def _running_sums() -> tuple[np.ndarray, np.ndarray]:
    """What sums a spectrum up to each block, and all of it, (17, 257), and a block, (17, 17).

    Blocks have 16 bins, but for the last one, which has 17.
    """
    bins = np.arange(SIZE // 2 + 1)
    ends = np.append(np.arange(0, len(bins) - 1, _SOME), len(bins))
    return (bins < ends[:, None]).astype(np.float64), np.tri(_SOME + 1)


@cache
def _halves() -> np.ndarray:
    """Weights that sum up a spectrum from 50 to 1,000 Hz and from 1 to 5 kHz, shape (257, 2)."""
    weights = np.zeros((SIZE // 2 + 1, 2), np.float32)
    weights[_band(50, 1_000), 0] = 1
    weights[_band(1_000, 5_000), 1] = 1
    return weights


@cache
def _regression(lowest: float, highest: float) -> np.ndarray:
    """Weights that give the slope of a spectrum in a band, shape (257,): 0 outside of it."""
    weights = np.zeros(SIZE // 2 + 1, np.float32)
    band = _band(lowest, highest)
    x = frequencies(SIZE)[band] / 1_000.0
    x = x - x.mean()
    weights[band] = x / np.sum(x**2)
    return weights


@cache
def _band(lowest: float, highest: float) -> slice:
    """The bins of a band in Hz, both of its ends among them."""
    return slice(int(np.ceil(lowest * SIZE / RATE)), int(highest * SIZE / RATE) + 1)
