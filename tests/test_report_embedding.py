"""The page of an embedded collection: what it says, what it holds, what it may do."""

import base64
import hashlib
import io
import json
import re
import subprocess
import sys
import textwrap
from datetime import timedelta
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
import soundfile

import affectspace
from affectspace.audio import Status
from affectspace.errors import TableError
from affectspace.model import Caution
from affectspace.report import columns, listening, summary
from affectspace.report.embedding import SCRIPTS, embedding_page, write_embedding_page
from affectspace.report.page import package_versions
from affectspace.tables import utterance_index
from made_embedding import MODEL, SETTINGS, embedding_table, long_recording

EVIL = "</script><script>alert(1)</script>"


class Page(HTMLParser):
    """Tags, addresses, texts and scripts of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.texts, self.scripts = [], [], [], []
        self.policy, self.data = "", {}
        self._script = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.tags.append(tag)
        self.addresses += [v for k, v in attributes if k in ("src", "href", "srcset", "data")]
        if tag == "meta" and found.get("http-equiv") == "Content-Security-Policy":
            self.policy = found["content"]
        self._script = found.get("id", "") if tag == "script" else None

    def handle_endtag(self, tag):
        self._script = None

    def handle_data(self, data):
        if self._script is None:
            self.texts.append(data.strip())
        elif self._script:
            self.data[self._script] = json.loads(data)
        else:
            self.scripts.append(data)

    @property
    def text(self):
        return " ".join(filter(None, self.texts))


def page_of(table, **settings):
    return Page(embedding_page(table, **({"model": MODEL, "settings": SETTINGS} | settings)))


def column_of(data, name):
    (column,) = [column for column in data["columns"] if column["name"] == name]
    return column


# words


def test_the_summary_says_how_many_were_scored():
    table = embedding_table(40, failed=0)
    assert summary.sentences(table)[0] == "40 rows from 40 files: all scored."
    table.loc[table.index[:10], "status"] = "silent"
    assert summary.sentences(table)[0] == "40 rows from 40 files: 30 of 40 (75 %) scored, 10 not."
    assert summary.sentences(table[:1])[0] == "1 row from 1 file: 0 of 1 (0 %) scored, 1 not."
    assert summary.sentences(table[-1:])[0] == "1 row from 1 file: it is scored."
    assert summary.sentences(table[:0]) == ["There are no rows."]


def test_the_summary_says_where_the_labels_lie():
    table = embedding_table(5, failed=0)
    table["activation"] = [1.0, 2, 3, 4, 5]
    assert (
        "Activation is 3.00 on average (1 to 5, 3 is neutral); "
        "the middle half of the rows lies between 2.00 and 4.00."
    ) in summary.sentences(table)
    assert "Activation is 1.00 (1 to 5, 3 is neutral)." in summary.sentences(table[:1])
    missing = "This model doesn't estimate valence."
    assert missing not in summary.sentences(table)
    assert missing in summary.sentences(table.drop(columns="valence"))
    assert missing in summary.sentences(table.assign(valence=np.nan))
    assert missing not in summary.sentences(table.assign(valence=np.nan, status="silent"))


def nearly_equal(label, spread, *, middle=2.6, half=1.4, rows=20):
    """A table whose estimates of one label span `spread`, with intervals of the same width."""
    values = np.linspace(middle - spread / 2, middle + spread / 2, rows)
    ends = {label: values, f"{label}_low": values - half, f"{label}_high": values + half}
    return embedding_table(rows, failed=0).assign(**ends)


@pytest.mark.parametrize("label", ["activation", "valence"])
def test_estimates_that_hardly_differ_are_not_called_precise(label):
    lines = summary.sentences(nearly_equal(label, 0.06))
    (found,) = [line for line in lines if label in line.lower()]
    assert found == (
        f"The estimates of {label} hardly differ (from 2.57 to 2.63), while their intervals span "
        f"1.2 to 4.0: take {label} as not known here, rather than as neutral."
    )
    (other,) = {"activation", "valence"} - {label}
    assert any(line.startswith(f"{other.capitalize()} is") for line in lines)


def test_estimates_differ_from_a_tenth_of_the_intervals_width_on():
    def hardly(table):
        return any("hardly differ" in line for line in summary.sentences(table))

    assert hardly(nearly_equal("valence", 0.279))
    assert not hardly(nearly_equal("valence", 0.281))
    narrow = nearly_equal("valence", 0.06)
    assert not hardly(narrow[:1])
    assert not hardly(narrow.assign(valence_low=np.nan, valence_high=np.nan))
    assert not hardly(narrow.drop(columns=["valence_low", "valence_high"]))
    silent = nearly_equal("valence", 0.06).assign(status="silent")
    assert not hardly(silent)


def test_estimates_beyond_neutral_are_not_called_unknown():
    lines = summary.sentences(nearly_equal("activation", 0.02, middle=4.5, half=0.4))
    (found,) = [line for line in lines if "hardly differ" in line]
    assert found.endswith("span 4.1 to 4.9: they don't tell these rows apart.")


@pytest.mark.parametrize(
    ("rare", "rows", "start"),
    [
        (12, 535, "12 of 535 (2 %) are more unusual than 99 in 100 training utterances; "),
        (1, 535, "1 of 535 (under 1 %) is more unusual than 99 in 100"),
        (0, 20, "0 of 20 (0 %) are more unusual than"),
        (999, 1000, "999 of 1,000 (over 99 %) are more unusual than"),
    ],
)
def test_the_summary_counts_what_is_rare(rare, rows, start):
    table = embedding_table(rows, failed=0)
    table["unusualness"] = np.where(np.arange(rows) < rare, 0.995, 0.5)
    (found,) = [line for line in summary.sentences(table) if "unusual" in line]
    assert found.startswith(start)
    assert "expected: 1 %." in found
    assert ("far more than expected" in found) == (rare / rows >= summary.MANY_RARE)


def test_exactly_the_limit_is_not_rare():
    table = embedding_table(10, failed=0)
    table["unusualness"] = summary.RARE
    assert any(line.startswith("0 of 10 (0 %)") for line in summary.sentences(table))
    table["unusualness"] = np.nan
    assert not any("unusual" in line for line in summary.sentences(table))


def test_statuses_come_with_their_meaning():
    table = embedding_table(6, failed=0)
    table["status"] = ["silent", "ok", "silent", "too_short", "ok", "odd"]
    assert summary.status_counts(table) == [
        ("ok", 2, "scored"),
        ("silent", 2, Status.SILENT.sentence),
        ("odd", 1, "odd"),
        ("too_short", 1, Status.TOO_SHORT.sentence),
    ]


def test_cautions_are_counted_one_by_one():
    table = embedding_table(4, failed=0)
    table["caution"] = ["quiet;short", "", "quiet", np.nan]
    counts = summary.caution_counts(table)
    assert [(count.word, count.rows) for count in counts] == [("quiet", 2), ("short", 1)]
    assert all(count.meaning == Caution(count.word).sentence for count in counts)
    assert summary.caution_counts(table.drop(columns="caution")) == []


# columns


def test_the_page_holds_the_table():
    table = embedding_table(60)
    data = columns.page_data(table)
    assert data["rows"] == 60
    folders, files = data["folders"], data["files"]
    paths = [
        f"{data['root']}/{folders[files['folder'][code]]}/{files['name'][code]}"
        for code in data["file"]
    ]
    assert paths == list(table.index.get_level_values("file"))
    assert data["start"] == [0] * 60
    assert data["end"] == [None] * 60
    assert [column["name"] for column in data["columns"]] == list(table.columns)
    for name in ("activation", "valence_high", "unusualness", "duration"):
        values = pd.Series(column_of(data, name)["values"], dtype=float)
        np.testing.assert_allclose(values, table[name], atol=0.0051)
    for name in ("status", "speaker", "caution"):
        column = column_of(data, name)
        texts = [column["levels"][code] if code >= 0 else "" for code in column["codes"]]
        assert texts == table[name].to_list()
        assert len(set(column["levels"])) == len(column["levels"])


@pytest.mark.parametrize("value", [4.145406, 2.92521, 3.004999, 1.06501])
def test_ratings_are_rounded_once(value):
    table = embedding_table(1, failed=0).assign(activation=value, unusualness=value / 10)
    data = columns.page_data(table)
    for name, digits in (("activation", 2), ("unusualness", 3)):
        (stored,) = column_of(data, name)["values"]
        assert f"{stored:.{digits}f}" == f"{table[name].iloc[0]:.{digits}f}"


def test_what_is_missing_is_none_or_minus_one():
    table = embedding_table(4, failed=0)
    table["activation"] = [2.5, np.nan, np.inf, -1e-7]
    table["note"] = pd.Series(["a", None, "", np.nan], index=table.index, dtype=object)
    table["count"] = pd.array([1, None, 3, 2**40], dtype="Int64")
    data = columns.page_data(table)
    assert column_of(data, "activation")["values"] == [2.5, None, None, 0]
    assert column_of(data, "note")["codes"] == [0, -1, -1, -1]
    assert column_of(data, "count")["values"] == [1, None, 3, 2**40]
    json.loads(columns.as_json(data))


def test_input_columns_of_every_kind():
    table = embedding_table(3, failed=0)
    table["ratio"] = [1 / 3, 2e-9, 12345678.9]
    table["flag"] = [True, False, True]
    table["kind"] = pd.Categorical(["x", "y", "x"])
    table["day"] = pd.to_datetime(["2020-01-01"] * 3)
    table["wait"] = [timedelta(seconds=s) for s in (1, 2.5, 3)]
    table["list"] = [[1, 2], {"a": 1}, None]
    table["long"] = ["t" * 1000] * 3
    data = columns.page_data(table)
    assert column_of(data, "ratio")["values"] == [0.333333, 2e-9, 12345700]
    assert column_of(data, "flag")["levels"] == ["True", "False"]
    assert column_of(data, "kind")["codes"] == [0, 1, 0]
    assert column_of(data, "day")["levels"] == ["2020-01-01 00:00:00"]
    assert column_of(data, "wait")["values"] == [1, 2.5, 3]
    assert column_of(data, "list")["levels"] == ["[1, 2]", "{'a': 1}"]
    assert len(column_of(data, "long")["levels"][0]) == columns.LONGEST_TEXT
    assert not column_of(data, "flag")["own"]


def test_too_many_columns_are_left_out_and_named():
    table = embedding_table(3, failed=0).drop(columns=["speaker", "emotion", "gender", "age"])
    extra = {f"extra{i}": [i] * 3 for i in range(columns.MOST_INPUT_COLUMNS + 2)}
    latent = {f"z{i}": [0.5] * 3 for i in range(3, columns.MOST_LATENT + 3)}
    table = pd.concat([table, pd.DataFrame(extra | latent, index=table.index)], axis=1)
    data = columns.page_data(table)
    gone = [f"extra{columns.MOST_INPUT_COLUMNS + i}" for i in range(2)] + ["z9", "z10"]
    assert data["left_out"] == gone
    assert "4 columns are not in this page: extra40, extra41, z9, z10." in page_of(table).text


@pytest.mark.parametrize(
    ("files", "root", "folders"),
    [
        (["a.wav", "b.wav"], "", [""]),
        (["x/a.wav", "x/y/b.wav"], "x", [".", "y"]),
        (["/d/x/a.wav", "/d/y/a.wav"], "/d", ["x", "y"]),
        (["/a.wav"], "/", ["."]),
        (["a.wav", "x/a.wav"], "", ["", "x"]),
        (["/x/a.wav", "x/a.wav"], "", ["/x", "x"]),
    ],
)
def test_files_share_a_root(files, root, folders):
    table = embedding_table(len(files), failed=0, files=files)
    data = columns.page_data(table)
    assert (data["root"], data["folders"]) == (root, folders)


def test_segments_have_their_times():
    table = long_recording(20, hours=0.05)
    data = columns.page_data(table)
    starts, ends = (table.index.get_level_values(level) for level in ("start", "end"))
    np.testing.assert_allclose(data["start"], starts.total_seconds(), atol=0.0006)
    np.testing.assert_allclose(data["end"], ends.total_seconds(), atol=0.0006)
    assert len(data["files"]["name"]) == 1


def test_json_cannot_end_its_element():
    text = columns.as_json({"name": EVIL + "&<!--\u2028\udce9"})
    assert not set("<>&") & set(text)
    assert text.isascii()
    assert json.loads(text)["name"] == EVIL + "&<!--\u2028\udce9"
    with pytest.raises(ValueError, match="JSON"):
        columns.as_json(float("nan"))


# sound


def test_addresses_are_relative_where_that_lasts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folders = ["speech", f"{tmp_path}/a b/c#d?é%", ".", "", "/elsewhere"]
    found = listening.folder_addresses(folders, page_folder="out")
    assert found == [
        "../speech/",
        "../a%20b/c%23d%3F%C3%A9%25/",
        "../",
        "../",
        "file:///elsewhere/",
    ]
    absolute = listening.folder_addresses(["/a b"], page_folder=None)
    assert absolute == ["file:///a%20b/"]
    assert listening.folder_addresses(["c:d"], page_folder=tmp_path) == ["c%3Ad/"]


def test_files_that_are_spelt_otherwise_on_disk(tmp_path):
    (tmp_path / "caf\udce9.wav").touch()
    (tmp_path / "Cafe\u0301.wav").touch()
    files = [str(tmp_path / name) for name in ("caf\\xe9.wav", "Caf\u00e9.wav", "plain.wav")]
    assert listening.odd_addresses(files, page_folder=tmp_path) == {
        0: "caf%E9.wav",
        1: "Cafe%CC%81.wav",
    }


def write_tone(path, *, seconds=2.0, rate=44100, channels=1):
    time = np.arange(round(seconds * rate)) / rate
    tone = 0.5 * np.sin(2 * np.pi * 440 * time)
    soundfile.write(path, np.stack([tone] * channels, axis=1), rate)


def test_the_sound_of_a_span_is_embedded(tmp_path):
    write_tone(tmp_path / "a.wav", channels=2)
    (tmp_path / "broken.wav").write_bytes(b"nothing")
    files = [str(tmp_path / name) for name in ("a.wav", "a.wav", "broken.wav", "gone.wav")]
    index = utterance_index(files, [0, 0.5, 0, 0], [None, 1.25, None, None])
    whole, part, broken, gone = listening.embedded_clips(index)
    assert broken is None
    assert gone is None
    for clip, seconds in ((whole, 2.0), (part, 0.75)):
        samples, rate = soundfile.read(io.BytesIO(base64.b64decode(clip)))
        assert rate == 16000
        assert samples.ndim == 1
        assert len(samples) == pytest.approx(seconds * rate, abs=2)
        spectrum = np.abs(np.fft.rfft(samples))
        assert np.argmax(spectrum) / seconds == pytest.approx(440, abs=2)


def test_the_budget_holds(tmp_path):
    write_tone(tmp_path / "long.wav", seconds=20)
    write_tone(tmp_path / "short.wav", seconds=0.5)
    files = [str(tmp_path / name) for name in ("short.wav", "long.wav", "short.wav", "short.wav")]
    index = utterance_index(files)
    (one,) = listening.embedded_clips(index[:1])
    clips = listening.embedded_clips(index, budget=2 * len(one) + 10)
    assert [clip is not None for clip in clips] == [True, False, True, False]
    assert listening.embedded_clips(index, budget=0) == [None] * 4


def test_what_is_too_long_or_never_fits_is_not_tried(tmp_path, monkeypatch):
    write_tone(tmp_path / "a.wav", seconds=1)
    index = utterance_index([str(tmp_path / "a.wav")] * 30)
    encoded = []
    encode = listening.encode
    monkeypatch.setattr(listening, "encode", lambda *a: encoded.append(1) or encode(*a))
    assert listening.embedded_clips(index, budget=9) == [None] * 30
    assert len(encoded) == 20
    write_tone(tmp_path / "b.wav")
    mixed = index[:19].append(
        utterance_index([str(tmp_path / name) for name in ("b.wav", "a.wav")])
    )
    assert listening.embedded_clips(mixed, budget=9) == [None] * 21
    assert len(encoded) == 40
    monkeypatch.setattr(listening, "LONGEST", 0.5)
    assert listening.embedded_clips(index[:1]) == [None]


def test_a_long_clip_is_written_in_blocks():
    samples = np.zeros(16000 * 120, dtype=np.float32)
    decoded, _ = soundfile.read(io.BytesIO(listening.encode(samples, 16000)))
    assert len(decoded) == len(samples)


# the page


def test_the_page_runs_its_own_scripts_and_loads_nothing():
    page = page_of(embedding_table(30))
    assert page.addresses == ["data:,"]
    assert len(page.scripts) == 1 + len(SCRIPTS)
    for script in page.scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in page.policy
    assert page.policy.startswith("default-src 'none'; script-src 'unsafe-eval' 'sha256-")
    assert "unsafe-inline" not in page.policy.partition("style-src")[0]
    assert "connect-src" not in page.policy
    own = "".join(page.scripts[1:])
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|innerHTML|document\.write", own)


def test_each_script_is_short():
    page = page_of(embedding_table(3))
    assert all(script.count("\n") < 400 for script in page.scripts[1:])
    assert all(script.startswith("'use strict';") for script in page.scripts[1:])


def test_names_stay_text():
    names = [EVIL, "a\"b'c.wav", "a\nb.wav", "<img src=x onerror=alert(1)>.wav", "日本 é.wav"]
    table = embedding_table(5, failed=0, files=[f"x/{name}" for name in names])
    table["speaker"] = EVIL
    table[EVIL] = EVIL
    table["status"] = [EVIL, *["ok"] * 4]
    table["caution"] = ["", EVIL, "", "", ""]
    page = page_of(table, title=EVIL, notice=EVIL, model={EVIL: EVIL}, settings={EVIL: [EVIL]})
    assert len(page.scripts) == 1 + len(SCRIPTS)
    assert "img" not in page.tags
    assert page.texts.count(EVIL) >= 6
    data = page.data["rows"]
    table_names = [
        "/".join([data["folders"][folder], name]).removeprefix("./")
        for folder, name in zip(*data["files"].values(), strict=True)
    ]
    assert sorted(f"x/{name}" for name in table_names) == sorted(f"x/{name}" for name in names)


def test_the_page_says_what_it_is_about():
    table = embedding_table(300, failed=0.1)
    text = page_of(table, title="My speech", notice="All made up").text
    expected = [
        *("My speech", "All made up", "Model default, version 1", affectspace.__version__),
        *("Before you use these numbers", "Valence from speech alone is weak"),
        "No decision about a person may rest on them.",
        *("emodb, emotale, emovo, ravdess, urdu", "0.91", "CC BY-NC-SA 4.0"),
        *("segment", "none", "opensmile", "2.6.0"),
        *(count.meaning for count in summary.status_counts(table)[1:]),
        *(count.meaning for count in summary.caution_counts(table)),
        *summary.sentences(table),
    ]
    for part in expected:
        assert part in text, part


def test_the_page_says_on_whose_scale_aligned_estimates_are():
    said = "The estimates were aligned with 12 rows (01234567): their mean and spread were put"
    for scale, there in (("aligned with 12 rows (01234567)", True), ("the model's", False)):
        text = page_of(embedding_table(20), model={**MODEL, "scale": scale}).text
        assert (said in text) == there


def test_a_model_without_valence_or_calibration():
    table = embedding_table(20, failed=0)
    text = page_of(table).text
    assert "The interval belongs to the number" in text
    table[["activation_low", "activation_high"]] = np.nan
    text = page_of(table.drop(columns=["valence", "valence_low", "valence_high"])).text
    assert "This model doesn't estimate valence." in text
    assert "Valence from speech alone is weak" not in text
    assert "its estimates come without intervals" in text
    bare = table[["z1", "z2", "status"]]
    text = page_of(bare).text
    assert "This model doesn't estimate activation or valence." in text
    assert "without intervals" not in text


def test_sound_by_link_inside_or_not_at_all(tmp_path):
    write_tone(tmp_path / "a.wav", seconds=0.5)
    files = [str(tmp_path / "a.wav"), str(tmp_path / "gone.wav")]
    table = embedding_table(2, failed=0, files=files)
    linked = page_of(table, page_folder=tmp_path / "out")
    assert linked.data["rows"]["addresses"] == ["../"]
    assert "clips" not in linked.data
    inside = page_of(table, audio="embed")
    assert inside.data["rows"]["addresses"] == []
    assert inside.data["clips"]["type"] == "audio/ogg"
    assert [clip is None for clip in inside.data["clips"]["clips"]] == [False, True]
    assert "The sound of 1 of 2 rows is inside this page." in inside.text
    silent = page_of(table, audio="none")
    assert silent.data["rows"]["addresses"] == []
    assert "clips" not in silent.data
    assert "holds no sound" in silent.text
    with pytest.raises(ValueError, match="link, embed, and is 'maybe'"):
        page_of(table, audio="maybe")


def test_versions_are_those_of_the_installation_unless_given():
    page = page_of(embedding_table(2), settings={})
    for package, version in package_versions().items():
        assert f"{package} {version}" in page.text
    assert package_versions()["pandas"] == pd.__version__


def test_plain_values_in_words():
    model = {"a": None, "b": True, "c": 0.123456789, "d": [], "e": {"f": (1, 2.5)}}
    text = page_of(embedding_table(2), model=model).text
    for part in ("a none", "b yes", "c 0.123457", "d none", "f 1, 2.5", "Model without a name"):
        assert part in text


def test_a_table_of_another_kind_is_refused():
    table = embedding_table(2)
    with pytest.raises(TableError, match="index levels file, start, end"):
        page_of(table.reset_index(drop=True))
    with pytest.raises(TableError, match="column status"):
        page_of(table.drop(columns="status"))


def test_an_empty_table_and_one_without_a_score():
    assert "There are no rows." in page_of(embedding_table(3)[:0]).text
    page = page_of(embedding_table(3, failed=1))
    assert "0 of 3 (0 %) scored, 3 not." in page.text
    assert set(column_of(page.data["rows"], "activation")["values"]) == {None}
    assert "No row was scored" not in page_of(embedding_table(3, failed=0)).text


def test_a_page_without_a_score_claims_nothing_on_the_model():
    failed = embedding_table(3, failed=1)
    for table in (failed, failed[:0]):
        text = page_of(table).text
        assert "no calibration" not in text.partition("How to read the numbers")[0]
        assert "No row was scored, so there is nothing to plot." in text
    assert "each with the reason" in page_of(failed).text
    assert "each with the reason" not in page_of(failed[:0]).text


def test_writing_replaces_at_once(tmp_path):
    path = tmp_path / "new" / "page.html"
    table = embedding_table(3, failed=0, files=["caf\udce9.wav", "b.wav", "c.wav"])
    write_embedding_page(path, table, model={"name": "caf\udce9"}, settings=SETTINGS)
    page = Page(path.read_text("utf-8"))
    assert page.data["rows"]["files"]["name"][0] == "caf\\xe9.wav"
    before = path.read_bytes()
    with pytest.raises(TableError):
        write_embedding_page(path, table.drop(columns="status"), model=MODEL, settings=SETTINGS)
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == ["page.html"]


def test_fifty_thousand_rows_fit():
    text = embedding_page(embedding_table(50_000), model=MODEL, settings=SETTINGS)
    assert len(text) < 25e6


def test_the_page_needs_the_core_only():
    code = """
        import sys

        class Missing:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in ("torch", "sklearn", "scipy", "matplotlib"):
                    raise ModuleNotFoundError(name, name=name)

        sys.meta_path.insert(0, Missing())
        sys.path.insert(0, "tests")
        from affectspace.report.embedding import embedding_page
        from made_embedding import MODEL, SETTINGS, embedding_table
        page = embedding_page(embedding_table(5), model=MODEL, settings=SETTINGS)
        print(len(page) > 1e6, "plotly" in sys.modules)
    """
    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert found.stderr == ""
    assert found.stdout.split() == ["True", "False"]
