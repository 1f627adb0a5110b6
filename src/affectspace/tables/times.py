"""Times of the utterance table: read from whatever they are given as, and told in seconds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from affectspace.errors import TableError

MISSING = ["", "nan", "NaN", "NA", "N/A", "NaT", "null", "NULL", "None"]

# pandas takes a number without a unit for nanoseconds and drops commas: "0,5" would be 5 ns
_TIME = re.compile(r"[+-]?(\d+(\.\d*)? ?[a-zµ]+[ +]*)*(\d+:\d\d:\d\d(\.\d+)?)?", re.IGNORECASE)
_ISO_TIME = re.compile(r"-?P[\dDTHMS.]+")


def read_times(values: Sequence[Any], level: str) -> pd.TimedeltaIndex:
    """Read times given as timedeltas, text or seconds, even mixed.

    Args:
        values: the times; None, NaN, NaT and the words of `MISSING` become NaT.
        level: which level of the index they are for, for the message.

    Raises:
        TableError: when one can't be read, or could be misread.
    """
    times = []
    for value in values:
        try:
            times.append(_time(value))
        except (ValueError, TypeError, OverflowError):
            raise TableError(
                f"{level} can't be read as a time: {value!r} should be seconds such as 1.5, with a "
                "point, or text such as '0 days 00:00:01.5'"
            ) from None
    return pd.TimedeltaIndex(times, dtype="<m8[ns]")


def _time(value: Any) -> Any:
    if isinstance(value, str):
        value = value.strip()
    if pd.isna(value) or value in MISSING:
        return pd.NaT
    if isinstance(value, timedelta | np.timedelta64):
        return pd.Timedelta(value)
    if isinstance(value, str) and (_TIME.fullmatch(value) or _ISO_TIME.fullmatch(value)):
        return pd.Timedelta(value)
    if isinstance(value, str) and "_" in value:  # Python reads 1_5 as 15
        raise ValueError(value)
    return pd.Timedelta(round(float(value) * 1e9), "ns")


def in_seconds(time: pd.Timedelta) -> str:
    """Tell a time in a message."""
    return "empty" if pd.isna(time) else f"{time.total_seconds():.12g} s"
