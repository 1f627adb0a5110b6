"""How well a model's space holds on a corpus: Tables 1 and 2 of the paper, and harder figures."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy.typing as npt
import pandas as pd

from affectspace.evaluation.intervals import DEFAULT, Resampling
from affectspace.evaluation.metrics import (
    adjusted_r2,
    adjusted_r2_pairs,
    adjusted_r2_pvalue,
    ccc,
    kendall,
    pearson,
)
from affectspace.evaluation.results import Result, Setting, measure
from affectspace.evaluation.rows import column_of, rows_of

LABELS = ("activation", "valence")


def score_transfer(
    embeddings: npt.ArrayLike | pd.DataFrame,
    table: pd.DataFrame,
    *,
    setting: Setting,
    labels: Sequence[str] = LABELS,
    estimates: pd.DataFrame | None = None,
    resampling: Resampling | None = DEFAULT,
) -> list[Result]:
    """Score one model on one corpus.

    For each label: `adjusted_r2` of the label on the embedding, with its significance as
    `adjusted_r2_pvalue`; `adjusted_r2_pairs`; `kendall`, of the label and the embedding's mean over
    the dimensions; and where the model estimates the label itself, `pearson` and `ccc` of the
    estimate. `adjusted_r2` fits a line to the corpus's own labels, so it says what the space holds,
    not what the model gets right: that is `ccc`.

    Args:
        embeddings: shape (n, d), in the order of the table; NaN where there is no answer.
        table: the utterance table, with the labels and `speaker`.
        setting: where the embedding comes from.
        labels: the columns to score. One that the table lacks, or that is never known, is left out.
        estimates: the model's own estimates, in the order of the table, a column per label that it
            estimates.
        resampling: how intervals are made; None for none.

    Returns:
        The results. `n` and `speakers` count the rows that have both an embedding and the label.

    Raises:
        TableError: if the rows of the embedding or the estimates aren't those of the table.

    Examples:
        >>> columns = {"activation": [1.0, 2.0, 3.0, 4.0], "speaker": ["a", "a", "b", "b"]}
        >>> table = pd.DataFrame(columns)
        >>> setting = Setting(protocol="transfer", source="x", target="y", model="joint")
        >>> rows = score_transfer([[1.0], [2.0], [3.0], [5.0]], table, setting=setting)
        >>> [row.metric for row in rows]
        ['adjusted_r2', 'p_value', 'adjusted_r2_pairs', 'kendall']
    """
    space, speakers = rows_of(embeddings, table), column_of(table, "speaker")
    mean = space.mean(axis=1)
    results: list[Result] = []
    for label in labels:
        ratings = column_of(table, label)
        if pd.isna(ratings).all():
            continue
        score = partial(measure, speakers=speakers, setting=setting, label=label)
        results += [
            score(adjusted_r2, space, ratings, resampling=resampling),
            score(adjusted_r2_pvalue, space, ratings, name="p_value", resampling=None),
            score(adjusted_r2_pairs, space, ratings, resampling=resampling),
            score(kendall, ratings, mean, resampling=resampling),
        ]
        if estimates is not None and label in estimates:
            own = rows_of(estimates[label], table)[:, 0]
            results += [
                score(metric, ratings, own, resampling=resampling) for metric in (pearson, ccc)
            ]
    return results
