"""Protocol 2's folds: who is left out for whom, and which setting is chosen inside the sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectspace import corpora
from affectspace.errors import TableError
from affectspace.evaluation.calibrate import Fold, calibrated
from affectspace.evaluation.lolo import (
    Target,
    inner_targets,
    left_out,
    rows_of_target,
    targets_of,
)
from affectspace.evaluation.metrics import pearson
from affectspace.evaluation.transfer import LABELS
from affectspace.model import AffectModel
from affectspace.study.inputs import known_name
from affectspace.study.material import Material
from affectspace.study.scaling import in_units, trained_on
from affectspace.study.ways import Scorer, Way, completed


class Inner(NamedTuple):
    """A target among the sources of another: which rows it has, and what both leave out."""

    name: str
    rows: npt.NDArray[np.bool_]
    gone: frozenset[str]


class Task(NamedTuple):
    """What is scored, and what must not be met for it.

    Attributes:
        name: of the target.
        rows: which rows are the target's, shape (n,).
        gone: the corpora that no model for it meets.
        inner: on these its settings are chosen.
        single: whether it is in one language; a corpus that is taken whole in several isn't, and
            other corpora in its languages stay among the sources.
    """

    name: str
    rows: npt.NDArray[np.bool_]
    gone: frozenset[str]
    inner: tuple[Inner, ...]
    single: bool


class Chosen(NamedTuple):
    """A scorer for a target.

    Attributes:
        scorer: the scorer.
        choice: its setting.
        inner: for each setting, its score inside the sources; empty where nothing was chosen.
    """

    scorer: Scorer
    choice: str
    inner: Mapping[str, float]


def check_targets(names: Iterable[str], wanted: Iterable[str]) -> None:
    """Refuse targets that these corpora can't have, before any of them is read.

    Args:
        names: of the corpora that are given.
        wanted: targets: a corpus, or a corpus and one of its languages, as in `emotale-da`.

    Raises:
        TableError: if one is of no corpus, or of a language that the package knows to be not in it.
    """
    known = [known_name(name) for name in names]
    for target in wanted:
        of = [name for name in known if target == name or target.startswith(f"{name}-")]
        if not of:
            raise TableError(f"there is no target {target}; the corpora are {', '.join(known)}")
        spoken = _languages(of[0])
        if target != of[0] and spoken and target.removeprefix(f"{of[0]}-") not in spoken:
            raise TableError(
                f"there is no target {target}; the languages of {of[0]} are {', '.join(spoken)}"
            )


def _languages(name: str) -> tuple[str, ...]:
    """What a corpus is known to be in; nothing where the package doesn't know it."""
    return tuple(corpora.get(name).languages) if name in corpora.names() else ()


def tasks_of(
    rows: pd.DataFrame, *, wanted: Iterable[str] | None = None, trained: bool = True
) -> list[Task]:
    """The targets among some rows.

    One per rated corpus and language, as [`targets_of`][affectspace.evaluation.lolo.targets_of]
    finds them, with everything in its language left out; and, after its parts, each rated corpus in
    several languages as a whole, with nothing but itself left out.

    Args:
        rows: of the material.
        wanted: names of targets to keep; None for all.
        trained: whether anything is to be trained, so that rated rows must remain.

    Raises:
        TableError: if there are too few rated languages, or a wanted target isn't there.
    """
    found = targets_of(rows)
    tasks = []
    for i, target in enumerate(found):
        gone = left_out(target, rows)
        inner = _inner(gone, inner_targets(target, found, rows), rows)
        tasks.append(Task(target.name, rows_of_target(target, rows), gone, inner, single=True))
        later = [other.corpus for other in found[i + 1 :]]
        if target.name != target.corpus and target.corpus not in later:
            gone, mask = frozenset({target.corpus}), (rows["source"] == target.corpus).to_numpy()
            languages = set(rows.loc[mask, "language"])
            others = [x for x in found if x.corpus not in gone and x.language not in languages]
            tasks.append(Task(target.corpus, mask, gone, _inner(gone, others, rows), single=False))
    names = [task.name for task in tasks]
    if missing := [name for name in wanted or () if name not in names]:
        raise TableError(
            f"there is no target {', '.join(missing)}; rated are {', '.join(names) or 'none'}"
        )
    if trained and len({target.language for target in found}) < 2:
        raise TableError(
            "leaving one language out needs ratings in at least 2; rated are "
            f"{', '.join(names) or 'none'}"
        )
    tasks = [task for task in tasks if wanted is None or task.name in set(wanted)]
    for task in tasks:
        if trained and not _rated(rows, task.gone):
            raise TableError(
                f"{task.name}: without {', '.join(sorted(task.gone))}, which share its corpus or "
                "its language, no rated row remains to train on"
            )
    return tasks


