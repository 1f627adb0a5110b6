"""What a caller hands over (paths, contents, arrays, a table) as one utterance table."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from itertools import groupby
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from affectspace.audio import Content
from affectspace.audio.names import table_name
from affectspace.audio.sources import InMemory
from affectspace.errors import TableError
from affectspace.features.work import Source
from affectspace.tables import INDEX, find_utterances, utterance_index
from affectspace.tables.frames import listed

Recording = str | os.PathLike[str] | Content | InMemory
Recordings = Recording | Iterable[Recording] | pd.DataFrame | pd.Index


class Gathered(NamedTuple):
    """Recordings as rows.

    Attributes:
        table: the utterance table.
        sources: those that are in memory, by their file's name in the table.
    """

    table: pd.DataFrame
    sources: Mapping[str, Source]


def gather(recordings: Recordings) -> Gathered:
    """Bring recordings into a table, in their order.

    Args:
        recordings: a path (of whatever [`find_utterances`][affectspace.tables.find_utterances]
            takes), a file's `Content`, samples with their sampling rate, several of these, or an
            utterance table or its index, which may also be `file` alone, as audformat has it; or
            be columns, `file`, and `start` and `end` where they are needed.

    Returns:
        The rows. Samples are called `signal`, or `signal-3` as the fourth of several.

    Raises:
        TableError: when the table has another index, paths hold nothing, or two contents have one
            name.
        TypeError: when something is none of these.
    """
    if isinstance(recordings, pd.Index):
        recordings = pd.DataFrame(index=recordings)
    if isinstance(recordings, pd.DataFrame):
        return Gathered(_as_table(recordings), {})
    if _is_path(recordings) or isinstance(recordings, Content) or _is_signal(recordings):
        return _gathered([recordings], numbered=False)
    if isinstance(recordings, Iterable) and not hasattr(recordings, "dtype"):
        return _gathered(list(recordings), numbered=True)
    raise _misunderstood(recordings)


def _as_table(frame: pd.DataFrame) -> pd.DataFrame:
    if tuple(frame.index.names) == INDEX:
        return frame
    if tuple(frame.index.names) == INDEX[:1]:
        return frame.set_axis(utterance_index([str(file) for file in frame.index]))
    if "file" not in frame.columns:
        raise TableError(
            f"an utterance table has the index levels {', '.join(INDEX)}, or a column 'file'; this "
            f"one has the columns {listed(frame.columns)}"
        )
    times = (list(frame[name]) if name in frame.columns else None for name in INDEX[1:])
    index = utterance_index([str(file) for file in frame["file"]], *times)
    return frame.drop(columns=[name for name in INDEX if name in frame.columns]).set_axis(index)


def _gathered(items: list[Any], *, numbered: bool) -> Gathered:
    tables: list[pd.DataFrame] = []
    sources: dict[str, Source] = {}
    for on_disk, run in groupby(enumerate(items), lambda item: _is_path(item[1])):
        if on_disk:
            tables.append(find_utterances([item for _, item in run]))
            continue
        held = [_named(item, f"signal-{number}" if numbered else "signal") for number, item in run]
        for name, source in held:
            if name in sources:
                raise TableError(f"two recordings in memory are called {name!r}; rename one")
            sources[name] = source
        tables.append(pd.DataFrame(index=utterance_index([name for name, _ in held])))
    return Gathered(pd.concat(tables) if tables else _nothing(), sources)


def _named(recording: Any, name: str) -> tuple[str, Source]:
    """Return what a recording in memory is called in tables, and the recording."""
    if isinstance(recording, Content):
        return table_name(recording.name), recording.data
    if _is_signal(recording):
        return name, (np.asarray(recording[0]), int(recording[1]))
    raise _misunderstood(recording)


def _is_path(recording: Any) -> bool:
    return isinstance(recording, str | os.PathLike)


def _is_signal(recording: Any) -> bool:
    """Whether it is a pair of samples and sampling rate."""
    return (
        isinstance(recording, tuple)
        and len(recording) == 2
        and hasattr(recording[0], "__len__")
        and not isinstance(recording[0], str)
        and isinstance(recording[1], Real)
    )


def _misunderstood(recording: Any) -> TypeError:
    return TypeError(
        "a recording is a path, a Content or a pair (samples, sampling_rate), and this is "
        f"{type(recording).__name__}"
    )


def _nothing() -> pd.DataFrame:
    return pd.DataFrame(index=utterance_index([]))
