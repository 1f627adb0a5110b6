"""What a model's axes mean in acoustic words, and why an utterance got its estimate.

Four views: walking along an axis and decoding where one stands (`walk`); what an axis follows in
the speech of each language (`follow`); whether it means the same in two languages
(`compare_languages`); and what made up the estimate of an utterance (`attribute`, `reasons`,
`explain_recordings`). The first and the last need the core only, the others the extra `train`, for
scipy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from affectspace.errors import needs_extra

if TYPE_CHECKING:
    from affectspace.explain.attribution import Attribution, attribute, reasons
    from affectspace.explain.axes import Axis, axes_of, changes, walk
    from affectspace.explain.correlations import across_languages, follow
    from affectspace.explain.criteria import Criteria
    from affectspace.explain.families import FAMILIES, Family, Word
    from affectspace.explain.findings import Findings, explain_axes
    from affectspace.explain.meaning import compare_languages, family_differences
    from affectspace.explain.recordings import explain_recordings
    from affectspace.explain.speech import Speech
    from affectspace.explain.vocabulary import words

_HOMES = {
    "FAMILIES": "families",
    "Attribution": "attribution",
    "Axis": "axes",
    "Criteria": "criteria",
    "Family": "families",
    "Findings": "findings",
    "Speech": "speech",
    "Word": "families",
    "across_languages": "correlations",
    "attribute": "attribution",
    "axes_of": "axes",
    "changes": "axes",
    "compare_languages": "meaning",
    "explain_axes": "findings",
    "explain_recordings": "recordings",
    "family_differences": "meaning",
    "follow": "correlations",
    "reasons": "attribution",
    "walk": "axes",
    "words": "vocabulary",
}

__all__ = [
    "FAMILIES",
    "Attribution",
    "Axis",
    "Criteria",
    "Family",
    "Findings",
    "Speech",
    "Word",
    "across_languages",
    "attribute",
    "axes_of",
    "changes",
    "compare_languages",
    "explain_axes",
    "explain_recordings",
    "family_differences",
    "follow",
    "reasons",
    "walk",
    "words",
]


def __getattr__(name: str) -> Any:
    """Load what needs scipy at its first use, so that the core does without."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with needs_extra("train", f"affectspace.explain.{name}"):
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
