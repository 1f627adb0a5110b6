"""The vocal tract: formant filters that change from frame to frame, in the frequency domain."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from affectspace.synthesis.source import SAMPLING_RATE

HOP = 160
"""Samples from one frame to the next: 10 ms."""

_WINDOW = 2 * HOP  # periodic Hann windows at half overlap add up to 1
_FFT_SIZE = 8 * HOP  # leaves 60 ms for a resonance to fade: -80 dB at a bandwidth of 50 Hz
_TILT_AT = 3000.0  # Hz, where the slope is stated


def resonances(
    frequencies: NDArray[np.float64], bandwidths: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Denominators of cascades of second-order resonators.

    Each resonator is 1 - 2 r cos(2 pi F / fs) z^-1 + r^2 z^-2 with r = exp(-pi B / fs)
    (Klatt 1980[^1]); a cascade multiplies them.

    [^1]: D. H. Klatt, "Software for a cascade/parallel formant synthesizer",
        J. Acoust. Soc. Am. 67, 971-995, 1980.

    Args:
        frequencies: resonance frequencies in Hz, shape (frames, k).
        bandwidths: their -3 dB bandwidths in Hz, shape (k,) or (frames, k).

    Returns:
        Polynomials in z^-1, shape (frames, 2 k + 1), the first coefficient 1.
    """
    radius = np.exp(-np.pi * np.broadcast_to(bandwidths, frequencies.shape) / SAMPLING_RATE)
    middle = -2 * radius * np.cos(2 * np.pi * frequencies / SAMPLING_RATE)
    n_frames, n_resonances = frequencies.shape
    product = np.zeros((n_frames, 2 * n_resonances + 1))
    product[:, 0] = 1
    for k in range(n_resonances):
        longer = product.copy()
        longer[:, 1:] += product[:, :-1] * middle[:, k : k + 1]
        longer[:, 2:] += product[:, :-2] * radius[:, k : k + 1] ** 2
        product = longer
    return product


def tilt_pole(tilt: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Pole of the one-pole low-pass that lowers 3 kHz by a given amount against 0 Hz.

    Klatt and Klatt (1990)[^1] state the spectral tilt of a voice in this way.

    [^1]: D. H. Klatt and L. C. Klatt, "Analysis, synthesis, and perception of voice quality
        variations among female and male talkers", J. Acoust. Soc. Am. 87, 820-857, 1990.

    Args:
        tilt: attenuation at 3 kHz in dB, 0 or more, any shape.

    Returns:
        The pole, 0 to below 1, the shape of `tilt`.

    Examples:
        >>> pole = tilt_pole(12.0)
        >>> gain = (1 - pole) / abs(1 - pole * np.exp(-2j * np.pi * 3000 / 16000))
        >>> round(20 * float(np.log10(gain)), 6)
        -12.0
    """
    ratio = 10 ** (np.asarray(tilt, dtype=np.float64) / 10) - 1
    half = ratio + 1 - np.cos(2 * np.pi * _TILT_AT / SAMPLING_RATE)
    return np.asarray(ratio / (half + np.sqrt(half**2 - ratio**2)))


def tract_response(
    formants: NDArray[np.float64], bandwidths: NDArray[np.float64], *, tilt: float
) -> NDArray[np.complex128]:
    """Frequency response of the tract in each frame: a formant cascade behind the source's slope.

    Args:
        formants: formant frequencies in Hz, shape (frames, k).
        bandwidths: bandwidths in Hz, shape (k,).
        tilt: see [`tilt_pole`][affectspace.synthesis.tract.tilt_pole].

    Returns:
        Complex response, shape (frames, bins), 1 at 0 Hz.
    """
    pole = float(tilt_pole(tilt))
    cascade = resonances(formants, bandwidths)
    denominator = np.zeros((cascade.shape[0], cascade.shape[1] + 1))
    denominator[:, :-1] = cascade
    denominator[:, 1:] -= pole * cascade
    gain = denominator.sum(axis=1, keepdims=True)
    return np.asarray(gain / np.fft.rfft(denominator, _FFT_SIZE))


def noise_response(centre: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Frequency response of a fricative: one broad resonance above a high-pass.

    Args:
        centre: frequency of the noise's peak in Hz in each frame, shape (frames,).

    Returns:
        Complex response, shape (frames, bins), 0 at 0 Hz, about 1 at the peak.
    """
    denominator = resonances(centre[:, None], 0.35 * centre[:, None])
    radius_squared = denominator[:, 2:3]
    zeros = np.fft.rfft([0.5, 0.0, -0.5], _FFT_SIZE)  # at 0 Hz and at half the sampling rate
    return np.asarray((1 - radius_squared) * zeros / np.fft.rfft(denominator, _FFT_SIZE))


def n_frames_of(n_samples: int) -> int:
    """Number of frames that cover a signal.

    Args:
        n_samples: length of the signal.

    Returns:
        Frames, the middle of frame i at sample i * HOP.
    """
    return n_samples // HOP + 2


def filter_frames(
    signal: NDArray[np.float64], response: NDArray[np.complex128]
) -> NDArray[np.float64]:
    """Filter a signal with one response per frame, overlap-add.

    Args:
        signal: samples, shape (n,).
        response: complex response per frame, shape (n_frames_of(n), bins).

    Returns:
        Filtered samples, shape (n,).
    """
    n_frames = len(response)
    padded = np.zeros((n_frames + 1) * HOP)
    padded[HOP : HOP + len(signal)] = signal
    window = np.hanning(_WINDOW + 1)[:-1]
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::HOP] * window
    active = frames.any(axis=1)  # a third of the voice and most of the noise is silence
    pieces = np.zeros((n_frames, _FFT_SIZE))
    spectra = np.fft.rfft(frames[active], _FFT_SIZE) * response[active]
    pieces[active] = np.fft.irfft(spectra, _FFT_SIZE)
    blocks = pieces.reshape(n_frames, -1, HOP)
    n_blocks = blocks.shape[1]
    total = np.zeros((n_frames + n_blocks, HOP))
    for k in range(n_blocks):
        total[k : k + n_frames] += blocks[:, k]
    return total.ravel()[HOP : HOP + len(signal)]
