"""`segment`: a table of recordings -> a table of spans."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from affectspace.audio import AudioFile, Channel, Status, extent
from affectspace.audio.sources import InMemory
from affectspace.features.batch import as_utterances, run_tasks, tasks_of
from affectspace.features.work import Compute, Result, Source, Span, result_of, seconds
from affectspace.progress import progress_bar
from affectspace.segments.chunks import Chunks, chunked
from affectspace.segments.settings import Segmentation
from affectspace.segments.spans import Spans, speech_spans, window_spans
from affectspace.segments.speech import speech_of, speech_spec
from affectspace.tables import utterance_index


def segment(
    utterances: pd.DataFrame | Sequence[str | os.PathLike[str]],
    segmentation: Segmentation,
    *,
    shortest: float,
    longest: float,
    channel: Channel = "first",
    sources: Mapping[str, Source] | None = None,
    jobs: int | None = None,
    cache: str | os.PathLike[str] | bool | None = None,
    progress: bool = False,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cut recordings into spans.

    Speech is looked for in blocks of 10 s, so that a recording of any length takes little memory,
    and in chunks of 10 minutes, which several processes share; what was found is kept in the cache,
    by the content of the file. Windows follow from the duration that the file's header tells.

    Args:
        utterances: an utterance table (index `file, start, end`), or a list of files. A row with a
            start or an end is cut within these.
        segmentation: how.
        shortest: what is wanted of a span of speech, in seconds; some may stay shorter.
        longest: the longest span of speech, in seconds. Windows are as long as they are.
        channel: `first`, `mean` of all channels, or a channel's number, from 0.
        sources: the recordings of those files that are in memory, by their name in the table: a
            file's bytes, or samples with their sampling rate.
        jobs: worker processes; None is one per core, or none where that isn't worth while. With 1
            all happens in this process, where a crash of a library isn't survived.
        cache: the folder of the cache; None is `AFFECTSPACE_CACHE` or the platform's place for
            caches; False is no cache.
        progress: show a progress bar on stderr.

    Returns:
        The spans: an utterance table in the order of the input, with its columns, `start` and `end`
        counted from the start of the file. With `none` it is the input.
        And the rows of the input that have no span: with the columns `status`, the one that
        extraction would give or `no_speech`, and `message`, which replace the input's own.

    Raises:
        TableError: when the table has another index.
        ValueError: when `shortest`, `longest` or `jobs` is out of range.
        AffectspaceError: when worker processes can't start.

    Examples:
        >>> spans, rejected = segment(
        ...     ["nowhere.wav"], Segmentation.parse("speech"), shortest=1, longest=8, cache=False
        ... )
        >>> len(spans), rejected["status"].to_list()
        (0, ['missing'])
    """
    table = as_utterances(utterances)
    if segmentation.kind == "none":
        return table, _rejected(table, [], {})
    speech = segmentation.kind == "speech"
    _spans(Result(Status.OK, duration=1.0), segmentation, shortest=shortest, longest=longest)
    parts, owners = (
        chunked(table.index, sources or {}) if speech else (table.index, np.arange(len(table)))
    )
    which, tasks = tasks_of(parts, sources)
    places = _places(which, owners)
    chunks = [Chunks(count) for count in np.bincount(owners, minlength=len(table))]
    spans: dict[int, Spans] = {}
    reasons: dict[int, tuple[str, str]] = {}

    def keep(slot: int, _: int, result: Result) -> None:
        for row, number in places[slot]:
            whole = chunks[row].add(number, result)
            if whole is None:
                continue
            if whole.status != Status.OK:
                reasons[row] = (str(whole.status), whole.message)
                continue
            spans[row] = _spans(whole, segmentation, shortest=shortest, longest=longest)
            if not spans[row]:
                reasons[row] = (str(Status.NO_SPEECH), Status.NO_SPEECH.sentence)

    word = "Looking for speech" if speech else "Measuring"
    with progress_bar(len(places), word, show=progress) as advance:
        run_tasks(
            tasks,
            Compute(partial(speech_of, channel=channel) if speech else extent_of),
            keep,
            contracts=[speech_spec(channel)] if speech else [],
            jobs=jobs,
            cache=cache,
            advance=advance,
            **({"few": 1} if speech else {}),
        )
    return _cut(table, spans), _rejected(table, sorted(reasons), reasons)


def extent_of(recording: AudioFile | InMemory, span: Span) -> Result:
    """Measure how long a span of a recording really is, by the file's header."""
    try:
        start, end = seconds(span)
        start, end = extent(recording, start=start, end=end)
    except Exception as error:  # one file never ends the run
        return result_of(error)
    return Result(Status.OK, duration=end - start)


def _spans(result: Result, segmentation: Segmentation, *, shortest: float, longest: float) -> Spans:
    """Cut what was measured; times count from its start."""
    if segmentation.kind == "speech":
        probabilities = np.zeros(0) if result.values is None else result.values
        return speech_spans(
            probabilities, shortest=shortest, longest=longest, duration=result.duration
        )
    assert segmentation.seconds is not None and segmentation.hop is not None  # noqa: S101, PT018
    return window_spans(result.duration, segmentation.seconds, segmentation.hop)


def _places(which: NDArray[np.intp], owners: NDArray[np.intp]) -> dict[int, list[tuple[int, int]]]:
    """Return for each slot the rows that it is a chunk of, and the number of the chunk there."""
    firsts = np.searchsorted(owners, owners)
    places: dict[int, list[tuple[int, int]]] = {}
    for position, (slot, row) in enumerate(zip(which.tolist(), owners.tolist(), strict=True)):
        places.setdefault(slot, []).append((row, position - int(firsts[position])))
    return places


def _cut(table: pd.DataFrame, spans: Mapping[int, Spans]) -> pd.DataFrame:
    """Repeat each row for each of its spans."""
    offsets = pd.TimedeltaIndex(table.index.get_level_values("start")).fillna(pd.Timedelta(0))
    rows, starts, ends = [], [], []
    for row in sorted(spans):
        offset = offsets[row].value
        for start, end in spans[row]:
            rows.append(row)
            starts.append(offset + round(start * 1e9))
            ends.append(offset + round(end * 1e9))
    cut = table.iloc[rows].copy()
    files = table.index.get_level_values("file")[rows]
    cut.index = utterance_index(list(files), _times(starts), _times(ends))
    return cut


def _times(nanoseconds: list[int]) -> list[np.timedelta64]:
    return [np.timedelta64(time, "ns") for time in nanoseconds]


def _rejected(
    table: pd.DataFrame, rows: list[int], reasons: Mapping[int, tuple[str, str]]
) -> pd.DataFrame:
    """Return rows with the reason why they have no span."""
    rejected = table.iloc[rows].copy()
    rejected["status"] = [reasons[row][0] for row in rows]
    rejected["message"] = [reasons[row][1] for row in rows]
    return rejected
