"""The page of an embedded collection in a real browser, served as the command serves it."""

from __future__ import annotations

import io
import re

import numpy as np
import pandas as pd
import pytest

from affectspace.tables import read_table, utterance_index
from affectspace.web.explore.collection import Collection
from explored import inside, made_collection, served
from served_study import DESKTOP, PHONE, Visitor, fits, violations
from test_report_browser import launch
from voices import in_bytes, voice, write

__all__ = ["launch"]  # the fixture that starts a browser

pytestmark = pytest.mark.browser

ROWS = 300
HOSTILE = "<img src=x onerror='window.hacked = 1'>.wav"
DROP = """([content, name]) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(content)], name));
    window.dispatchEvent(new DragEvent('dragover', { dataTransfer: data }));
    window.dispatchEvent(new DragEvent('drop', { dataTransfer: data }));
}"""
LASSO = [(0.2, 0.25), (0.62, 0.2), (0.7, 0.5), (0.5, 0.66), (0.25, 0.6)]  # shares of the plane
ENDS = ("", "_low", "_high")
EDGE = {"left": 46, "right": 12, "top": 12, "bottom": 42}


@pytest.fixture(scope="module")
def exploring(tmp_path_factory):
    """Made numbers; the first six can be heard, and one has a name that no one should have."""
    folder = tmp_path_factory.mktemp("explore")
    collection = made_collection(folder / "speech", ROWS, failed=0.05)
    collection.table.iloc[:6, collection.table.columns.get_loc("status")] = "ok"
    files = [str(file) for file in collection.table.index.get_level_values("file")]
    files[6] = str(folder / "speech" / HOSTILE)
    table = collection.table.set_axis(utterance_index(files))
    table.loc[table.index[:6], ["activation", "valence"]] = [
        [4.7, 4.8],  # alone in their corners, so that a click can only mean them
        [1.2, 4.8],
        *[[3.0, 3.0]] * 4,
    ]
    with served(Collection(table, {}), study=folder / "study") as exploring:
        yield exploring


@pytest.fixture
def visit(launch, exploring):
    visitors = []

    def visiting(*, refused=(), **how):
        visitor = Visitor(launch("plain"), exploring, **how)
        visitors.append((visitor, refused))
        visitor.page.goto(exploring.link)
        visitor.page.wait_for_selector("html[data-ready]")
        return visitor.page

    yield visiting
    for visitor, refused in visitors:
        visitor.close(refused=refused)


def table_of(exploring):
    return exploring.collection.table


def place(page, activation, valence):
    """Where a pair of ratings is in the window."""
    page.locator("#over").scroll_into_view_if_needed()
    box = page.locator("#over").bounding_box()
    width, height = (
        box["width"] - EDGE["left"] - EDGE["right"],
        box["height"] - EDGE["top"] - EDGE["bottom"],
    )
    x = box["x"] + EDGE["left"] + (valence - 0.95) / 4.1 * width
    y = box["y"] + EDGE["top"] + (1 - (activation - 0.95) / 4.1) * height
    return x, y


def drag(page, places):
    page.mouse.move(*places[0])
    page.mouse.down()
    for x, y in [*places, places[-1]]:
        page.mouse.move(x, y)
    page.mouse.up()


def lasso(page):
    """Draw the lasso; return it in rating units, as (valence, activation)."""
    corners = [(0.95 + 4.1 * x, 0.95 + 4.1 * (1 - y)) for x, y in LASSO]
    drag(page, [place(page, activation, valence) for valence, activation in corners])
    return np.array(corners)


def selected(page):
    found = re.match(r"([\d,]+) rows? selected", page.inner_text("#selected"))
    return int(found[1].replace(",", "")) if found else None


def count(page):
    shown, whole = re.findall(r"[\d,]+", page.inner_text("#count"))
    return int(shown), int(whole)


def wait_for_count(page, shown):
    page.locator("#count", has_text=re.compile(f"^{shown} of")).wait_for()


def scored(table):
    return table[(table["status"] == "ok") & table["activation"].notna()]


