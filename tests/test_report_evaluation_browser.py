"""The page of an evaluation in a real browser: Debian's Chromium, by Playwright."""

import pytest

from affectspace import plots
from affectspace.report.evaluation import evaluation_page, few_labels_long
from affectspace.study.languages import PROTOCOL
from made_evaluation import HOSTILE, choices, comparison, results
from test_report_browser import launch

__all__ = ["launch"]  # the fixture that starts a browser

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page_text():
    table = results()
    figures = {
        "transfer": plots.transfer(table[table["protocol"] == PROTOCOL]),
        "few-labels": plots.few_labels(few_labels_long(table)),
    }
    return evaluation_page(
        table,
        comparison(),
        choices=choices(),
        figures=figures,
        inputs=table[["target", "n"]].head(2),
        config={"ways": {"joint": {}, HOSTILE: {}}},
        warnings=[HOSTILE],
        notice="All made up.",
    )


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_page_shows_everything_and_asks_for_nothing(launch, page_text, tmp_path, width, scheme):
    path = tmp_path / "report.html"
    path.write_text(page_text, encoding="utf-8")
    context = launch("plain").new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme
    )
    page, requests, complaints = context.new_page(), [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(path.as_uri())
    assert complaints == []
    assert all(url.startswith(("file:", "data:")) for url in requests)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("window.hacked === undefined")
    seen = page.inner_text("body")
    for words in ("All made up.", HOSTILE, "far-da", "mean", "What was chosen inside the sources"):
        assert words in seen
    images = page.evaluate("[...document.images].map(image => image.naturalWidth)")
    assert len(images) == 2
    assert min(images) > 300
    hidden = page.get_by_text("joint, n = 20")
    assert not hidden.is_visible()
    page.get_by_text("All figures").click()
    assert hidden.is_visible()
    page.get_by_text("The same in words").click()
    assert page.get_by_text("joint is above").first.is_visible()
    context.close()
