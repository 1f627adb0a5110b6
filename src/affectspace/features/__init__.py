"""Feature sets, their contract, and the extraction of many files into one table.

A `FeatureSpec` says what exactly a feature vector is; `FeatureTable` holds vectors under the
utterance index with a status per row; `extract` makes one from recordings, in parallel, cached.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from affectspace.features.backend import Backend
from affectspace.features.extract import extract
from affectspace.features.registry import backend, names, spec
from affectspace.features.spec import FeatureSpec

if TYPE_CHECKING:
    from affectspace.features.table import FeatureTable

__all__ = ["Backend", "FeatureSpec", "FeatureTable", "backend", "extract", "names", "spec"]


def __getattr__(name: str) -> Any:
    """Load the table at its first use, so that worker processes do without pandas."""
    if name == "FeatureTable":
        from affectspace.features.table import FeatureTable

        return FeatureTable
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
