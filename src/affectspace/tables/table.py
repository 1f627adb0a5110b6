"""The utterance table itself: index, checks, CSV, Parquet, JSON lines and audformat databases.

A table is a `pandas.DataFrame` with one row per utterance. Its index levels are `file` (str),
`start` and `end` (`timedelta64[ns]`); `start` 0 and `end` NaT mean the whole file. Columns are
those of `TEXT_COLUMNS` and `NUMBER_COLUMNS` where they are known, and any others. Unknown is NaN.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from affectspace.audio.names import is_address, table_name
from affectspace.audio.status import Status
from affectspace.errors import MissingExtraError, TableError
from affectspace.tables.files import replaced_at_once
from affectspace.tables.frames import (
    INDEX,
    NUMBER,
    TEXT_DTYPE,
    listed,
    read_frame,
    table_suffix,
    with_known_names,
)
from affectspace.tables.text import json_lines, write_csv
from affectspace.tables.times import in_seconds, read_times

_TIME_DTYPE = "timedelta64[ns]"
_NS = np.dtype("m8[ns]")


def utterance_index(
    files: Sequence[str | os.PathLike[str]],
    starts: Sequence[Any] | None = None,
    ends: Sequence[Any] | None = None,
) -> pd.MultiIndex:
    r"""Build the index of an utterance table.

    Args:
        files: path or name of each utterance's file, length n. A byte that isn't UTF-8 becomes
            its code, as in `\xe9`.
        starts: where each utterance starts: timedeltas, strings such as `0 days 00:00:01.5`, or
            numbers in seconds, also as text. Without it, 0.
        ends: where each ends, in the same forms; NaT, NaN and None mean the end of the file.
            Without it, NaT.

    Returns:
        Index with the levels `file`, `start` and `end`, length n.

    Raises:
        TableError: when the lengths differ, or a time can't be read.

    Examples:
        >>> index = utterance_index(["a.wav", "b.wav"], ends=[1.5, None])
        >>> index.to_list()[0]
        ('a.wav', Timedelta('0 days 00:00:00'), Timedelta('0 days 00:00:01.500000'))
    """
    n = len(files)
    for name, times in (("starts", starts), ("ends", ends)):
        if times is not None and len(times) != n:
            raise TableError(
                f"{n} files came with {len(times)} {name}; give as many {name} as files"
            )
    return pd.MultiIndex.from_arrays(
        [
            pd.Series([_file(file) for file in files], dtype=TEXT_DTYPE),
            pd.TimedeltaIndex(np.zeros(n, _NS)) if starts is None else read_times(starts, "start"),
            pd.TimedeltaIndex(np.full(n, "NaT", _NS)) if ends is None else read_times(ends, "end"),
        ],
        names=list(INDEX),
    )


def check_table(table: pd.DataFrame) -> pd.DataFrame:
    """Check that a frame is an utterance table, and return it.

    Args:
        table: the frame to check.

    Returns:
        The same object.

    Raises:
        TableError: when the index isn't `file, start, end` with the dtypes of this module, a file
            name is missing, a start is missing or negative or an end isn't after it (where no
            `status` says that the row failed), a row comes twice, a rating isn't numeric, or
            activation is called arousal.
    """
    _check_index(table)
    if any(str(column).startswith("arousal") for column in table.columns):
        raise TableError(
            "a column is called arousal; rename it to activation, or read the file with read_table"
        )
    for column in table.columns:
        if NUMBER.fullmatch(str(column)) and not pd.api.types.is_numeric_dtype(table[column]):
            raise TableError(
                f"column {column!r} should hold numbers and has dtype {table[column].dtype}"
            )
    return table


def _check_index(table: pd.DataFrame) -> None:
    index = table.index
    if not isinstance(index, pd.MultiIndex) or tuple(index.names) != INDEX:
        raise TableError(
            f"an utterance table has the index levels {', '.join(INDEX)}; this one has "
            f"{', '.join(map(str, index.names))}. Build it with utterance_index or read_table"
        )
    levels = index.to_frame(index=False)
    for level in ("start", "end"):
        if levels[level].dtype != _TIME_DTYPE:
            raise TableError(
                f"index level {level!r} should have dtype {_TIME_DTYPE} and has "
                f"{levels[level].dtype}; build the index with utterance_index"
            )
    # an embedding table may hold any span that it has no answer for, and says so
    statuses = table["status"] if "status" in table else pd.Series("", table.index)
    failed = statuses.isin([status for status in Status if status != Status.OK]).to_numpy()
    _check_rows(levels, failed, rated="rater" in table)


def _check_names(table: pd.DataFrame) -> None:
    levels = table.index.to_frame(index=False)
    _check_rows(levels, np.zeros(len(levels), bool), ("have no file name",))


def _check_rows(
    levels: pd.DataFrame,
    failed: NDArray[np.bool_],
    ways: Sequence[str] = (),
    *,
    rated: bool = False,
) -> None:
    """Raise where rows are wrong, in the ways that matter, or in any."""
    files, start, end = (levels[level] for level in INDEX)
    bad: dict[str, pd.Series[bool]] = {
        "have no file name": files.isna() | (files == ""),
        "have no start": start.isna(),
        "start before 0": (start < pd.Timedelta(0)) & ~failed,
        "end no later than they start": (end <= start) & ~failed,
        "come more than once": levels.duplicated(keep=False),
    }
    for what in ways or bad:
        rows = bad[what]
        if rows.any():
            first = levels[rows].iloc[0]
            raise TableError(
                f"{int(rows.sum())} of {len(levels)} rows {what}, first: file {first['file']!r}, "
                f"start {in_seconds(first['start'])}, end {in_seconds(first['end'])}"
                + ". `affectspace agreement --gold` makes one row of several raters' ratings"
                * rated
            )


def read_table(path: str | Path, *, resolve: bool = False) -> pd.DataFrame:
    """Read an utterance table from CSV, Parquet or JSON lines.

    Reads what [`write_table`][affectspace.tables.write_table] and audformat write, and plainer
    files: times may be in seconds, `start` and `end` may be empty or left out, `arousal` is read
    as `activation`.

    Args:
        path: a `.csv`, `.parquet` or `.jsonl` file with at least a column `file`.
        resolve: take relative file paths as relative to the table's own folder. Without it they
            stay as written.

    Returns:
        The utterance table, in the file's order.

    Raises:
        TableError: when the file is missing, isn't a table, or doesn't pass
            [`check_table`][affectspace.tables.check_table].
    """
    table = _checked(read_frame(path), path, check_table)
    return resolve_files(table, Path(path).parent) if resolve else table


def as_rows(frame: pd.DataFrame, path: str | Path) -> pd.DataFrame:
    """Make an utterance table of what a table's file holds, for those who answer row by row.

    Unlike [`read_table`][affectspace.tables.read_table] it lets rows through that come more than
    once, and spans that no recording has.

    Args:
        frame: from [`read_frame`][affectspace.tables.read_frame].
        path: the table's file; the files that it names are relative to it.

    Raises:
        TableError: when it isn't such a table, or a row has no file name.
    """
    address = is_address(str(path))
    folder = os.path.dirname(path) if address else Path(path).parent  # noqa: PTH120
    return resolve_files(_checked(frame, path, _check_names), folder)


def _checked(
    frame: pd.DataFrame, path: str | Path, check: Callable[[pd.DataFrame], object]
) -> pd.DataFrame:
    try:
        table = _indexed(frame)
        check(table)
    except TableError as error:
        raise TableError(f"{path}: {error}") from None
    return table


def _indexed(frame: pd.DataFrame) -> pd.DataFrame:
    """Make the index of plain columns; no start is 0."""
    if "file" not in frame.columns:
        raise TableError(f"a table needs a column 'file'; it has {listed(frame.columns)}")
    times = (list(frame[name]) if name in frame.columns else None for name in INDEX[1:])
    table = frame.drop(columns=[name for name in INDEX if name in frame.columns])
    levels = utterance_index(list(frame["file"]), *times).to_frame(index=False)
    levels["start"] = levels["start"].fillna(pd.Timedelta(0))
    table.index = pd.MultiIndex.from_frame(levels)
    return table


def write_table(table: pd.DataFrame, path: str | Path) -> None:
    """Write an utterance table as CSV, Parquet or JSON lines, by the suffix; all or nothing.

    CSV is as audformat writes it: `file,start,end` first, times as `0 days 00:00:01`. JSON lines
    are an object per row, with times in seconds and null for what is missing. In both, numbers
    have 9 significant digits; Parquet keeps all.

    Args:
        table: the utterance table.
        path: a path that ends in `.csv`, `.parquet` or `.jsonl`. Its folder is made if need be.

    Raises:
        TableError: when the table or the suffix is wrong.
    """
    path = Path(path)
    suffix = table_suffix(path)
    check_table(table)
    with replaced_at_once(path) as beside:
        if suffix == ".parquet":
            table.to_parquet(beside)
        elif suffix == ".jsonl":
            beside.write_text(json_lines(table), encoding="utf-8")
        else:
            write_csv(table, beside)


def resolve_files(table: pd.DataFrame, root: str | Path) -> pd.DataFrame:
    """Make relative file paths relative to a folder.

    Args:
        table: the utterance table.
        root: the folder. Absolute paths and addresses of the table stay as they are.

    Returns:
        A copy with new file names.
    """
    files, starts, ends = (table.index.get_level_values(level) for level in INDEX)
    folder = "" if Path(root) == Path() else root  # else ./ before every name
    resolved = [
        file if is_address(file) else os.path.join(folder, file)  # noqa: PTH118  (keeps the text)
        for file in files
    ]
    return table.set_axis(utterance_index(resolved, list(starts), list(ends)))


def read_audformat(root: str | Path, table: str) -> pd.DataFrame:
    """Read one table of an audformat database.

    Args:
        root: the database's folder, the one with `db.yaml`.
        table: the table's id. A filewise table gets start 0 and end NaT.

    Returns:
        The utterance table, its files under `root`, its columns as the database has them, `arousal`
        as `activation`.

    Raises:
        MissingExtraError: without the extra `audformat`.
        TableError: when there is no such database or table, or it is one of neither utterances nor
            files.
    """
    try:
        import audformat
    except ImportError:
        raise MissingExtraError("audformat", "audformat", "Reading an audformat database") from None
    root = Path(root)
    if not (root / "db.yaml").is_file():
        raise TableError(f"{root} is no audformat database: it has no db.yaml")
    database = audformat.Database.load(str(root))
    if table not in database.tables:
        raise TableError(f"{root} has no table {table!r}; it has {listed(database.tables)}")
    frame = database[table].get().copy()
    index = audformat.utils.to_segmented_index(frame.index)
    frame.index = utterance_index(*(list(index.get_level_values(level)) for level in INDEX))
    plain = with_known_names(frame.reset_index(drop=True), root).set_index(frame.index)
    return resolve_files(check_table(plain), root)


def _file(name: Any) -> Any:
    return table_name(name) if isinstance(name, str | os.PathLike) else name
