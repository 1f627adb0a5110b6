"""Tables as text: CSV and JSON lines, with the digits that matter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

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
    frame = table.reset_index()
    for name in frame.columns:
        if name in _TIMES:
            frame[name] = frame[name].dt.total_seconds()
        elif pd.api.types.is_float_dtype(frame[name]):
            frame[name] = frame[name].map(rounded, na_action="ignore")
    plain = frame.replace([np.inf, -np.inf], np.nan).astype(object)
    rows = plain.where(plain.notna(), None).to_dict("records")
    return cast("list[dict[str, Any]]", rows)


def json_lines(table: pd.DataFrame) -> str:
    """Return an utterance table as JSON lines: times in seconds, null for what is missing."""
    return "".join(
        json.dumps(row, ensure_ascii=False, allow_nan=False, default=str) + "\n"
        for row in plain_rows(table)
    )


def _written(value: Any) -> str:
    return repr(rounded(value))
