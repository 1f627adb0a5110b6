"""The card of a calibrated model: what it is, how good it was elsewhere, and what it isn't for."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan
from typing import NamedTuple

import jinja2
import pandas as pd

from affectspace import corpora
from affectspace.errors import CorpusError
from affectspace.evaluation.calibrate import COVERAGE
from affectspace.model import LABEL_SCALE, AffectModel
from affectspace.model.card import card_header

_FIGURES = ("adjusted_r2", "pearson", "ccc", "mae")


class _Figure(NamedTuple):
    value: float
    low: float
    high: float

    def shown(self) -> str:
        """The figure and its interval; a dash where the estimate doesn't vary, so has no r."""
        return "-" if isnan(self.value) else f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


def measured_card(model: AffectModel, results: pd.DataFrame) -> str:
    """A model card, Markdown with the Hugging Face header.

    Args:
        model: the calibrated model.
        results: what [`calibrate_and_score`][affectspace.study.languages.calibrate_and_score]
            found.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("affectspace"),
        autoescape=False,  # noqa: S701  (Markdown, from our own tables)
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    calibration = model.calibration
    shortest, longest = (0.0, 0.0) if calibration is None else calibration.durations
    return environment.get_template("model_card.md").render(
        header=card_header(licence=model.licence, languages=model.record["languages"]),
        model=model,
        low=LABEL_SCALE[0],
        high=LABEL_SCALE[1],
        parameters=sum(weight.size for weight in model.weights.values()),
        coverage=f"{COVERAGE:.0%}".rstrip("%"),
        scores=list(score_rows(results)),
        valence=_correlations(results, "valence"),
        shortest=shortest,
        longest=longest,
        corpora=list(_corpora(model)),
    )


def score_rows(results: pd.DataFrame) -> Iterator[dict[str, str]]:
    """The figures of each target and label, ready to print; brackets are intervals."""
    for (target, label), rows in results.groupby(["target", "label"], sort=False):
        figures = rows[["value", "low", "high"]].to_numpy(float).tolist()
        found = {
            str(name): _Figure(*row) for name, row in zip(rows["metric"], figures, strict=True)
        }
        yield {
            "target": str(target),
            "label": str(label),
            **{name: found[name].shown() for name in _FIGURES},
            "coverage": found[f"coverage_{COVERAGE * 100:.0f}"].shown(),
            "width": f"{found['interval_width'].value:.2f}",
        }


def _correlations(results: pd.DataFrame, label: str) -> str:
    found = results[(results["label"] == label) & (results["metric"] == "pearson")]["value"]
    return f" (r from {found.min():.2f} to {found.max():.2f})" if len(found) else ""


def _corpora(model: AffectModel) -> Iterator[dict[str, object]]:
    for name, summary in model.record["sources"].items():
        try:
            known = corpora.get(name)
            title, languages, licence = known.title, ", ".join(known.languages), known.licence
        except CorpusError:
            title, languages, licence = name, "", ""
        rated = min(summary["activation"], summary["valence"])
        yield {
            "title": title,
            "languages": languages,
            "licence": licence,
            "usable": summary["usable"],
            "speakers": summary["speakers"],
            "rated": rated or "no",
        }
