"""Figures of the page that explains a model, as data for plotly's script.

Each chart is a mapping that `explain.charts.js` draws: `traces` and `layout` as plotly takes them,
but without colours of text and grid, which follow the reader's scheme. A trace's `hue` is the
number of one of the theme's colours. Numbers are rounded; what is missing is None. Names are
escaped, as plotly takes some HTML in texts.
"""

from __future__ import annotations

import html
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from affectspace.explain.axes import notable_changes

MOST_FEATURES = 15
"""Features of a family that a chart of correlations shows."""

VERDICT_HUES: Mapping[str, int] = {"same": 2, "partly": 1, "not shown": -1}
"""-1 is grey."""

_ROW, _HEAD = 26, 92  # pixels
_LABEL = 34  # characters in a line
_EDGES = (-0.5, 1.5)  # of relative similarities, beyond which dots lie on the border

Chart = dict[str, Any]


def walk_chart(walked: pd.DataFrame) -> Chart:
    """What changes along one axis: a line per feature, a dot per stop, coloured by the place.

    Args:
        walked: of one axis, from [`walk`][affectspace.explain.axes.walk].
    """
    shown = notable_changes(walked)
    rows = {feature: row for row, feature in enumerate(shown["feature"])}
    chosen = walked[walked["feature"].isin(rows)]
    places = [rows[feature] for feature in chosen["feature"]]
    ends = [chosen.groupby("feature")["deviation"].agg(f)[list(rows)] for f in ("min", "max")]
    name = str(walked["axis"].iloc[0])
    texts = [
        _escaped(f"{row.text}\n{row.value:.4g} {row.unit} at {name} {row.place:.2f}")
        for row in chosen.itertuples()
    ]
    return {
        "traces": [
            _segments(ends[0], ends[1], range(len(rows))),
            {
                "x": _rounded(chosen["deviation"]),
                "y": places,
                "text": texts,
                "mode": "markers",
                "hovertemplate": "%{text}<br>%{x:.2f} deviations<extra></extra>",
                "marker": {
                    "size": 10,
                    "color": _rounded(chosen["place"]),
                    "colorbar": {
                        "title": {"text": _escaped(name)},
                        "thickness": 12,
                        "outlinewidth": 0,
                    },
                },
            },
        ],
        "layout": _layout(list(shown["text"]), "deviations from the mean training utterance"),
    }


def correlation_chart(followed: pd.DataFrame, family: str | None = None) -> Chart:
    """What one reading of one axis follows, a colour per language.

    Args:
        followed: of one axis and one `of`, from
            [`follow`][affectspace.explain.correlations.follow].
        family: show the features of this family, those that are followed most; None: all families.
    """
    if family is None:
        chosen = followed[followed["kind"] == "family"]
        names = list(dict.fromkeys(chosen["name"]))
    else:
        chosen = followed[(followed["kind"] == "feature") & (followed["family"] == family)]
        size = chosen.groupby("name", sort=False)["r"].mean().abs()
        names = list(size.sort_values(ascending=False, kind="stable").index[:MOST_FEATURES])
    texts = chosen.drop_duplicates("name").set_index("name")["text"]
    labels = names if family is None else [str(texts[name]) for name in names]
    languages = list(dict.fromkeys(chosen["language"]))
    traces = []
    for j, language in enumerate(languages):
        mine = chosen[chosen["language"] == language].set_index("name").reindex(names)
        offset = 0.0 if len(languages) < 2 else 0.64 * (j / (len(languages) - 1) - 0.5)
        traces.append(
            _dots(
                mine["r"],
                mine["low"],
                mine["high"],
                [row + offset for row in range(len(names))],
                name=str(language),
                hue=j,
                texts=labels,
            )
        )
    layout = _layout(
        labels, "correlation, with its interval over speakers", per_row=12 + 8 * len(languages)
    )
    layout["xaxis"]["range"] = [-1.02, 1.02]
    layout["showlegend"] = True
    return {"traces": traces, "layout": layout}


def meaning_chart(compared: pd.DataFrame, *, margin: float) -> Chart:
    """Where one axis means the same: relative similarities, coloured by verdict.

    Args:
        compared: of one axis, from
            [`compare_languages`][affectspace.explain.meaning.compare_languages].
        margin: where the whole interval has to lie for `same`.
    """
    labels = [comparison_name(row) for row in compared.to_dict("records")]
    figures = compared[["relative", "low", "high"]].clip(*_EDGES)
    traces = []
    for verdict, hue in VERDICT_HUES.items():
        rows = np.flatnonzero(compared["verdict"] == verdict)
        part, told = figures.iloc[rows], compared.iloc[rows]
        texts = [
            f"{labels[i]}\n{row.relative:.2f} ({row.low:.2f} to {row.high:.2f}), similarity "
            f"{row.similarity:.2f}, unrelated axes up to {row.floor:.2f}"
            for i, row in zip(rows, told.itertuples(), strict=True)
        ]
        traces.append(
            _dots(
                part["relative"],
                part["low"],
                part["high"],
                rows.tolist(),
                name=verdict,
                hue=hue,
                texts=texts,
            )
        )
    layout = _layout(labels, "similarity of profiles, relative to halves of one language")
    layout["xaxis"]["range"] = [_EDGES[0] - 0.05, _EDGES[1] + 0.05]
    layout["showlegend"] = True
    layout["shapes"] = [
        {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper", "line": {"dash": d}}
        for x, d in ((1.0, "solid"), (margin, "dot"))
    ]
    return {"traces": traces, "layout": layout}


def comparison_name(row: Mapping[Any, Any]) -> str:
    """One comparison in a few words."""
    if row["first"] == row["second"]:
        return f"{row['compared']}: {row['first']}"
    return f"{row['compared']}: {row['first']}, {row['second']}"


def _dots(
    values: pd.Series,
    low: pd.Series,
    high: pd.Series,
    places: Sequence[float],
    *,
    name: str,
    hue: int,
    texts: Sequence[str],
) -> Chart:
    """Dots with horizontal intervals."""
    return {
        "x": _rounded(values),
        "y": list(places),
        "text": [_escaped(text) for text in texts],
        "name": _escaped(name),
        "mode": "markers",
        "hue": hue,
        "marker": {"size": 8},
        "hovertemplate": "%{text}<br>%{x:.2f}<extra>%{fullData.name}</extra>",
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": _rounded(high - values),
            "arrayminus": _rounded(values - low),
            "thickness": 1.6,
            "width": 0,
        },
    }


def _segments(low: pd.Series, high: pd.Series, places: Sequence[int]) -> Chart:
    """Horizontal lines in one trace."""
    x = [end for pair in zip(_rounded(low), _rounded(high), strict=True) for end in (*pair, None)]
    y = [end for place in places for end in (place, place, None)]
    return {"x": x, "y": y, "mode": "lines", "hoverinfo": "skip", "hue": -1, "line": {"width": 1}}


def _layout(labels: Sequence[str], title: str, *, per_row: int = _ROW) -> Chart:
    return {
        "height": max(per_row, _ROW) * max(len(labels), 1) + _HEAD,
        "xaxis": {"title": {"text": title}},
        "yaxis": {
            "tickvals": list(range(len(labels))),
            "ticktext": [_escaped(textwrap.fill(label, _LABEL)) for label in labels],
            "range": [len(labels) - 0.5, -0.5],
            "automargin": True,
            "showgrid": False,
        },
    }


def _rounded(values: pd.Series) -> list[float | None]:
    floats = values.to_numpy(dtype=np.float64).round(4)
    return [value if np.isfinite(value) else None for value in floats.tolist()]


def _escaped(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")
