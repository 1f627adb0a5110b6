"""One part to one shard: a pure function of the plan, whichever process computes it."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from affectspace.audio import Content, Status
from affectspace.audio.names import is_address, is_archive, table_name
from affectspace.errors import AffectspaceError
from affectspace.model import AffectModel
from affectspace.scale.archives import Archive, Member
from affectspace.scale.folder import Folder, open_folder
from affectspace.scale.plan import Plan, PlannedRows, read_plan, shard_name
from affectspace.tables import INDEX, TEXT_DTYPE, utterance_index

PASSING = (Status.MISSING, Status.NEEDS_AV, Status.UNREADABLE, Status.FAILED)
"""What another try may mend: it depends on more than the recording."""

_RECORD = b"affectspace"  # the key of a part's record in its shard
_SEAL = b"blake2b-16 of the shard with me."  # 32 characters in place of the 32 of the digest
_JSON = "json"
_ROW = "row"
_TEXTS = ("status", "message", "caution")

Record = dict[str, Any]
"""What a shard says of itself: `part`, `plan` (its hash), `inputs` (planned rows; an archive is
one), `rows`, `statuses` (how many rows have which); of an archive `members` and `duplicates`; and
`seal`, 32 hexadecimal digits, the hash of the whole shard with `_SEAL` in their place."""

_LOG = logging.getLogger(__name__)


class Layout:
    """The columns of a run's shards, the same in all.

    Args:
        model: the model.
        plan: the plan.
        planned: the schema of its rows.

    Attributes:
        schema: of every shard.
        found: the names of the columns that embedding gives.
        given: the names in shards of the columns that came in, in the plan's order.
    """

    def __init__(self, model: AffectModel, plan: Plan, planned: pa.Schema) -> None:
        own = [name for name in planned.names if name not in INDEX]
        taken = [f"input_{name}" if plan.archives and name == _JSON else name for name in own]
        nothing = pd.DataFrame(columns=taken, index=utterance_index([]))
        columns = list(model.embed(nothing, jobs=1, cache=False).columns)
        self.found = columns[: len(columns) - len(own)]
        self.given = columns[len(self.found) :]
        self.archives = plan.archives > 0
        kinds = {name: TEXT_DTYPE if name in _TEXTS else "float64" for name in self.found}
        frame = nothing.reindex(columns=self.found).astype(kinds)
        schema = pa.Schema.from_pandas(frame)
        fields = [planned.field(name) for name in INDEX]
        fields += [
            pa.field(name, pa.string() if name in _TEXTS else pa.float64()) for name in self.found
        ]
        fields += [
            planned.field(name).with_name(to) for name, to in zip(own, self.given, strict=True)
        ]
        fields += [pa.field(_JSON, pa.string())] * self.archives
        metadata = {
            b"pandas": schema.metadata[b"pandas"],
            b"PANDAS_ATTRS": json.dumps({"affectspace": dict(plan.facts)}, sort_keys=True).encode(),
        }
        self.schema = pa.schema(fields, metadata)

    def table(
        self,
        found: pd.DataFrame,
        rows: pa.Table,
        origin: NDArray[np.intp],
        texts: Sequence[str | None] | None = None,
    ) -> pa.Table:
        """Put what was found beside what came in.

        Args:
            found: an embedding table, n rows.
            rows: planned rows.
            origin: which of them each row belongs to, shape (n,).
            texts: of the planned rows, what an archive's `.json` say.
        """
        given = rows.take(pa.array(origin))
        columns = [given["file"]]
        columns += [found.index.get_level_values(name) for name in INDEX[1:]]
        columns += [found[name] for name in self.found]
        columns += [given[name] for name in rows.column_names if name not in INDEX]
        if self.archives:
            known = pa.nulls(len(rows)) if texts is None else pa.array(texts, pa.string())
            columns.append(known.take(pa.array(origin)))
        arrays = [
            column.cast(field.type)
            if isinstance(column, pa.ChunkedArray | pa.Array)
            else pa.array(column, field.type, from_pandas=True)
            for column, field in zip(columns, self.schema, strict=True)
        ]
        return pa.table(arrays, schema=self.schema)


class Embedder:
    """Computes parts. Each worker process has one, with the model loaded once.

    Args:
        model: the model.
        place: the output folder, which holds the plan.
        retry_failed: compute only rows whose status is of `PASSING` anew, and keep the others.
    """

    def __init__(self, model: AffectModel, place: str, *, retry_failed: bool = False) -> None:
        self._model = model
        self._folder = open_folder(place)
        plan = read_plan(self._folder)
        if plan is None:
            raise AffectspaceError(f"{place} holds no plan")
        self._plan = plan
        self._rows = PlannedRows(self._folder, plan)
        self._retry = retry_failed
        self._layout = Layout(model, plan, self._rows.schema)

    def compute(self, number: int) -> Record:
        """Compute a part, write its shard, and return the shard's record.

        A part that was begun before and never ended may hold a recording that kills the process.
        Its recordings are then worked on in processes of their own.
        """
        begun = f"_plan/begun/{shard_name(number)}"
        isolated = self._folder.exists(begun)
        if not isolated:
            self._folder.write(begun, b"")
        try:
            return self._computed(number, jobs=2 if isolated else 1)
        finally:
            self._folder.remove(begun)

    def _computed(self, number: int, jobs: int) -> Record:
        given = self._rows.part(number)
        counts: Record = {}
        if is_archive(given["file"][0].as_py()):
            table, counts = self._archive(given, jobs)
        else:
            table = self._recordings(number, given, jobs)
        statuses = Counter(table["status"].to_pylist())
        record = {
            "part": number,
            "plan": self._plan.hash,
            "inputs": len(given),
            "rows": len(table),
            "statuses": dict(sorted(statuses.items())),
            **counts,
        }
        self._folder.write(shard_name(number), _to_bytes(table, record))
        return record

    def _recordings(self, number: int, given: pa.Table, jobs: int) -> pa.Table:
        kept = self._kept(number, given)
        if kept is None:
            return self._embedded(given, jobs)
        again = np.isin(kept["status"].to_pylist(), PASSING)
        fresh = self._embedded(given.filter(pa.array(again)), jobs)
        order = np.argsort(np.r_[np.flatnonzero(~again), np.flatnonzero(again)])
        return pa.concat_tables([kept.filter(pa.array(~again)), fresh]).take(pa.array(order))

    def _kept(self, number: int, given: pa.Table) -> pa.Table | None:
        """A part's shard, where it may be mended row by row: each of its rows is a planned one."""
        if not self._retry or self._plan.settings["segment"] != "none":
            return None
        try:
            table, _ = read_shard(self._folder, number, self._plan, self._layout.schema)
        except (FileNotFoundError, ValueError):
            return None
        return table if same_rows(table, given) else None

    def _embedded(self, rows: pa.Table, jobs: int) -> pa.Table:
        """Embed planned rows of files."""
        files = [_absolute(file, self._plan) for file in rows["file"].to_pylist()]
        times = (rows[name].to_pandas() for name in INDEX[1:])
        frame = pd.DataFrame({_ROW: np.arange(len(rows))}, index=utterance_index(files, *times))
        found = self._embed(frame, jobs)
        return self._layout.table(found, rows, found[_ROW].to_numpy())

    def _archive(self, given: pa.Table, jobs: int) -> tuple[pa.Table, Record]:
        name = given["file"][0].as_py()
        archive = Archive(_absolute(name, self._plan))
        tables = [self._members(block, name, given, jobs) for block in archive.blocks()]
        if archive.status != Status.OK:  # it keeps a row of its own
            words = {"status": str(archive.status), "message": archive.message, "caution": ""}
            found = pd.DataFrame([words], utterance_index([name]))
            found = found.reindex(columns=self._layout.found)
            tables.append(self._layout.table(found, given, np.zeros(1, np.intp)))
        counts = {"members": archive.members, "duplicates": archive.duplicates}
        return pa.concat_tables(tables), counts

    def _members(self, block: Sequence[Member], name: str, given: pa.Table, jobs: int) -> pa.Table:
        """Embed some recordings of an archive; what came in for it holds for each."""
        files = [table_name(f"tar://{member.name}::{name}") for member in block]
        contents = [Content(file, one.data) for file, one in zip(files, block, strict=True)]
        found = self._embed(contents, jobs)
        rows = given.take(pa.array(np.zeros(len(block), np.intp)))
        rows = rows.set_column(0, "file", pa.array(files, pa.string()))
        origin = pd.Index(files).get_indexer(found.index.get_level_values("file"))
        return self._layout.table(found, rows, origin, [member.json for member in block])

    def _embed(self, recordings: Any, jobs: int) -> pd.DataFrame:
        settings = self._plan.settings
        channel = settings["channel"]
        return self._model.embed(
            recordings,
            segment=settings["segment"],
            channel=int(channel) if channel.isdecimal() else channel,
            jobs=jobs,
            cache=False,
        )


