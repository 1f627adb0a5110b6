"""What somebody points at (files, folders, tables, lists) as one utterance table."""

from __future__ import annotations

import codecs
import glob
import itertools
import logging
import os
from collections.abc import Iterable, Iterator
from typing import IO, Any

import pandas as pd

from affectspace.audio.names import absolute, is_address, table_name
from affectspace.audio.sources import open_bytes
from affectspace.errors import TableError
from affectspace.tables.addresses import files_at
from affectspace.tables.frames import TABLE_SUFFIXES, listed, read_frame, stream_frames
from affectspace.tables.labels import AUDIO_SUFFIXES
from affectspace.tables.table import as_rows, utterance_index

LIST_SUFFIX = ".txt"
STDIN = "-"
_BLOCK = 2**16  # bytes of a list read at once

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
    tables = list(_tables(inputs, stdin, None))
    return _once(tables[0] if len(tables) == 1 else pd.concat(tables))


def stream_utterances(
    inputs: Iterable[str | os.PathLike[str]], *, stdin: IO[bytes] | None = None, rows: int = 10_000
) -> Iterator[pd.DataFrame]:
    """Yield the utterances that the inputs stand for, some at a time, in bounded memory.

    Args:
        inputs: as for [`find_utterances`][affectspace.tables.find_utterances]; also addresses as
            fsspec opens them, of files, tables, lists, folders, and patterns such as
            `s3://bucket/*.wav` (extra `remote`).
        stdin: as for `find_utterances`.
        rows: how many at a time, at most.

    Yields:
        Utterance tables, in the order of the inputs. A row that is named several times comes
        several times. One folder's own names are held at once, to sort them.

    Raises:
        TableError: as for `find_utterances`; once all inputs were read where none holds a row.
        MissingExtraError: for an address, without the extra `remote`.
    """
    return _tables(inputs, stdin, rows)


def same_file(file: str) -> str:
    """Return one and the same text for a file, however its path is written in a table."""
    return table_name(absolute(file))


def _tables(
    inputs: Iterable[str | os.PathLike[str]], stdin: IO[bytes] | None, rows: int | None
) -> Iterator[pd.DataFrame]:
    """Yield the utterances of all inputs, `rows` at a time; None is a table's all."""
    files: list[str] = []  # of the inputs since the last table: a frame for each would take 3 ms
    void: list[str] = []
    found = False
    for given in inputs:
        path = os.fspath(given)
        count = 0
        if _suffix(path) in TABLE_SUFFIXES and not os.path.isdir(path):  # noqa: PTH112
            yield from _whole(files)
            files = []
            for frame in [read_frame(path)] if rows is None else stream_frames(path, rows):
                table = as_rows(frame, path)
                count += len(table)
                if len(table):
                    yield table
        else:
            for file in _files(path, stdin):
                count += 1
                files.append(file)
                if len(files) == rows:
                    yield from _whole(files)
                    files = []
        found = found or count > 0
        if not count:
            void.append(_nothing(path, stdin))
    yield from _whole(files)
    if not found:
        raise TableError("; ".join(void) or "there is no input: name files, folders or tables")
    for nothing in void:
        _LOG.warning("%s", nothing)


def _files(path: str, stdin: IO[bytes] | None) -> Iterator[str]:
    """Yield the files that an input that is no table stands for."""
    if path == STDIN and stdin is not None:
        yield from _listed(stdin, "")
    elif _suffix(path) == LIST_SUFFIX and not os.path.isdir(path):  # noqa: PTH112
        try:
            with open_bytes(path) as file:
                yield from _listed(file, os.path.dirname(path))  # noqa: PTH120
        except OSError as error:
            raise TableError(f"{path} can't be read as a list: {error.strerror}") from None
    else:
        yield from _below(path)


def _nothing(path: str, stdin: IO[bytes] | None) -> str:
    """Say that there is nothing in an input."""
    if path == STDIN and stdin is not None:
        return "standard input names no files"
    suffix = _suffix(path)
    if suffix in TABLE_SUFFIXES:
        return f"{path} has no rows"
    if suffix == LIST_SUFFIX:
        return f"{path} names no files"
    return f"{path} holds no audio: nothing ends in {listed(AUDIO_SUFFIXES)}"


def _listed(file: IO[bytes], folder: str) -> Iterator[str]:
    """Yield the files that the lines of a list stand for."""
    for line in map(str.rstrip, _lines(file)):
        if "\0" in line:
            raise TableError("a list names one file per line; this one has zero bytes between them")
        if line:
            path = line if is_address(line) else os.path.join(folder, line)  # noqa: PTH118
            yield from _below(path)


def _lines(file: IO[bytes]) -> Iterator[str]:
    """Yield the lines of a text as they come, of UTF-8 and of a Windows shell's UTF-16."""
    start = file.read(2)
    wide = start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    encoding, errors = ("utf-16", "replace") if wide else ("utf-8-sig", "surrogateescape")
    rest = ""
    blocks = itertools.chain([start], iter(lambda: file.read(_BLOCK), b""))
    for text in codecs.iterdecode(blocks, encoding, errors):
        *lines, rest = (rest + text).split("\n")
        yield from lines
    yield rest


def _below(path: str) -> Iterator[str]:
    """Yield what is in a folder, and a file as it is; it may not be there."""
    # a look at the disk only where the name leaves it open
    if is_address(path):
        yield from files_at(path)
    elif _suffix(path) not in AUDIO_SUFFIXES and os.path.isdir(path):  # noqa: PTH112
        yield from _audio_below(path, set())
    elif glob.has_magic(path) and not os.path.lexists(path):
        yield from sorted(glob.glob(path, recursive=True)) or [path]  # noqa: PTH207  (keeps text)
    else:
        yield path


def _audio_below(folder: str, seen: set[str]) -> Iterator[str]:
    """Yield the recordings in a folder and those below, by path, links to folders followed once."""
    real = os.path.realpath(folder)
    if real in seen:
        return
    seen.add(real)
    with os.scandir(folder) as entries:
        names = [e.name + os.sep * e.is_dir() for e in entries if not e.name.startswith(".")]
    for name in sorted(names):  # with the separator behind folders that is the order of all paths
        path = os.path.join(folder, name)  # noqa: PTH118
        if name.endswith(os.sep):
            yield from _audio_below(path.removesuffix(os.sep), seen)
        elif _suffix(name) in AUDIO_SUFFIXES:
            yield path


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1].lower()  # noqa: PTH122  (a Path for each of millions is slow)


def _whole(files: list[str]) -> list[pd.DataFrame]:
    """Return whole files as a table; none where there is no file."""
    return [pd.DataFrame(index=utterance_index(files))] if files else []


def _once(table: pd.DataFrame) -> pd.DataFrame:
    """Leave out rows that came before, however their path was written; keep their columns."""
    frame = table.index.to_frame(index=False)
    frame["file"] = [same_file(file) for file in frame["file"]]
    again = frame.duplicated().to_numpy()
    if not again.any():
        return table
    first: Any = table.index[again][0][0]
    _LOG.warning("rows that came before are left out: %d, first %s", again.sum(), first)
    which = frame.groupby(list(frame.columns), sort=False, dropna=False).ngroup().to_numpy()
    merged = table.groupby(which).first()  # of each column the first that isn't missing
    merged.index = table.index[~again]
    return merged
