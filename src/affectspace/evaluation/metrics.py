"""How well an embedding, or an estimate, agrees with a label: one function per metric.

Rows in which any argument is missing or infinite are left out. Where a metric is undefined (no
rows, too few rows, a constant) the answer is NaN, without a warning. Arrays of different length
raise [`TableError`][affectspace.errors.TableError].
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy.typing as npt
from scipy import stats

from affectspace.evaluation import forms
from affectspace.evaluation.rows import complete_rows
from affectspace.evaluation.sums import Metric, Weighted, by_rows, value_at_once


def adjusted_r2(embeddings: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Adjusted R² of the least-squares fit of a label on an embedding (Table 2 of the paper).

    1 - (1 - R²) (n - 1) / (n - k - 1), where k is the *rank* of the centred embeddings, so that
    repeated, collinear or constant dimensions neither fail nor are charged for.[^1]

    Args:
        embeddings: shape (n, d) or (n,).
        labels: shape (n,).

    Returns:
        At most 1, and below 0 where the fit explains less than chance would. 0 if all dimensions
        are constant. NaN for constant labels and for n < k + 2.

    Examples:
        >>> embeddings = [[0.0, 1.0], [1.0, 0.0], [2.0, 0.0], [3.0, 1.0]]
        >>> round(adjusted_r2(embeddings, [1.0, 2.0, 3.0, 4.0]), 6)
        1.0

    [^1]: Ezekiel, M. (1930). Methods of Correlation Analysis. Wiley.
    """
    return value_at_once(forms.ADJUSTED_R2, *complete_rows(embeddings, labels))