def read_shard(
    folder: Folder, number: int, plan: Plan, schema: pa.Schema
) -> tuple[pa.Table, Record]:
    """Read a shard whole, with the hash that tells whether it is as it was written.

    Raises:
        FileNotFoundError: when it isn't there.
        ValueError: when it is damaged, or of another plan.
    """
    with folder.open(shard_name(number)) as file:
        return parse_shard(file.read(), number, plan, schema)


def parse_shard(data: bytes, number: int, plan: Plan, schema: pa.Schema) -> tuple[pa.Table, Record]:
    """Read a shard's bytes; see `read_shard`."""
    try:
        with pq.ParquetFile(io.BytesIO(data), page_checksum_verification=True) as file:
            record = _record(file, number, plan)
            _check_seal(data, record["seal"])
            table = file.read()
        statuses = Counter(table["status"].to_pylist())
        said = len(table) == record["rows"] and dict(statuses) == record["statuses"]
        own = {key: value for key, value in table.schema.metadata.items() if key != _RECORD}
        fits = table.schema.with_metadata(own).equals(schema, check_metadata=True)
    except Exception as error:  # of damaged bytes anything can come
        raise ValueError(str(error) or type(error).__name__) from None
    if not fits:
        raise ValueError("its columns aren't those of the run")
    if not said:
        raise ValueError("its rows aren't those that it says it has")
    return table, record


