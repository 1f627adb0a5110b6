"""Tables as text: CSV and JSON lines, with the digits that matter."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

_TIMES = ("start", "end")
_WHOLE_FROM = 1e5


def rounded(value: float) -> float:
    """Return a number with 9 significant digits, which bring every float32 back as it was.

    From 100,000 on a number may be somebody's key, and keeps what it has.

    Examples:
        >>> rounded(3.4159265358979), rounded(2.0), rounded(20261125001.25)
        (3.41592654, 2.0, 20261125001.25)
    """
    return float(f"{value:.9g}") if abs(value) < _WHOLE_FROM else float(value)


def csv_text(table: pd.DataFrame) -> str:
    """Return a table with its index as CSV, as audformat writes it: times as `0 days 00:00:01`."""
    return table.to_csv(float_format=_written)


def write_csv(table: pd.DataFrame, path: str | Path) -> None:
    """Write what `csv_text` returns, as UTF-8."""
    table.to_csv(path, float_format=_written, encoding="utf-8")


def plain_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return an utterance table's rows for JSON, index first.

    Args:
        table: the utterance table.

    Returns:
        A dictionary per row: times in seconds, numbers with 9 significant digits, and None for what
        is missing or infinite.
    """
    bare = table.copy(deep=False)
    bare.attrs = {}  # pandas would copy them with every column
    frame = bare.reset_index()
    columns = {str(name): _plain(str(name), column) for name, column in frame.items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _plain(name: str, column: pd.Series[Any]) -> list[Any]:
    """Return a column's values for JSON."""
    if name in _TIMES:
        return [None if time is pd.NaT else time.total_seconds() for time in column]
    if pd.api.types.is_float_dtype(column):
        numbers = column.to_numpy(np.float64, na_value=np.nan)
        return [rounded(number) if math.isfinite(number) else None for number in numbers.tolist()]
    values = (value.item() if isinstance(value, np.generic) else value for value in column)
    return [None if _is_missing(value) else value for value in values]


def _is_missing(value: Any) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    return value is None or value is pd.NA or value is pd.NaT


def json_lines(table: pd.DataFrame) -> str:
    """Return an utterance table as JSON lines: times in seconds, null for what is missing."""
    return "".join(
        json.dumps(row, ensure_ascii=False, allow_nan=False, default=str) + "\n"
        for row in plain_rows(table)
    )


def _written(value: Any) -> str:
    return repr(rounded(value))
