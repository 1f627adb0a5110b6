"""Protocols 2 and 3 for any ways of making a model, on any corpora, as a folder of results."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from affectspace import features
from affectspace.errors import TableError
from affectspace.evaluation import paired
from affectspace.evaluation.paired import Answers
from affectspace.evaluation.results import Result, Setting, results_table
from affectspace.evaluation.transfer import score_transfer
from affectspace.progress import progress_bar
from affectspace.study.adapted import score_few_labels
from affectspace.study.cautions import model_cautions, target_cautions
from affectspace.study.evaluated import (
    FEW_LABELS,
    Evaluation,
    Settings,
    configuration,
    write_evaluation,
)
from affectspace.study.inputs import Corpus, Extraction, read_corpora
from affectspace.study.languages import PROTOCOL
from affectspace.study.material import Material, gather
from affectspace.study.recipes import ModelRecipe
from affectspace.study.selection import Chosen, Task, check_targets, choose, tasks_of
from affectspace.study.ways import Way
from affectspace.tables import filled_at_once

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class _Done:
    """One way, made and applied to every target."""

    way: Way
    material: Material
    tasks: Mapping[str, Task]
    chosen: Mapping[str, Chosen]
    answers: Mapping[str, Answers]


def run_evaluation(
    corpora: Mapping[str, str | Path],
    ways: Sequence[Way],
    *,
    output: str | Path,
    settings: Settings | None = None,
    labels: str | Path | None = None,
    jobs: int | None = None,
    cache: str | bool | None = None,
    notice: str = "",
    progress: bool = False,
) -> Evaluation:
    """Evaluate ways of making a model on languages left out, and write everything down.

    Args:
        corpora: names and paths, see [`read_corpus`][affectspace.study.inputs.read_corpus].
        ways: recipes, ready models and rivals; the first is the one that others are compared to.
        output: the folder to write. It is filled at the end, so that a run that fails leaves it as
            it was; files of the same names are replaced.
        settings: what is evaluated; None for all of it.
        labels: ratings that came apart, see `read_corpus`.
        jobs: worker processes of the extraction; None is one per core.
        cache: folder of the feature cache; None is the platform's; False is no cache.
        notice: a banner for report and figures, for instance that the data is synthetic.
        progress: show progress bars on stderr.

    Returns:
        Results, comparison, what was chosen, and warnings.

    Raises:
        TableError: if fewer than 2 languages are rated, a target isn't there, or names come twice.
        AffectspaceError: if an input can't be used.
    """
    settings = settings or Settings()
    names = [way.name for way in ways]
    if not names or len(set(names)) < len(names):
        raise TableError(f"expected ways of different names, got {', '.join(names) or 'none'}")
    for way in ways:  # a set may need an extra: said before the work, not after it
        for name in (way.recipe.features, way.recipe.teacher_features):
            if name is not None:
                features.spec(name)
    check_targets(corpora, settings.targets or ())
    with filled_at_once(Path(output)) as folder:  # a folder that can't be written fails early
        read: dict[tuple[Any, ...], tuple[dict[str, Corpus], Material]] = {}
        done: list[_Done] = []
        with progress_bar(len(ways), "Evaluating", unit="ways", show=progress) as advance:
            for way in ways:
                key = _needs(way.recipe)
                if key not in read:
                    extraction = _extraction(way.recipe, jobs, cache)
                    read[key] = _read(corpora, extraction, way.recipe, labels, progress)
                done.append(_made(way, read[key][1], settings, all(w.model for w in ways)))
                _LOG.info("%s is made", way.name)
                advance(1)
        found = _scored(done, settings)
        first, _ = next(iter(read.values()))
        digests = {name: corpus.digest for name, corpus in first.items()}
        warnings = _warnings(done, digests)
        found = replace(found, warnings=warnings)
        specs = {material.spec.name: material.spec for _, material in read.values()}
        config = configuration(first, ways, settings, found, specs, labels=labels, notice=notice)
        write_evaluation(folder, found, first, config, notice)
    return found


def _needs(recipe: ModelRecipe) -> tuple[Any, ...]:
    return (
        recipe.features,
        recipe.channel,
        recipe.level,
        recipe.degradations,
        recipe.teacher_features,
    )


def _extraction(recipe: ModelRecipe, jobs: int | None, cache: str | bool | None) -> Extraction:
    return Extraction(
        features=recipe.features,
        channel=recipe.channel,
        level=recipe.level,
        jobs=jobs,
        cache=cache,
    )


def _read(
    paths: Mapping[str, str | Path],
    extraction: Extraction,
    recipe: ModelRecipe,
    labels: str | Path | None,
    progress: bool,
) -> tuple[dict[str, Corpus], Material]:
    read = read_corpora(paths.items(), extraction=extraction, labels=labels, progress=progress)
    material = gather(
        list(read.values()),
        extraction=extraction,
        degradations=recipe.degradations,
        teacher_features=recipe.teacher_features,
        progress=progress,
    )
    return read, material


def _made(way: Way, material: Material, settings: Settings, only_models: bool) -> _Done:
    """Make a way's scorers and apply them; nothing else sees the targets' features."""
    if way.model is not None and way.model.spec is not None:
        way.model.spec.check(material.spec)
    tasks = tasks_of(material.rows, wanted=settings.targets, trained=not only_models)
    if not tasks:
        raise TableError("none of the corpora is rated, so there is nothing to score on")
    chosen = choose(way, material, tasks)
    answers = {}
    for task in tasks:
        features, index = material.as_recorded[task.rows], material.rows.index[task.rows]
        z = chosen[task.name].scorer.encode(features)
        columns = [f"z{i + 1}" for i in range(z.shape[1])]
        estimates = chosen[task.name].scorer.predict(features).set_axis(index)
        answers[task.name] = Answers(pd.DataFrame(z, index, columns), estimates)
    return _Done(way, material, {task.name: task for task in tasks}, chosen, answers)


def _scored(done: Sequence[_Done], settings: Settings) -> Evaluation:
    """Both protocols on the rows of the first way; what another can't answer is missing there."""
    tasks, material = done[0].tasks, done[0].material
    rows = {name: material.rows[task.rows] for name, task in tasks.items()}
    answers = {
        one.way.name: {name: _under(one.answers[name], table.index) for name, table in rows.items()}
        for one in done
    }
    single = [name for name, task in tasks.items() if task.single]
    averaged = single or list(tasks)
    scores = paired.scores(answers, rows)
    results: list[Result] = []
    if 2 in settings.protocols:
        for one in done:
            for name, table in rows.items():
                own = answers[one.way.name][name]
                results += score_transfer(
                    own.embeddings,
                    table,
                    setting=_setting(one, name, PROTOCOL),
                    estimates=own.estimates,
                )
        by_name = {one.way.name: one for one in done}
        if len(averaged) > 1:
            results += paired.means(
                scores, averaged, lambda way: _setting(by_name[way], paired.MEAN, PROTOCOL)
            )
    if 3 in settings.protocols:
        for one in done:
            for name in tasks:
                results += _few_labels(one, name, settings)
    return Evaluation(
        results=results_table(results),
        comparison=paired.differences(scores, averaged),
        choices=_choices(done),
        warnings=[],
    )


