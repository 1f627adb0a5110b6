"""The corpora: what they are, how to get them, and reading them into utterance tables.

One small module per corpus holds its facts and its reader; this registry finds them by name.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pandas as pd

from affectspace import tables
from affectspace.corpora import (
    aesdd,
    cafe,
    crema_d,
    emodb,
    emotale,
    emovo,
    iemocap,
    msp_improv,
    ravdess,
    urdu,
)
from affectspace.corpora.base import COLUMNS, EMOTIONS, Corpus, Download
from affectspace.errors import CorpusError, TableError

__all__ = [
    "COLUMNS",
    "EMOTIONS",
    "Corpus",
    "Download",
    "add_ratings",
    "get",
    "names",
    "read",
    "standardise",
]

logger = logging.getLogger(__name__)

_MODULES = (*(iemocap, msp_improv, emodb, cafe, urdu, aesdd, emotale, ravdess, emovo, crema_d),)
_CORPORA: dict[str, Corpus] = {module.CORPUS.name: module.CORPUS for module in _MODULES}
_ALIASES = {"aesd": "aesdd"}


def names() -> list[str]:
    """Return the names of all corpora, licensed ones first.

    Examples:
        >>> names()[:3]
        ['iemocap', 'msp_improv', 'emodb']
    """
    return list(_CORPORA)


def get(name: str) -> Corpus:
    """Return a corpus by its name; case, `-`, `_` and blanks don't matter, `aesd` is AESDD.

    Raises:
        CorpusError: when there is no such corpus; the message lists those there are.

    Examples:
        >>> get("EMO-DB").title, get("aesd").name
        ('EMO-DB', 'aesdd')
    """
    wanted = _plain(name)
    for key in _CORPORA:
        if _plain(key) == _ALIASES.get(wanted, wanted):
            return _CORPORA[key]
    raise CorpusError(f"there is no corpus {name!r}; there are {', '.join(_CORPORA)}")


def read(name: str, root: str | Path, labels: str | Path | None = None) -> pd.DataFrame:
    """Read a corpus's folder into an utterance table.

    Args:
        name: the corpus's name, as [`get`][affectspace.corpora.get] takes it.
        root: its folder, or a folder around it.
        labels: ratings to add: a CSV, or the folder of the paper's label files, from which the
            corpus's own is taken; a corpus that has none there keeps the ratings it brings.

    Returns:
        The utterance table, ordered by path, its files as `root` joined with the path below it.
        The columns are `COLUMNS`, NaN where unknown, and a corpus's own after them. Emotions are
        words of `EMOTIONS`.

    Raises:
        CorpusError: when the corpus is unknown, or the folder is missing or another's.
        TableError: when the labels can't be read or none of them fits.
    """
    corpus = get(name)
    table = tables.check_table(corpus.read(root))
    return table if labels is None else add_ratings(table, name, labels)


def add_ratings(table: pd.DataFrame, name: str, labels: str | Path) -> pd.DataFrame:
    """Add ratings that came apart from a corpus.

    Args:
        table: the corpus's utterance table.
        name: the corpus's name.
        labels: a CSV, or the folder of the paper's label files, from which the corpus's own is
            taken; a corpus that has none there keeps the ratings it brings.

    Returns:
        A new table.

    Raises:
        TableError: when the labels can't be read or none of them fits.
    """
    path = _label_file(get(name), Path(labels))
    return table if path is None else tables.add_labels(table, tables.read_labels(path))


def standardise(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Give a ready feature table of a corpus the index, words and columns of `read`.

    Args:
        table: one row per utterance: an utterance table, or a frame with a column `file`, or with
            one that names the utterance (`utt_id`, `filename`, ...). Emotions may be the corpus's
            codes.
        name: the corpus's name.

    Returns:
        A new utterance table in the same order: all of `COLUMNS`, then all other columns as they
        came. What `table` lacks is taken from the utterance's name where that tells it. Where the
        rows are named by an utterance id, columns `start` and `end` speak of another file, so they
        are kept as `source_start` and `source_end`, and the index says the whole file.

    Raises:
        TableError: when nothing names the utterances, or a row comes twice.
        CorpusError: when an emotion is neither a code of the corpus nor a word of `EMOTIONS`.
    """
    corpus = get(name)
    frame, index = _split_index(table)
    parsed = [corpus.parse(tables.file_stem(file)) for file in index.get_level_values("file")]
    if not any(parsed):
        logger.warning("no row is named as %s names its files", corpus.title)
    told = pd.DataFrame([row or {} for row in parsed], index=frame.index)
    known = {}
    for column in COLUMNS:
        given = next((part[column] for part in (frame, told) if column in part), None)
        values = pd.Series(float("nan") if given is None else given, index=frame.index)
        known[column] = values.astype(object)
    known["corpus"] = pd.Series(corpus.name, index=frame.index)
    if known["language"].isna().all():
        known["language"] = pd.Series(corpus.languages[0], index=frame.index)
    rest = frame.drop(columns=[column for column in COLUMNS if column in frame])
    for column in [c for c in rest.columns if str(c).endswith("_emotion")]:
        rest[column] = rest[column].map(corpus.emotion, na_action="ignore")
    known["emotion"] = known["emotion"].map(corpus.emotion, na_action="ignore")
    for column, values in known.items():
        known[column] = _typed(column, values)
    result = pd.concat([pd.DataFrame(known), rest], axis="columns")
    result.index = index
    return tables.check_table(result)


def _split_index(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.MultiIndex]:
    """Part a frame into columns with a counting index, and its utterance index."""
    if tuple(table.index.names) == tables.INDEX:
        tables.check_table(table)
        index = table.index
        assert isinstance(index, pd.MultiIndex)  # noqa: S101  (check_table made sure)
        return table.reset_index(drop=True), index
    frame = table.reset_index(drop=True).rename(columns={"arousal": "activation"})
    header = next((name for name in tables.FILE_HEADERS if name in frame), None)
    if header is None:
        raise TableError(
            f"nothing names the utterances; give one of the columns {tables.FILE_HEADERS}"
        )
    files = frame.pop(header).astype(str).tolist()
    if header != "file":
        frame = frame.rename(columns={"start": "source_start", "end": "source_end"})
        return frame, tables.utterance_index(files)
    times = [frame.pop(name).tolist() if name in frame else None for name in tables.INDEX[1:]]
    return frame, tables.utterance_index(files, *times)


def _typed(column: str, values: pd.Series[Any]) -> pd.Series[Any]:
    if column in tables.NUMBER_COLUMNS:
        try:
            return values.astype("float64")
        except (ValueError, TypeError) as error:
            raise TableError(f"column {column!r} should hold numbers: {error}") from error
    return tables.text_column(values)


def _label_file(corpus: Corpus, labels: Path) -> Path | None:
    if not labels.is_dir():
        return labels
    if corpus.label_file is None:
        return None
    for path in sorted(labels.rglob("*.csv")):
        if path.name.lower() == corpus.label_file.lower():
            return path
    raise TableError(
        f"{labels} has no {corpus.label_file}, the label file of {corpus.title}; get it with "
        "affectspace corpora fetch labels"
    )


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
