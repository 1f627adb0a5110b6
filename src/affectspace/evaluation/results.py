"""The results table: every figure of every protocol, one per row.

Columns, in this order: `protocol`, `source`, `target`, `group`, `model`, `seed`, `fold`, `label`,
`metric`, `value`, `low`, `high`, `n`, `speakers`, `transductive`. `source` and `target` are
corpora, several of them joined by `+`, `all` for a figure over all targets. `group` is the part of
the target that the figure is about, such as `gender: female`; empty for all of it. `seed` and
`fold` are missing where there is none. `low` and `high` are the ends of the interval over speakers.
`n` is the number of rows, and `speakers` of speakers, that the value rests on. `transductive` says
whether target features were used.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy.typing as npt
import pandas as pd

from affectspace.errors import TableError
from affectspace.evaluation.intervals import DEFAULT, NO_INTERVAL, Resampling, bootstrap_interval
from affectspace.evaluation.rows import complete_rows, known_speakers, speaker_codes
from affectspace.evaluation.sums import Metric
from affectspace.tables import replaced_at_once

DTYPES = {
    "protocol": "string",
    "source": "string",
    "target": "string",
    "group": "string",
    "model": "string",
    "seed": "Int64",
    "fold": "Int64",
    "label": "string",
    "metric": "string",
    "value": "float64",
    "low": "float64",
    "high": "float64",
    "n": "Int64",
    "speakers": "Int64",
    "transductive": "bool",
}
"""The columns in order, with their types."""

_SUMMARISED = ["protocol", "source", "target", "group", "model", "label", "metric", "transductive"]
_KEY = [*_SUMMARISED, "seed", "fold"]
_NAN = float("nan")


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What was trained on what and scored on what: the columns that results of one model share.

    Attributes:
        protocol: `reproduction`, `classification`, `consistency`, ...
        source: the corpus that the model was trained on, several joined by `+`.
        target: the corpus that it is scored on.
        group: the part of the target that it is about; empty for all of it.
        model: `unsupervised`, `metric-act`, `metric-val`, `joint`, ...
        seed: of the training, or None.
        fold: of the source corpus, from 0, or None.
        transductive: whether features of the target were used, for instance to standardise it.
    """

    protocol: str
    source: str
    target: str
    group: str = ""
    model: str
    seed: int | None = None
    fold: int | None = None
    transductive: bool = False


@dataclass(frozen=True, kw_only=True)
class Result:
    """One figure: a row of the results table.

    Attributes:
        setting: where it comes from.
        label: the label that it's about: `activation`, `valence`, `emotion`, ...
        metric: its name, such as `adjusted_r2`.
        value: the figure; NaN where it's undefined.
        low: lower end of its interval; NaN without one.
        high: upper end of its interval; NaN without one.
        n: the rows that it rests on.
        speakers: the speakers that it rests on.

    Examples:
        >>> setting = Setting(protocol="reproduction", source="a", target="b", model="joint")
        >>> row = Result(setting=setting, label="valence", metric="ccc", value=0.5, n=9, speakers=2)
        >>> results_table([row])[["target", "metric", "value"]].to_dict("records")
        [{'target': 'b', 'metric': 'ccc', 'value': 0.5}]
    """

    setting: Setting
    label: str
    metric: str
    value: float
    low: float = _NAN
    high: float = _NAN
    n: int
    speakers: int


def measure(
    metric: Metric,
    *arrays: npt.ArrayLike,
    speakers: npt.ArrayLike,
    setting: Setting,
    label: str,
    name: str | None = None,
    resampling: Resampling | None = DEFAULT,
) -> Result:
    """A metric's value with its interval over speakers, as a result.

    Args:
        metric: a function of the arrays.
        *arrays: shape (n,) or (n, d) each; rows missing in any of them are left out.
        speakers: shape (n,); the unknown ones count as one more speaker.
        setting: where the arrays come from.
        label: the label that it's about.
        name: the result's metric; None for the function's name.
        resampling: how the interval is made; None for no interval.

    Raises:
        TableError: if the arrays differ in length.
    """
    *known, who = complete_rows(*arrays, known_speakers(speakers))
    low, high = NO_INTERVAL
    if resampling is not None:
        low, high = bootstrap_interval(metric, *known, clusters=who, **asdict(resampling))
    return Result(
        setting=setting,
        label=label,
        metric=name or metric.__name__,
        value=metric(*known),
        low=low,
        high=high,
        n=len(who),
        speakers=speaker_codes(who)[1],
    )


