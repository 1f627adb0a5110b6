"""A model meets a new language: adapted to a few rated utterances, and never by more than they say.

Needs the extra `train`, for scipy, but not torch.
"""

from affectspace.adapt.adaptation import Adaptation, Choice, adapt
from affectspace.adapt.correction import Correction

__all__ = ["Adaptation", "Choice", "Correction", "adapt"]