def test_a_lasso_picks_what_lies_inside(visit, exploring):
    page, table = visit(), table_of(exploring)
    assert page.url == f"{exploring.url}/explore"  # the token has left the address
    assert count(page) == (ROWS, ROWS)
    polygon = lasso(page)
    points = scored(table)
    within = points[inside(points[["valence", "activation"]].to_numpy(), polygon)]
    assert selected(page) == len(within)
    assert page.locator("#scroller table").get_attribute("aria-rowcount") == str(len(within) + 1)
    lines = {
        cells[0]: cells[1:]
        for cells in (
            [cell.inner_text() for cell in row.locator("th, td").all()]
            for row in page.locator("#selection-means tbody tr").all()
        )
    }
    for label in ("activation", "valence"):
        assert float(lines[label][0]) == pytest.approx(within[label].mean(), abs=0.006)
        low, high = map(float, lines[label][1].split(" to "))
        expected = bounds(within[label], within["speaker"])
        assert (low, high) == pytest.approx(expected, abs=0.02)
    page.keyboard.down("Alt")
    lasso(page)
    page.keyboard.up("Alt")
    assert selected(page) is None


def bounds(values, speakers):
    """A mean's bounds over speakers: the sandwich estimate with Student's t, from its formula."""
    from scipy import stats

    sums = (values - values.mean()).groupby(speakers).sum()
    n = len(sums)
    deviation = np.sqrt(n / (n - 1) * (sums**2).sum()) / len(values)
    half = stats.t.ppf(0.975, n - 1) * deviation
    return values.mean() - half, values.mean() + half


def test_a_rectangle_adds_with_shift_and_filters_keep_what_is_selected(visit, exploring):
    page, table = visit(), scored(table_of(exploring))
    page.click("[data-tool=box]")
    assert page.get_attribute("[data-tool=box]", "aria-pressed") == "true"
    drag(page, [place(page, 5.04, 0.96), place(page, 3.5, 2.5)])
    high = (table["activation"] >= 3.5) & (table["valence"] <= 2.5)
    assert selected(page) == high.sum()
    page.keyboard.down("Shift")
    drag(page, [place(page, 2.4, 0.96), place(page, 0.96, 5.04)])
    page.keyboard.up("Shift")
    both = high | (table["activation"] <= 2.4)
    assert selected(page) == both.sum()
    page.select_option("#add-filter", label="emotion")
    page.click(".chip button:text('all or none')")
    page.check(".chip fieldset label:has-text('anger') input")
    wait_for_count(page, (table_of(exploring)["emotion"] == "anger").sum())
    assert selected(page) == (both & (table["emotion"] == "anger")).sum()
    page.click("#reset")
    wait_for_count(page, ROWS)
    assert selected(page) == both.sum()
    page.click("#clear")
    assert selected(page) is None


def test_search_ranges_and_categories_narrow_what_is_shown(visit, exploring):
    page, table = visit(), table_of(exploring)
    page.fill("#search", "SPEAKER2 0")
    names = table.index.get_level_values("file").str.rsplit("/", n=1).str[1]
    searched = names.str.contains("speaker2") & names.str.contains("0")
    wait_for_count(page, searched.sum())
    page.select_option("#add-filter", label="age")
    page.fill("[data-column=age] input >> nth=0", "50")
    within = searched & (table["age"] >= 50).to_numpy()
    wait_for_count(page, within.sum())
    page.click("[aria-label='Remove the filter age']")
    wait_for_count(page, searched.sum())
    page.fill("#search", "")
    page.fill("#unusual-from", "0.9")
    wait_for_count(page, (table["unusualness"] >= 0.9).sum())
    page.select_option("#colour", label="emotion")
    assert page.locator("#legend button").count() == 6
    page.click("#legend button >> nth=0")
    assert count(page)[0] < (table["unusualness"] >= 0.9).sum()
    page.select_option("#axis-x", label="z1")
    assert page.inner_text("#plane-title") == "activation against z1"


def test_points_and_rows_are_played(visit, exploring):
    page = visit()
    place(page, 3, 3)
    with page.expect_response("**/api/explore/audio/0") as heard:
        page.mouse.click(*place(page, 4.7, 4.8))
    assert heard.value.status in (200, 206)
    assert page.inner_text("#details h2").endswith("speaker0_000.wav")
    page.mouse.move(*place(page, 1.2, 4.8))
    page.wait_for_selector("#tooltip:visible")
    assert "activation" in page.inner_text("#tooltip")
    assert "status" in page.inner_text("#tooltip")
    page.click("#scroller th button:text('file')")
    with page.expect_response("**/api/explore/audio/5") as heard:
        page.click("#scroller tr[data-row='5'] td >> nth=0")
    assert heard.value.status in (200, 206)


