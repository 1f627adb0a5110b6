"""Power spectra of frames, and the scales that frequencies are put on."""

from __future__ import annotations

import math

import numpy as np

from affectspace.features.native.arrays import array_namespace, device, is_numpy_array
from affectspace.features.native.hops import RATE, Array

# samples; the spectrum of 16,384 has 128 kB
_AT_ONCE, _AT_ONCE_ELSEWHERE = 16_384, 2**23


def power_spectrum(frames: Array, window: Array, size: int) -> Array:
    """Return the power of each bin of windowed frames.

    Args:
        frames: shape (n, samples), float32.
        window: shape (samples,), float32.
        size: of the transform, at least `samples`.

    Returns:
        Shape (n, size // 2 + 1), float32: the squared magnitude of the transform; the bin of
        frequency f Hz is f * size / 16000.
    """
    # in double precision: in single, what is 80 dB below the loudest is 1e-3 off, which turned
    # formants over, and NumPy 2 takes 4 times as long. On a CPU block by block, for which memory
    # comes from the heap; whole recordings at once spend 5 times as long on page faults
    xp = array_namespace(frames)
    count = frames.shape[0]
    power = xp.empty((count, size // 2 + 1), dtype=xp.float32, device=device(frames))
    at_once = _AT_ONCE if is_numpy_array(frames) else _AT_ONCE_ELSEWHERE
    block = max(1, at_once // size)
    for i in range(0, count, block):
        windowed = xp.astype(frames[i : i + block, :] * window, xp.float64)
        transformed = xp.fft.rfft(windowed, n=size, axis=1)
        power[i : i + block, :] = xp.astype(
            xp.real(transformed) ** 2 + xp.imag(transformed) ** 2, xp.float32
        )
    return power


def hann(size: int, like: Array) -> Array:
    """Return a Hann window without its zeros, shape (size,), float32, of the kind of `like`."""
    xp = array_namespace(like)
    window = np.hanning(size + 2)[1:-1].astype(np.float32)
    return xp.asarray(window, device=device(like))


def hamming(size: int, like: Array) -> Array:
    """Return a Hamming window, shape (size,), float32, of the kind of `like`."""
    xp = array_namespace(like)
    return xp.asarray(np.hamming(size).astype(np.float32), device=device(like))


def frequencies(size: int) -> np.ndarray:
    """Return the frequency of each bin of a transform in Hz, shape (size // 2 + 1,)."""
    return np.arange(size // 2 + 1) * (RATE / size)


def mel(hertz: float) -> float:
    """Return a frequency on the mel scale: 1127 ln(1 + f / 700).

    O'Shaughnessy, D. (1987). Speech communication: human and machine. Addison-Wesley, p. 150.
    """
    return 1127.0 * math.log1p(hertz / 700.0)
