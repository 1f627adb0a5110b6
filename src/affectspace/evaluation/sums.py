"""A metric as a function of what each speaker adds up to.

To resample speakers with replacement is to give each speaker a whole-number weight. Most metrics
here depend on the rows only through sums: over rows (a moment matrix) or over pairs of rows
(Kendall's tau, an energy distance). Such sums are taken once per speaker, or per pair of speakers;
a resample then costs one small matrix product instead of a pass over all rows, and is exact. A
metric without such a form is called on the repeated rows. All three are one kind of function,
[`Weighted`][affectspace.evaluation.sums.Weighted]: rows, speakers and weights in, one value per set
of weights out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from affectspace.evaluation.rows import Array, FloatArray, IntArray

Metric = Callable[..., float]
"""Arrays of n rows each to one number; NaN where it is undefined."""

Weighted = Callable[[Sequence[Array], IntArray, FloatArray], FloatArray]
"""Arrays of n rows, each row's speaker (n,), weights (resamples, speakers) to values, one each."""

_BLOCK = 2**21
"""Numbers held at once by a blockwise computation: 16 MB."""


def value_at_once(form: Weighted, *arrays: Array) -> float:
    """A metric's value on all rows: every row of one speaker, who counts once."""
    codes = np.zeros(len(arrays[0]), dtype=np.intp)
    return float(form(arrays, codes, np.ones((1, 1)))[0])


def by_rows(metric: Metric) -> Weighted:
    """Any metric: called on the rows, each as often as its speaker was drawn."""

    def values(arrays: Sequence[Array], codes: IntArray, weights: FloatArray) -> FloatArray:
        out = np.empty(len(weights))
        for i, weight in enumerate(weights):
            rows = np.repeat(np.arange(len(codes)), weight[codes].astype(np.intp))
            out[i] = metric(*(array[rows] for array in arrays))
        return out

    return values


def by_moments(
    columns: Callable[..., FloatArray], value: Callable[[FloatArray], FloatArray]
) -> Weighted:
    """A metric of means and products.

    Args:
        columns: the arrays to columns (n, k). It centres them, so that no digits are lost.
        value: moment matrices (resamples, k + 1, k + 1), see
            [`moments`][affectspace.evaluation.sums.moments], to values (resamples,).
    """

    def values(arrays: Sequence[Array], codes: IntArray, weights: FloatArray) -> FloatArray:
        sums = moments(columns(*arrays), codes, weights.shape[1])
        speakers, width, _ = sums.shape
        flat = sums.reshape(speakers, width * width)
        step = max(1, _BLOCK // flat.shape[1])
        blocks = (weights[i : i + step] @ flat for i in range(0, len(weights), step))
        return np.concatenate([value(block.reshape(-1, width, width)) for block in blocks])

    return values


def moments(columns: FloatArray, codes: IntArray, speakers: int) -> FloatArray:
    """Sums of products of [1, columns] for each speaker, shape (speakers, k + 1, k + 1).

    The first row holds the number of rows and the columns' sums.
    """
    extended = np.column_stack([np.ones(len(columns)), columns])
    out = np.empty((speakers, extended.shape[1], extended.shape[1]))
    for speaker in range(speakers):
        rows = extended[codes == speaker]
        out[speaker] = rows.T @ rows
    return out


def by_pairs(
    sums: Callable[[Sequence[Array], IntArray, int], FloatArray],
    value: Callable[[FloatArray], FloatArray],
) -> Weighted:
    """A metric of sums over pairs of rows.

    Args:
        sums: the arrays, each row's speaker and the number of speakers to what the pairs of rows
            add up to for each pair of speakers, shape (s, speakers, speakers).
        value: the sums over all pairs (s, resamples) to values (resamples,).
    """

    def values(arrays: Sequence[Array], codes: IntArray, weights: FloatArray) -> FloatArray:
        return value(quadratic(weights, sums(arrays, codes, weights.shape[1]), weights))

    return values


def quadratic(left: FloatArray, sums: FloatArray, right: FloatArray) -> FloatArray:
    """Weighted sums over pairs of speakers: left' sums right, shape (s, resamples)."""
    out: FloatArray = ((left @ sums) * right).sum(axis=-1)
    return out
