"""Short frames of a signal and their power spectra."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FRAME = 512
"""Samples at 16 kHz: 32 ms, and bins of 31.25 Hz."""

_WINDOW = np.hanning(FRAME + 2)[1:-1]


def frames_of(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cut a signal into frames, one behind the other, shape (n,) -> (n // 512, 512)."""
    return samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)


def energies(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the sum of squares of each frame, shape (frames, 512) -> (frames,)."""
    sums: NDArray[np.float32] = np.einsum("ij,ij->i", frames, frames)
    return sums


def evenly(array: NDArray[Any], most: int) -> NDArray[Any]:
    """Return an array, or so many of its entries at most, evenly spread."""
    return array[:: -(-len(array) // most)] if len(array) else array


def powers(frames: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the power per bin of each frame without its mean, (frames, 512) -> (frames, 257)."""
    windowed = frames.astype(np.float64)
    windowed -= windowed.mean(axis=1, keepdims=True)
    windowed *= _WINDOW
    return np.square(np.abs(np.fft.rfft(windowed, axis=1)))
