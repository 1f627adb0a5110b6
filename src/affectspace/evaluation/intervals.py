"""Intervals from resampling speakers.

Rows of one speaker resemble each other, so the rows of a corpus are worth less than their number.
Resampling whole speakers with replacement (a clustered, or block, bootstrap) says how far a figure
would move with other speakers; resampling rows does not.[^1] With few speakers (a corpus of acted
speech has 4 to 30) percentile intervals are still somewhat too narrow.

[^1]: Davison, A. C., Hinkley, D. V. (1997). Bootstrap Methods and their Application, sections 3.8
    and 5.3. Cambridge.
    Field, C. A., Welsh, A. H. (2007). Bootstrapping clustered data. J. R. Stat. Soc. B 69(3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from affectspace.evaluation.metrics import form_of
from affectspace.evaluation.rows import FloatArray, complete_rows, known_speakers, speaker_codes
from affectspace.evaluation.sums import Metric

RESAMPLES = 1000
LEVEL = 0.95


@dataclass(frozen=True)
class Resampling:
    """How intervals are made.

    Attributes:
        resamples: how often the speakers are drawn.
        level: the share of resamples inside an interval.
        seed: of the draws.
    """

    resamples: int = RESAMPLES
    level: float = LEVEL
    seed: int = 0


DEFAULT = Resampling()


class Interval(NamedTuple):
    """The ends of an interval; both NaN where there is none."""

    low: float
    high: float


NO_INTERVAL = Interval(float("nan"), float("nan"))


class Difference(NamedTuple):
    """How far a metric of the first is above that of the second, with the ends of its interval."""

    value: float
    low: float
    high: float


def bootstrap_interval(
    metric: Metric,
    *arrays: npt.ArrayLike,
    clusters: npt.ArrayLike,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval:
    """Percentile interval of a metric over resampled speakers.

    The metrics of [`metrics`][affectspace.evaluation.metrics] are computed from sums per speaker,
    exactly and in milliseconds; any other function of arrays is called on the rows of each
    resample.

    Args:
        metric: a function of the arrays that returns a number, or NaN where it's undefined.
        *arrays: shape (n,) or (n, d) each. Rows that are missing in any of them are left out first.
        clusters: the speaker of each row, shape (n,). Rows of unknown speakers count as one more
            speaker.
        resamples: how often the speakers are drawn.
        level: the share of resamples inside.
        seed: the same seed and speakers give the same draws, in whichever order the rows come.

    Returns:
        The interval. Resamples where the metric is undefined are left out of it. NaN with fewer
        than 2 speakers, or if the metric is undefined in more than half of the resamples.

    Raises:
        TableError: if the arrays differ in length.

    Examples:
        >>> from affectspace.evaluation.metrics import pearson
        >>> truth, speakers = [1.0, 2.0, 3.0, 1.0, 2.0, 3.0], ["a", "a", "a", "b", "b", "b"]
        >>> guess = [1.0, 2.0, 3.0, 2.0, 4.0, 6.0]
        >>> low, high = bootstrap_interval(pearson, truth, guess, clusters=speakers)
        >>> bool(low < 0.9 < high)
        True
    """
    values = bootstrap_values(metric, *arrays, clusters=clusters, resamples=resamples, seed=seed)
    return percentile_interval(values, level=level)


def bootstrap_difference(
    metric: Metric,
    first: Sequence[npt.ArrayLike],
    second: Sequence[npt.ArrayLike],
    *,
    clusters: npt.ArrayLike,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> Difference:
    """Compare two models on the same rows: the metric of the first minus that of the second.

    Both are computed on the same resamples, so what a draw of speakers does to both cancels: the
    interval of the difference is narrower than the two intervals suggest, and one that leaves out 0
    speaks for a difference.

    Args:
        metric: see [`bootstrap_interval`][affectspace.evaluation.intervals.bootstrap_interval].
        first: the metric's arrays for the first model, for example `(embeddings, labels)`.
        second: the same for the second model, the same n rows. Rows missing for either are left out
            for both.
        clusters: the speaker of each row, shape (n,).
        resamples: how often the speakers are drawn.
        level: the share of resamples inside.
        seed: of the draws.

    Returns:
        The difference on all rows and its interval, NaN where
        [`bootstrap_interval`][affectspace.evaluation.intervals.bootstrap_interval] is.

    Raises:
        TableError: if the arrays differ in length.

    Examples:
        >>> from affectspace.evaluation.metrics import mae
        >>> truth, speakers = [1.0, 2.0, 3.0, 4.0], ["a", "a", "b", "b"]
        >>> right, off = [1.0, 2.0, 3.0, 4.0], [2.0, 3.0, 4.0, 5.0]
        >>> bootstrap_difference(mae, (truth, right), (truth, off), clusters=speakers)
        Difference(value=-1.0, low=-1.0, high=-1.0)
    """
    *arrays, known = complete_rows(*first, *second, known_speakers(clusters))
    one, other = arrays[: len(first)], arrays[len(first) :]
    values = [
        bootstrap_values(metric, *each, clusters=known, resamples=resamples, seed=seed)
        for each in (one, other)
    ]
    interval = percentile_interval(values[0] - values[1], level=level)
    return Difference(metric(*one) - metric(*other), *interval)


def bootstrap_values(
    metric: Metric,
    *arrays: npt.ArrayLike,
    clusters: npt.ArrayLike,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> FloatArray:
    """The metric on each resample of speakers: what the intervals are percentiles of.

    Returns:
        Shape (resamples,); all NaN with fewer than 2 speakers.
    """
    *known, speakers = complete_rows(*arrays, known_speakers(clusters))
    codes, count = speaker_codes(speakers)
    if count < 2:
        return np.full(resamples, np.nan)
    weights = draw_speakers(count, resamples=resamples, seed=seed)
    return form_of(metric)(known, codes, weights)


def draw_speakers(count: int, *, resamples: int = RESAMPLES, seed: int = 0) -> FloatArray:
    """How often each of `count` speakers is drawn in each resample.

    Returns:
        Whole numbers, shape (resamples, count); each row adds up to `count`.
    """
    draws = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), resamples)
    return draws.astype(np.float64)


def percentile_interval(values: FloatArray, *, level: float = LEVEL) -> Interval:
    """The middle `level` of the values that are defined; NaN where fewer than half are."""
    defined = values[np.isfinite(values)]
    if len(defined) == 0 or 2 * len(defined) < len(values):
        return NO_INTERVAL
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))
