"""The figures: one function each, from a table to a matplotlib `Figure`."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from affectspace.explain.axes import MOST_NOTABLE, notable_changes

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
                panel.plot(run["epoch"], run[term], color=_colour(row), lw=0.9)
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
            _whiskers(panel, means["value"], means, places, _colour(j), model)
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


def axis_walk(walked: pd.DataFrame, *, most: int = MOST_NOTABLE, title: str = "") -> Figure:
    """What changes along each axis: a panel per axis, a line per feature, a dot per stop.

    Args:
        walked: of one or several axes, from [`walk`][affectspace.explain.axes.walk].
        most: how many features; see
            [`notable_changes`][affectspace.explain.axes.notable_changes].
        title: above the figure.
    """
    names = _in_order(walked["axis"])
    figure = Figure(figsize=(7.2 * len(names), 0.3 * most + 1.4), layout="constrained")
    for panel, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        mine = walked[walked["axis"] == name]
        stops = mine.pivot_table(index="stop", columns="feature", values="deviation", sort=False)
        shown = notable_changes(mine, most=most)
        places = mine.groupby("stop")["place"].first()
        scale = Normalize(places.min(), places.max())
        for row, feature in enumerate(shown["feature"]):
            panel.plot(stops[feature], [row] * len(stops), color="0.75", lw=1.2, zorder=1)
            panel.scatter(
                stops[feature], [row] * len(stops), c=places, norm=scale, cmap="viridis", s=26
            )
        panel.set_yticks(range(len(shown)), shown["text"])
        panel.invert_yaxis()
        panel.axvline(0, color="0.6", lw=0.8, zorder=0)
        panel.set_xlabel("deviations from the mean training utterance")
        panel.set_title(name, fontsize=10)
        panel.grid(axis="x", alpha=0.3)
        figure.colorbar(ScalarMappable(scale, "viridis"), ax=panel, label=name, pad=0.01)
    if title:
        figure.suptitle(title)
    return figure


def axis_correlations(followed: pd.DataFrame, *, title: str = "") -> Figure:
    """What each axis follows: correlations with the families' scores, and their intervals.

    A row of panels per axis, a column for the model's reading and one for the listeners', a colour
    per language.

    Args:
        followed: from [`follow`][affectspace.explain.correlations.follow].
        title: above the figure.
    """
    chosen = followed[followed["kind"] == "family"]
    names, kinds = _in_order(chosen["axis"]), _in_order(chosen["of"])
    families, languages = _in_order(chosen["name"]), _in_order(chosen["language"])
    height = len(names) * (0.1 * len(families) * (len(languages) + 1) + 0.6) + 0.9
    figure = Figure(figsize=(4.6 * len(kinds) + 1.2, height), layout="constrained")
    panels = figure.subplots(len(names), len(kinds), sharex=True, sharey=True, squeeze=False)
    for (row, name), (column, of) in product(enumerate(names), enumerate(kinds)):
        panel = panels[row, column]
        for j, language in enumerate(languages):
            mine = chosen[
                (chosen["axis"] == name) & (chosen["of"] == of) & (chosen["language"] == language)
            ]
            if len(mine):
                ends = mine.set_index("name")[["r", "low", "high"]].reindex(families)
                places = np.arange(len(families)) + _offset(j, len(languages), 0.7)
                _whiskers(panel, ends["r"], ends, places, _colour(j), language)
        panel.axvline(0, color="0.6", lw=0.8, zorder=0)
        panel.set_title(f"{name}, {of}", fontsize=10)
        panel.set_xlim(-1, 1)
        panel.grid(axis="x", alpha=0.3)
    panels[0, 0].set_yticks(range(len(families)), families)
    panels[0, 0].invert_yaxis()
    for panel in panels[-1]:
        panel.set_xlabel("correlation, with its interval over speakers")
    handles = [Line2D([], [], color=_colour(j), marker="o") for j in range(len(languages))]
    figure.legend(handles, languages, loc="outside lower center", ncols=len(languages), fontsize=8)
    if title:
        figure.suptitle(title)
    return figure


VERDICT_COLOURS = {"same": COLOURS[2], "partly": COLOURS[4], "not shown": "#8a8a8a"}


def axis_meanings(compared: pd.DataFrame, *, margin: float = 0.9, title: str = "") -> Figure:
    """Does an axis mean the same in two languages: relative similarities and their intervals.

    Args:
        compared: from [`compare_languages`][affectspace.explain.meaning.compare_languages]. What
            lies outside -0.5 to 1.5 is drawn on the border.
        margin: where the whole interval has to lie for `same`; drawn as a line.
        title: above the figure.
    """
    names = _in_order(compared["axis"])
    sides = compared["first"].where(
        compared["first"] == compared["second"], compared["first"] + ", " + compared["second"]
    )
    rows = compared.assign(label=sides + ": " + compared["compared"])
    labels = _in_order(rows["label"])
    figure = Figure(
        figsize=(4.2 * len(names) + 1.8, 0.26 * max(len(labels), 1) + 1.5), layout="constrained"
    )
    panels = figure.subplots(1, max(len(names), 1), sharey=True, squeeze=False)[0]
    for panel, name in zip(panels, names, strict=False):
        mine = rows[rows["axis"] == name].set_index("label").reindex(labels)
        figures = mine[["relative", "low", "high"]].clip(-0.5, 1.5)
        for verdict, colour in VERDICT_COLOURS.items():
            which = np.flatnonzero(mine["verdict"] == verdict)
            part = figures.iloc[which]
            _whiskers(panel, part["relative"], part, which, colour, verdict)
        for line, style in ((1.0, "-"), (margin, ":")):
            panel.axvline(line, color="0.4", lw=0.9, ls=style, zorder=0)
        panel.set_title(name, fontsize=10)
        panel.set_xlabel("similarity of profiles, relative to halves of one language")
        panel.set_xlim(-0.55, 1.55)
        panel.grid(axis="x", alpha=0.3)
    groups = rows.drop_duplicates("label")["compared"].to_numpy()
    for panel in panels:
        for place in np.flatnonzero(groups[1:] != groups[:-1]):
            panel.axhline(place + 0.5, color="0.8", lw=0.8)
    panels[0].set_yticks(range(len(labels)), labels, fontsize=8)
    panels[0].invert_yaxis()
    handles = [Line2D([], [], color=c, marker="o") for c in VERDICT_COLOURS.values()]
    figure.legend(handles, list(VERDICT_COLOURS), loc="outside lower center", ncols=3, fontsize=8)
    if title:
        figure.suptitle(title)
    return figure


def _whiskers(
    panel: Axes,
    values: pd.Series,
    ends: pd.DataFrame,
    places: npt.ArrayLike,
    colour: str,
    label: str,
) -> None:
    """Dots with horizontal intervals, `low` to `high`."""
    panel.hlines(places, ends["low"], ends["high"], color=colour, lw=1.5, alpha=0.6)
    panel.plot(values, places, "o", ms=4.5, color=colour, label=label)


def _offset(j: int, count: int, width: float) -> float:
    """Where the j-th of so many lies beside its row."""
    return 0.0 if count < 2 else width * (j / (count - 1) - 0.5)


def _colour(j: int) -> str:
    return COLOURS[j % len(COLOURS)]


def _in_order(values: pd.Series) -> list[str]:
    """The distinct values in order of first appearance."""
    return [str(value) for value in values.drop_duplicates()]
