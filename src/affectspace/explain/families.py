"""Families of features, and what is said of one feature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Family:
    """A group of features that measure one property of speech.

    Attributes:
        name: of the family.
        more: how speech with more of it sounds; empty where the family has no direction.
        less: how speech with less of it sounds.
        about: what is in it.
    """

    name: str
    more: str = ""
    less: str = ""
    about: str = ""

    def word(self, score: float) -> str:
        """How speech sounds that lies so many deviations above the usual; empty close to it.

        Examples:
            >>> FAMILIES["loudness"].word(1.2), FAMILIES["loudness"].word(0.1)
            ('louder', '')
        """
        return self.more if score >= NOTABLE else self.less if score <= -NOTABLE else ""


NOTABLE = 0.25
"""Deviations from the usual below which a family's score is not worth a word."""

FAMILIES: Mapping[str, Family] = {
    family.name: family
    for family in (
        Family("pitch", "higher pitch", "lower pitch", "level of the fundamental frequency"),
        Family(
            "pitch variation",
            "livelier pitch",
            "flatter pitch",
            "range, spread and slopes of the fundamental frequency",
        ),
        Family("loudness", "louder", "softer", "level of loudness and energy"),
        Family(
            "loudness variation",
            "livelier loudness",
            "flatter loudness",
            "range, spread and slopes of loudness, and spectral flux. Most of them are measured in "
            "units of loudness, so they grow with it",
        ),
        Family(
            "tempo",
            "faster",
            "slower",
            "loudness peaks and voiced segments per second, lengths of segments and pauses",
        ),
        Family(
            "voice quality",
            "rougher voice",
            "clearer voice",
            "jitter, shimmer, harmonics-to-noise ratio; without direction: H1-H2",
        ),
        Family(
            "spectral balance",
            "brighter",
            "darker",
            "high against low frequencies: alpha ratio, Hammarberg index, slopes, H1-A3, and such; "
            "without direction: bands",
        ),
        Family(
            "formants",
            "higher formants",
            "lower formants",
            "frequencies; without direction: bandwidths and amplitudes",
        ),
        Family(
            "timbre",
            about="the spectrum's shape, without direction: cepstral coefficients (MFCC)",
        ),
        Family(
            "timbre variation",
            "livelier timbre",
            "steadier timbre",
            "how much the spectrum's shape changes, whatever its level: deviations and changes of "
            "bands, cepstra and spectral balance in the set native",
        ),
        Family("other", about="features that have no words here"),
    )
}
"""The families, in the order of tables and figures."""


class Word(NamedTuple):
    """A feature in words.

    Attributes:
        feature: its name.
        family: the name of its family.
        text: what it measures.
        unit: of its values; empty where it has none.
        sign: 1 where more of it is more of its family, -1 where it's less, 0 where it says nothing
            on the direction.
    """

    feature: str
    family: str
    text: str
    unit: str = ""
    sign: int = 0
