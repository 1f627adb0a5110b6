"""Protocol 1, the paper's study: train on folds of one corpus, score the space on all others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from affectspace.errors import TableError
from affectspace.evaluation import paired
from affectspace.evaluation.classification import score_classification
from affectspace.evaluation.consistency import Space, score_consistency
from affectspace.evaluation.leaks import shared_speakers, speaker_leak
from affectspace.evaluation.results import Result, Setting, results_table
from affectspace.evaluation.rows import column_of, known_speakers
from affectspace.evaluation.studied import classed, rows_of_study
from affectspace.evaluation.transfer import LABELS, score_transfer
from affectspace.features import FeatureTable
from affectspace.model import OBJECTIVES, AffectModel
from affectspace.progress import progress_bar
from affectspace.training import Recipe, Run, standardisation, train

PAPER_OBJECTIVES = ("unsupervised", "metric-act", "metric-val")
"""The paper's three reference models."""

SPLITS = ("class", "speaker")
"""How the source's folds are drawn: stratified by class (published), or also without shared
speakers."""


Further = Callable[
    [FeatureTable, Sequence[npt.NDArray[np.intp]], Sequence[int]], Sequence[AffectModel]
]
"""Makes models by another recipe: of the source's usable rows, in whatever class; for each model
the positions of the rows that it may learn from, and its seed."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """The settings of the study.

    Attributes:
        objectives: names of [`OBJECTIVES`][affectspace.model.OBJECTIVES].
        folds: of the source corpus.
        seeds: how often each fold is trained anew.
        split: one of [`SPLITS`][affectspace.evaluation.reproduction.SPLITS].
        transductive: standardise each target by its own mean and deviation, instead of those of the
            training fold. Uses target features, and every result says so.
        recipe: how a model is trained.
    """

    objectives: tuple[str, ...] = PAPER_OBJECTIVES
    folds: int = 5
    seeds: int = 1
    split: str = "class"
    transductive: bool = False
    recipe: Recipe = Recipe()  # noqa: RUF009  (frozen)

    def __post_init__(self) -> None:
        unknown = [name for name in self.objectives if name not in OBJECTIVES]
        if unknown or not self.objectives:
            raise ValueError(f"objectives must be among {sorted(OBJECTIVES)}, not {unknown}")
        if self.folds < 2 or self.seeds < 1:
            raise ValueError(f"folds must be at least 2 and seeds 1: {self.folds}, {self.seeds}")
        if self.split not in SPLITS:
            raise ValueError(f"split must be one of {SPLITS}, not {self.split!r}")


@dataclass(frozen=True)
class Trained:
    """One model of the study: which it is, and the source rows that it never saw.

    `objective` is its name in the tables: that of its objective, or of a further recipe.
    """

    model: AffectModel
    objective: str
    seed: int
    fold: int
    held_out: npt.NDArray[np.intp]


@dataclass(frozen=True)
class Reproduction:
    """What the study found.

    Attributes:
        results: the results table, protocols `reproduction`, `classification` and `consistency`.
        embeddings: of the first seed's first fold: `corpus`, `model`, `z1`, `z2`, ..., and the
            labels; of the source, the held-out rows.
        comparison: where there are further recipes, how far each model's `adjusted_r2` is above
            those of the others, see [`differences`][affectspace.evaluation.paired.differences];
            means over folds, and over the targets for `all`. Else empty.
        trained: the models.
        used: how many rows of each corpus took part.
        warnings: what a reader of the figures must know, in sentences.
    """

    results: pd.DataFrame
    embeddings: pd.DataFrame
    comparison: pd.DataFrame
    trained: Sequence[Trained]
    used: Mapping[str, int]
    warnings: Sequence[str]


def reproduce(
    source: str,
    corpora: Mapping[str, FeatureTable],
    *,
    protocol: Protocol | None = None,
    further: Mapping[str, Further] | None = None,
    progress: bool = False,
) -> Reproduction:
    """Run the study on features.

    Args:
        source: the corpus to train on.
        corpora: features and labels (`activation`, `valence`, `emotion`, `speaker`) of every
            corpus, the source among them. Rows whose status is not `ok` are left out.
        protocol: the settings; None for the paper's.
        further: further recipes by the name that their models have in the tables. They are made on
            the same folds, but may also learn from rows of the source that the study doesn't use,
            those of another class; where folds share no speaker, from these neither.
        progress: show progress bars on stderr.

    Returns:
        Results, embeddings, models and warnings.

    Raises:
        TableError: if the source has too few rows, classes or speakers, or lacks a rating that an
            objective needs; if a corpus has no usable row; or if no row of any corpus is rated.
        ContractError: if the corpora's features are of different contracts.
    """
    protocol, further = protocol or Protocol(), further or {}
    if clash := set(further) & set(protocol.objectives):
        raise ValueError(f"further recipes need names of their own, not {', '.join(clash)}")
    used = {name: _usable(name, table) for name, table in corpora.items()}
    whole, of_study = used[source], rows_of_study(source, used[source])
    used[source] = classed(source, whole, of_study)
    for table in used.values():
        used[source].spec.check(table.spec)
    splits = list(_folds(source, used[source], protocol))
    _check_ratings(source, used, protocol)
    trained = _train(used[source], splits, protocol, progress=progress)
    for name, make in further.items():
        trained += _make(name, make, whole, of_study, splits, protocol)
    results: list[Result] = []
    with progress_bar(len(trained), "Evaluating", unit="models", show=progress) as advance:
        for one in trained:
            results += _score(one, source, used, protocol)
            advance(1)
    shown = [one for one in trained if (one.seed, one.fold) == (0, 0)]
    embeddings = pd.concat([_embedded(one, source, used, protocol) for one in shown])
    return Reproduction(
        results_table(results),
        embeddings.reset_index(drop=True),
        _compared(trained, source, used, protocol) if further else paired.differences({}, []),
        trained,
        {name: len(table) for name, table in used.items()},
        list(_warnings(source, used, splits, protocol)),
    )


def _usable(name: str, table: FeatureTable) -> FeatureTable:
    if not table.ok.any():
        raise TableError(f"{name}: none of {len(table)} rows has features (status ok)")
    return replace(table, values=table.values[table.ok], rows=table.rows[table.ok])


def _check_ratings(source: str, corpora: Mapping[str, FeatureTable], protocol: Protocol) -> None:
    rated = {
        name: {label for label in LABELS if not np.isnan(_ratings(table, label)).all()}
        for name, table in corpora.items()
    }
    for name in protocol.objectives:
        if missing := [label for label in OBJECTIVES[name].axes if label not in rated[source]]:
            raise TableError(
                f"objective {name!r} needs {' and '.join(missing)}, but no row of {source} that "
                "the study uses is rated"
            )
    if not any(rated.values()):
        raise TableError(f"no row of {', '.join(corpora)} is rated, so there is nothing to score")


def _folds(
    source: str, table: FeatureTable, protocol: Protocol
) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    classes = table.rows["emotion"].to_numpy(dtype=object).astype(str)
    smallest = pd.Series(classes).value_counts().min() if len(classes) else 0
    if smallest < protocol.folds:
        raise TableError(
            f"{source}: {protocol.folds} folds need at least as many rows of each class, but the "
            f"smallest class has {smallest}"
        )
    if protocol.split == "class":
        splitter = StratifiedKFold(protocol.folds, shuffle=True, random_state=0)
        yield from splitter.split(classes, classes)
        return
    speakers = known_speakers(column_of(table.rows, "speaker"))
    if len(set(speakers)) < protocol.folds:
        raise TableError(f"{source}: {protocol.folds} folds need as many speakers or more")
    grouped = StratifiedGroupKFold(protocol.folds, shuffle=True, random_state=0)
    yield from grouped.split(classes, classes, groups=speakers)


def _train(
    table: FeatureTable,
    splits: Sequence[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]],
    protocol: Protocol,
    *,
    progress: bool,
) -> list[Trained]:
    plan = [
        (objective, seed, fold)
        for seed in range(protocol.seeds)
        for fold in range(protocol.folds)
        for objective in protocol.objectives
    ]
    runs = [
        Run(objective=OBJECTIVES[name], rows=splits[fold][0], seed=_seed(seed, fold))
        for name, seed, fold in plan
    ]
    models = train(
        table.values.to_numpy(),
        {label: _ratings(table, label) for label in LABELS},
        runs,
        recipe=protocol.recipe,
        feature_names=table.spec.features,
        spec=table.spec,
        progress=progress,
    )
    return [
        Trained(model, *which, held_out=splits[which[2]][1])
        for which, model in zip(plan, models, strict=True)
    ]


def _make(
    name: str,
    make: Further,
    whole: FeatureTable,
    of_study: npt.NDArray[np.intp],
    splits: Sequence[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]],
    protocol: Protocol,
) -> list[Trained]:
    """Models by a further recipe: on the rows of each fold, and on those of no class."""
    others = np.setdiff1d(np.arange(len(whole)), of_study)
    speakers = known_speakers(column_of(whole.rows, "speaker"))
    rows = []
    for first, held_out in splits:
        more = others
        if protocol.split == "speaker":
            more = others[~np.isin(speakers[others], speakers[of_study[held_out]])]
        rows.append(np.sort(np.concatenate([of_study[first], more])))
    plan = [(seed, fold) for seed in range(protocol.seeds) for fold in range(protocol.folds)]
    models = make(whole, [rows[fold] for _, fold in plan], [_seed(*which) for which in plan])
    return [
        Trained(model, name, *which, held_out=splits[which[1]][1])
        for which, model in zip(plan, models, strict=True)
    ]


def _seed(seed: int, fold: int) -> int:
    """A fold's own seed: the deviation over folds holds the chance of the initial weights too."""
    return int(np.random.SeedSequence((seed, fold)).generate_state(1)[0])


