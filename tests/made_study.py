"""Rating studies of made tones, in SQLite or PostgreSQL, and simulated raters without a browser."""

import contextlib
import os
import uuid

import numpy as np
import soundfile
import sqlalchemy as sa

from affectspace.annotation.assignment import give_next
from affectspace.annotation.raters import all_raters
from affectspace.annotation.store import read_settings
from affectspace.annotation.study import Wishes, prepare_study
from affectspace.annotation.submission import Rating, submit

POSTGRES = os.environ.get("AFFECTSPACE_POSTGRES", "")
"""A PostgreSQL server's URL, of a role that may make databases; tests on it are skipped without."""


def made_tones(folder, count, *, seconds=0.2, rate=8000):
    folder.mkdir(parents=True, exist_ok=True)
    times = np.arange(round(seconds * rate)) / rate
    for number in range(count):
        tone = 0.3 * np.sin(2 * np.pi * (200 + 10 * number) * times)
        soundfile.write(folder / f"anger_{number:03d}.wav", tone, rate)
    return folder


@contextlib.contextmanager
def postgres_database():
    """A new, empty database on the server, dropped afterwards."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    server = sa.make_url(POSTGRES).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    try:
        yield sa.make_url(POSTGRES).set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()


@contextlib.contextmanager
def made_study(folder, *, items=10, raters=("Anna", "Bo"), database=None, wishes=None, **settings):
    """A study, opened; without hidden repeats unless the settings say so."""
    audio = made_tones(folder / "audio", items)
    asked = {"audio": [str(audio)], "raters": raters, "database": database, **(wishes or {})}
    changes = {"repeat_share": 0.0, **settings}
    study = prepare_study(folder / "study", Wishes(**asked), changes=changes)
    try:
        yield study
    finally:
        study.store.close()


def raters_of(study):
    with study.store.reading() as connection:
        return {rater.name: rater for rater in all_raters(connection)}


def take(study, rater):
    """The item in a rater's hand, and how far he is."""
    with study.store.writing() as connection:
        return give_next(connection, rater, read_settings(connection))


def say(study, rater, public, rating=None, *, key=None):
    """Submit a rating."""
    with study.store.writing() as connection:
        settings = read_settings(connection)
        key = key or str(uuid.uuid4())
        return submit(connection, rater, public, key, rating or Rating(3.0, 3.0), settings)


def rate_on(study, rater, most=10_000, rating=None):
    """Rate until all is done, or so many; the items, in their order."""
    heard = []
    while len(heard) < most:
        given, _ = take(study, rater)
        if given is None:
            break
        answer = rating(given) if callable(rating) else rating
        say(study, rater, given.public, answer)
        heard.append(given)
    return heard


def query(study, statement):
    with study.store.reading() as connection:
        return connection.execute(statement).all()
