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
_BLOCK = 64  # frames at once, for the processor's cache

_BINS = np.arange(_FFT // 2 + 1)
_SMOOTHED = np.minimum(_BINS, _SMOOTH) + 1.0 + np.minimum(_BINS[::-1], _SMOOTH)
_PER_BIN = (1 / _SMOOTHED).astype(np.float32)

_WINDOW = np.hanning(_FRAME + 2)[1:-1].astype(np.float32)


def _cosines() -> NDArray[np.float32]:
    """Return what turns power into the autocorrelation at no lag and at those that are looked at.

    The window's own is undone. Shape (257, 119).
    """
    own = np.fft.irfft(np.abs(np.fft.rfft(_WINDOW, _FFT)) ** 2)
    lags = np.concatenate(([0], np.arange(_SHORTEST_LAG, _LONGEST_LAG + 1)))
    waves = np.cos(np.outer(_BINS, lags) * (2 * np.pi / _FFT)) * (own[0] / own[lags])
    waves[1:-1] *= 2  # the ends of the band count once, all between for both signs
    return np.asarray(waves, np.float32)


_COSINES = _cosines()


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
    frames = _frames_of(halved)
    energy = np.einsum("ij,ij->i", frames, frames)
    loud = np.flatnonzero(energy > QUIET * energy.max())
    strength = np.zeros(len(frames))
    most = min(len(loud), _BLOCK)
    room, spectra = np.empty((most, _FFT)), np.empty((most, len(_BINS)), np.complex128)
    room[:, _FRAME:] = 0  # a transform that has to add zeros by itself takes a third longer
    for i in range(0, len(loud), _BLOCK):
        chosen = loud[i : i + _BLOCK]
        count = len(chosen)
        strength[chosen] = _strength(frames[chosen], room[:count], spectra[:count])
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


def _frames_of(halved: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return frames that overlap by half, shape (n,) -> (frames, 320), without a copy."""
    count = (len(halved) - _FRAME) // _HOP + 1
    step = halved.strides[0]
    shape, strides = (count, _FRAME), (_HOP * step, step)
    return np.lib.stride_tricks.as_strided(halved, shape, strides, writeable=False)


def _strength(
    frames: NDArray[np.float32], room: NDArray[np.float64], spectra: NDArray[np.complex128]
) -> NDArray[np.float32]:
    """Return the periodicity of frames, shape (frames, 320) -> (frames,).

    Args:
        frames: up to 64, which are changed.
        room: shape (frames, 512), for the windowed frames, with zeros behind them.
        spectra: shape (frames, 257), for their spectra.
    """
    frames -= np.add.reduce(frames, axis=1, keepdims=True) / np.float32(_FRAME)
    np.multiply(frames, _WINDOW, out=room[:, :_FRAME])
    # in float64: NumPy's transform of float32 takes longer
    parts = np.fft.rfft(room, axis=1, out=spectra).view(np.float64).astype(np.float32)
    parts *= parts
    power = parts[:, ::2] + parts[:, 1::2]
    power /= _root_envelope(power)
    # few enough lags are wanted for a product to be faster than a transform
    acf = power @ _COSINES
    return np.asarray(acf[:, 1:].max(axis=1) / np.maximum(acf[:, 0], np.float32(1e-20)))


def _root_envelope(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the root of the smoothed spectrum, up to a factor per frame; never 0."""
    bins = power.shape[1]
    wide = np.zeros((len(power), bins + 2 * _SMOOTH), np.float32)
    wide[:, _SMOOTH:-_SMOOTH] = power
    # sums of 2, 4, 8 and 25 bins from each one on, over all frames in one row, with zeros between:
    # quicker than running sums, and than the same row by row
    row = wide.ravel()
    two = row[1:] + row[:-1]
    four = two[2:] + two[:-2]
    eight = four[4:] + four[:-4]
    sums, last = np.empty_like(wide), len(row) - 2 * _SMOOTH
    inner = np.add(eight[:last], eight[8:][:last], out=sums.ravel()[:last])
    inner += eight[16:][:last]
    inner += row[24:]
    envelope = sums[:, :bins] * _PER_BIN
    floor = np.float32(1e-6) * np.add.reduce(power, axis=1, keepdims=True) + np.float32(1e-20)
    np.maximum(envelope, floor, out=envelope)
    return np.asarray(np.sqrt(envelope, out=envelope))
