"""Who gets which item next.

Practice comes first. Then items of the newest round, in an order of each rater's own; where an item
needs only some raters, those with the fewest first, so that items fill up evenly. Now and then an
item comes again, at a distance and without a word about it. An item is claimed when it is given,
not when it is rated, so that two who rate at once never take the last place of one item.

The order: each item has a random number s, each rater random numbers a and b, and items come by
(a s + b) mod p, p prime. That is as good as a shuffled list for each, and a database can do it.
"""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import sqlalchemy as sa

from affectspace.annotation.raters import Rater
from affectspace.annotation.schema import (
    OPEN,
    RATED,
    WAITING,
    assignments,
    items,
    raters,
    ratings,
    rounds,
)
from affectspace.annotation.settings import StudySettings
from affectspace.annotation.store import now

STALE = timedelta(hours=24)
"""How long an item stays claimed by somebody who has it in hand, if another could rate it."""

PRIME = 2**31 - 1


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
        repeats: how many of the total are hidden repeats.
        practice_rated: practice items that are rated.
        practice_total: of all.
    """

    rated: int
    total: int
    repeats: int
    practice_rated: int
    practice_total: int


def in_hand(connection: sa.Connection, rater: int) -> Given | None:
    """Return the item that a rater has in hand."""
    row = connection.execute(_IN_HAND, {"rater": rater}).first()
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
    if given is None and hand.take():
        given = in_hand(connection, rater.id)
    return given, hand.done()


def how_far(connection: sa.Connection, rater: Rater, settings: StudySettings) -> Done:
    """Return how far a rater is."""
    return _Hand(connection, rater, settings).done()


def release(connection: sa.Connection, rater: int) -> None:
    """Take back what a rater has in hand or put back, so that others can get it."""
    of_rater = assignments.c.rater_id == rater
    _drop(connection, of_rater & assignments.c.state.in_((OPEN, WAITING)))


def shuffle_numbers(count: int, *, seed: int, first: int) -> list[int]:
    """Return the random numbers by which items are ordered, for as many as are added at once."""
    drawn = np.random.default_rng([seed, first]).integers(0, PRIME, count)
    return [int(number) for number in drawn]


@dataclass(frozen=True)
class _Counts:
    """How a rater and the study stand, from one query."""

    rated: int
    practised: int
    practice_given: int
    mains: int
    repeats: int
    waiting: int
    position: int
    practice_items: int
    open_items: int
    earlier_items: int
    active_raters: int


class _Hand:
    """One rater's items, as they stand in this transaction."""

    def __init__(self, connection: sa.Connection, rater: Rater, settings: StudySettings) -> None:
        self._connection, self._rater, self._settings = connection, rater, settings
        self._counts = _counts(connection, rater.id)

    def take(self) -> bool:
        """Put the next item in hand, if there is one."""
        counts = self._counts
        if counts.waiting:
            return self._take_waiting()
        if counts.practice_given < counts.practice_items and self._take_practice():
            return True
        distance = self._settings.repeat_distance
        if self._is_repeat_due() and self._take_repeat(distance):
            return True
        if self._take_main():
            return True
        wanted = round(self._settings.repeat_share * counts.mains)
        nearest = min(distance, counts.mains // 2)
        return counts.mains > 1 and counts.repeats < wanted and self._take_repeat(nearest)

    def done(self) -> Done:
        """Count what is done and what is to come."""
        counts = self._counts
        room = max(self._share() - counts.mains, 0)
        mains = counts.mains + (min(room, self._candidates(self._rater.id)) if room else 0)
        wanted = round(self._settings.repeat_share * mains) if mains > 1 else 0
        repeats = max(wanted, counts.repeats)
        total = mains + repeats
        return Done(counts.rated, total, repeats, counts.practised, counts.practice_items)

    def _take_waiting(self) -> bool:
        """Take up again what an undo put back."""
        of_rater = assignments.c.rater_id == self._rater.id
        first = sa.select(assignments.c.id).where(of_rater, assignments.c.state == WAITING)
        found = self._connection.execute(first.order_by(assignments.c.position).limit(1)).scalar()
        back = sa.update(assignments).where(assignments.c.id == found)
        self._connection.execute(back.values(state=OPEN, given=now()))
        return True

    def _take_practice(self) -> bool:
        had = sa.select(assignments.c.item_id).where(
            assignments.c.rater_id == self._rater.id, assignments.c.practice
        )
        left = sa.select(items.c.id).where(items.c.practice, items.c.id.not_in(had))
        found = self._connection.execute(left.order_by(items.c.id).limit(1)).scalar()
        if found is None:
            return False
        self._give(found, practice=True)
        return True

    def _take_main(self) -> bool:
        if self._counts.mains >= self._share() and not self._is_stranded():
            return False
        factor, offset = _order(self._settings.seed, self._rater.id)
        wanted = {**self._which(self._rater.id), "factor": factor, "offset": offset}
        shared = self._settings.raters_per_item is not None
        found = self._connection.execute(_NEXT_SHARED if shared else _NEXT, wanted).scalar()
        if found is None and self._take_back_stale():
            found = self._connection.execute(_NEXT_SHARED, wanted).scalar()
        if found is None:
            return False
        self._connection.execute(_CLAIM, {"item": found})
        self._give(found)
        self._counts = replace(self._counts, mains=self._counts.mains + 1)
        return True

    def _is_repeat_due(self) -> bool:
        """Spread repeats, but not so evenly that a rater could count them."""
        share, mains, repeats = (
            self._settings.repeat_share,
            self._counts.mains,
            self._counts.repeats,
        )
        if share * mains - repeats < 0.5:
            return False
        random = np.random.default_rng([self._settings.seed, self._rater.id, 1, repeats])
        return share * mains - repeats >= random.uniform(0.5, 1.5)

    def _take_repeat(self, distance: int) -> bool:
        mine = assignments.c.rater_id == self._rater.id
        again = sa.select(assignments.c.item_id).where(mine, assignments.c.repetition > 0)
        far = sa.select(assignments.c.item_id, assignments.c.position).where(
            mine,
            ~assignments.c.practice,
            assignments.c.repetition == 0,
            assignments.c.state == RATED,
            assignments.c.position < self._counts.position + 1 - distance,
            assignments.c.item_id.not_in(again),
        )
        rows = self._connection.execute(far.order_by(assignments.c.position)).all()
        if not rows:
            return False
        random = np.random.default_rng(
            [self._settings.seed, self._rater.id, 2, self._counts.repeats]
        )
        self._give(rows[int(random.integers(len(rows)))].item_id, repetition=1)
        self._counts = replace(self._counts, repeats=self._counts.repeats + 1)
        return True

    def _is_stranded(self) -> bool:
        """Tell whether there are places left that nobody else can fill within his share."""
        per_item = self._settings.raters_per_item
        if per_item is None or self._settings.items_per_rater is not None:
            return False
        missing = self._connection.execute(_MISSING, {"per_item": per_item}).scalar() or 0
        others = sa.select(raters.c.id).where(raters.c.active, raters.c.id != self._rater.id)
        for other in self._connection.execute(others).scalars().all():
            if missing <= 0:
                return False
            room = max(self._share() - _counts(self._connection, other).mains, 0)
            missing -= min(room, self._candidates(other)) if room else 0
        return bool(missing > 0)

    def _take_back_stale(self) -> bool:
        """Take items back that somebody has had in hand for long, if this rater could have them."""
        if self._settings.raters_per_item is None:
            return False
        before = (datetime.now(UTC) - STALE).isoformat(timespec="milliseconds")
        mine = sa.select(assignments.c.item_id).where(assignments.c.rater_id == self._rater.id)
        stale = (
            assignments.c.state.in_((OPEN, WAITING))
            & (assignments.c.given < before)
            & (assignments.c.repetition == 0)
            & ~assignments.c.practice
            & (assignments.c.rater_id != self._rater.id)
            & assignments.c.item_id.not_in(mine)
        )
        return _drop(self._connection, stale)

    def _share(self) -> int:
        """How many items each rater gets at most."""
        if self._settings.items_per_rater is not None:
            return self._settings.items_per_rater
        counts = self._counts
        there = counts.open_items + counts.earlier_items
        if self._settings.raters_per_item is None:
            return there
        return math.ceil(there * self._settings.raters_per_item / max(counts.active_raters, 1))

    def _candidates(self, rater: int) -> int:
        """How many items a rater may still get."""
        return int(self._connection.execute(_CANDIDATES, self._which(rater)).scalar_one())

    def _which(self, rater: int) -> dict[str, int]:
        return {"rater": rater, "per_item": self._settings.raters_per_item or PRIME}

    def _give(self, item: int, *, repetition: int = 0, practice: bool = False) -> None:
        self._connection.execute(
            _INSERT,
            {
                "public": secrets.token_urlsafe(16),
                "rater_id": self._rater.id,
                "item_id": item,
                "repetition": repetition,
                "position": self._counts.position + 1,
                "practice": practice,
                "state": OPEN,
                "given": now(),
            },
        )


@lru_cache(maxsize=1024)
def _order(seed: int, rater: int) -> tuple[int, int]:
    """Return a rater's a and b."""
    factor, offset = np.random.default_rng([seed, rater]).integers(1, PRIME, 2)
    return int(factor), int(offset)


def _counts(connection: sa.Connection, rater: int) -> _Counts:
    row = connection.execute(_COUNTS, {"rater": rater}).one()
    return _Counts(*(int(value or 0) for value in row))


def _drop(connection: sa.Connection, which: sa.ColumnElement[bool]) -> bool:
    """Forget assignments that have no rating, and give up their claims."""
    columns = assignments.c.id, assignments.c.item_id, assignments.c.repetition
    unrated = assignments.c.id.not_in(sa.select(ratings.c.assignment_id))
    rows = connection.execute(sa.select(*columns, assignments.c.practice).where(which, unrated))
    dropped = rows.all()
    for row in dropped:
        connection.execute(sa.delete(assignments).where(assignments.c.id == row.id))
        if not row.practice and row.repetition == 0:
            back = sa.update(items).where(items.c.id == row.item_id)
            connection.execute(back.values(claimed=items.c.claimed - 1))
    return bool(dropped)


def _sum(which: sa.ColumnElement[bool]) -> sa.ColumnElement[Any]:
    return sa.func.sum(sa.case((which, 1), else_=0))


def _number(*which: sa.ColumnElement[bool]) -> sa.ScalarSelect[Any]:
    return sa.select(sa.func.count()).where(*which).scalar_subquery()


# Built once: to put a statement together takes longer than to run it.
_RATER: sa.BindParameter[int] = sa.bindparam("rater", type_=sa.Integer)
_PER_ITEM: sa.BindParameter[int] = sa.bindparam("per_item", type_=sa.Integer)
_NEWEST = sa.select(sa.func.max(rounds.c.number)).scalar_subquery()
_IS_OPEN = ~items.c.practice & (items.c.round == _NEWEST)
_MAIN = ~assignments.c.practice & (assignments.c.repetition == 0)
_IN_HAND = (
    sa.select(
        assignments.c.id,
        assignments.c.public,
        assignments.c.item_id,
        assignments.c.practice,
        items.c.seconds,
    )
    .join(items, items.c.id == assignments.c.item_id)
    .where(assignments.c.rater_id == _RATER, assignments.c.state == OPEN)
)
_COUNTS = sa.select(
    _sum((assignments.c.state == RATED) & ~assignments.c.practice),
    _sum((assignments.c.state == RATED) & assignments.c.practice),
    _sum(assignments.c.practice),
    _sum(_MAIN),
    _sum(assignments.c.repetition > 0),
    _sum(assignments.c.state == WAITING),
    sa.func.max(assignments.c.position),
    _number(items.c.practice),
    _number(_IS_OPEN),
    _number(~items.c.practice, items.c.round != _NEWEST, items.c.claimed > 0),
    _number(raters.c.active),
).where(assignments.c.rater_id == _RATER)
_HAD = sa.exists().where(assignments.c.rater_id == _RATER, assignments.c.item_id == items.c.id)
_FREE = _IS_OPEN & (items.c.claimed < _PER_ITEM) & ~_HAD
_PLACE = (
    items.c.shuffle * sa.bindparam("factor", type_=sa.BigInteger)
    + sa.bindparam("offset", type_=sa.BigInteger)
) % PRIME
_NEXT = sa.select(items.c.id).where(_FREE).order_by(_PLACE, items.c.id).limit(1)
_NEXT_SHARED = (
    sa.select(items.c.id).where(_FREE).order_by(items.c.claimed, _PLACE, items.c.id).limit(1)
)
_CANDIDATES = sa.select(sa.func.count()).select_from(items).where(_FREE)
_MISSING = sa.select(sa.func.sum(_PER_ITEM - items.c.claimed)).where(
    _IS_OPEN, items.c.claimed < _PER_ITEM
)
_CLAIM = (
    sa.update(items)
    .where(items.c.id == sa.bindparam("item", type_=sa.Integer))
    .values(claimed=items.c.claimed + 1)
)
_INSERT = sa.insert(assignments)
