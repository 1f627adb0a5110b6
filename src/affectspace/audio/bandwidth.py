"""Up to which frequency a recording holds sound: telephone speech stays so at any sampling rate.

A low-pass leaves an edge in the spectrum: below it speech, above it a floor of quantisation or of
what the resampler left. The spectrum is that of the strongest tenth of the loud frames, bin by bin,
since fricatives lift the upper band and a floor never rises. An edge is where the band from 1 kHz
to 0.5 kHz below lies `STEP` above all that follows.

Of 3,759 recordings of five corpora, none sampled below 16 kHz, 15 have an edge below 5 kHz: all of
URDU, and by their spectra telephone calls. Brought to 8 kHz and back at 16 bits, all of 500 have
one; 99 % where they are also quieter by 20 dB, so that the floor is that of the 16 bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from affectspace.audio.spectra import FRAME, Spectra

BAND_LIMITED_BELOW = 5_000.0
"""In Hz. Telephone ends at 3.4 to 4 kHz, at 4.7 kHz where it was resampled poorly."""

STEP = 18.0  # dB
DEPTH = 38.0  # dB below the strongest bin; breath and room noise above strong speech lie higher

_BIN = 16_000 / FRAME
_LOUD = 1e-4  # a frame 40 dB below the loudest isn't looked at
_SHARE = 10  # the strongest one in so many
_FLOOR = 1e-9  # of the strongest bin; less is nothing
_LOWEST, _HIGHEST = 64, 232  # bins of edges: 2 kHz, and 7.25 kHz: filters for 16 kHz follow
_TOP = 241  # 7.5 kHz
_FAR, _NEAR = 32, 16  # bins below an edge: 1 and 0.5 kHz


def bandwidth(sound: NDArray[np.float32] | Spectra) -> float:
    """Measure up to which frequency there is sound.

    Args:
        sound: samples, shape (n,), at 16 kHz, n at least 512; or their spectra.

    Returns:
        In Hz, to about 150 Hz; 8000 where the sound goes up to 7.25 kHz or farther. 0 for silence.

    Examples:
        >>> hiss = np.random.default_rng(0).standard_normal(16000).astype(np.float32)
        >>> bandwidth(hiss)
        8000.0
    """
    power = _strong_spectrum(sound if isinstance(sound, Spectra) else Spectra(sound))
    relative = np.maximum(power[:_TOP] / max(power.max(), 1e-20), _FLOOR)
    if relative[_HIGHEST - 1 :].max() > 10 ** (-DEPTH / 10):
        return 8_000.0  # there is too much above all edges; true of most recordings
    held = np.flatnonzero(relative > _FLOOR)
    if len(held) == 0 or held[-1] < _LOWEST:
        return float(held.max(initial=0) * _BIN)
    decibels = 10 * np.log10(relative)
    above = np.maximum.accumulate(decibels[::-1])[::-1]
    sums = np.concatenate(([0.0], np.cumsum(decibels)))
    edges = np.arange(_LOWEST, _HIGHEST)
    below = (sums[edges - _NEAR] - sums[edges - _FAR]) / (_FAR - _NEAR)
    steps = below - above[edges]
    steep = np.flatnonzero((steps >= STEP) & (above[edges] <= -DEPTH))
    if len(steep) == 0:
        return 8_000.0
    # the highest edge: its steps are in a row; it ends where the spectrum is half way down
    start = steep[np.flatnonzero(np.diff(steep, prepend=-2) > 1)[-1]]
    largest = start + int(np.argmax(steps[start : steep[-1] + 1]))
    half_way = below[largest] - steps[largest] / 2
    return float(np.flatnonzero(decibels[: edges[largest] + 1] >= half_way)[-1] * _BIN)


def _strong_spectrum(spectra: Spectra) -> NDArray[np.float64]:
    """Return the power per bin where it is strongest, smoothed over 5 bins, shape (257,)."""
    energy = spectra.energies
    power = spectra.ranked_powers(energy >= _LOUD * energy.max())
    count = max(1, power.shape[1] // _SHARE)
    # the mean of each row; over so few columns a product is quicker
    strong = power[:, -count:] @ np.full(count, 1 / count, np.float32)
    return np.convolve(strong, np.full(5, 0.2), mode="same")
