"""The plan of a run: which rows belong to which part, on disk beside the shards.

A part is a row group of one Parquet file, so that it can be read alone, and becomes one shard. An
archive is a part of its own: one row, whose recordings are known when it is read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from affectspace.errors import AffectspaceError
from affectspace.scale.folder import Folder

PLAN = "_plan/plan.json"
FORMAT = 1


@dataclass(frozen=True)
class Plan:
    """What a run does, fixed when it first starts.

    Attributes:
        settings: what makes the rows what they are; a rerun must have the same.
        facts: what every shard says of the model, see `AffectModel.embed`.
        working_folder: what relative names of files are relative to.
        rows_file: the name of the file of rows.
        parts: how many parts there are.
        rows: how many rows are planned, those of archives left out.
        archives: how many archives.
        duplicates: how many rows were left out, as they came before.
        format: of this file.
    """

    settings: Mapping[str, Any]
    facts: Mapping[str, str]
    working_folder: str
    rows_file: str
    parts: int
    rows: int
    archives: int
    duplicates: int
    format: int = field(default=FORMAT, kw_only=True)

    @cached_property
    def hash(self) -> str:
        """32 hexadecimal digits that every shard of the plan carries."""
        return hashlib.blake2b(self.to_json(), digest_size=16).hexdigest()

    def to_json(self) -> bytes:
        """The plan as its file has it."""
        return json.dumps(asdict(self), indent=1, sort_keys=True).encode()


def read_plan(folder: Folder) -> Plan | None:
    """Read the plan of an output folder; None where there is none yet.

    Raises:
        AffectspaceError: when it can't be read, or is of another version of the package.
    """
    try:
        with folder.open(PLAN) as file:
            found = json.load(file)
        if found.get("format") == FORMAT:
            return Plan(**found)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, AttributeError) as error:
        raise AffectspaceError(f"{folder.place}/{PLAN} is damaged: {error}") from None
    raise AffectspaceError(
        f"{folder.place} holds a run of another version of the package; give another folder"
    )


def check_settings(plan: Plan, settings: Mapping[str, Any], place: str) -> None:
    """Check that a run may go on with a plan.

    Raises:
        AffectspaceError: when it was made with other settings; the message says which.
    """
    differ = [
        f"{name} was {_shown(plan.settings.get(name))} and is {_shown(value)}"
        for name, value in settings.items()
        if plan.settings.get(name) != value
    ]
    if differ:
        raise AffectspaceError(
            f"{place} holds a run with other settings: {'; '.join(differ)}. Give the same ones to "
            "go on with it, or another folder"
        )


class PlannedRows:
    """The rows of a plan, part by part.

    Args:
        folder: the output folder.
        plan: its plan.
    """

    def __init__(self, folder: Folder, plan: Plan) -> None:
        self._file = pq.ParquetFile(folder.open(plan.rows_file))

    @property
    def schema(self) -> pa.Schema:
        """`file`, `start`, `end`, and the columns that came in, by their own names."""
        return self._file.schema_arrow.remove_metadata()

    def part(self, number: int) -> pa.Table:
        """The rows of one part."""
        return self._file.read_row_group(number)

    def count(self, number: int) -> int:
        """How many rows a part has; an archive has one."""
        return int(self._file.metadata.row_group(number).num_rows)


def shard_name(number: int) -> str:
    """The name of a part's shard.

    Examples:
        >>> shard_name(12)
        'part-00012.parquet'
    """
    return f"part-{number:05d}.parquet"


def _shown(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 100 else f"{text[:100]}..."
