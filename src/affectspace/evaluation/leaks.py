"""Does the speaker give the label away?

Where each speaker was recorded in one emotion only, whatever recognises the voice "recognises" the
emotion. Such a corpus can't be standardised by speaker either, and a split that shares speakers
measures memory.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectspace.evaluation.rows import Array, FloatArray, complete_rows

THRESHOLD = 0.2
"""A warning is due where the speaker removes this share of the error that is left without it.

Measured: URDU 0.95 (its ratings of activation 0.60, of valence 0.38); EMO-DB, EmoTale, IEMOCAP and
MSP-IMPROV, in which everyone speaks every emotion, at most 0.08.
"""


@dataclass(frozen=True)
class Leak:
    """What a look-up of the speaker alone says about the label.

    Attributes:
        metric: `accuracy` for categories, `r2` for ratings.
        score: the look-up's accuracy in [0, 1], or its R² (at most 1; below 0 where it misleads).
        baseline: the same without the speaker: the most frequent category's, or 0 for ratings.
        n: rows with a known label and speaker.
        speakers: their speakers.
        single: speakers with one label value only, of those with 2 rows or more.
    """

    metric: str
    score: float
    baseline: float
    n: int
    speakers: int
    single: int

    @property
    def skill(self) -> float:
        """The share of the baseline's error that the speaker removes; 0 or less is none."""
        return (self.score - self.baseline) / (1 - self.baseline)

    @property
    def warns(self) -> bool:
        """Whether the skill exceeds [`THRESHOLD`][affectspace.evaluation.leaks.THRESHOLD]."""
        return self.skill > THRESHOLD

    @property
    def message(self) -> str:
        """The finding as a sentence."""
        if not np.isfinite(self.skill):
            return f"Whether the speaker predicts the label can't be told from {self.n} rows."
        figures = f"R² {self.score:.2f}"
        if self.metric == "accuracy":
            figures = f"{self.score:.0%} correct, against {self.baseline:.0%} without the speaker"
        if not self.warns:
            return f"The speaker alone does not predict the label ({figures})."
        return (
            f"The speaker alone predicts the label ({figures}); {self.single} of {self.speakers} "
            "speakers have one label only. Scores on this corpus may be due to the voice."
        )


def speaker_leak(labels: npt.ArrayLike, speakers: npt.ArrayLike) -> Leak:
    """Predict each row's label from the other rows of its speaker, and nothing else.

    Categories are predicted by the majority of the speaker's other rows (of equals, the one more
    frequent overall), ratings by their mean. A speaker's only row is predicted from all other rows,
    which is also the baseline. In a balanced corpus the look-up is worse than the baseline, since
    leaving a row out makes its own label rarer.

    Args:
        labels: shape (n,). Numbers are ratings; anything else is a category. Missing ones are left
            out.
        speakers: shape (n,). Rows of unknown speakers are left out.

    Returns:
        The result; NaN scores where fewer than 2 rows are known, or the labels don't vary.

    Raises:
        TableError: if the arrays differ in length.

    Examples:
        >>> leak = speaker_leak(["joy", "joy", "anger", "anger"], ["a", "a", "b", "b"])
        >>> leak.score, leak.warns
        (1.0, True)
    """
    values, who = complete_rows(labels, np.asarray(speakers, dtype=object))
    codes, names = pd.factorize(who.astype(str))
    ratings = values.dtype == np.float64
    kinds = (
        pd.Series(values if ratings else values.astype(str)).groupby(codes).agg(["nunique", "size"])
    )
    single = int(((kinds["nunique"] == 1) & (kinds["size"] > 1)).sum())
    scores = float("nan"), float("nan")
    if len(np.unique(values if ratings else values.astype(str))) > 1:
        scores = _ratings(values, codes) if ratings else _categories(values, codes)
    return Leak("r2" if ratings else "accuracy", *scores, len(values), len(names), single)


def shared_speakers(train: npt.ArrayLike, test: npt.ArrayLike) -> str:
    """Warn of speakers on both sides of a split.

    Args:
        train: speakers of the training rows. Names must be unique over corpora, or "03" of one
            counts as "03" of another.
        test: speakers of the test rows. Missing ones are ignored on both sides.

    Returns:
        A sentence that names them, or "" if there are none.

    Examples:
        >>> shared_speakers(["a", "b"], ["b", "c"])
        'Train and test share 1 of 2 test speakers: b. Scores will be too good.'
        >>> shared_speakers(["a"], ["b", None])
        ''
    """
    left, right = (
        set(pd.Series(np.asarray(s, dtype=object)).dropna().astype(str)) for s in (train, test)
    )
    shared = sorted(left & right)
    if not shared:
        return ""
    names = ", ".join(shared[:5]) + (f" and {len(shared) - 5} more" if len(shared) > 5 else "")
    return (
        f"Train and test share {len(shared)} of {len(right)} test speakers: {names}. "
        "Scores will be too good."
    )


def _categories(labels: Array, codes: npt.NDArray[np.intp]) -> tuple[float, float]:
    """Accuracy of the look-up, and the share of the most frequent category."""
    numbers, names = pd.factorize(labels.astype(str), sort=True)
    own = np.eye(len(names))[numbers]
    counts = np.eye(codes.max() + 1)[codes].T @ own
    others, everyone = counts[codes] - own, own.sum(axis=0) - own
    lookup = np.argmax(others + everyone / len(labels), axis=1)
    return float((lookup == numbers).mean()), float(own.mean(axis=0).max())


def _ratings(labels: FloatArray, codes: npt.NDArray[np.intp]) -> tuple[float, float]:
    """R² of the look-up against the mean of all other rows, and that mean's own R²: 0."""
    rows = np.bincount(codes)[codes] - 1
    everyone = (labels.sum() - labels) / (len(labels) - 1)
    own = (np.bincount(codes, weights=labels)[codes] - labels) / np.maximum(rows, 1)
    lookup = np.where(rows > 0, own, everyone)
    return 1.0 - float(((labels - lookup) ** 2).sum() / ((labels - everyone) ** 2).sum()), 0.0
