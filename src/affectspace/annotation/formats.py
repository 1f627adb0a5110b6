"""Ratings in, from any table of ratings, and out, as other tools read them.

In: a long table (a row per rating, or per rater and item), a wide one (a column per rater, such as
`activation_anna`, as audformat databases and [`corpora`][affectspace.corpora] have them), the
paper's label files (one rater each), or bare columns of one label. Out: a ratings table, and the
paper's label format. For utterance tables see [`utterances`][affectspace.annotation.utterances].
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from affectspace.annotation.ratings import (
    DURATION,
    ITEM,
    LABEL,
    ORDER,
    RATER,
    REPEAT,
    SCALE,
    SECONDS,
    VALUE,
    as_numbers,
    check_ratings,
    item_codes,
    with_items,
)
from affectspace.errors import TableError
from affectspace.tables import (
    FILE_HEADERS,
    INDEX,
    RATINGS,
    TEXT_COLUMNS,
    file_stem,
    read_frame,
    replaced_at_once,
)
from affectspace.tables.frames import listed

NOT_RATERS = ("sd", "n", "low", "high")
"""Ends of columns that stand beside a label and are no rater's: `activation_sd`, ..."""

KNOWN = (*TEXT_COLUMNS, "age")
"""Columns about an item that go along from ratings to gold standard."""

_ABOUT_RATINGS = (REPEAT, ORDER, SECONDS, DURATION)


class Ratings(NamedTuple):
    """What a table of ratings holds.

    Attributes:
        table: the ratings table, as [`check_ratings`][affectspace.annotation.check_ratings] returns
            it.
        items: what else is known of each item (those of `KNOWN` that are there), a row per item in
            the order in which they come first, rated or not.
    """

    table: pd.DataFrame
    items: pd.DataFrame


def read_ratings(
    paths: str | Path | Sequence[str | Path],
    *,
    label: str | None = None,
    scale: tuple[float, float] | None = SCALE,
) -> Ratings:
    """Read ratings from one or several tables.

    Args:
        paths: CSV, Parquet or JSON lines; see [`ratings_of`][affectspace.annotation.ratings_of]
            for what they may look like. Several are put together: a file per rater, or per session.
        label: what is rated, where the columns don't say so.
        scale: lowest and highest rating there can be; None takes any number.

    Returns:
        The ratings; their files as the tables have them.

    Raises:
        TableError: if a table can't be read or is none of ratings, or a rater rated an item twice
            and nothing says that it was a repeat.
    """
    paths = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    found = []
    for path in paths:
        try:
            frame = read_frame(path)
            found.append(ratings_of(frame, rater=Path(path).stem, label=label, scale=scale))
        except TableError as error:
            text = str(error)
            raise TableError(text if str(path) in text else f"{path}: {text}") from None
    return merged(found)


def ratings_of(
    table: pd.DataFrame,
    *,
    rater: str = "rater",
    label: str | None = None,
    scale: tuple[float, float] | None = SCALE,
) -> Ratings:
    """Find the ratings in a table, of whichever of these forms it is.

    - *long*: columns `rater`, `label`, `value`, and those of a
      [ratings table][affectspace.annotation.ratings]
    - *long, a column per label*: `rater` and `activation`, `valence`, ...
    - *wide*: a column per label and rater, `activation_anna`, ... A column `activation` beside
      them is taken for a gold standard, and passed over, as are those of `NOT_RATERS`
    - *one rater*: `activation`, `valence`, ... alone, as in the paper's label files
    - *bare*: any other column of numbers is a rater, if `label` says what they rated

    Args:
        table: an utterance table, or plain columns with `file` (or `filename`, ...; or `item`).
        rater: the rater's name, where the table has but one.
        label: what is rated, for bare columns.
        scale: lowest and highest rating there can be; None takes any number.

    Raises:
        TableError: if there are no ratings in it, or a rating is a word or off the scale.
    """
    frame = _plain(table)
    if RATER in frame.columns and VALUE in frame.columns:
        long = frame.assign(label=label) if label and LABEL not in frame.columns else frame
    elif RATER in frame.columns:
        labels = [*RATINGS, *([label] if label else [])]
        named: dict[str, tuple[str, str | None]] = {
            name: (name, None) for name in labels if name in frame.columns
        }
        long = _melted(frame, named, (RATER, *_ABOUT_RATINGS))
    else:
        long = _melted(frame, _columns_by(frame, rater, label), (DURATION,))
    return Ratings(check_ratings(long, scale=scale), _about(frame))


def merged(parts: Iterable[Ratings]) -> Ratings:
    """Put ratings from several tables together.

    Raises:
        TableError: if there are none, or a rater rated an item in two of them.
    """
    parts = list(parts)
    if len(parts) == 1:
        return parts[0]
    if not parts:
        raise TableError("there are no tables of ratings")
    table = check_ratings(pd.concat([part.table for part in parts]), scale=None)
    return Ratings(table, _first_known(pd.concat([part.items for part in parts])))


