"""How much items, raters and the rest vary, by sums that take missing ratings as they are.

A rating is modelled as item + rater + rest, all three random. With n items, k raters and N ratings
the parts come from three sums of squares: within items, within raters, and of what is left when
both are fitted by least squares (Henderson's third method, each item rated once by a rater).[^1]
Where nothing is missing they are the ones of the analysis of variance. No distribution is assumed.

All functions take weights, how often each item counts, so that a resampled set of items costs no
more than a product of matrices.

[^1]: Searle, S. R., Casella, G., McCulloch, C. E. (1992). Variance Components, section 5.5. Wiley.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_ITEMS_AT_ONCE = 500  # with 100 raters their products are 20 MB


@dataclass(frozen=True)
class Sums:
    """What each item adds to the sums of squares.

    Attributes:
        rated: whether a rater rated an item, shape (n, k).
        values: the ratings less their mean, 0 where missing, shape (n, k).
        count: ratings of each item, shape (n,).
        centred: ratings less their item's mean, 0 where missing, shape (n, k).
    """

    rated: BoolArray
    values: FloatArray
    count: FloatArray
    centred: FloatArray


@dataclass(frozen=True)
class Parts:
    """Variances, and what they were counted from; arrays of shape (b,), one per set of weights.

    Attributes:
        item: variance between items. May come out below 0 where there is hardly any.
        rater: variance between raters' offsets; likewise.
        rest: variance of what is left.
        between: variance between items where raters aren't told apart (one-way).
        within: variance within items, likewise.
        per_item: harmonic mean of the ratings per item.
    """

    item: FloatArray
    rater: FloatArray
    rest: FloatArray
    between: FloatArray
    within: FloatArray
    per_item: FloatArray


def sums_of(matrix: npt.ArrayLike) -> Sums:
    """Prepare a matrix of ratings; items without a rating, and raters, are left out.

    Args:
        matrix: items x raters, shape (n, k), NaN where missing.
    """
    values = np.asarray(matrix, dtype=np.float64)
    rated = np.isfinite(values)
    values, rated = values[rated.any(axis=1)], rated[rated.any(axis=1)]
    values, rated = values[:, rated.any(axis=0)], rated[:, rated.any(axis=0)]
    middle = values[rated].mean() if rated.any() else 0.0  # for digits, it cancels
    values = np.where(rated, values - middle, 0.0)
    count = rated.sum(axis=1).astype(np.float64)
    mean = values.sum(axis=1) / count
    return Sums(rated, values, count, np.where(rated, values - mean[:, None], 0.0))


def parts_of(sums: Sums, weights: npt.ArrayLike | None = None) -> Parts:
    """Split the variance of the ratings.

    Args:
        sums: of the ratings.
        weights: how often each item counts, shape (b, n); None counts each once, b = 1.

    Returns:
        The parts, NaN where too few items or raters are left to tell them.
    """
    n = len(sums.count)
    counted = np.ones((1, n)) if weights is None else np.asarray(weights, dtype=np.float64)
    if counted.ndim != 2 or counted.shape[1] != n:
        raise ValueError(f"expected weights of shape (b, {n}), got {counted.shape}")
    with np.errstate(divide="ignore", invalid="ignore"):
        return _parts(sums, counted)


def offsets_of(matrix: npt.ArrayLike) -> FloatArray:
    """How much higher each rater rates than the others do the same items, shrunk towards 0.

    The raters' part of item + rater + rest, raters random: where little is known of a rater, or
    raters hardly differ, the offset is smaller than the plain difference (best linear unbiased
    prediction). Raters who share no items, not even through others, aren't compared.

    Args:
        matrix: items x raters, shape (n, k), NaN where missing.

    Returns:
        In units of the rating, shape (k,); 0 for who rated nothing, or nothing that others rated.
        The raters who can be compared sum to 0.
    """
    values = np.asarray(matrix, dtype=np.float64)
    offsets = np.zeros(values.shape[1])
    known = np.isfinite(values).any(axis=0)
    sums = sums_of(values)
    parts = parts_of(sums)
    rater, rest = float(parts.rater[0]), float(parts.rest[0])
    if not (rater > 0 and np.isfinite(rest)):
        return offsets
    shares = sums.rated / np.sqrt(sums.count)[:, None]
    system = _systems(shares, np.ones((1, len(shares))), sums.rated.sum(axis=0)[None])[0]
    system += rest / rater * np.eye(len(system))
    offsets[known] = np.linalg.lstsq(system, sums.centred.sum(axis=0), rcond=1e-12)[0]
    return offsets


def comparable(rated: BoolArray) -> npt.NDArray[np.intp]:
    """Number the groups of raters who share items, directly or through others.

    Args:
        rated: whether a rater rated an item, shape (n, k).

    Returns:
        The number of each rater's group, shape (k,).
    """
    together = (rated.T.astype(np.float64) @ rated) > 0
    count = rated.shape[1]
    groups = np.arange(count)
    for _ in range(count):  # each takes the lowest number among those it shares items with
        groups = np.minimum(groups, np.where(together, groups, count).min(axis=1, initial=count))
    return np.unique(groups, return_inverse=True)[1].astype(np.intp)


def _parts(sums: Sums, weights: FloatArray) -> Parts:
    rated = sums.rated.astype(np.float64)
    n, total = weights.sum(axis=1), weights @ sums.count
    per_rater, rater_sums = weights @ rated, weights @ sums.values
    raters = (per_rater > 0).sum(axis=1)
    within_items = weights @ (sums.centred**2).sum(axis=1)
    squares = weights @ (sums.values**2).sum(axis=1)
    within_raters = squares - np.where(per_rater > 0, rater_sums**2 / per_rater, 0.0).sum(axis=1)
    systems = _systems(rated / np.sqrt(sums.count)[:, None], weights, per_rater)
    explained, rank = _explained(systems, weights @ sums.centred)
    left = np.maximum(within_items - explained, 0.0)
    groups = raters - rank  # of raters who share items; 1 as a rule
    rest = _divided(left, total - n - rank)
    item = _divided(within_raters - left - (n - groups) * rest, total - raters)
    rater = _divided(within_items - left - rank * rest, total - n)
    within = _divided(within_items, total - n)
    item_sums = sums.values.sum(axis=1)
    between_items = weights @ (item_sums**2 / sums.count) - (weights @ item_sums) ** 2 / total
    size = (total - weights @ sums.count**2 / total) / (n - 1)  # ratings per item, more or less
    between = _divided(_divided(between_items, n - 1) - within, size)
    return Parts(item, rater, rest, between, within, n / (weights @ (1 / sums.count)))


def _systems(shares: FloatArray, weights: FloatArray, per_rater: FloatArray) -> FloatArray:
    """Normal equations of the raters' offsets, items taken out, per set of weights: (b, k, k)."""
    n, k = shares.shape
    first, second = np.triu_indices(k)
    shared = np.zeros((len(weights), len(first)))
    for start in range(0, n, _ITEMS_AT_ONCE):
        part = slice(start, start + _ITEMS_AT_ONCE)
        shared += weights[:, part] @ (shares[part, first] * shares[part, second])
    systems = np.zeros((len(weights), k, k))
    systems[:, first, second] = systems[:, second, first] = -shared
    systems[:, range(k), range(k)] += per_rater
    return systems


def _explained(systems: FloatArray, sides: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Sum of squares that the raters explain, and how many of them are free: (b,) each."""
    if not systems.shape[-1]:
        return np.zeros(len(systems)), np.zeros(len(systems))
    values, vectors = np.linalg.eigh(systems)
    real = values > 1e-9 * np.maximum(values[:, -1:], 1.0)
    along = np.einsum("bij,bi->bj", vectors, sides) ** 2
    explained = np.where(real, along / np.where(real, values, 1.0), 0.0).sum(axis=1)
    return explained, real.sum(axis=1).astype(np.float64)


def _divided(squares: FloatArray, freedom: FloatArray) -> FloatArray:
    """A mean square; NaN where there is no freedom."""
    return np.where(freedom > 1e-9, squares / freedom, np.nan)
