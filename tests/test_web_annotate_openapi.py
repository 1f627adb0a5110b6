"""The service's own description of itself, turned against it: no request makes it fail."""

import os
import warnings

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from affectspace.web.annotate.serve import links_of
from affectspace.web.annotate.service import make_app, make_running
from affectspace.web.guard import Rules
from affectspace.web.limits import RateLimit
from affectspace.web.sessions import CSRF_HEADER
from made_study import made_study

schemathesis = pytest.importorskip("schemathesis")

HERE = "http://127.0.0.1:8480"
EXAMPLES = int(os.environ.get("AFFECTSPACE_EXAMPLES", "15"))
FIXED = ("/session", "/leave")  # they would change who asks


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with made_study(
        tmp_path_factory.mktemp("openapi"), items=3, wishes={"practice_count": 1}
    ) as study:
        yield study


@pytest.fixture(scope="module")
def stranger(served):
    """A client without a session."""
    return TestClient(make_app(make_running(served, HERE)), base_url=HERE)


def opened(study, monkeypatch):
    """The application, and a client with both sessions."""
    free = RateLimit(per_second=1e9, burst=1e9)
    monkeypatch.setattr(
        "affectspace.web.annotate.service.Rules", lambda **given: Rules(**given, known=free)
    )
    running = make_running(study, HERE)
    app = make_app(running)
    client = TestClient(app, base_url=HERE, raise_server_exceptions=False)
    links, csrf = links_of(running), {}
    for kind, link in (("rater", links.raters[0][1]), ("lead", links.lead)):
        token = link.partition("#")[2]
        csrf[kind] = client.post(f"/api/{kind}/session", json={"token": token}).json()["csrf"]
    return app, client, csrf


def operations(app):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        schema = schemathesis.openapi.from_dict(app.openapi())
        return [found.ok() for found in schema.get_all_operations()]


def test_no_request_makes_the_service_fail(served, monkeypatch):
    app, client, csrf = opened(served, monkeypatch)
    found = operations(app)
    assert len(found) > 20
    seen = set()
    for operation in found:

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def ask(case):
            kind = case.path.split("/")[2]
            told = case.as_transport_kwargs(base_url=HERE)
            headers = {name: str(value) for name, value in (told.get("headers") or {}).items()}
            headers = {k: v for k, v in headers.items() if k.isascii() and v.isascii()}
            headers[CSRF_HEADER] = csrf[kind]
            keep = {name: told[name] for name in ("json", "data", "params") if told.get(name)}
            try:
                answer = client.request(told["method"], told["url"], headers=headers, **keep)
            except UnicodeEncodeError:  # the client's own, of text that is none
                return
            assert answer.status_code < 500, (told, answer.text)
            seen.add(answer.status_code)

        if not case_is_fixed(operation):
            ask()
    assert {200, 404, 422} <= seen


def case_is_fixed(operation):
    return operation.path.endswith(FIXED)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    token=st.text(max_size=300), path=st.sampled_from(["/api/rater/session", "/api/lead/session"])
)
def test_no_token_makes_the_service_fail(stranger, token, path):
    assert stranger.post(path, json={"token": token}).status_code in (403, 422, 429)
