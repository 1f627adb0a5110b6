"""How much of a signal is voiced: a cheap check, so that noise isn't scored as speech.

Frames of 40 ms every 20 ms are whitened by their own spectral envelope, and the highest normalised
autocorrelation at the lags of 60 to 500 Hz tells how periodic they are. A frame is voiced where it
and two neighbours in a row are periodic.

On 3,763 recordings of five corpora the most periodic three frames in a row reach 0.35 to 1.0; in
20 minutes of white and pink noise they never pass 0.35. The limit of 0.47 refuses 4 of the
recordings, whispered or creaky throughout, and in these openSMILE finds no voiced segment either.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from affectspace.audio.status import Status
from affectspace.errors import AudioError

PERIODIC_FROM = 0.47
QUIET = 1e-4  # a frame 40 dB below the loudest isn't looked at

_FRAME, _HOP, _FFT = 320, 160, 512  # samples at 8 kHz
_SHORTEST_LAG, _LONGEST_LAG = 16, 133  # 500 and 60 Hz
_SMOOTH = 12  # bins to either side, together 390 Hz
_BLOCK = 2048  # frames at once: 41 s of signal, some 10 MB

_WINDOW = np.hanning(_FRAME + 2)[1:-1].astype(np.float32)
_WINDOW_POWER = np.abs(np.fft.rfft(_WINDOW, _FFT)) ** 2
_WINDOW_ACF = np.fft.irfft(_WINDOW_POWER)[: _LONGEST_LAG + 1]
_WINDOW_ACF = (_WINDOW_ACF / _WINDOW_ACF[0])[_SHORTEST_LAG:]


def periodicity(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Measure how periodic each 20 ms of a signal is.

    Args:
        samples: shape (n,), at 16 kHz, n at least 640.

    Returns:
        Shape (frames,): 0 for noise to about 1 for a steady voice; 0 where it is quiet.

    Examples:
        >>> time = np.arange(16000, dtype=np.float32) / 16000
        >>> bool((periodicity(np.sin(2 * np.pi * 120 * time) ** 9) > 0.9).all())
        True
    """
    even = len(samples) // 2 * 2
    halved = (samples[0:even:2] + samples[1:even:2]) * np.float32(0.5)
    frames = np.lib.stride_tricks.sliding_window_view(halved, _FRAME)[::_HOP]
    parts = [_block(frames[i : i + _BLOCK]) for i in range(0, len(frames), _BLOCK)]
    energy = np.concatenate([part[0] for part in parts])
    strength = np.concatenate([part[1] for part in parts])
    return np.where(energy > QUIET * energy.max(), strength, 0.0)


def voiced_share(samples: NDArray[np.float32]) -> float:
    """Return the share of a signal that is voiced, and check that there is any.

    Args:
        samples: shape (n,), at 16 kHz, at least 0.2 s.

    Returns:
        More than 0, up to 1.

    Raises:
        AudioError: `unvoiced`.
    """
    periodic = periodicity(samples) >= PERIODIC_FROM
    three = periodic[:-2] & periodic[1:-1] & periodic[2:]
    voiced = np.zeros(len(periodic), bool)
    for shift in range(3):
        voiced[shift : shift + len(three)] |= three
    if not voiced.any():
        raise AudioError(
            Status.UNVOICED,
            f"{Status.UNVOICED.sentence}: no 80 ms are periodic between 60 and 500 Hz",
        )
    return float(voiced.mean())


def _block(frames: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return energy and periodicity of frames, shape (frames, 320) -> twice (frames,)."""
    # in float64: NumPy's transform of float32 takes 4 times as long
    windowed = np.zeros((len(frames), _FFT))
    windowed[:, :_FRAME] = (frames - frames.mean(axis=1, keepdims=True)) * _WINDOW
    spectrum = np.fft.rfft(windowed, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    acf = np.fft.irfft(power / _root_envelope(power), axis=1)
    lags = acf[:, _SHORTEST_LAG : _LONGEST_LAG + 1] / _WINDOW_ACF
    return power.mean(axis=1), lags.max(axis=1) / np.maximum(acf[:, 0], 1e-20)


def _root_envelope(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the root of the smoothed spectrum, up to a factor per frame; never 0."""
    bins = power.shape[1]
    running = np.zeros((len(power), bins + 1))
    np.cumsum(power, axis=1, out=running[:, 1:])
    low = np.maximum(np.arange(bins) - _SMOOTH, 0)
    high = np.minimum(np.arange(bins) + _SMOOTH + 1, bins)
    envelope = (running[:, high] - running[:, low]) / (high - low)
    # the floor also covers what cancels in the difference of running sums
    floor = 1e-6 * running[:, -1:] + 1e-20
    return np.asarray(np.sqrt(np.maximum(envelope, floor)))