def test_it_works_by_keys_alone(visit):
    page = visit()
    page.focus("#over")
    page.keyboard.press("ArrowUp")
    page.locator("#live", has_text="activation").wait_for(state="attached")
    first = page.inner_text("#details h2")
    page.keyboard.press("Space")
    assert selected(page) == 1
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#details h2") != first
    page.keyboard.press("Space")
    assert selected(page) == 2
    page.keyboard.press("+")
    page.keyboard.press("0")
    page.keyboard.press("Escape")
    assert selected(page) is None
    page.focus("#select-shown")
    page.keyboard.press("Enter")
    assert selected(page) == ROWS
    page.focus("#scroller")
    page.keyboard.press("End")
    assert page.locator("#scroller tr[aria-selected=true]").count() == 1


def test_a_dropped_file_lands_on_the_plane(visit, exploring, tmp_path):
    page = visit(refused=["404"])  # the nearest row need not have a sound
    before = page.evaluate("document.getElementById('over').toDataURL()")
    content = list(in_bytes(voice(1.2, pitch=170)))
    with page.expect_response("**/api/explore/landing") as landing:
        page.evaluate(DROP, [content, HOSTILE])
    page.wait_for_selector("#landed li")
    text = page.inner_text("#landed")
    assert HOSTILE in text
    assert re.search(r"activation \d\.\d\d \(\d\.\d\d to \d\.\d\d\)", text)
    assert page.evaluate("document.getElementById('over').toDataURL()") != before
    landed = landing.value.json()
    table = table_of(exploring)
    distances = (table["z1"] - landed["z1"]) ** 2 + (table["z2"] - landed["z2"]) ** 2
    nearest = distances.argsort().to_numpy()[:3]
    near = page.locator("#landed .near").all_inner_texts()
    assert near == [table.index[row][0].rsplit("/", 1)[1] for row in nearest]
    page.click("#landed .near >> nth=0")
    assert page.inner_text("#details h2") == near[0]
    before = page.evaluate("document.getElementById('over').toDataURL()")
    page.click("#landed button:text('Play')")
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    page.set_input_files("#file", str(tmp_path / "broken.wav"))
    page.wait_for_selector("#landed li:has-text('broken.wav')")
    assert "can't be read as audio" in page.inner_text("#landed li >> nth=0")
    page.click("[aria-label='Remove broken.wav']")
    page.locator("#landed button:text('Remove')").click()
    assert page.locator("#landed li").count() == 0
    assert page.evaluate("document.getElementById('over').toDataURL()") != before


def test_a_recording_that_is_too_long_is_refused_in_words(visit, tmp_path):
    page = visit(refused=["422"])
    page.set_input_files("#file", write(tmp_path / "long.wav", np.zeros(8000 * 121), 8000))
    page.locator("#landing-state", has_text="120 s").wait_for()
    assert page.locator("#landed li").count() == 0


def test_a_selection_is_downloaded_and_annotated(visit, exploring, tmp_path):
    page, table = visit(), table_of(exploring)
    polygon = lasso(page)
    points = scored(table)
    within = points[inside(points[["valence", "activation"]].to_numpy(), polygon)]
    with page.expect_download() as download:
        page.click("#download")
    download.value.save_as(tmp_path / "selection.csv")
    again = pd.read_csv(tmp_path / "selection.csv")
    assert list(again["file"]) == list(within.index.get_level_values("file"))
    assert again["activation"].to_numpy() == pytest.approx(within["activation"])
    page.click("#annotate")
    page.wait_for_selector("#onward code")
    command = page.inner_text("#onward code")
    written = re.fullmatch(r"affectspace annotate \S+ --audio (\S+)", command)[1]
    assert len(read_table(written)) == len(within)


