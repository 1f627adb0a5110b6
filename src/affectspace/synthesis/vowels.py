"""Vowels and glides whose pitch and formants are known, to measure descriptors against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from affectspace.synthesis.source import (
    SAMPLING_RATE,
    glottal_flow,
    root_mean_square,
    voice_source,
)
from affectspace.synthesis.tract import HOP, filter_frames, n_frames_of, tract_response

LEVEL = 0.1
"""Root mean square of a vowel."""

_FADE = 0.01  # seconds


@dataclass(frozen=True)
class VoiceType:
    """How the vocal folds swing; see `affectspace.synthesis.source`.

    Attributes:
        open_quotient: share of the cycle with the glottis open.
        tilt: spectral slope, dB down at 3 kHz.
        breathiness: breath noise against the pulses in dB.
        jitter: relative standard deviation of the cycle's frequency.
        shimmer: relative standard deviation of the cycle's amplitude.
    """

    open_quotient: float = 0.6
    tilt: float = 6.0
    breathiness: float = -30.0
    jitter: float = 0.005
    shimmer: float = 0.02


VOICE_TYPES = {
    "modal": VoiceType(),
    "pressed": VoiceType(open_quotient=0.42, tilt=1.0, breathiness=-40.0),
    "breathy": VoiceType(open_quotient=0.8, tilt=15.0, breathiness=-15.0),
}
"""Three ways to speak, as Klatt, D. H. and Klatt, L. C. (1990) set them apart: Analysis, synthesis,
and perception of voice quality variations among female and male talkers, J. Acoust. Soc. Am. 87,
820-857."""


@dataclass(frozen=True, eq=False)
class Vowel:
    """A vowel, and what is true of it.

    Attributes:
        samples: shape (n,), at 16 kHz.
        frequencies: Hz at the middle of every 10 ms, (k + 1/2) * 10 ms: shape (n // 160, formants).
        bandwidths: Hz, shape (formants,).
        pitch: Hz, likewise, shape (n // 160,).
    """

    samples: NDArray[np.float32]
    frequencies: NDArray[np.float64]
    bandwidths: NDArray[np.float64]
    pitch: NDArray[np.float64]


def synthesise_vowel(
    frequencies: NDArray[np.float64],
    bandwidths: NDArray[np.float64],
    *,
    pitch: tuple[float, float],
    voice: VoiceType = VOICE_TYPES["modal"],
    duration: float = 0.5,
    seed: int = 0,
) -> Vowel:
    """Make a vowel, or a glide from one to another.

    Args:
        frequencies: of all formants in Hz, shape (formants,), or (2, formants) from the first to
            the last sample, linear in between.
        bandwidths: Hz, shape (formants,).
        pitch: Hz at the first and at the last sample, linear in between.
        voice: the source.
        duration: seconds.
        seed: of jitter, shimmer, and breath.

    Returns:
        The vowel with a root mean square of 0.1, faded over 10 ms at either end.

    Examples:
        >>> vowel = synthesise_vowel(
        ...     np.array([500.0, 1500.0, 2500.0]), np.array([80.0, 120.0, 160.0]), pitch=(120, 100)
        ... )
        >>> vowel.samples.shape, vowel.frequencies.shape, vowel.pitch[0].round(1)
        ((8000,), (50, 3), np.float64(119.8))
    """
    rng = np.random.default_rng(seed)
    n = round(duration * SAMPLING_RATE) // 2 * 2
    both = np.broadcast_to(frequencies, (2, len(bandwidths)))
    flow = glottal_flow(
        np.linspace(*pitch, n),
        open_quotient=voice.open_quotient,
        jitter=voice.jitter,
        shimmer=voice.shimmer,
        rng=rng,
    )
    source = voice_source(flow, breathiness=voice.breathiness, rng=rng)
    places = np.arange(n_frames_of(n)) * HOP / (n - 1)
    response = tract_response(_between(both, places), bandwidths, tilt=voice.tilt)
    samples = filter_frames(source, response)
    fade = np.minimum(np.arange(n) / (_FADE * SAMPLING_RATE), 1)
    samples = samples * fade * fade[::-1]
    middles = (np.arange(n // HOP) + 0.5) * HOP / (n - 1)
    return Vowel(
        (LEVEL / root_mean_square(samples) * samples).astype(np.float32),
        _between(both, middles),
        np.asarray(bandwidths, dtype=np.float64),
        pitch[0] + (pitch[1] - pitch[0]) * middles,
    )


def _between(ends: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values on the line from the first to the second row, held beyond them."""
    share = np.clip(places, 0, 1)[:, None]
    return np.asarray(ends[0] * (1 - share) + ends[1] * share)
