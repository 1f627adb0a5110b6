"""What the other raters say about the items that one of them rated."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectspace.annotation.components import offsets_of

FloatArray = npt.NDArray[np.float64]


def others_mean(matrix: pd.DataFrame) -> pd.DataFrame:
    """For each rating, the mean of the others' ratings of the same item, their offsets taken out.

    Who the others are differs from item to item where ratings are missing. So their offsets (see
    [`offsets_of`][affectspace.annotation.components.offsets_of]) are taken out first, or a rater
    would seem to rate low wherever the lenient ones rated too.

    Args:
        matrix: items x raters, NaN where missing.

    Returns:
        The same shape, NaN where the rater or all others are missing.

    Examples:
        >>> others_mean(pd.DataFrame({"x": [1.0, 3.0], "y": [3.0, 5.0], "z": [2.0, np.nan]}))["z"]
        0    2.0
        1    NaN
        Name: z, dtype: float64
    """
    values = matrix.to_numpy(dtype=np.float64)
    even = values - offsets_of(values)
    known = np.isfinite(values)
    count = known.sum(axis=1, keepdims=True) - 1
    total = np.where(known, even, 0.0).sum(axis=1, keepdims=True)
    mean = np.where(known & (count > 0), (total - even) / np.maximum(count, 1), np.nan)
    return pd.DataFrame(mean, matrix.index, matrix.columns)


def correlation(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Pearson's r over the rows known in both; NaN for fewer than 2, or if one is constant.

    Examples:
        >>> correlation([1.0, 2.0, float("nan")], [2.0, 1.0, 5.0])
        -1.0
    """
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    if len(x) < 2 or np.ptp(x) < 1e-12 or np.ptp(y) < 1e-12:
        return float("nan")
    x, y = x - x.mean(), y - y.mean()
    return float(np.clip(x @ y / np.sqrt((x @ x) * (y @ y)), -1.0, 1.0))
