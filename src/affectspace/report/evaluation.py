"""An evaluation's results as tables, as sentences, and as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from affectspace.evaluation.intervals import Difference
from affectspace.evaluation.paired import MEAN, in_words
from affectspace.evaluation.transfer import LABELS
from affectspace.report import page
from affectspace.report.text import cells, markdown_table, number

TITLE = "Transfer to languages left out"

METRICS = {
    "adjusted_r2": "Adjusted R² of the ratings on the embedding",
    "pearson": "Pearson's r of the estimates with the ratings",
    "ccc": "CCC of the estimates with the ratings",
}
"""The metrics of protocol 2, the space first, and what they are in words."""

IN_SHORT = {"adjusted_r2": "adjusted R²", "pearson": "r", "ccc": "CCC"}

FEW_LABELS_TITLE = "CCC of the estimates after n labels of the target"

NOTES = {
    "transfer": (
        "Each target is a rated corpus in one language; no model trained for it met the corpus or "
        "its language (a ready model may have: see the warnings). Cells: activation / valence. "
        "`mean` counts each of these targets once; a corpus in several languages as a whole stands "
        "in a column of its own and isn't in the mean."
    ),
    "few_labels": (
        "n labelled utterances come from one random half of the target's speakers, and the score "
        "from the other; mean over the draws. Cells: activation / valence."
    ),
    "comparison": (
        "Differences on the same rows, with intervals of 95 % from the same resampled speakers; of "
        "twenty comparisons without a difference, one leaves out 0 by chance."
    ),
    "choices": (
        "Chosen for each target by Pearson's r (mean over activation and valence) on the other "
        "languages, each left out in turn with the target. No rating of the target took part."
    ),
}


def few_labels_metric(n: int) -> str:
    """How the CCC after n labels is called in the results table.

    Examples:
        >>> few_labels_metric(20)
        'ccc_20_labels'
    """
    return f"ccc_{n}_labels"


def summary_table(results: pd.DataFrame, metric: str) -> pd.DataFrame:
    """One metric of protocol 2 as it's read: a row per way, a column per target, text in the cells.

    Args:
        results: the results table.
        metric: one of [`METRICS`][affectspace.report.evaluation.METRICS].

    Returns:
        `model`, a column per target, and `mean` where there are several; cells are
        `activation / valence`.
    """
    chosen = results[(results["metric"] == metric) & (results["group"] == "")]
    table = _wide(chosen, "target")
    return table.rename(columns={MEAN: "mean"})


def few_labels_long(results: pd.DataFrame) -> pd.DataFrame:
    """Protocol 3 as rows: `model, target, label, labels` (how many), `value, low, high`."""
    found = results["metric"].str.extract(r"^ccc_(\d+)_labels$", expand=False)
    chosen = results[found.notna()].assign(labels=found.dropna().astype(int))
    columns = ["model", "target", "label", "labels", "value", "low", "high"]
    return chosen[columns].reset_index(drop=True)


def few_labels_table(results: pd.DataFrame) -> pd.DataFrame:
    """Protocol 3 as it's read: a row per way and number of labels, a column per target."""
    long = few_labels_long(results)
    long["model"] = long["model"] + ", n = " + long["labels"].astype(str)
    return _wide(long, "target")


def _wide(chosen: pd.DataFrame, columns: str) -> pd.DataFrame:
    rows: dict[str, dict[str, str]] = {}
    for (model, column), part in chosen.groupby(["model", columns], sort=False):
        values = part.set_index("label")["value"]
        cell = " / ".join(number(float(values.get(label, np.nan))) for label in LABELS)
        rows.setdefault(str(model), {})[str(column)] = cell
    order = [str(name) for name in chosen[columns].drop_duplicates()]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=order).fillna("")
    table.index.name = "model"
    return table.reset_index()


def comparison_sentences(comparison: pd.DataFrame) -> list[str]:
    """The first way against each other one, on average over the targets, in words."""
    if comparison.empty:
        return []
    chosen = comparison[
        (comparison["target"] == MEAN) & (comparison["first"] == comparison["first"].iloc[0])
    ]
    return [
        in_words(
            row["first"],
            row["second"],
            f"mean {IN_SHORT[row['metric']]} of {row['label']}",
            Difference(row["value"], row["low"], row["high"]),
        )
        for row in chosen.to_dict("records")
    ]


