"""A rater's whole session in a real browser: by mouse, by keys, by touch, in another direction."""

from __future__ import annotations

import re

import pytest

from served_study import DESKTOP, PHONE, Visitor, fits, served_study, violations
from test_report_browser import launch

__all__ = ["launch"]  # the fixture that starts a browser

pytestmark = pytest.mark.browser

SCALES = ("activation", "valence")
CELLS = """[...document.querySelectorAll('.cell')].map(cell => {
    const box = cell.getBoundingClientRect();
    return Math.min(box.width, box.height);
})"""
UNRATED = "\N{EN DASH}"


class Rating:
    """The rater's page, in the words of who uses it."""

    def __init__(self, visitor, page=None):
        self.visitor = visitor
        self.page = page or visitor.page

    def open(self, link):
        self.page.goto(link)
        self.heading()
        return self

    def heading(self, text=""):
        """Wait for a heading, and return it."""
        found = self.page.locator("main h1", has_text=text)
        found.wait_for()
        return found.inner_text()

    def go_on(self):
        self.page.click(".screen .primary")

    def begin(self):
        """Through the welcome and the instructions to the first recording."""
        self.go_on()
        self.go_on()
        self.page.wait_for_selector(".item")

    def listen(self):
        self.page.keyboard.press("Space")
        self.heard()

    def heard(self):
        self.page.locator("#missing:not(:has-text('listen'))").wait_for()

    def click(self, *, activation, valence, touch=False):
        """Click the plane where these ratings are."""
        plane = self.page.locator(".plane svg")
        plane.scroll_into_view_if_needed()
        box = plane.bounding_box()
        across = ((valence - 1) / 0.5 + 0.5) / 9
        along = 1 - ((activation - 1) / 0.5 + 0.5) / 9
        place = (box["x"] + across * box["width"], box["y"] + along * box["height"])
        (self.page.touchscreen.tap if touch else self.page.mouse.click)(*place)

    def chosen(self):
        """What the two scales, the point and the words say: all of them the same."""
        scales = [
            self.page.evaluate(
                "name => document.querySelector(`input[name=${name}]:checked`)?.value ?? null", name
            )
            for name in SCALES
        ]
        words = self.page.locator(".readout .value").all_inner_texts()
        assert [float(text) if text else None for text in scales] == [
            None if word == UNRATED else float(word.replace(",", ".")) for word in words
        ]
        if None not in scales:
            marker = self.page.locator(".plane .marker")
            at = {axis: float(marker.get_attribute(axis)) for axis in ("cx", "cy")}
            assert [1 + (85 - at["cy"]) / 20, 1 + (at["cx"] - 5) / 20] == [float(x) for x in scales]
        return tuple(float(text) if text else None for text in scales)

    def submit(self):
        self.page.click(".actions .primary")

    def tab_to(self, selector):
        """Press Tab until that has the focus."""
        for _ in range(40):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("s => document.activeElement.matches(s)", selector):
                return
        raise AssertionError(f"Tab doesn't lead to {selector}")


@pytest.fixture
def study(tmp_path):
    with served_study(tmp_path) as served:
        yield served


@pytest.fixture
def visit(launch):
    """Open a browser window; at the end nothing was asked elsewhere, and nothing went wrong."""
    visitors = []

    def visiting(served, *, refused=(), **how):
        visitors.append((Visitor(launch("plain"), served, **how), refused))
        return Rating(visitors[-1][0])

    yield visiting
    for visitor, refused in visitors:
        visitor.close(refused=refused)