def _ratings(table: FeatureTable, label: str) -> npt.NDArray[np.float64]:
    if label not in table.rows:
        return np.full(len(table.rows), np.nan)
    return table.rows[label].to_numpy(dtype=np.float64, na_value=np.nan)


def _spaces(
    one: Trained, source: str, corpora: Mapping[str, FeatureTable], protocol: Protocol
) -> Iterator[tuple[str, FeatureTable, npt.NDArray[np.float64]]]:
    """Name, rows and embeddings of every corpus: of the source, the held-out rows."""
    for name, table in corpora.items():
        model = one.model
        if name == source:
            table = replace(
                table, values=table.values.iloc[one.held_out], rows=table.rows.iloc[one.held_out]
            )
        elif protocol.transductive:
            mean, scale = standardisation(table.values.to_numpy())
            model = replace(model, mean=mean, scale=scale)
        yield name, table, model.encode(table)


def _score(
    one: Trained, source: str, corpora: Mapping[str, FeatureTable], protocol: Protocol
) -> list[Result]:
    results: list[Result] = []
    spaces: dict[str, Space] = {}
    for name, table, z in _spaces(one, source, corpora, protocol):
        setting = Setting(
            protocol="reproduction",
            source=source,
            target=name,
            model=one.objective,
            seed=one.seed,
            fold=one.fold,
            transductive=protocol.transductive and name != source,
        )
        estimates = one.model.estimate(z).set_axis(table.rows.index)
        results += score_transfer(z, table.rows, setting=setting, estimates=estimates)
        results += score_classification(
            z, table.rows, setting=replace(setting, protocol="classification")
        )
        axes = one.model.axis_values(z).set_axis(table.rows.index)
        spaces[name] = Space(z, table.rows, {label: axes[label] for label in one.model.labels})
    if len(spaces) > 1:
        setting = replace(
            setting,
            protocol="consistency",
            transductive=protocol.transductive,
        )
        results += score_consistency(spaces, setting=setting)
    return results


