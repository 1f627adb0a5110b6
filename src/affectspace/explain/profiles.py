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
        where: on the rows for which this is known; the target is known there, too.
    """

    language: Language
    target: Target
    where: Target

    @property
    def rows(self) -> Rows:
        """On which rows of which language."""
        return self.language.name, self.language.rows_of(self.where)

    @property
    def speakers(self) -> int:
        """How many speakers it rests on."""
        return self.language.count(self.where)[1]


Rows = tuple[str, Target]
"""A language's name, and a target that is known for some of its rows."""

Pair = tuple[Side, Side]


def sums_of(pairs: Sequence[Pair], *, columns: slice, roll: int) -> dict[Rows, Sums]:
    """The sums of some columns that pairs of profiles need, each set of rows once."""
    sides = {side.rows: side for pair in pairs for side in pair}
    return {rows: side.language.sums(side.where, roll).of(columns) for rows, side in sides.items()}


def correlations_of(
    sums: Mapping[Rows, Sums], weights: FloatArray
) -> dict[tuple[Rows, Target], FloatArray]:
    """Correlations by set of rows and target, shape (r, c) each, under r sets of weights."""
    return {
        (rows, target): found
        for rows, one in sums.items()
        for target, found in zip(one.targets, correlations(one, weights), strict=True)
    }


def profiles(
    sums: Mapping[Rows, Sums], weights: FloatArray
) -> dict[tuple[Rows, Target], FloatArray]:
    """The same, of the features, as vectors: a constant feature counts as 0."""
    found = correlations_of(sums, weights)
    return {key: np.nan_to_num(vectors, copy=False) for key, vectors in found.items()}


def formula_profiles(language: Language, formulas: FloatArray) -> FloatArray:
    """Profiles of linear formulas of the features.

    Args:
        language: whose speech.
        formulas: weights of the standardised features, shape (f, m).

    Returns:
        Shape (m, f), each but for a factor.
    """
    x = language.columns[:, : len(formulas)]
    y = x @ formulas
    length = np.linalg.norm(x, axis=0)
    products: FloatArray = y.T @ x / np.where(length > 0, length, np.inf)
    return products  # the length of y falls out of a cosine


def relative_similarity(
    pairs: Sequence[Pair],
    sums: Mapping[Rows, Sums],
    halves: tuple[FloatArray, FloatArray],
    *,
    per: int,
) -> tuple[FloatArray, FloatArray]:
    """How alike two profiles are, against how alike halves of the same are.

    Both are means of cosines over some halvings: of one side's half and the other's other half,
    which share no speaker; and of the two halves of a side.

    Args:
        pairs: m pairs of profiles.
        sums: from [`sums_of`][affectspace.explain.profiles.sums_of].
        halves: weights of the speakers of each half, shape (r, s) each.
        per: consecutive halvings whose cosines are averaged.

    Returns:
        The relative similarity, and the ceiling it's relative to: the geometric mean of both sides'
        own similarities. Shape (m, r / per) each; NaN where a side's halves don't agree at all.
    """
    draws = len(halves[0])
    keys = [[(side.rows, side.target) for side in pair] for pair in pairs]
    across = np.empty((len(pairs), draws))
    within = {key: np.empty(draws) for pair in keys for key in pair}
    step = max(1, _BLOCK // (2 * sum(one.xy[:, 0].size for one in sums.values())))
    for i in range(0, draws, step):
        block = slice(i, i + step)
        first, second = (profiles(sums, half[block]) for half in halves)
        for key, values in within.items():
            values[block] = cosines(first[key], second[key])
        for values, (one, other) in zip(across, keys, strict=True):
            crossed = cosines(first[one], second[other]) + cosines(second[one], first[other])
            values[block] = crossed / 2
    own = {key: _means(values, per) for key, values in within.items()}
    product = np.array([own[one] * own[other] for one, other in keys])
    fine = np.array([(own[one] > 0) & (own[other] > 0) for one, other in keys])
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


def cosines(one: FloatArray, other: FloatArray) -> FloatArray:
    """Cosines of vectors (r, f), row by row, shape (r,); NaN where one has no length."""
    product, square, other_square = (
        np.einsum("rf,rf->r", a, b) for a, b in ((one, other), (one, one), (other, other))
    )
    length = np.sqrt(square * other_square)
    out: FloatArray = product / np.where(length > 0, length, np.nan)
    return out


def all_cosines(one: FloatArray, other: FloatArray) -> FloatArray:
    """Cosines of each vector (r, f) with each other (s, f), shape (r, s)."""
    lengths = [np.linalg.norm(vectors, axis=1) for vectors in (one, other)]
    with np.errstate(invalid="ignore", divide="ignore"):
        out: FloatArray = one @ other.T / lengths[0][:, None] / lengths[1]
    return out


def _means(values: FloatArray, per: int) -> FloatArray:
    """Means of so many consecutive values of the last axis, of those defined; NaN without any."""
    parts = values.reshape(*values.shape[:-1], -1, per)
    known = np.isfinite(parts)
    count = known.sum(axis=-1)
    total = np.where(known, parts, 0.0).sum(axis=-1)
    out: FloatArray = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return out
