"""Intervals from resampling speakers.

Rows of one speaker resemble each other, so the rows of a corpus are worth less than their number.
Resampling whole speakers with replacement (a clustered, or block, bootstrap) says how far a figure
would move with other speakers; resampling rows does not.[^1]

Percentiles of such resamples are too narrow with few speakers, and a corpus of acted speech has 4
to 30. So the percentiles are taken further out, by as much as Student's t is wider than the normal
distribution (the expanded percentile interval).[^2] They stay somewhat too narrow: where speakers
differ much in how they show a label, an interval of 95 % for adjusted R² held the truth in 80, 88,
87 and 89 % of simulated corpora of 5, 10, 20 and 30 speakers (plain percentiles: 71, 82, 84, 88 %).

[^1]: Davison, A. C., Hinkley, D. V. (1997). Bootstrap Methods and their Application, sections 3.8
    and 5.3. Cambridge.
    Field, C. A., Welsh, A. H. (2007). Bootstrapping clustered data. J. R. Stat. Soc. B 69(3).
[^2]: Hesterberg, T. C. (2015). What teachers should know about the bootstrap. The American
    Statistician 69(4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

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
        level: the share of samples of speakers whose interval is meant to hold the truth.
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
    """Interval of a metric over resampled speakers, by expanded percentiles.

    The metrics of [`metrics`][affectspace.evaluation.metrics] are computed from sums per speaker,
    exactly and in milliseconds; any other function of arrays is called on the rows of each
    resample.

    Args:
        metric: a function of the arrays that returns a number, or NaN where it's undefined.
        *arrays: shape (n,) or (n, d) each. Rows that are missing in any of them are left out first.
        clusters: the speaker of each row, shape (n,). Rows of unknown speakers count as one more
            speaker.
        resamples: how often the speakers are drawn.
        level: the share of samples of speakers whose interval is meant to hold the truth.
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
    values, speakers = bootstrap_values(
        metric, *arrays, clusters=clusters, resamples=resamples, seed=seed
    )
    return percentile_interval(values, speakers=speakers, level=level)


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
        level: the share of samples of speakers whose interval is meant to hold the truth.
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
    settings = {"resamples": resamples, "seed": seed}
    values, speakers = bootstrap_values(metric, *one, clusters=known, **settings)
    others, _ = bootstrap_values(metric, *other, clusters=known, **settings)
    interval = percentile_interval(values - others, speakers=speakers, level=level)
    return Difference(metric(*one) - metric(*other), *interval)


def bootstrap_values(
    metric: Metric,
    *arrays: npt.ArrayLike,
    clusters: npt.ArrayLike,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[FloatArray, int]:
    """The metric on each resample of speakers: what the intervals are percentiles of.

    Returns:
        The values, shape (resamples,), all NaN with fewer than 2 speakers; and how many speakers
        were drawn from.
    """
    *known, speakers = complete_rows(*arrays, known_speakers(clusters))
    codes, count = speaker_codes(speakers)
    if count < 2:
        return np.full(resamples, np.nan), count
    weights = draw_speakers(count, resamples=resamples, seed=seed)
    return form_of(metric)(known, codes, weights), count


def draw_speakers(count: int, *, resamples: int = RESAMPLES, seed: int = 0) -> FloatArray:
    """How often each of `count` speakers is drawn in each resample.

    Returns:
        Whole numbers, shape (resamples, count); each row adds up to `count`.
    """
    draws = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), resamples)
    return draws.astype(np.float64)


def percentile_interval(values: FloatArray, *, speakers: int, level: float = LEVEL) -> Interval:
    """The interval that the values on resamples of so many speakers give.

    Args:
        values: shape (resamples,). Undefined ones are left out.
        speakers: how many were drawn from; of several corpora, the fewest.
        level: the share meant to be inside, of all samples of speakers.

    Returns:
        The interval; NaN with fewer than 2 speakers or where fewer than half are defined.
    """
    defined = values[np.isfinite(values)]
    if speakers < 2 or len(defined) == 0 or 2 * len(defined) < len(values):
        return NO_INTERVAL
    low, high = np.quantile(defined, expanded_tails(speakers, level))
    return Interval(float(low), float(high))


def expanded_tails(speakers: int, level: float = LEVEL) -> tuple[float, float]:
    """The shares of resamples below the two ends of an interval: 0.025, 0.975, taken further out.

    Args:
        speakers: how many were drawn from, at least 2.
        level: the share meant to be inside, of all samples of speakers.

    Examples:
        >>> [round(share, 4) for share in expanded_tails(10)]
        [0.0086, 0.9914]
    """
    t = special.stdtrit(speakers - 1, (1 - level) / 2)
    tail = float(special.ndtr(t * np.sqrt(speakers / (speakers - 1))))
    return tail, 1 - tail
