"""`FeatureTable`: feature vectors under the utterance index, with their contract."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from affectspace.audio import BAND_LIMITED_BELOW, Status
from affectspace.errors import ContractError, MissingExtraError, TableError
from affectspace.features import registry
from affectspace.features.spec import FeatureSpec
from affectspace.features.work import Result
from affectspace.tables import (
    FILE_HEADERS,
    INDEX,
    read_frame,
    replaced_at_once,
    text_column,
    utterance_index,
    write_csv,
)

_LOG = logging.getLogger(__name__)
_METADATA = b"affectspace"  # the key of the contract in a Parquet file
MEASURES = (
    *("duration", "level", "clipped_share", "voiced_share", "bandwidth", "snr", "truncated"),
)
"""What is measured on each recording, see [`Signal`][affectspace.audio.Signal]."""
QUALITY = ("status", "message", *MEASURES, "band_limited")
"""The columns that extraction adds to those of the utterances."""


@dataclass(frozen=True, eq=False, repr=False)
class FeatureTable:
    """Feature vectors of utterances, and what became of each.

    NumPy and scikit-learn take it for the array of its values.

    Attributes:
        spec: the contract of the features.
        values: float32, a column per feature in the contract's order, under the utterance index
            (`file, start, end`); all NaN where `rows.status` isn't `ok`, and finite where it is.
        rows: under the same index, the utterances' own columns and `status`, `message` (empty where
            all is well), `duration` (s), `level` (dBFS), `clipped_share`, `voiced_share` (0 to 1),
            `bandwidth` (Hz), `snr` (dB; NaN with less than 1 s of sound), `truncated` (s) and
            `band_limited` (whether the bandwidth is below 5 kHz).
    """

    spec: FeatureSpec
    values: pd.DataFrame
    rows: pd.DataFrame

    def __post_init__(self) -> None:
        if tuple(self.values.columns) != self.spec.features:
            raise ContractError(f"the columns of values aren't the features of {self.spec}")
        if not self.values.index.equals(self.rows.index):
            raise TableError("values and rows should have the same index")
        if "status" not in self.rows.columns:
            raise TableError("rows needs a column 'status'")

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"<FeatureTable {self.spec}: {len(self)} rows, {self.ok.sum()} of them ok>"

    @property
    def shape(self) -> tuple[int, int]:
        """Of the values: rows and features; scikit-learn asks for it."""
        return len(self), len(self.spec.features)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return the values, shape (n, features), float32 unless another type is asked for."""
        return np.array(self.values, dtype, copy=copy)

    @property
    def ok(self) -> NDArray[np.bool_]:
        """Which rows have features, shape (n,)."""
        return np.asarray(self.rows["status"] == Status.OK, bool)

    def write(self, path: str | Path) -> None:
        """Write the table as Parquet or CSV, by the suffix; all or nothing.

        Parquet keeps the contract, CSV has no room for it.

        Args:
            path: ends in `.parquet` or `.csv`.

        Raises:
            TableError: when the suffix is another, or a column is called like a feature.
        """
        path = Path(path)
        if path.suffix.lower() not in (".csv", ".parquet"):
            raise TableError(f"{path}: a feature table's name ends in .parquet or .csv")
        if clash := set(self.rows.columns) & {*self.spec.features, *INDEX}:
            raise TableError(f"columns are called like features or the index: {sorted(clash)}")
        frame = pd.concat([self.rows, self.values], axis="columns")
        with replaced_at_once(path) as beside:
            if path.suffix.lower() == ".csv":
                write_csv(frame, beside)
                return
            import pyarrow as pa
            import pyarrow.parquet as pq

            table = pa.Table.from_pandas(frame)
            metadata = {**table.schema.metadata, _METADATA: self.spec.to_json().encode()}
            pq.write_table(table.replace_schema_metadata(metadata), beside)

    @classmethod
    def read(cls, path: str | Path, features: str | None = None) -> FeatureTable:
        """Read a feature table, ours or another's.

        A table without our contract, such as any CSV, is taken for a named set where it has all the
        columns of that set, or for several joined by `+` by the names before a colon in its
        columns; a warning in the log says so. Without a column `file` the column
        `utt_id`, or else the row's number, takes its place, and columns `start` and `end` become
        `source_start` and `source_end`. Rows with a feature that isn't finite get the status
        `not_finite`.

        Args:
            path: a `.parquet` or `.csv` file.
            features: the set's name, as `extract` takes it. Without it, the file's own contract;
                or, where it has none, the only known set whose columns are all there.

        Raises:
            TableError: when the file can't be read.
            ContractError: when it holds another set, or none.
        """
        frame = read_frame(path)
        spec = stored_spec(Path(path))
        if spec is None:
            spec = _assumed_spec(path, frame, features)
        elif features is not None and spec.name not in (features, _canonical(features)):
            raise ContractError(f"{path}: expected features of the set {features!r}, got {spec}")
        if missing := [name for name in spec.features if name not in frame.columns]:
            raise ContractError(
                f"{path}: {len(missing)} features are missing, first {missing[0]!r}"
            )
        index, others = _indexed(frame.drop(columns=list(spec.features)))
        values = frame[list(spec.features)].to_numpy("float32")
        return _checked(spec, values, _with_quality(others), index)


