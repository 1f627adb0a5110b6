"""Long recordings -> spans: where somebody speaks, or windows of one length.

`Segmentation` says how; `segment` does it for a table of recordings, be they files or in memory;
`speech_spans` and `window_spans` are what it rests on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from affectspace.segments.settings import Segmentation
from affectspace.segments.spans import speech_spans, window_spans
from affectspace.segments.speech import speech_probabilities

if TYPE_CHECKING:
    from affectspace.segments.cutting import segment

__all__ = [
    "Segmentation",
    "segment",
    "speech_probabilities",
    "speech_spans",
    "window_spans",
]


def __getattr__(name: str) -> Any:
    """Load what works on tables at its first use, so that worker processes do without pandas."""
    if name == "segment":
        from affectspace.segments.cutting import segment

        return segment
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
