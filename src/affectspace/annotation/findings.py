"""How good a study's ratings are so far: agreement, raters, items, plain enough for JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd
import sqlalchemy as sa

from affectspace.annotation.agreement import ALL, Agreement, Estimate, agree
from affectspace.annotation.collected import every_rating
from affectspace.annotation.quality import LIMITS, rater_quality
from affectspace.annotation.raters import Rater, all_raters
from affectspace.annotation.ratings import RATER, REPEAT, check_ratings, rating_matrix
from affectspace.annotation.schema import events, items
from affectspace.annotation.store import read_settings

RESAMPLES = 100  # fewer than elsewhere: a page is waited for
WIDEST = 50
NOTES = {
    "one value": "one_value",
    "disagrees": "disagrees",
    "drifts": "drifts",
    "hurries": "hurried",
    "inconsistent": "inconsistent",
}
_ICC = {"icc1": "ICC(1)", "icc21": "ICC(2,1)", "icc2k": "ICC(2,k)"}


def state_of(connection: sa.Connection) -> tuple[Any, ...]:
    """Return what is another as soon as a rating is given or taken back, or a rater renamed."""
    last = connection.execute(sa.select(sa.func.max(events.c.id))).scalar()
    names = tuple(rater.name for rater in all_raters(connection))
    return last, names, read_settings(connection)


class Evidence(NamedTuple):
    """What findings are from: the labels that are asked for, the raters, a row for each rating."""

    labels: tuple[str, ...]
    raters: list[Rater]
    rows: pd.DataFrame


def evidence_of(connection: sa.Connection) -> Evidence:
    """Read what findings are from, which is soon done."""
    rows = every_rating(connection)
    numbers = {
        (row.file, row.start, row.end): row.id
        for row in connection.execute(
            sa.select(items.c.id, items.c.file, items.c.start, items.c.end)
        )
    }
    rows["item"] = [
        numbers[file, start, None if pd.isna(end) else end]
        for file, start, end in zip(rows["file"], rows["start"], rows["end"], strict=True)
    ]
    return Evidence(tuple(read_settings(connection).labels), list(all_raters(connection)), rows)


def findings(evidence: Evidence) -> dict[str, Any]:
    """Return how good the ratings are; of thousands it takes a while.

    Returns:
        `labels`, agreement about each; `raters`, each with `notes` (of `few`, and the values of
        `NOTES`) and what they are from; `items`, the 50 whose ratings spread most. Numbers are None
        where there is too little to say.
    """
    labels, raters, rows = evidence
    files = dict(zip(rows["item"], rows["file"], strict=True))
    tables = {label: _of_label(rows, label) for label in labels}
    qualities = {
        label: rater_quality(table, label) for label, table in tables.items() if len(table)
    }
    return {
        "labels": [_label(label, table) for label, table in tables.items()],
        "raters": [_rater(rater, rows, qualities) for rater in raters],
        "items": _widest(tables, files),
    }


def _of_label(rows: pd.DataFrame, label: str) -> pd.DataFrame:
    named = rows[["item", RATER, REPEAT, "order", "seconds", "duration"]]
    table = named.assign(label=label, value=rows[label].astype("float64"))
    return check_ratings(table.dropna(subset=["value"]))


def _label(label: str, table: pd.DataFrame) -> dict[str, Any]:
    told: dict[str, Any] = {
        "label": label,
        "n_items": int(table.index.nunique()),
        "n_raters": int(table[RATER].nunique()),
        **dict.fromkeys([*_ICC, "alpha", "pairwise_r", "message"]),
    }
    if told["n_raters"] < 2:
        return told | {"message": "Agreement needs two raters or more."}
    found = agree(table, label, resamples=RESAMPLES)
    told["alpha"] = _estimate(found.alpha)
    told["pairwise_r"] = _number(found.pairs["r"].mean())
    for name, kind in _ICC.items():
        told[name] = _icc(found, kind)
    if told["alpha"] is None and told["icc1"] is None:
        told["message"] = "Too few items were rated by two raters or more."
    return told


def _icc(found: Agreement, kind: str) -> dict[str, Any] | None:
    """Of all items where some are missing, else of the complete ones, which are all."""
    rows = found.icc[found.icc["kind"] == kind]
    whole = rows[rows["basis"] == ALL]
    row = (whole if len(whole) else rows).iloc[0]
    return _estimate(Estimate(row["value"], row["low"], row["high"]))


def _rater(
    rater: Rater, rows: pd.DataFrame, qualities: Mapping[str, pd.DataFrame]
) -> dict[str, Any]:
    mine = rows[rows[RATER] == rater.name]
    told = [
        _of_rater(label, found.loc[rater.name])
        for label, found in qualities.items()
        if rater.name in found.index
    ]
    notes = {note for one in told for note in one.pop("notes")}
    timed = mine["seconds"] / mine["duration"]
    if len(mine) < LIMITS.ratings:
        notes.add("few")
    return {
        "id": rater.id,
        "name": rater.name,
        "notes": [note for note in ("few", *NOTES.values()) if note in notes],
        "labels": told,
        "median_seconds": _number(mine["seconds"].median()),
        "hurried_share": _number((timed < 1)[timed.notna()].mean()),
        "median_replays": _number(mine["replays"].median()),
    }


def _of_rater(label: str, row: Any) -> dict[str, Any]:
    return {
        "label": label,
        "notes": [NOTES[flag] for flag in str(row["flags"]).split(";") if flag],
        "repeat_r": _number(row["repeat_r"]),
        "repeat_n": int(row["repeats"]),
        "repeat_difference": _number(row["repeat_difference"]),
        "mean": _number(row["mean"]),
        "deviation": _number(row["sd"]),
        "agreement_r": _number(row["others_r"]),
        "bias": _number(row["others_offset"]),
        "most_used_share": _number(row["modal_share"]),
        "drift": _number(row["drift"]),
    }


def _widest(tables: Mapping[str, pd.DataFrame], files: Mapping[int, str]) -> list[dict[str, Any]]:
    """The items whose ratings differ most, by their range."""
    found: list[dict[str, Any]] = []
    for label, table in tables.items():
        if table.empty:
            continue
        matrix = rating_matrix(table, label)
        spread = matrix.max(axis=1) - matrix.min(axis=1)
        told = pd.DataFrame({"n": matrix.count(axis=1), "mean": matrix.mean(axis=1)})
        for item, row in told.assign(spread=spread)[told["n"] > 1].iterrows():
            number = int(str(item))
            found.append(
                {
                    "item": number,
                    "file": files[number],
                    "label": label,
                    "n": int(row["n"]),
                    "mean": _number(row["mean"]),
                    "spread": _number(row["spread"]),
                }
            )
    return sorted(found, key=lambda row: (-row["spread"], row["item"]))[:WIDEST]


def _estimate(estimate: Estimate) -> dict[str, Any] | None:
    value = _number(estimate.value)
    if value is None:
        return None
    return {"value": value, "low": _number(estimate.low), "high": _number(estimate.high)}


def _number(value: Any) -> float | None:
    number = float(value)
    return round(number, 4) if math.isfinite(number) else None
