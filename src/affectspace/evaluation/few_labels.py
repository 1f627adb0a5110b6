"""Protocol 3, few labels: what n ratings of the target are worth.

In every draw the target's speakers are split in half at random. The rated utterances come from one
half, the score (CCC of the estimates) from the other, so no speaker is in both. All ways meet the
same draws, and the same test half serves every n, 0 too.

The interval is that of the delete-half jackknife: the deviation over random halves of the speakers
estimates the standard error that the figure on all speakers has, here with the luck of the labels
drawn on top.[^1] It is widened by Student's t for the number of speakers.

[^1]: Shao, J., Wu, C. F. J. (1989). A general theory for jackknife variance estimation. The Annals
    of Statistics 17(3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from affectspace.evaluation.intervals import LEVEL, NO_INTERVAL, Interval
from affectspace.evaluation.metrics import ccc
from affectspace.evaluation.rows import FloatArray, IntArray, speaker_codes
from affectspace.evaluation.transfer import LABELS

SIZES = (0, 20, 50, 100)
DRAWS = 20

STRENGTHS = (np.inf, *np.geomspace(30, 0.03, 7))
"""Penalties that a ridge correction chooses from, in units of the mean square of its inputs, the
strongest first; infinite: nothing but an offset."""

Adapter = Callable[[IntArray], pd.DataFrame]
"""From positions of labelled rows to estimates of all rows of the target, a column per label."""


class Draw(NamedTuple):
    """One split of a target's rows by speakers.

    Attributes:
        test: positions of the rows that are scored.
        pool: positions of the others in random order; the first n of them are labelled.
    """

    test: IntArray
    pool: IntArray


def draws(speakers: npt.ArrayLike, *, count: int = DRAWS, seed: int = 0) -> list[Draw]:
    """Split rows in half by speakers, at random, several times.

    Args:
        speakers: shape (n,); the unknown ones count as one more speaker.
        count: how often.
        seed: of the draws.

    Returns:
        The splits; none with fewer than 2 speakers.

    Examples:
        >>> (draw,) = draws(["a", "a", "b", "b"], count=1)
        >>> sorted([sorted(draw.test.tolist()), sorted(draw.pool.tolist())])
        [[0, 1], [2, 3]]
    """
    codes, n = speaker_codes(speakers)
    if n < 2:
        return []
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        tested = np.isin(codes, rng.permutation(n)[: n // 2])
        found.append(Draw(np.flatnonzero(tested), rng.permutation(np.flatnonzero(~tested))))
    return found


def adapted_scores(
    adapter: Adapter,
    ratings: pd.DataFrame,
    splits: Sequence[Draw],
    *,
    sizes: Sequence[int] = SIZES,
) -> dict[tuple[int, str], FloatArray]:
    """CCC on the test half of each draw, after so many labels.

    Args:
        adapter: how labels change the estimates; with none it gives the way's own.
        ratings: shape (n, labels), the target's.
        splits: see [`draws`][affectspace.evaluation.few_labels.draws].
        sizes: how many labelled rows.

    Returns:
        For each size and label a value per draw, shape (draws,). A size that the labelled half of
        any draw can't give isn't there.
    """
    possible = [n for n in sizes if all(len(split.pool) >= n for split in splits)]
    own = adapter(np.zeros(0, dtype=np.intp)) if splits else ratings
    found: dict[tuple[int, str], list[float]] = {}
    for split in splits:
        for n in possible:
            estimates = adapter(split.pool[:n]) if n else own
            for label in LABELS:
                truth = ratings[label].to_numpy()[split.test]
                value = ccc(truth, estimates[label].to_numpy()[split.test])
                found.setdefault((n, label), []).append(value)
    return {key: np.array(values) for key, values in found.items()}


def half_sample_interval(values: FloatArray, *, speakers: int, level: float = LEVEL) -> Interval:
    """The interval of a mean over random halves of the speakers (delete-half jackknife).

    Args:
        values: shape (draws,).
        speakers: how many there are in all.
        level: the share of samples of speakers whose interval is meant to hold the truth.

    Examples:
        >>> low, high = half_sample_interval(np.array([0.4, 0.5, 0.6]), speakers=20)
        >>> round(low, 2), round(high, 2)
        (0.29, 0.71)
    """
    if len(values) < 2 or speakers < 2 or not np.isfinite(values).all():
        return NO_INTERVAL
    half = float(special.stdtrit(speakers - 1, (1 + level) / 2) * values.std(ddof=1))
    return Interval(float(values.mean()) - half, float(values.mean()) + half)


def ridge_correction(
    standardised: npt.ArrayLike,
    estimates: pd.DataFrame,
    ratings: pd.DataFrame,
    speakers: npt.ArrayLike,
) -> Adapter:
    """Adapt any way's estimates: a ridge regression of what they lack on features and estimate.

    What a rating is above its estimate is regressed on the standardised features, which together
    weigh as much as the estimate, with a free offset. The penalty is the one with the least squared
    error on labelled speakers left out (rows, where one speaker is labelled); it can be infinite,
    and where even the offset alone does worse than no correction, there is none.

    Args:
        standardised: shape (n, f), all rows of the target, standardised by the sources.
        estimates: shape (n, labels), the way's own.
        ratings: shape (n, labels); only those of labelled rows are looked at.
        speakers: shape (n,).

    Returns:
        The adapter.
    """
    x = np.asarray(standardised, dtype=np.float64)
    codes, _ = speaker_codes(speakers)
    shared = x @ x.T / x.shape[1]
    kernels: Mapping[str, FloatArray] = {
        label: shared + np.multiply.outer(away, away)
        for label in LABELS
        for away in [estimates[label].to_numpy(np.float64) - 3]
    }

    def adapter(labelled: IntArray) -> pd.DataFrame:
        if not len(labelled):
            return estimates
        groups = codes[labelled]
        if len(np.unique(groups)) < 2:
            groups = np.arange(len(labelled))
        out = {}
        for label in LABELS:
            own = estimates[label].to_numpy(np.float64)
            lacking = ratings[label].to_numpy(np.float64)[labelled] - own[labelled]
            across = kernels[label][:, labelled]
            out[label] = own + _corrections(across, labelled, lacking, groups)
        return pd.DataFrame(out, index=estimates.index)

    return adapter


def _corrections(
    across: FloatArray, labelled: IntArray, lacking: FloatArray, groups: IntArray
) -> FloatArray:
    """What is added to the estimate of each row, shape (n,)."""
    inner = across[labelled]
    scale = max(float(np.trace(inner)) / len(inner), 1e-12)
    free = 1e4  # an intercept is a constant input of this weight: all but free of the penalty
    with_one = {a: (inner / (a * scale)) + free for a in STRENGTHS}
    hats = {a: np.linalg.solve(k + np.eye(len(k)), k).T for a, k in with_one.items()}
    errors = {a: _left_out_error(hat, lacking, groups) for a, hat in hats.items()}
    best = min(errors, key=lambda a: errors[a])
    if errors[best] >= float(np.mean(lacking**2)):
        return np.zeros(len(across))
    weights = np.linalg.solve(with_one[best] + np.eye(len(inner)), lacking)
    correction: FloatArray = (across / (best * scale) + free) @ weights
    return correction


def _left_out_error(hat: FloatArray, lacking: FloatArray, groups: IntArray) -> float:
    """Mean squared error on groups left out, without a fit for each: (I - H_gg)^-1 (y - H y)_g."""
    away = lacking - hat @ lacking
    total = 0.0
    for group in np.unique(groups):
        own = np.flatnonzero(groups == group)
        block = np.eye(len(own)) - hat[np.ix_(own, own)]
        total += float((np.linalg.solve(block, away[own]) ** 2).sum())
    return total / len(lacking)
