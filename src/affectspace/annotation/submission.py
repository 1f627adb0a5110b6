"""A rating is given, and taken back.

Both are one transaction, and both may be asked for again without harm: whoever doesn't hear the
answer asks again with the same key, and gets the answer that it would have been.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from affectspace.annotation.raters import Rater
from affectspace.annotation.schema import (
    OPEN,
    RATED,
    WAITING,
    assignments,
    events,
    items,
    ratings,
)
from affectspace.annotation.settings import (
    COMMENT_LIMIT,
    HIGH,
    LOW,
    STEP,
    StudySettings,
    is_on_scale,
    plain_text,
)
from affectspace.annotation.store import now
from affectspace.errors import StudyError

MOST = 2**31 - 1  # of a count that a database's integer holds
_KEY = re.compile(r"[A-Za-z0-9-]{16,64}", re.ASCII)


class RatingError(StudyError):
    """A rating, or an undo, that isn't accepted; nothing has changed.

    Attributes:
        code: `invalid`, `not_found`, `already_rated`, `key_reused`, `not_in_hand`, `cannot_undo`.
        field: what is invalid.
    """

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.code, self.field = code, field


@dataclass(frozen=True)
class Rating:
    """What a rater says of an item.

    Attributes:
        activation: 1 to 5 in half steps; None where it can't be judged.
        valence: likewise.
        dominance: likewise; None where it isn't asked for.
        category: one of the study's.
        cannot_judge: then there are no values.
        comment: in the rater's own words.
        replays: how often the item was played again.
        milliseconds: from the first play to the answer.
    """

    activation: float | None = None
    valence: float | None = None
    dominance: float | None = None
    category: str | None = None
    cannot_judge: bool = False
    comment: str = ""
    replays: int = 0
    milliseconds: int = 0

    def checked(self, settings: StudySettings) -> Rating:
        """Return it as it is stored.

        Raises:
            RatingError: `invalid`, if it isn't what the study asks for.
        """
        self._check_values(settings)
        if self.category is not None and (
            settings.category == "off" or self.category not in settings.categories
        ):
            raise RatingError("invalid", "that is no category of this study", "category")
        if settings.category == "required" and self.category is None and not self.cannot_judge:
            raise RatingError("invalid", "a category is needed", "category")
        comment = plain_text(self.comment)
        if len(comment) > COMMENT_LIMIT:
            raise RatingError(
                "invalid", f"a comment may have {COMMENT_LIMIT} characters", "comment"
            )
        if comment and not settings.comment:
            raise RatingError("invalid", "this study takes no comments", "comment")
        counts = {name: getattr(self, name) for name in ("replays", "milliseconds")}
        for name, count in counts.items():
            if count < 0:
                raise RatingError("invalid", f"{name} can't be below 0", name)
        counts = {name: min(count, MOST) for name, count in counts.items()}
        return Rating(**{**asdict(self), "comment": comment, **counts})

    def _check_values(self, settings: StudySettings) -> None:
        if self.cannot_judge and not settings.cannot_judge:
            raise RatingError("invalid", "this study asks for a judgement", "cannot_judge")
        for label in ("activation", "valence", "dominance"):
            value = getattr(self, label)
            if value is None:
                needed = label != "dominance" or settings.dominance == "required"
                if needed and not self.cannot_judge:
                    raise RatingError("invalid", f"{label} is needed", label)
            elif self.cannot_judge:
                raise RatingError("invalid", "there are values, but it can't be judged", label)
            elif label not in settings.labels:
                raise RatingError("invalid", f"this study doesn't ask for {label}", label)
            elif not is_on_scale(value):
                message = f"{label} is from {LOW:g} to {HIGH:g} in steps of {STEP:g}"
                raise RatingError("invalid", message, label)


@dataclass(frozen=True)
class Accepted:
    """A rating that is stored, as soon as its transaction is.

    Attributes:
        public: the assignment's name.
        activation: what others said of a practice item, where the study lead gave it.
        valence: likewise.
    """

    public: str
    activation: float | None = None
    valence: float | None = None


def submit(
    connection: sa.Connection,
    rater: Rater,
    public: str,
    key: str,
    rating: Rating,
    settings: StudySettings,
) -> Accepted:
    """Store a rating of the item in hand; on a connection that may write.

    Args:
        connection: of a transaction.
        rater: who rates.
        public: the assignment's name.
        key: made by the page for this rating: letters, digits and `-`, 16 to 64.
        rating: what is said.
        settings: the study's.

    Raises:
        RatingError: if it isn't accepted.
    """
    if not _KEY.fullmatch(key):
        raise RatingError("invalid", "a key is 16 to 64 letters, digits and -", "key")
    assigned = _assigned(connection, rater, public)
    rating = rating.checked(settings)
    said = json.dumps(asdict(rating), ensure_ascii=False, sort_keys=True)
    accepted = Accepted(public)
    if assigned.practice:
        accepted = Accepted(public, assigned.activation, assigned.valence)
    earlier = connection.execute(_EARLIER, {"rater": rater.id, "key": key}).first()
    if earlier is not None:
        if (earlier.public, earlier.content) != (public, said):
            raise RatingError("key_reused", "this key belongs to another rating")
        return accepted
    if assigned.state == RATED:
        raise RatingError("already_rated", "this item was rated in another window")
    if assigned.state != OPEN:
        raise RatingError("not_in_hand", "another item is in hand now")
    at = now()
    row = {"assignment_id": assigned.id, "rated": at, **asdict(rating)}
    connection.execute(_RATING, row)
    connection.execute(_STATE, {"assignment": assigned.id, "to": RATED})
    _log(connection, rater, assigned, "rated", said, at=at, key=key)
    return accepted


@dataclass(frozen=True)
class LastEvent:
    """The last that a rater did.

    Attributes:
        can_undo: the assignment whose rating may be taken back: the last one, once.
        undone: the assignment whose rating was taken back, if nothing came after it.
        said: what had been said of it.
    """

    can_undo: str | None = None
    undone: str | None = None
    said: dict[str, Any] | None = None


def last_event(connection: sa.Connection, rater: Rater) -> LastEvent:
    """Return the last that a rater did."""
    last = connection.execute(_LAST, {"rater": rater.id}).first()
    if last is None:
        return LastEvent()
    if last.kind == "rated":
        return LastEvent(can_undo=last.public)
    return LastEvent(undone=last.public, said=json.loads(last.content))


def undo(connection: sa.Connection, rater: Rater, public: str) -> None:
    """Take the last rating back, and put its item in hand again; the log keeps both.

    Raises:
        RatingError: `cannot_undo`, if it isn't the last, `not_found` if it isn't the rater's.
    """
    assigned = _assigned(connection, rater, public)
    last = last_event(connection, rater)
    if last.can_undo == public:
        _take_back(connection, rater, assigned)
    elif last.undone != public or assigned.state != OPEN:  # else it is this undo, asked for again
        raise RatingError("cannot_undo", "only the last rating can be taken back, and only once")


def _take_back(connection: sa.Connection, rater: Rater, assigned: Any) -> None:
    said = connection.execute(
        sa.select(ratings).where(ratings.c.assignment_id == assigned.id)
    ).one()
    content = {
        name: value
        for name, value in said._mapping.items()
        if name not in ("assignment_id", "rated")
    }
    text = json.dumps(content, ensure_ascii=False, sort_keys=True)
    in_hand = (assignments.c.rater_id == rater.id) & (assignments.c.state == OPEN)
    connection.execute(sa.update(assignments).where(in_hand).values(state=WAITING))
    connection.execute(sa.delete(ratings).where(ratings.c.assignment_id == assigned.id))
    connection.execute(
        sa.update(assignments)
        .where(assignments.c.id == assigned.id)
        .values(state=OPEN, given=now())
    )
    _log(connection, rater, assigned, "undone", text, at=now())


def _assigned(connection: sa.Connection, rater: Rater, public: str) -> Any:
    wanted = {"rater": rater.id, "public": plain_text(public)}
    found = connection.execute(_ASSIGNED, wanted).first()
    if found is None:
        raise RatingError("not_found", "there is no such item")
    return found


def _log(
    connection: sa.Connection,
    rater: Rater,
    assigned: Any,
    kind: str,
    content: str,
    *,
    at: str,
    key: str | None = None,
) -> None:
    row = {"at": at, "rater_id": rater.id, "item_id": assigned.item_id, "public": assigned.public}
    connection.execute(_EVENT, {**row, "kind": kind, "key": key, "content": content})


# Built once: to put a statement together takes longer than to run it.
_OF_RATER = events.c.rater_id == sa.bindparam("rater", type_=sa.Integer)
_ASSIGNED = (
    sa.select(
        assignments.c.id,
        assignments.c.public,
        assignments.c.item_id,
        assignments.c.state,
        assignments.c.practice,
        items.c.activation,
        items.c.valence,
    )
    .join(items, items.c.id == assignments.c.item_id)
    .where(
        assignments.c.public == sa.bindparam("public", type_=sa.Text),
        assignments.c.rater_id == sa.bindparam("rater", type_=sa.Integer),
    )
)
_EARLIER = sa.select(events.c.public, events.c.content).where(
    _OF_RATER, events.c.key == sa.bindparam("key", type_=sa.Text)
)
_LAST = (
    sa.select(events.c.kind, events.c.public, events.c.content)
    .where(_OF_RATER)
    .order_by(events.c.id.desc())
    .limit(1)
)
_STATE = (
    sa.update(assignments)
    .where(assignments.c.id == sa.bindparam("assignment", type_=sa.Integer))
    .values(state=sa.bindparam("to", type_=sa.Text))
)
_RATING = sa.insert(ratings)
_EVENT = sa.insert(events)
