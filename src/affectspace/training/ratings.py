"""What people said of each row, as each run hears it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from affectspace.training.recipe import Run

Table = npt.NDArray[np.float32]


class Ratings(NamedTuple):
    """Labels, and how much each counts: a table for all runs, or several.

    Attributes:
        labels: shape `(tables, n, labels)`, NaN where unlabelled.
        weights: of the same shape, at least 0; None where all count the same.
        table_of: shape `(runs,)`, the position of each run's table.
    """

    labels: Table
    weights: Table | None
    table_of: npt.NDArray[np.int64]

    def of(self, run: int, rows: npt.NDArray[np.intp]) -> tuple[Table, Table]:
        """Labels and weights of some rows as a run hears them, `(rows, labels)` each."""
        labels = self.labels[self.table_of[run], rows]
        if self.weights is None:
            return labels, np.ones_like(labels)
        return labels, self.weights[self.table_of[run], rows]


def ratings_of(
    runs: Sequence[Run], labels: Mapping[str, npt.ArrayLike], names: Sequence[str], n: int
) -> Ratings:
    """The ratings of some runs: their own, else those of all.

    Args:
        runs: runs; those that share the objects `labels` and `weights` share a table.
        labels: ratings of all runs by name, each of shape `(n,)`.
        names: the labels that become columns, in this order; a run may lack those that its
            objective doesn't name.
        n: how many rows there are.

    Raises:
        ValueError: if a label is missing, infinite or of another length, or a weight isn't finite
            and at least 0.
    """
    keys = [(id(run.labels), id(run.weights)) for run in runs]
    distinct = list(dict.fromkeys(keys))
    first = [runs[keys.index(key)] for key in distinct]
    _check_there(runs, labels)
    known = [{**labels, **(run.labels or {})} for run in first]
    weighted = any(run.weights is not None for run in runs)
    return Ratings(
        np.stack([_label_table(found, names, n) for found in known]),
        np.stack([_weight_table(run, names, n) for run in first]) if weighted else None,
        np.array([distinct.index(key) for key in keys]),
    )


def _check_there(runs: Sequence[Run], labels: Mapping[str, npt.ArrayLike]) -> None:
    for run in runs:
        known = {*labels, *(run.labels or {})}
        if missing := sorted(set(run.objective.axes) - known):
            raise ValueError(f"the objectives need labels {missing}, but only {sorted(known)} came")


def _label_table(labels: Mapping[str, npt.ArrayLike], names: Sequence[str], n: int) -> Table:
    table = np.full((n, len(names)), np.nan, dtype=np.float32)
    for column, name in enumerate(names):
        if name in labels:
            table[:, column] = values = _column(labels[name], f"label {name!r}", n)
            if np.isinf(values).any():
                raise ValueError(f"label {name!r} has infinite values; NaN is 'unlabelled'")
    return table


def _weight_table(run: Run, names: Sequence[str], n: int) -> Table:
    table = np.ones((n, len(names)), dtype=np.float32)
    if run.weights is None:
        return table
    named = isinstance(run.weights, Mapping)
    found = run.weights if isinstance(run.weights, Mapping) else dict.fromkeys(names, run.weights)
    for column, name in enumerate(names):
        if name in found:
            what = f"the weight of label {name!r}" if named else "the weight"
            table[:, column] = values = _column(found[name], what, n)
            if not (np.isfinite(values) & (values >= 0)).all():
                raise ValueError(f"{what} must be finite and at least 0")
    return table


def _column(values: npt.ArrayLike, what: str, n: int) -> Table:
    column = np.asarray(values, dtype=np.float32)
    if column.shape != (n,):
        raise ValueError(f"{what} has shape {column.shape}, expected ({n},)")
    return column
