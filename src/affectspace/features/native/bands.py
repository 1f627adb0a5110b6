"""Mel bands, and what is made of them: cepstra and loudness."""

from __future__ import annotations

from functools import cache

import numpy as np

from affectspace.features.native.arrays import array_namespace, device
from affectspace.features.native.hops import Array
from affectspace.features.native.shape import SIZE
from affectspace.features.native.spectrum import frequencies, mel

BANDS = 26
"""Mel bands from 20 Hz to 8 kHz."""

CEPSTRA = 12
"""Cepstral coefficients, without the 0th, which is the level."""

_LOWEST, _HIGHEST = 20.0, 8_000.0


def band_powers(power: Array) -> Array:
    """Return the power in 26 triangular bands, evenly spaced on the mel scale from 20 Hz to 8 kHz.

    Davis, S., Mermelstein, P. (1980). Comparison of parametric representations for monosyllabic
    word recognition in continuously spoken sentences. IEEE Trans. ASSP 28(4).

    Args:
        power: of short frames, shape (n, 257).

    Returns:
        Shape (n, 26), above 0.
    """
    xp = array_namespace(power)
    return power @ xp.asarray(_triangles(), device=device(power))


def cepstra(level: Array) -> Array:
    """Return mel-frequency cepstral coefficients 1 to 12: the cosine transform of the levels.

    Davis and Mermelstein (1980). They don't depend on the level.

    Args:
        level: of the bands in dB, shape (n, 26).

    Returns:
        In dB, shape (n, 12): coefficient k is sqrt(2 / 26) sum_j level_j cos(pi k (j + 1/2) / 26).
    """
    xp = array_namespace(level)
    return level @ xp.asarray(_cosines(), device=device(level))


def specific_loudness(power: Array) -> Array:
    """Return the loudness in each band: the power as the ear weighs it, to the power of 0.3.

    Weighted by an equal-loudness curve and compressed as in Hermansky, H. (1990). Perceptual linear
    predictive (PLP) analysis of speech. JASA 87(4), with the exponent 0.3 of Stevens's law for the
    loudness of power.

    Args:
        power: of the bands, shape (n, 26).

    Returns:
        Shape (n, 26), above 0, in arbitrary units; ten times the power is twice as loud.
    """
    xp = array_namespace(power)
    return (power * xp.asarray(_equal_loudness(), device=device(power))) ** 0.3


@cache
def centres() -> np.ndarray:
    """Return the centre of each band in Hz, shape (26,)."""
    edges = np.linspace(mel(_LOWEST), mel(_HIGHEST), BANDS + 2)
    return 700.0 * np.expm1(edges[1:-1] / 1127.0)


@cache
def _triangles() -> np.ndarray:
    edges = np.linspace(mel(_LOWEST), mel(_HIGHEST), BANDS + 2)
    at = np.array([mel(f) for f in frequencies(SIZE)])[:, None]
    rising = (at - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - at) / (edges[2:] - edges[1:-1])
    triangles: np.ndarray = np.clip(np.minimum(rising, falling), 0.0, None).astype(np.float32)
    return triangles


@cache
def _cosines() -> np.ndarray:
    k, j = np.arange(1, CEPSTRA + 1), np.arange(BANDS)[:, None]
    waves: np.ndarray = np.sqrt(2 / BANDS) * np.cos(np.pi * k * (j + 0.5) / BANDS)
    return waves.astype(np.float32)


@cache
def _equal_loudness() -> np.ndarray:
    """Hermansky's curve at the bands' centres, 1 where the ear hears best."""
    square = (2 * np.pi * centres()) ** 2
    curve = (square + 56.8e6) * square**2 / ((square + 6.3e6) ** 2 * (square + 0.38e9))
    # its term for above 5 kHz
    curve /= 1 + square**3 / 9.58e26
    relative: np.ndarray = curve / curve.max()
    return relative.astype(np.float32)
