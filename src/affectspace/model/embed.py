"""`embed`: recordings -> embedding table, a row for every recording or segment, none lost."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import affectspace
from affectspace.audio import Channel
from affectspace.features import Backend, FeatureTable, extract, registry
from affectspace.features.batch import FEW
from affectspace.features.table import MEASURES, table_of_results
from affectspace.features.work import Result, Source
from affectspace.model.alignment import check_alignable, scale_of
from affectspace.model.cautions import cautions
from affectspace.model.contract import adopt
from affectspace.model.recordings import Recordings, gather
from affectspace.segments import Segmentation
from affectspace.segments import segment as cut_files
from affectspace.tables import INDEX

if TYPE_CHECKING:
    from affectspace.model.affect import AffectModel

LABELS = ("activation", "valence")
ESTIMATES = tuple(f"{label}{end}" for label in LABELS for end in ("", "_low", "_high"))

_LOG = logging.getLogger(__name__)
_DURATIONS = (1.0, 10.0)  # s, of spans of speech where a model doesn't say what it was trained on

_OURS = {*INDEX, *ESTIMATES, "unusualness", "status", "message", "caution", *MEASURES}


class _Run(NamedTuple):
    """How recordings are worked on; see `extract`."""

    sources: Mapping[str, Source]
    jobs: int | None
    cache: str | os.PathLike[str] | bool | None
    progress: bool


class _Spans(NamedTuple):
    """What is to be computed, and what can't be.

    Attributes:
        cut: an utterance table, a row per recording or segment.
        rejected: those of the input that have no segment, with `status` and `message`.

    In both `row` says which row of the input it belongs to.
    """

    cut: pd.DataFrame
    rejected: pd.DataFrame


def embed(
    model: AffectModel,
    recordings: Recordings,
    *,
    segment: str | Segmentation = "none",
    channel: Channel | None = None,
    align: bool = False,
    jobs: int | None = None,
    cache: str | os.PathLike[str] | bool | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Embed recordings; see [`AffectModel.embed`][affectspace.model.AffectModel.embed]."""
    segmentation = (
        segment if isinstance(segment, Segmentation) else Segmentation.parse(str(segment))
    )
    model = adopt(model)
    backend = _backend(model, channel)
    if not isinstance(align, bool):  # "no" would be true
        raise TypeError(f"align should be True or False, not {align!r}")
    if align:
        check_alignable(model)  # before the work, not after it
    gathered = gather(recordings)
    run = _Run(gathered.sources, jobs, cache, progress)
    rows = pd.DataFrame({"row": np.arange(len(gathered.table))}, index=gathered.table.index)
    spans = _cut(rows, segmentation, _durations(model), backend.spec.channel, run)
    features, origin = _extracted(spans, backend, run)
    if align and features.ok.any():
        model = model.aligned(features.values)
    table = _embedding_table(model, features, gathered.table, origin)
    table.attrs["affectspace"] = {
        **facts(model),
        "segment": str(segmentation),
        "channel": str(backend.spec.channel),
    }
    return table


def facts(model: AffectModel) -> dict[str, str]:
    """What an embedding table says of its model: name, version, source, feature contract, scale."""
    spec = model.spec
    return {
        "name": model.name,
        "version": model.version,
        "source": model.source,
        "licence": model.licence,
        "features": str(spec),
        "contract": "" if spec is None else spec.hash,
        "scale": scale_of(model),
        "affectspace": affectspace.__version__,
    }


def _backend(model: AffectModel, channel: Channel | None) -> Backend:
    """What computes the model's features, if need be of another channel."""
    spec = model.spec
    assert spec is not None  # noqa: S101  (adopt has refused models without a contract)
    rule = spec.channel if channel is None else channel
    return registry.installed(replace(spec, channel=rule))


def _durations(model: AffectModel) -> tuple[float, float]:
    """How long spans of speech shall be at least and at most, in seconds."""
    return _DURATIONS if model.calibration is None else model.calibration.durations


def _cut(
    rows: pd.DataFrame,
    segmentation: Segmentation,
    limits: tuple[float, float],
    channel: Channel,
    run: _Run,
) -> _Spans:
    """Cut all recordings."""
    shortest, longest = limits
    cut, rejected = cut_files(
        rows,
        segmentation,
        shortest=shortest,
        longest=longest,
        channel=channel,
        sources=run.sources,
        jobs=run.jobs,
        cache=run.cache,
        progress=run.progress,
    )
    twice = cut.index.duplicated() & (segmentation.kind != "none")
    if twice.any():
        _LOG.warning("%d segments belong to several rows that overlap; each comes once", sum(twice))
    return _Spans(cut[~twice], rejected)


def _extracted(spans: _Spans, backend: Backend, run: _Run) -> tuple[FeatureTable, NDArray[np.intp]]:
    """Features of all spans, in the order of the input; and the row of the input of each."""
    cut, rejected = spans
    features = extract(
        pd.DataFrame(index=cut.index),
        features=backend,
        sources=run.sources,
        jobs=run.jobs,
        cache=run.cache,
        progress=run.progress and len(cut) > FEW,  # the bar itself takes 50 ms to load
    )
    if not len(rejected):
        return features, cut["row"].to_numpy()
    missing = np.full((len(rejected), len(backend.spec.features)), np.nan, np.float32)
    results = [Result(*why) for why in zip(rejected["status"], rejected["message"], strict=True)]
    frame = pd.DataFrame(index=rejected.index)
    parts = [features, table_of_results(frame, backend.spec, missing, results)]
    origin = np.concatenate([cut["row"], rejected["row"]])
    order = np.argsort(origin, kind="stable")
    values = pd.concat([part.values for part in parts]).iloc[order]
    measured = pd.concat([part.rows for part in parts if len(part)]).iloc[order]
    return FeatureTable(backend.spec, values, measured), origin[order]


def _embedding_table(
    model: AffectModel, features: FeatureTable, given: pd.DataFrame, origin: NDArray[np.intp]
) -> pd.DataFrame:
    """Put estimates, status, cautions and measures beside the columns that came in."""
    described = model.describe(features.values)  # NaN in, NaN out
    latent = [name for name in described.columns if re.fullmatch(r"z\d+", name)]
    rows, unknown = features.rows, np.full(len(features), np.nan)
    estimates = {name: described[name].to_numpy() for name in described.columns}
    found = {name: estimates.get(name, unknown) for name in (*ESTIMATES, *latent, "unusualness")}
    measures = {name: rows[name].to_numpy(np.float64) for name in MEASURES}
    columns: dict[str, Any] = {
        **found,
        **{name: rows[name].array for name in ("status", "message")},
        "caution": cautions({**found, **measures}, model.calibration, features.ok),
        **measures,
    }
    for name, (_, column) in zip(_free_names(given.columns), given.items(), strict=True):
        columns[name] = column.array.take(origin)
    return pd.DataFrame(columns, index=rows.index)


def _free_names(columns: Iterable[Any]) -> list[str]:
    """Names of the input's columns, with `input_` before those that are ours."""
    names: list[str] = []
    for column in map(str, columns):
        name = column
        while name in _OURS or re.fullmatch(r"z\d+", name) or name in names:
            name = f"input_{name}"
        names.append(name)
    return names