def read_record(folder: Folder, number: int, plan: Plan) -> Record | None:
    """Read what a shard says of itself; None where there is none, or it is no shard of the plan."""
    try:
        with folder.open(shard_name(number)) as opened, pq.ParquetFile(opened) as file:
            return _record(file, number, plan)
    except Exception:  # of damaged bytes anything can come
        return None


def same_rows(table: pa.Table, given: pa.Table) -> bool:
    """Tell whether two tables have the same utterances in the same order."""
    return bool(table.select(INDEX).equals(given.select(INDEX)))


def _record(file: pq.ParquetFile, number: int, plan: Plan) -> Record:
    record: Record = json.loads(file.metadata.metadata[_RECORD])  # Arrow's copy isn't sealed
    if (record["part"], record["plan"]) != (number, plan.hash):
        raise ValueError("it is a shard of another run")
    return record


def _to_bytes(table: pa.Table, record: Record) -> bytes:
    told = json.dumps({**record, "seal": _SEAL.decode()}, sort_keys=True)
    metadata = {**table.schema.metadata, _RECORD: told.encode()}
    buffer = io.BytesIO()
    pq.write_table(
        table.combine_chunks().replace_schema_metadata(metadata),
        buffer,
        compression="zstd",
        write_page_checksum=True,
    )
    return _sealed(buffer.getvalue(), _SEAL)


def _sealed(data: bytes, old: bytes) -> bytes:
    """Put the hash of a shard that has `_SEAL` in it in its place.

    Raises:
        ValueError: when there is nothing to replace.
    """
    place = data.rindex(old)
    unsealed = data[:place] + _SEAL + data[place + len(old) :]
    seal = hashlib.blake2b(unsealed, digest_size=16).hexdigest().encode()
    return data[:place] + seal + data[place + len(old) :]


def _check_seal(data: bytes, seal: str) -> None:
    if _sealed(data, seal.encode()) != data:
        raise ValueError("it isn't as it was written")


def _absolute(file: str, plan: Plan) -> str:
    """A file as a process in another folder finds it."""
    if is_address(file):
        return file
    return os.path.join(plan.working_folder, file)  # noqa: PTH118
