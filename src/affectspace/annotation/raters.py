"""Who rates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from affectspace.annotation import schema
from affectspace.annotation.settings import NAME_LIMIT, plain_text
from affectspace.annotation.store import now
from affectspace.errors import StudyError

RESERVED = ("sd", "n", "low", "high")
"""Columns beside a label, such as `activation_sd`; a rater's is `activation_NAME`."""


@dataclass(frozen=True)
class Rater:
    """Somebody who rates.

    Attributes:
        id: counts from 1.
        name: the study lead's name for him, in columns of tables too.
        language: of his pages; None is the study's.
        active: whether he may rate at the moment.
        generation: of his link; older links are void.
    """

    id: int
    name: str
    language: str | None
    active: bool
    generation: int


class NameTakenError(StudyError):
    """A name that another rater has."""


def all_raters(connection: sa.Connection) -> list[Rater]:
    """Return all raters, in the order in which they came."""
    return [_rater(row) for row in connection.execute(_ALL)]


def find_rater(connection: sa.Connection, number: int) -> Rater | None:
    """Return one rater; None where there is none of that number."""
    row = connection.execute(_ONE, {"number": number}).first()
    return None if row is None else _rater(row)


def add_rater(connection: sa.Connection, name: str, *, language: str | None = None) -> Rater:
    """Add a rater.

    Raises:
        NameTakenError: if there is one of that name.
        StudyError: if it is no name.
    """
    values = {"name": _name(connection, name, None), "language": language}
    fixed = {"active": True, "generation": 1, "created": now()}
    added = sa.insert(schema.raters).values(**values, **fixed).returning(schema.raters.c.id)
    return Rater(connection.execute(added).scalar_one(), values["name"] or "", language, True, 1)


def change_rater(connection: sa.Connection, rater: Rater, **changes: Any) -> Rater:
    """Change a rater's name, language, generation, or whether he is active.

    Raises:
        NameTakenError: if another has that name.
        StudyError: if it is no name.
    """
    if "name" in changes:
        changes["name"] = _name(connection, changes["name"], rater.id)
    if changes:
        table = schema.raters
        connection.execute(sa.update(table).where(table.c.id == rater.id).values(**changes))
    return Rater(**{**rater.__dict__, **changes})


def _name(connection: sa.Connection, name: str, but: int | None) -> str:
    name = " ".join(plain_text(name).split())
    if name.casefold() in RESERVED:
        raise StudyError(f"a rater can't be called {name}: tables have a column of that name")
    if not 1 <= len(name) <= NAME_LIMIT or not name.isprintable():
        raise StudyError(f"a rater's name has 1 to {NAME_LIMIT} printable characters")
    for rater in all_raters(connection):
        if rater.name.casefold() == name.casefold() and rater.id != but:
            raise NameTakenError(f"there is a rater called {rater.name} already")
    return name


def _rater(row: Any) -> Rater:
    return Rater(**row._mapping)


_ALL = sa.select(
    schema.raters.c.id,
    schema.raters.c.name,
    schema.raters.c.language,
    schema.raters.c.active,
    schema.raters.c.generation,
).order_by(schema.raters.c.id)
_ONE = _ALL.where(schema.raters.c.id == sa.bindparam("number", type_=sa.Integer))
