"""Ways of making a model compared on the same rows, with the same resampled speakers.

What a draw of speakers does to two ways alike cancels in their difference, so the interval of a
difference is narrower than the intervals of the two suggest. Targets of one corpus are resampled
together, since speakers may be in several of them; different corpora independently.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd

from affectspace.evaluation.intervals import (
    DEFAULT,
    Difference,
    Resampling,
    draw_speakers,
    percentile_interval,
)
from affectspace.evaluation.metrics import adjusted_r2, ccc, form_of, pearson
from affectspace.evaluation.results import Result, Setting
from affectspace.evaluation.rows import FloatArray, column_of, complete_rows, known_speakers
from affectspace.evaluation.sums import Metric
from affectspace.evaluation.transfer import LABELS

MEAN = "all"
"""How a figure over all targets is called in the column `target`."""

METRICS: Mapping[str, Metric] = MappingProxyType(
    {"adjusted_r2": adjusted_r2, "pearson": pearson, "ccc": ccc}
)
"""What is compared: the space by the first, the estimates by the others."""


class Answers(NamedTuple):
    """What one way gave for the rows of one target.

    Attributes:
        embeddings: shape (n, d), under the target's index; NaN where there is no answer.
        estimates: shape (n, labels), under the same index; None where only spaces are compared.
    """

    embeddings: pd.DataFrame
    estimates: pd.DataFrame | None


class Score(NamedTuple):
    """A metric of one way on one target, and on each resample of the target's speakers.

    Attributes:
        value: on all rows.
        draws: shape (resamples,).
        n: the rows that every way answers.
        speakers: their speakers.
    """

    value: float
    draws: FloatArray
    n: int
    speakers: int


Key = tuple[str, str, str]
"""Target, label, metric."""

Scores = Mapping[str, Mapping[Key, Score]]
"""By way."""


def scores(
    answers: Mapping[str, Mapping[str, Answers]],
    rows: Mapping[str, pd.DataFrame],
    *,
    resampling: Resampling = DEFAULT,
) -> dict[str, dict[Key, Score]]:
    """Score all ways on the rows that all of them answer, and on the same resamples of speakers.

    Args:
        answers: by way, then by target; every way has every target.
        rows: the utterance table of each target, with `source` (the corpus), `speaker` and the
            ratings.
        resampling: how the speakers are drawn.

    Returns:
        The scores by way, then by target, label and metric.
    """
    draws = _draws(rows, resampling)
    found: dict[str, dict[Key, Score]] = {way: {} for way in answers}
    for target, table in rows.items():
        names, weights = draws[str(table["source"].iloc[0])]
        speakers = known_speakers(column_of(table, "speaker"))
        codes = names.get_indexer(pd.Index(speakers)).astype(np.intp)
        for label in LABELS:
            ratings = column_of(table, label)
            given = [answers[way][target] for way in answers]
            spaces = [each.embeddings.to_numpy() for each in given]
            estimates = [
                each.estimates[label].to_numpy() for each in given if each.estimates is not None
            ]
            known = _known(ratings, np.column_stack([*spaces, *estimates]))
            for way, each in zip(answers, given, strict=True):
                for name, metric in METRICS.items():
                    if name == "adjusted_r2":
                        pair = (each.embeddings.to_numpy(), ratings)
                    elif each.estimates is not None:
                        pair = (ratings, each.estimates[label].to_numpy())
                    else:
                        continue
                    arrays = [np.asarray(array, dtype=np.float64)[known] for array in pair]
                    found[way][target, label, name] = Score(
                        metric(*arrays),
                        form_of(metric)(arrays, codes[known], weights),
                        int(known.sum()),
                        len(np.unique(codes[known])),
                    )
    return found


def averaged(repeats: Sequence[Scores]) -> dict[str, dict[Key, Score]]:
    """The mean of each score, and of its draws, over repeats such as folds, on the same rows."""
    return {
        way: {
            key: _mean([found[way][key] for found in repeats])._replace(n=first.n)
            for key, first in scored.items()
        }
        for way, scored in repeats[0].items()
    }


def means(found: Scores, targets: Sequence[str], setting: Callable[[str], Setting]) -> list[Result]:
    """The mean of each metric over targets, with its interval over speakers.

    Args:
        found: the scores.
        targets: over which; each counts the same.
        setting: what the results of a way are filed under.

    Returns:
        A result per way, label and metric.
    """
    return [
        Result(
            setting=setting(way),
            label=label,
            metric=metric,
            value=score.value,
            **_ends(score),
            n=score.n,
            speakers=score.speakers,
        )
        for way in found
        for label in LABELS
        for metric in METRICS
        for score in [_mean([found[way][target, label, metric] for target in targets])]
    ]


def differences(found: Scores, targets: Sequence[str]) -> pd.DataFrame:
    """How far each way is above each later one: per target, and over targets.

    Args:
        found: the scores.
        targets: over which the row `all` averages; each counts the same.

    Returns:
        `first, second, target, label, metric, value, low, high, n`: the first's metric minus the
        second's, with its interval over the same resampled speakers; NaN ends where there is none.
        The interval speaks of one comparison: of many at 95 %, one in 20 leaves out 0 by chance.
    """
    rows = []
    for first, second in combinations(found, 2):
        for label in LABELS:
            for metric in METRICS:
                places = [name for name, *rest in found[first] if rest == [label, metric]]
                if not places:
                    continue
                pairs = {
                    target: _minus(
                        found[first][target, label, metric], found[second][target, label, metric]
                    )
                    for target in places
                }
                pairs[MEAN] = _mean([pairs[target] for target in targets])
                for target, score in pairs.items():
                    ends = _ends(score)
                    rows.append(
                        {"first": first, "second": second, "target": target, "label": label}
                        | {"metric": metric, "value": score.value, **ends, "n": score.n}
                    )
    columns = ["first", "second", "target", "label", "metric", "value", "low", "high", "n"]
    return pd.DataFrame(rows, columns=columns)


def in_words(first: str, second: str, what: str, difference: Difference) -> str:
    """A difference as a sentence.

    Args:
        first: the way that the difference is of.
        second: the way that it is to.
        what: the metric and where, for instance `mean r of activation`.
        difference: the first minus the second, and its interval.

    Examples:
        >>> in_words("joint", "ridge", "mean r", Difference(0.08, 0.03, 0.12))
        'joint is above ridge in mean r by 0.08 [0.03, 0.12], more than speakers explain.'
        >>> in_words("joint", "ridge", "mean r of valence", Difference(0.02, -0.03, 0.06))
        'joint and ridge are not told apart in mean r of valence: 0.02 [-0.03, 0.06].'
    """
    value, low, high = difference
    if np.isnan(low):
        return f"{first} against {second} in {what}: {value:.2f}; no interval can be made."
    ends = f"[{low:.2f}, {high:.2f}]"
    if low <= 0 <= high:
        return f"{first} and {second} are not told apart in {what}: {value:.2f} {ends}."
    side = "above" if value > 0 else "below"
    return (
        f"{first} is {side} {second} in {what} by {abs(value):.2f} {ends}, "
        "more than speakers explain."
    )


def _draws(
    rows: Mapping[str, pd.DataFrame], resampling: Resampling
) -> dict[str, tuple[pd.Index, FloatArray]]:
    """For each corpus its speakers, and how often each is drawn in each resample."""
    speakers: dict[str, set[str]] = {}
    for table in rows.values():
        known = known_speakers(column_of(table, "speaker"))
        speakers.setdefault(str(table["source"].iloc[0]), set()).update(known)
    drawn = {}
    for i, (corpus, names) in enumerate(speakers.items()):
        seed = int(np.random.SeedSequence([resampling.seed, i]).generate_state(1)[0])
        weights = draw_speakers(len(names), resamples=resampling.resamples, seed=seed)
        drawn[corpus] = pd.Index(sorted(names)), weights
    return drawn


def _known(*arrays: object) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which rows are known in all arrays."""
    columns = [np.asarray(array, dtype=np.float64) for array in arrays]
    at = np.arange(len(columns[0]))
    known = np.zeros(len(at), dtype=bool)
    known[complete_rows(at, *columns)[0].astype(np.intp)] = True
    return known


def _mean(scored: Sequence[Score]) -> Score:
    """The mean over the targets that are rated, or over none."""
    parts = [part for part in scored if part.n] or scored
    return Score(
        float(np.mean([part.value for part in parts])),
        np.mean([part.draws for part in parts], axis=0),
        sum(part.n for part in parts),
        min(part.speakers for part in parts),
    )


def _minus(first: Score, second: Score) -> Score:
    return first._replace(value=first.value - second.value, draws=first.draws - second.draws)


def _ends(score: Score) -> dict[str, float]:
    return percentile_interval(score.draws, speakers=score.speakers)._asdict()
