"""One utterance, from what it expresses to samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from affectspace.synthesis.manner import Language, Speaker, manner_of
from affectspace.synthesis.prosody import Tracks, lay_tracks, plan_syllables
from affectspace.synthesis.source import (
    SAMPLING_RATE,
    glottal_flow,
    root_mean_square,
    voice_source,
)
from affectspace.synthesis.tract import (
    HOP,
    filter_frames,
    n_frames_of,
    noise_response,
    tract_response,
)

_BANDWIDTHS = np.array([60.0, 90.0, 150.0, 200.0, 250.0, 300.0, 450.0])  # Hz, F1 to F7
_MARGIN = 0.06  # seconds of room before and after
_BLOCK = (
    512  # lengths that are multiples of it have quick Fourier transforms: 4 times as quick here
)
_FRICATION = 0.4  # of the voice's root mean square
_PEAK = 0.97

# Peterson and Barney (1952), men: i, e, ae, a, o, u, and the vowel of "but"
_VOWELS = (
    (270.0, 2290.0, 3010.0),
    (530.0, 1840.0, 2480.0),
    (660.0, 1720.0, 2410.0),
    (730.0, 1090.0, 2440.0),
    (570.0, 840.0, 2410.0),
    (300.0, 870.0, 2240.0),
    (640.0, 1190.0, 2390.0),
)
DEFAULT_LANGUAGE = Language(vowels=_VOWELS)
"""Seven vowels after G. E. Peterson and H. L. Barney, "Control methods used in a study of the
vowels", J. Acoust. Soc. Am. 24, 175-184, 1952."""


@dataclass(frozen=True)
class Channel:
    """What lies between the mouth and the file.

    Attributes:
        level: gain in dB.
        low: lower edge of the band in Hz.
        high: upper edge of the band in Hz.
        noise: root mean square of the room's noise in dB below full scale.
    """

    level: float = 0.0
    low: float = 40.0
    high: float = 7800.0
    noise: float = -66.0


def synthesise_utterance(
    activation: float,
    valence: float,
    *,
    speaker: Speaker,
    seed: int | np.random.SeedSequence,
    duration: float = 1.6,
    language: Language = DEFAULT_LANGUAGE,
    channel: Channel = Channel(),
) -> NDArray[np.float32]:
    """Speech-like signal of a given activation and valence. It has no words.

    A train of glottal pulses and breath noise passes a cascade of seven formants that move from
    syllable to syllable; fricatives and bursts are shaped noise beside it: the source-filter model
    of Fant (1960)[^1] in the arrangement of Klatt (1980)[^2].

    [^1]: G. Fant, Acoustic Theory of Speech Production, Mouton, The Hague, 1960.
    [^2]: D. H. Klatt, "Software for a cascade/parallel formant synthesizer",
        J. Acoust. Soc. Am. 67, 971-995, 1980.

    Args:
        activation: 1 to 5.
        valence: 1 to 5.
        speaker: the voice.
        seed: the same seed gives the same samples.
        duration: seconds to fill with speech; the last syllable is finished, and there is 0.06 s
            or a little more of room around.
        language: vowels, rhythm, pitch habits.
        channel: gain, band, noise.

    Returns:
        Samples at 16 kHz within (-1, 1), shape (n,).

    Raises:
        ValueError: a rating is not within 1 to 5, or the duration is not above 0.

    Examples:
        >>> voice = Speaker("anna", "female", f0=210.0, tract_scale=1.15)
        >>> signal = synthesise_utterance(4.0, 3.0, speaker=voice, seed=1)
        >>> signal.dtype, bool(abs(signal).max() < 1)
        (dtype('float32'), True)
    """
    if duration <= 0:
        raise ValueError(f"An utterance needs a duration above 0 seconds, not {duration}")
    rng = np.random.default_rng(seed)
    manner = manner_of(activation, valence, speaker=speaker, language=language, rng=rng)
    syllables = plan_syllables(manner, language, duration=duration, rng=rng)
    end = syllables[-1].start + syllables[-1].length + 2 * _MARGIN
    n_samples = _BLOCK * int(np.ceil(end * SAMPLING_RATE / _BLOCK))
    times = np.arange(n_frames_of(n_samples)) * HOP / SAMPLING_RATE - _MARGIN
    tracks = lay_tracks(syllables, manner, tract_scale=speaker.tract_scale, times=times, rng=rng)
    at = np.arange(n_samples) / HOP
    frames = np.arange(len(times))
    flow = glottal_flow(
        np.interp(at, frames, tracks.f0),
        open_quotient=manner.open_quotient,
        jitter=manner.jitter,
        shimmer=manner.shimmer,
        rng=rng,
    )
    source = voice_source(flow, breathiness=manner.breathiness, rng=rng)
    voicing = np.interp(at, frames, tracks.voicing)
    response = tract_response(tracks.formants, _BANDWIDTHS, tilt=manner.tilt)
    voice = filter_frames(voicing * source, response)
    signal = voice / root_mean_square(voice[voicing > 0.2]) + _consonants(tracks, at, rng)
    signal = _pass_channel(10 ** (manner.level / 20) * signal, channel, rng)
    peak = max(float(abs(signal).max()), 1e-12)
    return np.asarray(signal * min(1.0, _PEAK / peak), dtype=np.float32)


def _consonants(
    tracks: Tracks, at: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Fricatives and bursts, against a voice with a root mean square of 1."""
    amplitude = np.interp(at, np.arange(len(tracks.frication)), tracks.frication)
    peaks, which = np.unique(tracks.noise, return_inverse=True)  # a handful
    noise = amplitude * rng.standard_normal(len(at))
    hiss = filter_frames(noise, noise_response(peaks)[which])
    active = amplitude > 0.2
    return _FRICATION * hiss / root_mean_square(hiss[active]) if active.any() else hiss


def _pass_channel(
    signal: NDArray[np.float64], channel: Channel, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Gain, a band (12 dB per octave below, 24 above), and noise that falls by 3 dB per octave."""
    frequency = np.fft.rfftfreq(len(signal), 1 / SAMPLING_RATE)
    frequency[0] = frequency[1]
    band = 1 / np.sqrt((1 + (channel.low / frequency) ** 4) * (1 + (frequency / channel.high) ** 8))
    noise = rng.standard_normal(len(band)) + 1j * rng.standard_normal(len(band))
    noise *= band / np.sqrt(np.maximum(frequency, 50))
    power = 2 * np.sum(abs(noise) ** 2) / len(signal) ** 2  # Parseval
    passed = 10 ** (channel.level / 20) * band * np.fft.rfft(signal)
    room = 10 ** (channel.noise / 20) / np.sqrt(power) * noise
    return np.asarray(np.fft.irfft(passed + room, len(signal)))
