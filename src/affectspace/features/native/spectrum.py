"""Power spectra of frames, and the scales that frequencies are put on."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from affectspace.features.native.arrays import array_namespace, device, is_numpy_array
from affectspace.features.native.hops import RATE, Array

# samples of transforms
_AT_ONCE, _AT_ONCE_ELSEWHERE = 32_768, 2**23


def power_spectrum(frames: Array, window: np.ndarray, size: int, bins: int | None = None) -> Array:
    """Return the power of each bin of windowed frames.

    Args:
        frames: shape (n, samples), float32.
        window: shape (samples,), float32.
        size: of the transform, at least `samples`.
        bins: that are wanted, from the first on; None is all, size // 2 + 1.

    Returns:
        Shape (n, bins), float32: the squared magnitude of the transform; the bin of
        frequency f Hz is f * size / 16000.
    """
    # in double precision: in single, what is 80 dB below the loudest is 1e-3 off, which turned
    # formants over, and NumPy 2 takes longer. On a CPU block by block, which stay in its cache
    xp = array_namespace(frames)
    where = device(frames)
    weights = xp.asarray(window, dtype=xp.float64, device=where)
    count, length = frames.shape
    bins = size // 2 + 1 if bins is None else bins
    power = xp.empty((count, bins), dtype=xp.float32, device=where)
    block = max(1, (_AT_ONCE if is_numpy_array(frames) else _AT_ONCE_ELSEWHERE) // size)
    # with zeros behind the frame already: to have the transform add them takes a third longer
    room = xp.zeros((min(block, count), size), dtype=xp.float64, device=where)
    for i in range(0, count, block):
        windowed = room[: min(block, count - i), :]
        windowed[:, :length] = frames[i : i + block, :] * weights
        transformed = xp.fft.rfft(windowed, axis=1)[:, :bins]
        square = xp.real(transformed) ** 2 + xp.imag(transformed) ** 2
        power[i : i + block, :] = xp.astype(square, xp.float32)
    return power


def fold(levels: Array) -> Array:
    """Return sums and differences of bins from both ends of a band, for transforms by cosines.

    The cosine of an even number of half turns over the band is the same from either end, that of an
    odd number the negative, so half of the products will do.

    Args:
        levels: shape (n, 257).

    Returns:
        Shape (2, n, 129).
    """
    xp = array_namespace(levels)
    middle = levels.shape[1] // 2
    low, high = levels[:, : middle + 1], xp.flip(levels[:, middle:], axis=1)
    return xp.stack([low + high, low - high], axis=0)


def folded(waves: np.ndarray) -> np.ndarray:
    """Return what to multiply `fold` by in place of a matrix that isn't folded.

    Args:
        waves: shape (257, k): cosines of even numbers of half turns over the band, and of odd ones,
            by turns, the first even; k is even.

    Returns:
        Shape (2, 129, k / 2), float32: for even and for odd numbers.
    """
    half = waves[: len(waves) // 2 + 1].copy()
    half[-1] /= 2  # the middle is folded on itself
    return np.stack([half[:, ::2], half[:, 1::2]]).astype(np.float32)


@cache
def hann(size: int) -> np.ndarray:
    """Return a Hann window without its zeros, shape (size,), float32."""
    window: np.ndarray = np.hanning(size + 2)[1:-1].astype(np.float32)
    return window


@cache
def hamming(size: int) -> np.ndarray:
    """Return a Hamming window, shape (size,), float32."""
    window: np.ndarray = np.hamming(size).astype(np.float32)
    return window


def frequencies(size: int) -> np.ndarray:
    """Return the frequency of each bin of a transform in Hz, shape (size // 2 + 1,)."""
    return np.arange(size // 2 + 1) * (RATE / size)


def mel(hertz: float) -> float:
    """Return a frequency on the mel scale: 1127 ln(1 + f / 700).

    O'Shaughnessy, D. (1987). Speech communication: human and machine. Addison-Wesley, p. 150.
    """
    return 1127.0 * math.log1p(hertz / 700.0)
