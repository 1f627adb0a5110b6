"""What the axes of a model mean, and why utterances got their estimates: Markdown and a page."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from affectspace.explain.attribution import LIMIT, part_name
from affectspace.explain.families import FAMILIES
from affectspace.report import page
from affectspace.report.axes import NOTES, axis_tables, verdict_rule
from affectspace.report.charts import Chart, correlation_chart, meaning_chart, walk_chart
from affectspace.report.columns import as_json, common_folder, split_file
from affectspace.report.text import cells, markdown_table
from affectspace.tables import write_csv

if TYPE_CHECKING:
    from affectspace.explain.findings import Findings

TITLE = "What the axes mean"

MOST_ROWS = 2000
"""Utterances that a page holds; further ones would outgrow a browser's patience."""


def explanation_markdown(
    findings: Findings, *, model: str, warnings: Sequence[str] = (), notice: str = ""
) -> str:
    """The findings as GitHub Markdown.

    Args:
        findings: what was found.
        model: its name.
        warnings: sentences that stand above all figures.
        notice: a line at the top.
    """
    parts = [f"# {TITLE}", f"Model {model}.", *filter(None, [notice]), *warnings]
    if len(findings.languages):
        parts += [markdown_table(findings.languages), NOTES["languages"], NOTES["correlations"]]
    for axis in findings.axes:
        parts += [f"## {axis.name}", *(f"- {line}" for line in findings.sentences(axis.name))]
        for title, table, note in axis_tables(findings, axis.name):
            parts += [f"### {title}", markdown_table(table), *filter(None, [note])]
    return "\n\n".join(parts).replace("\n\n- ", "\n- ") + "\n"


def explanation_page(
    *,
    model: Mapping[str, Any],
    findings: Findings | None = None,
    told: pd.DataFrame | None = None,
    settings: Mapping[str, Any],
    warnings: Sequence[str] = (),
    notice: str = "",
    title: str = TITLE,
) -> str:
    """Findings and reasons as one HTML page that loads nothing from anywhere.

    Args:
        model: facts on the model, shown as they are; `name` and `version` stand at the top.
        findings: what the axes mean; None: left out.
        told: reasons by utterance, from [`reasons`][affectspace.explain.attribution.reasons], with
            a column `status`; None: left out. The first `MOST_ROWS` are in the page.
        settings: what was run, shown as it is.
        warnings: sentences that stand above all figures.
        notice: a banner at the top.
        title: the page's heading.

    Returns:
        The page. It is ASCII but for title, notice, warnings, model, settings and tables.
    """
    axes: list[dict[str, Any]] = []
    charts: dict[str, Chart] = {}
    for i, axis in enumerate([] if findings is None else findings.axes):
        assert findings is not None  # noqa: S101  (it has axes)
        own = _charts(findings, axis.name)
        charts |= {f"{i}.{name}": chart for name, chart in own.items()}
        tables = axis_tables(findings, axis.name)
        axes.append(
            {
                "name": axis.name,
                "unit": axis.unit,
                "sentences": findings.sentences(axis.name),
                "views": [name for name in own if name.startswith(("model", "listeners"))],
                "compared": "meaning" in own,
                "tables": [(name, cells(table), note) for name, table, note in tables],
            }
        )
    rows = None if told is None else _rows(told.iloc[:MOST_ROWS])
    return page.render(
        "explain.html",
        styles=("page.css", "explain.css"),
        scripts=("page.theme.js", "explain.charts.js", "explain.utterances.js"),
        title=title,
        notice=notice,
        warnings=list(warnings),
        axes=axes,
        languages=None
        if findings is None or not len(findings.languages)
        else cells(findings.languages),
        rule="" if findings is None else verdict_rule(findings),
        notes=NOTES,
        families=list(FAMILIES.values()),
        data=as_json({"charts": charts, "utterances": rows}),
        told=rows,
        left_out=0 if told is None else max(0, len(told) - MOST_ROWS),
        model={str(key): value for key, value in model.items()},
        settings={str(key): value for key, value in settings.items()},
        versions=page.package_versions(),
    )


