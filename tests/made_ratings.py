"""Ratings for the tests: items, raters and rest drawn with known variances."""

from __future__ import annotations

import numpy as np
import pandas as pd

NAN = float("nan")

# Shrout and Fleiss (1979), table 2: six targets, four judges
SHROUT_FLEISS = pd.DataFrame(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]],
    columns=["first", "second", "third", "fourth"],
    dtype="float64",
)

# Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, example C: 12 units, 4 observers
KRIPPENDORFF = pd.DataFrame(
    {
        "A": [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        "B": [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        "C": [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        "D": [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    },
    dtype="float64",
)


def crossed(
    n: int = 60,
    k: int = 4,
    *,
    item: float = 0.8,
    rater: float = 0.3,
    rest: float = 0.5,
    each: int | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Make a matrix of items x raters: deviations of items, raters and rest around 3.

    `each`: how many raters rate an item, drawn for each; None is all.
    """
    rng = np.random.default_rng(seed)
    values = 3 + item * rng.normal(size=(n, 1)) + rater * rng.normal(size=(1, k))
    values = values + rest * rng.normal(size=(n, k))
    if each is not None:
        values[np.argsort(rng.random((n, k)), axis=1) >= each] = np.nan
    names = pd.Index([f"r{number}" for number in range(k)], name="rater")
    return pd.DataFrame(values, pd.Index([f"i{i}.wav" for i in range(n)], name="item"), names)


def as_ratings(matrix: pd.DataFrame, label: str = "activation") -> pd.DataFrame:
    """Lay a matrix out as a long table, limited to the scale."""
    values = matrix.clip(1, 5).rename_axis(index="item").reset_index()
    long = values.melt(id_vars="item", var_name="rater", value_name="value")
    return long.dropna(subset=["value"]).assign(label=label, item=long["item"].astype(str))
