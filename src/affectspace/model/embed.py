"""`embed`: recordings -> embedding table, a row for every recording or segment, none lost."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import affectspace
from affectspace.audio import Channel
from affectspace.features import Backend, FeatureTable, extract, registry
from affectspace.features.batch import FEW
from affectspace.features.signals import InMemory, extract_signals
from affectspace.features.table import table_of_results
from affectspace.features.work import Result
from affectspace.model.cautions import cautions
from affectspace.model.contract import adopt
from affectspace.model.recordings import Gathered, Recordings, gather
from affectspace.tables import INDEX

if TYPE_CHECKING:
    from affectspace.model.affect import AffectModel

LABELS = ("activation", "valence")
ESTIMATES = tuple(f"{label}{end}" for label in LABELS for end in ("", "_low", "_high"))
QUALITY = ("duration", "level", "clipped_share", "voiced_share", "bandwidth")

_OURS = {*INDEX, *ESTIMATES, "unusualness", "status", "message", "caution", *QUALITY}


@dataclass(frozen=True)
class _Spans:
    """What is to be computed.

    Attributes:
        index: the utterance index, a row per recording or segment.
        origin: which row of the input each belongs to, shape (n,).
        signals: those in memory, by position.
        rejected: those that can't be computed, by position, and why.
    """

    index: pd.MultiIndex
    origin: NDArray[np.intp]
    signals: Mapping[int, InMemory]
    rejected: Mapping[int, Result] = field(default_factory=dict)


def embed(
    model: AffectModel,
    recordings: Recordings,
    *,
    segment: str = "none",
    channel: Channel | None = None,
    jobs: int | None = None,
    cache: str | os.PathLike[str] | bool | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Embed recordings; see [`AffectModel.embed`][affectspace.model.AffectModel.embed]."""
    model = adopt(model)
    backend = _backend(model, channel)
    gathered = gather(recordings)
    spans = _whole(gathered)
    features = _extracted(spans, backend, jobs=jobs, cache=cache, progress=progress)
    table = _embedding_table(model, features, gathered.table, spans.origin)
    table.attrs["affectspace"] = {
        **facts(model),
        "segment": segment,
        "channel": str(backend.spec.channel),
    }
    return table


def facts(model: AffectModel) -> dict[str, str]:
    """What an embedding table says of its model: name, version, source and feature contract."""
    spec = model.spec
    return {
        "name": model.name,
        "version": model.version,
        "source": model.source,
        "licence": model.licence,
        "features": str(spec),
        "contract": "" if spec is None else spec.hash,
        "affectspace": affectspace.__version__,
    }


def _backend(model: AffectModel, channel: Channel | None) -> Backend:
    """What computes the model's features, if need be of another channel."""
    spec = model.spec
    assert spec is not None  # noqa: S101  (adopt has refused models without a contract)
    rule = spec.channel if channel is None else channel
    return registry.backend(spec.name, channel=rule, level=spec.level)


def _whole(gathered: Gathered) -> _Spans:
    index = gathered.table.index
    assert isinstance(index, pd.MultiIndex)  # noqa: S101  (gather has checked it)
    return _Spans(index, np.arange(len(index)), gathered.signals)


def _extracted(
    spans: _Spans,
    backend: Backend,
    *,
    jobs: int | None,
    cache: str | os.PathLike[str] | bool | None,
    progress: bool,
) -> FeatureTable:
    """Features of all spans: of files in parallel, of what is in memory here."""
    signals, rejected = sorted(spans.signals), sorted(spans.rejected)
    files = np.setdiff1d(np.arange(len(spans.index)), [*signals, *rejected])
    parts = [
        extract(
            pd.DataFrame(index=spans.index[files]),
            features=backend,
            jobs=jobs,
            cache=cache,
            progress=progress and len(files) > FEW,  # the bar itself takes 50 ms to load
        )
    ]
    if signals:
        recordings = [spans.signals[row] for row in signals]
        parts.append(extract_signals(recordings, spans.index[signals], backend=backend))
    if rejected:
        missing = np.full((len(rejected), len(backend.spec.features)), np.nan, np.float32)
        results = [spans.rejected[row] for row in rejected]
        frame = pd.DataFrame(index=spans.index[rejected])
        parts.append(table_of_results(frame, backend.spec, missing, results))
    return parts[0] if len(parts) == 1 else _joined(parts, [*files, *signals, *rejected])


def _joined(parts: Sequence[FeatureTable], positions: Sequence[int]) -> FeatureTable:
    """Put tables together, each row at its position."""
    order = np.argsort(positions)
    values = pd.concat([part.values for part in parts]).iloc[order]
    rows = pd.concat([part.rows for part in parts if len(part)]).iloc[order]
    return FeatureTable(parts[0].spec, values, rows)


def _embedding_table(
    model: AffectModel, features: FeatureTable, given: pd.DataFrame, origin: NDArray[np.intp]
) -> pd.DataFrame:
    """Put estimates, status, cautions and measures beside the columns that came in."""
    described = model.describe(features.values)  # NaN in, NaN out
    latent = [name for name in described.columns if re.fullmatch(r"z\d+", name)]
    estimates = described.reindex(columns=[*ESTIMATES, *latent, "unusualness"])
    measures = features.rows.reindex(columns=list(QUALITY))
    words = features.rows[["status", "message"]].copy()
    found = pd.concat([estimates, measures], axis="columns")
    words["caution"] = cautions(found, model.calibration).where(features.ok, "")
    passed_on = given.iloc[origin].set_axis(features.rows.index)
    passed_on.columns = pd.Index(_free_names(given.columns), dtype=object)
    return pd.concat([estimates, words, measures, passed_on], axis="columns")


def _free_names(columns: Iterable[Any]) -> list[str]:
    """Names of the input's columns, with `input_` before those that are ours."""
    names: list[str] = []
    for column in map(str, columns):
        name = column
        while name in _OURS or re.fullmatch(r"z\d+", name) or name in names:
            name = f"input_{name}"
        names.append(name)
    return names