def test_a_whole_session_by_mouse(visit, tmp_path):
    settings = {"dominance": "required", "category": "optional", "categories": ["anger", "<b>X"]}
    with served_study(tmp_path, instructions="Take\ncare <b>!", **settings) as served:
        rating = visit(served).open(served.rater())
        page = rating.page
        assert page.url == f"{served.url}/rate"
        rating.heading("Welcome")
        assert page.locator(".as-written").inner_text() == "Take\ncare <b>!"
        rating.go_on()
        assert page.locator(".explained section").count() == 3
        rating.go_on()
        rating.heading("Practice 1 of 1")
        page.click(".player .play")
        rating.heard()
        rating.click(activation=4, valence=2)
        page.click(".dominance .cell >> nth=8")
        rating.submit()
        rating.heading("Practice is over")
        rating.go_on()

        rating.heading("Recording 1 of 3")
        assert rating.chosen() == (None, None)
        page.click(".actions .primary", force=True)  # there is nothing to submit
        assert page.inner_text("#missing") == (
            "Still to do: listen to the end · activation · valence · dominance"
        )
        rating.listen()
        page.click(".player .play")
        page.locator(".plays", has_text="Plays: 2").wait_for()
        page.click(".scale.vertical .cell >> nth=1")
        assert rating.chosen() == (4.5, None)
        rating.click(activation=1.5, valence=5)
        assert rating.chosen() == (1.5, 5)
        page.click(".scale.horizontal[data-label=valence] .cell >> nth=2")
        assert rating.chosen() == (1.5, 2)
        page.click(".dominance .cell >> nth=3")
        page.click(".chip:has-text('<b>X')")
        page.fill("#comment", "a <i>remark</i>")
        rating.submit()
        rating.heading("Recording 2")

        page.check("#cannot")
        assert page.locator(".scale input:enabled").count() == 0
        page.click(".player .play")
        rating.heard()
        rating.submit()
        rating.heading("Recording 3")
        page.click("text=Undo the last rating")
        rating.heading("Recording 2")
        assert page.inner_text(".item .notice") == "You are changing your last rating."
        assert page.is_checked("#cannot")
        page.uncheck("#cannot")
        drag(rating, (1, 1), (3, 3.5))
        assert rating.chosen() == (3, 3.5)
        page.click(".dominance .cell >> nth=0")
        rating.submit()
        rating.heading("Recording 3")
        rating.listen()
        rating.click(activation=5, valence=1)
        page.click(".dominance .cell >> nth=4")
        rating.submit()
        rating.heading("Thank you")
        assert page.locator("main b, main i").count() == 0
        stored = served.ratings()
    assert [(row["activation"], row["valence"], row["dominance"]) for row in stored] == [
        *((1.5, 2, 2.5), (3, 3.5, 1), (5, 1, 3)),
    ]
    assert [row["category"] for row in stored] == ["<b>X", None, None]
    assert stored[0]["comment"] == "a <i>remark</i>"
    assert stored[0]["replays"] == 1
    assert stored[0]["milliseconds"] > 400
    assert not any(row["cannot_judge"] for row in stored)


def drag(rating, start, end):
    """From one place of the plane to another, activation first."""
    rating.click(activation=start[0], valence=start[1])
    mouse, box = rating.page.mouse, rating.page.locator(".plane svg").bounding_box()
    step = box["width"] / 9
    mouse.move(box["x"] + step / 2, box["y"] + box["height"] - step / 2)
    mouse.down()
    across, along = (2 * (value - 1) + 0.5 for value in (end[1], end[0]))
    mouse.move(box["x"] + across * step, box["y"] + box["height"] - along * step, steps=6)
    mouse.up()


def test_a_whole_session_by_keys(visit, study):
    rating = visit(study).open(study.rater())
    page, press = rating.page, rating.page.keyboard.press
    for title in ("How to rate", "Practice 1 of 1"):
        rating.tab_to(".screen .primary")
        press("Enter")
        rating.heading(title)
    assert page.evaluate("document.activeElement.id") == "item-title"
    rating.listen()
    press("ArrowRight")  # the first one marks the middle
    press("ArrowRight")
    press("ArrowUp")
    press("ArrowUp")
    assert rating.chosen() == (4, 3.5)
    page.locator("#live", has_text="Activation 4, valence 3.5").wait_for(state="attached")
    press("Enter")
    rating.heading("Practice is over")
    rating.tab_to(".screen .primary")
    press("Enter")

    rating.heading("Recording 1")
    press("Enter")
    assert page.evaluate("document.activeElement.matches('.play')")  # what is missing
    press("Enter")
    rating.heard()
    rating.tab_to("input[name=activation]")
    assert rating.chosen() == (None, None)
    press("Space")  # plays, and chooses nothing
    page.locator(".plays", has_text="Plays: 2").wait_for()
    press("5")
    press("ArrowLeft")
    rating.tab_to("input[name=valence]")
    press("Home")
    press("ArrowRight")
    assert rating.chosen() == (4.5, 1.5)
    rating.tab_to("#comment")
    page.keyboard.type("two words")
    press("Control+Enter")
    rating.heading("Recording 2")
    press("Control+z")
    rating.heading("Recording 1")
    assert rating.chosen() == (4.5, 1.5)
    assert page.input_value("#comment") == "two words"
    press("Enter")
    rating.heading("Recording 2")
    rating.listen()
    rating.tab_to("#cannot")
    press("Space")
    rating.tab_to(".actions .primary")
    press("Enter")
    rating.heading("Recording 3")
    rating.listen()
    for _ in range(9):
        press("ArrowDown")
        press("ArrowLeft")
    press("Enter")
    rating.heading("Thank you")
    assert [
        (row["activation"], row["valence"], row["cannot_judge"], row["replays"], row["comment"])
        for row in study.ratings()
    ] == [(4.5, 1.5, False, 1, "two words"), (None, None, True, 0, ""), (1, 1, False, 0, "")]


