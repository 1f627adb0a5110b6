"""Syllables, and the tracks that they lay over time: loudness, noise, formants, pitch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from affectspace.synthesis.manner import Language, Manner

_PAUSE_SHARE = 0.08
_ACCENT_SHARE = 0.4
_DECLINATION = 1.0  # accents' sizes from the start of a phrase to its end
_UPPER_FORMANTS = np.array([3500.0, 4500.0, 5500.0, 6500.0])  # a tube of 17.5 cm


@dataclass(frozen=True)
class Syllable:
    """One beat of an utterance.

    Attributes:
        start: its begin in seconds.
        onset: length of its consonant in seconds.
        length: whole length in seconds.
        kind: `fricative`, `plosive`, `sonorant`, or `pause`, which is silence.
        vowel: F1, F2, F3 in Hz.
        noise: peak of the consonant's noise in Hz.
        accented: whether it is longer, louder, and carries a pitch accent.
    """

    start: float
    onset: float
    length: float
    kind: str
    vowel: tuple[float, float, float]
    noise: float
    accented: bool


@dataclass(frozen=True)
class Tracks:
    """What the synthesiser follows, one value per frame.

    Attributes:
        voicing: amplitude of the voice, 0 to 1, shape (frames,).
        frication: amplitude of consonant noise, 0 to 1, shape (frames,).
        noise: peak of that noise in Hz, shape (frames,).
        formants: formant frequencies in Hz, shape (frames, 7).
        f0: pitch in Hz, shape (frames,).
    """

    voicing: NDArray[np.float64]
    frication: NDArray[np.float64]
    noise: NDArray[np.float64]
    formants: NDArray[np.float64]
    f0: NDArray[np.float64]


def plan_syllables(
    manner: Manner, language: Language, *, duration: float, rng: np.random.Generator
) -> list[Syllable]:
    """A row of syllables and short pauses that fills a time.

    Args:
        manner: rate and regularity.
        language: vowels and consonants.
        duration: seconds to fill; the last syllable is finished, and longer than the others.
        rng: draws everything.

    Returns:
        Syllables in order, without gaps; the first and the last are no pauses.
    """
    shares = [language.fricative_share, language.plosive_share]
    kinds = ("fricative", "plosive", "sonorant")
    syllables: list[Syllable] = []
    start = 0.0
    while start < duration:
        after_speech = bool(syllables) and syllables[-1].kind != "pause"
        if after_speech and rng.random() < _PAUSE_SHARE:
            length = float(rng.uniform(0.12, 0.3))
            syllables.append(Syllable(start, 0.0, length, "pause", (500, 1500, 2500), 4000, False))
            start += length
        accented = not syllables or bool(rng.random() < _ACCENT_SHARE)
        scatter = float(np.exp(manner.irregularity * np.clip(rng.standard_normal(), -2, 2)))
        length = scatter * (1.2 if accented else 0.87) / manner.syllable_rate
        if start + length >= duration:
            length *= 1.3
        kind = str(rng.choice(kinds, p=[*shares, 1 - sum(shares)]))
        onset = {"fricative": 0.38, "plosive": 0.3, "sonorant": 0.25}[kind] * length
        vowel = language.vowels[int(rng.integers(len(language.vowels)))]
        noise = float(rng.choice([2800.0, 4500.0, 6000.0]))
        syllables.append(Syllable(start, onset, length, kind, vowel, noise, accented))
        start += length
    return syllables


def lay_tracks(
    syllables: list[Syllable],
    manner: Manner,
    *,
    tract_scale: float,
    times: NDArray[np.float64],
    rng: np.random.Generator,
) -> Tracks:
    """The tracks of an utterance at given times.

    Args:
        syllables: what is spoken.
        manner: how it is spoken.
        tract_scale: factor on all formants.
        times: seconds, ascending, shape (frames,).
        rng: draws the slow drift of the pitch.

    Returns:
        The tracks; voicing and frication are 0 outside the syllables.
    """
    voicing, frication, noise = _amplitudes(syllables, times)
    return Tracks(
        voicing=voicing,
        frication=frication,
        noise=noise * tract_scale,
        formants=_formants(syllables, times, spread=manner.spread, tract_scale=tract_scale),
        f0=_pitch(syllables, manner, times, voicing, rng),
    )


def _amplitudes(
    syllables: list[Syllable], times: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    starts = np.array([s.start for s in syllables])
    at = np.searchsorted(starts, times, side="right").clip(1) - 1
    length = np.array([s.length for s in syllables])[at]
    onset = np.array([s.onset for s in syllables])[at]
    kind = np.array([s.kind for s in syllables])[at]
    loudness = np.array([1.0 if s.accented else 0.7 for s in syllables])[at]
    local = times - starts[at]
    inside = (local >= 0) & (local < length)
    opening = ((local - onset) / 0.025).clip(0, 1)
    closing = 0.4 + 0.6 * ((length - local) / 0.04).clip(0, 1)
    voicing = loudness * opening * closing
    voicing = np.where(kind == "sonorant", np.maximum(voicing, 0.3), voicing)
    voicing = np.where(inside & (kind != "pause"), voicing, 0)
    hiss = np.sin(np.pi * (local / np.maximum(onset, 1e-3)).clip(0, 1))
    burst = np.where((local > onset - 0.02) & (local < onset + 0.01), 1.0, 0.0)
    frication = np.where(kind == "fricative", hiss, np.where(kind == "plosive", burst, 0))
    smooth = np.array([0.25, 0.5, 0.25])
    return (
        np.convolve(voicing, smooth, mode="same"),
        np.convolve(np.where(inside, frication, 0), smooth, mode="same"),
        np.array([s.noise for s in syllables])[at],
    )


def _formants(
    syllables: list[Syllable], times: NDArray[np.float64], *, spread: float, tract_scale: float
) -> NDArray[np.float64]:
    knots: list[float] = []
    targets: list[tuple[float, float, float]] = []
    for syllable in syllables:
        if syllable.kind == "pause":
            continue
        first, second, third = syllable.vowel
        nucleus = syllable.length - syllable.onset
        begin = syllable.start + syllable.onset
        knots += [begin - 0.6 * syllable.onset, begin + 0.3 * nucleus, begin + 0.75 * nucleus]
        # a closed tract lowers F1, and F2 starts from a place of its own
        targets += [(0.6 * first, 0.5 * second + 800, third), syllable.vowel, syllable.vowel]
    lower = np.stack([np.interp(times, knots, track) for track in zip(*targets, strict=True)], 1)
    upper = np.tile(_UPPER_FORMANTS, (len(times), 1))
    formants = tract_scale * np.concatenate([lower, upper], axis=1)
    formants[:, 1:3] *= spread
    return formants.clip(180, 7800)


def _pitch(
    syllables: list[Syllable],
    manner: Manner,
    times: NDArray[np.float64],
    voicing: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    end = syllables[-1].start + syllables[-1].length
    contour = -_DECLINATION * manner.pitch_range * (times / end).clip(0, 1)
    for syllable in syllables:
        if syllable.accented:
            middle = syllable.start + 0.6 * syllable.length
            bump = np.exp(-0.5 * ((times - middle) / (0.35 * syllable.length)) ** 2)
            contour += manner.pitch_range * bump
    last = syllables[-1]
    contour += manner.pitch_end * ((times - last.start) / last.length).clip(0, 1)
    drift = np.interp(times, np.linspace(0, end, 6), 0.3 * rng.standard_normal(6))
    contour += drift
    contour -= np.average(contour, weights=voicing)
    return np.asarray(manner.pitch * 2 ** (contour.clip(-9, 9) / 12))
