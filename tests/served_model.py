"""A service that embeds, in this process; and the rows that the command would give."""

import contextlib
import threading

import pytest
import uvicorn
from starlette.testclient import TestClient

from affectspace.model import load_model
from affectspace.model.embed import facts
from affectspace.tables.text import plain_rows
from affectspace.web.embedders import Embedders
from affectspace.web.running import LOOPBACK, bind, url_of
from affectspace.web.serve.service import Service, make_app
from affectspace.web.serve.settings import Limits, Place

HERE = "http://127.0.0.1:8000"
TOKEN = "a-token-of-this-test"  # noqa: S105


def made_service(*, embedders=None, limits=None, token=None, origins=(), **options):
    embedders = embedders or Embedders("default")
    place = Place(token=token, origins=origins)
    model = dict(facts(load_model("default")))
    return Service(embedders, limits or Limits(), place, model, **options)


@contextlib.contextmanager
def asking(service, **options):
    """A client of the service while the block lasts, which ends its processes."""
    app = make_app(service)
    with TestClient(app, base_url=HERE, raise_server_exceptions=False, **options) as client:
        client.service, client.app = service, app
        yield client


@contextlib.contextmanager
def serving(service):
    """The service on a free port of this machine, while the block lasts; gives its address."""
    taken = bind(LOOPBACK, 0)
    config = uvicorn.Config(
        make_app(service), log_config=None, access_log=False, ws="websockets-sansio"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]})
    thread.start()
    try:
        yield url_of(taken, LOOPBACK)
    finally:
        server.should_exit = True
        thread.join(20)


def code(answer):
    return answer.json()["error"]["code"]


def expected(model, paths, **options):
    """The rows of `affectspace embed` on these files, each called by its name alone."""
    rows = plain_rows(model.embed([str(path) for path in paths], cache=False, jobs=1, **options))
    for row in rows:
        name = row["file"].rpartition("/")[2]
        row["message"] = row["message"].replace(row["file"], name)
        row["file"] = name
    return rows


def assert_same(found, known):
    """The same rows; numbers up to the rounding of 32-bit features, which company changes."""
    assert [row.keys() for row in found] == [row.keys() for row in known]
    for row, other in zip(found, known, strict=True):
        for name, value in other.items():
            if isinstance(value, float):
                value = pytest.approx(value, abs=2e-6, rel=2e-6)
            assert row[name] == value, name
