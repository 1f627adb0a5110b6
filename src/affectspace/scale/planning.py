"""From inputs to a plan on disk, in bounded memory, whatever their number."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from affectspace.audio.names import is_address, is_archive
from affectspace.errors import AffectspaceError
from affectspace.model import AffectModel
from affectspace.model.config import to_json
from affectspace.model.tensors import to_bytes
from affectspace.scale.folder import Folder
from affectspace.scale.plan import PLAN, Plan, read_plan
from affectspace.tables import (
    INDEX,
    LIST_SUFFIX,
    TABLE_SUFFIXES,
    same_file,
    stream_utterances,
    text_column,
)

BATCH = 10_000  # rows that are read at once
PLANNING = "_plan/planning"  # how far the run is that plans
BEAT_SECONDS = 5.0
PATIENCE_SECONDS = 60.0  # without a beat, after which a run that plans is taken for dead
_TIME = pa.duration("ns")
_INDEX = [("file", pa.string()), ("start", _TIME), ("end", _TIME)]


def settings_of(
    model: AffectModel,
    inputs: Sequence[str | os.PathLike[str]],
    *,
    segment: str,
    channel: str,
    shard_size: int,
) -> dict[str, Any]:
    """What makes the rows of a run what they are.

    A table and a list count with their content; of a folder and of an address only the name.
    """
    weights = hashlib.sha256(to_bytes(model)).hexdigest()
    whole = to_json(model, sha256=weights).encode()
    return {
        "model": " ".join(filter(None, (model.name, model.version))),
        "model hash": hashlib.sha256(whole).hexdigest(),
        "features": str(model.spec),
        "segment": segment,
        "channel": channel,
        "shard size": shard_size,
        "inputs": [_input(os.fspath(path)) for path in inputs],
    }


def wait_for_plan(folder: Folder) -> Plan | None:
    """Return the plan; if another run is at it just now, once that is done.

    Of many runs that start at once one plans, and the others don't list the same millions of files.
    Where two begin in the same moment both plan, and come to the same.

    Returns:
        The plan; None where there is none, and no run that makes one.
    """
    seen, since = b"", time.monotonic()
    while (plan := read_plan(folder)) is None:
        try:
            with folder.open(PLANNING) as file:
                beat = file.read()
        except FileNotFoundError:
            return read_plan(folder)  # done between the two looks, or nobody is at it
        if beat != seen:
            seen, since = beat, time.monotonic()
        elif time.monotonic() - since > PATIENCE_SECONDS:
            return None
        time.sleep(1)
    return plan


def make_plan(
    folder: Folder,
    settings: dict[str, Any],
    facts: dict[str, str],
    inputs: Iterable[str | os.PathLike[str]],
    *,
    stdin: IO[bytes] | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> Plan:
    """Read all inputs and write the plan, whole or not at all.

    Two runs that plan the same at once come to the same plan.

    Args:
        folder: the output folder.
        settings: from `settings_of`.
        facts: what shards say of the model.
        inputs: as `stream_utterances` takes them; archives count as files.
        stdin: what `-` is.
        advance: is called with the number of rows read since the last call.

    Raises:
        TableError: when an input can't be read, or none holds a row.
        OSError: when the plan can't be written.
    """
    with folder.scratch() as scratch, _beating(folder) as beat:
        tables = _counted(stream_utterances(inputs, stdin=stdin, rows=BATCH), advance, beat)
        staged = _stage(tables, scratch)
        path = scratch / "rows.parquet"
        parts, rows, archives = _write_parts(staged, path, settings["shard size"])
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:32]
        plan = Plan(
            settings=settings,
            facts=facts,
            working_folder=os.getcwd(),  # noqa: PTH109
            rows_file=f"_plan/rows-{digest}.parquet",
            parts=parts,
            rows=rows,
            archives=archives,
            duplicates=staged.duplicates,
        )
        folder.upload(plan.rows_file, path)
    if (first := read_plan(folder)) is not None:  # another run was quicker
        return first
    folder.write(PLAN, plan.to_json())
    return plan


@dataclass
class _Staged:
    """Rows read so far: on disk, in blocks that may differ in columns and types."""

    path: Path
    types: dict[str, list[pa.DataType]] = field(default_factory=dict)
    duplicates: int = 0

    def blocks(self) -> Iterator[pa.Table]:
        """Yield them in the order they came, all with the same columns and types."""
        fields = [(name, _common(types)) for name, types in self.types.items()]
        schema = pa.schema([*_INDEX, *fields])
        with pa.OSFile(str(self.path)) as file:
            while file.tell() < file.size():
                with pa.ipc.open_stream(file) as reader:
                    yield _conformed(reader.read_all(), schema)


class _Seen:
    """Which rows came before, on disk: 10 million keys in memory would be 1 GB."""

    def __init__(self, path: Path) -> None:
        self._rows = sqlite3.connect(path, isolation_level=None)
        self._rows.execute("PRAGMA journal_mode = OFF")  # it is gone at the end in any case
        self._rows.execute("PRAGMA synchronous = OFF")
        self._rows.execute("PRAGMA cache_size = -65536")  # 64 MB
        self._rows.execute("CREATE TABLE seen (key BLOB PRIMARY KEY) WITHOUT ROWID")

    def close(self) -> None:
        self._rows.close()

    def add(self, keys: Iterable[bytes]) -> list[bool]:
        """Tell of each key whether it is new."""
        insert = "INSERT OR IGNORE INTO seen VALUES (?)"
        try:
            self._rows.execute("BEGIN")
            new = [self._rows.execute(insert, (key,)).rowcount > 0 for key in keys]
            self._rows.execute("COMMIT")
        except sqlite3.Error as error:
            raise AffectspaceError(f"the plan can't be written: {error}") from None
        return new


@contextmanager
def _beating(folder: Folder) -> Iterator[Callable[[], None]]:
    """Say that a run plans here, and give what says that it is still alive."""
    beats, last = 0, float("-inf")

    def beat() -> None:
        nonlocal beats, last
        if time.monotonic() - last > BEAT_SECONDS:
            beats, last = beats + 1, time.monotonic()
            folder.write(PLANNING, f"{os.getpid()} {beats}".encode())

    beat()
    try:
        yield beat
    finally:
        folder.remove(PLANNING)


def _counted(
    tables: Iterable[pd.DataFrame], advance: Callable[[int], None], beat: Callable[[], None]
) -> Iterator[pd.DataFrame]:
    for table in tables:
        yield table
        beat()
        advance(len(table))


def _stage(tables: Iterable[pd.DataFrame], scratch: Path) -> _Staged:
    """Put rows that didn't come before on disk."""
    staged = _Staged(scratch / "staged.arrow")
    with (
        closing(_Seen(scratch / "seen.sqlite")) as seen,
        pa.OSFile(str(staged.path), "wb") as file,
    ):
        for table in tables:
            new = seen.add(_keys(table.index))
            staged.duplicates += len(table) - sum(new)
            block = _to_arrow(table[new])
            for column in block.schema:
                if column.name not in INDEX:
                    types = staged.types.setdefault(column.name, [])
                    if column.type not in types:
                        types.append(column.type)
            with pa.ipc.new_stream(file, block.schema) as writer:
                writer.write_table(block)
    return staged


