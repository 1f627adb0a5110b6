"""A rating study of made sounds, served while a test lasts, and the people who open it."""

from __future__ import annotations

import contextlib
import re
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import soundfile
import sqlalchemy as sa
import uvicorn

from affectspace.annotation.schema import assignments, items, ratings
from affectspace.annotation.study import Wishes, prepare_study
from affectspace.web.annotate.serve import links_of
from affectspace.web.annotate.service import make_app, make_running
from affectspace.web.running import LOOPBACK, bind, url_of

DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 640}
SERIOUS = ("serious", "critical")


class Served:
    """A study that is being served; it can be stopped and started again on the same port."""

    def __init__(self, study):
        self.study = study
        self._socket = bind(LOOPBACK, 0)
        self._port = self._socket.getsockname()[1]
        self.url = url_of(self._socket, LOOPBACK)
        self.running = make_running(study, self.url)
        self.start()

    def start(self):
        taken = self._socket or bind(LOOPBACK, self._port)
        self._socket = None
        config = uvicorn.Config(
            make_app(self.running), log_config=None, access_log=False, timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [taken]})
        self._thread.start()

    def stop(self):
        self._server.should_exit = True
        self._thread.join(20)

    @property
    def lead(self):
        return links_of(self.running).lead

    def rater(self, name="Anna"):
        return dict(links_of(self.running).raters)[name]

    def ratings(self):
        """What is stored, in the order in which it was given out, without practice."""
        columns = (*ratings.c, items.c.file)
        with self.study.store.reading() as connection:
            found = connection.execute(
                sa.select(*columns)
                .join(assignments, assignments.c.id == ratings.c.assignment_id)
                .join(items, items.c.id == assignments.c.item_id)
                .where(~assignments.c.practice)
                .order_by(assignments.c.position)
            )
            return [row._asdict() for row in found]


@contextlib.contextmanager
def served_study(
    folder: Path, *, recordings=3, practice=1, raters=("Anna",), **settings
) -> Iterator[Served]:
    """Serve a study of so many short tones, with no hidden repeats unless the settings say so."""
    audio = folder / "audio"
    audio.mkdir(parents=True)
    for number in range(recordings + practice):
        times = np.arange(6400) / 16000
        tone = 0.1 * np.sin(2 * np.pi * (200 + 30 * number) * times) * np.hanning(times.size)
        soundfile.write(audio / f"speaker{number}_secret.wav", tone, 16000)
    wishes = Wishes(audio=[str(audio)], practice_count=practice, raters=raters)
    changes = {"title": "Voices", "repeat_share": 0.0, **settings}
    served = Served(prepare_study(folder / "study", wishes, changes=changes))
    try:
        yield served
    finally:
        served.stop()
        served.study.store.close()


def rate(served, name, values):
    """Rate as the page does: activation and valence of one item after the other, or None."""
    link, origin = served.rater(name), {"Origin": served.url}
    with httpx.Client(base_url=f"{served.url}/api/rater/", headers=origin) as client:
        opened = client.post("session", json={"token": link.split("#")[1]}).json()
        client.headers["X-CSRF-Token"] = opened["csrf"]
        following = client.get("next").json()
        for pair in values:
            activation, valence = pair or (None, None)
            answer = client.post(
                "ratings",
                json={
                    "assignment": following["item"]["assignment"],
                    "key": str(uuid.uuid4()),
                    "activation": activation,
                    "valence": valence,
                    "dominance": None,
                    "category": None,
                    "cannot_judge": pair is None,
                    "comment": "",
                    "replays": 0,
                    "milliseconds": 3000,
                },
            )
            answer.raise_for_status()
            following = answer.json()["next"]


class Visitor:
    """A browser window, with everything that it asked for and complained about."""

    def __init__(self, browser, served, *, viewport=DESKTOP, language="en", scheme="light"):
        self.served = served
        touch = viewport["width"] < 600
        self.context = browser.new_context(
            viewport=viewport,
            locale=language,
            color_scheme=scheme,
            reduced_motion="reduce",
            has_touch=touch,
            is_mobile=touch,
        )
        self.requests, self.complaints = [], []
        self.page = self.window()

    def window(self):
        """Another tab of the same browser."""
        page = self.context.new_page()
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._hear)
        return page

    def _hear(self, message):
        if message.type == "error":
            self.complaints.append(message.text)

    def close(self, *, refused=()):
        """Nothing was asked of others, and nothing went wrong but the refusals that are meant."""
        self.context.close()
        own = (self.served.url, f"blob:{self.served.url}")
        assert [url for url in self.requests if not url.startswith(own)] == []
        meant = [rf"(status of|response code:) ({'|'.join(refused)})"] if refused else []
        assert [
            text for text in self.complaints if not any(re.search(each, text) for each in meant)
        ] == []


def fits(page):
    """Whether nothing makes the page scroll sideways."""
    root = "document.documentElement"
    return page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth")


def violations(page):
    """What axe finds that is serious: the rule, and the elements."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        (rule["id"], [node["html"][:200] for node in rule["nodes"]])
        for rule in found
        if rule["impact"] in SERIOUS
    ]