def _under(answers: Answers, index: pd.Index) -> Answers:
    """Answers for other rows; missing where there are none."""
    z, estimates = answers
    return Answers(z.reindex(index), None if estimates is None else estimates.reindex(index))


def _setting(one: _Done, target: str, protocol: str) -> Setting:
    if one.way.model is not None:
        source = "+".join(one.way.model.record.get("sources", ())) or "unknown"
    elif target == paired.MEAN:
        source = "others"
    else:
        gone = one.tasks[target].gone
        met = dict.fromkeys(x for x in one.material.rows["source"] if x not in gone)
        source = "+".join(met)
    return Setting(protocol=protocol, source=source, target=target, model=one.way.name)


def _choices(done: Sequence[_Done]) -> pd.DataFrame:
    rows = [
        {"model": one.way.name, "target": name, "choice": chosen.choice}
        | {"setting": setting, "inner": chosen.inner.get(setting, np.nan)}
        for one in done
        for name, chosen in one.chosen.items()
        for setting in one.way.choices
    ]
    return pd.DataFrame(rows, columns=["model", "target", "choice", "setting", "inner"])


def _warnings(done: Sequence[_Done], digests: Mapping[str, str]) -> list[str]:
    tasks, rows = list(done[0].tasks.values()), done[0].material.rows
    found = [] if all(one.way.model for one in done) else target_cautions(rows, tasks)
    for one in done:
        if one.way.model is not None:
            found += model_cautions(one.way.name, one.way.model, rows, tasks, digests=digests)
        elif len(one.way.choices) > 1:
            for task in tasks:
                if not task.inner:
                    found.append(
                        f"{one.way.name}, {task.name}: no language remains to choose a setting "
                        f"on; it's the first, {one.chosen[task.name].choice!r}."
                    )
    return found


def _few_labels(one: _Done, name: str, settings: Settings) -> list[Result]:
    setting = _setting(one, name, FEW_LABELS)
    return score_few_labels(
        one.chosen[name].scorer,
        one.material,
        one.tasks[name],
        setting=setting,
        sizes=settings.sizes,
        count=settings.draws,
        seed=settings.seed,
    )
