"""Simulated raters of a study that a process of its own serves: who rate, are cut off, and go on.

Each remembers what it was told had been accepted, and in the end the database must hold just that.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import soundfile

RATE = 8000
STARTING_SECONDS = 60


class Served:
    """A study that is served by the command itself, and can be killed and started again.

    Args:
        study: its folder.
        options: further options of the command.
    """

    def __init__(self, study: Path, options: Sequence[str] = ()) -> None:
        self.study, self.options = study, list(options)
        self.port, self.links = 0, {}
        self._process: subprocess.Popen[str] | None = None
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115  (as long as this lives)

    def start(self, *options: str) -> None:
        """Start it, on the port that it had; returns once it answers."""
        command = [sys.executable, "-c", "from affectspace.cli import main; main()", "annotate"]
        where = ["--port", str(self.port), *self.options, *options]
        self._process = subprocess.Popen(
            [*command, str(self.study), *where],
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            env={k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"},
        )
        assert self._process.stdout is not None
        self.links = {}
        for line in self._process.stdout:
            name, _, link = line.rstrip("\n").partition("\t")
            self.links[name] = link
            self.port = urlsplit(link).port or 0
            if len(self.links) > self._raters:
                return
        self._said.seek(0)
        raise SystemExit(f"the service ended:\n{self._said.read()}")

    def expect(self, raters: int) -> Served:
        """Set how many raters' links are to come."""
        self._raters = raters
        return self

    def kill(self) -> None:
        """End it as a power cut would: no signal that it could heed."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to stop; returns its exit code."""
        return self._end(signal.SIGINT)

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self._process is not None
        return self._process.pid

    def _end(self, how: signal.Signals) -> int:
        if self._process is None:
            return 0
        with suppress(ProcessLookupError):
            self._process.send_signal(how)
        code = self._process.wait(timeout=30)
        if self._process.stdout:
            self._process.stdout.close()
        return code


@contextmanager
def served(
    study: Path, audio: Path, raters: int, options: Sequence[str] = (), *, every: Sequence[str] = ()
) -> Iterator[Served]:
    """Begin a study and serve it, until the block ends.

    Args:
        study: the folder to make.
        audio: the recordings.
        raters: how many; they are called `rater 1`, ...
        options: of the first start.
        every: of every start.
    """
    names = [word for number in range(raters) for word in ("--rater", f"rater {number + 1}")]
    service = Served(study, every).expect(raters)
    try:
        service.start("--audio", str(audio), *names, *options)
        yield service
    finally:
        service.kill()


@dataclass
class Rated:
    """What one rater did.

    Attributes:
        accepted: by assignment: what was said, once the service said that it has it.
        waits: seconds of each rating's request that was answered at once.
        retries: ratings that had to be sent again.
        error: what went wrong, if anything did.
    """

    accepted: dict[str, tuple[float, float, int]] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)
    retries: int = 0
    error: str = ""


def rate(link: str, rated: Rated, *, pause: float, most: int, seed: int, listen: int = 10) -> None:
    """Rate as one rater, through whatever happens to the service, until all is done.

    Args:
        link: the rater's.
        rated: filled.
        pause: seconds between ratings, on average.
        most: ratings, at most.
        seed: of pauses and ratings.
        listen: every which item is fetched as well.
    """
    chance = random.Random(seed)  # noqa: S311
    try:
        page = Page(link)
        page.open()
        following = page.ask("GET", "/api/rater/next")
        while following["item"] and len(rated.accepted) < most:
            item = following["item"]
            if len(rated.accepted) % listen == 0:
                page.ask("GET", f"/{item['audio']}", plain=True)
            time.sleep(chance.expovariate(1 / pause) if pause else 0)
            said = (chance.randrange(2, 11) / 2, chance.randrange(2, 11) / 2, chance.randrange(9))
            body = {
                "assignment": item["assignment"],
                "key": str(uuid.uuid4()),
                **dict(zip(("activation", "valence", "replays"), said, strict=True)),
                "milliseconds": chance.randrange(500, 9000),
            }
            began, before = time.perf_counter(), page.retries
            answer = page.ask("POST", "/api/rater/ratings", body)
            if page.retries == before:
                rated.waits.append(time.perf_counter() - began)
            if not answer.get("accepted") or item["assignment"] in rated.accepted:
                raise AssertionError(f"not accepted, or twice: {answer}")
            rated.accepted[item["assignment"]] = said
            following = answer["next"]
        rated.retries = page.retries
    except Exception as error:  # a thread's own would be lost
        rated.error = repr(error)


