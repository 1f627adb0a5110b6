"""Rows and their speakers: which rows are known, who spoke them, and to which table they belong."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectspace.errors import TableError

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]


def complete_rows(*arrays: npt.ArrayLike) -> tuple[Array, ...]:
    """Keep the rows that are known in every array.

    Args:
        arrays: shape (n,) or (n, d) each. Numbers come back as float64; anything else as objects.

    Returns:
        The same arrays without the rows in which any of them is missing or infinite.

    Raises:
        TableError: if the arrays differ in length.

    Examples:
        >>> complete_rows([1.0, np.nan, 3.0], ["a", "b", None])
        (array([1.]), array(['a'], dtype=object))
    """
    columns = [_as_column(array) for array in arrays]
    if len({len(column) for column in columns}) > 1:
        lengths = ", ".join(str(len(column)) for column in columns)
        raise TableError(f"Expected arrays of the same number of rows, got {lengths}.")
    known = np.ones(len(columns[0]), dtype=bool)
    for column in columns:
        fine = np.isfinite(column) if column.dtype == np.float64 else ~pd.isna(column)
        known &= fine if fine.ndim == 1 else fine.all(axis=1)
    return tuple(column[known] for column in columns)


def _as_column(array: npt.ArrayLike) -> Array:
    """As float64 where the array holds numbers, else as objects."""
    values = np.asarray(array)
    if values.dtype.kind == "O" and values.ndim == 1:
        numbers = {"floating", "integer", "mixed-integer-float"}
        if pd.api.types.infer_dtype(values, skipna=True) in numbers:
            return pd.Series(values).astype("Float64").to_numpy(np.float64, na_value=np.nan)
    return values.astype(np.float64 if values.dtype.kind in "fiub" else object)


def known_speakers(speakers: npt.ArrayLike) -> npt.NDArray[np.object_]:
    r"""The speakers as names, and one name, sorted last, for all rows whose speaker is unknown.

    Unknown speakers may all be the same person, so they count as one: intervals get wider, never
    too narrow.

    Examples:
        >>> known_speakers(["b", 1, None]).tolist()
        ['b', '1', '\uffff']
    """
    names = pd.Series(np.asarray(speakers, dtype=object))
    return names.astype(str).where(names.notna(), "\uffff").to_numpy(dtype=object)


def speaker_codes(speakers: npt.ArrayLike) -> tuple[IntArray, int]:
    """Number the speakers from 0 in the order of their names, the unknown last.

    Returns:
        The number of each row's speaker, shape (n,), and the count of speakers.

    Examples:
        >>> codes, count = speaker_codes(["b", "a", None, "b"])
        >>> codes.tolist(), count
        ([1, 0, 2, 1], 3)
    """
    codes, names = pd.factorize(known_speakers(speakers), sort=True)
    return codes.astype(np.intp), len(names)


def rows_of(embeddings: npt.ArrayLike | pd.DataFrame, table: pd.DataFrame) -> FloatArray:
    """An embedding as an array whose rows are those of a table.

    Args:
        embeddings: shape (n, d) or (n,), in the order of the table. A frame must have the table's
            index.
        table: the utterance table, n rows.

    Returns:
        Shape (n, d).

    Raises:
        TableError: if the number of rows or the index differs.
    """
    if isinstance(embeddings, (pd.DataFrame, pd.Series)) and not embeddings.index.equals(
        table.index
    ):
        raise TableError("Expected an embedding with the index of the table, got a different one.")
    values = np.asarray(embeddings, dtype=np.float64)
    if len(values) != len(table):
        raise TableError(
            f"Expected {len(table)} rows as in the table, got an embedding of {len(values)}."
        )
    return values.reshape(len(values), -1) if len(values) else values.reshape(0, 1)


def column_of(table: pd.DataFrame, name: str) -> Array:
    """A column of a table, shape (n,): float64 for numbers, else objects.

    All missing where the table doesn't have it.
    """
    if name in table:
        return _as_column(table[name].to_numpy(dtype=object))
    return np.full(len(table), None, dtype=object)
