"""The rater's page for everybody: languages, directions, windows of any shape, axe."""

from __future__ import annotations

import re

import pytest

from rating_page import CELLS, launch, study, visit
from served_study import DESKTOP, PHONE, fits, served_study, violations

__all__ = ["launch", "study", "visit"]  # the fixtures

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    "viewport",
    [{"width": 740, "height": 360}, {"width": 640, "height": 400}, {"width": 768, "height": 1024}],
    ids=["phone on its side", "200 per cent", "tablet"],
)
def test_other_shapes_of_windows(visit, study, viewport):
    rating = visit(study, viewport=viewport).open(study.rater())
    rating.begin()
    assert fits(rating.page)
    sizes = rating.page.evaluate(CELLS)
    assert min(sizes) >= 24
    rating.listen()
    rating.click(activation=4.5, valence=1)
    assert rating.chosen() == (4.5, 1)
    rating.page.click(".instrument .horizontal .cell >> nth=8")
    assert rating.chosen() == (4.5, 5)
    rating.submit()
    rating.heading("Practice is over")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE])
def test_urdu_is_mirrored_and_the_axes_keep_their_meaning(visit, study, viewport):
    rating = visit(study, viewport=viewport).open(study.rater())
    page = rating.page
    page.click(".languages button[lang=ur]")
    page.locator("html[dir=rtl][lang=ur]").wait_for()
    rating.heading("خوش آمدید")
    assert page.evaluate("document.activeElement.lang") == "ur"
    rating.begin()
    assert fits(page)
    place = page.locator(".play").bounding_box()["x"]
    assert place > page.locator(".beside").bounding_box()["x"]
    cells = page.locator("[data-label=valence] .cell")
    assert cells.first.bounding_box()["x"] < cells.last.bounding_box()["x"]
    rating.click(activation=4.5, valence=5, touch=viewport is PHONE)
    assert rating.chosen() == (4.5, 5)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowDown")
    assert rating.chosen() == (4, 4.5)
    rating.visitor.page.reload()
    rating.heading("خوش آمدید")  # the study remembers
    page.select_option("#language", "el")
    page.locator("html[dir=ltr][lang=el]").wait_for()
    rating.heading("Καλώς ήρθατε")


@pytest.mark.parametrize("language", ["da", "de", "el", "fr"])
def test_the_browser_s_language_is_spoken(visit, study, language):
    rating = visit(study, viewport=PHONE, language=language).open(study.rater())
    page = rating.page
    for _ in range(2):
        assert page.get_attribute("html", "lang") == language
        assert not re.search(r"\b[a-z]+\.[a-z_]{3,}\b|[{}]", page.inner_text("body"))
        assert fits(page)
        rating.go_on()
    rating.click(activation=2.5, valence=3, touch=True)
    [value, _] = page.locator(".readout .value").all_inner_texts()
    assert value == "2,5"
    assert fits(page)


STATES = ("welcome", "how", "item", "rated", "cannot", "help", "trouble", "over", "done", "refused")


@pytest.mark.parametrize(
    ("viewport", "scheme", "language"),
    [(DESKTOP, "light", "en"), (PHONE, "dark", "en"), (DESKTOP, "dark", "ur")],
)
def test_axe_finds_nothing_serious_in_any_state(visit, tmp_path, viewport, scheme, language):
    extras = {"dominance": "optional", "category": "required", "instructions": "Thanks."}
    with served_study(tmp_path, recordings=1, language=language, **extras) as served:
        how = {"viewport": viewport, "scheme": scheme, "language": language}
        rating = visit(served, refused=["403", "507"], **how)
        page = rating.page
        found = {}

        def look(state):
            found[state] = violations(page)

        rating.open(served.rater())
        look("welcome")
        rating.go_on()
        look("how")
        rating.go_on()
        page.wait_for_selector(".item")
        look("item")
        page.keyboard.press("Space")
        page.locator(".player .ring[stroke-dashoffset='0']").wait_for()
        rating.click(activation=4, valence=2, touch=viewport is PHONE)
        page.click(".chip >> nth=0")
        look("rated")
        page.check("#cannot")
        look("cannot")
        page.uncheck("#cannot")
        page.click("#help")
        page.wait_for_selector("dialog[open]")
        look("help")
        page.keyboard.press("Escape")
        page.route("**/api/rater/ratings", lambda route: route.fulfill(status=507, body="{}"))
        rating.submit()
        page.wait_for_selector(".item .warn:not([hidden])")
        look("trouble")
        page.unroute("**/api/rater/ratings")
        rating.try_now()
        page.wait_for_selector(".screen")
        look("over")
        rating.go_on()
        page.wait_for_selector(".item")
        page.keyboard.press("Space")
        page.locator(".player .ring[stroke-dashoffset='0']").wait_for()
        rating.click(activation=4, valence=2, touch=viewport is PHONE)
        page.click(".chip >> nth=0")
        rating.submit()
        page.wait_for_selector(".screen")
        look("done")
        page.goto(f"{served.rater()}x")
        page.wait_for_selector("[role=alert]")
        look("refused")
    assert set(found) == set(STATES)
    assert {state: bad for state, bad in found.items() if bad} == {}
