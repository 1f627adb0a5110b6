"""What missing ratings do to agreement and gold standard, and what a few ratings do for a model.

missing    EmoTale's ratings with one of three left out at random: error of the gold standard
           against the mean of all three, and the coefficients (needs AFFECTSPACE_DATA)
offsets    the same where raters are drawn, with offsets of known size
intervals  how often the intervals hold the truth where items and raters are drawn
walk       a model that heard German only, adapted to Danish utterances that two of EmoTale's
           three raters rated, on other speakers (needs AFFECTSPACE_DATA)
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from affectspace import corpora
from affectspace.annotation import (
    alpha,
    gold_standard,
    gold_table,
    icc,
    labels_of,
    rating_matrix,
    ratings_of,
)
from affectspace.evaluation.metrics import ccc
from affectspace.study import train_model
from affectspace.study.adaptation import adapt_model
from affectspace.study.recipes import RECIPES
from affectspace.tables import write_table
from benchmarks._common import chosen, markdown, parser

LABELS = ("activation", "valence")
DRAWS = 20


def main(arguments: Sequence[str] = ()) -> None:
    parts = {"missing": missing, "offsets": offsets, "intervals": intervals, "walk": walk}
    options = parser(__doc__, parts=list(parts))
    options.add_argument("--draws", type=int, default=DRAWS, help="of what is missing")
    options.add_argument("--studies", type=int, default=400, help="simulated, for the intervals")
    wanted = options.parse_args(arguments)
    for name in chosen(wanted.parts, parts):
        print(f"\n### {name}\n", flush=True)
        parts[name](wanted.studies if name == "intervals" else wanted.draws)


def missing(draws: int) -> None:
    """EmoTale, a rater of each item left out."""
    root = _root()
    if root is None:
        return
    ratings = ratings_of(corpora.read("emotale", root / "corpora/emotale")).table
    rows = []
    for label in labels_of(ratings)[:2]:
        full = rating_matrix(ratings, label)
        rows.append([label, *_gold_errors(full, full.mean(axis="columns"), 2, draws)])
        whole = icc(full, resamples=0)["value"]
        found = [_left(full, 2, seed) for seed in range(draws)]
        single = [icc(matrix, resamples=0)["value"].iloc[4] for matrix in found]
        alphas = [alpha(matrix, resamples=0).value for matrix in found]
        print(
            f"{label}: ICC(2,1) {whole[1]:.3f} of all ratings, {_spread(single)} of two of three; "
            f"alpha {alpha(full, resamples=0).value:.3f}, {_spread(alphas)}"
        )
    print("\n" + markdown(["", "plain mean", "mean", "ewe"], rows))


def offsets(draws: int) -> None:
    """Drawn ratings, 3 of 12 raters per item, by the deviation of the raters' offsets."""
    rows = []
    for size in (0.0, 0.2, 0.4, 0.8):
        errors = []
        for seed in range(draws):
            rng = np.random.default_rng(seed)
            truth = 3 + 0.7 * rng.normal(size=200)
            noise = rng.uniform(0.3, 1.0, size=12)
            values = (
                truth[:, None] + size * rng.normal(size=12) + noise * rng.normal(size=(200, 12))
            )
            errors.append(_errors(_left(pd.DataFrame(values), 3, seed), truth))
        rows.append([f"{size:g}", *_cells(errors)])
    print(markdown(["offsets", "plain mean", "mean", "ewe"], rows))


def intervals(studies: int) -> None:
    """Share of simulated studies whose interval holds the truth."""
    variances = np.array([0.64, 0.06, 0.30])  # items, raters, rest
    truth = variances[0] / variances.sum()
    rows = []
    for n, k, each in ((50, 3, 3), (200, 3, 3), (50, 3, 2), (200, 3, 2), (200, 20, 3)):
        held: dict[str, list[bool]] = {"F": [], "drawn": [], "same raters": []}
        for seed in range(studies):
            rng = np.random.default_rng(seed)
            item, rater, rest = np.sqrt(variances)
            who = rater * rng.normal(size=k)
            values = item * rng.normal(size=(n, 1)) + who + rest * rng.normal(size=(n, k))
            matrix = _left(pd.DataFrame(values), each, seed)
            theirs = variances[0] / (variances[0] + who.var(ddof=1) + variances[2])
            for row in icc(matrix, resamples=300).query("kind == 'ICC(2,1)'").itertuples():
                if row.basis == "complete" and each == k:
                    held["F"].append(row.low <= truth <= row.high)
                elif row.basis == "all":
                    held["drawn"].append(row.low <= truth <= row.high)
                    held["same raters"].append(row.low <= theirs <= row.high)
        cells = [f"{100 * np.mean(x):.0f} %" if x else "-" for x in held.values()]
        rows.append([f"{n}", f"{each} of {k}", *cells])
    print(markdown(["items", "raters", "F, truth", "drawn, truth", "drawn, these raters"], rows))


