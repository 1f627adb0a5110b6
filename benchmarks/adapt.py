"""What adaptation is worth on a corpus that the model never met, and what suggested ratings are.

Each draw halves the corpus's speakers: utterances of one half are rated, the other half is scored.
`worse` is the share of draws in which the adapted model has a lower CCC than the one that it began
with, `worst` the largest fall. `suggested` rates what `suggest` names instead of random utterances;
its interval is that of the mean difference over the draws (Student's t, 95 %), and draws of one
corpus share speakers, so it is too narrow rather than too wide.

Collections that are aligned by an emotion or speaker each show where that is wrong.

Needs models that never saw the corpora, as folders, --lolo NAME=FOLDER, several times, or made here
for EMO-DB, EmoTale and URDU, --recipe NAME, which takes minutes; AFFECTSPACE_DATA.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from affectspace.adapt import adapt, suggest
from affectspace.evaluation import ccc, mae
from affectspace.evaluation.calibrate import covered
from affectspace.evaluation.few_labels import draws
from affectspace.model import AffectModel, load_model
from affectspace.study.inputs import Extraction, read_corpora, read_corpus
from affectspace.study.material import gather
from affectspace.study.recipes import RECIPES, ModelRecipe
from affectspace.study.selection import choose, tasks_of
from affectspace.study.ways import Completed, recipe_way
from benchmarks._common import machine, markdown, parser

TARGETS = {"emodb": "emodb", "emotale": "emotale-en", "urdu": "urdu"}
"""Whose languages a model does without: all of EmoTale, and other English speech."""

SIZES = (5, 10, 20, 50, 100)
"""Of collections that a model is aligned with."""

NEUTRAL = 0.7
"""The share of neutral recordings in a collection that is no usual mix."""


def main(arguments: Sequence[str] = ()) -> None:
    options = parser(__doc__)
    options.add_argument("--lolo", action="append", default=[], help="CORPUS=MODEL_FOLDER")
    options.add_argument("--n", type=int, nargs="+", default=[5, 20, 50, 100])
    options.add_argument("--draws", type=int, default=20)
    options.add_argument("--seed", type=int, default=0, help="of the draws")
    options.add_argument("--goal", default="agreement", help="agreement or error")
    options.add_argument("--align", action="store_true", help="align with all recordings first")
    options.add_argument("--recipe", choices=RECIPES, help="train the models")
    wanted = options.parse_args(arguments)
    if not (wanted.lolo or wanted.recipe) or "AFFECTSPACE_DATA" not in os.environ:
        print("Skipped: needs AFFECTSPACE_DATA, and --lolo CORPUS=MODEL_FOLDER or --recipe NAME")
        return
    print(machine())
    folders = dict(pair.split("=", 1) for pair in wanted.lolo)
    models = {name: load_model(folder) for name, folder in folders.items()}
    if wanted.recipe:
        models = _made(RECIPES[wanted.recipe]) | models
    for name, model in models.items():
        features, rows = _corpus(name, model)
        print(f"\n### {name}, {len(rows)} rated utterances, {rows['speaker'].nunique()} speakers\n")
        for label, estimates in model.predict(features).items():
            mean, spread = rows[label].mean(), rows[label].std()
            print(f"{label}: rated {mean:.2f} ± {spread:.2f}, ", end="")
            print(f"estimated {estimates.mean():.2f} ± {estimates.std():.2f}\n")
        print(alignment(model, features, rows, wanted), "\n")
        start = model.aligned(features) if wanted.align else model
        print(few_ratings(start, features, rows, wanted), flush=True)


def few_ratings(
    model: AffectModel,
    features: np.ndarray,
    rows: pd.DataFrame,
    wanted: argparse.Namespace,
) -> str:
    """Return what n ratings are worth, as Markdown, a row per label and n."""
    ratings, speakers = rows[list(model.labels)], rows["speaker"].to_numpy(object)
    own = model.predict(features)
    lines = []
    for n in wanted.n:
        scores: dict[str, list[list[float]]] = {label: [] for label in model.labels}
        for draw in draws(speakers, count=wanted.draws, seed=wanted.seed):
            pool = draw.pool
            told = {"random": pool[:n], "suggested": pool[suggest(model, features[pool], n)]}
            found = {
                way: adapt(
                    model, features[at], ratings.iloc[at], speakers=speakers[at], goal=wanted.goal,
                    resamples=0,
                )
                for way, at in told.items()
            }  # fmt: skip
            after = {way: one.model.predict(features) for way, one in found.items()}
            for label in model.labels:
                truth, test = ratings[label].to_numpy()[draw.test], draw.test
                guesses = [own[label], *(estimates[label] for estimates in after.values())]
                kept = found["random"].choices[label].step == "kept"
                scores[label].append(
                    [
                        *(ccc(truth, guess.to_numpy()[test]) for guess in guesses),
                        *(mae(truth, guess.to_numpy()[test]) for guess in guesses[:2]),
                        float(kept),
                    ]
                )
        lines += [[str(n), label, *_figures(np.array(scores[label]))] for label in model.labels]
    columns = ["n", "label", "CCC before", "after", "worse", "worst", "kept", "MAE before", "after"]
    return markdown([*columns, "suggested", "gain over random"], lines)


def _figures(values: np.ndarray) -> list[str]:
    before, after, chosen, mae_before, mae_after, kept = values.mean(axis=0)
    fall, gain = values[:, 1] - values[:, 0], values[:, 2] - values[:, 1]
    half = stats.t.ppf(0.975, len(gain) - 1) * stats.sem(gain)
    return [
        f"{before:.2f}",
        f"{after:.2f}",
        f"{np.mean(fall < -1e-9):.0%}",
        f"{min(fall.min(), 0):.2f}",
        f"{kept:.0%}",
        f"{mae_before:.2f}",
        f"{mae_after:.2f}",
        f"{chosen:.2f}",
        f"{gain.mean():+.3f} ({gain.mean() - half:+.3f} to {gain.mean() + half:+.3f})",
    ]


def alignment(
    model: AffectModel, features: np.ndarray, rows: pd.DataFrame, wanted: argparse.Namespace
) -> str:
    """Return what unlabelled recordings alone are worth, as Markdown: how many, and which."""
    generator = np.random.default_rng(wanted.seed)
    everything = np.arange(len(rows))

    def drawn(pick: Callable[[], np.ndarray]) -> list[np.ndarray]:
        return [pick() for _ in range(wanted.draws)]

    def mean(tries: list[list[tuple[AffectModel, np.ndarray]]]) -> list[float]:
        return np.mean([_scored(one, features, rows) for one in tries], axis=0).tolist()

    lines = [["as it is", *_scored([(model, everything)], features, rows)]]
    for n in (n for n in SIZES if n < len(rows)):
        picks = drawn(lambda n=n: generator.permutation(len(rows))[:n])
        lines.append([f"{n}", *mean([[(model.aligned(features[at]), everything)] for at in picks])])
    lines.append(["all", *_scored([(model.aligned(features), everything)], features, rows)])
    neutral = (rows["emotion"] == "neutral").to_numpy()
    others = round(neutral.sum() * (1 - NEUTRAL) / NEUTRAL)
    mixes = drawn(
        lambda: np.r_[everything[neutral], generator.permutation(everything[~neutral])[:others]]
    )
    name = f"{NEUTRAL:.0%} neutral"
    lines += [
        [f"{name}, as it is", *mean([[(model, at)] for at in mixes])],
        [f"{name}, aligned", *mean([[(model.aligned(features[at]), at)] for at in mixes])],
    ]
    for column in ("emotion", "speaker"):
        parts = [np.flatnonzero(rows[column] == value) for value in rows[column].unique()]
        apart = [(model.aligned(features[at]), at) for at in parts]
        lines.append([f"each {column} by itself", *_scored(apart, features, rows)])
    heads = [f"{label}: {figure}" for label in model.labels for figure in ("CCC", "MAE", "holds")]
    shown = [[name, *(f"{figure:.2f}" for figure in figures)] for name, *figures in lines]
    return markdown(["aligned with", *heads], shown)


def _scored(
    models: Sequence[tuple[AffectModel, np.ndarray]],
    features: np.ndarray,
    rows: pd.DataFrame,
) -> list[float]:
    """CCC, mean absolute error and what intervals hold, of models that answer for rows each."""
    found = pd.concat([model.describe(features[at]) for model, at in models])
    truth = pd.concat([rows[list(model.labels)].iloc[at] for model, at in models])
    figures: list[float] = []
    for label in truth:
        ratings, guess = truth[label].to_numpy(), found[label].to_numpy()
        held = covered(ratings, found[f"{label}_low"], found[f"{label}_high"])
        figures += [ccc(ratings, guess), mae(ratings, guess), held]
    return figures


def _made(recipe: ModelRecipe) -> dict[str, AffectModel]:
    """Train and calibrate a model per corpus of `TARGETS`, without anything in its language."""
    extraction = Extraction(
        features=recipe.features, channel=recipe.channel, level=recipe.level, jobs=1
    )
    root = Path(os.environ["AFFECTSPACE_DATA"])
    read = read_corpora(
        [(name, root / "corpora" / name) for name in recipe.sources or RECIPES["default"].sources],
        extraction=extraction,
        labels=root / "labels" / "dtu",
    )
    material = gather(
        list(read.values()),
        extraction=extraction,
        degradations=recipe.degradations,
        teacher_features=recipe.teacher_features,
    )
    tasks = tasks_of(material.rows, wanted=TARGETS.values())
    chosen = choose(recipe_way("", recipe), material, tasks)
    models = {name: chosen[target].scorer for name, target in TARGETS.items()}
    return {
        name: scorer.scorer
        for name, scorer in models.items()
        if isinstance(scorer, Completed) and isinstance(scorer.scorer, AffectModel)
    }


def _corpus(name: str, model: AffectModel) -> tuple[np.ndarray, pd.DataFrame]:
    root = Path(os.environ["AFFECTSPACE_DATA"])
    assert model.spec is not None
    labels = root / "labels" / "dtu"
    corpus = read_corpus(
        name,
        root / "corpora" / name,
        extraction=Extraction(features=model.spec.name),
        labels=labels if labels.exists() else None,
    )
    rows = corpus.table.rows
    known = corpus.table.ok & rows[list(model.labels)].notna().all(axis=1).to_numpy()
    return corpus.table.values.to_numpy()[known], rows[known]


if __name__ == "__main__":
    main(sys.argv[1:])
