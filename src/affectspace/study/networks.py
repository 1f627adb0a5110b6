"""Networks by a recipe, one for each set of corpora that is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from affectspace.evaluation.transfer import LABELS
from affectspace.model import OBJECTIVES, AffectModel
from affectspace.progress import progress_bar
from affectspace.study.material import Material
from affectspace.study.recipes import ModelRecipe
from affectspace.study.teaching import taught_ratings
from affectspace.study.typical import heard_ratings
from affectspace.training import Run, train
from affectspace.training.average import averaged


def fit_networks(
    material: Material,
    recipe: ModelRecipe,
    gone: Sequence[frozenset[str]],
    *,
    device: str = "cpu",
    progress: bool = False,
) -> list[AffectModel]:
    """Train a network for each set of corpora left out, on the other rows.

    Where a recipe wants several networks averaged, this is the average.

    Args:
        material: what they are trained on.
        recipe: how.
        gone: the sets.
        device: where torch computes.
        progress: show progress bars on stderr.
    """
    show = progress and recipe.teacher is not None
    with progress_bar(len(gone), "Teaching", unit="models", show=show) as advance:
        runs = []
        for left in gone:
            run = _run(material, recipe, left)
            runs += [replace(run, seed=run.seed + i) for i in range(recipe.networks)]
            advance(1)
    models = train(
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
    return [
        averaged(models[i : i + recipe.networks]) for i in range(0, len(models), recipe.networks)
    ]


def _run(material: Material, recipe: ModelRecipe, gone: frozenset[str]) -> Run:
    run = Run(objective=OBJECTIVES[recipe.objective], rows=material.without(gone), seed=recipe.seed)
    counts = None
    if recipe.copies_weigh != 1:
        counts = np.ones(len(material.values))
        counts[len(material.rows) :] = recipe.copies_weigh
        run = replace(run, weights=counts)
    if not (recipe.typical or recipe.teacher):
        return run
    heard = heard_ratings(material, gone, typical=recipe.typical)
    if recipe.teacher is not None:
        return replace(run, labels=taught_ratings(material, gone, heard, recipe.teacher))
    weights = heard.weights
    if counts is not None:
        weights = {label: counts * own for label, own in weights.items()}
    return replace(run, labels=heard.ratings, weights=weights)
