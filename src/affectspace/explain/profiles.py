"""Profiles: what an axis correlates with, as one vector per language, and how alike two are.

Half of a language's speakers give a noisier profile than all of them. To compare two profiles at
equal noise, the speakers of both languages are halved, again and again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from affectspace.evaluation.rows import FloatArray, IntArray
from affectspace.explain.speech import Language, Sums, Target, correlations

_BLOCK = 2**22
"""Numbers held at once for profiles on halves: 32 MB."""


class Side(NamedTuple):
    """One of two profiles to compare.

    Attributes:
        language: whose speech.
        target: what is correlated with the features.
        where: only rows on which this is known, too.
    """

    language: Language
    target: Target
    where: Target

    @property
    def key(self) -> tuple[str, Target, Target]:
        """What tells it from others."""
        return self.language.name, self.target, self.where

    @property
    def speakers(self) -> int:
        """How many speakers it rests on."""
        return self.language.count(self.target, self.where)[1]

    def sums(self, roll: int) -> Sums:
        """The sums of each speaker of a roll of so many."""
        return self.language.sums(self.target, roll, self.where)


Pair = tuple[Side, Side]


def profiles(sums: Sums, weights: FloatArray, features: int) -> FloatArray:
    """Correlations with the features under each set of weights, as vectors of length 1.

    Args:
        sums: of s speakers; the features are the first columns.
        weights: how often each speaker counts, shape (r, s).
        features: how many.

    Returns:
        Shape (r, features). A constant feature counts as 0; NaN where all are.
    """
    return unit(correlations(sums, weights)[:, :features])


def formula_profiles(language: Language, formulas: FloatArray) -> FloatArray:
    """Profiles of linear formulas of the features.

    Args:
        language: whose speech.
        formulas: weights of the standardised features, shape (f, m).

    Returns:
        Vectors of length 1, shape (m, f).
    """
    x = language.columns[:, : len(formulas)]
    y = x @ formulas
    length = np.linalg.norm(x, axis=0)
    products = y.T @ x / np.where(length > 0, length, np.inf)
    return unit(products)  # the length of y falls out


def relative_similarity(
    pairs: Sequence[Pair],
    sums: Mapping[tuple[str, Target, Target], Sums],
    halves: tuple[FloatArray, FloatArray],
    *,
    features: int,
    per: int,
) -> tuple[FloatArray, FloatArray]:
    """How alike two profiles are, against how alike halves of the same are.

    Both are means of cosines over some halvings: of one side's half and the other's other half,
    which share no speaker; and of the two halves of a side.

    Args:
        pairs: m pairs of profiles.
        sums: of each side, by its key.
        halves: weights of the speakers of each half, shape (r, s) each.
        features: how many.
        per: consecutive halvings whose cosines are averaged.

    Returns:
        The relative similarity, and the ceiling it's relative to: the geometric mean of both sides'
        own similarities. Shape (m, r / per) each; NaN where a side's halves don't agree at all.
    """
    draws = len(halves[0])
    across = np.empty((len(pairs), draws))
    within = {key: np.empty(draws) for key in sums}
    step = max(1, _BLOCK // (2 * len(sums) * features))
    for i in range(0, draws, step):
        block = slice(i, i + step)
        made = {
            key: [profiles(one, half[block], features) for half in halves]
            for key, one in sums.items()
        }
        for key, (first, second) in made.items():
            within[key][block] = cosines(first, second)
        for pair, (one, other) in enumerate(pairs):
            (a, b), (c, d) = made[one.key], made[other.key]
            across[pair, block] = (cosines(a, d) + cosines(b, c)) / 2
    own = {key: _means(values, per) for key, values in within.items()}
    product = np.array([own[one.key] * own[other.key] for one, other in pairs])
    fine = np.array([(own[one.key] > 0) & (own[other.key] > 0) for one, other in pairs])
    ceiling = np.sqrt(np.where(fine, product, np.nan))
    return _means(across, per) / ceiling, ceiling


def halved(
    weights: FloatArray, strata: IntArray, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Put the speakers that count into halves at random, in each corpus apart.

    Args:
        weights: how often each speaker counts, shape (r, s).
        strata: each speaker's corpus, shape (s,).
        rng: where the chance comes from.

    Returns:
        The weights of each half, shape (r, s) each; a speaker has all weight in one of them.
    """
    keys = rng.random(weights.shape) + (weights == 0)  # who doesn't count comes last
    first = np.zeros(weights.shape, dtype=bool)
    for corpus in np.unique(strata):
        mine = np.flatnonzero(strata == corpus)
        ranks = keys[:, mine].argsort(axis=1).argsort(axis=1)
        first[:, mine] = (ranks + rng.integers(2, size=(len(weights), 1))) % 2 == 0
    return weights * first, weights * ~first


def unit(vectors: FloatArray) -> FloatArray:
    """Vectors (r, f) of length 1; NaN in them counts as 0, and a vector of zeros is NaN."""
    known = np.nan_to_num(vectors)
    length = np.linalg.norm(known, axis=1, keepdims=True)
    out: FloatArray = known / np.where(length > 0, length, np.nan)
    return out


def cosines(one: FloatArray, other: FloatArray) -> FloatArray:
    """Cosines of unit vectors (r, f), row by row, shape (r,)."""
    out: FloatArray = np.einsum("rf,rf->r", one, other)
    return out


def _means(values: FloatArray, per: int) -> FloatArray:
    """Means of so many consecutive values of the last axis, of those defined; NaN without any."""
    parts = values.reshape(*values.shape[:-1], -1, per)
    known = np.isfinite(parts)
    count = known.sum(axis=-1)
    total = np.where(known, parts, 0.0).sum(axis=-1)
    out: FloatArray = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return out
