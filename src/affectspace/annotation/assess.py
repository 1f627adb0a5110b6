"""From tables of ratings on disk to agreement, with statistics and a gold standard written."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from affectspace import corpora
from affectspace.annotation.agreement import RESAMPLES, Agreement, agree
from affectspace.annotation.formats import (
    Ratings,
    check_suffix,
    merged,
    ratings_of,
    read_ratings,
    write_label_file,
)
from affectspace.annotation.gold import Estimator
from affectspace.annotation.ratings import LABEL, RATER, labels_of
from affectspace.annotation.tidy import tidy
from affectspace.annotation.utterances import (
    gold_table,
    in_language,
    on_recordings,
    relocated,
)
from affectspace.errors import TableError
from affectspace.tables import (
    TABLE_SUFFIXES,
    check_writable,
    find_utterances,
    replaced_at_once,
    write_table,
)
from affectspace.tables.frames import listed

_LOG = logging.getLogger(__name__)

STATISTICS = (".csv", ".json", ".parquet")
"""What statistics are written as."""


def assess(
    inputs: Sequence[str | Path],
    *,
    labels: Sequence[str] | None = None,
    statistics: str | Path | None = None,
    gold: str | Path | None = None,
    label_file: str | Path | None = None,
    recordings: str | Path | None = None,
    language: str | None = None,
    estimator: Estimator = "mean",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Agreement]:
    """Read ratings, say how far their raters agree, and write what is asked for.

    Args:
        inputs: tables as [`read_ratings`][affectspace.annotation.read_ratings] takes them, or
            corpora as NAME=FOLDER. Several are put together.
        labels: which to tell about; None is all that two or more raters rated. A single one also
            says what bare columns hold.
        statistics: a `.csv`, `.json` or `.parquet` for all statistics, see
            [`tidy`][affectspace.annotation.tidy.tidy].
        gold: an utterance table with the gold standard, see
            [`gold_table`][affectspace.annotation.gold_table]. Its files are relative to it, as
            those of the first input are to that.
        label_file: a CSV in the paper's label format.
        recordings: folder or table of the recordings, for `gold`: see
            [`on_recordings`][affectspace.annotation.on_recordings].
        language: of the recordings (ISO 639-1), for `gold`, where the tables don't say it.
        estimator: `mean` or `ewe`.
        resamples: how often the items are drawn for intervals.
        seed: of the draws.

    Returns:
        The agreement about each label.

    Raises:
        TableError: if an input holds no ratings, ratings are words or not from 1 to 5, no label has
            two raters, or an output can't be written.
        MissingExtraError: without the extra `annotate`.
    """
    outputs = ((statistics, STATISTICS), (gold, TABLE_SUFFIXES), (label_file, (".csv",)))
    for path, suffixes in outputs:
        if path is not None:  # before the work, not after it
            check_suffix(path, suffixes)
            check_writable(path)
    ratings = _read(inputs, labels[0] if labels and len(labels) == 1 else None)
    chosen = list(labels) if labels else _shared(ratings.table)
    found = [agree(ratings.table, label, resamples=resamples, seed=seed) for label in chosen]
    for one in found:
        if not one.shared:
            _LOG.warning("no item has two ratings of %s; are its names written alike?", one.label)
    if statistics is not None:
        write_statistics(tidy(found), statistics)
    if gold is None and label_file is None:
        return found
    values = gold_table(ratings, labels=labels, estimator=estimator)
    if label_file is not None:
        write_label_file(values, label_file)
    if gold is not None:
        folder = Path(inputs[0]).parent if _corpus(inputs[0]) is None else Path()
        if recordings is not None:
            values, folder = on_recordings(values, find_utterances([recordings])), Path()
        if language is not None:
            values = in_language(values, language)
        write_table(relocated(values, old=folder, new=Path(gold).parent), gold)
    return found


def write_statistics(table: pd.DataFrame, path: str | Path) -> None:
    """Write a table of statistics as CSV, JSON or Parquet, by the suffix; all or nothing.

    JSON is a list with an object per statistic, null for what is unknown.

    Raises:
        TableError: if the suffix is another.
    """
    check_suffix(path, STATISTICS)
    suffix = Path(path).suffix.lower()
    with replaced_at_once(path) as beside:
        if suffix == ".csv":
            table.to_csv(beside, index=False, encoding="utf-8")
        elif suffix == ".parquet":
            table.to_parquet(beside, index=False)
        else:
            table.to_json(
                beside, orient="records", indent=1, force_ascii=False, double_precision=15
            )


def _read(inputs: Sequence[str | Path], label: str | None) -> Ratings:
    parts = []
    for given in inputs:
        corpus = _corpus(given)
        if corpus is None:
            parts.append(read_ratings(given, label=label))
        else:
            name, folder = corpus
            parts.append(ratings_of(corpora.read(name, folder), rater=corpora.get(name).name))
    return merged(parts)


def _corpus(given: str | Path) -> tuple[str, str] | None:
    """Name and folder of a corpus, where the input is one; a file may have = in its name."""
    name, separator, folder = str(given).partition("=")
    return (name, folder) if separator and not Path(given).exists() else None


def _shared(ratings: pd.DataFrame) -> list[str]:
    """The labels that two or more raters rated."""
    if ratings.empty:
        raise TableError("there are no ratings: all values are empty")
    counts = {name: ratings[ratings[LABEL] == name][RATER].nunique() for name in labels_of(ratings)}
    alone = [name for name, count in counts.items() if count < 2]
    if len(alone) == len(counts):
        raise TableError(
            f"only {listed(ratings[RATER].unique())} rated; agreement needs two raters or more of "
            "the same label: name the tables of all raters"
        )
    if alone:
        _LOG.warning("only one rater rated %s; nothing is said about it", listed(alone))
    return [name for name in counts if name not in alone]
