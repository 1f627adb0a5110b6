"""Typical ratings of categories, for corpora that name emotions but rate nothing."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectspace.evaluation.transfer import LABELS
from affectspace.study.material import Material

Array = npt.NDArray[np.float64]


class Heard(NamedTuple):
    """What a training hears: for each label the rating of each row of all copies, and its weight.

    Attributes:
        ratings: by label, shape (copies * n,), 1 to 5; NaN where there is none.
        weights: by label, shape (copies * n,), above 0 to 1; how much the rating counts.
    """

    ratings: dict[str, Array]
    weights: dict[str, Array]


def heard_ratings(material: Material, gone: frozenset[str], *, typical: bool = True) -> Heard:
    """What a training without some corpora hears: ratings, and typical ones in their place.

    A row of a corpus without a single rating gets what its category is rated on average in the
    rated corpora that remain, each corpus counting the same; nothing where none of them rates the
    category. A typical rating counts v / (v + s^2), with the variance v of the ratings of those
    corpora and the spread s of the category's ratings about it: as a rating would with noise that
    wide.

    Args:
        material: n rows in several copies.
        gone: corpora that are left out. Nothing of theirs is looked at, and they hear nothing.
        typical: False: ratings only.

    """
    rows = material.rows
    there = ~rows["source"].isin(gone)
    ratings, weights = {}, {}
    for label in LABELS:
        own = rows[label].where(there).to_numpy(np.float64, copy=True)
        counts = np.ones(len(rows))
        if typical and "emotion" in rows:
            rated = rows[there & rows[label].notna()]
            means, spreads = _typical(rated, label)
            unrated = (there & ~rows["source"].isin(rated["source"])).to_numpy()
            found = rows["emotion"].map(means).to_numpy(np.float64, na_value=np.nan)
            spread = rows["emotion"].map(spreads).to_numpy(np.float64, na_value=np.nan)
            variance = rated.groupby("source")[label].var(ddof=0).mean()
            wide = np.nan_to_num(spread) > 0  # so the ratings vary too
            reliable = np.divide(variance, variance + spread**2, out=np.ones(len(rows)), where=wide)
            own, counts = np.where(unrated, found, own), np.where(unrated, reliable, counts)
        ratings[label], weights[label] = own[material.clean], counts[material.clean]
    return Heard(ratings, weights)


def _typical(rated: pd.DataFrame, label: str) -> tuple[pd.Series, pd.Series]:
    """Mean of each emotion's ratings, each corpus counting the same, and their spread about it."""
    means = rated.groupby(["emotion", "source"])[label].mean().groupby("emotion").mean()
    square = (rated[label] - rated["emotion"].map(means).astype(float)) ** 2
    by_corpus = square.groupby([rated["emotion"], rated["source"]]).mean()
    return means, np.sqrt(by_corpus.groupby("emotion").mean())
