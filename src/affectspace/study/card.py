"""The card of a calibrated model: what it is, how good it was elsewhere, and what it isn't for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isnan
from typing import Any, NamedTuple

import jinja2
import pandas as pd

from affectspace import corpora
from affectspace.errors import CorpusError
from affectspace.evaluation.calibrate import COVERAGE
from affectspace.evaluation.groups import (
    AGAINST,
    AT_EQUAL_EMOTIONS,
    AT_EQUAL_RATINGS,
    DIFFERENCE,
    FEWEST,
)
from affectspace.evaluation.results import check_results
from affectspace.features.registry import encoders_of
from affectspace.model import LABEL_SCALE, AffectModel
from affectspace.model.card import card_header

_OURS = "affectspace-"
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
            found; without groups the card doesn't speak of them.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("affectspace"),
        autoescape=False,  # noqa: S701  (Markdown, from our own tables)
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    results = check_results(results)
    whole = results[results["group"] == ""]
    aligned = whole["transductive"]
    calibration = model.calibration
    shortest, longest = (0.0, 0.0) if calibration is None else calibration.durations
    return environment.get_template("model_card.md").render(
        header=card_header(licence=model.licence, languages=model.record["languages"]),
        model=model,
        low=LABEL_SCALE[0],
        high=LABEL_SCALE[1],
        parameters=sum(weight.size for weight in model.weights.values()),
        coverage=f"{COVERAGE:.0%}".rstrip("%"),
        scores=list(score_rows(whole[~aligned])),
        aligned=list(score_rows(whole[aligned])),
        groups=list(group_rows(results)),
        shifts=list(_shifts_everywhere(results)),
        fewest=FEWEST,
        valence=_correlations(whole[~aligned], "valence"),
        shortest=shortest,
        longest=longest,
        corpora=list(_corpora(model)),
        copies=_copies(model.record["settings"]["degradations"]),
        encoders=[] if model.spec is None else encoders_of(model.spec.name),
        argument=_argument(model.name),
    )


def _copies(degradations: Sequence[Mapping[str, Any]]) -> str:
    """How many degraded copies the network met of each recording, and of which kinds, in words."""
    if not degradations:
        return ""
    kinds = {"level": "gain", "noise": "snr"}
    met = [kind for kind, name in kinds.items() if any(one[name] for one in degradations)]
    codecs = {codec for one in degradations for codec in one["codecs"]}
    met += [word for codec, word in (("telephone", "telephone"), ("mp3", "MP3")) if codec in codecs]
    n = len(degradations)
    return f"{n} degraded cop{'y' if n == 1 else 'ies'} ({', '.join(met)})"


def _argument(name: str) -> str:
    """What `load_model` is called with: our own recipes are named after the shipped models."""
    short = name.removeprefix(_OURS)
    if short == name:
        return '"path/of/this/folder"'
    return "" if short == "default" else f'"{short}"'


def score_rows(results: pd.DataFrame) -> Iterator[dict[str, str]]:
    """The figures of each target and label, ready to print; brackets are intervals."""
    for (target, label), rows in results.groupby(["target", "label"], sort=False):
        found = _figures(rows)
        yield {
            "target": str(target),
            "label": str(label),
            **{name: found[name].shown() for name in _FIGURES if name in found},
            "coverage": found[f"coverage_{COVERAGE * 100:.0f}"].shown(),
            "width": f"{found['interval_width'].value:.2f}",
        }


def group_rows(results: pd.DataFrame) -> Iterator[dict[str, str]]:
    """What each two groups of speakers differ by, ready to print; a dash for what isn't known."""
    parts = {
        tuple(map(str, key)): (_figures(rows), rows["speakers"].max())
        for key, rows in results.groupby(["target", "label", "group"], sort=False)
    }
    for (target, label, group), (apart, speakers) in parts.items():
        attribute, _, pair = group.partition(": ")
        if AGAINST not in pair:
            continue
        keys = [(target, label, f"{attribute}: {name}") for name in pair.split(AGAINST)]
        alone = [parts[key][0] for key in keys if key in parts]
        row = {"target": target, "label": label, "groups": pair, "speakers": str(speakers)}
        for metric, sign in (("mae", ""), ("bias", "+")):
            values = [format(found[metric].value, f"{sign}.2f") for found in alone]
            row[metric] = " and ".join(values) or "-"
        for name in (f"mae{DIFFERENCE}", f"bias{DIFFERENCE}", AT_EQUAL_RATINGS, AT_EQUAL_EMOTIONS):
            row[name] = apart[name].shown() if name in apart else "-"
        yield row


def _shifts_everywhere(results: pd.DataFrame) -> Iterator[dict[str, str]]:
    """Shifts between two groups that are clear, and to the same side, in all of several corpora."""
    shifts = results[results["metric"] == AT_EQUAL_RATINGS]
    for (label, group), rows in shifts.groupby(["label", "group"], sort=False):
        side = "higher" if rows["value"].iloc[0] > 0 else "lower"
        if len(rows) > 1 and ((rows["low"] > 0).all() or (rows["high"] < 0).all()):
            sizes = rows["value"].abs()
            about = {"label": str(label), "groups": str(group).partition(": ")[2], "side": side}
            yield {**about, "least": f"{sizes.min():.2f}", "most": f"{sizes.max():.2f}"}


def _figures(rows: pd.DataFrame) -> dict[str, _Figure]:
    """The figures of some results by metric."""
    figures = rows[["value", "low", "high"]].to_numpy(float).tolist()
    return {str(name): _Figure(*row) for name, row in zip(rows["metric"], figures, strict=True)}


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