def test_a_whole_session_by_touch_on_a_small_phone(visit, tmp_path):
    with served_study(tmp_path, recordings=2, dominance="optional") as served:
        rating = visit(served, viewport=PHONE).open(served.rater())
        page = rating.page
        assert fits(page)
        page.tap(".screen .primary")
        assert fits(page)
        page.tap(".screen .primary")
        for title, activation, valence in (("Practice", 3, 3), ("Recording 1", 5, 1.5)):
            rating.heading(title)
            assert fits(page)
            page.tap(".play")
            rating.heard()
            rating.click(activation=activation, valence=valence, touch=True)
            assert rating.chosen() == (activation, valence)
            page.tap(".actions .primary")
            if title == "Practice":
                rating.heading("Practice is over")
                page.tap(".screen .primary")
        rating.heading("Recording 2")
        page.tap(".play")
        rating.heard()
        assert min(page.evaluate(CELLS)) >= 24  # what a finger can meet
        page.tap(".scale.vertical .cell >> nth=8")
        page.tap("[data-label=valence] .cell >> nth=8")
        page.tap(".dominance .cell >> nth=2")
        page.tap("text=Clear")
        page.tap(".actions .primary")
        rating.heading("Thank you")
        stored = served.ratings()
    assert [(row["activation"], row["valence"]) for row in stored] == [(5, 1.5), (1, 5)]
    assert stored[1]["dominance"] is None


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


def test_recordings_play_by_themselves_where_that_is_wished(visit, study):
    rating = visit(study).open(study.rater())
    rating.begin()
    rating.listen()
    rating.page.check("#auto")
    rating.click(activation=3, valence=3)
    rating.submit()
    rating.heading("Practice is over")
    rating.go_on()
    rating.heading("Recording 1")
    rating.heard()  # no key was pressed
    assert rating.page.inner_text(".plays") == "Plays: 1"


def test_names_of_files_and_earlier_ratings_stay_hidden(visit, tmp_path):
    with served_study(tmp_path, raters=("Anna", "Björn")) as served:
        answers = []
        for name in ("Anna", "Björn"):
            rating = visit(served)
            rating.page.on("response", lambda answer: answers.append(answer))
            rating.open(served.rater(name)).begin()
            rating.listen()
            rating.click(activation=4.5, valence=1.5)
            rating.submit()
            rating.heading("Practice is over")
            texts = [
                answer.text()
                for answer in answers
                if "/api/" in answer.url and "audio" not in answer.url
            ]
            assert len(texts) >= 3
            assert not any("secret" in text or "speaker" in text for text in texts)
            assert "secret" not in rating.page.content()
            answers.clear()


STATES = ("welcome", "how", "item", "rated", "cannot", "help", "trouble", "over", "done", "refused")


@pytest.mark.parametrize(
    ("viewport", "scheme", "language"),
    [(DESKTOP, "light", "en"), (PHONE, "dark", "en"), (DESKTOP, "dark", "ur")],
)
def test_axe_finds_nothing_serious_in_any_state(visit, tmp_path, viewport, scheme, language):
    extras = {"dominance": "optional", "category": "required", "instructions": "Thanks."}
    with served_study(tmp_path, recordings=1, language=language, **extras) as served:
        rating = visit(served, viewport=viewport, scheme=scheme, language=language, refused=["403"])
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
        page.click(".item .warn button")
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
        rating.visitor.complaints = [c for c in rating.visitor.complaints if "507" not in c]
    assert set(found) == set(STATES)
    assert {state: bad for state, bad in found.items() if bad} == {}
