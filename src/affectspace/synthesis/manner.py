"""Who speaks, in which manner: how activation and valence steer the voice.

The signs of the effects follow the reviews of vocal emotion by Scherer (2003)[^1] and Juslin and
Laukka (2003)[^2]: aroused speech is higher, wider in pitch, louder, faster, and brighter; a smile
shortens the vocal tract and raises the upper formants (Tartter 1980[^3]); louder voices have less
shimmer (Brockmann et al. 2008[^4]). The sizes are ours, chosen so that activation is easy
to hear and valence hard, as in life.

[^1]: K. R. Scherer, "Vocal communication of emotion: A review of research paradigms",
    Speech Communication 40, 227-256, 2003.
[^2]: P. N. Juslin and P. Laukka, "Communication of emotions in vocal expression and music
    performance", Psychological Bulletin 129, 770-814, 2003.
[^3]: V. C. Tartter, "Happy talk: Perceptual and acoustic effects of smiling on speech",
    Perception & Psychophysics 27, 24-27, 1980.
[^4]: M. Brockmann, C. Storck, P. N. Carding, M. J. Drinnan, "Voice loudness and gender effects
    on jitter and shimmer in healthy adults", J. Speech Lang. Hear. Res. 51, 1152-1160, 2008.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_ACTIVATION_SCATTER = 0.35  # rating units between what is meant and what the voice does
_VALENCE_SCATTER = 0.6


@dataclass(frozen=True)
class Speaker:
    """A synthetic voice.

    Attributes:
        name: identifies the speaker within a corpus.
        gender: `female` or `male`, the range that pitch and tract were drawn from.
        f0: habitual pitch in Hz.
        tract_scale: factor on all formants; 1 is a tract of 17.5 cm, 1.16 one of 15 cm.
        level: habitual loudness in dB against the corpus.
        tempo: factor on the language's syllable rate.
        tilt: habitual slope in dB at 3 kHz, added to the manner's.
        breathiness: habitual breath noise in dB, added to the manner's.
        expressiveness: factor on everything that activation and valence do.
    """

    name: str
    gender: str
    f0: float
    tract_scale: float
    level: float = 0.0
    tempo: float = 1.0
    tilt: float = 0.0
    breathiness: float = 0.0
    expressiveness: float = 1.0


@dataclass(frozen=True)
class Language:
    """The habits that all speakers of a synthetic language share. It has no words.

    Attributes:
        vowels: F1, F2, F3 in Hz of each vowel, for a tract scale of 1.
        syllable_rate: syllables per second at neutral activation.
        irregularity: standard deviation of the logarithm of a syllable's duration.
        fricative_share: share of the syllables that begin with a fricative.
        plosive_share: share of the syllables that begin with a closure and a burst.
        pitch_shift: semitones added to every speaker's pitch.
        pitch_range: factor on accents and declination.
    """

    vowels: tuple[tuple[float, float, float], ...]
    syllable_rate: float = 4.6
    irregularity: float = 0.25
    fricative_share: float = 0.3
    plosive_share: float = 0.25
    pitch_shift: float = 0.0
    pitch_range: float = 1.0


@dataclass(frozen=True)
class Manner:
    """How one utterance is spoken: the settings of the synthesiser.

    Attributes:
        pitch: level of the pitch contour in Hz.
        pitch_range: size of a pitch accent in semitones.
        pitch_end: movement over the last syllable in semitones, negative is a fall.
        level: root mean square while speaking, in dB below full scale.
        syllable_rate: syllables per second.
        irregularity: standard deviation of the logarithm of a syllable's duration.
        tilt: spectral slope, dB down at 3 kHz.
        open_quotient: share of the cycle with the glottis open.
        breathiness: breath noise against the pulses in dB.
        jitter: relative standard deviation of the cycle's frequency.
        shimmer: relative standard deviation of the cycle's amplitude.
        spread: factor on the second and third formant.
    """

    pitch: float
    pitch_range: float
    pitch_end: float
    level: float
    syllable_rate: float
    irregularity: float
    tilt: float
    open_quotient: float
    breathiness: float
    jitter: float
    shimmer: float
    spread: float


def manner_of(
    activation: float,
    valence: float,
    *,
    speaker: Speaker,
    language: Language,
    rng: np.random.Generator,
) -> Manner:
    """The manner of an utterance, from what it is to express.

    Let a and v be the two ratings' distances from neutral, each first disturbed (by a deviation of
    0.35 and 0.6 rating units) and multiplied by the speaker's expressiveness. Then the pitch is
    f0 2^((2 a + 0.5 v) / 12), the level -30 + 3.5 a dB, the rate exp(0.08 a) times the habitual
    one, and so on, each with a scatter of its own.

    Args:
        activation: 1 to 5.
        valence: 1 to 5.
        speaker: the voice.
        language: the shared habits.
        rng: draws the scatter.

    Returns:
        The manner, all values within what a voice can do.

    Raises:
        ValueError: a rating is not within 1 to 5.
    """
    if not (1 <= activation <= 5 and 1 <= valence <= 5):
        raise ValueError(f"Ratings go from 1 to 5, not {activation} and {valence}")
    own = speaker.expressiveness
    a = own * float(activation - 3 + _ACTIVATION_SCATTER * rng.standard_normal())
    v = own * float(valence - 3 + _VALENCE_SCATTER * rng.standard_normal())
    scatter = rng.standard_normal(12)
    semitones = language.pitch_shift + 2.0 * a + 0.5 * v + 0.8 * scatter[0]
    return Manner(
        pitch=float(np.clip(speaker.f0 * 2 ** (semitones / 12), 60, 480)),
        pitch_range=language.pitch_range
        * float(2.5 * np.exp(0.22 * a + 0.15 * v + 0.2 * scatter[1])),
        pitch_end=float(-2.0 + 1.6 * v + 1.0 * scatter[2]),
        level=float(-30 + speaker.level + 3.5 * a + 1.5 * scatter[3]),
        syllable_rate=language.syllable_rate
        * speaker.tempo
        * float(np.exp(np.clip(0.08 * a + 0.06 * scatter[4], -0.5, 0.5))),
        irregularity=language.irregularity * float(np.exp(-0.2 * v + 0.2 * scatter[5])),
        tilt=float(np.clip(9 + speaker.tilt - 2.5 * a + 1.3 * v + 1.0 * scatter[6], 1, 26)),
        open_quotient=float(np.clip(0.6 - 0.04 * a + 0.03 * scatter[7], 0.4, 0.85)),
        breathiness=float(
            np.clip(-26 + speaker.breathiness - 1.5 * a + 2.0 * v + 2.0 * scatter[8], -45, -10)
        ),
        jitter=float(0.008 * np.exp(0.15 * a - 0.3 * v + 0.2 * scatter[9])),
        shimmer=float(0.05 * np.exp(-0.15 * a - 0.15 * v + 0.15 * scatter[10])),
        spread=float(np.clip(1 + 0.025 * v + 0.01 * scatter[11], 0.88, 1.12)),
    )


def draw_speaker(name: str, gender: str, rng: np.random.Generator) -> Speaker:
    """A speaker with habits of their own.

    Args:
        name: the speaker's name.
        gender: `female` (about 205 Hz, formants 16 % up) or `male` (about 115 Hz).
        rng: draws the habits.

    Returns:
        The speaker.

    Raises:
        ValueError: another gender.
    """
    ranges = {"female": (205.0, 1.16), "male": (115.0, 1.0)}
    if gender not in ranges:
        raise ValueError(f"Voices are drawn for {' and '.join(ranges)}, not {gender!r}")
    f0, tract_scale = ranges[gender]
    scatter = rng.standard_normal(7).clip(-2, 2)
    return Speaker(
        name=name,
        gender=gender,
        f0=f0 * float(np.exp(0.09 * scatter[0])),
        tract_scale=tract_scale * float(np.exp(0.03 * scatter[1])),
        level=1.5 * float(scatter[2]),
        tempo=float(np.exp(0.06 * scatter[3])),
        tilt=1.2 * float(scatter[4]),
        breathiness=2.0 * float(scatter[5]),
        expressiveness=float(np.exp(0.15 * scatter[6])),
    )
