"""The database of a study: transactions that are on disk once they are through, and its errors.

All writing is done one transaction after the other: SQLite allows no other, and PostgreSQL is held
to it by a lock on the study's row. Whoever reads is never held up.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from affectspace.annotation import schema
from affectspace.annotation.settings import StudySettings
from affectspace.errors import StudyError

BUSY_SECONDS = 10
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # a commit is on disk, whatever happens then
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}",
)
_FULL = ("disk is full", "disk full", "no space left", "disk i/o error", "readonly database")


class StorageError(StudyError):
    """The database can't take or give anything at the moment; nothing was half done.

    Attributes:
        code: `disk_full`, or `busy`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Store:
    """A study's database.

    Args:
        url: SQLAlchemy's, of SQLite or PostgreSQL.

    Raises:
        StudyError: if it is of another kind, can't be reached, or was written by another version.
    """

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        self._lock = threading.Lock()
        with storage_errors():
            schema.metadata.create_all(self._engine)
            with self._engine.connect() as connection:
                found = connection.execute(sa.select(schema.study.c.version)).scalar()
        if found not in (None, schema.VERSION):
            raise StudyError(f"the study is of format {found}, this version reads {schema.VERSION}")

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file."""
        return self._engine.dialect.name == "sqlite"

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a connection that sees one state of the study.

        Raises:
            StorageError: if the database can't answer.
        """
        with storage_errors(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Give a connection to write on: all of it is kept, or, after any error, nothing.

        When the block has ended without an error, it is on disk.

        Raises:
            StorageError: if the database can't take it.
        """
        if not self._lock.acquire(timeout=BUSY_SECONDS):
            raise StorageError("busy", "The study is busy; try again in a moment")
        try:
            with storage_errors(), self._engine.connect() as connection:
                connection.execution_options(writes=True)
                with connection.begin():
                    if not self.is_sqlite:
                        connection.execute(sa.select(schema.study.c.id).with_for_update())
                    yield connection
        finally:
            self._lock.release()


def read_settings(connection: sa.Connection) -> StudySettings:
    """Return the study's settings.

    Raises:
        StudyError: if it has none yet, or this version doesn't know them.
    """
    text = connection.execute(_SETTINGS).scalar()
    if text is None:
        raise StudyError("the database holds no study yet")
    return _settings(text)


def write_settings(connection: sa.Connection, settings: StudySettings) -> None:
    """Store the study's settings, for the first time or anew."""
    changed = connection.execute(sa.update(schema.study).values(settings=settings.to_json()))
    if not changed.rowcount:
        connection.execute(
            sa.insert(schema.study).values(
                id=1,
                version=schema.VERSION,
                settings=settings.to_json(),
                lead_generation=1,
                created=now(),
            )
        )


def now() -> str:
    """Return the time in UTC, as it is stored and shown: `2026-11-25T18:02:11.123Z`."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_SETTINGS = sa.select(schema.study.c.settings)
_settings = lru_cache(maxsize=16)(StudySettings.from_json)


def sqlite_url(path: str | Path) -> str:
    """Return the URL of an SQLite file."""
    return sa.URL.create("sqlite", database=str(path)).render_as_string()


def _engine(url: str) -> sa.Engine:
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise StudyError(
            "a database is named by a URL such as postgresql://USER@HOST/NAME"
        ) from None
    kind = parsed.get_backend_name()
    if kind not in ("sqlite", "postgresql"):
        raise StudyError(f"a study is kept in SQLite or PostgreSQL, not in {kind}")
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    try:
        engine = sa.create_engine(
            parsed,
            pool_size=10,
            max_overflow=40,
            pool_pre_ping=kind != "sqlite",
            hide_parameters=True,
        )
    except ModuleNotFoundError as error:
        raise StudyError(
            f"PostgreSQL needs psycopg: pip install 'psycopg[binary]' ({error})"
        ) from None
    if kind == "sqlite":
        event.listen(engine, "connect", _set_up)
        event.listen(engine, "begin", _begin)
    return engine


def _set_up(connection: Any, _: object) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    # who will write says so at once: to turn from reading to writing later may fail
    immediate = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


@contextmanager
def storage_errors() -> Iterator[None]:
    """Turn what a database says into a `StorageError`.

    Raises:
        StorageError: in place of the database's own error.
    """
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.TimeoutError, sa.exc.InternalError) as error:
        said = str(getattr(error, "orig", error))
        if any(words in said.lower() for words in _FULL):
            raise StorageError(
                "disk_full",
                "The disk with the study is full or can't be written; nothing was stored",
            ) from error
        raise StorageError("busy", f"The study's database can't be reached: {said}") from error
