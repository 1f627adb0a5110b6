"""Ratings as an utterance table with a gold standard, ready for `adapt` and for audformat."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from affectspace.annotation.formats import KNOWN, NOT_RATERS, Ratings
from affectspace.annotation.gold import Estimator, gold_standard
from affectspace.annotation.ratings import (
    RATER,
    SCALE,
    check_ratings,
    item_codes,
    labels_of,
    rating_matrix,
)
from affectspace.errors import TableError
from affectspace.tables import INDEX, check_table, file_stem, utterance_index
from affectspace.tables.frames import listed

_LOG = logging.getLogger(__name__)


def gold_table(
    ratings: Ratings | pd.DataFrame,
    *,
    labels: Sequence[str] | None = None,
    estimator: Estimator = "mean",
    scale: tuple[float, float] | None = SCALE,
) -> pd.DataFrame:
    """Lay ratings out as an utterance table with a gold standard, for `adapt` and for audformat.

    Args:
        ratings: ratings of utterances.
        labels: which; None is all there are.
        estimator: see [`gold_standard`][affectspace.annotation.gold_standard].
        scale: of the ratings.

    Returns:
        An utterance table: what is known of the items, then for each label `activation` (gold
        standard), `activation_sd` (of the ratings), `activation_n` (how many), and the raters' own,
        `activation_anna`, ... float64, NaN where unrated, `activation_n` int64.

    Raises:
        TableError: if an item is no utterance, or a rater's name can't be in a column's.
    """
    table, items = ratings if isinstance(ratings, Ratings) else (ratings, None)
    table = check_ratings(table, scale=scale)
    names = list(table[RATER].unique())
    if taken := sorted(set(names) & set(NOT_RATERS)):
        raise TableError(f"a rater can't be called {listed(taken)}: LABEL_{taken[0]} is another "
                         "column; rename the rater")  # fmt: skip
    whole = table.index if items is None else items.index.append(table.index)
    _, index = item_codes(whole)
    parts = [] if items is None else [items]
    for label in labels_of(table) if labels is None else labels:
        matrix = rating_matrix(table, label)
        gold = gold_standard(matrix, estimator=estimator, scale=scale).values
        gold.columns = pd.Index([label, f"{label}_sd", f"{label}_n"])
        parts.append(pd.concat([gold, matrix.add_prefix(f"{label}_")], axis="columns"))
    filled = pd.concat([_aligned(part, index) for part in parts], axis="columns")
    counts = [name for name in filled.columns if name.endswith("_n") and name not in names]
    filled[counts] = filled[counts].fillna(0).astype("int64")
    return check_table(_utterances(filled))


def on_recordings(table: pd.DataFrame, recordings: pd.DataFrame) -> pd.DataFrame:
    """Give rated utterances the paths of their recordings, and add the recordings not rated.

    Args:
        table: an utterance table with ratings, whose files may lack folder and suffix.
        recordings: the recordings, such as
            [`find_utterances`][affectspace.tables.find_utterances] makes of a folder.

    Returns:
        The rated utterances that have a recording, then the recordings, or spans of them, that
        nobody rated, NaN in all columns but those of `KNOWN`. Those are taken from either table.

    Raises:
        TableError: if no rated file has a recording, or more than one by that name.
    """
    files = pd.unique(recordings.index.get_level_values("file"))
    by_stem: dict[str, list[str]] = {}
    for file in files:
        by_stem.setdefault(file_stem(file), []).append(file)
    places = {file: [file] for file in files}
    named = table.index.get_level_values("file")
    found = [places.get(file) or by_stem.get(file_stem(file), []) for file in named]
    if many := sorted({file for file, paths in zip(named, found, strict=True) if len(paths) > 1}):
        raise TableError(f"more than one recording is called {listed(many)}; give their paths")
    has = np.array([bool(paths) for paths in found], dtype=bool)
    if not has.any():
        raise TableError(
            f"none of the {len(table)} rated utterances has a recording: they are of "
            f"{listed(named)}, the recordings are {listed(files)}"
        )
    if not has.all():
        _LOG.warning("%d rated utterances have no recording and are left out", (~has).sum())
    rated = table[has].reset_index()
    rated["file"] = [paths[0] for paths in found if paths]
    rows = recordings.reset_index()
    whole = (rows["start"] == pd.Timedelta(0)) & rows["end"].isna()
    known = [name for name in KNOWN if name in rows.columns]
    same = rows[[*INDEX]].merge(rated[[*INDEX]], how="left", indicator=True)["_merge"] == "both"
    unrated = rows[~same.to_numpy() & ~(whole & rows["file"].isin(rated["file"])).to_numpy()]
    joined = pd.concat([rated, unrated[[*INDEX, *known]]], ignore_index=True)
    for name in known:  # what the ratings don't say, the recordings may
        told = rows.dropna(subset=[name]).drop_duplicates("file").set_index("file")[name]
        joined[name] = joined[name].where(joined[name].notna(), joined["file"].map(told))
    counts = [name for name in table.columns if pd.api.types.is_integer_dtype(table[name].dtype)]
    joined[counts] = joined[counts].fillna(0).astype("int64")
    about = [name for name in KNOWN if name in joined.columns]
    joined = joined[[*about, *(name for name in joined.columns if name not in about)]]
    return check_table(joined.set_index(list(INDEX)))


def in_language(table: pd.DataFrame, language: str) -> pd.DataFrame:
    """Say the language of utterances where the table doesn't; `evaluate` needs to know it.

    Args:
        table: an utterance table.
        language: its code, ISO 639-1.

    Returns:
        A copy with the column `language`.
    """
    if "language" in table.columns:
        return table.assign(language=table["language"].where(table["language"].notna(), language))
    told = table.copy()
    told.insert(0, "language", language)
    return told


def relocated(table: pd.DataFrame, *, old: str | Path, new: str | Path) -> pd.DataFrame:
    """Rewrite relative file names for another folder, since a table's are relative to itself.

    Args:
        table: an utterance table.
        old: the folder that its files are relative to.
        new: the folder that they are to be relative to.

    Returns:
        A copy; absolute paths stay.
    """
    files = list(table.index.get_level_values("file"))
    if Path(old).resolve() != Path(new).resolve():
        files = [
            file if os.path.isabs(file) else os.path.relpath(os.path.join(old, file), new)  # noqa: PTH117, PTH118
            for file in files
        ]
    levels = table.index.to_frame(index=False).assign(file=files)
    return table.set_axis(pd.MultiIndex.from_frame(levels))


def _aligned(part: pd.DataFrame, index: pd.Index[Any]) -> pd.DataFrame:
    """A table's rows in the order of an index, NaN where it has none."""
    codes, _ = item_codes(index.append(part.index))
    place = np.full(len(index), -1)
    place[codes[len(index) :]] = np.arange(len(part))
    return part.reset_index(drop=True).reindex(place).set_axis(index)


def _utterances(table: pd.DataFrame) -> pd.DataFrame:
    """Files for items, where these have one name only."""
    if tuple(table.index.names) == INDEX:
        return table
    if table.index.nlevels > 1:
        raise TableError(
            f"a gold standard of utterances needs file, start and end; the items are told by "
            f"{listed(table.index.names)}"
        )
    return table.set_axis(utterance_index([str(item) for item in table.index]))
