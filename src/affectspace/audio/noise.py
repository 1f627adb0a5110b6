"""How far speech stands out of steady noise, from the recording alone.

Between words, and between the harmonics of a voice, each frequency falls back to the noise every
now and then. So the power that the quietest tenth of the frames doesn't exceed, bin by bin, is
that of the noise (quantile-based noise estimation[^1]), up to a factor that is known: of n frames
of Gaussian noise, whose power is distributed exponentially, the k-th smallest has on average
1/n + 1/(n - 1) + ... + 1/(n - k + 1) times the mean power.[^2] What the recording has beyond the
noise is the signal.

It is about noise that goes on: hiss, hum, wind, traffic, a fan, many voices. A door or a single
other voice isn't seen, and a sung or held vowel is taken for noise. Frequencies below 30 Hz don't
count. `python -m benchmarks noise` prints how well it does.

[^1]: Stahl, V., Fischer, A., Bippus, R. (2000). Quantile based noise estimation for spectral
    subtraction and Wiener filtering. ICASSP.
[^2]: Rényi, A. (1953). On the theory of order statistics. Acta Math. Acad. Sci. Hung. 4.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from affectspace.audio.spectra import FRAME, Spectra

SHORTEST = 1.0
"""Seconds; in less, one vowel may fill all frames."""

LOWEST, HIGHEST = -20.0, 60.0
"""dB; beyond, the estimate would be a matter of chance."""

_SHARE = 10  # the quietest one in so many frames
_NOTHING = FRAME * 2.0**-30  # energy of a frame at one step of 16 bits, -90 dBFS: no microphone
_FEWEST = int(SHORTEST * 16_000 / FRAME)


def signal_to_noise(sound: NDArray[np.float32] | Spectra) -> float:
    """Estimate the level of speech over that of steady noise, both over the whole recording.

    Args:
        sound: samples, shape (n,), at 16 kHz; or their spectra.

    Returns:
        In dB, from -20 to 60, which stand for what is lower or higher too. NaN with less than 1 s
        of sound (frames below -90 dBFS are no sound: they were put there, or gated).

    Examples:
        >>> time = np.arange(48_000) / 16_000
        >>> words = np.sin(1000 * time) * (time % 0.5 < 0.3)
        >>> hiss = np.random.default_rng(0).standard_normal(48_000)
        >>> round(10 * float(np.log10(np.mean(words**2) / 0.01)), 1)
        14.8
        >>> round(signal_to_noise((words + 0.1 * hiss).astype(np.float32)), 1)
        14.6
    """
    spectra = sound if isinstance(sound, Spectra) else Spectra(sound)
    heard = spectra.energies > _NOTHING
    if np.count_nonzero(heard) < _FEWEST:
        return float("nan")
    power = spectra.ranked_powers(heard)
    n = power.shape[1]
    k = n // _SHARE
    quiet = power[:, k - 1].sum(dtype=np.float64)
    noise = quiet / np.sum(1 / np.arange(n - k + 1, n + 1))
    ratio = power.sum() / n / noise - 1 if noise > 0 else np.inf
    decibels = 10 * np.log10(np.maximum(ratio, 1e-10))
    return float(np.clip(decibels, LOWEST, HIGHEST))
