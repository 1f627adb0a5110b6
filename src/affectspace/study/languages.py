"""A model calibrated and measured on languages that its sister models never met."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectspace.errors import TableError
from affectspace.evaluation.calibrate import COVERAGE, Fold, calibrated, covered
from affectspace.evaluation.groups import score_groups
from affectspace.evaluation.lolo import (
    Target,
    all_left_out,
    inner_targets,
    left_out,
    rows_of_target,
    targets_of,
)
from affectspace.evaluation.metrics import ccc, mae
from affectspace.evaluation.results import Result, Setting, measure, results_table
from affectspace.evaluation.rows import column_of
from affectspace.evaluation.transfer import score_transfer
from affectspace.model import AffectModel
from affectspace.study.material import Material
from affectspace.study.scaling import in_units, trained_on

PROTOCOL = "leave-one-language-out"
EVERYTHING: frozenset[str] = frozenset()
"""No corpus is left out."""

_Mask = npt.NDArray[np.bool_]


class _Unmet(NamedTuple):
    """Rows of one corpus and language that a model never met, and what it estimates for them."""

    setting: Setting
    rows: pd.DataFrame
    estimates: pd.DataFrame


def sisters(material: Material) -> list[frozenset[str]]:
    """The sets of corpora to leave out, a sister model each.

    Raises:
        TableError: if fewer than 3 languages are rated, so that leaving one out leaves too few to
            calibrate on.
    """
    found = targets_of(material.rows)
    if len({target.language for target in found}) < 3:
        raise TableError(
            "calibration leaves one rated language out at a time and needs at least 3; rated are "
            f"{', '.join(target.name for target in found) or 'none'}"
        )
    return all_left_out(material.rows)


def calibrate_and_score(
    models: Mapping[frozenset[str], AffectModel], material: Material, *, name: str
) -> tuple[AffectModel, pd.DataFrame]:
    """Calibrate the model of everything, and score what its way of being made gives elsewhere.

    For each target (a rated corpus in one language), the model that never met its language is
    calibrated on the languages that remain, and then scored on the target: nothing about it, not
    even the intervals, has seen the target. Then it is aligned with the target's recordings, not
    its ratings, and its estimates are scored again. The model of everything is calibrated on the
    estimates of all these models.

    Args:
        models: by the corpora that were left out; all sets of `sisters`, and `EVERYTHING`.
        material: what they were trained on.
        name: the recipe's, for the results.

    Returns:
        The calibrated model of everything, and the results table of the targets: whole, as they are
        and aligned (`transductive`), then by groups of their speakers. Unrated corpora in a
        language left out are compared by groups too.
    """
    targets = targets_of(material.rows)
    ready = {gone: in_units(model, gone, material) for gone, model in models.items()}
    fold = partial(_fold, ready, material)
    results: list[Result] = []
    unmet: list[_Unmet] = []
    for target in targets:
        gone = left_out(target, material.rows)
        inner = inner_targets(target, targets, material.rows)
        folds = [fold(other, gone | left_out(other, material.rows)) for other in inner]
        model = calibrated(ready[gone], folds, trained_on(ready[gone], gone, material))
        met = dict.fromkeys(source for source in material.rows["source"] if source not in gone)
        setting = Setting(protocol=PROTOCOL, source="+".join(met), target=target.name, model=name)
        mask = rows_of_target(target, material.rows)
        results += _score(model, mask, material, setting)
        if model.calibration is not None and model.calibration.collections:
            own = model.aligned(material.as_recorded[mask])
            results += _score_aligned(own, mask, material, replace(setting, transductive=True))
        for heard, mask in _left_out_with(target, gone, targets, material.rows):
            rows = material.rows[mask]
            found = model.describe(material.as_recorded[mask])[list(model.labels)]
            unmet.append(_Unmet(replace(setting, target=heard), rows, found.set_axis(rows.index)))
    results += _by_groups(unmet)
    folds = [fold(target, left_out(target, material.rows)) for target in targets]
    everything = ready[EVERYTHING]
    model = calibrated(everything, folds, trained_on(everything, EVERYTHING, material))
    return model, results_table(results)


def _fold(
    models: Mapping[frozenset[str], AffectModel],
    material: Material,
    target: Target,
    gone: frozenset[str],
) -> Fold:
    mask, model = rows_of_target(target, material.rows), models[gone]
    rows = material.rows.loc[mask, list(model.labels)].reset_index(drop=True)
    return Fold(model.predict(material.as_recorded[mask]), rows)


def _left_out_with(
    target: Target, gone: frozenset[str], targets: Sequence[Target], rows: pd.DataFrame
) -> Iterator[tuple[str, _Mask]]:
    """Yield names and rows of what is scored: the target, and unrated corpora in its language."""
    yield target.name, rows_of_target(target, rows)
    for corpus in sorted(gone - {other.corpus for other in targets}):
        mask = rows_of_target(Target(corpus, target.language, corpus), rows)
        if mask.any():  # a corpus in no known language is left out as well
            yield corpus, mask


def _by_groups(unmet: Sequence[_Unmet]) -> Iterator[Result]:
    """Compare genders and ages within each part, and languages within corpora in several."""
    parts = {part.setting.target: part for part in unmet}
    corpora: dict[str, list[_Unmet]] = {}
    for part in parts.values():
        corpora.setdefault(str(part.rows["source"].iloc[0]), []).append(part)
        yield from score_groups(
            part.estimates, part.rows, setting=part.setting, attributes=("gender", "age")
        )
    for corpus, languages in corpora.items():
        if len(languages) > 1:
            met = [part.setting.source.split("+") for part in languages]
            by_all = [source for source in met[0] if all(source in others for others in met)]
            yield from score_groups(
                pd.concat([part.estimates for part in languages]),
                pd.concat([part.rows for part in languages]),
                setting=replace(languages[0].setting, target=corpus, source="+".join(by_all)),
                attributes=("language",),
            )


def _score(model: AffectModel, mask: _Mask, material: Material, setting: Setting) -> list[Result]:
    """Score a model on a target, whole."""
    rows, features = material.rows[mask], material.as_recorded[mask]
    found = model.describe(features).set_axis(rows.index)
    results = score_transfer(
        model.encode(features), rows, setting=setting, estimates=found[list(model.labels)]
    )
    for label in model.labels:
        results += _errors(found, rows, label, setting)
    return results


def _score_aligned(
    model: AffectModel, mask: _Mask, material: Material, setting: Setting
) -> list[Result]:
    """Score what alignment changes: not the space, nor the order of estimates."""
    rows = material.rows[mask]
    found = model.describe(material.as_recorded[mask]).set_axis(rows.index)
    results: list[Result] = []
    for label in model.labels:
        ratings, speakers = column_of(rows, label), column_of(rows, "speaker")
        results.append(
            measure(ccc, ratings, found[label], speakers=speakers, setting=setting, label=label)
        )
        results += _errors(found, rows, label, setting)
    return results


def _errors(
    found: pd.DataFrame, rows: pd.DataFrame, label: str, setting: Setting
) -> Iterator[Result]:
    """How far estimates lie from ratings, and whether their intervals hold these."""
    ratings, low, high = column_of(rows, label), found[f"{label}_low"], found[f"{label}_high"]
    score = partial(measure, speakers=column_of(rows, "speaker"), setting=setting, label=label)
    yield score(mae, ratings, found[label])
    yield score(covered, ratings, low, high, name=f"coverage_{COVERAGE * 100:.0f}")
    yield score(_width, low, high, name="interval_width", resampling=None)


def _width(low: Sequence[float], high: Sequence[float]) -> float:
    """The mean width of intervals, in rating units."""
    return float((pd.Series(high) - pd.Series(low)).mean())
