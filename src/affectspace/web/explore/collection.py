"""An embedded collection: read or made, as the page gets it, and what is taken out of it."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from affectspace.audio import Status
from affectspace.audio.names import locate
from affectspace.report.columns import page_data
from affectspace.tables import (
    INDEX,
    TABLE_SUFFIXES,
    csv_text,
    find_utterances,
    read_table,
    utterance_index,
    write_table,
)

if TYPE_CHECKING:
    from affectspace.model import AffectModel

SELECTIONS = "selections"


@dataclass(frozen=True)
class Collection:
    """An embedded collection.

    Attributes:
        table: the embedding table; its files are paths that can be opened from here.
        made_by: what is known of the model that made it; empty where nobody wrote it down.
    """

    table: pd.DataFrame
    made_by: dict[str, Any]

    def span(self, row: int) -> tuple[str, float, float | None] | None:
        """Return file, start and end (in seconds; None is the file's end) of a row, if there."""
        if not 0 <= row < len(self.table):
            return None
        file, start, end = cast("tuple[str, pd.Timedelta, pd.Timedelta]", self.table.index[row])
        return file, start.total_seconds(), None if pd.isna(end) else end.total_seconds()


def is_embedding(table: pd.DataFrame) -> bool:
    """Tell whether a table is an embedding table, and not one that is to be embedded.

    Examples:
        >>> is_embedding(pd.DataFrame(columns=["activation", "valence", "speaker"]))
        False
        >>> is_embedding(pd.DataFrame(columns=["activation", "valence", "status"]))
        True
    """
    return "status" in table and any(name in table for name in ("activation", "valence", "z1"))


def open_collection(
    inputs: Sequence[str],
    model: AffectModel,
    *,
    jobs: int | None = None,
    cache: str | os.PathLike[str] | bool | None = None,
    progress: bool = False,
) -> Collection:
    """Read an embedding table, or embed what is there.

    Args:
        inputs: one embedding table (`.csv`, `.parquet`, `.jsonl`), or whatever
            [`find_utterances`][affectspace.tables.find_utterances] takes.
        model: embeds what isn't embedded yet.
        jobs: worker processes; None is one per core.
        cache: of features, as [`embed`][affectspace.model.AffectModel.embed] takes it.
        progress: whether a bar on stderr says how far it is.

    Raises:
        TableError: when there is nothing, or a table can't be read.
    """
    if len(inputs) == 1 and Path(inputs[0]).suffix.lower() in TABLE_SUFFIXES:
        table = read_table(inputs[0])
        if is_embedding(table):
            return Collection(_located(table, Path(inputs[0]).parent), _made_by(table, inputs[0]))
    table = model.embed(find_utterances(inputs), jobs=jobs, cache=cache, progress=progress)
    return Collection(_located(table, Path()), dict(table.attrs["affectspace"]))


def page_json(collection: Collection) -> bytes:
    """Return all rows as the page reads them; sound is asked for by a row's number."""
    data = page_data(collection.table)
    data |= {"audio": "serve", "addresses": [], "odd_addresses": {}}
    return json.dumps(data, separators=(",", ":"), allow_nan=False).encode("ascii")


def selected_csv(collection: Collection, rows: Sequence[int]) -> str:
    """Return rows with all of their columns, as CSV that any command of the package reads."""
    return csv_text(collection.table.iloc[list(rows)])


def ratable(collection: Collection, rows: Sequence[int]) -> pd.DataFrame:
    """Return the rows whose status is `ok` as an utterance table without a column.

    Estimates stay out of it: where raters or their lead saw them, ratings would follow.
    """
    chosen = collection.table.iloc[list(rows)]
    return pd.DataFrame(index=chosen.index[chosen["status"].eq(Status.OK).to_numpy()])


def write_selection(table: pd.DataFrame, study: str | Path, *, now: datetime.datetime) -> Path:
    """Write a selection into a study's folder, beside those that are there; return its path.

    Raises:
        OSError: when it can't be written.
    """
    folder = Path(study).absolute() / SELECTIONS
    name = f"selection-{now:%Y%m%d-%H%M%S}"
    path, number = folder / f"{name}.csv", 2
    while path.exists():
        path, number = folder / f"{name}-{number}.csv", number + 1
    write_table(table, path)
    return path


def _located(table: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Make paths absolute: relative to the table's folder, or to this one, whichever has them.

    `affectspace embed -o` writes paths as they were given to it, and a table may lie elsewhere.
    """
    files = [str(file) for file in table.index.get_level_values("file")]
    found = {file: _found(file, folder) for file in dict.fromkeys(files)}
    index = utterance_index(
        [found[file] for file in files],
        *(list(table.index.get_level_values(level)) for level in INDEX[1:]),
    )
    return table.set_axis(index)


def _found(file: str, folder: Path) -> str:
    beside = os.path.abspath(os.path.join(folder, file))  # noqa: PTH100, PTH118  (keeps the text)
    if os.path.exists(locate(beside)):  # noqa: PTH110
        return beside
    here = os.path.abspath(file)  # noqa: PTH100
    return here if os.path.exists(locate(here)) else beside  # noqa: PTH110


def _made_by(table: pd.DataFrame, path: str) -> dict[str, Any]:
    """Return what made a table: Parquet keeps it inside, other formats in a file beside."""
    made_by = table.attrs.get("affectspace")
    if made_by is None:
        try:
            made_by = json.loads(Path(f"{path}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return {}
    return dict(made_by) if isinstance(made_by, dict) else {}
