"""Power spectra of frames, and the scales that frequencies are put on."""

from __future__ import annotations

import math

import numpy as np
from array_api_compat import array_namespace, device, is_numpy_array

from affectspace.features.native.hops import RATE, Array

_AT_ONCE = 16_384  # samples: their spectrum has 128 kB in double precision


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
    if not is_numpy_array(frames):
        return _power(array_namespace(frames).fft.rfft(frames * window, n=size, axis=1))
    # NumPy 2 takes 4 times as long in single precision; and block by block memory comes from the
    # heap, where whole recordings at once spend 5 times the transform's own time on page faults
    power = np.empty((len(frames), size // 2 + 1), np.float32)
    block = max(1, _AT_ONCE // size)
    for i in range(0, len(frames), block):
        windowed = (frames[i : i + block] * window).astype(np.float64)
        power[i : i + block] = _power(np.fft.rfft(windowed, n=size, axis=1))
    return power


def _power(transformed: Array) -> Array:
    xp = array_namespace(transformed)
    return xp.real(transformed) ** 2 + xp.imag(transformed) ** 2


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
