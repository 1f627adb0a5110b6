"""A model meets a new language: adapted to a few rated utterances, by no more than they bear out.

`adapt` needs rated utterances, [`AffectModel.aligned`][affectspace.model.AffectModel.aligned] only
unlabelled ones; `suggest` says which to rate next.
Needs the extra `train`, for scipy, but not torch.
"""

from affectspace.adapt.adaptation import Adaptation, Choice, adapt
from affectspace.adapt.correction import Correction
from affectspace.adapt.suggestion import suggest
from affectspace.adapt.words import adapted_card, summary

__all__ = [
    "Adaptation",
    "Choice",
    "Correction",
    "adapt",
    "adapted_card",
    "suggest",
    "summary",
]
