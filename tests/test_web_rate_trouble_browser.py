"""What a rater's page does when networks, servers, browsers and people let it down."""

from __future__ import annotations

import json

import pytest

from affectspace.annotation.raters import all_raters, change_rater
from rating_page import launch, visit
from served_study import served_study

__all__ = ["launch", "visit"]

pytestmark = pytest.mark.browser

RATE = "**/api/rater/ratings"
WAY_OFF = ["ERR_", "Failed to load"]


@pytest.fixture
def study(tmp_path):
    with served_study(tmp_path, practice=0) as served:
        yield served


def begun(rating, study):
    rating.open(study.rater()).begin()
    rating.heading("Recording 1")
    return rating


def rated(rating, activation=4, valence=2):
    rating.listen()
    rating.click(activation=activation, valence=valence)
    return rating


def values(study):
    return [(row["activation"], row["valence"]) for row in study.ratings()]


def expect_trouble(rating):
    """From here on, requests fail on purpose."""
    rating.visitor.complaints = Forgiving(rating.visitor.complaints)


class Forgiving(list):
    """Complaints, without those about a server that is away."""

    def append(self, text):
        if not any(part in text for part in WAY_OFF):
            super().append(text)


def test_without_a_network_the_rating_waits_and_is_sent_once(visit, study):
    rating = rated(begun(visit(study), study))
    page, keys = rating.page, []
    expect_trouble(rating)

    def fail(route):
        keys.append(json.loads(route.request.post_data)["key"])
        route.abort()

    page.route(RATE, fail)
    rating.submit()
    notice = page.locator(".item .warn", has_text="cannot be reached")
    notice.wait_for()
    assert page.locator(".scale input:enabled").count() == 0  # what is sent must stay the same
    rating.click(activation=1, valence=1)
    assert rating.chosen() == (4, 2)
    assert study.ratings() == []
    page.locator(".item .warn button").click()
    page.wait_for_function("true")
    notice.wait_for()
    page.unroute(RATE)
    rating.try_now()
    rating.heading("Recording 2")
    assert values(study) == [(4, 2)]
    assert len(keys) >= 2
    assert len(set(keys)) == 1


def test_an_answer_that_is_lost_on_the_way_makes_no_second_rating(visit, study):
    rating = rated(begun(visit(study), study))
    page, arrived = rating.page, []
    expect_trouble(rating)

    def lose(route):
        arrived.append(route.fetch().status)
        if len(arrived) == 1:
            route.abort()
        else:
            route.continue_()

    page.route(RATE, lose)
    rating.submit()
    rating.heading("Recording 2")  # by itself, after a second
    assert arrived == [200, 200]
    assert values(study) == [(4, 2)]
    page.unroute(RATE)
    rated(rating, 1, 1)
    rating.submit()
    rating.heading("Recording 3")
    assert values(study) == [(4, 2), (1, 1)]


def test_a_server_that_is_stopped_and_started_again(visit, study):
    rating = rated(begun(visit(study), study))
    expect_trouble(rating)
    study.stop()
    rating.submit()
    rating.page.locator(".item .warn", has_text="cannot be reached").wait_for()
    study.start()
    rating.heading("Recording 2")  # the session goes on
    assert values(study) == [(4, 2)]


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [(503, "busy", "is busy"), (507, "disk_full", "disk is full"), (429, "too_many", "is busy")],
)
def test_a_busy_or_full_server_is_asked_again(visit, study, status, code, words):
    rating = rated(begun(visit(study), study))
    expect_trouble(rating)
    body = {"error": {"code": code, "message": "no"}}
    answer = {"status": status, "json": body, "headers": {"Retry-After": "60"}}
    rating.page.route(RATE, lambda route: route.fulfill(**answer))
    rating.submit()
    rating.page.locator(".item .warn", has_text=words).wait_for()
    rating.page.unroute(RATE)
    rating.page.locator(".item .warn button").click()
    rating.heading("Recording 2")
    assert values(study) == [(4, 2)]


def test_a_rating_that_is_refused_can_be_mended(visit, study):
    rating = rated(begun(visit(study), study))
    expect_trouble(rating)
    details = [{"field": "valence", "message": "<b>not</b> so"}]
    body = {"error": {"code": "invalid", "message": "no", "details": details}}
    rating.page.route(RATE, lambda route: route.fulfill(status=422, json=body))
    rating.submit()
    rating.page.locator(".item .warn", has_text="<b>not</b> so").wait_for()
    rating.page.unroute(RATE)
    rating.click(activation=5, valence=5)
    rating.submit()
    rating.heading("Recording 2")
    assert values(study) == [(5, 5)]