def comparison_table(comparison: pd.DataFrame) -> pd.DataFrame:
    """The first way minus each other one, on average over the targets: text in the cells.

    Returns:
        `against`, and a column per label and metric with the difference and its interval; a star
        where the interval leaves out 0.
    """
    if comparison.empty:
        return pd.DataFrame({"against": []})
    first = comparison["first"].iloc[0]
    chosen = comparison[(comparison["target"] == MEAN) & (comparison["first"] == first)]
    rows: dict[str, dict[str, str]] = {}
    for row in chosen.to_dict("records"):
        apart = row["low"] > 0 or row["high"] < 0
        text = f"{number(row['value'])} [{number(row['low'])}, {number(row['high'])}]"
        column = f"{row['label']} {IN_SHORT[row['metric']]}"
        rows.setdefault(str(row["second"]), {})[column] = text + ("*" if apart else "")
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index.name = "against"
    return table.reset_index()


def choices_table(choices: pd.DataFrame) -> pd.DataFrame:
    """What was chosen: a row per way that had a choice, a column per target."""
    several = choices[choices["inner"].notna()].drop_duplicates(["model", "target"])
    if several.empty:
        return pd.DataFrame({"model": []})
    table = several.pivot_table(
        index="model", columns="target", values="choice", aggfunc="first", sort=False
    )
    return table.reset_index().rename_axis(columns=None)


def markdown(
    results: pd.DataFrame,
    comparison: pd.DataFrame,
    *,
    warnings: Sequence[str] = (),
    notice: str = "",
) -> str:
    """The results as GitHub Markdown: a table per metric, few labels, the comparison, warnings."""
    parts = [f"# {TITLE}", *filter(None, [notice])]
    for metric, title in METRICS.items():
        table = summary_table(results, metric)
        if len(table):
            parts += [f"## {title}", markdown_table(table)]
    if len(parts) > 1:
        parts.append(NOTES["transfer"])
    few = few_labels_table(results)
    if len(few):
        parts += [f"## {FEW_LABELS_TITLE}", markdown_table(few), NOTES["few_labels"]]
    if sentences := comparison_sentences(comparison):
        parts += ["## Comparison", _listed(sentences), NOTES["comparison"]]
    if warnings:
        parts += ["## Before you use these figures", _listed(warnings)]
    return "\n\n".join(parts) + "\n"


def _listed(sentences: Sequence[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)


def evaluation_page(
    results: pd.DataFrame,
    comparison: pd.DataFrame,
    *,
    choices: pd.DataFrame,
    figures: Mapping[str, Figure],
    inputs: pd.DataFrame,
    config: Mapping[str, Any],
    warnings: Sequence[str] = (),
    notice: str = "",
) -> str:
    """The evaluation as one HTML page that loads nothing from anywhere.

    Args:
        results: the results table.
        comparison: see [`differences`][affectspace.evaluation.paired.differences].
        choices: what nested selection chose.
        figures: `transfer`, `few-labels`.
        inputs: a row per corpus that came in.
        config: the settings, shown as they are.
        warnings: sentences that stand above the figures.
        notice: a banner at the top, for instance that the data is synthetic.
    """
    tables = {title: summary_table(results, metric) for metric, title in METRICS.items()}
    return page.plain(
        "evaluation.html",
        title=TITLE,
        notice=notice,
        warnings=list(warnings),
        tables={title: cells(table) for title, table in tables.items() if len(table)},
        few_labels=cells(few_labels_table(results)),
        few_labels_title=FEW_LABELS_TITLE,
        sentences=comparison_sentences(comparison),
        comparison=cells(comparison_table(comparison)),
        reference="" if comparison.empty else str(comparison["first"].iloc[0]),
        choices=cells(choices_table(choices)),
        inputs=cells(inputs),
        figures={name: page.picture(figure) for name, figure in figures.items()},
        notes=NOTES,
        config=config,
    )
