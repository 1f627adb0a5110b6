"""How much of a signal is voiced: a cheap check, so that noise isn't scored as speech.

Frames of 40 ms every 20 ms are whitened by their own spectral envelope, and the highest normalised
autocorrelation at the lags of 60 to 500 Hz tells how periodic they are. A frame is voiced where it
and two neighbours in a row are periodic.

On 3,763 recordings of five corpora the most periodic three frames in a row reach 0.35 to 1.0; in
20 minutes of white and pink noise they never pass 0.35. openSMILE finds no voiced segment in 5 of
the recordings, whispered or creaky throughout; the limit of 0.47 refuses 4 of these and no other.
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
_BLOCK = 24  # frames at once: arrays under 128 KB come from the heap, without page faults

_BINS = np.arange(_FFT // 2 + 1)
_BINS_SMOOTHED = np.minimum(_BINS, _SMOOTH) + 1 + np.minimum(_BINS[::-1], _SMOOTH)

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
    halved -= halved.mean()
    frames = np.lib.stride_tricks.sliding_window_view(halved, _FRAME)[::_HOP]
    energy = np.einsum("ij,ij->i", frames, frames)
    loud = np.flatnonzero(energy > QUIET * energy.max())
    strength = np.zeros(len(frames))
    for i in range(0, len(loud), _BLOCK):
        chosen = loud[i : i + _BLOCK]
        strength[chosen] = _strength(frames[chosen])
    return strength


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


def _strength(frames: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the periodicity of frames, shape (frames, 320) -> (frames,)."""
    # in float64: NumPy's transform of float32 takes 4 times as long
    windowed = np.zeros((len(frames), _FFT))
    np.multiply(frames - frames.mean(axis=1, keepdims=True), _WINDOW, out=windowed[:, :_FRAME])
    spectrum = np.fft.rfft(windowed, axis=1)
    power = np.square(spectrum.real)
    power += np.square(spectrum.imag)
    power /= _root_envelope(power)
    acf = np.fft.irfft(power, axis=1)
    strength = (acf[:, _SHORTEST_LAG : _LONGEST_LAG + 1] / _WINDOW_ACF).max(axis=1)
    return np.asarray(strength / np.maximum(acf[:, 0], 1e-20))


def _root_envelope(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the root of the smoothed spectrum, up to a factor per frame; never 0."""
    bins, width = power.shape[1], 2 * _SMOOTH + 1
    running = np.zeros((len(power), bins + width))
    np.cumsum(power, axis=1, out=running[:, _SMOOTH + 1 : -_SMOOTH])
    running[:, -_SMOOTH:] = running[:, -_SMOOTH - 1, None]
    envelope = running[:, width:] - running[:, :-width]
    envelope /= _BINS_SMOOTHED
    # the floor also covers what cancels in the difference of running sums
    np.maximum(envelope, 1e-6 * running[:, -1:] + 1e-20, out=envelope)
    np.sqrt(envelope, out=envelope)
    return envelope