def test_a_closed_browser_keeps_what_was_begun(visit, study):
    rating = rated(begun(visit(study), study), 2.5, 4.5)
    rating.page.fill("#comment", "half a word")
    rating.page.close()
    rating.page = rating.visitor.window()
    rating.page.goto(f"{study.url}/rate")  # without the link: the browser knows who it is
    rating.heading("Welcome")
    rating.begin()
    rating.page.locator(".item .notice", has_text="still here").wait_for()
    assert rating.chosen() == (2.5, 4.5)
    assert rating.page.input_value("#comment") == "half a word"
    rating.submit()  # it was heard before
    rating.heading("Recording 2")
    assert rating.chosen() == (None, None)
    rating.page.reload()
    rating.heading("Welcome back")
    rating.go_on()
    rating.heading("Recording 2")
    assert rating.chosen() == (None, None)
    assert values(study) == [(2.5, 4.5)]


def test_a_browser_that_is_closed_while_sending_sends_when_it_is_back(visit, study):
    rating = rated(begun(visit(study), study))
    expect_trouble(rating)
    rating.page.route(RATE, lambda route: route.abort())
    rating.submit()
    rating.page.locator(".item .warn", has_text="cannot be reached").wait_for()
    rating.page.close()
    assert study.ratings() == []
    rating.page = rating.visitor.window()
    rating.page.goto(f"{study.url}/rate")
    rating.heading("Recording 2")
    assert values(study) == [(4, 2)]


def test_two_tabs_are_told(visit, study):
    first = rated(begun(visit(study, refused=["403"]), study))
    second = type(first)(first.visitor, first.visitor.window()).open(study.rater())
    second.heading("open twice")
    second.go_on()
    second.heading("Welcome")
    second.begin()
    assert second.chosen() == (4, 2)  # what the first tab had begun
    first.page.locator("main", has_text="went on in another tab").wait_for()
    second.listen()
    second.submit()
    second.heading("Recording 2")
    first.go_on()
    first.heading("Welcome back")
    first.go_on()
    first.heading("Recording 2")
    second.page.locator("main", has_text="went on in another tab").wait_for()
    assert values(study) == [(4, 2)]


def test_two_browsers_of_one_rater_make_no_second_rating(visit, study):
    one = rated(begun(visit(study, refused=["409"]), study), 1, 1)
    other = rated(begun(visit(study), study), 5, 5)
    one.submit()
    one.heading("Recording 2")
    other.page.wait_for_selector("#missing.complete")
    other.visitor.complaints = Forgiving()
    other.submit()
    other.heading("Recording 2")
    assert "another tab or browser" in other.page.inner_text(".item .notice")
    assert other.chosen() == (None, None)
    assert values(study) == [(1, 1)]


def test_a_recording_that_cannot_be_played(visit, study):
    rating = visit(study)
    expect_trouble(rating)
    rating.page.route("**/audio/**", lambda route: route.fulfill(status=404, body=""))
    begun(rating, study)
    rating.page.locator(".failure:not([hidden])", has_text="could not be played").wait_for()
    rating.click(activation=3, valence=3)
    assert "listen" in rating.page.inner_text("#missing")
    rating.page.check("#cannot")
    rating.submit()
    rating.heading("Recording 2")
    rating.page.locator(".failure:not([hidden])").wait_for()
    rating.page.unroute("**/audio/**")
    rating.page.locator(".failure button").click()
    rating.heard()
    assert [row["cannot_judge"] for row in study.ratings()] == [True]


def test_links_that_open_nothing(visit, study):
    rating = visit(study, refused=["401", "403"])
    rating.page.goto(f"{study.url}/rate")
    rating.page.locator("[role=alert]", has_text="open your personal link").wait_for()
    rating.open(f"{study.rater()}x")
    rating.page.locator("[role=alert]", has_text="not valid").wait_for()
    assert rating.page.url == f"{study.url}/rate"  # no link in the address bar
    rating.open(study.rater())
    rating.heading("Welcome")
    rating.begin()
    rated(rating)
    with study.study.store.writing() as connection:
        [rater] = all_raters(connection)
        change_rater(connection, rater, active=False)
    rating.submit()
    rating.page.locator("[role=alert]", has_text="closed this access").wait_for()
    assert study.ratings() == []


def test_another_link_in_the_same_browser_is_noticed(visit, tmp_path):
    with served_study(tmp_path, practice=0, raters=("Anna", "Björn")) as served:
        first = begun(visit(served, refused=["403"]), served)
        second = type(first)(first.visitor, first.visitor.window()).open(served.rater("Björn"))
        second.heading("open twice")
        rated(first)
        first.submit()
        first.page.locator("[role=alert]", has_text="Another personal link").wait_for()
        assert served.ratings() == []
        second.go_on()
        second.begin()
        assert second.chosen() == (None, None)
        rated(second, 1, 1)
        second.submit()
        second.heading("Recording 2")
        second.page.close()
        first.open(served.rater())  # her rating was kept for her, and is sent
        first.heading("Recording 2")
        assert sorted(values(served)) == [(1, 1), (4, 2)]


def test_signing_out_forgets(visit, study):
    rating = rated(begun(visit(study, refused=["401"]), study))
    rating.page.click("#leave")
    rating.heading("signed out")
    kept = rating.page.evaluate("Object.keys(localStorage)")
    assert [key for key in kept if key.startswith("affectspace.draft")] == []
    rating.page.reload()
    rating.page.locator("[role=alert]", has_text="open your personal link").wait_for()
