"""Tables as programs exchange them: an object per row, times in seconds, null for no value."""

from __future__ import annotations

import json
from typing import Any, cast

import numpy as np
import pandas as pd

_TIMES = ("start", "end")


def plain_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return an utterance table's rows, index first.

    Args:
        table: the utterance table.

    Returns:
        A dictionary per row, with `start` and `end` in seconds, and None for what is missing or
        infinite, and for the end of a whole file.
    """
    frame = table.reset_index()
    for time in _TIMES:
        frame[time] = frame[time].dt.total_seconds()
    plain = frame.replace([np.inf, -np.inf], np.nan).astype(object)
    rows = plain.where(plain.notna(), None).to_dict("records")
    return cast("list[dict[str, Any]]", rows)


def json_lines(table: pd.DataFrame) -> str:
    """Return an utterance table as JSON lines, as `plain_rows` has it."""
    return "".join(
        json.dumps(row, ensure_ascii=False, allow_nan=False, default=str) + "\n"
        for row in plain_rows(table)
    )
