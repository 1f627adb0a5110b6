"""Models in rating units, and what they make of the corpora that they were trained on."""

from __future__ import annotations

import pandas as pd

from affectspace.evaluation.calibrate import Fold, scaled
from affectspace.model import AffectModel
from affectspace.study.material import Material
from affectspace.study.typical import heard_ratings


def in_units(model: AffectModel, gone: frozenset[str], material: Material) -> AffectModel:
    """A model whose estimates follow the ratings of its own training rows.

    Args:
        model: the model.
        gone: the corpora that it never met.
        material: what it was trained on.
    """
    kept = ~material.rows["source"].isin(gone)
    rows = material.rows[kept]
    return scaled(model, material.as_recorded[kept], rows[list(model.labels)], rows["source"])


def trained_on(model: AffectModel, gone: frozenset[str], material: Material) -> list[Fold]:
    """What a model estimates for each corpus that it was trained on.

    Corpora without ratings have the typical ratings of their emotions, as far as the rated corpora
    that remain know them.

    Args:
        model: the model, in rating units.
        gone: the corpora that it never met. Nothing of theirs is looked at.
        material: what it was trained on.
    """
    n, sources, labels = len(material.rows), material.rows["source"], list(model.labels)
    heard = pd.DataFrame(heard_ratings(material, gone).ratings)[labels][:n]
    folds = []
    for source in dict.fromkeys(sources[~sources.isin(gone)]):
        own = (sources == source).to_numpy()
        typical = bool(material.rows.loc[own, labels].isna().all(axis=None))
        estimates = model.predict(material.as_recorded[own])
        folds.append(Fold(estimates, heard[own].reset_index(drop=True), typical))
    return folds