def table_of_results(
    utterances: pd.DataFrame,
    spec: FeatureSpec,
    values: NDArray[np.float32],
    results: Sequence[Result],
) -> FeatureTable:
    """Put what came of each utterance beside it.

    Args:
        utterances: the utterance table, n rows; columns named as in `QUALITY` are replaced.
        spec: the contract.
        values: shape (n, features), NaN where there is no answer.
        results: one per row.
    """
    index = utterances.index
    columns: dict[Any, Any] = {
        name: column.array for name, column in utterances.items() if name not in QUALITY
    }
    columns["status"] = text_column([result.status for result in results]).array
    columns["message"] = text_column([result.message for result in results]).array
    for name in MEASURES:
        columns[name] = np.array([getattr(result, name) for result in results], np.float64)
    band = columns["bandwidth"]
    columns["band_limited"] = pd.arrays.BooleanArray(band < BAND_LIMITED_BELOW, np.isnan(band))
    frame = pd.DataFrame(values, index, list(spec.features), copy=False)
    return FeatureTable(spec, frame, pd.DataFrame(columns, index=index))


def _canonical(features: str) -> str:
    """The name that a set has in its contract; an unknown set's is the one it came with."""
    try:
        return registry.spec(features).name
    except (ContractError, MissingExtraError):
        return features


def stored_spec(path: Path) -> FeatureSpec | None:
    """Return the contract that a Parquet file holds; None where it, or any other file, has none."""
    if path.suffix.lower() != ".parquet":
        return None
    import pyarrow.parquet as pq

    text = (pq.read_schema(path).metadata or {}).get(_METADATA)
    return None if text is None else FeatureSpec.from_json(text)


def sets_among(columns: Iterable[str]) -> list[FeatureSpec]:
    """Return the known sets, and the one of several side by side, whose columns are all there.

    Sets whose extra isn't installed aren't known.
    """
    single, there = registry.names(), {str(column): None for column in columns}
    prefixes = dict.fromkeys(column.partition(":")[0] for column in there if ":" in column)
    parts = [name for name in prefixes if name in single]
    names = (*single, "+".join(parts)) if len(parts) > 1 else single
    specs = (_spec_if_installed(name) for name in names)
    return [spec for spec in specs if spec is not None and there.keys() >= set(spec.features)]


def _spec_if_installed(name: str) -> FeatureSpec | None:
    """The contract of a set; None where the extra that computes it, and knows names, is missing."""
    try:
        return registry.spec(name)
    except MissingExtraError:
        return None


def _assumed_spec(path: str | Path, frame: pd.DataFrame, features: str | None) -> FeatureSpec:
    """Find the set whose columns are all there."""
    specs = sets_among(frame.columns) if features is None else [registry.spec(features)]
    wanted = " or ".join(registry.names()) if features is None else features
    if len(specs) > 1:
        held = " and ".join(spec.name for spec in specs)
        raise ContractError(f"{path} has no feature contract, and the columns of {held}: name one")
    if not specs or not set(frame.columns).issuperset(specs[0].features):
        unknown = [name for name in registry.names() if _spec_if_installed(name) is None]
        more = f" (without its extra, {', '.join(unknown)} can't be told)" if unknown else ""
        raise ContractError(
            f"{path} has no feature contract, and its columns are not those of {wanted}{more}"
        )
    _LOG.warning("%s has no feature contract; by its columns it is taken for %s", path, specs[0])
    return specs[0]


def _indexed(frame: pd.DataFrame) -> tuple[pd.MultiIndex, pd.DataFrame]:
    """Split a plain frame into the utterance index and the rest."""
    if "file" in frame.columns:
        times = (list(frame[name]) if name in frame.columns else None for name in INDEX[1:])
        index = utterance_index([str(file) for file in frame["file"]], *times)
        return index, frame.drop(columns=[name for name in INDEX if name in frame.columns])
    name = next((name for name in FILE_HEADERS if name in frame.columns), None)
    files = range(len(frame)) if name is None else frame[name]
    renamed = frame.rename(columns={"start": "source_start", "end": "source_end"})
    return utterance_index([str(file) for file in files]), renamed


def _with_quality(frame: pd.DataFrame) -> pd.DataFrame:
    """Give a plain frame the columns of `QUALITY`, empty where it has none."""
    rows = frame.copy()
    if "status" not in rows:
        rows["status"] = str(Status.OK)
    messages = rows["message"].astype(object).fillna("") if "message" in rows else ""
    rows["message"] = list(messages) if len(messages) else ""
    for name in MEASURES:
        rows[name] = rows[name].astype("float64") if name in rows else float("nan")
    if "band_limited" in rows:
        words: dict[Any, Any] = {"True": True, "False": False}
        rows["band_limited"] = rows["band_limited"].replace(words).astype("boolean")
    else:
        rows["band_limited"] = pd.array([pd.NA] * len(rows), dtype="boolean")
    return rows[[*(name for name in rows.columns if name not in QUALITY), *QUALITY]]


def _checked(
    spec: FeatureSpec, values: NDArray[np.float32], rows: pd.DataFrame, index: pd.MultiIndex
) -> FeatureTable:
    """Make status and values agree: no feature without `ok`, no `ok` with a NaN."""
    values = values.copy()
    was_ok = np.asarray(rows["status"] == Status.OK, bool)
    bad = ~np.isfinite(values)
    broken = was_ok & bad.any(axis=1)
    if broken.any():
        _LOG.warning("%d of %d rows have features that aren't finite", broken.sum(), len(rows))
        rows.loc[broken, "status"] = str(Status.NOT_FINITE)
        rows.loc[broken, "message"] = [
            f"{count} of {len(spec.features)} features aren't finite"
            for count in bad[broken].sum(axis=1)
        ]
    values[~was_ok | broken] = np.nan
    rows.index = index
    frame = pd.DataFrame(values, index, list(spec.features), copy=False)
    return FeatureTable(spec, frame, rows)
