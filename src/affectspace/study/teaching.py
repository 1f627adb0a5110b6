"""What a teacher makes of the ratings of several corpora, for a network to hear."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from affectspace.evaluation.transfer import LABELS
from affectspace.features.composite import blocks_of
from affectspace.study.material import Material
from affectspace.study.typical import Heard
from affectspace.training.teacher import KernelRidge, Teacher, fit_kernel_ridge

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Taught:
    """A teacher that has learned from some corpora.

    Attributes:
        fits: a regression for each set of a composite feature set, and where its features lie.
        deviations: of each regression's estimates within a corpus, per label.
        units: rating units of each label's deviation within a corpus, shape (2,).
    """

    fits: tuple[tuple[slice, KernelRidge], ...]
    deviations: tuple[Array, ...]
    units: Array

    def estimate(self, features: npt.NDArray[np.float32]) -> Array:
        """Estimates of features (m, f): activation and valence in rating units around 0, (m, 2)."""
        estimates = [
            fit.predict(features[:, block]) / deviation
            for (block, fit), deviation in zip(self.fits, self.deviations, strict=True)
        ]
        averaged: Array = np.mean(estimates, axis=0)
        return averaged * self.units


def fit_teacher(material: Material, gone: frozenset[str], heard: Heard, teacher: Teacher) -> Taught:
    """Let a teacher learn from the rated rows, as recorded, of the corpora that remain.

    The teacher learns activation, and valence freed of activation: within a corpus the two go
    together, in one corpus because its happy speech is lively, in another the other way round
    because its angry speech is. What valence shares with activation there is the corpus's choice of
    emotions, so each corpus's own line of valence on activation is taken off first. Corpora count
    as the root of their rows, each label in units of its deviation within a corpus; a composite
    feature set has a teacher for each of its sets, and what they say is averaged.

    Args:
        material: n rows in several copies.
        gone: corpora that are left out. Nothing of theirs is looked at.
        heard: their ratings, see [`heard_ratings`][affectspace.study.typical.heard_ratings].
        teacher: how it regresses.
    """
    n = len(material.rows)
    sources = material.rows["source"].to_numpy()
    kept = ~np.isin(sources, list(gone))
    ratings = np.stack([heard.ratings[label][:n] for label in LABELS], axis=1)
    weights = np.stack([heard.weights[label][:n] for label in LABELS], axis=1).min(axis=1)
    spec, x = material.for_teacher
    kept &= np.isfinite(x).all(axis=1)
    rows = np.flatnonzero(kept & np.isfinite(ratings).all(axis=1) & (weights > 0))
    lessons, units = _lessons(ratings[rows], sources[rows], free_valence=teacher.free_valence)
    counts = weights[rows] / np.sqrt(_sizes(sources[rows]))
    counts /= counts.mean()
    fits, deviations = [], []
    for block in blocks_of(spec):
        fitted = fit_kernel_ridge(
            x[rows][:, block], lessons, sources[rows], teacher=teacher, weights=counts
        )
        fits.append((block, fitted))
        deviations.append(_deviation(fitted.predict(x[kept][:, block]), sources[kept]))
    return Taught(tuple(fits), tuple(deviations), units)


def taught_ratings(
    material: Material, gone: frozenset[str], heard: Heard, teacher: Teacher
) -> dict[str, Array]:
    """What the teacher estimates for every row of the corpora that remain, rated or not.

    Args:
        material: n rows in several copies.
        gone: corpora that are left out. Nothing of theirs is looked at.
        heard: their ratings.
        teacher: how it regresses; see [`fit_teacher`][affectspace.study.teaching.fit_teacher].

    Returns:
        For each label shape (copies * n,), in rating units around 0; the same for all copies of a
        row; NaN for the corpora left out, and where the teacher's features have no answer.
    """
    _, x = material.for_teacher
    kept = ~np.isin(material.rows["source"].to_numpy(), list(gone)) & np.isfinite(x).all(axis=1)
    taught = np.full((len(material.rows), len(LABELS)), np.nan)
    fitted = fit_teacher(material, gone, heard, teacher)
    taught[kept] = fitted.estimate(x[kept])
    return {label: taught[material.clean, i] for i, label in enumerate(LABELS)}


def _lessons(
    ratings: Array, corpora: npt.NDArray[np.object_], *, free_valence: bool
) -> tuple[Array, Array]:
    """Ratings less each corpus's mean and line of valence on activation, in even units.

    Args:
        ratings: shape (n, 2), activation and valence.
        corpora: shape (n,).
        free_valence: False: the line stays.

    Returns:
        The lessons, shape (n, 2), and the rating units of each label's deviation, (2,).
    """
    lessons, deviations = np.empty_like(ratings), []
    for corpus in dict.fromkeys(corpora):
        own = corpora == corpus
        centred = ratings[own] - ratings[own].mean(axis=0)
        activation, valence = centred.T
        power = float(activation @ activation)
        slope = float(activation @ valence) / power if free_valence and power > 0 else 0.0
        freed = np.stack([activation, valence - slope * activation], axis=1)
        deviation = freed.std(axis=0)
        lessons[own] = freed / np.where(deviation > 1e-9, deviation, np.inf)
        deviations.append(deviation)
    return lessons, np.mean(deviations, axis=0)


def _sizes(corpora: npt.NDArray[np.object_]) -> Array:
    """How many rows each row's corpus has, (n,)."""
    _, codes, counts = np.unique(corpora.astype(str), return_inverse=True, return_counts=True)
    return counts[codes].astype(np.float64)


def _deviation(estimates: Array, corpora: npt.NDArray[np.object_]) -> Array:
    """Mean deviation of estimates (m, labels) within a corpus, (labels,); inf where it is 0."""
    deviations = [estimates[corpora == corpus].std(axis=0) for corpus in dict.fromkeys(corpora)]
    deviation = np.mean(deviations, axis=0)
    return np.where(deviation > 1e-9, deviation, np.inf)
