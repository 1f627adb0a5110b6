"""What somebody points at (files, folders, tables, lists) as one utterance table."""

from __future__ import annotations

import codecs
import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import pandas as pd

from affectspace.audio.names import absolute, is_address, table_name
from affectspace.errors import TableError
from affectspace.tables.labels import AUDIO_SUFFIXES
from affectspace.tables.table import TABLE_SUFFIXES, listed, read_rows, utterance_index

LIST_SUFFIX = ".txt"
STDIN = "-"

_LOG = logging.getLogger(__name__)


def find_utterances(
    inputs: Iterable[str | os.PathLike[str]], *, stdin: IO[bytes] | None = None
) -> pd.DataFrame:
    """Return the utterances that the inputs stand for, in their order; a folder's by path.

    Args:
        inputs: audio files; folders, searched to the bottom, hidden files and folders left out;
            utterance tables (`.csv`, `.parquet`, `.jsonl`), whose files are relative to the table;
            lists (`.txt`), one file or folder per line, relative to the list. What doesn't exist
            counts as a file.
        stdin: where the input `-` is read from, a list relative to the current folder. Without it,
            `-` is a file like any other.

    Returns:
        The utterance table. A row that is named several times comes once, at its first place, with
        the columns of all; a warning in the log says so. A table's spans come as they are, even
        those that no recording has: extraction answers them with the status `bad_span`.

    Raises:
        TableError: when no input holds a row (one that doesn't, among others, is a warning in the
            log), or a table or list can't be read.

    Examples:
        >>> find_utterances(["a.wav", "b.wav", "a.wav"]).index.get_level_values("file").to_list()
        ['a.wav', 'b.wav']
    """
    tables: list[pd.DataFrame] = []
    files: list[str] = []  # of the inputs since the last table: a frame for each would take 3 ms
    void: list[str] = []
    for given in inputs:
        rows, nothing = _rows(os.fspath(given), stdin)
        if not len(rows):
            void.append(nothing)
        elif isinstance(rows, list):
            files += rows
        else:
            tables += [*_whole(files), rows]
            files = []
    tables += _whole(files)
    if not tables:
        raise TableError("; ".join(void) or "there is no input: name files, folders or tables")
    for nothing in void:
        _LOG.warning("%s", nothing)
    return _once(tables[0] if len(tables) == 1 else pd.concat(tables))


def _rows(path: str, stdin: IO[bytes] | None) -> tuple[list[str] | pd.DataFrame, str]:
    """Return an input's files or table, and what to say where there is nothing in it."""
    suffix = Path(path).suffix.lower()
    if path == STDIN and stdin is not None:
        return list(_listed(stdin.read(), "")), "standard input names no files"
    if os.path.isdir(path):  # noqa: PTH112  (keeps the text as it is)
        formats = listed(AUDIO_SUFFIXES)
        return _audio_below(path), f"{path} holds no audio: nothing ends in {formats}"
    if suffix in TABLE_SUFFIXES:
        return read_rows(path), f"{path} has no rows"
    if suffix == LIST_SUFFIX:
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise TableError(f"{path} can't be read as a list: {error.strerror}") from None
        return list(_listed(content, os.path.dirname(path))), f"{path} names no files"  # noqa: PTH120
    return [path], ""


def _listed(content: bytes, folder: str) -> Iterator[str]:
    """Yield the files that the lines of a list stand for."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # a Windows shell's `>`
        text = content.decode("utf-16", "replace")
    else:
        text = content.decode("utf-8-sig", "surrogateescape")
    for line in text.split("\n"):
        if not line.strip():
            continue
        line = line.rstrip()
        path = line if is_address(line) else os.path.join(folder, line)  # noqa: PTH118
        # a look at the disk only where the name leaves it open
        if Path(path).suffix.lower() not in AUDIO_SUFFIXES and os.path.isdir(path):  # noqa: PTH112
            yield from _audio_below(path)
        else:
            yield path


def _audio_below(folder: str) -> list[str]:
    """Find the recordings in a folder and those below, links to folders followed once."""
    files: list[str] = []
    seen: set[str] = set()
    for where, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(where)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [
            os.path.join(where, name)  # noqa: PTH118
            for name in names
            if not name.startswith(".") and Path(name).suffix.lower() in AUDIO_SUFFIXES
        ]
    return sorted(files)


def _whole(files: list[str]) -> list[pd.DataFrame]:
    """Return whole files as a table; none where there is no file."""
    return [pd.DataFrame(index=utterance_index(files))] if files else []


def _once(table: pd.DataFrame) -> pd.DataFrame:
    """Leave out rows that came before, however their path was written; keep their columns."""
    frame = table.index.to_frame(index=False)
    paths = [absolute(file) for file in frame["file"]]
    frame["file"] = [table_name(path) for path in paths]
    again = frame.duplicated().to_numpy()
    if not again.any():
        return table
    first: Any = table.index[again][0][0]
    _LOG.warning("rows that came before are left out: %d, first %s", again.sum(), first)
    which = frame.groupby(list(frame.columns), sort=False, dropna=False).ngroup().to_numpy()
    merged = table.groupby(which).first()  # of each column the first that isn't missing
    merged.index = table.index[~again]
    return merged