def _compared(
    trained: Sequence[Trained],
    source: str,
    corpora: Mapping[str, FeatureTable],
    protocol: Protocol,
) -> pd.DataFrame:
    """The last recipe's models against the others on the targets, folds averaged in each draw."""
    names = list(dict.fromkeys(one.objective for one in trained))[::-1]
    rows = {
        name: table.rows.assign(source=name) for name, table in corpora.items() if name != source
    }
    if not rows:
        return paired.differences({}, [])
    folds = []
    for which in dict.fromkeys((one.seed, one.fold) for one in trained):
        answers: dict[str, dict[str, paired.Answers]] = {name: {} for name in names}
        for one in (one for one in trained if (one.seed, one.fold) == which):
            for name, table, z in _spaces(one, source, corpora, protocol):
                if name != source:
                    space = pd.DataFrame(z, index=table.rows.index)
                    answers[one.objective][name] = paired.Answers(space, None)
        folds.append(paired.scores(answers, rows))
    return paired.differences(paired.averaged(folds), list(rows))


def _embedded(
    one: Trained, source: str, corpora: Mapping[str, FeatureTable], protocol: Protocol
) -> pd.DataFrame:
    parts = []
    for name, table, z in _spaces(one, source, corpora, protocol):
        part = pd.DataFrame(z, columns=[f"z{i + 1}" for i in range(z.shape[1])])
        part.insert(0, "model", one.objective)
        part.insert(0, "corpus", name)
        for label in LABELS:
            part[label] = _ratings(table, label)
        part["emotion"] = table.rows["emotion"].to_numpy() if "emotion" in table.rows else None
        parts.append(part)
    return pd.concat(parts)


def _warnings(
    source: str,
    corpora: Mapping[str, FeatureTable],
    splits: Sequence[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]],
    protocol: Protocol,
) -> Iterator[str]:
    speakers = column_of(corpora[source].rows, "speaker")
    first, held_out = splits[0]
    shared = shared_speakers(speakers[first], speakers[held_out])
    if shared:
        yield f"{source}: {shared} The other corpora's figures are not touched by it."
    if pd.isna(speakers).all():
        yield f"{source}: no speaker is known, so nobody can tell whether its folds share speakers."
    for name, table in corpora.items():
        if all(np.isnan(_ratings(table, label)).all() for label in LABELS):
            yield f"{name}: no row is rated, so it is in no table of ratings."
        for label in ("emotion", *LABELS):
            if label in table.rows and table.rows[label].notna().any():
                leak = speaker_leak(table.rows[label], column_of(table.rows, "speaker"))
                if leak.warns:
                    yield f"{name}, {label}: {leak.message}"
    if protocol.transductive:
        yield "Targets were standardised by their own statistics: these figures are transductive."
