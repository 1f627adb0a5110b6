"""Results as tables of text and as a page."""

import re
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser
from itertools import product

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import affectspace
from affectspace.evaluation import Result, Setting, results_table
from affectspace.report import study as report


def made_results(source="made", targets=("made", "far"), *, folds=2, transductive=(), p=None):
    """Results of two models; the values count up. `p`: p values by target, label and fold."""
    rows = []
    for model, (j, target), fold in product(
        ("unsupervised", "metric-act"), enumerate(targets), range(folds)
    ):
        setting = Setting(
            protocol="reproduction",
            source=source,
            target=target,
            model=model,
            seed=0,
            fold=fold,
            transductive=target in transductive,
        )
        row = partial(Result, n=9, speakers=3)
        for label, base in (("activation", 0.4), ("valence", 0.1)):
            value = base + 0.1 * j + 0.02 * fold
            ends = {"low": value - 0.1, "high": value + 0.1}
            level = (p or {}).get((target, label, fold), 0.001)
            here = partial(row, setting=setting, label=label)
            rows += [
                here(metric="adjusted_r2", value=value, **ends),
                here(metric="adjusted_r2_pairs", value=value, **ends),
                here(metric="p_value", value=level),
            ]
        probe = partial(row, setting=replace(setting, protocol="classification"), label="emotion")
        rows += [
            probe(metric="uar", value=0.5 + 0.1 * fold),
            probe(metric="uar_chance", value=0.25),
        ]
        line = partial(row, setting=replace(setting, protocol="consistency"), label="activation")
        rows += [line(metric="slope", value=0.8 + 0.2 * fold), line(metric="offset", value=0.0)]
    return results_table(rows)


CONFIG = {"source": "made", "targets": ["far"], "protocol": {"folds": 2, "seeds": 1}}


def row_of(table, **values):
    (row,) = table[(table[list(values)] == pd.Series(values)).all(axis=1)].to_dict("records")
    return row


def test_table1_is_of_the_source_alone():
    table = report.table1(made_results())
    assert list(table.columns) == [
        *("model", "label", "mean", "deviation", "count", "low", "high", "paper"),
    ]
    assert len(table) == 4
    row = row_of(table, model="metric-act", label="activation")
    assert row["mean"] == pytest.approx(0.41)
    assert row["deviation"] == pytest.approx(np.std([0.40, 0.42], ddof=1))
    assert row["count"] == 2
    assert (row["low"], row["high"]) == pytest.approx((0.31, 0.51))
    assert np.isnan(row["paper"])


def test_table2_has_every_corpus():
    table = report.table2(made_results(transductive=("far",)))
    assert len(table) == 8
    row = row_of(table, model="unsupervised", corpus="far", label="valence")
    assert row["mean"] == pytest.approx(0.21)
    assert row["significant"]
    assert row["transductive"]
    assert not row_of(table, model="unsupervised", corpus="made", label="valence")["transductive"]


@pytest.mark.parametrize(
    ("p", "significant"),
    [(0.049, True), (0.05, False), (float("nan"), False)],
)
def test_significant_only_if_every_fold_is(p, significant):
    results = made_results(p={("far", "valence", 1): p})
    table = report.table2(results)
    expected = (table["corpus"] != "far") | (table["label"] != "valence") | significant
    assert table["significant"].tolist() == expected.tolist()
    cells = report.wide_table(table)["far valence"].unique().tolist()
    assert cells == [".21 ± .01" if significant else ".21 ± .01*"]


def test_the_papers_figures_stand_beside_iemocap_alone():
    theirs = made_results("iemocap", ("iemocap", "emodb", "emotale"))
    table = report.table2(theirs)
    assert row_of(table, model="metric-act", corpus="emodb", label="activation")["paper"] == 0.63
    assert np.isnan(row_of(table, model="metric-act", corpus="emotale", label="valence")["paper"])
    first = report.table1(theirs)
    assert row_of(first, model="metric-act", label="activation")["paper"] == 0.21
    ours = report.table2(made_results("cremad", ("cremad", "emodb", "iemocap")))
    assert ours["paper"].isna().all()


def test_wide_table_has_a_row_per_model_and_the_papers_below():
    wide = report.wide_table(report.table2(made_results("iemocap", ("iemocap", "emotale"))))
    assert wide["model"].tolist() == [
        *("unsupervised", "unsupervised, paper", "metric-act", "metric-act, paper"),
    ]
    assert wide["iemocap activation"].tolist() == [".41 ± .01", ".41", ".41 ± .01", ".49"]
    assert wide["emotale valence"].tolist() == [".21 ± .01", "", ".21 ± .01", ""]
    plain = report.wide_table(report.table1(made_results()))
    assert list(plain.columns) == ["model", "activation", "valence"]
    assert plain["model"].tolist() == ["unsupervised", "metric-act"]


