"""The rater's page in the words of who uses it, and the fixtures that open it."""

from __future__ import annotations

import pytest

from served_study import Visitor, served_study
from test_report_browser import launch

__all__ = ["Rating", "launch", "study", "visit"]

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
        """Leave this screen, and wait for the next: a click too many would be its."""
        screen = self.page.query_selector(".screen")
        self.page.click(".screen .primary")
        self.page.wait_for_function("screen => !screen.isConnected", arg=screen)

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

    def try_now(self):
        """Send again what could not be sent, unless the page has done so by itself just now."""
        self.page.evaluate("document.querySelector('.item .warn button')?.click()")

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