def write_explanation(
    folder: Path,
    *,
    model: Mapping[str, Any],
    findings: Findings | None = None,
    told: pd.DataFrame | None = None,
    settings: Mapping[str, Any],
    warnings: Sequence[str] = (),
) -> None:
    """Write all tables, and what made them, into a folder.

    Args:
        folder: where to.
        model: facts on the model.
        findings: become `walk.csv`, `correlations.csv`, `across.csv`, `meaning.csv`,
            `differences.csv` (the last four with speech only) and `axes.md`.
        told: becomes `reasons.csv`.
        settings: what was run; with the model, becomes `explain.json`.
        warnings: sentences that stand above all figures.
    """
    if findings is not None:
        named = {
            "walk": findings.walked,
            "correlations": findings.followed,
            "across": findings.across,
            "meaning": findings.compared,
            "differences": findings.differences,
        }
        for name, table in named.items():
            if len(table.columns):
                table.to_csv(folder / f"{name}.csv", index=False)
        text = explanation_markdown(findings, model=named_model(model), warnings=warnings)
        (folder / "axes.md").write_text(text, encoding="utf-8")
    if told is not None:
        write_csv(told, folder / "reasons.csv")
    made_by = {"model": dict(model), "settings": dict(settings), "warnings": list(warnings)}
    made_by["versions"] = page.package_versions()
    (folder / "explain.json").write_text(json.dumps(made_by, indent=2), encoding="utf-8")


def named_model(model: Mapping[str, Any]) -> str:
    """A model's name and version, or where it came from."""
    name = model.get("name") or model.get("source") or "without a name"
    return " ".join(filter(None, (str(name), str(model.get("version") or ""))))


def labels_of(told: pd.DataFrame) -> list[str]:
    """The labels that a table of reasons tells of."""
    found = (str(name).removeprefix("why_") for name in told if str(name).startswith("why_"))
    return [label for label in found if f"usual_{label}" in told]


def families_of(told: pd.DataFrame, label: str) -> list[str]:
    """The families that it splits a label's estimate into."""
    return [name for name in FAMILIES if part_name(name, label) in told]


def _charts(findings: Findings, axis: str) -> dict[str, Chart]:
    """The charts of one axis: `walk`, `model: all families`, `model: pitch`, ..., `meaning`."""
    walked = findings.walked[findings.walked["axis"] == axis]
    charts = {"walk": walk_chart(walked)}
    if len(findings.followed):
        mine = findings.followed[findings.followed["axis"] == axis]
        for of, part in mine.groupby("of", sort=False):
            if (part["kind"] == "family").any():
                charts[f"{of}: all families"] = correlation_chart(part)
            features = part[part["kind"] == "feature"]
            there = set(features["family"])
            for family in (name for name in FAMILIES if name in there):
                charts[f"{of}: {family}"] = correlation_chart(features, family)
    if len(findings.compared):
        compared = findings.compared[findings.compared["axis"] == axis]
        charts["meaning"] = meaning_chart(compared, margin=findings.criteria.margin)
    return charts


def _rows(told: pd.DataFrame) -> dict[str, Any]:
    """Reasons as plain lists, ready for JSON."""
    labels = labels_of(told)
    families = families_of(told, labels[0]) if labels else []
    files = [str(file) for file in told.index.get_level_values("file")]
    root = common_folder([split_file(file)[0] for file in files]) if files else ""
    starts, ends = (told.index.get_level_values(level) for level in ("start", "end"))
    return {
        "labels": labels,
        "families": families,
        "root": root,
        "file": [os.path.relpath(file, root) if root else file for file in files],
        "start": [start.total_seconds() for start in starts],
        "end": [None if pd.isna(end) else end.total_seconds() for end in ends],
        "status": told["status"].astype(str).tolist(),
        "estimate": {label: _rounded(told[label]) for label in labels},
        "usual": {label: _rounded(told[f"usual_{label}"]) for label in labels},
        "why": {label: told[f"why_{label}"].tolist() for label in labels},
        "added": {
            label: [_rounded(told[part_name(name, label)]) for name in families] for label in labels
        },
        "limit": {label: _rounded(told[part_name(LIMIT, label)]) for label in labels},
    }


def _rounded(values: pd.Series) -> list[float | None]:
    floats = values.to_numpy(dtype=np.float64, na_value=np.nan).round(4)
    return [value if np.isfinite(value) else None for value in floats.tolist()]
