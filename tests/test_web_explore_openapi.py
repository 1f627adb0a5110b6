"""The service's own description of itself, turned against it: no request makes it fail."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from affectspace.web.guard import Rules
from affectspace.web.limits import RateLimit
from explored import HERE, Page, made_collection, made_exploring
from test_web_annotate_openapi import EXAMPLES, operations

schemathesis = pytest.importorskip("schemathesis")

BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class Counting:
    """A lander that embeds nothing."""

    def land(self, content):
        return {"status": "unreadable", "bytes": len(content)}

    def close(self):
        pass


@pytest.fixture
def page(tmp_path, monkeypatch):
    free = RateLimit(per_second=1e9, burst=1e9)
    monkeypatch.setattr(
        "affectspace.web.explore.service.Rules",
        lambda **given: Rules(**given, known=free, strangers=free),
    )
    collection = made_collection(tmp_path / "speech", 5, sounds=2)
    exploring = made_exploring(collection, study=tmp_path / "study", lander=Counting())
    return Page(exploring)


def test_no_request_makes_the_service_fail(page):
    found = operations(page.app)
    assert len(found) == 7
    seen = set()
    for operation in found:

        @BOUNDED
        @given(case=operation.as_strategy())
        def ask(case):
            told = case.as_transport_kwargs(base_url=HERE)
            headers = {name: str(value) for name, value in (told.get("headers") or {}).items()}
            headers = {k: v for k, v in headers.items() if k.isascii() and v.isascii()}
            keep = {name: told[name] for name in ("json", "data", "params") if told.get(name)}
            if isinstance(keep.get("data"), bytes):
                keep["content"] = keep.pop("data")
            try:
                answer = page.client.request(told["method"], told["url"], headers=headers, **keep)
            except UnicodeEncodeError:  # the client's own, of text that is none
                return
            assert answer.status_code < 500, (told, answer.text)
            seen.add(answer.status_code)

        ask()
    assert {200, 404, 422} <= seen


@BOUNDED
@given(rows=st.lists(st.integers() | st.booleans() | st.floats() | st.none(), max_size=5))
def any_rows(page, rows):
    for path in ("selection", "annotate"):
        try:
            answer = page.send(path, {"rows": rows})
        except ValueError:  # the client's own: NaN is no JSON
            return
        right = bool(rows) and all(type(row) is int and 0 <= row < 5 for row in rows)
        assert (answer.status_code == 200) <= right, rows
        assert answer.status_code in (200, 422), rows


def test_no_rows_make_the_service_fail(page):
    any_rows(page)


def test_no_file_makes_the_service_fail(page):
    @BOUNDED
    @given(content=st.binary(min_size=1, max_size=2000))
    def ask(content):
        assert page.land(content).json()["bytes"] == len(content)

    ask()