def write_ratings(ratings: pd.DataFrame, path: str | Path) -> None:
    """Write a ratings table, a row per rating, as CSV or Parquet by the suffix; all or nothing.

    Raises:
        TableError: if the suffix is another, or it is no ratings table.
    """
    path = Path(path)
    check_suffix(path, (".csv", ".parquet"))
    frame = check_ratings(ratings, scale=None).reset_index()
    frame = frame.drop(columns=[name for name in _ABOUT_RATINGS[1:] if frame[name].isna().all()])
    with replaced_at_once(path) as beside:
        if path.suffix.lower() == ".parquet":
            frame.to_parquet(beside, index=False)
        else:
            frame.to_csv(beside, index=False, encoding="utf-8")


def write_label_file(table: pd.DataFrame, path: str | Path) -> None:
    """Write ratings as the paper's label files are: file name, activation, valence.

    Args:
        table: an utterance table with `activation`, `valence` or both. Rows without either are left
            out.
        path: the CSV. What is there is replaced, all or nothing.

    Raises:
        TableError: if there is neither, an utterance is a part of a file, or two files share a
            name: the format has no place for either.
    """
    path = Path(path)
    check_suffix(path, (".csv",))
    labels = [name for name in RATINGS[:2] if name in table.columns]
    if not labels:
        raise TableError(f"a label file holds activation and valence; there is {listed(table)}")
    rated = table[table[labels].notna().any(axis="columns")].reset_index()
    parts = rated[(rated["start"] != pd.Timedelta(0)) | rated["end"].notna()]
    if len(parts):
        raise TableError(
            f"{len(parts)} utterances are parts of files, which a label file can't say; write an "
            "utterance table"
        )
    names = [str(file).replace("\\", "/").rpartition("/")[2] for file in rated["file"]]
    stems = pd.Series([file_stem(name) for name in names])
    if twice := sorted(stems[stems.duplicated()].unique()):
        raise TableError(f"two files are called {listed(twice)}; a label file has no folders")
    frame = pd.DataFrame({"filename": names, **{name: rated[name] for name in labels}})
    with replaced_at_once(path) as beside:
        frame.to_csv(beside, index=False, encoding="utf-8")


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """Plain columns, the one that names the recording called `file`."""
    named = any(name is not None for name in table.index.names)
    frame = table.reset_index(drop=not named)
    header = next((name for name in FILE_HEADERS if name in frame.columns), None)
    if header is not None and "file" not in frame.columns:
        frame = frame.rename(columns={header: "file"})
    return frame


def _columns_by(frame: pd.DataFrame, rater: str, label: str | None) -> dict[str, tuple[str, str]]:
    """For each column of ratings of a table without a column `rater`: label and rater."""
    labels = [*RATINGS, *([label] if label else [])]
    pattern = re.compile(rf"({'|'.join(map(re.escape, labels))})_(.+)", re.DOTALL)
    matches = {name: pattern.fullmatch(str(name)) for name in frame.columns}
    wide = {
        name: (match[1], match[2])
        for name, match in matches.items()
        if match is not None and match[2] not in NOT_RATERS
    }
    if wide:
        return wide
    alone = {name: (name, rater) for name in labels if name in frame.columns}
    if alone:
        return alone
    about = {*INDEX, ITEM, *KNOWN, *_ABOUT_RATINGS}
    bare = [str(name) for name in frame.columns if name not in about]
    if label is None or not bare:
        raise TableError(
            "there are no ratings: expected columns rater, label and value, or rater and "
            f"activation, or a column per rater such as activation_anna; there is "
            f"{listed(frame.columns)}. Where each column is a rater, name the one label that "
            "they rated"
        )
    return {name: (label, name) for name in bare}


def _melted(
    frame: pd.DataFrame, columns: Mapping[str, tuple[str, str | None]], keep: Sequence[str]
) -> pd.DataFrame:
    """One row per rating: for each column of ratings, its label and rater (None: a column's)."""
    if not columns:
        raise TableError(
            f"beside the column rater there should be label and value, or one or more of "
            f"{', '.join(RATINGS)}; there is {listed(frame.columns)}"
        )
    kept = frame[[name for name in (*INDEX, ITEM, *keep) if name in frame.columns]]
    parts = []
    for name, (label, rater) in columns.items():
        part = kept.assign(label=label, value=as_numbers(frame[name], name))
        parts.append(part if rater is None else part.assign(rater=rater))
    return pd.concat(parts, ignore_index=True)


def _about(frame: pd.DataFrame) -> pd.DataFrame:
    """What is known of each item, one row per item."""
    known = [name for name in KNOWN if name in frame.columns]
    return _first_known(with_items(frame)[known])


def _first_known(about: pd.DataFrame) -> pd.DataFrame:
    codes, items = item_codes(about.index)
    if not about.shape[1]:
        return pd.DataFrame(index=items)
    return about.groupby(codes).first().set_axis(items)


def check_suffix(path: str | Path, suffixes: tuple[str, ...]) -> None:
    """Check that a file's name says a format that it can have.

    Raises:
        TableError: if it ends otherwise.
    """
    if Path(path).suffix.lower() not in suffixes:
        raise TableError(f"{path}: expected a name that ends in {listed(suffixes)}")
