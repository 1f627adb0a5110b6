"""Who gets which item next.

Practice comes first. Then items of the newest round, in an order of each rater's own; where an item
needs only some raters, those with the fewest first, so that items fill up evenly. Now and then an
item comes again, at a distance and without a word about it. An item is claimed when it is given,
not when it is rated, so that two who rate at once never take the last place of one item.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import sqlalchemy as sa

from affectspace.annotation.raters import Rater
from affectspace.annotation.schema import OPEN, RATED, WAITING, assignments, items, raters, ratings
from affectspace.annotation.settings import StudySettings
from affectspace.annotation.store import now

STALE = timedelta(hours=24)
"""How long an item stays claimed by somebody who has it in hand, if another could rate it."""


@dataclass(frozen=True)
class Given:
    """An item in a rater's hand.

    Attributes:
        id: of the assignment.
        public: its name to the outside: says nothing of the item, and is another for a repeat.
        item_id: the item.
        practice: whether its rating doesn't count.
        seconds: how long it is.
    """

    id: int
    public: str
    item_id: int
    practice: bool
    seconds: float


@dataclass(frozen=True)
class Done:
    """How far a rater is.

    Attributes:
        rated: items and hidden repeats that are rated.
        total: of both, as many as there will be; it moves a little where items are shared.
        practice_rated: practice items that are rated.
        practice_total: of all.
    """

    rated: int
    total: int
    practice_rated: int
    practice_total: int


def in_hand(connection: sa.Connection, rater: int) -> Given | None:
    """Return the item that a rater has in hand."""
    row = connection.execute(_given().where(_of(rater), assignments.c.state == OPEN)).first()
    return None if row is None else Given(*row)


def give_next(
    connection: sa.Connection, rater: Rater, settings: StudySettings
) -> tuple[Given | None, Done]:
    """Return the item in hand, or else put the next one there; on a connection that may write.

    Returns:
        The item, None when all is done; and how far the rater is.
    """
    hand = _Hand(connection, rater, settings)
    given = in_hand(connection, rater.id)
    if given is None:
        hand.take()
        given = in_hand(connection, rater.id)
    return given, hand.done()


def how_far(connection: sa.Connection, rater: Rater, settings: StudySettings) -> Done:
    """Return how far a rater is."""
    return _Hand(connection, rater, settings).done()


def release(connection: sa.Connection, rater: int) -> None:
    """Take back what a rater has in hand or put back, so that others can get it."""
    _drop(connection, _of(rater) & assignments.c.state.in_((OPEN, WAITING)))


class _Hand:
    """One rater's items, as they stand in this transaction."""

    def __init__(self, connection: sa.Connection, rater: Rater, settings: StudySettings) -> None:
        self._connection, self._rater, self._settings = connection, rater, settings

    def take(self) -> None:
        """Put the next item in hand, if there is one."""
        if self._take_waiting() or self._take_practice():
            return
        rows = self._mains()
        if self._is_repeat_due(rows) and self._take_repeat(rows, self._settings.repeat_distance):
            return
        if not self._take_main(len(rows)):
            wanted = round(self._settings.repeat_share * len(rows))
            if len(rows) > 1 and self._repeats() < wanted:
                self._take_repeat(rows, min(self._settings.repeat_distance, len(rows) // 2))

    def done(self) -> Done:
        """Count what is done and what is to come."""
        state, practice = assignments.c.state == RATED, assignments.c.practice
        repeat = assignments.c.repetition > 0
        counts = self._connection.execute(
            sa.select(
                _count(state & ~practice),
                _count(state & practice),
                _count(~practice & ~repeat),
                _count(~practice & repeat),
            ).where(_of(self._rater.id))
        ).one()
        rated, practised, mains, repeats = (int(count or 0) for count in counts)
        mains += min(self._room(mains), len(self._candidates()))
        wanted = round(self._settings.repeat_share * mains) if mains > 1 else 0
        practice_total = self._count(items.c.practice)
        return Done(rated, mains + max(wanted, repeats), practised, practice_total)

    def _take_waiting(self) -> bool:
        """Take up again what an undo put back."""
        first = sa.select(assignments.c.id).where(
            _of(self._rater.id), assignments.c.state == WAITING
        )
        found = self._connection.execute(first.order_by(assignments.c.position).limit(1)).scalar()
        if found is None:
            return False
        self._connection.execute(
            sa.update(assignments).where(assignments.c.id == found).values(state=OPEN, given=now())
        )
        return True

    def _take_practice(self) -> bool:
        had = sa.select(assignments.c.item_id).where(_of(self._rater.id), assignments.c.practice)
        left = sa.select(items.c.id).where(items.c.practice, items.c.id.not_in(had))
        found = self._connection.execute(left.order_by(items.c.id).limit(1)).scalar()
        if found is None:
            return False
        self._give(found, practice=True)
        return True

    def _take_main(self, had: int) -> bool:
        if self._room(had) < 1 and not self._is_stranded():
            return False
        candidates = self._candidates()
        if not candidates:
            candidates = self._candidates() if self._take_back_stale() else []
        if not candidates:
            return False
        if self._settings.raters_per_item is not None:
            fewest = min(claimed for _, claimed in candidates)
            candidates = [one for one in candidates if one[1] == fewest]
        order = _order(self._settings.seed, self._rater.id, self._last_item())
        item = min((item for item, _ in candidates), key=lambda item: order[item - 1])
        self._connection.execute(
            sa.update(items).where(items.c.id == item).values(claimed=items.c.claimed + 1)
        )
        self._give(item)
        return True

    def _is_repeat_due(self, rows: Sequence[Any]) -> bool:
        """Spread repeats, but not so evenly that a rater could count them."""
        share = self._settings.repeat_share
        if not share or not rows:
            return False
        repeats = self._repeats()
        random = np.random.default_rng([self._settings.seed, self._rater.id, 1, repeats])
        return share * len(rows) - repeats >= random.uniform(0.5, 1.5)

    def _take_repeat(self, rows: Sequence[Any], distance: int) -> bool:
        position = self._position()
        again = sa.select(assignments.c.item_id).where(
            _of(self._rater.id), assignments.c.repetition > 0
        )
        had = set(self._connection.execute(again).scalars())
        far = [
            row
            for row in rows
            if row.item_id not in had and row.state == RATED and position - row.position > distance
        ]
        if not far:
            return False
        order = _order(self._settings.seed + 1, self._rater.id, self._last_item())
        self._give(min(far, key=lambda row: order[row.item_id - 1]).item_id, repetition=1)
        return True

    def _is_stranded(self) -> bool:
        """Tell whether there are places left that nobody else can fill within his share."""
        per_item = self._settings.raters_per_item
        if per_item is None or self._settings.items_per_rater is not None:
            return False
        missing = sum(per_item - claimed for _, claimed in self._open_items())
        others = self._connection.execute(
            sa.select(raters.c.id).where(raters.c.active, raters.c.id != self._rater.id)
        ).scalars()
        for other in others:
            taken = self._mains_of(other)
            missing -= min(max(self._share() - taken, 0), len(self._candidates(other)))
            if missing <= 0:
                return False
        return missing > 0

    def _take_back_stale(self) -> bool:
        """Take items back that somebody has had in hand for long, if this rater could have them."""
        if self._settings.raters_per_item is None:
            return False
        before = (datetime.now(UTC) - STALE).isoformat(timespec="milliseconds")
        mine = sa.select(assignments.c.item_id).where(_of(self._rater.id))
        stale = (
            assignments.c.state.in_((OPEN, WAITING))
            & (assignments.c.given < before)
            & (assignments.c.repetition == 0)
            & ~assignments.c.practice
            & (assignments.c.rater_id != self._rater.id)
            & assignments.c.item_id.not_in(mine)
        )
        return _drop(self._connection, stale)

    def _room(self, had: int) -> int:
        """How many more items the rater may get within his share."""
        return max(self._share() - had, 0)

    def _share(self) -> int:
        """How many items each rater gets at most."""
        if self._settings.items_per_rater is not None:
            return self._settings.items_per_rater
        there = self._count(_is_open())
        earlier = self._count(~_is_open(), ~items.c.practice, items.c.claimed > 0)
        if self._settings.raters_per_item is None:
            return there + earlier
        active = self._count(raters.c.active)
        places = (there + earlier) * self._settings.raters_per_item
        return math.ceil(places / max(active, 1))

    def _candidates(self, rater: int | None = None) -> list[tuple[int, int]]:
        """Items that a rater may still get, with how many have claimed each."""
        had = sa.select(assignments.c.item_id).where(
            _of(self._rater.id if rater is None else rater), assignments.c.item_id == items.c.id
        )
        return self._open_items(~had.exists())

    def _open_items(self, *further: sa.ColumnElement[bool]) -> list[tuple[int, int]]:
        wanted = sa.select(items.c.id, items.c.claimed).where(_is_open(), *further)
        if self._settings.raters_per_item is not None:
            wanted = wanted.where(items.c.claimed < self._settings.raters_per_item)
        return [(row[0], row[1]) for row in self._connection.execute(wanted)]

    def _mains(self) -> Sequence[Any]:
        columns = assignments.c.item_id, assignments.c.position, assignments.c.state
        first = ~assignments.c.practice & (assignments.c.repetition == 0)
        return self._connection.execute(sa.select(*columns).where(_of(self._rater.id), first)).all()

    def _mains_of(self, rater: int) -> int:
        first = ~assignments.c.practice & (assignments.c.repetition == 0)
        return self._count(_of(rater), first)

    def _repeats(self) -> int:
        return self._count(_of(self._rater.id), assignments.c.repetition > 0)

    def _count(self, *which: sa.ColumnElement[bool]) -> int:
        counted = sa.select(sa.func.count()).where(*which)
        return int(self._connection.execute(counted).scalar_one())

    def _position(self) -> int:
        last = sa.select(sa.func.max(assignments.c.position)).where(_of(self._rater.id))
        return (self._connection.execute(last).scalar() or 0) + 1

    def _last_item(self) -> int:
        return int(self._connection.execute(sa.select(sa.func.max(items.c.id))).scalar_one())

    def _give(self, item: int, *, repetition: int = 0, practice: bool = False) -> None:
        self._connection.execute(
            sa.insert(assignments).values(
                public=secrets.token_urlsafe(16),
                rater_id=self._rater.id,
                item_id=item,
                repetition=repetition,
                position=self._position(),
                practice=practice,
                state=OPEN,
                given=now(),
            )
        )


@lru_cache(maxsize=256)
def _order(seed: int, rater: int, count: int) -> tuple[int, ...]:
    """Return the place of each item in a rater's order."""
    return tuple(np.random.default_rng([seed, rater]).permutation(count).tolist())


def _drop(connection: sa.Connection, which: sa.ColumnElement[bool]) -> bool:
    """Forget assignments that have no rating, and give up their claims."""
    rows = connection.execute(
        sa.select(
            assignments.c.id,
            assignments.c.item_id,
            assignments.c.repetition,
            assignments.c.practice,
        ).where(which, assignments.c.id.not_in(sa.select(ratings.c.assignment_id)))
    ).all()
    for row in rows:
        connection.execute(sa.delete(assignments).where(assignments.c.id == row.id))
        if not row.practice and row.repetition == 0:
            connection.execute(
                sa.update(items)
                .where(items.c.id == row.item_id)
                .values(claimed=items.c.claimed - 1)
            )
    return bool(rows)


def _given() -> sa.Select[Any]:
    return sa.select(
        assignments.c.id,
        assignments.c.public,
        assignments.c.item_id,
        assignments.c.practice,
        items.c.seconds,
    ).join(items, items.c.id == assignments.c.item_id)


def _is_open() -> sa.ColumnElement[bool]:
    """Items of the newest round."""
    newest = sa.select(sa.func.max(items.c.round)).scalar_subquery()
    return ~items.c.practice & (items.c.round == newest)


def _of(rater: int) -> sa.ColumnElement[bool]:
    return assignments.c.rater_id == rater


def _count(which: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((which, 1), else_=0))
