"""A rater's whole session in a real browser: by mouse, by keys, by touch."""

from __future__ import annotations

import pytest

from rating_page import CELLS, launch, study, visit
from served_study import PHONE, fits, served_study

__all__ = ["launch", "study", "visit"]  # the fixtures

pytestmark = pytest.mark.browser


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
