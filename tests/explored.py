"""An embedded collection of made sounds, its service, and a client that asks as the page does."""

import contextlib
import threading

import numpy as np
import uvicorn
from starlette.testclient import TestClient

from affectspace.model import load_model
from affectspace.model.embed import facts
from affectspace.web.explore.collection import Collection
from affectspace.web.explore.landing import Lander
from affectspace.web.explore.service import Exploring, make_app
from affectspace.web.running import LOOPBACK, bind, url_of
from affectspace.web.sessions import CSRF_HEADER
from made_embedding import embedding_table
from voices import voice, write

HERE = "http://127.0.0.1:8490"


def made_collection(folder, rows, *, sounds=6, failed=0.0, **facts_of_model):
    """A table of made numbers, whose files exist as far as there are sounds."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [str(folder / f"speaker{row % 5}_{row:03d}.wav") for row in range(rows)]
    for row in range(min(sounds, rows)):
        write(folder / f"speaker{row % 5}_{row:03d}.wav", voice(0.6, pitch=100 + 10 * row))
    table = embedding_table(rows, failed=failed, files=files)
    return Collection(table, facts_of_model)


def made_exploring(collection, *, address=HERE, study=None, lander=None):
    model = dict(facts(load_model("default")))
    return Exploring(collection, address, lander or Lander("default"), model, study)


class Still:
    """A lander that waits until it may go on."""

    def __init__(self):
        self.asked, self.go = threading.Event(), threading.Event()

    def land(self, content):
        self.asked.set()
        assert self.go.wait(20)
        return {"status": "ok"}

    def close(self):
        self.go.set()


class Page:
    """A client with the link opened."""

    def __init__(self, exploring):
        self.exploring, self.app = exploring, make_app(exploring)
        self.client = TestClient(self.app, base_url=HERE, raise_server_exceptions=False)
        token = exploring.link.partition("#")[2]
        self.opened = self.client.post("/api/explore/session", json={"token": token})
        self.csrf = self.opened.json()["csrf"]
        self.client.headers[CSRF_HEADER] = self.csrf

    def get(self, path, **options):
        return self.client.get(f"/api/explore/{path}", **options)

    def send(self, path, body=None, **options):
        return self.client.post(f"/api/explore/{path}", json=body, **options)

    def land(self, content, **options):
        return self.client.post("/api/explore/landing", content=content, **options)


def code(answer):
    return answer.json()["error"]["code"]


@contextlib.contextmanager
def served(collection, **options):
    """The service on a free port of this machine, while the block lasts."""
    taken = bind(LOOPBACK, 0)
    exploring = made_exploring(collection, address=url_of(taken, LOOPBACK), **options)
    exploring.url = exploring.address
    config = uvicorn.Config(make_app(exploring), log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]})
    thread.start()
    try:
        yield exploring
    finally:
        server.should_exit = True
        thread.join(20)


def inside(points, polygon):
    """Which places lie in a polygon, by the winding of its corners: the slow twin of the lasso."""
    found = []
    for point in points:
        turns = np.asarray(polygon) - point
        angles = np.arctan2(turns[:, 1], turns[:, 0])
        steps = (np.diff(angles, append=angles[0]) + np.pi) % (2 * np.pi) - np.pi
        found.append(abs(steps.sum()) > np.pi)
    return np.array(found)
