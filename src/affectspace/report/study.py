"""The study's results as tables and as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from affectspace.evaluation import paper
from affectspace.evaluation.transfer import LABELS
from affectspace.report import page
from affectspace.report.evaluation import comparison_sentences
from affectspace.report.text import cells, markdown_table, number

SIGNIFICANCE = 0.05
"""A fit is marked as not significant where its p value reaches this in any fold."""

STAR = "* not significant: p of the F test at or above 0.05 in at least one fold."


COMPARISON = "Mean over the targets: adjusted R² of the label on the embedding"

COMPARED = (
    "In brackets 95 % intervals over the same resampled speakers, means over folds; each interval "
    "speaks of one comparison."
)


def table1(results: pd.DataFrame) -> pd.DataFrame:
    """The paper's Table 1: is the source's space linear in the label, on held-out rows?

    Adjusted R² of embedding differences on label differences, over all pairs of a fold.

    Args:
        results: the results table of the study.

    Returns:
        `model, label, mean, deviation, count, low, high, paper`. Mean and deviation (of a sample)
        are over folds and seeds, `low` and `high` the mean ends of each fold's interval over
        speakers, `paper` the published figure, NaN where there is none.
    """
    chosen = results[
        (results["protocol"] == "reproduction") & (results["target"] == results["source"])
    ]
    table = _means(chosen[chosen["metric"] == "adjusted_r2_pairs"], ["model", "label"])
    published = paper.TABLE1 if set(chosen["source"]) == {paper.SOURCE} else {}
    table["paper"] = _published(table, published, ["model", "label"])
    return table


def table2(results: pd.DataFrame) -> pd.DataFrame:
    """The paper's Table 2: what the space tells of the label, in every corpus.

    Adjusted R² of the label's least-squares fit on the embedding; the source on held-out rows, the
    others whole.

    Args:
        results: the results table of the study.

    Returns:
        As [`table1`][affectspace.report.study.table1], with `corpus`, `significant` (whether the F
        test's p is below 0.05 in every fold) and `transductive`.
    """
    chosen = results[results["protocol"] == "reproduction"].rename(columns={"target": "corpus"})
    keys = ["model", "corpus", "label"]
    table = _means(chosen[chosen["metric"] == "adjusted_r2"], keys)
    tests = chosen[chosen["metric"] == "p_value"]
    passed = (tests["value"] < SIGNIFICANCE).groupby([tests[key] for key in keys]).all()
    table["significant"] = passed.reindex(pd.MultiIndex.from_frame(table[keys])).to_numpy(bool)
    published = paper.TABLE2 if set(chosen["source"]) == {paper.SOURCE} else {}
    table["paper"] = _published(table, published, keys)
    transductive = chosen.groupby("corpus")["transductive"].any()
    table["transductive"] = table["corpus"].map(transductive).to_numpy(dtype=bool)
    return table


def _means(chosen: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    grouped = chosen.groupby(list(keys), sort=False)
    means = grouped["value"].agg(mean="mean", deviation="std", count="count")
    ends = grouped[["low", "high"]].mean()
    return pd.concat([means, ends], axis=1).reset_index()


def _published(
    table: pd.DataFrame, figures: Mapping[Any, float], keys: Sequence[str]
) -> list[float]:
    return [figures.get(tuple(row), np.nan) for row in table[list(keys)].to_numpy(dtype=object)]


def wide_table(table: pd.DataFrame) -> pd.DataFrame:
    """Table 1 or 2 as it's read: a row per model, a column per corpus and label, text in the cells.

    A cell is `mean ± deviation`, with a star where it's not significant, and a row with the paper's
    figures follows each model that has any.
    """
    columns = ["corpus", "label"] if "corpus" in table else ["label"]
    names = [" ".join(map(str, row)) for row in table[columns].to_numpy(dtype=object)]
    rows: dict[str, dict[str, str]] = {}
    for name, row in zip(names, table.to_dict("records"), strict=True):
        model = str(row["model"])
        rows.setdefault(model, {})[name] = _cell(row)
        if table.loc[table["model"] == row["model"], "paper"].notna().any():
            published = "" if np.isnan(row["paper"]) else number(row["paper"])
            rows.setdefault(f"{model}, paper", {})[name] = published
    out = pd.DataFrame.from_dict(rows, orient="index").fillna("")
    out.index.name = "model"
    return out.reset_index()


def _cell(row: Mapping[Hashable, Any]) -> str:
    spread = "" if np.isnan(row["deviation"]) else f" ± {number(row['deviation'])}"
    return number(row["mean"]) + spread + ("" if row.get("significant", True) else "*")


def markdown(table: pd.DataFrame, *, title: str, notes: Sequence[str] = ()) -> str:
    """A table of text as GitHub Markdown, with a title and notes below."""
    parts = [f"# {title}", markdown_table(table), *notes]
    return "\n\n".join(parts) + "\n"


def means_table(results: pd.DataFrame) -> pd.DataFrame:
    """Table 2's figures, averaged over the targets: `model` and a column per label.

    Each target counts the same; one without ratings has no figure, so it counts for nothing.
    """
    table = table2(results)
    targets = table[table["corpus"] != results["source"].iloc[0]]
    means = targets.groupby(["model", "label"], sort=False)["mean"].mean().unstack("label")
    present = [label for label in LABELS if label in means]
    wide: pd.DataFrame = means[present].reset_index().rename_axis(columns=None)
    return wide


def comparison_markdown(results: pd.DataFrame, comparison: pd.DataFrame) -> str:
    """How the last model compares with the others on the targets: mean figures, then sentences."""
    table = markdown_table(means_table(results))
    sentences = "\n".join(f"- {sentence}" for sentence in comparison_sentences(comparison))
    return "\n\n".join([f"# {COMPARISON}", table, sentences, COMPARED]) + "\n"


def consistency_table(results: pd.DataFrame) -> pd.DataFrame:
    """Protocol 5, summarised: does the same label land in the same place in another corpus?

    Returns:
        `model, corpus, label` and the mean over folds of `slope`, `offset`, `kendall`,
        `energy_distance` and `energy_coefficient` (the last two: from the source, at equal labels).
    """
    chosen = results[results["protocol"] == "consistency"].rename(columns={"target": "corpus"})
    means = chosen.groupby(["model", "corpus", "label", "metric"], sort=False)["value"].mean()
    return means.unstack("metric").reset_index().rename_axis(columns=None)


def classification_table(results: pd.DataFrame) -> pd.DataFrame:
    """Protocol 4, summarised: unweighted average recall of a linear probe, speakers apart.

    Returns:
        `model, corpus, uar, low, high, chance`: means over folds.
    """
    chosen = results[results["protocol"] == "classification"].rename(columns={"target": "corpus"})
    keys = ["model", "corpus"]
    scores = chosen[chosen["metric"] == "uar"].groupby(keys, sort=False)[["value", "low", "high"]]
    chance = chosen[chosen["metric"] == "uar_chance"].groupby(keys, sort=False)["value"].mean()
    return scores.mean().rename(columns={"value": "uar"}).assign(chance=chance).reset_index()


def study_page(
    results: pd.DataFrame,
    *,
    comparison: pd.DataFrame | None = None,
    figures: Mapping[str, Figure],
    inputs: pd.DataFrame,
    config: Mapping[str, Any],
    warnings: Sequence[str] = (),
    notice: str = "",
) -> str:
    """The study as one HTML page that loads nothing from anywhere.

    Args:
        results: the results table of the study.
        comparison: of the last model with the others; None or empty: none.
        figures: by caption.
        inputs: what came in: a row per corpus.
        config: the settings, shown as they are.
        warnings: sentences that stand above the figures.
        notice: a banner at the top, for instance that the data is synthetic.
    """
    compared = pd.DataFrame() if comparison is None else comparison
    return page.plain(
        "study.html",
        notice=notice,
        warnings=warnings,
        inputs=cells(inputs),
        table1=cells(wide_table(table1(results))),
        table2=cells(wide_table(table2(results))),
        star=STAR,
        means=None if compared.empty else cells(means_table(results)),
        sentences=comparison_sentences(compared),
        means_title=COMPARISON,
        compared=COMPARED,
        consistency=cells(consistency_table(results)),
        classification=cells(classification_table(results)),
        figures={caption: page.picture(figure) for caption, figure in figures.items()},
        config=config,
    )
