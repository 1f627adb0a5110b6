"""What was found about each axis of a model, as tables for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from affectspace.explain.axes import notable_changes
from affectspace.report.charts import comparison_name
from affectspace.report.text import number

if TYPE_CHECKING:
    from affectspace.explain.findings import Findings

MOST_FEATURES = 12
"""Features that a table of an axis shows."""

NOTES = {
    "walk": "A walk along an axis shows what the autoencoder expects at each place, all else as it "
    "usually is there. What it rebuilds badly changes too little.",
    "correlations": "Correlations don't say what causes what, and families go together: who speaks "
    "up speaks higher and brighter, too.",
    "languages": "A language is here what its corpora hold of it: their speakers, their way of "
    "acting and of recording, and their raters. What differs between two languages may be any of "
    "these.",
    "formula": "The model reads an axis by one formula everywhere, so some agreement of its "
    "readings is built in; the column 'any formula' says how much a random formula of the features "
    "agrees with itself. What listeners follow is the sterner question.",
    "verdict": "same: the profiles agree more than unrelated axes do (p at most {significance:g}, "
    "corrected), and at least {margin:.0%} as well as halves of one language, with the whole "
    "interval. partly: more than unrelated axes do. not shown: neither, or too few speakers.",
}


def axis_tables(findings: Findings, axis: str) -> list[tuple[str, pd.DataFrame, str]]:
    """The tables of one axis, each with its title and a note; without speech only the walk's."""
    found = [("Along the axis", _walk_table(findings.walked, axis), NOTES["walk"])]
    if len(findings.followed):
        found += [
            ("Families, by language", _family_table(findings.followed, axis), ""),
            ("Features that the model's reading follows", _top_table(findings.across, axis), ""),
        ]
    if len(findings.compared):
        found.append(
            (
                "The same in two languages?",
                _comparison_table(findings.compared, axis),
                f"{verdict_rule(findings)} {NOTES['formula']}",
            )
        )
    if len(findings.differences):
        table = _difference_table(findings, axis)
        if len(table):
            found.append(("Families that differ between two languages", table, ""))
    return found


def verdict_rule(findings: Findings) -> str:
    """The rule behind the verdicts, in words."""
    criteria = findings.criteria
    return NOTES["verdict"].format(significance=criteria.significance, margin=criteria.margin)


def _walk_table(walked: pd.DataFrame, axis: str) -> pd.DataFrame:
    mine = walked[walked["axis"] == axis]
    places = mine["place"].iloc[[0, -1]]
    shown = notable_changes(mine)
    ends = {
        f"at {place:.2f}": [
            f"{value:.3g} {unit}".strip()
            for value, unit in zip(shown[end], shown["unit"], strict=True)
        ]
        for place, end in zip(places, ("first", "last"), strict=True)
    }
    return pd.DataFrame(
        {"feature": shown["text"], "family": shown["family"], **ends, "deviations": shown["change"]}
    )


def _family_table(followed: pd.DataFrame, axis: str) -> pd.DataFrame:
    """Correlations with their intervals, a row per reading and family, a column per language."""
    mine = followed[(followed["axis"] == axis) & (followed["kind"] == "family")]
    texts = mine.assign(
        text=[_with_interval(*row) for row in mine[["r", "low", "high"]].to_numpy()]
    )
    wide = texts.pivot_table(
        index=["of", "name"], columns="language", values="text", aggfunc="first", sort=False
    ).fillna("")
    return wide.reset_index().rename(columns={"of": "reading of the", "name": "family"})


def _top_table(across: pd.DataFrame, axis: str) -> pd.DataFrame:
    mine = across[(across["axis"] == axis) & (across["kind"] == "feature")].set_index("name")
    model, listeners = (mine[mine["of"] == of] for of in ("model", "listeners"))
    order = model["mean"].abs().sort_values(ascending=False, kind="stable").index
    top = model.loc[order[:MOST_FEATURES]]
    counts = top["languages"].astype(str)
    return pd.DataFrame(
        {
            "feature": top["text"],
            "family": top["family"],
            "mean r": top["mean"],
            "lowest": top["lowest"],
            "highest": top["highest"],
            "sign agrees": top["agree"].astype(str) + " of " + counts,
            "clear of 0": top["clear"].astype(str) + " of " + counts,
            "listeners' mean r": listeners["mean"].reindex(top.index),
        }
    )


def _comparison_table(compared: pd.DataFrame, axis: str) -> pd.DataFrame:
    mine = compared[compared["axis"] == axis]
    return pd.DataFrame(
        {
            "compared": [comparison_name(row) for row in mine.to_dict("records")],
            "similarity": mine["similarity"],
            "ceiling": mine["ceiling"],
            "relative": [
                _with_interval(*row) for row in mine[["relative", "low", "high"]].to_numpy()
            ],
            "unrelated axes": mine["floor"],
            "p": [_p(value) for value in mine["p"]],
            "any formula": mine["any_formula"],
            "other axis": mine["other_axis"],
            "speakers": mine["speakers"],
            "verdict": mine["verdict"],
        }
    )


def _difference_table(findings: Findings, axis: str) -> pd.DataFrame:
    table = findings.differences[findings.differences["axis"] == axis]
    mine = table[table["p_corrected"] <= findings.criteria.significance]
    return pd.DataFrame(
        {
            "reading of the": mine["of"],
            "languages": mine["first"] + ", " + mine["second"],
            "family": mine["family"],
            "r, first": mine["r_first"],
            "r, second": mine["r_second"],
            "difference": [
                _with_interval(*row) for row in mine[["difference", "low", "high"]].to_numpy()
            ],
            "p": [_p(value) for value in mine["p_corrected"]],
        }
    )


def _with_interval(value: float, low: float, high: float) -> str:
    ends = "" if np.isnan(low) else f" ({number(low)} to {number(high)})"
    return number(value) + ends * bool(np.isfinite(value))


def _p(value: float) -> str:
    return "-" if np.isnan(value) else "< .001" if value < 0.001 else f"{value:.3f}".lstrip("0")