def adjusted_r2_pvalue(embeddings: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Significance of the fit behind [`adjusted_r2`][affectspace.evaluation.metrics.adjusted_r2].

    The overall F test: F = (R² / k) / ((1 - R²) / (n - k - 1)) with k and n - k - 1 degrees of
    freedom. The test takes rows as independent; rows of one speaker are not, so with few speakers
    it calls too much significant: an interval from resampled speakers is the stricter judge.

    Returns:
        The p value in [0, 1]: the chance of a fit at least this good if the label had nothing to do
        with the embedding. NaN where the adjusted R² is NaN, and where all dimensions are constant.

    Examples:
        >>> adjusted_r2_pvalue([0.0, 1.0, 2.0, 3.0], [1.0, -1.0, -1.0, 1.0])
        1.0
    """
    return value_at_once(forms.ADJUSTED_R2_PVALUE, *complete_rows(embeddings, labels))


def adjusted_r2_pairs(embeddings: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Adjusted R² of latent on label differences over all pairs of rows (Table 1 of the paper).

    For each of the N = n (n - 1) / 2 pairs take l_d, the difference of the labels, and z_d, the
    difference of the embeddings' means over the dimensions. z_d is fitted by p l_d: one slope, no
    intercept, as a difference has no origin. Its R², 1 - sum (z_d - p l_d)² / sum z_d², is the
    squared Pearson correlation of mean embedding and label, so it takes O(n), since sum over pairs
    of (a_i - a_j) (b_i - b_j) is n times the sum of the centred products. Adjusted for the one
    slope: 1 - (1 - R²) N / (N - 1).

    Args:
        embeddings: shape (n, d) or (n,).
        labels: shape (n,).

    Returns:
        In [-0.5, 1]; for more than a few rows the adjustment is out of sight. NaN for fewer than 3
        rows, constant labels, or a constant mean.

    Examples:
        >>> adjusted_r2_pairs([[0.0, 0.0], [0.0, 2.0], [2.0, 2.0]], [1.0, 2.0, 3.0])
        1.0
    """
    return value_at_once(forms.ADJUSTED_R2_PAIRS, *complete_rows(embeddings, labels))


def pearson(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> float:
    """Pearson's correlation coefficient.

    Args:
        truth: shape (n,).
        prediction: shape (n,).

    Returns:
        In [-1, 1]; NaN for fewer than 2 rows or if either is constant.

    Examples:
        >>> pearson([1.0, 2.0, 3.0], [3.0, 2.0, 1.0])
        -1.0
    """
    return value_at_once(forms.PEARSON, *complete_rows(truth, prediction))


def ccc(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> float:
    """Concordance correlation coefficient: agreement in order, scale and offset.

    2 cov / (var + var + (difference of the means)²), all divided by n.[^1]

    Args:
        truth: shape (n,).
        prediction: shape (n,).

    Returns:
        In [-1, 1], and never further from 0 than Pearson's r. 0 if one of the two is constant. NaN
        for fewer than 2 rows, or if both are the same constant.

    Examples:
        >>> round(ccc([0.0, 1.0, 2.0], [0.0, 1.0, 1.0]), 3)
        0.667

    [^1]: Lin, L. I.-K. (1989). A concordance correlation coefficient to evaluate reproducibility.
    Biometrics 45(1).
    """
    return value_at_once(forms.CCC, *complete_rows(truth, prediction))


def mae(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> float:
    """Mean absolute error, in the unit of the label.

    Returns:
        0 or more; NaN without rows.

    Examples:
        >>> mae([1.0, 2.0], [1.0, 4.0])
        1.0
    """
    return value_at_once(forms.MAE, *complete_rows(truth, prediction))


def bias(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> float:
    """Mean of the prediction minus the truth, in the unit of the label.

    Returns:
        Above 0 where the prediction is too high on average; NaN without rows.

    Examples:
        >>> bias([1.0, 2.0], [2.0, 4.0])
        1.5
    """
    return value_at_once(forms.BIAS, *complete_rows(truth, prediction))


def kendall(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> float:
    """Kendall's tau-b: agreement in order alone, ties allowed for.

    (concordant - discordant pairs) / sqrt(pairs not tied in the one times pairs not tied in the
    other).[^1]

    Args:
        truth: shape (n,).
        prediction: shape (n,).

    Returns:
        In [-1, 1]; NaN for fewer than 2 rows or if either is constant.

    Examples:
        >>> kendall([1.0, 2.0, 3.0], [10.0, 20.0, 90.0])
        1.0

    [^1]: Kendall, M. G. (1945). The treatment of ties in ranking problems. Biometrika 33(3).
    """
    known_truth, known_prediction = complete_rows(truth, prediction)
    if len(known_truth) < 2:
        return float("nan")
    return float(stats.kendalltau(known_truth, known_prediction).statistic)


def uar(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> float:
    """Unweighted average recall: the mean over the truth's categories of the share found.

    Also called balanced accuracy; chance is 1 / number of categories, however often each occurs.

    Args:
        truth: categories, shape (n,).
        prediction: categories, shape (n,).

    Returns:
        In [0, 1]; NaN without rows.

    Examples:
        >>> uar(["anger", "anger", "anger", "joy"], ["anger", "anger", "anger", "anger"])
        0.5
    """
    return value_at_once(forms.UAR, *complete_rows(truth, prediction))


def slope(labels: npt.ArrayLike, axis: npt.ArrayLike) -> float:
    """How far an axis moves per unit of its label: the slope of its least-squares line.

    Returns:
        In units of the axis per unit of the label; NaN for constant labels.

    Examples:
        >>> slope([1.0, 2.0, 3.0], [10.0, 12.0, 14.0])
        2.0
    """
    return value_at_once(forms.SLOPE, *complete_rows(labels, axis))


def offset(labels: npt.ArrayLike, axis: npt.ArrayLike) -> float:
    """Where an axis stands at a neutral label: its least-squares line on the label, at 3.

    Taken in the middle of the rating scale, where it's nearly independent of the slope; at label 0,
    off the scale, it isn't.

    Returns:
        In units of the axis; NaN for constant labels.

    Examples:
        >>> offset([1.0, 2.0, 3.0], [10.0, 12.0, 14.0])
        14.0
    """
    return value_at_once(forms.OFFSET, *complete_rows(labels, axis))


def shift_at_equal(given: npt.ArrayLike, estimates: npt.ArrayLike, member: npt.ArrayLike) -> float:
    """How much higher a group is estimated than the others where something else is equal.

    The group's coefficient in the least-squares fit of the estimates on the group and what is
    given: a line for numbers, a mean for each of the categories.

    Args:
        given: what is held equal, shape (n,): ratings, or words for categories.
        estimates: shape (n,).
        member: whether a row is of the group, shape (n,).

    Returns:
        In the unit of the estimates. NaN where what is given tells the group.

    Examples:
        >>> round(shift_at_equal([1.0, 2.0, 2.0, 3.0], [1.5, 2.5, 2.0, 3.0], [1, 1, 0, 0]), 6)
        0.5
    """
    return value_at_once(forms.SHIFT, *complete_rows(given, estimates, member))


def form_of(metric: Metric) -> Weighted:
    """A metric's values on resampled speakers: by its exact fast form, or else row by row."""
    return _FORMS.get(metric) or by_rows(metric)


_FORMS: Mapping[Metric, Weighted] = MappingProxyType(
    {
        adjusted_r2_pvalue: forms.ADJUSTED_R2_PVALUE,
        adjusted_r2_pairs: forms.ADJUSTED_R2_PAIRS,
        adjusted_r2: forms.ADJUSTED_R2,
        pearson: forms.PEARSON,
        ccc: forms.CCC,
        mae: forms.MAE,
        bias: forms.BIAS,
        shift_at_equal: forms.SHIFT,
        uar: forms.UAR,
        slope: forms.SLOPE,
        offset: forms.OFFSET,
        kendall: forms.KENDALL,
    }
)