def results_table(results: Iterable[Result]) -> pd.DataFrame:
    """Put results into a table.

    Returns:
        The results table, in the order given; empty, with all columns, if there are none.

    Raises:
        TableError: if the same figure comes twice.
    """
    rows = [
        asdict(result.setting) | {k: v for k, v in vars(result).items() if k != "setting"}
        for result in results
    ]
    return check_results(pd.DataFrame(rows, columns=list(DTYPES)))


def concat_results(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Join results tables below each other.

    Raises:
        TableError: if one of them is no results table, or the same figure comes twice.
    """
    checked = [check_results(table) for table in tables]
    if not checked:
        return results_table([])
    return check_results(pd.concat(checked, ignore_index=True))


def check_results(table: pd.DataFrame) -> pd.DataFrame:
    """Make sure that a table is a results table.

    Returns:
        A copy with exactly the columns and types of
        [`DTYPES`][affectspace.evaluation.results.DTYPES], and rows numbered from 0. A table without
        `group`, as earlier versions wrote it, is about whole targets.

    Raises:
        TableError: if columns are missing or foreign, values don't fit their type, words are
            missing, or two rows give the same figure.
    """
    table = table if "group" in table else table.assign(group="")
    missing, foreign = set(DTYPES) - set(table.columns), set(table.columns) - set(DTYPES)
    if missing or foreign:
        raise TableError(
            f"Expected a results table with the columns {', '.join(DTYPES)}; "
            f"missing: {sorted(missing)}, unknown: {sorted(foreign)}."
        )
    try:
        out = table[list(DTYPES)].astype(DTYPES).reset_index(drop=True)
    except (TypeError, ValueError) as error:
        raise TableError(f"A column of the results table has the wrong type: {error}") from error
    words = [name for name, dtype in DTYPES.items() if dtype == "string"]
    if out[words].isna().any(axis=None):
        raise TableError(f"A results table needs a value in each of {', '.join(words)}.")
    twice = out.duplicated(_KEY)
    if twice.any():
        raise TableError(f"The same result comes twice: {out.loc[twice, _KEY].iloc[0].to_dict()}.")
    return out


def summarise_results(table: pd.DataFrame) -> pd.DataFrame:
    """Mean and deviation over folds and seeds.

    Returns:
        A row per protocol, source, target, group, model, label, metric and transductive, in order
        of first appearance, with `mean`, `deviation` (of a sample, divided by count - 1; NaN for
        one value) and `count`. Undefined values are left out of all three.

    Raises:
        TableError: if it is no results table.

    Examples:
        >>> one = Setting(protocol="reproduction", source="a", target="b", model="joint", fold=0)
        >>> two = Setting(protocol="reproduction", source="a", target="b", model="joint", fold=1)
        >>> values = {one: 0.25, two: 0.75}
        >>> table = results_table(
        ...     Result(setting=s, label="valence", metric="ccc", value=v, n=9, speakers=2)
        ...     for s, v in values.items()
        ... )
        >>> summarise_results(table)[["mean", "count"]].to_dict("records")
        [{'mean': 0.5, 'count': 2}]
    """
    groups = check_results(table).groupby(_SUMMARISED, sort=False)["value"]
    return groups.agg(mean="mean", deviation="std", count="count").reset_index()


def write_results(table: pd.DataFrame, path: str | Path) -> None:
    """Write a results table as Parquet; whoever reads the path sees the old file or the new one.

    Raises:
        TableError: if it is no results table.
    """
    checked = check_results(table)
    with replaced_at_once(path) as beside:
        checked.to_parquet(beside)


def read_results(path: str | Path) -> pd.DataFrame:
    """Read a results table.

    Raises:
        TableError: if the file is missing, damaged, or no results table.
    """
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise TableError(f"Can't read {path} as a results table: {error}") from error
    return check_results(table)
