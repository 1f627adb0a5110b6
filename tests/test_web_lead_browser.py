"""The study lead's page in a real browser, on a study that three raters have begun."""

from __future__ import annotations

import csv
import io

import pytest

from served_study import DESKTOP, PHONE, Visitor, fits, rate, served_study, violations
from test_report_browser import launch

__all__ = ["launch"]  # the fixture that starts a browser

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror='window.hacked = 1'>"
VALUES = [(1.0, 2.0), (2.0, 4.5), (3.5, 3.0), (4.0, 1.0), (5.0, 2.5), (2.5, 5.0), (3.0, 3.5), None]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Three raters, one of whom is called what no one should be."""
    folder, names = tmp_path_factory.mktemp("lead"), ("Anna", "Björn", HOSTILE)
    with served_study(folder, recordings=8, practice=0, raters=names, seed=1) as served:
        rate(served, "Anna", VALUES)
        rate(served, "Björn", VALUES)
        rate(served, HOSTILE, [(3.0, 3.0)] * 5)
        yield served


WORKED_OUT = "!/being worked/i.test(document.body.innerText)"
"""The page looks again every few seconds; on a busy machine statistics may take that long."""


@pytest.fixture
def visit(launch, served):
    visitors = []

    def visiting(*, refused=(), **how):
        visitor = Visitor(launch("plain"), served, **how)
        visitors.append((visitor, refused))
        visitor.page.goto(served.lead)
        visitor.page.wait_for_selector("#export")
        visitor.page.wait_for_function(WORKED_OUT)
        return visitor.page

    yield visiting
    for visitor, refused in visitors:
        visitor.close(refused=refused)


def rows(page, section):
    return [row.all_inner_texts() for row in cells(page, section)]


def cells(page, section):
    return [row.locator("th, td") for row in page.locator(f"#{section} tbody tr").all()]


def test_how_far_the_study_is_and_how_well_raters_agree(visit, served):
    page = visit()
    assert page.url == f"{served.url}/lead"
    assert page.inner_text("#title") == "Voices"
    figures = page.locator("#overview .figures div").all_inner_texts()
    assert figures[0].split() == ["of", "24", "ratings", "21"]
    assert figures[2].split() == ["could", "not", "be", "judged", "2"]
    agreement = rows(page, "agreement")
    assert [row[0] for row in agreement] == ["activation", "valence"]
    assert agreement[0][-1] == "3"
    raters = rows(page, "raters")
    assert [row[0] for row in raters] == ["Anna", "Björn", HOSTILE]
    assert [row[1] for row in raters] == ["8 of 8", "8 of 8", "5 of 8"]
    assert all("few ratings" in row[2] for row in raters)
    disputed = rows(page, "items")
    spreads = [float(row[4]) for row in disputed]
    assert spreads == sorted(spreads, reverse=True)
    assert all(row[0].endswith("_secret.wav") for row in disputed)
    with page.expect_response("**/api/lead/audio/*") as heard:
        page.click("#items button >> nth=0")
    assert heard.value.status in (200, 206)


def test_how_the_number_of_ratings_comes_about_is_said(visit):
    page = visit()
    assert "8 recordings by 3 raters make 24 ratings." in page.inner_text("#overview")


def test_no_table_is_cut_at_1200_pixels(visit):
    page = visit(viewport={"width": 1200, "height": 800})
    found = page.evaluate(
        "[...document.querySelectorAll('.scroller')].map(s => [s.scrollWidth, s.clientWidth])"
    )
    assert len(found) == 4
    assert all(whole <= seen for whole, seen in found)
    scales = rows(page, "scales")
    assert [row[:2] for row in scales[:2]] == [["Anna", "activation"], ["Anna", "valence"]]


def test_names_are_text(visit):
    page = visit()
    assert page.evaluate("window.hacked") is None
    assert page.locator("main img").count() == 0
    assert HOSTILE in page.inner_text("#links")


def test_links_are_made_copied_renewed_and_closed(visit, served):
    page = visit(refused=["409"])
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.fill("#new-name", " Çağla ")
    page.select_option("#new-language", "fr")
    page.click("text=Make a link")
    page.locator("#message", has_text="A link for Çağla was made.").wait_for()
    made = served.rater("Çağla")
    person = page.locator(".people li", has_text="Çağla")
    assert person.locator(".link").input_value() == made
    person.locator("text=Copy").click()
    page.locator("#message", has_text="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == made

    page.fill("#new-name", "Anna")
    page.click("text=Make a link")
    page.locator("#message.warn", has_text="Anna").wait_for()
    assert page.input_value("#new-name") == "Anna"  # nothing typed is lost

    page.on("dialog", lambda dialog: dialog.accept())
    person.locator("text=New link").click()
    page.locator("#message", has_text="has a new link").wait_for()
    assert person.locator(".link").input_value() == served.rater("Çağla") != made
    person.locator("text=Close access").click()
    page.locator("#message", has_text="can rate no more").wait_for()
    assert page.evaluate("document.activeElement.textContent") == "Open again"
    person = page.locator(".people li.closed", has_text="Çağla")
    person.locator("text=Open again").click()
    page.locator("#message", has_text="can rate again").wait_for()
    assert served.rater("Çağla")


def test_settings_are_kept(visit):
    page = visit(refused=["422"])
    page.fill("#study-note", "Two lines\n<b>of text")
    page.select_option("#study-dominance", "optional")
    page.fill("#study-categories", "joy, sorrow ,")
    page.uncheck("#may-comment")
    page.click("#settings .settings >> nth=0 >> text=Save")
    page.locator("#message", has_text="saved").wait_for()
    page.fill("#study-title", "Not saved yet")
    page.fill("#per-item", "2")
    page.fill("#repeat-share", "25")
    page.click("#settings .settings >> nth=1 >> text=Save")
    page.locator("#overview", has_text="Wanted: 2 ratings").wait_for()
    assert page.input_value("#study-title") == "Not saved yet"  # what is being typed stays
    page.reload()
    page.wait_for_selector("#export")
    assert page.input_value("#study-note") == "Two lines\n<b>of text"
    assert page.input_value("#study-dominance") == "optional"
    assert page.input_value("#study-categories") == "joy, sorrow"
    assert not page.is_checked("#may-comment")
    assert page.input_value("#repeat-share") == "25"
    page.fill("#study-categories", "joy, joy")
    page.click("#settings .settings >> nth=0 >> text=Save")
    page.locator("#message.warn").wait_for()


def test_a_round_is_begun_with_a_table(visit, tmp_path):
    page = visit(refused=["422"])
    name = rows(page, "items")[0][0]
    table = tmp_path / "round.csv"
    table.write_text(f"file\n{name}\n")
    page.set_input_files("#round-file", table)
    page.click("text=Start a new round")
    page.locator("#settings li", has_text="Round 2: 1 recording,").wait_for()
    table.write_text("file\nnothing.wav\n")
    page.set_input_files("#round-file", table)
    page.click("text=Start a new round")
    page.locator("#message.warn").wait_for()


def test_exports_are_files(visit):
    page = visit()
    with page.expect_download() as download:
        page.click("text=Every rating")
    text = download.value.path().read_text(encoding="utf-8")
    found = list(csv.DictReader(io.StringIO(text)))
    assert download.value.suggested_filename == "ratings.csv"
    assert len(found) == 21
    assert {row["rater"] for row in found} == {"Anna", "Björn", HOSTILE}


def test_a_link_that_is_not_the_lead_s(launch, served):
    visitor = Visitor(launch("plain"), served)
    visitor.page.goto(served.rater().replace("/rate#", "/lead#"))
    visitor.page.locator("#message.warn", has_text="not valid").wait_for()
    assert visitor.page.locator("main section").count() == 0
    visitor.close(refused=["403"])


@pytest.mark.parametrize(("viewport", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_axe_finds_nothing_serious(visit, viewport, scheme):
    page = visit(viewport=viewport, scheme=scheme)
    assert fits(page)
    assert violations(page) == []