def _keys(index: pd.Index) -> Iterator[bytes]:
    """Yield 16 bytes per row, the same for the same part of the same file."""
    files, starts, ends = (index.get_level_values(level) for level in INDEX)
    times = zip(starts.astype("int64"), ends.astype("int64"), strict=True)
    for file, (start, end) in zip(files, times, strict=True):
        text = f"{start} {end} {same_file(file)}"
        yield hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _to_arrow(table: pd.DataFrame) -> pa.Table:
    index = table.index
    levels = [pa.array(index.get_level_values(name), from_pandas=True) for name in INDEX]
    columns = [level.cast(kind) for level, (_, kind) in zip(levels, _INDEX, strict=True)]
    columns += [_column(values) for _, values in table.items()]
    return pa.table(columns, names=[*INDEX, *map(str, table.columns)])


def _column(values: pd.Series[Any]) -> pa.Array:
    try:
        column = pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # values of several kinds
        column = pa.array(text_column(values), from_pandas=True)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.cast(pa.string()) if pa.types.is_large_string(column.type) else column


def _common(types: Sequence[pa.DataType]) -> pa.DataType:
    """The type that holds a column of all blocks: a number, or else text."""
    known = [kind for kind in types if not pa.types.is_null(kind)]
    if len(known) <= 1:
        return known[0] if known else pa.string()
    if all(pa.types.is_integer(kind) for kind in known):
        return pa.int64()
    if all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in known):
        return pa.float64()
    return pa.string()


def _conformed(block: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = []
    for wanted in schema:
        if wanted.name not in block.column_names:
            columns.append(pa.nulls(len(block), wanted.type))
            continue
        column = block[wanted.name]
        if column.type != wanted.type and pa.types.is_string(wanted.type):
            texts = [None if value is None else str(value) for value in column.to_pylist()]
            column = pa.array(texts, pa.string())
        columns.append(column.cast(wanted.type))
    return pa.table(columns, schema=schema)


def _write_parts(staged: _Staged, path: Path, size: int) -> tuple[int, int, int]:
    """Write parts as row groups; return how many parts, rows and archives there are."""
    parts = rows = archives = 0
    held: list[pa.Table] = []
    writer = None

    def write(part: pa.Table) -> None:
        nonlocal writer, parts
        if writer is None:
            writer = pq.ParquetWriter(path, part.schema, write_statistics=False)
        writer.write_table(part, row_group_size=max(1, len(part)))
        parts += 1

    for block in staged.blocks():
        packed = pa.array([is_archive(file) for file in block["file"].to_pylist()], pa.bool_())
        for row in range(len(only := block.filter(packed))):
            write(only.slice(row, 1))
            archives += 1
        held.append(block.filter(pc.invert(packed)))
        rows += len(held[-1])
        while sum(map(len, held)) >= size:
            together = pa.concat_tables(held)
            write(together.slice(0, size).combine_chunks())
            held = [together.slice(size)]
    if sum(map(len, held)):
        write(pa.concat_tables(held).combine_chunks())
    if writer is not None:
        writer.close()
    return parts, rows, archives


def _input(path: str) -> str:
    """An input as settings have it: where it is, and a table's or list's content."""
    if path == "-" or is_address(path):
        return path
    place = same_file(path)
    if Path(path).suffix.lower() not in (*TABLE_SUFFIXES, LIST_SUFFIX) or not Path(path).is_file():
        return place
    with Path(path).open("rb") as file:
        return f"{place} [{hashlib.file_digest(file, 'sha256').hexdigest()[:16]}]"
