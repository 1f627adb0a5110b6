"""The page of an embedded collection in a real browser: Debian's Chromium, by Playwright.

Without a Chromium these tests are skipped; where `AFFECTSPACE_NEEDS_BROWSER` is set, they fail.
"""

import os
import re
import shutil

import numpy as np
import pandas as pd
import pytest
import soundfile

from affectspace.report.embedding import write_embedding_page
from affectspace.tables import utterance_index
from made_embedding import MODEL, SETTINGS, embedding_table, long_recording

pytestmark = pytest.mark.browser

QUIET = (
    *("--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
FLAGS = {
    "webgl": ("--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
    "plain": ("--disable-gpu", "--disable-3d-apis"),
}
NAMES = [
    *("</script><script>window.hacked = 1</script>", "<img src=x onerror='window.hacked = 1'>.wav"),
    *("a b#c?d%20é.wav", "quote\"d 'x'.wav", "line\nbreak.wav", "日本語.wav", "<b>bold</b>.wav"),
    *("{{ 7 * 7 }}.wav", "plain.wav", "__proto__"),
]
TO_PIXEL = """row => {
    const plot = document.getElementById('plane');
    plot.scrollIntoView({ block: 'center' });
    const box = plot.getBoundingClientRect();
    const { _size: size, xaxis, yaxis } = plot._fullLayout;
    const [x, y] = [State.axes.x.values[row], State.axes.y.values[row]];
    return [box.left + size.l + xaxis.l2p(x), box.top + size.t + yaxis.l2p(y)];
}"""


def missing(reason):
    """Skip, or fail where a browser has to be there."""
    if os.environ.get("AFFECTSPACE_NEEDS_BROWSER"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def launch():
    """Start a browser, once for each kind of drawing."""
    names = (os.environ.get("AFFECTSPACE_BROWSER", ""), "chromium", "chromium-browser")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        missing(
            "there is no Chromium: apt-get install chromium, or name one in AFFECTSPACE_BROWSER"
        )
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright is not installed: make test installs it")
    started = {}
    with sync_playwright() as playwright:

        def launched(kind, *flags):
            if (kind, flags) not in started:
                started[kind, flags] = playwright.chromium.launch(
                    executable_path=program, args=[*QUIET, *FLAGS[kind], *flags]
                )
            return started[kind, flags]

        yield launched
        for browser in started.values():
            browser.close()


class Opened:
    """A page, and everything that it asked for and complained about."""

    def __init__(self, page, path):
        self.page, self.requests, self.complaints = page, [], []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        page.on("console", self._hear)
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]", timeout=60_000)

    def _hear(self, message):
        if message.type == "error":
            self.complaints.append(message.text)

    def check(self):
        """Nothing from elsewhere, and no complaint."""
        assert self.complaints == []
        foreign = [url for url in self.requests if not re.match(r"file:|data:|blob:", url)]
        assert foreign == []

    def text(self, selector):
        return self.page.inner_text(selector)

    def count(self):
        shown, all_rows = re.findall(r"[\d,]+", self.text("#count"))
        return int(shown.replace(",", "")), int(all_rows.replace(",", ""))

    def wait_for_count(self, shown):
        self.page.wait_for_function(
            "start => document.getElementById('count').textContent.startsWith(start)",
            arg=f"{shown:,} of ",
        )

    def points(self):
        return self.page.evaluate("Plane.rowsOfPoints().length")

    def column(self, number):
        cells = self.page.locator(f"#scroller tbody td:nth-child({number})")
        return [text.strip() for text in cells.all_text_contents()]

    def sort(self, name):
        self.page.click(f"#scroller thead button:text-is('{name}')")

    def hover(self, row):
        x, y = self.page.evaluate(TO_PIXEL, row)
        for place in ((5, 5), (x - 2, y - 2), (x, y)):  # over no other point on the way
            self.page.mouse.move(*place)
        self.page.wait_for_selector("#tooltip:not([hidden])")


@pytest.fixture
def opened(launch, tmp_path):
    """Write a table's page, open it, and check at the end that it behaved."""
    pages = []

    def opener(table, *, kind="plain", width=1280, scheme="light", **settings):
        path = tmp_path / f"page{len(pages)}.html"
        write_embedding_page(path, table, model=MODEL, settings=SETTINGS, **settings)
        context = launch(kind).new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme
        )
        pages.append(Opened(context.new_page(), path))
        return pages[-1]

    yield opener
    for page in pages:
        page.check()
        page.page.context.close()


def write_tone(path, seconds=1.0):
    soundfile.write(path, 0.1 * np.sin(np.arange(round(16000 * seconds)) / 10), 16000)


def loneliest(table):
    """The row whose point is farthest from all others, so that hovering is unambiguous."""
    places = table[["valence", "activation"]].to_numpy()
    apart = np.linalg.norm(places[:, None] - places[None], axis=-1)
    return int(np.nanargmax(np.nanmin(np.where(apart == 0, np.nan, apart), axis=1)))


def test_a_few_rows_with_hostile_names(opened):
    table = embedding_table(10, failed=0, files=[f"x/{name}" for name in NAMES])
    table["speaker"] = ["<b>Ann</b>", "</script><script>window.hacked = 1</script>"] * 5
    table["<i>column</i>"] = np.arange(10.0)
    page = opened(table)
    assert page.count() == (10, 10)
    assert page.points() == 10
    shown = page.page.evaluate(
        "[...document.querySelectorAll('#scroller tbody td:first-child')].map(c => c.textContent)"
    )
    assert shown == NAMES
    page.page.select_option("#colour", label="speaker")
    assert page.page.locator("#legend button").all_inner_texts() == [
        *("<b>Ann</b>", "</script><script>window.hacked = 1</script>"),
    ]
    page.page.select_option("#axis-x", label="<i>column</i>")
    row = loneliest(table)
    page.page.select_option("#axis-x", label="valence")
    page.hover(row)
    tooltip = page.page.text_content("#tooltip")
    assert NAMES[row] in tooltip
    assert f"{table['activation'].iloc[row]:.2f}" in tooltip
    assert f"({table['valence_low'].iloc[row]:.2f} to " in tooltip
    assert page.page.locator("#cross line").count() == 6
    page.page.uncheck("#play-on-click")  # there is nothing to play
    page.page.mouse.click(*page.page.evaluate(TO_PIXEL, row))
    assert page.page.text_content("#details h2") == NAMES[row]
    assert page.page.locator("#scroller tr[aria-selected=true]").count() == 1
    assert page.page.evaluate("window.hacked") is None
    assert page.page.locator("main b, main i, main img").count() == 0


def test_filters_are_followed_everywhere(opened):
    table = embedding_table(300, failed=0.1)
    page = opened(table)
    usable = table["status"] == "ok"
    files = table.index.get_level_values("file")
    assert page.count() == (300, 300)
    assert page.points() == usable.sum()
    page.page.fill("#search", "JOY 0")
    page.wait_for_count(files.str.contains("joy").sum())
    assert page.points() == (files.str.contains("joy") & usable).sum()
    assert all("joy" in name for name in page.column(1) if name)
    bars = "document.getElementById('histogram-activation').data[1].y.reduce((a, b) => a + b)"
    assert page.page.evaluate(bars) == page.points()
    page.page.click("#reset")
    page.wait_for_count(300)
    page.page.click("#status-menu summary")
    page.page.uncheck("#statuses input[value=silent]")
    page.wait_for_count((table["status"] != "silent").sum())
    page.page.click("#caution-menu summary")
    page.page.uncheck("#cautions input[value=band_limited]")
    left = (table["status"] != "silent") & ~table["caution"].str.contains("band_limited")
    page.wait_for_count(left.sum())
    page.page.keyboard.press("Escape")
    page.page.click("#reset")
    page.page.fill("#unusual-from", "0.9")
    page.wait_for_count((table["unusualness"].round(4) >= 0.9).sum())
    page.page.click("#reset")
    page.page.fill("#search", "nothing is called so")
    page.wait_for_count(0)
    assert page.points() == 0


@pytest.mark.parametrize("kind", ["webgl", "plain"])
def test_doubtful_points_are_marked_and_can_be_left_out(opened, kind):
    table = embedding_table(2500 if kind == "webgl" else 300, failed=0)
    page = opened(table, kind=kind)
    words = table["caution"].str.split(";")
    unusual = words.map(lambda found: "unusual" in found)
    cautioned = words.map(lambda found: any(word not in ("", "unusual") for word in found))
    assert 0 < unusual.sum() < cautioned.sum() < len(table) / 2
    marks = "document.getElementById('plane').data.slice(1).map(t => [t.marker.symbol, t.x.length])"
    assert page.page.evaluate(marks) == [
        ["circle-open", int(cautioned.sum())],
        ["x-thin-open", int(unusual.sum())],
    ]
    legend = page.page.locator("#marks button")
    assert legend.all_inner_texts() == [
        "scored with a caution",
        "unusual: unlike the training speech",
    ]
    legend.first.click()
    page.wait_for_count((~cautioned).sum())
    assert legend.first.get_attribute("aria-pressed") == "false"
    legend.last.click()
    page.wait_for_count((~cautioned & ~unusual).sum())
    page.page.click("#reset")
    page.wait_for_count(len(table))
    assert legend.first.get_attribute("aria-pressed") == "true"
    page.page.uncheck("#doubts")
    assert page.page.evaluate(marks) == []
    row = loneliest(table)
    page.page.check("#doubts")
    page.hover(row)  # the marks are not in the way
    assert f"{table['activation'].iloc[row]:.2f}" in page.page.text_content("#tooltip")


def test_the_last_bar_of_durations_says_that_it_holds_longer_ones(opened):
    table = embedding_table(200, failed=0)
    table["duration"] = np.linspace(1, 4, 200)
    axis = "document.getElementById('histogram-duration').layout.xaxis"
    found = opened(table).page.evaluate(axis)
    assert found["range"] == [0, pytest.approx(4.2)]
    assert "or more" not in found["title"]["text"]
    table.iloc[7, table.columns.get_loc("duration")] = 60.0
    page = opened(table).page
    assert page.evaluate(axis)["range"][1] < 5
    assert page.evaluate(axis)["title"]["text"].endswith("last bar: or more")
    assert sum(page.evaluate("document.getElementById('histogram-duration').data[0].y")) == 200


def test_without_doubts_there_is_nothing_to_mark(opened):
    page = opened(embedding_table(30, failed=0).assign(caution=""))
    assert page.page.locator("#marks button").count() == 0
    assert not page.page.locator("#doubts").is_visible()


def test_colours_of_categories_and_numbers(opened):
    table = embedding_table(300)
    table["many"] = [f"kind {i % 20:02d}" for i in range(300)]
    page = opened(table, kind="webgl")
    page.page.select_option("#colour", label="emotion")
    assert page.page.locator("#legend button").count() == 6
    page.page.click("#legend button:has-text('anger')")
    page.wait_for_count((table["emotion"] != "anger").sum())
    page.page.click("#legend button:has-text('anger')")
    page.wait_for_count(300)
    page.page.select_option("#colour", label="many")
    legend = page.page.locator("#legend button").all_inner_texts()
    assert len(legend) == 12
    assert legend[-1] == "other (9)"
    marker = "document.getElementById('plane').data[0].marker"
    assert set(page.page.evaluate(f"{marker}.symbol")) == {"circle", "diamond"}
    page.page.select_option("#colour", label="age")
    assert page.page.locator("#legend .ramp").count() == 1
    assert len(set(page.page.evaluate(f"{marker}.color"))) > 5
    choices = page.page.locator("#colour option").all_text_contents()
    assert {"nothing", "folder", "speaker", "unusualness", "caution"} <= set(choices)
    assert "file" not in choices  # each row has its own


def test_sorting_and_the_keyboard(opened):
    table = embedding_table(300, failed=0.1)
    page = opened(table)
    page.sort("activation")
    values = [float(text.split()[0][:4]) for text in page.column(3) if text]
    assert values == sorted(values)
    assert values[0] == pytest.approx(table["activation"].min(), abs=0.006)
    page.sort("activation")
    values = [float(text[:4]) for text in page.column(3) if text]
    assert values == sorted(values, reverse=True)
    heading = page.page.locator("#scroller th[aria-sort=descending]")
    assert heading.inner_text().startswith("activation")
    page.page.focus("#scroller")
    page.page.keyboard.press("End")
    last = page.page.text_content("#scroller tr[aria-selected=true] td:nth-child(6)")
    assert last != "ok"  # what has no value comes last, either way
    assert page.page.text_content("#details .facts").startswith(f"status{last}: ")
    page.page.keyboard.press("ArrowUp")
    page.page.keyboard.press("Home")
    assert page.page.locator("#scroller tr[aria-selected=true]").count() == 1
    name = page.page.text_content("#scroller tr[aria-selected=true] td")
    assert name in page.page.text_content("#details h2")
    assert table.index[table["activation"].argmax()][0].endswith(name)


def test_trajectories(opened):
    one = long_recording(400, hours=1.2, file="s/one.wav")
    two = long_recording(60, hours=0.1, file="s/two.wav", seed=2)
    page = opened(pd.concat([one, two]))
    plot = "document.getElementById('trajectory')"
    assert page.page.input_value("#trajectory-file") == "0"
    assert page.page.input_value("#trajectory-window") == "60"
    assert page.page.evaluate(f"{plot}._fullLayout.xaxis.title.text") == "time (h:min:s)"
    page.page.select_option("#trajectory-file", label="two.wav (60)")
    page.page.select_option("#trajectory-window", label="nothing")
    assert page.page.evaluate(f"{plot}._fullLayout.xaxis.title.text") == "time (min:s)"
    ticks = page.page.locator("#trajectory .xtick").all_text_contents()
    assert all(re.fullmatch(r"\d+:\d\d", tick) for tick in ticks)
    scored = two[two["status"] == "ok"]
    dots = f"{plot}.data.filter(t => t.mode === 'markers' && t.marker.symbol === undefined)"
    assert page.page.evaluate(f"{dots}[0].y") == scored["activation"].round(6).tolist()
    middle = (scored.index.get_level_values("start") + scored.index.get_level_values("end")) / 2
    np.testing.assert_allclose(
        page.page.evaluate(f"{dots}[0].x"), middle.total_seconds() * 1000, atol=2
    )
    page.page.select_option("#trajectory-other", label="one.wav (400)")
    assert page.page.locator("#trajectory-legend .entry").all_inner_texts() == [
        "two.wav",
        "one.wav",
    ]
    page.page.evaluate("State.select(3, { from: 'plane' })")
    shapes = page.page.evaluate(f"{plot}.layout.shapes.length")
    assert shapes == 3  # two neutral lines, and the selected row's


def test_two_seconds_are_not_the_year_1984(opened):
    table = long_recording(6, hours=0.01)
    starts = np.array([0.0, 0.984, 2.5, 4, 6, 20])
    table.index = utterance_index(["a.wav"] * 6, starts, starts + 2)
    table["status"] = "ok"
    page = opened(table)
    plot = "document.getElementById('trajectory')"
    drawn = page.page.evaluate(f"{plot}.calcdata.map(points => points.map(point => point.x))")
    assert (starts * 1000 + 1000).tolist() in [[round(x or 0) for x in points] for points in drawn]
    low, high = page.page.evaluate(f"{plot}._fullLayout.xaxis._rl")
    assert -1000 < low < 0
    assert 22000 < high < 23000


def test_smoothing_is_a_mean_weighted_by_duration(opened):
    table = long_recording(50, hours=0.05, file="s/one.wav")
    table = table[table["status"] == "ok"]
    page = opened(table)
    found = page.page.evaluate("Trajectory.smoothed([...State.all], 'activation', 15)")
    starts, ends = (table.index.get_level_values(e).total_seconds() for e in ("start", "end"))
    middle, weights = (starts + ends) / 2, ends - starts
    for i, value in enumerate(found):
        near = np.abs(middle - middle[i]) <= 7.5
        expected = np.average(table["activation"][near], weights=weights[near])
        assert value == pytest.approx(expected, abs=0.02)  # the page's times are in ms


@pytest.fixture(scope="module")
def many():
    return embedding_table(50_000)


@pytest.mark.parametrize("kind", ["webgl", "plain"])
def test_fifty_thousand_rows(opened, many, kind):
    table = many
    page = opened(table, kind=kind)
    usable = (table["status"] == "ok").sum()
    assert page.count() == (50_000, 50_000)
    types = page.page.evaluate("document.getElementById('plane').data.map(trace => trace.type)")
    if kind == "webgl":
        assert set(types) == {"scattergl"}
        assert page.points() == usable
    else:
        assert types == ["heatmap", *["scatter"] * 3]
        assert page.points() == 3000
        assert f"3,000 of {usable:,} rows" in page.text("#plane-note")
    page.hover(page.page.evaluate("Plane.rowsOfPoints()[0]"))
    assert re.search(r"\d{5}\.wav", page.text("#tooltip"))
    page.page.fill("#search", "sadness")
    page.wait_for_count((table["emotion"] == "sadness").sum())
    page.page.click("#reset")
    page.wait_for_count(50_000)
    page.sort("file")
    assert page.page.locator("#scroller tbody tr").count() < 80
    page.page.evaluate("document.getElementById('scroller').scrollTop = 1e9")
    page.page.wait_for_selector("#scroller tr[aria-rowindex='50001']")


def test_sound_beside_the_page(opened, tmp_path):
    write_tone(tmp_path / NAMES[2])
    write_tone(tmp_path / "long.wav", seconds=5)
    files = [str(tmp_path / name) for name in (NAMES[2], "long.wav", "gone.wav")]
    table = embedding_table(3, failed=0, files=files)
    table.index = utterance_index(files, [0, 2, 0], [None, 3.5, None])
    page = opened(table)
    page.page.click("#scroller tr[data-row='0']")
    page.page.wait_for_function("document.querySelector('audio').readyState > 0")
    assert page.page.evaluate("document.querySelector('audio').duration") == pytest.approx(1)
    page.page.click("#scroller tr[data-row='1']")
    page.page.wait_for_function("document.querySelector('audio').currentTime >= 2")
    assert page.page.get_attribute("audio", "src") == "long.wav#t=2,3.5"
    page.page.click("#scroller tr[data-row='2']")
    page.page.wait_for_selector("#details .problem:not([hidden])")
    assert "does not play" in page.text("#details .problem")
    page.complaints = [one for one in page.complaints if "ERR_FILE_NOT_FOUND" not in one]


@pytest.mark.parametrize(
    ("on_disk", "in_table"),
    [
        ("caf\udce9 1.wav", "caf\\xe9 1.wav"),  # a byte that isn't UTF-8
        ("Cafe\u0301.wav", "Caf\u00e9.wav"),  # as macOS writes it
        ("Caf\u00e9.wav", "Cafe\u0301.wav"),
        ("e\u0301te\u0301 #1/100 %?.wav", "\u00e9t\u00e9 #1/100 %?.wav"),
        ("a:b\\c/x y%41.wav", "a:b\\c/x y%41.wav"),
    ],
)
def test_recordings_with_odd_names_play(opened, tmp_path, on_disk, in_table):
    (tmp_path / on_disk).parent.mkdir(exist_ok=True)
    write_tone(os.fsencode(tmp_path / on_disk))
    page = opened(embedding_table(1, failed=0, files=[str(tmp_path / in_table)]))
    page.page.click("#scroller tr[data-row='0']")
    page.page.wait_for_function("document.querySelector('audio').readyState > 0")
    assert page.page.evaluate("document.querySelector('audio').duration") == pytest.approx(1)


def test_sound_inside_the_page(opened, tmp_path):
    write_tone(tmp_path / "a.wav")
    files = [str(tmp_path / "a.wav"), "gone.wav"]
    page = opened(embedding_table(2, failed=0, files=files), audio="embed")
    page.page.click("#scroller tr[data-row='0']")
    page.page.wait_for_function("document.querySelector('audio').readyState > 0")
    assert page.page.evaluate("document.querySelector('audio').duration") == pytest.approx(
        1, abs=0.05
    )
    page.page.click("#scroller tr[data-row='1']")
    assert page.text("#details .problem") == "The sound of this row is not in the page."


def test_pages_that_lack_something(opened):
    table = embedding_table(30, failed=0)
    no_valence = table.drop(columns=["valence", "valence_low", "valence_high"])
    no_valence[["activation_low", "activation_high"]] = np.nan
    page = opened(no_valence)
    assert page.text("#plane-title") == "activation against unusualness"
    assert page.points() == 30
    page.hover(loneliest(table.assign(valence=table["unusualness"] * 4)))
    assert page.page.locator("#cross circle").count() == 1
    assert page.page.locator("#cross line").count() == 0
    page = opened(table[["z1", "z2", "status"]])
    assert page.text("#plane-title") == "z2 against z1"
    assert page.points() == 30
    page = opened(embedding_table(3, failed=1), audio="none")
    assert page.count() == (3, 3)
    page.page.click("#scroller tr[data-row='1']")
    assert "unreadable" in page.text("#scroller") or "silent" in page.text("#scroller")
    page = opened(table[:0])
    assert page.text("#count") == "0 of 0 rows"


def test_a_page_without_a_score_has_no_empty_plots(opened):
    table = embedding_table(3, failed=1)
    page = opened(table, audio="none")
    assert page.text("#nothing").startswith("No row was scored")
    for hidden in ("#plane", "#axis-x", "#colour", "#histograms", "#trajectory"):
        assert not page.page.locator(hidden).is_visible()
    assert page.count() == (3, 3)
    assert all(message in page.text("#scroller") for message in table["message"])
    page.page.click("#scroller tr[data-row='1']")
    assert table["message"].iloc[1] in page.text("#details")
    page.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page = opened(embedding_table(3, failed=0))
    assert page.page.locator("#plane").is_visible()
    assert page.page.locator("#nothing").count() == 0


def test_narrow_dark_and_printed(opened):
    page = opened(embedding_table(40), width=420, scheme="dark")
    assert page.page.evaluate("document.documentElement.scrollWidth") == 420
    font = "document.getElementById('plane')._fullLayout.font.color"
    dark = page.page.evaluate(font)
    page.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.page.evaluate(font) != dark
    page.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.page.evaluate(font) == dark
    page.page.emulate_media(color_scheme="light")
    page.page.wait_for_function(f"{font} !== '{dark}'")


def test_the_browser_refuses_what_the_page_may_not_do(opened):
    page = opened(embedding_table(2))
    refused = page.page.evaluate("""async () => {
        const directives = [];
        document.addEventListener(
            'securitypolicyviolation', event => directives.push(event.effectiveDirective));
        await fetch('https://example.invalid/').catch(() => {});
        const script = document.createElement('script');
        script.textContent = 'window.hacked = 1';
        document.body.append(script);
        const image = new Image();
        image.src = 'https://example.invalid/x.png';
        await new Promise(done => setTimeout(done, 200));
        return [directives.sort(), window.hacked];
    }""")
    assert refused == [["connect-src", "img-src", "script-src-elem"], None]
    page.complaints = [one for one in page.complaints if "Content Security Policy" not in one]
    page.requests = [url for url in page.requests if "example.invalid" not in url]
