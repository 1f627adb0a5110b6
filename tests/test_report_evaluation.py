"""An evaluation's tables, sentences, Markdown and page."""

import pandas as pd

from affectspace import plots
from affectspace.report.evaluation import (
    choices_table,
    comparison_sentences,
    comparison_table,
    evaluation_page,
    few_labels_long,
    few_labels_table,
    markdown,
    summary_table,
)
from affectspace.study.languages import PROTOCOL
from made_evaluation import HOSTILE, choices, comparison, results


def test_the_summary_has_a_row_per_way_and_a_column_per_target():
    table = summary_table(results(), "pearson")
    assert list(table) == ["model", "near", "far-da", "mean"]
    assert table["model"].tolist() == ["joint", HOSTILE]
    assert table["near"].tolist() == [".50 / .50", ".40 / .40"]


def test_few_labels_have_a_row_per_way_and_number():
    table = few_labels_table(results())
    assert table["model"].tolist()[:2] == ["joint, n = 0", "joint, n = 20"]
    assert table["far-da"].tolist()[:2] == [".40 / .40", ".60 / .60"]
    long = few_labels_long(results())
    assert set(long["labels"]) == {0, 20}
    assert len(long) == 2 * 2 * 2 * 2


def test_the_comparison_says_what_intervals_allow():
    sentences = comparison_sentences(comparison(("joint", "ridge")))
    assert len(sentences) == 6
    assert sentences[0] == (
        "joint is above ridge in mean adjusted R² of activation by 0.10 [0.05, 0.20], "
        "more than speakers explain."
    )
    assert sentences[3].startswith("joint and ridge are not told apart in mean adjusted R² of val")
    row = comparison_table(comparison(("joint", "ridge"))).iloc[0]
    assert row["against"] == "ridge"
    assert row["activation r"] == ".10 [.05, .20]*"
    assert row["valence r"] == ".10 [-.05, .20]"


def test_only_ways_with_a_choice_have_chosen():
    table = choices_table(choices())
    assert table.to_dict("records") == [{"model": HOSTILE, "near": "weak", "far-da": "weak"}]
    assert choices_table(choices().query("model == 'joint'")).empty


def test_markdown_has_what_was_measured_and_no_more():
    both = markdown(results(), comparison(), warnings=["Mind the gap."], notice="All made up.")
    for words in ("All made up.", "Adjusted R²", "n = 20", "## Comparison", "- Mind the gap."):
        assert words in both
    table = results()
    only = markdown(table[table["protocol"] == PROTOCOL], comparison().iloc[:0])
    assert "n = 20" not in only
    assert "Comparison" not in only
    few = markdown(table[table["protocol"] != PROTOCOL], comparison().iloc[:0])
    assert "Adjusted R²" not in few


def test_a_single_way_makes_a_page_without_comparison():
    alone = results(("joint",))
    page = evaluation_page(
        alone,
        comparison().iloc[:0],
        choices=choices(("joint", "x")).query("model == 'joint'"),
        figures={},
        inputs=pd.DataFrame({"corpus": ["near"]}),
        config={"ways": {"joint": {}}},
    )
    assert "What 1 way of making a model gets right" in page
    assert "against the others" not in page
    assert "chosen inside" not in page


def test_figures_have_a_panel_for_each_metric_or_target_and_label():
    table = results()
    transfer = plots.transfer(table[table["protocol"] == PROTOCOL])
    assert len(transfer.axes) == 3 * 2
    ticks = [text.get_text() for text in transfer.axes[0].get_yticklabels()]
    assert ticks == ["near", "far-da", "mean"]
    few = plots.few_labels(few_labels_long(table), title="made")
    assert [axes.get_title() for axes in few.axes] == ["near", "far-da", "", ""]
    assert [text.get_text() for text in few.axes[2].get_xticklabels()] == ["0", "20"]
