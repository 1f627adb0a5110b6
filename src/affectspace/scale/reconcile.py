"""Whether every planned row is in the shards exactly once, and the manifest that says so."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from affectspace.audio import Status
from affectspace.audio.names import is_archive
from affectspace.scale.folder import Folder
from affectspace.scale.plan import Plan, PlannedRows, shard_name
from affectspace.scale.shards import Record, parse_shard, same_rows
from affectspace.tables import INDEX

MANIFEST = "_manifest.json"
FORMAT = 1


@dataclass
class Account:
    """What the shards of a run hold, held against its plan.

    Attributes:
        planned: rows that the plan has, archives left out.
        inputs: of these and of the archives, how many are accounted for.
        rows: in sound shards.
        statuses: how many rows have which.
        cautions: likewise, of the words that stand there.
        first: of each status and caution the first row that has it: file, start and end.
        members: recordings in archives.
        duplicates: rows left out as they came before, in inputs and in archives.
        parts: of each sound shard its `part`, `rows`, `bytes` and `blake2b`.
        wrong: the parts without a sound shard, and why.
    """

    planned: int
    duplicates: int
    inputs: int = 0
    rows: int = 0
    members: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    cautions: Counter[str] = field(default_factory=Counter)
    first: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    parts: list[dict[str, Any]] = field(default_factory=list)
    wrong: dict[int, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every planned row is accounted for exactly once."""
        return not self.wrong

    @property
    def scored(self) -> int:
        """How many rows have numbers."""
        return self.statuses[Status.OK]


def reconcile(
    folder: Folder,
    plan: Plan,
    schema: pa.Schema,
    parts: Iterable[int],
    *,
    advance: Callable[[int], None] = lambda _: None,
) -> Account:
    """Read all shards of some parts, one at a time, and hold each against the plan.

    Without segments a shard's rows are the part's rows, in order. With them each of the part's rows
    has at least one row within its time, and no row is of another file. An archive's rows are as
    many as recordings were read in it, and one for itself where it is damaged.

    Args:
        folder: the output folder.
        plan: its plan.
        schema: of its shards.
        parts: the numbers of the parts.
        advance: is called with the number of planned rows seen since the last call.
    """
    planned = PlannedRows(folder, plan)
    account = Account(plan.rows, plan.duplicates)
    for number in parts:
        given = planned.part(number)
        try:
            with folder.open(shard_name(number)) as file:
                data = file.read()
            table, record = parse_shard(data, number, plan, schema)
            _check_rows(table, record, given, segmented=plan.settings["segment"] != "none")
        except FileNotFoundError:
            account.wrong[number] = "it is missing"
        except (OSError, ValueError) as error:
            account.wrong[number] = str(error)
        else:
            _add(account, data, record)
            _count_words(account, table)
        advance(len(given))
    return account


def write_manifest(
    folder: Folder, plan: Plan, account: Account, *, started: str, finished: str
) -> None:
    """Write what a run has come to.

    Args:
        folder: the output folder.
        plan: its plan.
        account: of all its parts.
        started: when this run began, ISO 8601.
        finished: when it ended.
    """
    manifest = {
        "format": FORMAT,
        "complete": account.complete,
        "plan": plan.hash,
        "settings": dict(plan.settings),
        "model": dict(plan.facts),
        "planned": plan.rows,
        "archives": plan.archives,
        "duplicates": account.duplicates,
        "rows": account.rows,
        "statuses": dict(account.statuses.most_common()),
        "cautions": dict(account.cautions.most_common()),
        "bytes": sum(part["bytes"] for part in account.parts),
        "started": started,
        "finished": finished,
        "wrong": {shard_name(number): why for number, why in account.wrong.items()},
        "parts": account.parts,
    }
    folder.write(MANIFEST, json.dumps(manifest, indent=1).encode())


def _add(account: Account, data: bytes, record: Record) -> None:
    account.inputs += record["inputs"]
    account.rows += record["rows"]
    account.members += record.get("members", 0)
    account.duplicates += record.get("duplicates", 0)
    account.statuses.update(record["statuses"])
    account.parts.append(
        {
            "file": shard_name(record["part"]),
            "inputs": record["inputs"],
            "rows": record["rows"],
            "bytes": len(data),
            "blake2b": hashlib.blake2b(data, digest_size=16).hexdigest(),
        }
    )


def _count_words(account: Account, table: pa.Table) -> None:
    """Count cautions, and note where each status and caution came up first."""
    for name in ("status", "caution"):
        for said in pc.value_counts(table[name]).to_pylist():
            words = str(said["values"] or "").split(";")
            unseen = [word for word in words if word and word not in account.first]
            if unseen:
                at = pc.index(table[name], said["values"]).as_py()
                row = table.slice(at, 1).select(INDEX).replace_schema_metadata().to_pandas()
                account.first |= dict.fromkeys(unseen, tuple(row.iloc[0]))
            if name == "caution":
                account.cautions.update({word: said["counts"] for word in words if word})


def _check_rows(table: pa.Table, record: Record, given: pa.Table, *, segmented: bool) -> None:
    """Hold a shard's rows against those of its part.

    Raises:
        ValueError: when one is missing, or there is one too many.
    """
    name = given["file"][0].as_py()
    index = table.select(INDEX).replace_schema_metadata().to_pandas()
    if index.duplicated().any():
        raise ValueError("a row comes twice")
    if is_archive(name):
        inside = pc.sum(pc.ends_with(table["file"], f"::{name}")).as_py() or 0
        if inside != len(table) - (name in set(index["file"])) or (
            not segmented and inside != record["members"]
        ):
            raise ValueError("its rows aren't the archive's")
        return
    if not segmented:
        if not same_rows(table, given):
            raise ValueError("its rows aren't those of the plan")
        return
    wanted = given.select(INDEX).to_pandas()
    if not set(index["file"]) <= set(wanted["file"]):
        raise ValueError("it has rows of files that its part doesn't have")
    lost = int((~_covered(wanted, index)).sum())
    if lost:
        raise ValueError(f"{lost} planned rows have no row in it")


def _covered(wanted: pd.DataFrame, index: pd.DataFrame) -> pd.Series[bool]:
    """Tell of each planned row whether a row begins within its time."""
    wanted = wanted.sort_values("start", kind="stable")
    starts = index[["file", "start"]].assign(found=index["start"]).sort_values("start")
    nearest = pd.merge_asof(wanted, starts, on="start", by="file", direction="forward")
    found, end = nearest["found"], nearest["end"]
    return found.notna() & (end.isna() | (found < end) | (found == nearest["start"]))
