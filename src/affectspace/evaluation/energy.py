"""How far the embeddings of two corpora lie apart among rows of equal label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from affectspace.evaluation.intervals import (
    DEFAULT,
    NO_INTERVAL,
    Interval,
    Resampling,
    draw_speakers,
    percentile_interval,
)
from affectspace.evaluation.rows import (
    Array,
    FloatArray,
    IntArray,
    complete_rows,
    known_speakers,
    speaker_codes,
)
from affectspace.evaluation.sums import quadratic

STEP = 0.5
"""Labels are taken as equal when they round to the same half step of the rating scale."""

FEWEST = 5
"""A label counts where each corpus has this many rows of it, from 2 speakers or more."""

_BLOCK = 2**18
"""Distances held at once: 2 MB, so that they stay in the processor's cache."""


class MatchedEnergy(NamedTuple):
    """How far two corpora lie apart at equal labels.

    Attributes:
        distance: the energy distance, in the units of the embedding; 0 if they coincide.
        distance_interval: over speakers of both corpora.
        coefficient: the energy coefficient of inhomogeneity, at most 1, free of scale; 0 if they
            coincide.
        coefficient_interval: over speakers of both corpora.
        labels: the labels at which they were compared.
        n: rows compared, of both corpora.
        speakers: their speakers, of both corpora.
    """

    distance: float
    distance_interval: Interval
    coefficient: float
    coefficient_interval: Interval
    labels: tuple[float, ...]
    n: int
    speakers: int


@dataclass(frozen=True)
class _Side:
    """One corpus: its embeddings (n, d), the bin of its labels (n,), its speakers (n,)."""

    z: FloatArray
    bins: IntArray
    codes: IntArray
    count: int


def matched_energy(
    first: Sequence[npt.ArrayLike],
    second: Sequence[npt.ArrayLike],
    *,
    resampling: Resampling | None = DEFAULT,
) -> MatchedEnergy:
    """Compare two corpora's embeddings at equal labels.

    With X, X' from the one corpus and Y, Y' from the other, all of one label, the energy distance
    is E = 2 mean|X - Y| - mean|X - X'| - mean|Y - Y'|, which is 0 only if both are distributed
    alike, and the coefficient of inhomogeneity is H = E / (2 mean|X - Y|).[^1] Both are taken per
    label, rounded to half a step, and averaged with the weight n m / (n + m) of its rows n and m
    (E; and 2 mean|X - Y|, whose average divides it for H), so that a difference in how often the
    corpora have a label doesn't count.

    X and X' are of *different speakers*, as X and Y always are. So 0 means: another corpus is no
    further away than another speaker of the same one. It also keeps the estimates unbiased, and the
    resampling of speakers honest, as a speaker drawn twice is no distance 0 from itself. Unbiased
    estimates of 0 fall on both sides of it: slightly negative values are noise.

    Equal in this label doesn't mean equal in others: two corpora whose angry rows are the active
    ones in the one and happy ones in the other differ here too.

    Args:
        first: embeddings (n, d), labels (n,) and speakers (n,) of one corpus. Rows without
            embedding or label are left out; rows of unknown speakers count as one speaker.
        second: the same of the other, m rows. The values don't depend on which comes first.
        resampling: how intervals are made, drawing speakers in both corpora; None for none. The
            weights of the labels stay those of all rows.

    Returns:
        The result; NaN if no label has 5 rows and 2 speakers in both. Time grows with the number of
        pairs (0.1 s for a million), memory doesn't.

    Raises:
        TableError: if the arrays of a corpus differ in length.

    [^1]: Székely, G. J., Rizzo, M. L. (2013). Energy statistics: A class of statistics based on
        distances. Journal of Statistical Planning and Inference 143(8), 1249-1272.
    """
    sides = _side(*first), _side(*second)
    shared = [
        label
        for label in np.intersect1d(sides[0].bins, sides[1].bins)
        if all(_enough(side, label) for side in sides)
    ]
    if not shared:
        nan = float("nan")
        return MatchedEnergy(nan, NO_INTERVAL, nan, NO_INTERVAL, (), 0, 0)
    weights = [_weights(side, resampling, place) for place, side in enumerate(sides)]
    distance, coefficient = _energies(sides, shared, weights)
    level = DEFAULT.level if resampling is None else resampling.level
    interval = partial(percentile_interval, speakers=min(side.count for side in sides), level=level)
    kept = [np.isin(side.bins, shared) for side in sides]
    return MatchedEnergy(
        distance=float(distance[0]),
        distance_interval=interval(distance[1:]),
        coefficient=float(coefficient[0]),
        coefficient_interval=interval(coefficient[1:]),
        labels=tuple(float(label * STEP) for label in shared),
        n=int(sum(k.sum() for k in kept)),
        speakers=sum(len(np.unique(side.codes[k])) for side, k in zip(sides, kept, strict=True)),
    )


