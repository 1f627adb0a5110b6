"""The metrics' arithmetic: columns that go in, and values from sums over rows or pairs of rows.

What each metric means, its range and its edges are said in
[`metrics`][affectspace.evaluation.metrics], which is the place to call them. Moment matrices are
those of [`moments`][affectspace.evaluation.sums.moments].
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special

from affectspace.evaluation.rows import Array, FloatArray, IntArray
from affectspace.evaluation.sums import by_moments, by_pairs

NEUTRAL = 3.0
"""The middle of the rating scale from 1 to 5."""

_COLLINEAR = 1e-10
"""Smallest eigenvalue of a correlation matrix that counts: copies kept as float32 leave 1e-14."""

_CONSTANT = 1e-12
"""A variance below this share of the mean square is rounding: the column is constant."""


def _centred(array: Array, *, shift: Array | None = None) -> FloatArray:
    """Columns around their mean, or a given shift; constant but for rounding becomes constant."""
    values: FloatArray = np.asarray(array, dtype=np.float64)
    if not len(values):
        return values
    flat = np.ptp(values, axis=0) <= 1e-13 * np.abs(values).max(axis=0)
    values = np.where(flat, values[:1], values)
    out: FloatArray = values - (
        np.where(flat, values[0], values.mean(axis=0)) if shift is None else shift
    )
    return out


def _mean_and_covariance(moments: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Rows (m,), means (m, k) and covariances (m, k, k), divided by n, of moment matrices."""
    n = moments[:, 0, 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = moments[:, 0, 1:] / n[:, None]
        square = moments[:, 1:, 1:] / n[:, None, None]
    covariance = square - mean[:, :, None] * mean[:, None, :]
    variance = np.einsum("mii->mi", covariance)
    flat = variance <= _CONSTANT * np.einsum("mii->mi", square)
    covariance[flat[:, :, None] | flat[:, None, :]] = 0.0
    return n, mean, covariance


def _divide(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Quotients; NaN where the denominator is not above 0."""
    fine = denominator > 0
    return np.where(fine, numerator / np.where(fine, denominator, 1.0), np.nan)


def _fit(moments: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """R², rank and n of the fit of the last column on those before it."""
    n, _, covariance = _mean_and_covariance(moments)
    deviation = np.sqrt(np.einsum("mii->mi", covariance))
    scale = np.where(deviation > 0, deviation, 1.0)
    correlation = np.nan_to_num(covariance / (scale[:, :, None] * scale[:, None, :]))
    values, vectors = np.linalg.eigh(correlation[:, :-1, :-1])
    counts = values > _COLLINEAR * max(1, values.shape[1])
    projected = np.einsum("mij,mi->mj", vectors, correlation[:, :-1, -1])
    share = np.where(counts, projected**2 / np.where(counts, values, 1.0), 0.0)
    r2 = np.where(deviation[:, -1] > 0, np.minimum(share.sum(axis=1), 1.0), np.nan)
    return r2, counts.sum(axis=1).astype(np.float64), n


def _adjusted_r2(moments: FloatArray) -> FloatArray:
    r2, rank, n = _fit(moments)
    return 1.0 - _divide((1.0 - r2) * (n - 1.0), n - rank - 1.0)


def _fit_pvalue(moments: FloatArray) -> FloatArray:
    """The F test, as the beta integral that its tail is: no infinite F for a perfect fit."""
    r2, rank, n = _fit(moments)
    free = n - rank - 1.0
    tested = (free > 0) & (rank > 0)
    shape = np.where(tested, free, 1.0) / 2.0, np.where(tested, rank, 1.0) / 2.0
    return np.where(tested, special.betainc(*shape, 1.0 - r2), np.nan)


def _adjusted_r2_pairs(moments: FloatArray) -> FloatArray:
    pairs = moments[:, 0, 0] * (moments[:, 0, 0] - 1.0) / 2.0
    return 1.0 - _divide((1.0 - _pearson(moments) ** 2) * pairs, pairs - 1.0)


def _pearson(moments: FloatArray) -> FloatArray:
    _, _, covariance = _mean_and_covariance(moments)
    r = _divide(covariance[:, 0, 1], np.sqrt(covariance[:, 0, 0] * covariance[:, 1, 1]))
    return np.clip(r, -1.0, 1.0)


def _ccc(moments: FloatArray) -> FloatArray:
    n, mean, covariance = _mean_and_covariance(moments)
    spread = covariance[:, 0, 0] + covariance[:, 1, 1] + (mean[:, 0] - mean[:, 1]) ** 2
    return np.where(n >= 2, _divide(2.0 * covariance[:, 0, 1], spread), np.nan)


def _mean(moments: FloatArray) -> FloatArray:
    return _divide(moments[:, 0, 1], moments[:, 0, 0])


def _recall(moments: FloatArray) -> FloatArray:
    occurs, found = np.split(moments[:, 0, 1:], 2, axis=1)
    recall = np.where(occurs > 0, found / np.where(occurs > 0, occurs, 1.0), 0.0)
    return _divide(recall.sum(axis=1), (occurs > 0).sum(axis=1).astype(np.float64))


def _slope(moments: FloatArray) -> FloatArray:
    _, _, covariance = _mean_and_covariance(moments)
    return _divide(covariance[:, 0, 1], covariance[:, 0, 0])


def _offset(moments: FloatArray) -> FloatArray:
    """The labels' column is shifted by the neutral label, so this is the line at 0."""
    _, mean, _ = _mean_and_covariance(moments)
    return mean[:, 1] - _slope(moments) * mean[:, 0]


def _shift(moments: FloatArray) -> FloatArray:
    """Coefficient of the first column in the fit of the last on all, by partialling out the rest.

    Undefined where the first column follows from those between.
    """
    _, _, covariance = _mean_and_covariance(moments)
    rest = np.linalg.pinv(covariance[:, 1:-1, 1:-1], rcond=_COLLINEAR, hermitian=True)
    along = np.einsum("mi,mij->mj", covariance[:, 0, 1:-1], rest)
    free, together = (
        covariance[:, 0, i] - np.einsum("mi,mi->m", along, covariance[:, 1:-1, i]) for i in (0, -1)
    )
    tied = free <= 1e-8 * covariance[:, 0, 0]
    return _divide(together, np.where(tied, 0.0, free))


def _fit_columns(embeddings: Array, labels: Array) -> FloatArray:
    return np.column_stack([_centred(embeddings), _centred(labels)])


def _mean_columns(embeddings: Array, labels: Array) -> FloatArray:
    mean = embeddings if embeddings.ndim == 1 else embeddings.mean(axis=1)
    return np.column_stack([_centred(mean), _centred(labels)])


def _aligned_columns(truth: Array, prediction: Array) -> FloatArray:
    """Both shifted by the same amount, as agreement isn't free of the offset."""
    shift = truth.mean() if len(truth) else None
    return np.column_stack([_centred(truth, shift=shift), _centred(prediction, shift=shift)])


def _line_columns(labels: Array, axis: Array) -> FloatArray:
    return np.column_stack([labels - NEUTRAL, axis])


def _error_columns(truth: Array, prediction: Array) -> FloatArray:
    out: FloatArray = np.abs(truth - prediction)[:, None]
    return out


def _signed_error_columns(truth: Array, prediction: Array) -> FloatArray:
    out: FloatArray = (prediction - truth)[:, None]
    return out


def _shift_columns(given: Array, estimates: Array, member: Array) -> FloatArray:
    """Categories become a column each, which tells whether a row is of it."""
    others = (
        _centred(given)[:, None]
        if given.dtype == np.float64
        else (given.astype(str)[:, None] == np.unique(given.astype(str))).astype(np.float64)
    )
    return np.column_stack([member, others, _centred(estimates)])


def _recall_columns(truth: Array, prediction: Array) -> FloatArray:
    categories = np.unique(truth.astype(str))
    occurs = (truth.astype(str)[:, None] == categories).astype(np.float64)
    return np.column_stack(
        [occurs, occurs * (truth.astype(str) == prediction.astype(str))[:, None]]
    )


def _order_sums(arrays: Sequence[Array], codes: IntArray, speakers: int) -> FloatArray:
    """Of the pairs of rows: concordant minus discordant, untied in one, untied in the other.

    Goes through the levels of the coarser array from below, and for each row counts by speaker the
    rows of lower levels that are smaller and larger in the other array: ratings have few levels,
    so this is far cheaper than all pairs.

    Returns:
        Shape (3, speakers, speakers).
    """
    fine, coarse = sorted(
        (np.unique(array, return_inverse=True)[1] for array in arrays), key=np.max, reverse=True
    )
    seen, score = np.zeros((fine.max() + 1, speakers)), np.zeros((speakers, speakers))
    for rows in np.split(np.argsort(coarse), np.cumsum(np.bincount(coarse))[:-1]):
        up_to = np.cumsum(seen, axis=0)
        place = fine[rows]
        smaller, larger = up_to[place] - seen[place], up_to[-1] - up_to[place]
        np.add.at(score, codes[rows], smaller - larger)
        np.add.at(seen, (place, codes[rows]), 1.0)
    return np.stack(
        [score + score.T, *(_untied(ranks, codes, speakers) for ranks in (fine, coarse))]
    )


def _untied(ranks: IntArray, codes: IntArray, speakers: int) -> FloatArray:
    """How many pairs of rows differ in rank, for each pair of speakers."""
    table = np.zeros((ranks.max() + 1, speakers))
    np.add.at(table, (ranks, codes), 1.0)
    size = table.sum(axis=0)
    out: FloatArray = np.outer(size, size) - table.T @ table
    return out


def _tau_b(sums: FloatArray) -> FloatArray:
    return _divide(sums[0], np.sqrt(sums[1] * sums[2]))


ADJUSTED_R2 = by_moments(_fit_columns, _adjusted_r2)
ADJUSTED_R2_PVALUE = by_moments(_fit_columns, _fit_pvalue)
ADJUSTED_R2_PAIRS = by_moments(_mean_columns, _adjusted_r2_pairs)
PEARSON = by_moments(_mean_columns, _pearson)
CCC = by_moments(_aligned_columns, _ccc)
MAE = by_moments(_error_columns, _mean)
SHIFT = by_moments(_shift_columns, _shift)
BIAS = by_moments(_signed_error_columns, _mean)
UAR = by_moments(_recall_columns, _recall)
SLOPE = by_moments(_fit_columns, _slope)
OFFSET = by_moments(_line_columns, _offset)
KENDALL = by_pairs(_order_sums, _tau_b)
