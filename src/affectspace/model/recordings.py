"""What a caller hands over (paths, arrays, a table) as one utterance table."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from itertools import groupby
from numbers import Real
from typing import Any, NamedTuple

import pandas as pd

from affectspace.errors import TableError
from affectspace.features.signals import InMemory
from affectspace.tables import INDEX, find_utterances, utterance_index
from affectspace.tables.frames import listed

Recording = str | os.PathLike[str] | InMemory
Recordings = Recording | Iterable[Recording] | pd.DataFrame


class Gathered(NamedTuple):
    """Recordings as rows.

    Attributes:
        table: the utterance table.
        signals: those rows, by position, that are in memory.
    """

    table: pd.DataFrame
    signals: Mapping[int, InMemory]


def gather(recordings: Recordings) -> Gathered:
    """Bring recordings into a table, in their order.

    Args:
        recordings: a path (of whatever [`find_utterances`][affectspace.tables.find_utterances]
            takes), samples with their sampling rate, several of either, or an utterance table; its
            index may also be the columns `file`, and `start` and `end` where they are needed.

    Returns:
        The rows. What is in memory is called `signal`, or `signal-3` as the fourth of several.

    Raises:
        TableError: when the table has another index, or paths hold nothing.
        TypeError: when something is neither a path nor samples with their sampling rate.
    """
    if isinstance(recordings, pd.DataFrame):
        return Gathered(_as_table(recordings), {})
    if isinstance(recordings, str | os.PathLike) or _in_memory(recordings):
        items: list[Any] = [recordings]
    elif isinstance(recordings, Iterable) and not hasattr(recordings, "dtype"):
        items = list(recordings)
    else:
        raise _misunderstood(recordings)
    return _gathered(items, numbered=len(items) > 1 or items[:1] != [recordings])


def _as_table(frame: pd.DataFrame) -> pd.DataFrame:
    if tuple(frame.index.names) == INDEX:
        return frame
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
    signals: dict[int, InMemory] = {}
    rows = 0
    for in_memory, run in groupby(enumerate(items), lambda item: _in_memory(item[1])):
        numbers, found = zip(*run, strict=True)
        if in_memory:
            names = [f"signal-{number}" if numbered else "signal" for number in numbers]
            tables.append(pd.DataFrame(index=utterance_index(names)))
            for row, (samples, rate) in enumerate(found, rows):
                signals[row] = (samples, int(rate))
        else:
            for item in found:
                if not isinstance(item, str | os.PathLike):
                    raise _misunderstood(item)
            tables.append(find_utterances(found))
        rows += len(tables[-1])
    return Gathered(pd.concat(tables) if tables else _nothing(), signals)


def _in_memory(recording: Any) -> bool:
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
        "a recording is a path or a pair (samples, sampling_rate), and this is "
        f"{type(recording).__name__}"
    )


def _nothing() -> pd.DataFrame:
    return pd.DataFrame(index=utterance_index([]))