def walk(draws: int) -> None:
    """CCC on Danish speakers who weren't rated, before and after."""
    root = _root()
    if root is None:
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        german = corpora.read("emodb", root / "corpora/emodb", root / "labels/dtu")
        write_table(german, folder / "german.csv")
        published = RECIPES["published"]
        recipe = replace(
            published, objective="joint", training=replace(published.training, clip=4.0)
        )
        model = train_model(
            {"german": folder / "german.csv"}, output=folder / "german", recipe=recipe
        )
        danish = corpora.read("emotale", root / "corpora/emotale")
        danish = danish[danish["language"] == "da"]
        rows = []
        for n in (20, 50, 100):
            scores = [_adapted(model, danish, n, seed, folder) for seed in range(draws)]
            for label in LABELS:
                pairs = np.array([score[label] for score in scores])
                worse = 100 * np.mean(pairs[:, 1] < pairs[:, 0])
                before, after = pairs.mean(axis=0)
                rows.append([label, f"{n}", f"{before:.2f}", f"{after:.2f}", f"{worse:.0f} %"])
        print(markdown(["label", "utterances", "CCC before", "after", "worse"], rows))


def _adapted(
    model: object, danish: pd.DataFrame, n: int, seed: int, folder: Path
) -> dict[str, tuple[float, float]]:
    rng = np.random.default_rng(seed)
    speakers = rng.permutation(sorted(danish["speaker"].unique()))
    mine = danish["speaker"].isin(speakers[: len(speakers) // 2])
    some, rest = danish[mine].sample(n, random_state=seed), danish[~mine]
    table = ratings_of(some).table
    rated = [(_left(rating_matrix(table, label), 2, seed), label) for label in LABELS]
    wide = pd.concat([m.add_prefix(f"{label}_") for m, label in rated], axis="columns")
    gold = gold_table(ratings_of(wide.assign(speaker=some["speaker"])))
    write_table(gold, folder / "gold.csv")
    adapted = adapt_model(model, folder / "gold.csv", output=folder / f"adapted{n}-{seed}")
    scores = []
    for one in (model, adapted.adaptation.model):
        found = one.embed(rest)  # type: ignore[attr-defined]
        scores.append({label: ccc(rest[label], found[label]) for label in LABELS})
    return {label: (scores[0][label], scores[1][label]) for label in LABELS}


def _left(matrix: pd.DataFrame, each: int, seed: int) -> pd.DataFrame:
    """Leave each item the ratings of so many raters, drawn."""
    rng = np.random.default_rng(seed + 10_000)
    place = np.argsort(np.argsort(rng.random(matrix.shape), axis=1), axis=1)
    return matrix.where(place < each)


def _gold_errors(full: pd.DataFrame, truth: pd.Series, each: int, draws: int) -> list[str]:
    return _cells([_errors(_left(full, each, seed), truth.to_numpy()) for seed in range(draws)])


def _errors(matrix: pd.DataFrame, truth: np.ndarray) -> list[float]:
    """Root mean squared error of the plain mean, the mean and the ewe, their mean level aside."""
    found = [matrix.mean(axis="columns")]
    found += [
        gold_standard(matrix, estimator=e, scale=None).values["value"] for e in ("mean", "ewe")
    ]
    return [float(np.std(values.to_numpy() - truth)) for values in found]


def _cells(errors: Iterable[Sequence[float]]) -> list[str]:
    return [f"{mean:.3f}" for mean in np.mean(list(errors), axis=0)]


def _spread(values: Sequence[float]) -> str:
    return f"{np.mean(values):.3f} ± {np.std(values):.3f}"


def _root() -> Path | None:
    root = os.environ.get("AFFECTSPACE_DATA")
    if root is None:
        print("AFFECTSPACE_DATA is not set: it names the folder with corpora/emotale")
    return None if root is None else Path(root)


if __name__ == "__main__":
    main(sys.argv[1:])
