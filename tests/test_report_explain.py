"""What was found about axes, as Markdown, tables and a page."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from affectspace.explain import Criteria, explain_axes, reasons
from affectspace.features import FeatureTable
from affectspace.report import explain as report
from affectspace.report.axes import axis_tables
from affectspace.report.charts import correlation_chart, meaning_chart, walk_chart
from affectspace.report.text import cells, markdown_table, number
from affectspace.tables import utterance_index
from made_models import made_model
from made_voices import HIGH, LOUD, linear_model, speech

QUICK = Criteria(halvings=20, halvings_per_resample=2, formulas=30, resamples=60)
MODEL = {"name": "made", "version": "1", "licence": "none"}
EVIL = "</script><script>alert(1)</script>"


@pytest.fixture(scope="module")
def findings():
    tables = {
        "one": speech("aa", n=360, noise=0.5),
        "two": speech("bb", n=360, noise=0.5, seed=1, follows=HIGH),
        "three": speech("cc", seed=2, speakers=3, rated=False),
    }
    return explain_axes(linear_model(LOUD, HIGH), tables, criteria=QUICK)


@pytest.fixture(scope="module")
def told():
    table = speech(n=30)
    values = table.values.copy()
    values.iloc[3] = np.nan
    rows = table.rows.assign(status=["silent" if i == 3 else "ok" for i in range(30)])
    found = reasons(linear_model(), FeatureTable(table.spec, values, rows))
    return found.assign(status=rows["status"])


class Page(HTMLParser):
    """The data, the texts and the tags of a page."""

    def __init__(self, text):
        super().__init__()
        self.data, self.text, self.tags, self.scripts = None, "", [], []
        self._in = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self._in = dict(attributes).get("id", "script") if tag == "script" else tag

    def handle_data(self, data):
        if self._in == "data":
            self.data = json.loads(data)
        elif self._in == "script":
            self.scripts.append(data)
        elif self._in != "style":
            self.text += data

    def handle_endtag(self, tag):
        self._in = ""


def page_of(**values):
    return Page(report.explanation_page(**{"model": MODEL, "settings": {"seed": 0}, **values}))


def test_markdown_has_sentences_and_tables_of_every_axis(findings):
    text = report.explanation_markdown(
        findings, model="made 1", warnings=["Take care."], notice="All made up."
    )
    assert text.startswith("# What the axes mean\n\nModel made 1.\n\nAll made up.\n\nTake care.\n")
    for axis in ("activation", "valence"):
        assert f"\n## {axis}\n- Walking from " in text
    assert "| aa | one | 360 | 12 | 360 |" in text
    assert "| listeners: aa, bb | " in text
    assert "at least 90% as well as halves of one language" in text
    assert "nan" not in text


def test_tables_of_an_axis(findings):
    found = {title: table for title, table, _ in axis_tables(findings, "activation")}
    assert list(found) == [
        "Along the axis",
        "Families, by language",
        "Features that the model's reading follows",
        "The same in two languages?",
        "Families that differ between two languages",
    ]
    walked = found["Along the axis"]
    assert set(walked["feature"][:2]) == {"mean loudness", "loudness, 50th percentile"}
    families = found["Families, by language"]
    assert list(families.columns) == ["reading of the", "family", "aa", "bb", "cc"]
    loudness = families[families["family"] == "loudness"]
    assert loudness["aa"].iloc[0].startswith("1.00 (1.00 to 1.00)")
    assert loudness["cc"].iloc[1] == ""  # nobody has rated it
    top = found["Features that the model's reading follows"].iloc[0]
    assert (top["family"], top["sign agrees"]) == ("loudness", "3 of 3")
    same = found["The same in two languages?"].set_index("compared")
    assert same.loc["model with listeners: aa", "verdict"] == "same"
    assert same.loc["model: aa, cc", "relative"] == "-"  # too few speakers
    differ = found["Families that differ between two languages"]
    assert set(differ["family"]) >= {"pitch", "loudness"}


def test_without_speech_only_the_walk_is_told():
    found = explain_axes(made_model())
    titles = [title for title, _, _ in axis_tables(found, "valence")]
    assert titles == ["Along the axis"]
    text = report.explanation_markdown(found, model="made")
    assert "language" not in text
    page = page_of(findings=found)
    assert set(page.data["charts"]) == {"0.walk", "1.walk"}
    assert page.data["utterances"] is None


def test_the_page_has_a_chart_for_every_place(findings, told):
    page = page_of(findings=findings, told=told, warnings=["Take care."], notice="All made up.")
    places = [a["data-chart"] for _, a in page.tags if "data-chart" in a]
    assert places[:3] == ["0.walk", "0.model: all families", "0.meaning"]
    assert set(places) <= set(page.data["charts"])
    assert "0.listeners: loudness" in page.data["charts"]
    for text in ("Take care.", "All made up.", "Model made, version 1", "not shown"):
        assert text in page.text
    (policy,) = [a["content"] for t, a in page.tags if a.get("http-equiv")]
    assert policy.startswith("default-src 'none'; script-src 'unsafe-eval' 'sha256-")
    assert policy.count("sha256-") == len(page.scripts) == 4


def test_the_utterances_of_the_page_add_up(told):
    page = page_of(told=told)
    rows = page.data["utterances"]
    assert rows["labels"] == ["activation", "valence"]
    assert rows["families"][0] == "pitch"
    for label in rows["labels"]:
        parts = [rows["usual"][label], *rows["added"][label], rows["limit"][label]]
        for row in (0, 1, 29):
            total = sum(part[row] for part in parts)
            assert total == pytest.approx(rows["estimate"][label][row], abs=1e-3)
        assert rows["estimate"][label][3] is None
    assert rows["status"][3] == "silent"
    assert "axes" not in page.data


def test_a_column_that_came_in_is_no_label(told):
    assert report.labels_of(told.assign(why_not="x")) == ["activation", "valence"]


def test_a_page_holds_so_many_rows_and_says_so(told, monkeypatch):
    monkeypatch.setattr(report, "MOST_ROWS", 10)
    page = page_of(told=told)
    assert len(page.data["utterances"]["file"]) == 10
    assert "20 further rows are not in this page" in page.text


def test_nothing_in_a_table_becomes_code(findings, told):
    rows = told.set_axis(utterance_index([f"x/{EVIL}{i}.wav" for i in range(len(told))]))
    tables = {EVIL: speech(EVIL), "two": speech("bb", seed=1)}
    found = explain_axes(linear_model(), tables, criteria=QUICK)
    page = page_of(findings=found, told=rows, model={"name": EVIL}, notice=EVIL)
    assert len(page.scripts) == 4
    assert not any("alert(1)" in script for script in page.scripts)
    rows = page.data["utterances"]
    assert f"{rows['root']}/{rows['file'][0]}" == f"x/{EVIL}0.wav"
    names = [trace["name"] for trace in page.data["charts"]["0.model: all families"]["traces"]]
    assert names == ["&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;", "bb"]


def test_files_are_relative_to_the_folder_that_they_share(told):
    rows = told.iloc[:2].set_axis(
        utterance_index(["/a/b/c/1.wav", "/a/b/d/2.wav"], [0, 1.5], [1, 2])
    )
    found = page_of(told=rows).data["utterances"]
    assert found["file"] == ["c/1.wav", "d/2.wav"]
    assert (found["root"], found["start"], found["end"]) == ("/a/b", [0.0, 1.5], [1.0, 2.0])


def test_everything_is_written(findings, told, tmp_path):
    report.write_explanation(
        tmp_path, model=MODEL, findings=findings, told=told, settings={"seed": 0}
    )
    written = {path.name for path in tmp_path.iterdir()}
    tables = {"walk", "correlations", "across", "meaning", "differences", "reasons"}
    assert written == {"axes.md", "explain.json"} | {f"{name}.csv" for name in tables}
    meaning = pd.read_csv(tmp_path / "meaning.csv")
    assert meaning["verdict"].tolist() == findings.compared["verdict"].tolist()
    assert json.loads((tmp_path / "explain.json").read_text())["model"] == MODEL


def test_without_speech_no_empty_tables_are_written(tmp_path):
    report.write_explanation(
        tmp_path, model=MODEL, findings=explain_axes(made_model()), settings={}
    )
    assert {path.name for path in tmp_path.iterdir()} == {"walk.csv", "axes.md", "explain.json"}


def test_charts_hold_what_the_tables_hold(findings):
    walked = findings.walked[findings.walked["axis"] == "activation"]
    lines, dots = walk_chart(walked)["traces"]
    assert len(dots["x"]) == len(lines["x"]) // 3 * 5
    chosen = findings.followed.query("axis == 'activation' and of == 'model'")
    chart = correlation_chart(chosen)
    assert [trace["name"] for trace in chart["traces"]] == ["aa", "bb", "cc"]
    row = chart["layout"]["yaxis"]["ticktext"].index("loudness")
    assert chart["traces"][0]["x"][row] == pytest.approx(1.0)
    features = correlation_chart(chosen, "pitch")
    assert features["layout"]["yaxis"]["ticktext"] == ["mean pitch", "pitch, 50th percentile"]
    compared = findings.compared.query("axis == 'activation'")
    meanings = meaning_chart(compared, margin=0.9)
    counts = {trace["name"]: len(trace["x"]) for trace in meanings["traces"]}
    found = compared["verdict"].value_counts()
    assert {name: count for name, count in counts.items() if count} == found.to_dict()
    assert meanings["layout"]["shapes"][1]["x0"] == 0.9
    json.dumps([chart, features, meanings], allow_nan=False)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.476, ".48"), (-0.011, "-.01"), (1.0, "1.00"), (-0.001, ".00"), (np.nan, "-")],
)
def test_numbers(value, text):
    assert number(value) == text


def test_tables_as_text():
    table = pd.DataFrame({"a|b": ["x|y", "z"], "c": [0.5, np.nan], "d": [1, 2]})
    assert cells(table) == {
        "columns": ["a|b", "c", "d"],
        "rows": [["x|y", ".50", "1"], ["z", "-", "2"]],
    }
    lines = markdown_table(table).splitlines()
    assert lines[0] == "| a\\|b | c | d |"
    assert lines[2] == "| x\\|y | .50 | 1 |"
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 4 for line in lines)
