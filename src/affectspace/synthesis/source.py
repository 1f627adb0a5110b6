"""The glottal source: what the vocal folds send into the vocal tract."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAMPLING_RATE = 16_000
"""Sampling rate of all synthetic signals, in Hz."""

_OVERSAMPLING = (
    2  # a pulse's corner at the closure aliases; at twice the rate below -30 dB at 4 kHz
)
_SPEED_QUOTIENT = 2.0  # opening time over closing time


def rosenberg_pulse(
    phase: NDArray[np.float64], open_quotient: NDArray[np.float64] | float
) -> NDArray[np.float64]:
    """Glottal flow at a point of the cycle: a cosine rise, a steeper cosine fall, then closed.

    This is pulse C of Rosenberg (1971)[^1], with an opening twice as long as the closing.

    [^1]: A. E. Rosenberg, "Effect of glottal pulse shape on the quality of natural vowels",
        J. Acoust. Soc. Am. 49, 583-590, 1971.

    Args:
        phase: position in the cycle, 0 to 1, any shape.
        open_quotient: share of the cycle with the glottis open, above 0 to 1; broadcast to `phase`.

    Returns:
        Flow from 0 (closed) to 1, the shape of `phase`.

    Examples:
        >>> rosenberg_pulse(np.array([0.0, 0.4, 0.6, 0.9]), 0.6).round(3)
        array([0., 1., 0., 0.])
    """
    opening = np.asarray(open_quotient) * _SPEED_QUOTIENT / (1 + _SPEED_QUOTIENT)
    closing = np.asarray(open_quotient) / (1 + _SPEED_QUOTIENT)
    rise = 0.5 * (1 - np.cos(np.pi * phase / opening))
    fall = np.cos(0.5 * np.pi * np.minimum((phase - opening) / closing, 1))
    return np.where(phase < opening, rise, fall)


def glottal_flow(
    f0: NDArray[np.float64],
    *,
    open_quotient: float,
    jitter: float,
    shimmer: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """A train of glottal pulses that follows a pitch contour.

    Args:
        f0: fundamental frequency of each sample, in Hz, shape (n,), n even.
        open_quotient: see [`rosenberg_pulse`][affectspace.synthesis.source.rosenberg_pulse].
        jitter: standard deviation of a cycle's frequency, relative to `f0`.
        shimmer: standard deviation of a cycle's amplitude, relative to 1.
        rng: draws the cycles.

    Returns:
        Flow, shape (n,), about 0 to 1 before the band limit.
    """
    fine = np.repeat(f0, _OVERSAMPLING) / (SAMPLING_RATE * _OVERSAMPLING)
    steady = np.cumsum(fine)
    n_cycles = int(steady[-1]) + 1
    wobble = 1 + jitter * rng.standard_normal(n_cycles).clip(-3, 3)
    phase = np.cumsum(fine * wobble[steady.astype(int)])
    cycle = phase.astype(int)
    amplitude = 1 + shimmer * rng.standard_normal(cycle[-1] + 1).clip(-3, 3)
    flow = amplitude[cycle] * rosenberg_pulse(phase - cycle, open_quotient)
    spectrum = np.fft.rfft(flow)[: len(f0) // 2 + 1] / _OVERSAMPLING
    return np.fft.irfft(spectrum, len(f0))


def voice_source(
    flow: NDArray[np.float64], *, breathiness: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Flow derivative plus breath noise, which is loudest while the glottis is open.

    Differentiating the flow stands for the radiation at the lips (Fant 1960[^1]); modulated noise
    as aspiration follows Klatt (1980)[^2].

    [^1]: G. Fant, Acoustic Theory of Speech Production, Mouton, The Hague, 1960.
    [^2]: D. H. Klatt, "Software for a cascade/parallel formant synthesizer",
        J. Acoust. Soc. Am. 67, 971-995, 1980.

    Args:
        flow: glottal flow, shape (n,).
        breathiness: level of the breath noise below the pulses, in dB; -40 is clear, -15 breathy.
        rng: draws the noise.

    Returns:
        Excitation with a root mean square near 1, shape (n,).
    """
    pulses = np.diff(flow, prepend=flow[:1])
    pulses = pulses / root_mean_square(pulses)
    breath = (0.4 + flow) * rng.standard_normal(len(flow))
    return np.asarray(pulses + 10 ** (breathiness / 20) * breath / root_mean_square(breath))


def root_mean_square(signal: NDArray[np.float64]) -> float:
    """Root mean square, never zero, so that it can divide.

    Args:
        signal: samples, any shape.

    Returns:
        The root mean square, at least 1e-12.
    """
    return max(float(np.sqrt(np.mean(signal**2))), 1e-12)
