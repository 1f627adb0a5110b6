"""The live page in a real browser, whose microphone plays a file."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from affectspace.web.embedders import Embedders
from affectspace.web.serve.settings import Limits
from served_model import TOKEN, made_service, serving
from served_study import DESKTOP, PHONE, Visitor, fits, violations
from test_report_browser import launch
from voices import in_bytes, voice, write

__all__ = ["launch"]  # the fixture that starts a browser

pytestmark = pytest.mark.browser

DROP = """([content, name]) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(content)], name));
    window.dispatchEvent(new DragEvent('dragover', { dataTransfer: data }));
    window.dispatchEvent(new DragEvent('drop', { dataTransfer: data }));
}"""


@pytest.fixture(scope="module")
def embedders():
    made = Embedders("default")
    close, made.close = made.close, lambda: None
    made.start()
    yield made
    close()


@pytest.fixture(scope="module")
def microphone(tmp_path_factory):
    """Flags for a browser that hears three seconds of a voice and four of silence, in turns."""
    path = tmp_path_factory.mktemp("microphone") / "heard.wav"
    write(path, np.concatenate([voice(3.0, 48_000), np.zeros(4 * 48_000)]), 48_000)
    return (
        *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
        f"--use-file-for-fake-audio-capture={path}",
    )


@pytest.fixture
def visit(launch, embedders, microphone):
    """Open the page of a service with these limits."""
    opened = []

    def visiting(*, refused=(), token=None, fragment="", flags=microphone, limits=None, **how):
        context = serving(made_service(embedders=embedders, token=token, limits=limits))
        url = context.__enter__()
        visitor = Visitor(launch("plain", *flags), SimpleNamespace(url=url), **how)
        opened.append((visitor, context, refused))
        visitor.page.goto(f"{url}/{fragment}")
        visitor.page.wait_for_selector("html[data-ready]")
        return visitor.page

    yield visiting
    for visitor, context, refused in opened:
        visitor.close(refused=refused)
        context.__exit__(None, None, None)


def lines(page, count):
    page.wait_for_function(
        "count => document.querySelectorAll('#rows tr').length === count", arg=count
    )


def says(page, selector, words, *, seconds=40):
    page.wait_for_function(
        "([selector, words]) => document.querySelector(selector).textContent.includes(words)",
        arg=[selector, words],
        timeout=seconds * 1000,
    )


def test_the_microphone_is_heard_and_drawn_until_it_is_stopped(visit):
    page = visit()
    page.select_option("#window", "2")
    page.click("#toggle")
    says(page, "#state", "Listening")
    says(page, "#status", "scored")
    says(page, "#activation", " to ")
    assert page.locator("#plane .dot").count() >= 1
    assert page.locator("#plane .interval").count() == 2
    assert page.locator("#time .line").count() >= 2
    assert page.locator("#time .band").count() >= 2
    says(page, "#status", "silent")
    assert page.inner_text("#activation") == "–"  # noqa: RUF001
    assert page.locator("#time .gap").count() >= 2
    assert violations(page) == []
    page.click("#toggle")
    says(page, "#state", "rows scored")
    assert page.inner_text("#toggle") == "Start the microphone"
    assert page.evaluate("navigator.mediaDevices.getUserMedia !== undefined")
    page.click("#toggle")  # and once more
    says(page, "#state", "Listening")
    page.click("#toggle")
    says(page, "#state", "Ended")


def test_a_stream_that_may_last_no_longer_ends_in_words(visit):
    page = visit(limits=Limits(stream_seconds=3))
    page.select_option("#window", "2")
    page.click("#toggle")
    says(page, "#state", "may last no longer")
    assert page.inner_text("#toggle") == "Start the microphone"


def test_a_full_service_says_so(visit):
    page = visit(limits=Limits(streams=0), refused=("503",))
    page.click("#toggle")
    says(page, "#trouble", "may be full")
    says(page, "#state", "Not listening")


def test_without_a_microphone_it_says_so(visit):
    page = visit(flags=())
    page.click("#toggle")
    page.wait_for_selector("#trouble:not([hidden])")
    assert "microphone" in page.inner_text("#trouble")
    assert page.is_enabled("#toggle")


def test_dropped_files_are_embedded(visit):
    page = visit()
    name = "<img src=x onerror='window.hacked = 1'>.wav"
    page.evaluate(DROP, [list(in_bytes(voice(1.0))), name])
    page.wait_for_selector("#rows tr")
    cells = page.locator("#rows tr").first.locator("td").all_inner_texts()
    assert cells[0] == name
    assert " to " in cells[1]
    page.evaluate(DROP, [list(b"no sound"), "words.txt"])
    lines(page, 2)
    assert "can't be read" in page.inner_text("#rows tr:first-child")
    assert page.evaluate("window.hacked") is None
    assert page.inner_text("#files-state") == ""
    with page.expect_file_chooser() as chosen:
        page.click(".choose")
    files = [
        {"name": f"{n}.wav", "mimeType": "audio/wav", "buffer": in_bytes(voice(1.0))}
        for n in range(2)
    ]
    chosen.value.set_files(files)
    lines(page, 4)
    assert violations(page) == []


def test_a_refused_file_is_told_in_words(visit):
    page = visit(limits=Limits(max_seconds=1), refused=("413",))
    page.evaluate(DROP, [list(in_bytes(voice(2.0))), "long.wav"])
    says(page, "#files-state", "long.wav: The recordings of a request may last 1 s")


def test_a_token_is_asked_for_or_comes_with_the_link(visit):
    page = visit(token=TOKEN, refused=("401",))
    page.evaluate(DROP, [list(in_bytes(voice(1.0))), "a.wav"])
    page.wait_for_selector("#gate:not([hidden])")
    assert violations(page) == []
    page.fill("#token", "wrong")
    page.click("#gate button")
    says(page, "#trouble", "token")
    page.fill("#token", TOKEN)
    page.click("#gate button")
    page.wait_for_selector("#gate", state="hidden")
    page.click("#toggle")
    says(page, "#state", "Listening")
    page.click("#toggle")
    says(page, "#state", "Ended")

    page = visit(token=TOKEN, fragment=f"#{TOKEN}")
    assert TOKEN not in page.url
    page.click("#toggle")
    says(page, "#state", "Listening")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_everyone_can_use_it(visit, viewport, scheme):
    page = visit(viewport=viewport, scheme=scheme)
    assert fits(page)
    assert violations(page) == []
