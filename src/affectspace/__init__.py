"""A continuous affect space (activation and valence) for speech, in any language.

The names below are looked up at their first use, so importing the package is quick and loads
neither torch nor pandas.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from affectspace.audio import read_audio
    from affectspace.errors import AffectspaceError
    from affectspace.estimator import MetricAutoencoder
    from affectspace.features import FeatureSpec, FeatureTable, extract
    from affectspace.model import AffectModel, load_model, save_model
    from affectspace.study import run_study, train_model
    from affectspace.tables import read_table, write_table

_HOMES = {
    "AffectModel": "model",
    "AffectspaceError": "errors",
    "FeatureSpec": "features",
    "FeatureTable": "features",
    "MetricAutoencoder": "estimator",
    "extract": "features",
    "load_model": "model",
    "read_audio": "audio",
    "read_table": "tables",
    "run_study": "study",
    "save_model": "model",
    "train_model": "study",
    "write_table": "tables",
}

__all__ = [
    "AffectModel",
    "AffectspaceError",
    "FeatureSpec",
    "FeatureTable",
    "MetricAutoencoder",
    "extract",
    "load_model",
    "read_audio",
    "read_table",
    "run_study",
    "save_model",
    "train_model",
    "write_table",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from affectspace.errors import needs_extra

    with needs_extra("train", f"affectspace.{name}"):
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
