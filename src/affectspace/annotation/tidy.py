"""Agreement as one tidy table: a row per statistic."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from affectspace.annotation.agreement import ALL, Agreement
from affectspace.annotation.ratings import RATER

COLUMNS = ("label", "statistic", "rater", "other", "basis", "value", "low", "high", "n", "note")

# statistic, column of its value, of its n, of its interval
_QUALITY = (
    ("ratings", "n", None, False),
    ("mean", "mean", "n", False),
    ("sd", "sd", "n", False),
    ("mode", "mode", "n", False),
    ("modal_share", "modal_share", "n", False),
    ("others_r", "others_r", "others_n", False),
    ("others_offset", "others_offset", "others_n", False),
    ("others_difference", "others_difference", "others_n", False),
    ("drift", "drift", "others_n", True),
    ("hurried", "hurried", "timed", False),
    ("repeat_r", "repeat_r", "repeats", False),
    ("repeat_difference", "repeat_difference", "repeats", False),
)


def tidy(agreements: Iterable[Agreement]) -> pd.DataFrame:
    """List all statistics of some labels, a row each.

    Returns:
        The columns `COLUMNS`. `statistic` is `ICC(1)`, `ICC(2,1)`, `ICC(2,k)`, `alpha`, `pearson`
        (of `rater` and `other`), or one of a rater: `ratings`, `mean`, `sd`, `mode`, `modal_share`,
        `others_r`, `others_offset`, `others_difference`, `drift`, `hurried`, `repeat_r`,
        `repeat_difference`, `flags`. `basis` says which items an ICC is of: `complete` or `all`.
        `n` counts the items, ratings or repeats that the value is from; `note` holds the flags.
        Statistics of a rater that could not be had, as nothing was known for them, are left out.
    """
    rows: list[dict[str, Any]] = []
    for found in agreements:
        rows += [
            {"label": found.label, "statistic": row["kind"], "n": row["items"]}
            | {"note": f"k = {row['k']:.4g}", **_of(row, "basis", "value", "low", "high")}
            for row in found.icc.to_dict("records")
        ]
        whole = {"label": found.label, "statistic": "alpha", "basis": ALL, "n": found.shared}
        rows.append(whole | found.alpha._asdict())
        rows += [
            {"label": found.label, "statistic": "pearson", "rater": row["first"]}
            | {"other": row["second"], "value": row["r"], **_of(row, "low", "high", "n")}
            for row in found.pairs.to_dict("records")
        ]
        for row in found.quality.reset_index().to_dict("records"):
            rows += _of_rater(found.label, row)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _of_rater(label: str, row: dict[Any, Any]) -> list[dict[str, Any]]:
    rows = []
    for statistic, value, count, bounded in _QUALITY:
        n = row[count or value]
        if not n or (bounded and pd.isna(row[value])):
            continue
        told = {"label": label, "statistic": statistic, "rater": row[RATER], "value": row[value]}
        if bounded:
            told |= {"low": row[f"{value}_low"], "high": row[f"{value}_high"]}
        rows.append(told | {"n": n})
    if row["flags"]:
        told = {"label": label, "statistic": "flags", "rater": row[RATER]}
        rows.append(told | {"note": row["flags"], "n": row["n"]})
    return rows


def _of(row: dict[Any, Any], *names: str) -> dict[str, Any]:
    return {name: row[name] for name in names}
