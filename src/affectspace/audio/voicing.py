"""How much of a signal is voiced: a cheap check, so that noise isn't scored as speech.

Frames of 40 ms every 20 ms, at 4 kHz, are whitened by their own spectral envelope, and the highest
normalised autocorrelation at the lags of 60 to 500 Hz tells how periodic they are. A frame is
voiced where it and two neighbours in a row are periodic.

On 3,763 recordings of five corpora the most periodic three frames in a row reach 0.38 to 1.0; in
20 minutes of white and pink noise they never pass 0.43. openSMILE finds no voiced segment in 5 of
the recordings, whispered or creaky throughout; the limit of 0.52 refuses 4 of these and no other.
Hum from 60 Hz on and music are as periodic as a voice, and count as one; so does a seventh of brown
noise.

All but the sums that bring a signal to 4 kHz are matrix products: of so short a frame, and so few
bins, they take less time than fast transforms and running sums.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from affectspace.audio.status import Status
from affectspace.errors import AudioError

PERIODIC_FROM = 0.52
QUIET = 1e-4  # a frame 40 dB below the strongest, up to 2 kHz, isn't looked at

_HOP = 80  # samples at 4 kHz; a frame is two hops
_FFT = 200  # samples from which the bins, of 20 Hz, follow
_SHORTEST_LAG, _LONGEST_LAG = 8, 66  # 500 and 60 Hz
_SMOOTH = 10  # bins to either side, together 420 Hz
_BLOCK = 256  # frames at once, for the processor's cache

_NOTHING = np.float32(1e-20)


class _Products(NamedTuple):
    """What frames and their power are multiplied by.

    Attributes:
        even: takes what is even about a frame's middle, half of it, to its windowed spectrum
            without the frame's mean; shape (99, 80).
        odd: likewise what is odd.
        envelope: takes power to its envelope, never 0 beside other power, and, in the last row, to
            its sum; shape (100, 99).
        lags: takes power to the autocorrelation at no lag and at those that are looked at, the
            window's own undone; shape (60, 99).
    """

    even: NDArray[np.float32]
    odd: NDArray[np.float32]
    envelope: NDArray[np.float32]
    lags: NDArray[np.float32]


def _products() -> _Products:
    frame = 2 * _HOP
    bins = np.arange(1, _FFT // 2)
    window = np.hanning(frame + 2)[1:-1]
    phases = np.outer(bins, np.arange(frame) - (frame - 1) / 2) * (2 * np.pi / _FFT)
    even, odd = np.cos(phases) * window, np.sin(phases) * window
    even -= even.mean(axis=1, keepdims=True)  # as good as taking the mean off the frame
    near = np.abs(bins[:, None] - bins) <= _SMOOTH
    envelope = near / near.sum(axis=1, keepdims=True) + 1e-6
    lags = np.concatenate(([0], np.arange(_SHORTEST_LAG, _LONGEST_LAG + 1)))
    own = np.fft.irfft(np.abs(np.fft.rfft(window, _FFT)) ** 2)
    waves = np.cos(np.outer(lags, bins) * (2 * np.pi / _FFT)) * (own[0] / own[lags])[:, None]
    tables = even[:, :_HOP], odd[:, :_HOP], np.vstack([envelope, np.ones(len(bins))]), waves
    return _Products(*(np.ascontiguousarray(table, np.float32) for table in tables))


_PRODUCTS = _products()


def periodicity(samples: NDArray[np.float32]) -> NDArray[np.float32]:
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
    hops = _at_4_khz(samples)
    hops = hops[: len(hops) // _HOP * _HOP].reshape(-1, _HOP)
    count = len(hops) - 1
    strength, power = np.empty(count, np.float32), np.empty(count, np.float32)
    for first in range(0, count, _BLOCK):
        block = slice(first, first + _BLOCK)
        strength[block], power[block] = _strength(hops[first : first + _BLOCK + 1])
    strength[power <= np.float32(QUIET) * power.max()] = 0
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


def _at_4_khz(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Add up each four samples, as a cheap low-pass; in twos, which is quicker."""
    whole = len(samples) // 4 * 4
    twos = samples[0:whole:2] + samples[1:whole:2]
    return twos[::2] + twos[1::2]


def _strength(hops: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the periodicity and the power of frames, shape (frames + 1, 80) -> (frames,) each."""
    first, mirrored = hops[:-1], hops[1:, ::-1]
    power = _PRODUCTS.even @ (first + mirrored).T
    power *= power
    odd = _PRODUCTS.odd @ (first - mirrored).T
    odd *= odd
    power += odd
    smoothed = _PRODUCTS.envelope @ power
    envelope, total = smoothed[:-1], smoothed[-1]
    envelope += _NOTHING
    power /= np.sqrt(envelope, out=envelope)
    autocorrelation = _PRODUCTS.lags @ power
    return autocorrelation[1:].max(axis=0) / (autocorrelation[0] + _NOTHING), total