def _inner(
    gone: frozenset[str], targets: Sequence[Target], rows: pd.DataFrame
) -> tuple[Inner, ...]:
    found = []
    for target in targets:
        both = gone | left_out(target, rows)
        if _rated(rows, both):
            found.append(Inner(target.name, rows_of_target(target, rows), both))
    return tuple(found)


def _rated(rows: pd.DataFrame, gone: frozenset[str]) -> bool:
    return bool(rows.loc[~rows["source"].isin(gone), list(LABELS)].notna().any(axis=None))


def choose(way: Way, material: Material, tasks: Sequence[Task]) -> dict[str, Chosen]:
    """Make a way's scorers, and choose its setting for each target inside the target's sources.

    The setting with the best mean over the inner targets of the mean over the labels of Pearson's r
    is taken; its inner scores come from scorers that met neither the target nor the inner target.
    Of equals, and where no inner target remains, the first is taken. A constant estimate counts 0.

    Args:
        way: the way.
        material: what it's made from.
        tasks: the targets.

    Returns:
        By target.
    """
    nested = len(way.choices) > 1 or way.calibrated
    pairs = [inner.gone for task in tasks for inner in task.inner] if nested else []
    gone = list(dict.fromkeys([*(task.gone for task in tasks), *pairs]))
    scorers = {
        (choice, left): scorer
        for choice, fit in way.choices.items()
        for left, scorer in zip(gone, fit(material, gone), strict=True)
    }
    chosen = {}
    for task in tasks:
        inner: dict[str, float] = {}
        if len(way.choices) > 1 and task.inner:
            inner = {
                choice: float(
                    np.mean([_r(scorers[choice, i.gone], material, i) for i in task.inner])
                )
                for choice in way.choices
            }
        best = max(inner, key=lambda choice: inner[choice]) if inner else next(iter(way.choices))
        scorer = scorers[best, task.gone]
        if way.calibrated:
            scorer = _calibrated({left: scorers[best, left] for left in gone}, material, task)
        chosen[task.name] = Chosen(completed(scorer, material, task.gone), best, inner)
    return chosen


def _r(scorer: Scorer, material: Material, inner: Inner) -> float:
    """Mean over the labels of r on an inner target."""
    rows = material.rows[inner.rows]
    estimates = completed(scorer, material, inner.gone).predict(material.as_recorded[inner.rows])
    found = [pearson(rows[x], estimates[x]) for x in LABELS if rows[x].notna().any()]
    return float(np.mean(np.nan_to_num(found)))


def _calibrated(
    scorers: Mapping[frozenset[str], Scorer], material: Material, task: Task
) -> AffectModel:
    """The target's model with the scale that models like it needed on the inner targets."""

    def ready(gone: frozenset[str]) -> AffectModel:
        model = scorers[gone]
        assert isinstance(model, AffectModel)  # noqa: S101  (a recipe's)
        return in_units(model, gone, material)

    own = ready(task.gone)
    folds = []
    for inner in task.inner:
        ratings = material.rows.loc[inner.rows, list(own.labels)].reset_index(drop=True)
        estimates = ready(inner.gone).predict(material.as_recorded[inner.rows])
        folds.append(Fold(estimates, ratings))
    return calibrated(own, folds, trained_on(own, task.gone, material)) if folds else own
