"""`embed`: recordings -> embedding table, a row for every recording or segment, none lost."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import affectspace
from affectspace.audio import Channel, Status, stream_audio
from affectspace.features import Backend, FeatureTable, extract, registry
from affectspace.features.batch import FEW
from affectspace.features.signals import InMemory, cut_signal, extract_signals
from affectspace.features.table import MEASURES, table_of_results
from affectspace.features.work import Result, result_of
from affectspace.model.cautions import cautions
from affectspace.model.contract import adopt
from affectspace.model.recordings import Gathered, Recordings, gather
from affectspace.segments import Segmentation, segment_signal
from affectspace.segments import segment as cut_files
from affectspace.tables import INDEX, utterance_index

if TYPE_CHECKING:
    from affectspace.model.affect import AffectModel

LABELS = ("activation", "valence")
ESTIMATES = tuple(f"{label}{end}" for label in LABELS for end in ("", "_low", "_high"))

_LOG = logging.getLogger(__name__)
_DURATIONS = (1.0, 10.0)  # s, of spans of speech where a model doesn't say what it was trained on

_OURS = {*INDEX, *ESTIMATES, "unusualness", "status", "message", "caution", *MEASURES}


class _Run(NamedTuple):
    """How files are worked on; see `extract`."""

    jobs: int | None
    cache: str | os.PathLike[str] | bool | None
    progress: bool


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
    segment: str | Segmentation = "none",
    channel: Channel | None = None,
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
    gathered = gather(recordings)
    run = _Run(jobs, cache, progress)
    if segmentation.kind == "none":
        spans = _whole(gathered)
    else:
        limits = _DURATIONS if model.calibration is None else model.calibration.durations
        spans = _segmented(gathered, segmentation, limits, backend.spec.channel, run)
    features = _extracted(spans, backend, run)
    table = _embedding_table(model, features, gathered.table, spans.origin)
    table.attrs["affectspace"] = {
        **facts(model),
        "segment": str(segmentation),
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
    return registry.installed(replace(spec, channel=rule))


def _whole(gathered: Gathered) -> _Spans:
    index = cast("pd.MultiIndex", gathered.table.index)
    return _Spans(index, np.arange(len(index)), gathered.signals)


def _segmented(
    gathered: Gathered,
    segmentation: Segmentation,
    limits: tuple[float, float],
    channel: Channel,
    run: _Run,
) -> _Spans:
    """Cut all recordings; those that have no span keep a row."""
    rows = pd.DataFrame({"row": np.arange(len(gathered.table))}, index=gathered.table.index)
    shortest, longest = limits
    cut, rejected = cut_files(
        rows[~rows["row"].isin(list(gathered.signals))],
        segmentation,
        shortest=shortest,
        longest=longest,
        channel=channel,
        jobs=run.jobs,
        cache=run.cache,
        progress=run.progress,
    )
    tables = [cut[["row"]], rejected[["row"]]]
    parts: list[InMemory | Result | None] = [None] * len(cut)
    parts += map(Result, rejected["status"], rejected["message"])
    for row, signal in gathered.signals.items():
        times = _spans_of(signal, segmentation, limits, channel)
        if isinstance(times, Result):
            tables.append(rows.iloc[[row]])
            parts.append(times)
            continue
        starts, ends = zip(*times, strict=True)
        index = utterance_index([rows.index[row][0]] * len(times), starts, ends)
        tables.append(pd.DataFrame({"row": row}, index=index))
        parts += [cut_signal(signal, *span) for span in times]
    frame = pd.concat(tables)
    order = np.argsort(frame["row"].to_numpy(), kind="stable")
    twice = frame.index[order].duplicated()
    if twice.any():
        _LOG.warning("%d segments belong to several rows that overlap; each comes once", sum(twice))
        order = order[~twice]
    ordered = [parts[position] for position in order]
    return _Spans(
        cast("pd.MultiIndex", frame.index[order]),
        frame["row"].to_numpy()[order],
        {i: part for i, part in enumerate(ordered) if part and not isinstance(part, Result)},
        {i: part for i, part in enumerate(ordered) if isinstance(part, Result)},
    )


def _spans_of(
    signal: InMemory, segmentation: Segmentation, limits: tuple[float, float], channel: Channel
) -> Sequence[tuple[float, float]] | Result:
    """Cut a recording in memory; or say why it has no span."""
    shortest, longest = limits
    try:
        samples = np.concatenate(list(stream_audio(signal, channel=channel)))
        times = segment_signal(samples, segmentation, shortest=shortest, longest=longest)
    except Exception as error:  # one recording never ends the run
        return result_of(error)
    return times or Result(Status.NO_SPEECH, Status.NO_SPEECH.sentence)


def _extracted(spans: _Spans, backend: Backend, run: _Run) -> FeatureTable:
    """Features of all spans: of files in parallel, of what is in memory here."""
    signals, rejected = sorted(spans.signals), sorted(spans.rejected)
    files = np.setdiff1d(np.arange(len(spans.index)), [*signals, *rejected])
    parts = [
        extract(
            pd.DataFrame(index=spans.index[files]),
            features=backend,
            jobs=run.jobs,
            cache=run.cache,
            progress=run.progress and len(files) > FEW,  # the bar itself takes 50 ms to load
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
    measures = features.rows.reindex(columns=list(MEASURES))
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
