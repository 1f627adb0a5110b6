"""Typical ratings of categories, for corpora that name emotions but rate nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from affectspace.evaluation.transfer import LABELS
from affectspace.model import OBJECTIVES, AffectModel
from affectspace.study.material import Material
from affectspace.study.recipes import ModelRecipe
from affectspace.training import Run, train


def heard_ratings(material: Material, gone: frozenset[str]) -> dict[str, npt.NDArray[np.float64]]:
    """What a training without some corpora hears: ratings, and typical ones in their place.

    A row of a corpus without a single rating gets what its category is rated on average in the
    rated corpora that remain, each corpus counting the same; nothing where none of them rates the
    category.

    Args:
        material: n rows in several copies.
        gone: corpora that are left out. Nothing of theirs is looked at, and they hear nothing.

    Returns:
        For each label shape (copies * n,), NaN where there is no rating.
    """
    rows = material.rows
    there = ~rows["source"].isin(gone)
    heard = {}
    for label in LABELS:
        ratings = rows[label].where(there).to_numpy(np.float64, copy=True)
        if "emotion" in rows:
            rated = rows[there & rows[label].notna()]
            by_corpus = rated.groupby(["emotion", "source"])[label].mean()
            typical = by_corpus.groupby("emotion").mean()
            unrated = there & ~rows["source"].isin(rated["source"])
            found = rows["emotion"].map(typical).to_numpy(np.float64, na_value=np.nan)
            ratings = np.where(unrated, found, ratings)
        heard[label] = ratings[material.clean]
    return heard


def fit_networks(
    material: Material,
    recipe: ModelRecipe,
    gone: Sequence[frozenset[str]],
    *,
    typical: bool = False,
    device: str = "cpu",
    progress: bool = False,
) -> list[AffectModel]:
    """Train a network for each set of corpora left out, on the other rows.

    Args:
        material: what they are trained on.
        recipe: how.
        gone: the sets.
        typical: let corpora with categories only hear typical ratings.
        device: where torch computes.
        progress: show a progress bar on stderr.
    """
    objective = OBJECTIVES[recipe.objective]
    runs = [
        Run(
            objective=objective,
            rows=material.without(left),
            seed=recipe.seed,
            labels=heard_ratings(material, left) if typical else None,
        )
        for left in gone
    ]
    return train(
        np.nan_to_num(material.values),  # rows with a NaN are in no run
        {label: material.of_copies(label).astype(np.float64) for label in LABELS},
        runs,
        recipe=recipe.training,
        groups=material.of_copies("source"),
        clean=material.clean,
        feature_names=material.spec.features,
        spec=material.spec,
        device=device,
        progress=progress,
    )