def test_one_fold_has_no_deviation():
    wide = report.wide_table(report.table2(made_results(folds=1)))
    assert wide["made activation"].tolist() == [".40", ".40"]


def test_no_rated_row_gives_empty_tables():
    results = made_results(targets=("far",))
    assert report.wide_table(report.table1(results)).empty
    none = results[results["metric"] == "uar"]
    assert report.wide_table(report.table2(none)).columns.tolist() == ["model"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.48, ".48"),
        (-0.01, "-.01"),
        (1.0, "1.00"),
        (-1.5, "-1.50"),
        (-0.0, ".00"),
        (-0.004, ".00"),
        (0.999, "1.00"),
        (10.04, "10.04"),
        (float("nan"), "-"),
    ],
)
def test_numbers(value, text):
    results = made_results(folds=1)
    results.loc[results["metric"] == "adjusted_r2", "value"] = value
    wide = report.wide_table(report.table2(results))
    assert set(wide["made activation"]) == {text}


def test_markdown():
    table = pd.DataFrame({"model": ["joint"], "a|b valence": [".48*"]})
    text = report.markdown(table, title="Table 2", notes=["* a note", "another"])
    assert text == (
        "# Table 2\n\n"
        "| model | a\\|b valence |\n"
        "| --- | --- |\n"
        "| joint | .48* |\n\n"
        "* a note\n\n"
        "another\n"
    )


def test_consistency_table():
    table = report.consistency_table(made_results())
    row = row_of(table, model="metric-act", corpus="far", label="activation")
    assert row["slope"] == pytest.approx(0.9)
    assert row["offset"] == 0
    assert table.columns.tolist()[:3] == ["model", "corpus", "label"]


def test_classification_table():
    table = report.classification_table(made_results())
    row = row_of(table, model="metric-act", corpus="far")
    assert row["uar"] == pytest.approx(0.55)
    assert row["chance"] == 0.25


class Page(HTMLParser):
    """What a page would load, and the cells of its tables."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.tags, self.texts = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [v for k, v in attributes if k in ("src", "href", "srcset", "data")]

    def handle_data(self, data):
        self.texts.append(data.strip())


def page_of(results, **settings):
    inputs = pd.DataFrame([{"corpus": results["source"][0], "rows": 9, "left out": "1 silent"}])
    defaults = {"figures": {"A <caption>": Figure()}, "inputs": inputs, "config": CONFIG}
    return report.study_page(results, **(defaults | settings))


def test_the_page_loads_nothing_from_anywhere():
    text = page_of(made_results())
    page = Page(text)
    assert page.addresses
    assert all(address.startswith("data:") for address in page.addresses)
    assert not re.search(r"https?://|@import|url\(", text)
    assert "script" not in page.tags
    assert sum(tag == "img" for tag in page.tags) == 1


def test_the_page_shows_tables_notice_and_warnings():
    texts = Page(page_of(made_results(), notice="All made up", warnings=["Mind this", "And that"]))
    for expected in (
        *("All made up", "Mind this", "And that", ".41 ± .01", "far activation", "1 silent"),
        *("A <caption>", "metric-act"),
    ):
        assert expected in texts.texts, expected
    assert any(affectspace.__version__ in text for text in texts.texts)
    assert texts.tags.count("table") == 5


def test_a_page_without_notice_and_warnings_has_no_box_for_them():
    text = page_of(made_results())
    assert 'class="notice"' not in text
    assert 'class="warnings"' not in text


def test_names_are_escaped():
    evil = '<b onclick="x">&'
    config = CONFIG | {"source": evil, "targets": ["</pre><script>"]}
    text = page_of(
        made_results(evil, (evil,)),
        config=config,
        notice="<i>notice</i>",
        warnings=["<u>warning</u>"],
        figures={'"><script>': Figure()},
    )
    page = Page(text)
    assert not {"b", "i", "u", "script"} & set(page.tags)
    assert f"{evil} activation" in page.texts
    assert "<i>notice</i>" in page.texts


def test_the_page_of_a_single_corpus():
    results = made_results(targets=("made",))
    results = results[results["protocol"] != "consistency"].reset_index(drop=True)
    page = Page(page_of(results, config=CONFIG | {"targets": []}))
    assert any("held-out folds only" in text for text in page.texts)
