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
        self._all: NDArray[np.float32] | None = None
        self._all_ranked: NDArray[np.float32] | None = None

    def ranked_powers(self, chosen: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Return the power per bin of chosen frames without their means, weakest first.

        Args:
            chosen: which frames, shape (n // 512,).

        Returns:
            Shape (257, frames), each bin in an order of its own; of more than a thousand chosen
            frames, some that are spread evenly.
        """
        if len(chosen) > MOST:
            return np.sort(_powers(self._frames[_evenly(np.flatnonzero(chosen))]), axis=1)
        if self._all is None:
            self._all = _powers(self._frames)
        if not chosen.all():
            return np.sort(self._all[:, chosen], axis=1)
        if self._all_ranked is None:
            self._all_ranked = np.sort(self._all, axis=1)
        return self._all_ranked


def _evenly(array: NDArray[Any]) -> NDArray[Any]:
    return array[:: -(-len(array) // MOST)] if len(array) else array


def _powers(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the power per bin of each frame without its mean, (frames, 512) -> (257, frames)."""
    power = np.empty((FRAME // 2 + 1, len(frames)), np.float32)
    for first in range(0, len(frames), _BLOCK):
        windowed = frames[first : first + _BLOCK].astype(np.float64)
        windowed -= np.add.reduce(windowed, axis=1, keepdims=True) / FRAME
        windowed *= _WINDOW
        parts = np.fft.rfft(windowed, axis=1).view(np.float64).astype(np.float32)
        parts *= parts
        power[:, first : first + _BLOCK] = (parts[:, ::2] + parts[:, 1::2]).T
    return power