def _side(embeddings: npt.ArrayLike, labels: npt.ArrayLike, speakers: npt.ArrayLike) -> _Side:
    space = np.asarray(embeddings, dtype=np.float64)
    if space.ndim == 1:
        space = space[:, None]
    z, values, who = complete_rows(space, labels, known_speakers(speakers))
    bins = np.rint(values.astype(np.float64) / STEP).astype(np.intp)
    return _Side(z, bins, *speaker_codes(who))


def _weights(side: _Side, resampling: Resampling | None, place: int) -> FloatArray:
    """Every speaker once, then each resample's draw; the two corpora draw by themselves."""
    once = np.ones((1, side.count))
    if resampling is None:
        return once
    draws = draw_speakers(side.count, resamples=resampling.resamples, seed=resampling.seed + place)
    return np.concatenate([once, draws])


def _enough(side: _Side, label: int) -> bool:
    rows = side.bins == label
    return int(rows.sum()) >= FEWEST and len(np.unique(side.codes[rows])) > 1


def _energies(
    sides: tuple[_Side, _Side], labels: Sequence[int], weights: Sequence[FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """Energy distance and coefficient, shape (resamples,) each, under weights of the speakers."""
    energy, between = np.zeros(len(weights[0])), np.zeros(len(weights[0]))
    total = np.zeros(len(weights[0]))
    for label in labels:
        rows = [side.bins == label for side in sides]
        n, m = (int(r.sum()) for r in rows)
        cross = _mean_distance(sides, rows, weights, (0, 1))
        own = sum(_mean_distance(sides, rows, weights, (i, i)) for i in (0, 1))
        drawn = np.isfinite(cross) & np.isfinite(own)
        weight = np.where(drawn, n * m / (n + m), 0.0)
        total += weight
        energy += weight * np.where(drawn, 2 * cross - own, 0.0)
        between += weight * np.where(drawn, 2 * cross, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return energy / total, energy / between


def _mean_distance(
    sides: tuple[_Side, _Side],
    rows: Sequence[Array],
    weights: Sequence[FloatArray],
    pair: tuple[int, int],
) -> FloatArray:
    """Mean distance of rows of one side to rows of a side, of different speakers, per resample."""
    i, j = pair
    z, codes = [sides[k].z[rows[k]] for k in pair], [sides[k].codes[rows[k]] for k in pair]
    speakers = sides[i].count, sides[j].count
    sums = _distance_sums(z, codes, speakers)
    counts = [np.bincount(c, minlength=m) for c, m in zip(codes, speakers, strict=True)]
    terms = np.stack([sums, np.outer(*counts)])
    if i == j:
        terms = terms * (1.0 - np.eye(speakers[0]))
    total, pairs = quadratic(weights[i], terms, weights[j])
    with np.errstate(invalid="ignore", divide="ignore"):
        out: FloatArray = total / pairs
    return out


def _distance_sums(
    z: Sequence[FloatArray], codes: Sequence[IntArray], speakers: tuple[int, int]
) -> FloatArray:
    """Distances of all pairs of rows, added up for each pair of speakers: (speakers, speakers).

    Visited a block at a time, so that memory doesn't grow with the number of pairs.
    """
    members = [np.eye(count)[code] for code, count in zip(codes, speakers, strict=True)]
    step = max(1, _BLOCK // len(z[1]))
    total = np.zeros(speakers)
    for start in range(0, len(z[0]), step):
        rows = slice(start, start + step)
        total += members[0][rows].T @ (cdist(z[0][rows], z[1]) @ members[1])
    return total
