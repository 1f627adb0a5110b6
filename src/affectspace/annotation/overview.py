"""How far a study is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from affectspace.annotation.assignment import how_far
from affectspace.annotation.raters import all_raters
from affectspace.annotation.schema import RATED, assignments, items, ratings, rounds
from affectspace.annotation.store import read_settings

_MAIN = ~assignments.c.practice & (assignments.c.repetition == 0) & (assignments.c.state == RATED)


def progress(connection: sa.Connection) -> dict[str, Any]:
    """Return counts of a study, plain enough for JSON.

    Returns:
        `items`, `open_items` (of the newest round), `practice_items`; `ratings` (of items, without
        practice and repeats), `repeats`, `cannot_judge`, `expected` ratings (None while nobody
        rates), `raters_per_item` (None is all); `coverage`, how many open items have how many
        ratings; `raters`, one by one, whose `total` holds `total_repeats`; `by_day`, in UTC.
    """
    settings = read_settings(connection)
    newest = connection.execute(sa.select(sa.func.max(rounds.c.number))).scalar()
    is_open = ~items.c.practice & (items.c.round == newest)
    per_rater = _by_rater(connection)
    raters = []
    for rater in all_raters(connection):
        done = how_far(connection, rater, settings)
        counted = per_rater.get(rater.id, {})
        raters.append(
            {
                "id": rater.id,
                "name": rater.name,
                "active": rater.active,
                "language": rater.language,
                "done": done.rated,
                "total": done.total,
                "total_repeats": done.repeats,
                "cannot_judge": counted.get("cannot_judge", 0),
                "practice_done": done.practice_rated,
                "last": counted.get("last"),
            }
        )
    open_items = _count(connection, items.c.id, is_open)
    active = sum(rater["active"] for rater in raters)
    each = settings.raters_per_item or active
    return {
        "items": _count(connection, items.c.id, ~items.c.practice),
        "open_items": open_items,
        "practice_items": _count(connection, items.c.id, items.c.practice),
        "ratings": _count(connection, assignments.c.id, _MAIN),
        "repeats": _count(
            connection,
            assignments.c.id,
            (assignments.c.repetition > 0) & (assignments.c.state == RATED),
        ),
        "cannot_judge": sum(found["cannot_judge"] for found in per_rater.values()),
        "expected": each * open_items if active else None,
        "raters_per_item": settings.raters_per_item,
        "coverage": _coverage(connection, is_open),
        "raters": raters,
        "by_day": _by_day(connection),
    }


def in_words(counts: Mapping[str, Any]) -> str:
    """Say how the number of ratings comes about: items by raters, and hidden repeats.

    Args:
        counts: what `progress` returned.

    Examples:
        >>> rater = {"active": True, "total": 29 + 3, "total_repeats": 3}
        >>> counts = {"open_items": 29, "raters_per_item": None, "expected": 58}
        >>> in_words({**counts, "raters": [rater, rater]})[:45]
        '29 recordings by 2 raters make 58 ratings. On'
    """
    items, each = counts["open_items"], counts["raters_per_item"]
    raters = [rater for rater in counts["raters"] if rater["active"]]
    if not raters:
        return f"{_several(items, 'recording')}, and nobody yet who rates them."
    by = there = _several(len(raters), "rater")
    if each is not None:
        short = each > len(raters)
        by = f"{_several(each, 'rater')} ({len(raters)} so far)" if short else f"{each} of {there}"
    told = f"{_several(items, 'recording')} by {by} make {counts['expected']} ratings."
    repeats, totals = ([rater[name] for rater in raters] for name in ("total_repeats", "total"))
    if any(repeats):
        told += (
            " On top, some come again to see how consistent a rater is: "
            f"{_range(repeats)} hidden repeats for each rater, who thus gives {_range(totals)} "
            "ratings."
        )
    return told


def opened_rounds(connection: sa.Connection) -> list[dict[str, Any]]:
    """Return the rounds of a study, plain enough for JSON."""
    rows = connection.execute(sa.select(rounds).order_by(rounds.c.number))
    return [{"round": row.number, "items": row.items, "opened": row.opened} for row in rows]


def _several(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _range(numbers: list[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low}" if low == high else f"{low} to {high}"


def _count(connection: sa.Connection, column: Any, which: Any) -> int:
    return int(connection.execute(sa.select(sa.func.count(column)).where(which)).scalar_one())


def _by_rater(connection: sa.Connection) -> dict[int, dict[str, Any]]:
    counted = (
        sa.select(
            assignments.c.rater_id,
            sa.func.sum(sa.case((ratings.c.cannot_judge & ~assignments.c.practice, 1), else_=0)),
            sa.func.max(ratings.c.rated),
        )
        .join(ratings, ratings.c.assignment_id == assignments.c.id)
        .group_by(assignments.c.rater_id)
    )
    rows = connection.execute(counted)
    return {row[0]: {"cannot_judge": int(row[1]), "last": row[2]} for row in rows}


def _coverage(connection: sa.Connection, is_open: Any) -> list[dict[str, int]]:
    rated = (
        sa.select(assignments.c.item_id, sa.func.count().label("number"))
        .where(_MAIN)
        .group_by(assignments.c.item_id)
        .subquery()
    )
    number = sa.func.coalesce(rated.c.number, 0).label("number")
    rows = connection.execute(
        sa.select(number, sa.func.count())
        .select_from(items.outerjoin(rated, rated.c.item_id == items.c.id))
        .where(is_open)
        .group_by(number)
        .order_by(number)
    )
    return [{"ratings": row[0], "items": row[1]} for row in rows]


def _by_day(connection: sa.Connection) -> list[dict[str, Any]]:
    day = sa.func.substr(ratings.c.rated, 1, 10).label("day")
    counted = (
        sa.select(day, sa.func.count())
        .join(assignments, ratings.c.assignment_id == assignments.c.id)
        .where(~assignments.c.practice)
        .group_by(day)
        .order_by(day)
    )
    return [{"day": row[0], "ratings": row[1]} for row in connection.execute(counted)]
