"""Estimates in rating units, and intervals that hold on a language that the model never met.

Training brings the slope of an axis on its label towards one, but on real speech the error that a
steeper slope costs keeps it well below. So an axis becomes an estimate in two steps: a line fitted
on the model's own training rows, and one over languages that sister models were not trained on,
which shrinks what doesn't carry over.

The interval is that of an error with two parts. How far ratings lie about a language's own offset
comes from what these sister models got wrong, each language counting the same.[^1] How far the
offset of a further corpus may lie off is told by more corpora: all that the model was trained on,
those with typical ratings too, as no training learns what tells corpora apart as wholes. It is
taken as normal, and the common offset as known no better than from the languages left out.[^2]

[^1]: Pooling the groups' distributions with equal weights: Dunn, R., Wasserman, L., Ramdas, A.
    (2023). Distribution-free prediction sets for two-layer hierarchical models. J. Am. Stat. Assoc.
    118(544).
[^2]: Random effects of one level: Searle, S. R., Casella, G., McCulloch, C. E. (1992). Variance
    Components. Wiley. With a handful of corpora there is no guarantee for a further one; so what
    the intervals cover on each language left out is measured and reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectspace.errors import TableError
from affectspace.model import AffectModel, Calibration, CollectionScale
from affectspace.model.calibration import APART, LEAST

COVERAGE = 0.9
QUANTILES = 1001  # of the reconstruction error that a model keeps
DURATIONS = (0.001, 0.999)  # quantiles that count as the shortest and longest utterance
_NORMAL = np.array([NormalDist().inv_cdf((i + 0.5) / 101) for i in range(101)])
_NORMAL /= _NORMAL.std()

Array = npt.NDArray[np.float64]


class Line(NamedTuple):
    """A straight line: rating = gain * value + offset."""

    gain: float
    offset: float


class Fold(NamedTuple):
    """What a model estimated for a corpus or language, and the ratings; a row each.

    Attributes:
        estimates: a column per label.
        ratings: the same columns, NaN where unrated.
        typical: whether the ratings are those of the rows' categories, as others were rated.
    """

    estimates: pd.DataFrame
    ratings: pd.DataFrame
    typical: bool = False


def fit_line(groups: Sequence[tuple[Array, Array]]) -> Line:
    """Fit ratings to values by least squares within groups, each group counting the same.

    Args:
        groups: values and ratings of each group, shape (n,) each, without NaN, n at least 1.

    Returns:
        The common slope, and the mean over the groups of the offset that each would need.

    Examples:
        >>> one = (np.array([0.0, 1.0, 2.0]), np.array([2.0, 2.5, 3.0]))
        >>> other = (np.array([5.0, 6.0]), np.array([4.0, 4.5]))
        >>> fit_line([one, other])
        Line(gain=0.5, offset=1.75)
    """
    means = [(float(x.mean()), float(y.mean())) for x, y in groups]
    together = sum(
        float(np.mean((x - a) * (y - b))) for (x, y), (a, b) in zip(groups, means, strict=True)
    )
    spread = sum(float(np.var(x)) for x, _ in groups)
    gain = together / spread if spread > 0 else 0.0
    return Line(gain, float(np.mean([b - gain * a for a, b in means])))


def scaled(
    model: AffectModel,
    features: npt.ArrayLike,
    ratings: pd.DataFrame,
    groups: npt.ArrayLike,
) -> AffectModel:
    """A model whose estimates follow the ratings of its own training rows, group by group.

    Args:
        model: the model.
        features: shape (n, f), of training rows.
        ratings: shape (n, labels), NaN where unrated.
        groups: shape (n,), the corpus of each row.

    Raises:
        TableError: if a label of the model is never rated.
    """
    axes = model.axis_values(model.encode(features))
    corpora = np.asarray(groups)
    lines = {}
    for label in model.labels:
        known = ratings[label].notna().to_numpy()
        parts = [
            (axes.loc[rows, label].to_numpy(), ratings[label].to_numpy(np.float64)[rows])
            for corpus in dict.fromkeys(corpora[known])
            for rows in [known & (corpora == corpus)]
        ]
        if not parts:
            raise TableError(f"no row is rated for {label}, so nothing can be calibrated")
        lines[label] = fit_line(parts)
    return _with_lines(model, lines)


def calibrated(
    model: AffectModel,
    folds: Sequence[Fold],
    trained: Sequence[Fold] = (),
    *,
    coverage: float = COVERAGE,
) -> AffectModel:
    """A scaled model, shrunk and with intervals after what others like it got wrong elsewhere.

    Args:
        model: in rating units, see [`scaled`][affectspace.evaluation.calibrate.scaled].
        folds: estimates of models made in the same way, each on a language that it never met.
        trained: estimates of the model itself, for each corpus that it was trained on: how far
            offsets lie apart. Where these are too few to tell, the folds tell it.
        coverage: the share of utterances whose rating an interval is meant to hold.

    Returns:
        The model with gain and offset of each label, and a calibration whose intervals are set.
        Estimates are never stretched (the gain over unknown languages is limited to 0 to 1).
    """
    lines, intervals, collections = {}, {}, {}
    for label in model.labels:
        parts = [_complete(fold, label) for fold in folds]
        parts = [(x, y) for x, y in parts if len(x)]
        if not parts:
            raise TableError(f"no language left out is rated for {label}: no interval can be made")
        gain = float(np.clip(fit_line(parts).gain, 0, 1))
        offset = float(np.mean([y.mean() - gain * x.mean() for x, y in parts]))
        own = Line(model.gains.get(label, 1.0), model.offsets[label])
        lines[label] = Line(gain * own.gain, gain * own.offset + offset)
        errors = [y - gain * x - offset for x, y in parts]
        between = _between(trained, label, gain)
        intervals[label] = _of_further(errors, between, coverage=coverage)
        estimated = [(gain * x + offset, y) for x, y in parts]
        if (scale := _scale_of(estimated, coverage=coverage)) is not None:
            collections[label] = scale
    old = model.calibration or Calibration(coverage, {}, np.zeros(2), (0, 0))
    calibration = replace(old, coverage=coverage, intervals=intervals, collections=collections)
    return replace(_with_lines(model, lines), calibration=calibration)


def _scale_of(parts: Sequence[tuple[Array, Array]], *, coverage: float) -> CollectionScale | None:
    """How a label is estimated and rated in collections; None where these can't tell.

    How far collections lie apart is taken as known, though with two it rests on one difference.

    Args:
        parts: estimates and ratings of each collection, in a language that the model never met.
        coverage: what the intervals are meant to cover.
    """
    centres = [float(x.mean()) for x, _ in parts]
    spreads = [float(x.std()) for x, _ in parts]
    if len(parts) < 2 or min(spreads) < LEAST:
        return None
    spreads_apart = float(np.std(np.log(spreads), ddof=1))
    own = [((x - a) / b, y) for (x, y), a, b in zip(parts, centres, spreads, strict=True)]
    line = fit_line(own)
    if line.gain < LEAST or spreads_apart > APART:
        return None
    errors = [y - line.gain * x - line.offset for x, y in own]
    return CollectionScale(
        centre=float(np.mean(centres)),
        centres_apart=float(np.std(centres, ddof=1)),
        spread=float(np.exp(np.mean(np.log(spreads)))),
        spreads_apart=spreads_apart,
        rated=line.offset,
        slope=line.gain,
        interval=_of_further(errors, coverage=coverage),
    )


def _of_further(
    errors: Sequence[Array], between: float = float("nan"), *, coverage: float
) -> tuple[float, float]:
    """The interval of an error in a further corpus.

    Args:
        errors: rating minus estimate, shape (n,) for each language left out.
        between: the deviation of corpora's offsets; NaN: as far as the errors tell it.
        coverage: the share.
    """
    offsets = [float(error.mean()) for error in errors]
    if np.isnan(between):
        between = float(np.nan_to_num(deviation_of_offsets(offsets)))
    further = between * np.sqrt(1 + 1 / len(errors)) * _NORMAL
    around = [error - own for error, own in zip(errors, offsets, strict=True)]
    both = [np.add.outer(error, further).ravel() for error in around]
    return interval_of(both, coverage=coverage)


def deviation_of_offsets(rated: Sequence[float], typical: Sequence[float] = ()) -> float:
    """The deviation of corpora's offsets, as far as those of a few tell it.

    Args:
        rated: offsets whose mean is the common one.
        typical: further offsets, which have no say in the mean.

    Returns:
        The root of an estimate without bias of the variance: the squares about the mean over what
        they come to, on average, for offsets of variance 1. NaN where there is no rated corpus, or
        only one and no other.

    Examples:
        >>> deviation_of_offsets([1.0, 3.0])
        1.4142135623730951
        >>> deviation_of_offsets([1.0, 3.0], [2.0, 2.0])
        0.7071067811865476
    """
    n, more = len(rated), len(typical)
    freedom = n - 1 + more * (1 + 1 / n) if n else 0.0
    if freedom == 0:
        return float("nan")
    away = np.array([*rated, *typical]) - np.mean(rated)
    return float(np.sqrt((away**2).sum() / freedom))


def interval_of(errors: Sequence[Array], *, coverage: float = COVERAGE) -> tuple[float, float]:
    """The ends between which a share of errors lies, as much below as above, groups weighing alike.

    Args:
        errors: rating minus estimate, shape (n,) for each group.
        coverage: the share.

    Returns:
        Low, at most 0, and high, at least 0.

    Examples:
        >>> interval_of([np.linspace(-1, 1, 101), np.linspace(-1, 1, 11)], coverage=0.8)
        (-0.8, 0.8)
    """
    weights = np.concatenate([np.full(len(group), 1 / len(group)) for group in errors])
    tail = (1 - coverage) / 2
    low, high = np.quantile(
        np.concatenate(errors), (tail, 1 - tail), weights=weights, method="inverted_cdf"
    )
    return min(float(low), 0.0), max(float(high), 0.0)


def with_training_range(
    model: AffectModel, features: npt.ArrayLike, durations: npt.ArrayLike
) -> AffectModel:
    """A model that knows how well it rebuilds its training rows, and how long these are.

    Args:
        model: the model, calibrated or not.
        features: shape (n, f), of training rows as recorded.
        durations: shape (n,), s; NaN where unknown.
    """
    shares = np.linspace(0, 1, QUANTILES)
    errors = np.quantile(model.reconstruction_error(features), shares)
    known = np.asarray(durations, dtype=np.float64)
    known = known[np.isfinite(known)]
    shortest, longest = np.quantile(known, DURATIONS) if len(known) else (0.0, 1e6)
    old = model.calibration or Calibration(COVERAGE, {}, np.zeros(2), (0, 0))
    span = (round(float(shortest), 2), round(float(longest), 2))
    return replace(model, calibration=replace(old, errors=errors, durations=span))


def covered(ratings: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike) -> float:
    """The share of ratings that lie within their intervals, 0 to 1; shape (n,) each."""
    y = np.asarray(ratings)
    return float(np.mean((y >= np.asarray(low)) & (y <= np.asarray(high))))


def _between(trained: Sequence[Fold], label: str, gain: float) -> float:
    """The deviation of the offsets of corpora that a model was trained on; NaN where unknown."""
    offsets: dict[bool, list[float]] = {False: [], True: []}
    for fold in trained:
        x, y = _complete(fold, label)
        if len(x):
            offsets[fold.typical].append(float(np.mean(y - gain * x)))
    return deviation_of_offsets(offsets[False], offsets[True])


def _complete(fold: Fold, label: str) -> tuple[Array, Array]:
    x = fold.estimates[label].to_numpy(np.float64)
    y = fold.ratings[label].to_numpy(np.float64)
    known = np.isfinite(x) & np.isfinite(y)
    return x[known], y[known]


def _with_lines(model: AffectModel, lines: dict[str, Line]) -> AffectModel:
    return replace(
        model,
        gains={label: line.gain for label, line in lines.items()},
        offsets={label: line.offset for label, line in lines.items()},
    )
