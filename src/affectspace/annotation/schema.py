"""The tables of a study, the same in SQLite and PostgreSQL.

What must not happen is forbidden here, not only in the code: an item is given to a rater once per
repetition, a rater has one item in hand, an assignment has one rating, and a key is used once.
`events` is only ever added to: it keeps what was undone.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

VERSION = 1
OPEN, WAITING, RATED = "open", "waiting", "rated"
"""States of an assignment: in hand; put back by an undo; rated."""

metadata = sa.MetaData()

study: Final = sa.Table(
    "study",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("settings", sa.Text, nullable=False),
    sa.Column("lead_generation", sa.Integer, nullable=False),
    sa.Column("created", sa.Text, nullable=False),
)

rounds: Final = sa.Table(
    "rounds",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("opened", sa.Text, nullable=False),
    sa.Column("items", sa.Integer, nullable=False),
)

items: Final = sa.Table(
    "items",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("file", sa.Text, nullable=False),
    sa.Column("start", sa.Float, nullable=False),
    sa.Column("end", sa.Float),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("practice", sa.Boolean, nullable=False),
    sa.Column("round", sa.Integer, index=True),
    sa.Column("claimed", sa.Integer, nullable=False),
    sa.Column("shuffle", sa.BigInteger, nullable=False),
    sa.Column("activation", sa.Float),
    sa.Column("valence", sa.Float),
    sa.Column("about", sa.Text, nullable=False),
)

raters: Final = sa.Table(
    "raters",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("language", sa.Text),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("created", sa.Text, nullable=False),
)

assignments: Final = sa.Table(
    "assignments",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("public", sa.Text, nullable=False, unique=True),
    sa.Column("rater_id", sa.ForeignKey("raters.id"), nullable=False),
    sa.Column("item_id", sa.ForeignKey("items.id"), nullable=False, index=True),
    sa.Column("repetition", sa.Integer, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("practice", sa.Boolean, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("given", sa.Text, nullable=False),
    sa.UniqueConstraint("rater_id", "item_id", "repetition"),
    sa.UniqueConstraint("rater_id", "position"),
    sa.CheckConstraint(f"state IN ('{OPEN}', '{WAITING}', '{RATED}')"),
)
sa.Index(
    "one_in_hand",
    assignments.c.rater_id,
    unique=True,
    sqlite_where=assignments.c.state == OPEN,
    postgresql_where=assignments.c.state == OPEN,
)

sa.Index("of_rater", assignments.c.rater_id, assignments.c.state)

ratings: Final = sa.Table(
    "ratings",
    metadata,
    sa.Column("assignment_id", sa.ForeignKey("assignments.id"), primary_key=True),
    sa.Column("activation", sa.Float),
    sa.Column("valence", sa.Float),
    sa.Column("dominance", sa.Float),
    sa.Column("category", sa.Text),
    sa.Column("cannot_judge", sa.Boolean, nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("replays", sa.Integer, nullable=False),
    sa.Column("milliseconds", sa.Integer, nullable=False),
    sa.Column("rated", sa.Text, nullable=False),
)

events: Final = sa.Table(
    "events",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("rater_id", sa.ForeignKey("raters.id"), nullable=False),
    sa.Column("item_id", sa.ForeignKey("items.id"), nullable=False),
    sa.Column("public", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("key", sa.Text),
    sa.Column("content", sa.Text, nullable=False),
    sa.UniqueConstraint("rater_id", "key"),
)
sa.Index("events_of_rater", events.c.rater_id, events.c.id)
