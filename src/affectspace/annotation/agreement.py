"""How far raters agree: intraclass correlation, Krippendorff's alpha, correlation in pairs.

Each says something else: [`icc`][affectspace.annotation.agreement.icc] how reliable one rating, or
the mean of several, is; [`alpha`][affectspace.annotation.agreement.alpha] how much more the raters
agree than by chance; [`pairs`][affectspace.annotation.agreement.pairs] who agrees with whom in
order, whatever their scales. Needs the extra `annotate`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from types import ModuleType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectspace.annotation.components import Parts, Sums, parts_of, sums_of
from affectspace.annotation.others import correlation
from affectspace.annotation.quality import rater_quality
from affectspace.annotation.ratings import FloatArray, rating_matrix
from affectspace.errors import TableError, needs_extra

RESAMPLES = 1000
LEVEL = 0.95
KINDS = ("ICC(1)", "ICC(2,1)", "ICC(2,k)")
COMPLETE, ALL = "complete", "all"

_PINGOUIN = {"ICC(1,1)": "ICC(1)", "ICC(A,1)": "ICC(2,1)", "ICC(A,k)": "ICC(2,k)"}
_FEWEST = 5  # complete ratings: pingouin takes no fewer
_COUNTABLE = 20_000_000  # items x values squared, the numbers that krippendorff.alpha keeps
_FISHER = 1.959963984540054  # the normal quantile of an interval of 95 %
_OPTIONS = threading.Lock()


class Estimate(NamedTuple):
    """A statistic with its interval; NaN where it isn't defined."""

    value: float
    low: float
    high: float


NONE = Estimate(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True)
class Agreement:
    """What there is to say about one label's raters.

    Attributes:
        label: such as `activation`.
        raters: their names.
        items: how many items have a rating.
        shared: how many of them have two or more.
        complete: how many of them every rater rated.
        ratings: how many ratings there are, repeats left out.
        icc: see [`icc`][affectspace.annotation.agreement.icc].
        alpha: Krippendorff's, with its interval.
        pairs: see [`pairs`][affectspace.annotation.agreement.pairs].
        quality: see [`rater_quality`][affectspace.annotation.quality.rater_quality].
    """

    label: str
    raters: tuple[str, ...]
    items: int
    shared: int
    complete: int
    ratings: int
    icc: pd.DataFrame
    alpha: Estimate
    pairs: pd.DataFrame
    quality: pd.DataFrame


def agree(
    ratings: pd.DataFrame, label: str, *, resamples: int = RESAMPLES, seed: int = 0
) -> Agreement:
    """Say how far raters agree about one label.

    Args:
        ratings: a ratings table, see [`check_ratings`][affectspace.annotation.check_ratings].
        label: such as `activation`.
        resamples: how often the items are drawn for intervals; 0 for none.
        seed: of the draws.

    Raises:
        TableError: if there are no ratings of the label, or of one rater only.
        MissingExtraError: without the extra `annotate`.
    """
    matrix = rating_matrix(ratings, label)
    if matrix.shape[1] < 2:
        raise TableError(
            f"only {matrix.columns[0]} rated {label}; agreement needs two raters or more"
        )
    known = matrix.notna().to_numpy()
    return Agreement(
        label=label,
        raters=tuple(matrix.columns),
        items=len(matrix),
        shared=int((known.sum(axis=1) > 1).sum()),
        complete=int(known.all(axis=1).sum()),
        ratings=int(known.sum()),
        icc=icc(matrix, resamples=resamples, seed=seed),
        alpha=alpha(matrix, resamples=resamples, seed=seed),
        pairs=pairs(matrix),
        quality=rater_quality(ratings, label),
    )


