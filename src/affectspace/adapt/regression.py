"""Bayesian ridge regression averaged over settings, with exact errors on groups left out.

A deviation d is the sum of blocks of columns times coefficients, a part of its group's own, and
noise: d = sum X_b w_b + u + e, where w_b ~ N(0, s_b v I), u ~ N(0, t v) per group, e ~ N(0, v I),
and v has a scaled inverse chi-squared prior. A setting is one choice of the strengths s_b and t;
settings are weighed by their marginal likelihood.[^1] All is solved in the dual, n by n, so that
thousands of columns cost little, and what the regression says of a group that it was not told of
follows from the same matrix: with P the inverse covariance, the error on group g is
P_gg^-1 (P d)_g.[^2]

[^1]: Hoeting, J. A., Madigan, D., Raftery, A. E., Volinsky, C. T. (1999). Bayesian model averaging:
    a tutorial. Statistical Science 14(4).
[^2]: Rasmussen, C. E., Williams, C. K. I. (2006). Gaussian Processes for Machine Learning, section
    5.4.2, for one row; for several it's the same identity of block matrices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from affectspace.evaluation.rows import IntArray
from affectspace.model.network import Array

PRIOR_ROWS = 2.0  # what the prior of the noise's variance counts for
PRIOR_VARIANCE = 0.5  # rating units squared


class Setting(NamedTuple):
    """Prior variances in units of the noise's: of each block's coefficients, and of groups."""

    strengths: tuple[float, ...]
    groups: float = 0.0


@dataclass(frozen=True, eq=False)
class Regression:
    """What was inferred.

    Attributes:
        probabilities: of each setting, `(settings,)`, summing to 1.
        coefficients: the posterior mean of each block's coefficients.
        left_out: what is said of each row when its whole group is left out, weights of the settings
            included, `(n,)`.
    """

    probabilities: Array
    coefficients: list[Array]
    left_out: Array


def regress(
    deviations: Array, blocks: Sequence[Array], groups: IntArray, settings: Sequence[Setting]
) -> Regression:
    """Infer the coefficients of blocks of columns.

    Args:
        deviations: `(n,)`, n at least 1.
        blocks: `(n, columns)` each.
        groups: the group of each row, as whole numbers, `(n,)`.
        settings: at least one; each with a strength per block.
    """
    n, kernels = len(deviations), [block @ block.T for block in blocks]
    same = (groups[:, None] == groups[None, :]).astype(np.float64)
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    evidence = np.empty(len(settings))
    evidence_without = np.empty((len(settings), len(members)))
    weights = np.empty((len(settings), n))
    without = np.empty((len(settings), n))
    for k, setting in enumerate(settings):
        covariance = np.eye(n) + setting.groups * same
        for strength, kernel in zip(setting.strengths, kernels, strict=True):
            covariance += strength * kernel
        inverse, size = np.linalg.inv(covariance), np.linalg.slogdet(covariance)[1]
        weights[k] = inverse @ deviations
        squares = deviations @ weights[k]
        evidence[k] = _evidence(n, size, squares)
        for j, rows in enumerate(members):
            block, part = inverse[np.ix_(rows, rows)], weights[k, rows]
            errors = np.linalg.solve(block, part)
            without[k, rows] = deviations[rows] - errors
            evidence_without[k, j] = _evidence(
                n - len(rows), size + np.linalg.slogdet(block)[1], squares - part @ errors
            )
    left_out = np.empty(n)
    for j, rows in enumerate(members):
        left_out[rows] = _shares(evidence_without[:, j]) @ without[:, rows]
    shares = _shares(evidence)
    strengths = np.array([setting.strengths for setting in settings])
    mixed = (shares[:, None] * strengths).T @ weights  # (blocks, n)
    coefficients = [block.T @ row for block, row in zip(blocks, mixed, strict=True)]
    return Regression(shares, coefficients, left_out)


def _evidence(n: int, log_determinant: float, squares: float) -> float:
    """The logarithm of a multivariate t density, but for what all settings share."""
    total = PRIOR_ROWS * PRIOR_VARIANCE + max(squares, 0.0)
    return -0.5 * log_determinant - 0.5 * (PRIOR_ROWS + n) * float(np.log(total))


def _shares(logarithms: Array) -> Array:
    shares: Array = np.exp(logarithms - logarithms.max())
    return shares / shares.sum()
