"""The figures: one function each, from a table to a matplotlib `Figure`."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette, safe for colour-blind readers."""

_METRIC_NAMES = {"adjusted_r2": "adjusted $R^2$", "adjusted_r2_pairs": "adjusted $R^2$ of pairs"}

RATINGS = Normalize(1, 5)
"""Every colour bar of ratings spans the whole scale, so that figures compare."""


def figure3(embeddings: pd.DataFrame, *, label: str = "activation", title: str = "") -> Figure:
    """The paper's Figure 3: the latent space of every corpus under every model.

    A row per model, a column per corpus, all with the same axes. The axes span the middle 99 % of
    all points; the few beyond are drawn on the border.

    Args:
        embeddings: one row per utterance: `model`, `corpus`, `z1`, `z2` (a single dimension is
            drawn against chance-free zeros), and the label, 1 to 5, NaN drawn in grey.
        label: the column that colours the points.
        title: above the figure.
    """
    models, corpora = _in_order(embeddings["model"]), _in_order(embeddings["corpus"])
    figure = Figure(
        figsize=(2.4 * len(corpora) + 1.2, 2.3 * len(models) + 0.8), layout="constrained"
    )
    axes = figure.subplots(len(models), len(corpora), sharex=True, sharey=True, squeeze=False)
    x, y = embeddings["z1"], embeddings.get("z2", pd.Series(0.0, embeddings.index))
    limits = [np.quantile(values, (0.005, 0.995)) for values in (x, y)]
    margins = [max(0.05 * np.ptp(limit), 1e-6) for limit in limits]
    for row, model in enumerate(models):
        for column, corpus in enumerate(corpora):
            panel = axes[row, column]
            chosen = (embeddings["model"] == model) & (embeddings["corpus"] == corpus)
            ratings = embeddings.loc[chosen, label]
            points = [v[chosen].clip(*limit) for v, limit in zip((x, y), limits, strict=True)]
            unknown = ratings.isna()
            panel.scatter(*(p[unknown] for p in points), s=4, color="0.8", linewidths=0)
            panel.scatter(
                *(p[~unknown] for p in points),
                c=ratings[~unknown],
                norm=RATINGS,
                cmap="viridis",
                s=5,
                alpha=0.8,
                linewidths=0,
                rasterized=True,  # keeps the SVG of 10,000 points small
            )
            panel.set_xlim(limits[0][0] - margins[0], limits[0][1] + margins[0])
            panel.set_ylim(limits[1][0] - margins[1], limits[1][1] + margins[1])
            if row == 0:
                panel.set_title(corpus, fontsize=10)
            if row == len(models) - 1:
                panel.set_xlabel("$z_1$")
            if column == 0:
                panel.set_ylabel(f"{model}\n$z_2$")
    bar = figure.colorbar(ScalarMappable(RATINGS, "viridis"), ax=axes, shrink=0.6, pad=0.01)
    bar.set_label(f"{label} (1 to 5)")
    if title:
        figure.suptitle(title)
    return figure


def loss_curves(history: pd.DataFrame, *, title: str = "") -> Figure:
    """How the loss and its parts fell: a row per model, a column per term, a line per fold.

    Args:
        history: `model`, `seed`, `fold`, `epoch`, and the terms `loss`, `reconstruction`,
            `residual`, `slope` (NaN: the model has none).
        title: above the figure.
    """
    terms = {
        "loss": "optimised loss",
        "reconstruction": "$L_{rec}$",
        "residual": "$L_{res}$",
        "slope": "slope $p$",
    }
    models = _in_order(history["model"])
    figure = Figure(figsize=(11, 2.0 * len(models) + 0.8), layout="constrained")
    axes = figure.subplots(len(models), len(terms), sharex=True, sharey="col", squeeze=False)
    for row, model in enumerate(models):
        runs = history[history["model"] == model].groupby(["seed", "fold"])
        for column, (term, name) in enumerate(terms.items()):
            panel = axes[row, column]
            for _, run in runs:
                panel.plot(run["epoch"], run[term], color=COLOURS[row % len(COLOURS)], lw=0.9)
            panel.grid(alpha=0.3)
            if row == 0:
                panel.set_title(name, fontsize=10)
            if row == len(models) - 1:
                panel.set_xlabel("epoch")
        axes[row, 0].set_ylabel(model)
    if title:
        figure.suptitle(title)
    return figure


def intervals(results: pd.DataFrame, *, metric: str = "adjusted_r2", title: str = "") -> Figure:
    """A metric by corpus and model: the mean over folds, and the interval over speakers.

    Args:
        results: rows of the results table with one protocol. The interval drawn is the mean over
            folds of the ends of each model's own interval.
        metric: the metric to draw.
        title: above the figure.
    """
    chosen = results[results["metric"] == metric]
    labels, corpora = _in_order(chosen["label"]), _in_order(chosen["target"])
    models = _in_order(chosen["model"])
    figure = Figure(figsize=(4.2 * len(labels) + 1, 0.5 * len(corpora) * len(models) * 0.55 + 1.6))
    figure.set_layout_engine("constrained")
    axes = figure.subplots(1, len(labels), sharey=True, squeeze=False)[0]
    for panel, label in zip(axes, labels, strict=True):
        for j, model in enumerate(models):
            mine = chosen[(chosen["label"] == label) & (chosen["model"] == model)]
            means = mine.groupby("target")[["value", "low", "high"]].mean().reindex(corpora)
            places = np.arange(len(corpora)) + 0.22 * (j - (len(models) - 1) / 2)
            colour = COLOURS[j % len(COLOURS)]
            panel.hlines(places, means["low"], means["high"], color=colour, lw=1.5, alpha=0.6)
            panel.plot(means["value"], places, "o", ms=5, color=colour, label=model)
        panel.set_title(label, fontsize=10)
        panel.set_xlabel(_METRIC_NAMES.get(metric, metric))
        panel.grid(axis="x", alpha=0.3)
    axes[0].set_yticks(range(len(corpora)), corpora)
    axes[0].invert_yaxis()
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(models), fontsize=8)
    if title:
        figure.suptitle(title)
    return figure


def _in_order(values: pd.Series) -> list[str]:
    """The distinct values in order of first appearance."""
    return [str(value) for value in values.drop_duplicates()]