class Page:
    """What a page does: asks, and asks again where there was no answer.

    Args:
        link: personal.
        kind: `rater` or `lead`.
    """

    def __init__(self, link: str, kind: str = "rater") -> None:
        self._place, self._kind = urlsplit(link), kind
        self._headers: dict[str, str] = {}
        self._connection: http.client.HTTPConnection | None = None
        self.retries = 0

    def open(self) -> dict[str, Any]:
        """Exchange the link for a session."""
        found = self.ask("POST", f"/api/{self._kind}/session", {"token": self._place.fragment})
        self._headers["X-CSRF-Token"] = found["csrf"]
        return found

    def ask(self, method: str, path: str, body: Any = None, *, plain: bool = False) -> Any:
        """Return the answer's JSON, or its bytes; asks again for up to a minute."""
        content = None if body is None else json.dumps(body).encode()
        ends = time.monotonic() + STARTING_SECONDS
        while True:
            try:
                return self._ask_once(method, path, content, plain)
            except (OSError, http.client.HTTPException):
                self._connection = None
                if time.monotonic() > ends:
                    raise
                self.retries += 1
                time.sleep(0.1 + 0.5 * random.random())  # noqa: S311  (as pages do: not all at once)

    def _ask_once(self, method: str, path: str, content: bytes | None, plain: bool) -> Any:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(
                self._place.hostname or "", self._place.port, timeout=30
            )
        headers = {"Content-Type": "application/json", **self._headers}
        self._connection.request(method, path, content, headers)
        answer = self._connection.getresponse()
        read = answer.read()
        if answer.status in (429, 503):
            raise OSError(f"{answer.status}")
        if answer.status >= 400:
            raise AssertionError(f"{method} {path}: {answer.status} {read[:300]!r}")
        if cookie := answer.getheader("Set-Cookie"):
            self._headers["Cookie"] = cookie.partition(";")[0]
        return read if plain else json.loads(read)


def rate_together(
    service: Served, *, pause: float, most: int, kills: int = 0, seed: int = 0
) -> tuple[list[Rated], float]:
    """Have all raters rate at once; kill the service now and then.

    Args:
        service: served.
        pause: seconds between a rater's ratings, on average.
        most: ratings of one rater, at most.
        kills: how often the service is killed and started again, evenly over the ratings.
        seed: of everything.

    Returns:
        What each did, and how many seconds it took.
    """
    links = [link for name, link in service.links.items() if name != "study lead"]
    all_rated = [Rated() for _ in links]
    threads = [
        threading.Thread(
            target=rate,
            args=(link, rated),
            kwargs={"pause": pause, "most": most, "seed": seed * 1000 + number},
            daemon=True,
        )
        for number, (link, rated) in enumerate(zip(links, all_rated, strict=True))
    ]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    total = expected(service, most)
    for number in range(kills):
        threshold = total * (number + 1) / (kills + 1)
        while sum(len(rated.accepted) for rated in all_rated) < threshold and any(
            thread.is_alive() for thread in threads
        ):
            time.sleep(0.02)
        service.kill()
        service.start()
    for thread in threads:
        thread.join()
    return all_rated, time.perf_counter() - began


def expected(service: Served, most: int) -> int:
    """Return about how many ratings all raters together will give."""
    page = Page(service.links["study lead"], "lead")
    page.open()
    far = page.ask("GET", "/api/lead/progress")
    totals = [min(rater["total"] + far["practice_items"], most) for rater in far["raters"]]
    return min(sum(totals), round((far["expected"] or 0) * 1.1)) or sum(totals)


def stored(study: Path, database: str | None = None) -> list[tuple[Any, ...]]:
    """Return the ratings of a study, read from its database without the package.

    Args:
        study: its folder.
        database: a PostgreSQL URL; None is the file in the folder.

    Returns:
        Assignment, rater, item, repetition, activation, valence, replays of each.
    """
    wanted = (
        "SELECT public, rater_id, item_id, repetition, activation, valence, replays "
        "FROM ratings JOIN assignments ON assignments.id = assignment_id"
    )
    if database is not None:
        import psycopg

        with psycopg.connect(database) as connection:
            return connection.execute(wanted).fetchall()
    with sqlite3.connect(study / "ratings.sqlite") as connection:
        return connection.execute(wanted).fetchall()


def compare(rows: Sequence[tuple[Any, ...]], all_rated: Sequence[Rated]) -> dict[str, int]:
    """Count what is wrong between what raters were told and what is stored.

    Returns:
        `lost`, accepted and not there; `altered`; `unknown`, there and never accepted; `doubled`,
        more than one of a rater, an item and a repetition.
    """
    accepted = {public: said for rated in all_rated for public, said in rated.accepted.items()}
    there = {row[0]: (row[4], row[5], row[6]) for row in rows}
    return {
        "lost": len(set(accepted) - set(there)),
        "altered": sum(
            there[public] != said for public, said in accepted.items() if public in there
        ),
        "unknown": len(set(there) - set(accepted)),
        "doubled": len(rows) - len({tuple(row[1:4]) for row in rows}),
    }


def made_tones(folder: Path, count: int) -> Path:
    """Make short recordings, each another tone."""
    folder.mkdir(parents=True, exist_ok=True)
    time_axis = np.arange(RATE // 4) / RATE
    for number in range(count):
        tone = 0.3 * np.sin(2 * np.pi * (200 + number % 800) * time_axis)
        soundfile.write(folder / f"tone{number:04d}.wav", tone, RATE)
    return folder
