"""Models of one corpus by a whole recipe, for the paper's study: its speakers stand for corpora."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from affectspace.errors import TableError
from affectspace.evaluation.calibrate import scaled
from affectspace.evaluation.reproduction import Further
from affectspace.evaluation.rows import column_of, known_speakers
from affectspace.evaluation.transfer import LABELS
from affectspace.features import FeatureTable
from affectspace.model import AffectModel
from affectspace.progress import progress_bar
from affectspace.study.material import Material
from affectspace.study.networks import fit_networks
from affectspace.study.recipes import ModelRecipe


def further_model(recipe: ModelRecipe, *, progress: bool = False) -> Further:
    """A recipe as a further row of the study's tables.

    Args:
        recipe: how each model is made; see
            [`fit_to_one_corpus`][affectspace.study.single.fit_to_one_corpus].
        progress: show a progress bar on stderr.
    """

    def fit(
        table: FeatureTable, rows: Sequence[npt.NDArray[np.intp]], seeds: Sequence[int]
    ) -> list[AffectModel]:
        models = []
        with progress_bar(len(rows), "Fitting", unit="models", show=progress) as advance:
            for own, seed in zip(rows, seeds, strict=True):
                models.append(fit_to_one_corpus(table, own, replace(recipe, seed=seed)))
                advance(1)
        return models

    return fit


def fit_to_one_corpus(
    table: FeatureTable, rows: npt.NDArray[np.intp], recipe: ModelRecipe
) -> AffectModel:
    """Fit a network to some rows of one corpus, with each speaker as a corpus of its own.

    What a training on several corpora does with what distinguishes them, rating habits and
    channels, is done here with what distinguishes speakers: pairs of the metric loss are of one
    speaker, and a teacher's offsets belong to speakers. Estimates follow the ratings of the rows.

    Args:
        table: the corpus; rows of an unknown speaker count as one speaker's.
        rows: positions of the rows to learn from, shape (n,), all with features. Those that lack
            one of the ratings are left out.
        recipe: how the network is trained. Its corpora, feature set, degraded copies and
            calibration are not looked at: here are features of one corpus.

    Raises:
        TableError: if no row has both ratings.
    """
    known = table.rows.iloc[rows]
    ratings = np.stack([column_of(known, label).astype(np.float64) for label in LABELS], axis=1)
    rated = np.isfinite(ratings).all(axis=1)
    if not rated.any():
        raise TableError(f"no row has {' and '.join(LABELS)}, which the recipe learns from")
    kept = known[rated].assign(**dict(zip(LABELS, ratings[rated].T, strict=True)))
    speakers = known_speakers(column_of(kept, "speaker"))
    material = Material(
        table.spec, table.values.to_numpy()[rows[rated]], kept.assign(source=speakers)
    )
    (model,) = fit_networks(material, recipe, [frozenset()])
    return scaled(model, material.values, kept[list(model.labels)], speakers)
