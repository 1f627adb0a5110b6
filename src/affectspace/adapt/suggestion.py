"""Which utterances to rate next: those that tell most about all the others.

The estimates' correction is taken as a Gaussian process whose covariance is that of the regression
behind [`adapt`][affectspace.adapt.adapt]: an offset, the labels' axes, and the standardised
features. Each step takes the utterance whose rating lowers the mean variance over all utterances
most (A-optimal design, greedily).[^1] Ratings themselves play no part, so one list serves all
labels.

[^1]: Cohn, D. A., Ghahramani, Z., Jordan, M. I. (1996). Active learning with statistical models.
    J. Artificial Intelligence Research 4.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectspace.adapt.columns import AXES, OFFSET, Columns
from affectspace.errors import TableError
from affectspace.features import FeatureTable
from affectspace.model import AffectModel
from affectspace.model.network import Array

FEATURE_STRENGTH = 1.0
MOST = 3000  # rows that are compared with each other; of more, so many are drawn


def suggest(
    model: AffectModel,
    features: npt.ArrayLike | pd.DataFrame | FeatureTable,
    n: int,
    *,
    already: npt.ArrayLike | None = None,
    seed: int = 0,
) -> npt.NDArray[np.intp]:
    """Positions of the utterances to rate next, the most telling first.

    Args:
        model: the model that is to be adapted.
        features: `(rows, f)`, as the model takes them.
        n: how many to suggest.
        already: which rows are rated already, `(rows,)` of True and False.
        seed: of the draw where there are more than 3,000 rows.

    Returns:
        Up to n positions, without rows that are rated already or have a NaN.

    Raises:
        ContractError: if the features aren't the model's.
        TableError: if `already` has another length, or n is below 1.
    """
    standardised = model.standardise(features)
    rated = np.zeros(len(standardised), bool) if already is None else np.asarray(already, bool)
    if rated.shape != (len(standardised),):
        raise TableError(f"expected already to say of each of {len(standardised)} rows")
    if n < 1:
        raise TableError(f"expected to suggest at least one utterance, not {n}")
    there = np.flatnonzero(np.isfinite(standardised).all(axis=1))
    if len(there) > MOST:
        open_rows, done = there[~rated[there]], there[rated[there]][:MOST]
        random = np.random.default_rng(seed)
        drawn = random.choice(open_rows, min(len(open_rows), MOST), replace=False)
        there = np.sort(np.concatenate([done, drawn]))
    axes = model.axis_values(model.encode(features)[there]).to_numpy()
    return there[_telling(covariance(axes, standardised[there]), rated[there], n)]


def covariance(axes: Array, standardised: Array) -> Array:
    """How alike the corrections of rows are before any rating, `(n, n)`, in the noise's units."""
    columns, everything = Columns(axes, standardised, 0), np.arange(len(standardised))
    strengths = (OFFSET, AXES, AXES, FEATURE_STRENGTH)
    blocks = columns.blocks(everything)
    total: Array = sum(
        (strength * block @ block.T for strength, block in zip(strengths, blocks, strict=True)),
        start=np.zeros((len(standardised), len(standardised))),
    )
    return total


def _telling(covariances: Array, rated: npt.NDArray[np.bool_], n: int) -> npt.NDArray[np.intp]:
    """Greedily the rows whose ratings lower the sum of all variances most."""
    left = covariances.copy()
    for row in np.flatnonzero(rated):
        left = _told(left, row)
    free, chosen = ~rated, []
    for _ in range(min(n, int(free.sum()))):
        worth = np.where(free, (left**2).sum(axis=0) / (np.diag(left) + 1), -1.0)
        row = np.argmax(worth)
        chosen.append(row)
        free[row] = False
        left = _told(left, row)
    return np.array(chosen, dtype=np.intp)


def _told(left: Array, row: np.intp) -> Array:
    """The covariance that is left once a row is rated, with noise of variance 1."""
    told: Array = left - np.outer(left[:, row], left[row]) / (left[row, row] + 1)
    return told
