"""The ratings table: one row per rating, checked, and as a matrix of items by raters.

A ratings table is a `pandas.DataFrame` with the columns `rater`, `label` (such as `activation`) and
`value` (1 to 5). What was rated is its index, `file`, `start`, `end` (audformat's) or any other,
or the columns `file`, `start`, `end` or `item`. Further columns may be there: `repeat` (whether the
rater had rated the item before), `order` (a rater's first rating is lowest), `seconds` (what the
rating took, listening included) and `duration` (of the clip, in seconds).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectspace.errors import TableError
from affectspace.tables import INDEX, text_column, utterance_index
from affectspace.tables.frames import listed
from affectspace.tables.times import MISSING, in_seconds

FloatArray = npt.NDArray[np.float64]

SCALE = (1.0, 5.0)
ITEM, RATER, LABEL, VALUE = "item", "rater", "label", "value"
REPEAT, ORDER, SECONDS, DURATION = "repeat", "order", "seconds", "duration"
RATING_COLUMNS = (RATER, LABEL, VALUE, REPEAT, ORDER, SECONDS, DURATION)

_TRUE = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False, "": False}


def check_ratings(
    table: pd.DataFrame, *, scale: tuple[float, float] | None = SCALE
) -> pd.DataFrame:
    """Check a ratings table, and give it the index and dtypes that this room works with.

    Args:
        table: a row per rating: the columns `rater`, `label` and `value`, what was rated as index
            or in the columns `file` (with `start`, `end` where it is a part) or `item`. An empty
            value, or NaN, says that there was no rating.
        scale: lowest and highest rating there can be; None takes any number.

    Returns:
        The rows that hold a rating, in their order, with all of `RATING_COLUMNS` and no others;
        `repeat` as bool, the others float64 or text, NaN where unknown; arousal as activation. The
        index says what was rated. Where the column `repeat` is missing, a rater's ratings of one
        item after the first, by `order` or else by row, are its repeats.

    Raises:
        TableError: if a column is missing, a value is no number or off the scale, a rating has no
            rater or no item, or somebody rated an item twice and `repeat` says that it was no
            repeat.

    Examples:
        >>> rows = {"item": ["a", "a"], "rater": ["x", "y"], "value": [2, 3.5]}
        >>> check_ratings(pd.DataFrame(rows).assign(label="valence"))["value"].tolist()
        [2.0, 3.5]
    """
    lacking = [name for name in (RATER, LABEL, VALUE) if name not in table.columns]
    if lacking:
        raise TableError(
            f"a ratings table needs the columns rater, label and value; this one lacks "
            f"{', '.join(lacking)} and has {listed(table.columns)}"
        )
    items = _items(table)
    values = as_numbers(table[VALUE], VALUE)
    raters, labels = text_column(list(table[RATER])), text_column(list(table[LABEL]))
    known = ~np.isnan(values)
    for name, column in ((RATER, raters), (LABEL, labels)):
        blank = known & (column.isna() | (column.str.strip() == "")).to_numpy()
        if blank.any():
            raise TableError(f"{int(blank.sum())} ratings have no {name}")
    labels = labels.str.strip().replace("arousal", "activation")
    ratings = pd.DataFrame({RATER: raters.str.strip(), LABEL: labels, VALUE: values})
    for name in (ORDER, SECONDS, DURATION):
        ratings[name] = as_numbers(table[name], name) if name in table.columns else np.nan
    flags = _flags(table[REPEAT]) if REPEAT in table.columns else None
    ratings[REPEAT] = False if flags is None else flags
    ratings.index = items
    ratings = ratings.loc[known, list(RATING_COLUMNS)]
    check_scale(ratings, scale)
    if flags is None:
        ratings[REPEAT] = _later(ratings)
        return ratings
    fresh = ratings[~ratings[REPEAT].to_numpy()]
    twice = fresh[_later(fresh)]
    if len(twice):
        first = twice.iloc[0]
        raise TableError(
            f"{len(twice)} ratings are a rater's second of an item and aren't marked as a repeat, "
            f"first: {first[LABEL]} of {item_name(twice.index[0])} by {first[RATER]}. Leave one "
            "out, or set its repeat to true"
        )
    return ratings


def check_scale(ratings: pd.DataFrame, scale: tuple[float, float] | None) -> None:
    """Raise where a rating is off the scale.

    Raises:
        TableError: with how many, and the first of them.
    """
    low, high = scale or (-math.inf, math.inf)
    values = ratings[VALUE].to_numpy()
    off = (values < low) | (values > high) | np.isinf(values)
    if off.any():
        first, item = ratings[off].iloc[0], item_name(ratings.index[off][0])
        raise TableError(
            f"{int(off.sum())} of {len(ratings)} ratings are off the scale from {low:g} to "
            f"{high:g}, first: {first[LABEL]} {first[VALUE]:g} of {item} by {first[RATER]}. "
            "Rescale them"
        )


def labels_of(ratings: pd.DataFrame) -> list[str]:
    """Name the labels that a checked ratings table has ratings of; activation and valence first."""
    usual = ["activation", "valence", "dominance"]
    found = ratings[LABEL].unique().tolist()
    return [name for name in usual if name in found] + sorted(set(found) - set(usual))


def rating_matrix(ratings: pd.DataFrame, label: str) -> pd.DataFrame:
    """One label's ratings as a matrix: a row per item, a column per rater, repeats left out.

    Args:
        ratings: a ratings table.
        label: such as `activation`.

    Returns:
        float64, NaN where a rater didn't rate an item. Items in the order in which they come first,
        raters by name. Where only a repeat is known of a rater and an item, it counts.

    Raises:
        TableError: if the table isn't one, or has no rating of the label.

    Examples:
        >>> rows = {"item": ["a", "a", "b"], "rater": ["x", "y", "y"], "value": [2, 3, 4]}
        >>> rating_matrix(pd.DataFrame(rows).assign(label="valence"), "valence").to_dict("list")
        {'x': [2.0, nan], 'y': [3.0, 4.0]}
    """
    ratings = of_label(ratings, label)
    first = ratings[~_later(ratings)]
    rows, items = item_codes(first.index)
    raters = sorted(first[RATER].unique())
    columns = pd.Index(raters).get_indexer(pd.Index(first[RATER]))
    matrix = np.full((len(items), len(raters)), np.nan)
    matrix[rows, columns] = first[VALUE].to_numpy(dtype=np.float64)
    return pd.DataFrame(matrix, items, pd.Index(raters, name=RATER))


def of_label(ratings: pd.DataFrame, label: str) -> pd.DataFrame:
    """Check a ratings table where that is due, and keep the ratings of one label.

    Raises:
        TableError: if the table isn't one, or has no rating of the label.
    """
    if list(ratings.columns) != list(RATING_COLUMNS) or ratings[REPEAT].dtype != bool:
        ratings = check_ratings(ratings)
    found = ratings[ratings[LABEL] == label]
    if found.empty:
        there = ", ".join(labels_of(ratings)) or "none at all"
        raise TableError(f"there are no ratings of {label}; there are ratings of {there}")
    return found


def item_codes(index: pd.Index[Any]) -> tuple[npt.NDArray[np.intp], pd.Index[Any]]:
    """Number the items of an index from 0 in the order in which they come first.

    Returns:
        The number of each row's item, and the index of the items. A missing end of a span is a
        value like any other, which pandas' own pivoting doesn't see so.
    """
    levels = index.to_frame(index=False)
    grouped = levels.groupby(list(levels.columns), sort=False, dropna=False)
    codes = grouped.ngroup().to_numpy().astype(np.intp)
    _, first = np.unique(codes, return_index=True)
    return codes, index[first]


def item_name(item: Any) -> str:
    """Tell an item in a message: its file, and the span where it is a part of it."""
    if not isinstance(item, tuple):
        return str(item)
    name, *times = item
    part = len(times) == 2 and (times[0] != pd.Timedelta(0) or not pd.isna(times[1]))
    return f"{name} ({in_seconds(times[0])} to {in_seconds(times[1])})" if part else str(name)


def as_numbers(values: Any, name: str) -> FloatArray:
    """Return a column as float64; what is empty is NaN.

    Raises:
        TableError: if something in it is a word.
    """
    column = pd.Series(values).reset_index(drop=True)
    numbers = pd.to_numeric(column, errors="coerce")
    empty = column.isna() | column.astype(str).str.strip().isin(MISSING)
    words = column[numbers.isna() & ~empty]
    if len(words):
        raise TableError(
            f"column {name!r} should hold numbers and has {len(words)} words, such as "
            f"{listed([repr(word) for word in words.unique()], 3)}"
        )
    return numbers.to_numpy(dtype=np.float64, na_value=np.nan)


def with_items(table: pd.DataFrame) -> pd.DataFrame:
    """A table under the index that says what was rated, from its columns or its own.

    Raises:
        TableError: if nothing says it, or a row has no name.
    """
    return table.set_axis(_items(table))


def _items(table: pd.DataFrame) -> pd.Index[Any]:
    if ITEM in table.columns and "file" not in table.columns:
        items: pd.Index[Any] = pd.Index(text_column(list(table[ITEM])), name=ITEM)
    elif "file" in table.columns:
        times: list[Sequence[Any] | None] = [
            list(table[name]) if name in table.columns else None for name in INDEX[1:]
        ]
        levels = utterance_index(list(table["file"]), *times).to_frame(index=False)
        levels["start"] = levels["start"].fillna(pd.Timedelta(0))
        items = pd.MultiIndex.from_frame(levels)
    elif any(name is not None for name in table.index.names):
        items = table.index
    else:
        raise TableError(
            f"nothing says what was rated: a ratings table needs a column 'file' or 'item', and "
            f"has {listed(table.columns)}"
        )
    missing = np.asarray(items.get_level_values(0).isna())
    if missing.any():
        raise TableError(f"{int(missing.sum())} ratings have no {items.names[0]}")
    return items


def _flags(values: pd.Series[Any]) -> npt.NDArray[np.bool_]:
    """Whether each rating is a repeat, from booleans, numbers or words."""
    found = []
    for value in values:
        text = "" if pd.isna(value) else str(value).strip().lower().removesuffix(".0")
        if text not in _TRUE:
            raise TableError(f"repeat should be true or false, or 1 or 0, and is {value!r}")
        found.append(_TRUE[text])
    return np.array(found, dtype=bool)


def _later(ratings: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which ratings aren't the first of their item and label by their rater; repeats come last."""
    keys = pd.DataFrame(
        {
            "item": item_codes(ratings.index)[0],
            RATER: ratings[RATER].to_numpy(),
            LABEL: ratings[LABEL].to_numpy(),
        }
    )
    time = pd.DataFrame({name: ratings[name].to_numpy() for name in (REPEAT, ORDER)})
    in_time = time.sort_values([REPEAT, ORDER], kind="stable").index  # no order comes last
    return keys.loc[in_time].duplicated().sort_index().to_numpy()
