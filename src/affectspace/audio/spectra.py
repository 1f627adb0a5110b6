"""Short frames of a signal and their power spectra, computed once for all that is measured."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FRAME = 512
"""Samples at 16 kHz: 32 ms, and bins of 31.25 Hz."""

MOST = 1_000
"""Frames that are looked at, evenly spread over longer recordings."""

_WINDOW = np.hanning(FRAME + 2)[1:-1]
_BLOCK = 128  # frames at once, for the processor's cache


class Spectra:
    """A signal in frames, one behind the other, and their power spectra, as they are asked for.

    Args:
        samples: shape (n,), at 16 kHz.

    Attributes:
        energies: the sum of squares of each frame, shape (n // 512,).
    """

    def __init__(self, samples: NDArray[np.float32]) -> None:
        self._frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
        self.energies: NDArray[np.float32] = np.einsum("ij,ij->i", self._frames, self._frames)
        self._all: NDArray[np.float64] | None = None

    def powers(self, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the power per bin of chosen frames without their means.

        Args:
            chosen: which frames, shape (n // 512,).

        Returns:
            Shape (257, frames); of more than a thousand chosen ones, some that are spread evenly.
        """
        if len(chosen) <= MOST:
            if self._all is None:
                self._all = _powers(self._frames)
            return self._all if chosen.all() else self._all[:, chosen]
        return _powers(self._frames[_evenly(np.flatnonzero(chosen))])


def _evenly(array: NDArray[Any]) -> NDArray[Any]:
    return array[:: -(-len(array) // MOST)] if len(array) else array


def _powers(frames: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the power per bin of each frame without its mean, (frames, 512) -> (257, frames)."""
    power = np.empty((FRAME // 2 + 1, len(frames)))
    for first in range(0, len(frames), _BLOCK):
        windowed = frames[first : first + _BLOCK].astype(np.float64)
        windowed -= windowed.mean(axis=1, keepdims=True)
        windowed *= _WINDOW
        spectrum = np.fft.rfft(windowed, axis=1)
        block = np.square(spectrum.real)
        block += np.square(spectrum.imag)
        power[:, first : first + _BLOCK] = block.T
    return power
