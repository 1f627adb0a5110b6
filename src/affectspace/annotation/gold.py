"""The gold standard: one value per item from the ratings of several people, missing ones or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectspace.annotation.components import comparable, offsets_of
from affectspace.annotation.others import correlation, others_mean
from affectspace.annotation.ratings import RATER, SCALE, FloatArray

Estimator = Literal["mean", "ewe"]
ESTIMATORS: tuple[Estimator, ...] = ("mean", "ewe")
FEWEST = 5  # items shared with others, below which a correlation is no weight


@dataclass(frozen=True)
class Gold:
    """A gold standard.

    Attributes:
        estimator: `mean` or `ewe`.
        values: a row per item: `value` on the scale, NaN where nobody whose rating counts rated
            it; `sd`, the standard deviation of the ratings as given (n - 1), NaN for one; `n`, the
            number of ratings.
        raters: a row per rater: `n` ratings; `offset`, what was taken off each of them, in rating
            units; `r`, correlation with the others' mean, over `shared` items; `weight`, 0 or
            more, that of `mean` being 1.
    """

    estimator: Estimator
    values: pd.DataFrame
    raters: pd.DataFrame


def gold_standard(
    matrix: pd.DataFrame,
    *,
    estimator: Estimator = "mean",
    scale: tuple[float, float] | None = SCALE,
) -> Gold:
    """Merge the raters' ratings of each item into one value.

    Each rating less its rater's offset, averaged over who rated the item:

        value(i) = sum over raters j of w(j) (x(i, j) - b(j)) / sum over the same raters of w(j)

    `mean` weighs all raters alike. `ewe`, the evaluator-weighted estimator, weighs each by the
    correlation with the others' mean, negative ones by 0.[^1] There the mean is over all raters,
    the rater included, which flatters each weight, the more the fewer raters there are; here it is
    over the others.

    Missing ratings: the offsets b matter only there. Without them, an item would come out higher
    for having been rated by those who rate high. They are estimated on all ratings, shrunk to what
    is known of a rater (see [`offsets_of`][affectspace.annotation.components.offsets_of]), and
    centred so that the mean of all (weighted) ratings stays what it is, among all raters who can be
    compared. Where every rater rated every item, the offsets cancel, and the values are the plain
    mean and the plain estimator.

    Args:
        matrix: items x raters, NaN where missing.
        estimator: `mean` or `ewe`.
        scale: values beyond it (an offset can lead there) are moved to its end; None moves none.

    Returns:
        The gold standard. With one rater it is that rater's ratings, sd NaN. A rater who gave the
        same rating throughout has no correlation, and so weight 0 for `ewe`, unless all are like
        that: then all weigh alike. A rater who shares fewer than `FEWEST` items with others weighs
        as the others do on average, for too little is known.

    Raises:
        ValueError: if there is no such estimator.

    Examples:
        >>> ratings = pd.DataFrame({"x": [1.0, 2.0, 4.0], "y": [1.0, 3.0, np.nan]})
        >>> gold_standard(ratings).values["n"].tolist()
        [2, 2, 1]

    [^1]: Grimm, M., Kroschel, K. (2005). Evaluation of natural emotions using self assessment
        manikins. IEEE Workshop on Automatic Speech Recognition and Understanding.
    """
    if estimator not in ESTIMATORS:
        raise ValueError(f"estimator should be one of {', '.join(ESTIMATORS)}, not {estimator!r}")
    values = matrix.to_numpy(dtype=np.float64)
    known = np.isfinite(values)
    raters = _worth(matrix)
    weights = raters["weight"].to_numpy() if estimator == "ewe" else np.ones(len(raters))
    offsets = _centred(offsets_of(values), weights, known)
    total = known @ weights
    with np.errstate(invalid="ignore", divide="ignore"):
        merged = np.where(known, values - offsets, 0.0) @ weights / total
    merged = np.where(total > 0, merged, np.nan)
    if scale is not None:
        merged = np.clip(merged, *scale)
    frame = {"value": merged, "sd": _spread(values, known), "n": known.sum(axis=1)}
    return Gold(
        estimator,
        pd.DataFrame(frame, index=matrix.index),
        raters.assign(weight=weights, offset=offsets)[["n", "offset", "r", "shared", "weight"]],
    )


def _worth(matrix: pd.DataFrame) -> pd.DataFrame:
    """What each rater's agreement with the others is, and the weight that follows from it."""
    others = others_mean(matrix)
    rows = [
        (
            int(matrix[rater].notna().sum()),
            correlation(matrix[rater], others[rater]),
            int(others[rater].notna().sum()),
        )
        for rater in matrix.columns
    ]
    names = pd.Index(matrix.columns, name=RATER)
    worth = pd.DataFrame(rows, names, columns=["n", "r", "shared"])
    weight = worth["r"].clip(lower=0.0).fillna(0.0)
    judged = worth["shared"] >= FEWEST
    if judged.any():
        weight = weight.where(judged, weight[judged].mean())
    if not (judged.any() and weight.sum() > 0):
        weight = weight * 0 + 1.0
    return worth.assign(weight=weight.astype("float64"))


def _centred(offsets: FloatArray, weights: FloatArray, known: npt.NDArray[np.bool_]) -> FloatArray:
    """Move the offsets of raters who can be compared so that their ratings' mean stays."""
    mass, groups = weights * known.sum(axis=0), comparable(known)
    centred = offsets.copy()
    for group in np.unique(groups):
        of_it = groups == group
        if mass[of_it].sum() > 0:
            centred[of_it] -= np.average(offsets[of_it], weights=mass[of_it])
    return centred


def _spread(values: FloatArray, known: npt.NDArray[np.bool_]) -> FloatArray:
    """Standard deviation of each item's ratings, NaN for one or none."""
    count = known.sum(axis=1)
    some = np.maximum(count, 1)
    mean = np.where(known, values, 0.0).sum(axis=1) / some
    squares = (np.where(known, values - mean[:, None], 0.0) ** 2).sum(axis=1)
    return np.where(count > 1, np.sqrt(squares / np.maximum(count - 1, 1)), np.nan)