def test_names_are_text(visit, exploring):
    page = visit(refused=["404"])  # there is no such recording
    page.fill("#search", "onerror")
    wait_for_count(page, 1)
    page.click("#scroller tr[data-row='6']")
    assert HOSTILE in page.inner_text("#details h2")
    assert page.evaluate("window.hacked") is None
    assert page.locator("main img").count() == 0


def test_a_link_of_before_says_what_to_do(launch, exploring):
    visitor = Visitor(launch("plain"), exploring)
    visitor.page.goto(f"{exploring.link[:-2]}xx")
    visitor.page.locator("#trouble", has_text="prints a new one").wait_for()
    visitor.page.goto(f"{exploring.url}/explore")
    visitor.page.locator("#trouble", has_text="the command printed").wait_for()
    visitor.close(refused=["403", "401"])


@pytest.mark.parametrize(("scheme", "viewport"), [("light", DESKTOP), ("dark", PHONE)])
def test_nobody_is_shut_out(visit, scheme, viewport):
    page = visit(scheme=scheme, viewport=viewport)
    assert fits(page)
    assert violations(page) == []
    page.select_option("#colour", label="emotion")
    page.select_option("#add-filter", label="gender")
    page.select_option("#add-filter", label="age")
    page.click("#select-shown")
    page.click("#scroller tr[data-row='0'] td >> nth=0")
    page.set_input_files("#file", {"name": "a.wav", "mimeType": "audio/wav", "buffer": b"none"})
    page.wait_for_selector("#landed li")
    assert fits(page)
    assert violations(page) == []


def test_a_finger_taps_and_scrolls(visit):
    page = visit(viewport=PHONE)
    assert page.get_attribute("#over", "data-tool") == ""  # or it couldn't scroll
    page.touchscreen.tap(*place(page, 4.7, 4.8))
    assert page.inner_text("#details h2").endswith("speaker0_000.wav")


@pytest.mark.parametrize(
    ("change", "plane"),
    [
        (lambda table: table.assign(status="silent", activation=np.nan, valence=np.nan), False),
        (lambda table: table.drop(columns=[f"activation{end}" for end in ENDS]), True),
        (lambda table: table[["z1", "z2", "status"]], True),
        (lambda table: table[["activation", "status"]].iloc[:1], True),
        (lambda table: table.iloc[:0], False),
    ],
)
def test_collections_that_lack_something(launch, tmp_path, change, plane):
    table = change(made_collection(tmp_path / "speech", 8, sounds=0).table)
    with served(Collection(table, {})) as exploring:
        visitor = Visitor(launch("plain"), exploring)
        page = visitor.page
        page.goto(exploring.link)
        page.wait_for_selector("html[data-ready]")
        assert count(page) == (len(table), len(table))
        assert page.is_visible("#plane-card") is plane
        assert page.is_visible("#nothing") is not plane
        assert page.locator("#scroller tbody tr[data-row]").count() == len(table)
        assert fits(page)
        visitor.close()


def test_doubts_can_be_left_out(visit, exploring):
    page, caution = visit(), table_of(exploring)["caution"]
    cautioned = caution.str.replace("unusual", "").str.strip(";") != ""
    ring, cross = page.locator("#marks button").all()
    assert "caution" in ring.inner_text()
    assert "unusual" in cross.inner_text()
    ring.click()
    wait_for_count(page, (~cautioned).sum())
    cross.click()
    wait_for_count(page, (~cautioned & ~caution.str.contains("unusual")).sum())
    page.click("#reset")
    wait_for_count(page, ROWS)
    assert ring.get_attribute("aria-pressed") == "true"


def test_fifty_thousand_rows(launch, tmp_path):
    with served(made_collection(tmp_path / "speech", 50_000, sounds=0, failed=0.01)) as exploring:
        visitor = Visitor(launch("plain"), exploring)
        page = visitor.page
        page.goto(exploring.link)
        page.wait_for_selector("html[data-ready]", timeout=60_000)
        polygon = lasso(page)
        points = scored(table_of(exploring))
        within = inside(points[["valence", "activation"]].to_numpy(), polygon)
        assert selected(page) == pytest.approx(within.sum(), abs=20)  # pixels are single precision
        with page.expect_download() as download:
            page.click("#download")
        assert len(pd.read_csv(io.BytesIO(download.value.path().read_bytes()))) == selected(page)
        visitor.close()
