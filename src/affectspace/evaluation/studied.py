"""Which rows of a source corpus the paper's study uses, and the class of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectspace.errors import TableError
from affectspace.features import FeatureTable

CLASSES: Mapping[str, Mapping[str, str]] = {
    "iemocap": {
        "anger": "anger",
        "happiness": "happiness",
        "excitement": "happiness",
        "neutral": "neutral",
        "sadness": "sadness",
    }
}
"""Of a source corpus: the emotions that the study uses, and the class of each (5,531 rows of
IEMOCAP). Of a corpus that isn't listed, all rows with a known emotion are used, as they are."""


def rows_of_study(source: str, table: FeatureTable) -> npt.NDArray[np.intp]:
    """The positions of the source's rows of the study."""
    if "emotion" not in table.rows or table.rows["emotion"].isna().all():
        raise TableError(f"{source} has no known emotion, which the folds are stratified by")
    return np.flatnonzero(_classes(source, table).notna())


def _classes(source: str, table: FeatureTable) -> pd.Series:
    """The class of each row; missing where the study doesn't use it."""
    classes = CLASSES.get(source)
    return table.rows["emotion"].map(classes) if classes else table.rows["emotion"]


def classed(source: str, table: FeatureTable, rows: npt.NDArray[np.intp]) -> FeatureTable:
    """Some rows of the source, `emotion` being the class."""
    classed = table.rows.assign(emotion=_classes(source, table))
    return replace(table, values=table.values.iloc[rows], rows=classed.iloc[rows])