def icc(matrix: pd.DataFrame, *, resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """Intraclass correlations: the share of the ratings' variance that is the items'.

    Three of those of Shrout and Fleiss.[^1] ICC(1): of one rating, raters not told apart. ICC(2,1):
    of one rating, by any rater like these; an offset between raters counts against it. ICC(2,k): of
    the mean over the raters.

    Missing ratings: the classic estimate, pingouin's, is defined where every rater rated every
    item. So it is given for the *complete* items, and if there are others, a second one for *all*
    of them, from variance components that take missing ratings as they are (see
    [`components`][affectspace.annotation.components]). It needs ratings to be missing at random:
    by assignment, and not because a rater didn't like an item. Where nothing is missing, the two
    are the same.

    Args:
        matrix: items x raters, NaN where missing.
        resamples: how often the items are drawn for the intervals of `all`; 0 for none.
        seed: of the draws.

    Returns:
        Columns `kind` (of `KINDS`), `basis` (`complete`, and `all` if a rating is missing),
        `value`, `low`, `high`, `items`, `ratings`, `k`. Values are at most 1; below 0 where items
        differ less than chance would have it; NaN with fewer than 2 items or raters or 5 ratings,
        or if all ratings are the same. The intervals of 95 % for `complete` come from the F
        distribution and speak of other items and other raters.[^2] Those for `all` come from
        drawing items, and speak of other items rated by the same raters, so they are narrower. `k`
        is how many ratings the mean of ICC(2,k) is over: for `all`, the harmonic mean of the
        ratings per item.

    Raises:
        MissingExtraError: without the extra `annotate`.

    [^1]: Shrout, P. E., Fleiss, J. L. (1979). Intraclass correlations: uses in assessing rater
        reliability. Psychological Bulletin 86(2).
    [^2]: McGraw, K. O., Wong, S. P. (1996). Forming inferences about some intraclass correlation
        coefficients. Psychological Methods 1(1).
    """
    known = matrix.notna().to_numpy()
    complete = matrix.dropna()
    estimates = _classic(complete)
    counts = (len(complete), complete.size, float(complete.shape[1]))
    rows = [(kind, COMPLETE, *estimates[kind], *counts) for kind in KINDS]
    if not known.all():
        sums = sums_of(matrix)
        values = _iccs(parts_of(sums))[:, 0]
        draws = _iccs(parts_of(sums, _draws(sums, resamples, seed)))
        per_item = float(parts_of(sums).per_item[0]) if len(sums.count) else float("nan")
        counts = (len(sums.count), int(sums.count.sum()), per_item)
        for number, kind in enumerate(KINDS):
            bounds = _percentiles(draws[number])
            rows.append((kind, ALL, float(values[number]), *bounds, *counts))
    names = ["kind", "basis", "value", "low", "high", "items", "ratings", "k"]
    return pd.DataFrame(rows, columns=names)


def alpha(matrix: pd.DataFrame, *, resamples: int = RESAMPLES, seed: int = 0) -> Estimate:
    """Krippendorff's alpha for an interval scale: 1 - observed / expected disagreement.

    Items with one rating say nothing about agreement and are left out; all others count, whoever
    rated them. An offset between raters counts as disagreement.[^1]

    Args:
        matrix: items x raters, NaN where missing.
        resamples: how often the items are drawn for the interval; 0 for none.
        seed: of the draws.

    Returns:
        At most 1; 0 is chance, and below is worse. NaN if no item has two ratings, or if all
        ratings are the same. The interval of 95 % is that of the percentiles over drawn items: the
        same raters, other items.

    Raises:
        MissingExtraError: without the extra `annotate`.

    Examples:
        >>> alpha(pd.DataFrame({"x": [1.0, 2.0, 4.0], "y": [1.0, 3.0, 5.0]}), resamples=0).value
        0.875

    [^1]: Krippendorff, K. (2019). Content Analysis, 4th edition, chapter 12. Sage.
    """
    shared = matrix[matrix.notna().sum(axis=1) > 1]
    sums = sums_of(shared)
    values = np.unique(shared.to_numpy()[shared.notna().to_numpy()])
    if len(values) < 2:
        return NONE
    if len(shared) * len(values) ** 2 <= _COUNTABLE:
        with needs_extra("annotate", "Krippendorff's alpha"):
            import krippendorff
        found = float(krippendorff.alpha(shared.to_numpy().T, level_of_measurement="interval"))
    else:
        found = float(_alphas(sums, np.ones((1, len(shared))))[0])
    draws = _alphas(sums, _draws(sums, resamples, seed))
    return Estimate(found, *_percentiles(draws))


def pairs(matrix: pd.DataFrame) -> pd.DataFrame:
    """Pearson's r of each two raters, over the items that both rated.

    Offsets and scales of the raters don't matter to it.

    Returns:
        A row per pair: `first`, `second`, `r` in [-1, 1], its interval of 95 % `low`, `high`
        (Fisher's z, from 4 items on), and `n`, the items that both rated. r is NaN for fewer than 2
        of them, or if one of the two gave the same rating throughout.

    Examples:
        >>> two = pd.DataFrame({"x": [1.0, 2.0, 4.0], "y": [1.0, 3.0, 4.0]})
        >>> pairs(two)[["first", "second", "r", "n"]].round(3).values.tolist()
        [['x', 'y', 0.929, 3]]
    """
    values = matrix.to_numpy(dtype=np.float64).T
    known = np.isfinite(values)
    rows = []
    for one, two in combinations(range(len(values)), 2):
        n, r = int((known[one] & known[two]).sum()), correlation(values[one], values[two])
        low = high = float("nan")
        if n > 3 and abs(r) < 1:
            half = _FISHER / np.sqrt(n - 3)
            low, high = np.tanh([np.arctanh(r) - half, np.arctanh(r) + half])
        rows.append((matrix.columns[one], matrix.columns[two], r, float(low), float(high), n))
    return pd.DataFrame(rows, columns=["first", "second", "r", "low", "high", "n"])


def _classic(complete: pd.DataFrame) -> dict[str, Estimate]:
    """Pingouin's estimates, which need every rater's rating of every item."""
    values = complete.to_numpy(dtype=np.float64)
    n, k = values.shape
    if n < 2 or k < 2 or values.size < _FEWEST or not np.ptp(values):
        return dict.fromkeys(KINDS, NONE)
    if not np.ptp(values, axis=1).any():  # nothing within items: F is infinite
        return dict.fromkeys(KINDS, Estimate(1.0, 1.0, 1.0))
    with needs_extra("annotate", "The intraclass correlation"):
        import pingouin
    item, rater = np.indices(values.shape)
    rows = {"item": item.ravel(), "rater": rater.ravel(), "value": values.ravel()}
    with _unrounded(pingouin), np.errstate(divide="ignore", invalid="ignore"):
        table = pingouin.intraclass_corr(
            pd.DataFrame(rows), targets="item", raters="rater", ratings="value"
        )
    return {
        _PINGOUIN[kind]: Estimate(float(value), *map(float, bounds))
        for kind, value, bounds in zip(table["Type"], table["ICC"], table["CI95"], strict=True)
        if kind in _PINGOUIN
    }


@contextmanager
def _unrounded(pingouin: ModuleType) -> Iterator[None]:
    """Keep pingouin from rounding intervals to two digits, as it does unless told otherwise."""
    with _OPTIONS:
        usual = dict(pingouin.options)
        pingouin.options.update(dict.fromkeys(usual, None))
        try:
            yield
        finally:
            pingouin.options.update(usual)


def _iccs(parts: Parts) -> FloatArray:
    """The three kinds, shape (3, b)."""
    error = parts.rater + parts.rest
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.array(
            [
                parts.between / (parts.between + parts.within),
                parts.item / (parts.item + error),
                parts.item / (parts.item + error / parts.per_item),
            ]
        )


def _alphas(sums: Sums, weights: npt.ArrayLike) -> FloatArray:
    """Alpha from sums of squares, in which pairs of ratings needn't be listed: shape (b,).

    The squared differences of all pairs among m ratings add up to m times the sum of squares
    around their mean.
    """
    weights = np.asarray(weights, dtype=np.float64)
    total = weights @ sums.count
    within = 2 * sums.count / (sums.count - 1) * (sums.centred**2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = weights @ sums.values.sum(axis=1)
        around = weights @ (sums.values**2).sum(axis=1) - middle**2 / total
        expected = np.where(around > 1e-9 * total, 2 * around / (total - 1), np.nan)
        alphas: FloatArray = 1 - weights @ within / total / expected
    return alphas


def _draws(sums: Sums, resamples: int, seed: int) -> FloatArray:
    """How often each item is drawn, shape (resamples, n)."""
    n = len(sums.count)
    if not (n and resamples):
        return np.empty((0, n))
    rng = np.random.default_rng(seed)
    return rng.multinomial(n, np.full(n, 1 / n), size=resamples).astype(np.float64)


def _percentiles(draws: FloatArray) -> tuple[float, float]:
    """The interval of draws; NaN where more than half of them are undefined, or there are none."""
    known = draws[np.isfinite(draws)]
    if len(known) < 2 or len(known) < len(draws) / 2:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
