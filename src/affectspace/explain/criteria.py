"""How languages are compared, and the words of what comes out."""

from __future__ import annotations

from dataclasses import dataclass

MODEL, LISTENERS = "model", "listeners"
"""Whose reading of an axis: the model's, or that of the people who rated the speech."""

BOTH = f"{MODEL} with {LISTENERS}"

SAME, PARTLY, NOT_SHOWN = "same", "partly", "not shown"
VERDICTS = (SAME, PARTLY, NOT_SHOWN)


@dataclass(frozen=True)
class Criteria:
    """How profiles are compared, and what counts as the same.

    Attributes:
        margin: the relative similarity that its whole interval has to reach for `same`.
        significance: the largest corrected p that counts.
        halvings: how often a language's speakers are halved for the figures.
        halvings_per_resample: and for each resample behind an interval.
        formulas: random directions behind the floor.
        speakers: a language with fewer isn't compared.
        resamples: how often speakers are drawn for an interval.
        level: the share of samples of speakers whose interval is meant to hold the truth.
        seed: of all draws.
    """

    margin: float = 0.9
    significance: float = 0.05
    halvings: int = 200
    halvings_per_resample: int = 4
    formulas: int = 200
    speakers: int = 4
    resamples: int = 1000
    level: float = 0.95
    seed: int = 0


STANDARD = Criteria()
