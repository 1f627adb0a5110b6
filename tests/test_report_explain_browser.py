"""The page that explains a model in a real browser: Debian's Chromium, by Playwright."""

from __future__ import annotations

import re

import pytest

from affectspace.explain import Criteria, explain_axes, reasons
from affectspace.report.explain import explanation_page
from affectspace.tables import utterance_index
from made_voices import HIGH, LOUD, linear_model, speech
from test_report_browser import launch

__all__ = ["launch"]  # the fixture that starts a browser

pytestmark = pytest.mark.browser

QUICK = Criteria(halvings=20, halvings_per_resample=2, formulas=30, resamples=60)
HOSTILE = "<img src=x onerror='window.hacked = 1'>"
LABELS = "plot => [...plot.querySelectorAll('.ytick text')].map(text => text.textContent)"


@pytest.fixture(scope="module")
def page_text():
    tables = {
        "one": speech(HOSTILE, n=300, valence_follows=HIGH),
        "two": speech("bb", n=300, seed=1, valence_follows=HIGH),
    }
    model = linear_model(LOUD, HIGH)
    findings = explain_axes(model, tables, criteria=QUICK)
    told = reasons(model, tables["two"])
    files = [f"{HOSTILE}{i}.wav" for i in range(len(told))]
    told = told.set_axis(utterance_index(files)).assign(status="ok")
    return explanation_page(
        model={"name": "made"}, findings=findings, told=told, settings={}, notice="Made up."
    )


@pytest.fixture
def opened(launch, page_text, tmp_path):
    """Open the page in a scheme; check at the end that it asked for nothing and complained not."""
    path = tmp_path / "explain.html"
    path.write_text(page_text, encoding="utf-8")
    complaints, requests, contexts = [], [], []

    def opener(scheme="light", width=1280):
        context = launch("plain").new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme
        )
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda message: complaints.append(message.text) if message.type == "error" else None,
        )
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]", timeout=60_000)
        return page

    yield opener
    for context in contexts:
        context.close()
    assert complaints == []
    assert [url for url in requests if not re.match(r"file:|data:|blob:", url)] == []


def labels(page, chart):
    return page.eval_on_selector(f'[data-chart="{chart}"]', LABELS)


def test_every_chart_is_drawn(opened):
    page = opened()
    charts = page.locator("[data-chart]")
    assert charts.count() == 6
    assert page.locator("[data-chart] .main-svg").count() >= 6
    assert "mean loudness" in labels(page, "0.walk")
    assert "loudness" in labels(page, "0.model: all families")
    assert any(label.startswith("model with listeners: ") for label in labels(page, "0.meaning"))
    assert page.evaluate("window.hacked") is None
    assert page.locator("main img").count() == 0


def test_a_family_shows_its_features(opened):
    page = opened()
    page.select_option('[data-views="0"]', label="listeners: pitch")
    found = labels(page, "0.model: all families")
    assert set(found) == {"mean pitch", "pitch, 50th percentile"}
    page.select_option('[data-views="0"]', label="model: all families")
    assert "loudness" in labels(page, "0.model: all families")


def test_the_chosen_utterance_is_explained(opened):
    page = opened()
    rows = page.locator("#scroller tbody tr")
    assert rows.count() == 300
    assert page.inner_text("#count") == "300 of 300 rows"
    bars = "plot => [...plot.querySelectorAll('.ytick text')].map(text => text.textContent)"
    rows.nth(5).click()
    assert page.inner_text("#chosen") == f"{HOSTILE}5.wav"
    names = page.eval_on_selector("#waterfall", bars)
    assert (names[0], names[1], names[-1]) == ("usual", "loudness", "estimate")
    estimate = rows.nth(5).locator("td").nth(1).inner_text()
    shown = page.locator("#waterfall .bartext").all_text_contents()
    assert shown[-1] == estimate
    page.select_option("#label", label="valence")
    assert page.eval_on_selector("#waterfall", bars)[1] == "pitch"
    page.focus("#scroller")
    page.keyboard.press("ArrowDown")
    assert page.inner_text("#chosen") == f"{HOSTILE}6.wav"
    page.fill("#search", "0.WAV")
    assert page.inner_text("#count") == "30 of 300 rows"
    page.focus("#scroller")
    page.keyboard.press("ArrowDown")
    assert page.inner_text("#chosen") == f"{HOSTILE}10.wav"
    assert page.evaluate("window.hacked") is None


def test_tables_unfold_and_verdicts_are_told_apart(opened):
    page = opened()
    card = page.locator("details", has_text="The same in two languages?").first
    assert not card.locator("table").is_visible()
    card.locator("summary").click()
    assert card.locator("table").is_visible()
    assert card.locator("td.same").count() > 0


@pytest.mark.parametrize(("scheme", "width"), [("dark", 1280), ("light", 420)])
def test_other_schemes_and_widths(opened, scheme, width):
    page = opened(scheme, width)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(20, 24, 29)" if scheme == "dark" else "rgb(255, 255, 255)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ink = page.eval_on_selector(".legendtext", "text => getComputedStyle(text).fill")
    assert ink == ("rgb(227, 232, 238)" if scheme == "dark" else "rgb(29, 37, 48)")
