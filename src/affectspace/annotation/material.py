"""What is rated: recordings and spans of them, as items of a study."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from affectspace.annotation.assignment import shuffle_numbers
from affectspace.annotation.formats import KNOWN
from affectspace.annotation.schema import items, rounds
from affectspace.annotation.settings import HIGH, LOW
from affectspace.annotation.store import now
from affectspace.audio import AudioFile, Status, read_audio
from affectspace.audio.names import absolute, table_name
from affectspace.audio.status import UNHEARD
from affectspace.errors import AudioError, StudyError
from affectspace.progress import progress_bar
from affectspace.tables import find_utterances, resolve_files

LONGEST = 300.0  # s; what is longer is no utterance

LISTED = 10  # of what is left out, by name

REFERENCES = ("activation", "valence")

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Item:
    """Something to rate.

    Attributes:
        file: absolute, or from the study's audio folder.
        start: in s.
        end: in s; None is the file's.
        seconds: how long it is.
        practice: whether it is there to practise on.
        activation: what others say of it, for practice; None where nothing is known.
        valence: likewise.
        about: what else is known of it, such as speaker and language, as JSON.
    """

    file: str
    start: float
    end: float | None
    seconds: float
    practice: bool = False
    activation: float | None = None
    valence: float | None = None
    about: str = "{}"


def find_items(
    audio: Sequence[str | os.PathLike[str]], *, keep_unusable: bool = False, progress: bool = False
) -> list[Item]:
    """Return what is to be rated in files, folders and tables, as `find_utterances` reads them.

    Left out is what lasts longer than 5 minutes, and what `embed` would give another status than
    `ok`: nobody can judge silence, and no model learns from it. A warning in the log says how many,
    and why. Practice items take their reference from the columns `activation` and `valence`.

    Args:
        audio: files, folders and tables.
        keep_unusable: take what can be heard, whatever its status.
        progress: whether a bar on stderr says how far it is.

    Raises:
        StudyError: when nothing is left.
        TableError: when there is nothing, or a table can't be read.
    """
    table = find_utterances(audio)
    found, left_out = [], []
    with progress_bar(len(table), "Listening", unit="recordings", show=progress) as advance:
        for position, (file, start, end) in enumerate(table.index):
            path = absolute(file)
            last = None if pd.isna(end) else end.total_seconds()
            try:
                seconds = _usable(path, start.total_seconds(), last, keep=keep_unusable)
            except (AudioError, OSError) as error:
                left_out.append(f"{file}: {error}")
            else:
                item = Item(table_name(path), start.total_seconds(), last, seconds)
                values = {label: _value(table, label, position) for label in REFERENCES}
                found.append(replace(item, about=_about(table, position), **values))
            advance(1)
    if left_out:
        told = "".join(f"\n  {line}" for line in left_out[:LISTED])
        more = len(left_out) - LISTED
        told += f"\n  and {more} more" if more > 0 else ""
        _LOG.warning("left out: %d of %d%s", len(left_out), len(table), told)
    if not found:
        raise StudyError(f"there is nothing to rate: {left_out[0]}")
    return found


def set_apart(found: Sequence[Item], practice: int, *, seed: int = 0) -> list[Item]:
    """Return the items with so many of them, drawn at random, for practice.

    Raises:
        StudyError: if none would be left to rate.
    """
    if practice >= len(found):
        raise StudyError(f"{len(found)} items are too few to set {practice} apart for practice")
    drawn = set(np.random.default_rng(seed).permutation(len(found))[:practice].tolist())
    return [replace(item, practice=number in drawn) for number, item in enumerate(found)]


def add_items(
    connection: sa.Connection, found: Iterable[Item], root: str | Path, *, seed: int = 0
) -> int:
    """Add items to a study, those that it has already left out; they belong to no round yet.

    Args:
        connection: of a transaction that may write.
        found: items with absolute paths.
        root: the study's audio folder; paths are stored from there.
        seed: of the orders.

    Returns:
        How many were added.
    """
    columns = items.c.file, items.c.start, items.c.end
    there = {tuple(row) for row in connection.execute(sa.select(*columns))}
    new = []
    for item in found:
        file = os.path.relpath(item.file, root)
        if (file, item.start, item.end) in there:
            continue
        there.add((file, item.start, item.end))
        known = item if item.practice else replace(item, activation=None, valence=None)
        new.append({**known.__dict__, "file": file, "claimed": 0, "round": None})
    numbers = shuffle_numbers(len(new), seed=seed, first=len(there) - len(new))
    for row, number in zip(new, numbers, strict=True):
        row["shuffle"] = number
    if new:
        connection.execute(sa.insert(items), new)
    return len(new)


def open_round(connection: sa.Connection, chosen: Sequence[int] | None = None) -> int:
    """Have items rated from now on: these, or all.

    Args:
        connection: of a transaction that may write.
        chosen: numbers of items; practice items among them are passed over.

    Returns:
        How many items the new round has.

    Raises:
        StudyError: if it has none.
    """
    number = (connection.execute(sa.select(sa.func.max(rounds.c.number))).scalar() or 0) + 1
    opened = 0
    for some in [None] if chosen is None else _parts(chosen):
        which = ~items.c.practice if some is None else ~items.c.practice & items.c.id.in_(some)
        opened += connection.execute(sa.update(items).where(which).values(round=number)).rowcount
    if not opened:
        raise StudyError("none of these items is part of the study")
    connection.execute(sa.insert(rounds).values(number=number, opened=now(), items=opened))
    return opened


def match_items(
    connection: sa.Connection, table: pd.DataFrame, folders: Sequence[Path]
) -> list[int]:
    """Return the numbers of the study's items that a table's rows name.

    Args:
        connection: of a transaction.
        table: an utterance table, such as `adapt` writes of what to rate next.
        folders: the study's audio folder, and others that the table's paths may start from.

    Raises:
        StudyError: if a row names nothing in the study.
    """
    columns = items.c.id, items.c.file, items.c.start, items.c.end
    there: dict[tuple[Any, ...], int] = {
        (os.path.normpath(folders[0] / row.file), _key(row.start), _key(row.end)): row.id
        for row in connection.execute(sa.select(*columns))
    }
    found = []
    for place in [table, *(resolve_files(table, folder) for folder in folders)]:
        names = [absolute(file) for file in place.index.get_level_values("file")]
        times = [
            (_key(start.total_seconds()), _key(None if pd.isna(end) else end.total_seconds()))
            for _, start, end in place.index
        ]
        keys = [(table_name(name), *time) for name, time in zip(names, times, strict=True)]
        missing = [key for key in keys if key not in there]
        if not missing:
            return list(dict.fromkeys(there[key] for key in keys))
        found.append(missing)
    fewest = min(found, key=len)
    raise StudyError(
        f"{len(fewest)} of {len(table)} rows name no item of the study, first {fewest[0][0]}"
    )


def _usable(path: str, start: float, end: float | None, *, keep: bool) -> float:
    """Return how long a span is, in s.

    Raises:
        AudioError: if it can't be heard, or is too long; unless `keep`, if it is of no use either.
        OSError: if the file can't be opened.
    """
    with open(path, "rb") as opened, AudioFile(opened) as audio:  # noqa: PTH123
        first, last = audio.extent(start, end)
        seconds = last - first
        if seconds > LONGEST:
            reason = f"{seconds:.0f} s are more than {LONGEST:.0f} s"
            raise AudioError(Status.BAD_SPAN, reason)
        try:
            read_audio(audio, start=start, end=end)
        except AudioError as error:
            if not keep or error.status in UNHEARD:
                raise
    return seconds


def _value(table: pd.DataFrame, label: str, position: int) -> Any:
    if label not in table.columns:
        return None
    value = float(table[label].iloc[position])
    return value if LOW <= value <= HIGH else None


def _about(table: pd.DataFrame, position: int) -> str:
    known = [name for name in KNOWN if name in table.columns]
    values = {name: table[name].iloc[position] for name in known}
    told = {name: value for name, value in values.items() if not pd.isna(value)}
    return json.dumps(told, ensure_ascii=False, default=float)


def _key(seconds: float | None) -> int | None:
    """Times as whole milliseconds: tables round them."""
    return None if seconds is None else round(seconds * 1000)


def _parts(numbers: Sequence[int], size: int = 500) -> Iterable[list[int]]:
    return (list(numbers[first : first + size]) for first in range(0, len(numbers), size))
