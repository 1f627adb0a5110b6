"""Ratings per file: reading label files as published, and joining them to utterances."""

from __future__ import annotations

import logging
import math
import os
import unicodedata
from pathlib import Path

import pandas as pd

from affectspace.errors import TableError
from affectspace.tables.frames import FILE_HEADERS, RATINGS, listed, read_frame

logger = logging.getLogger(__name__)

AUDIO_SUFFIXES = (
    *(".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".w64"),
    *(".caf", ".m4a", ".mp4", ".aac", ".wma", ".webm"),
)


def file_stem(file: str | Path) -> str:
    r"""Return a file's name without folders and audio suffix, in Unicode's composed form.

    This is what files and labels are matched on. Only the suffix of an audio format is cut off.

    Examples:
        >>> file_stem("emodb/wav/03a01Fa.flac"), file_stem(r"wav\take.2")
        ('03a01Fa', 'take.2')
    """
    name = unicodedata.normalize("NFC", str(file)).strip().replace("\\", "/").rpartition("/")[2]
    stem, suffix = os.path.splitext(name)  # noqa: PTH122  (a name, not a path)
    return stem if suffix.lower() in AUDIO_SUFFIXES else name


def read_labels(
    path: str | Path, *, scale: tuple[float, float] | None = (1.0, 5.0)
) -> pd.DataFrame:
    """Read ratings per file: the paper's label files as published, or any CSV.

    The file column is `file`, `filename`, `file_name`, `name` or `utt_id` (or `filname`, as CaFE's
    label file has it); the ratings are any of `activation` (or `arousal`), `valence`, `dominance`.
    Blanks around headers, empty columns and other columns are passed over.

    Args:
        path: a CSV or Parquet file, one line per file.
        scale: lowest and highest rating there can be; None takes any.

    Returns:
        The ratings as float64, indexed by [`file_stem`][affectspace.tables.file_stem]. A rating
        that is empty (or nan) is NaN.

    Raises:
        TableError: when a column is missing, a file comes twice, or a rating isn't a number on the
            scale.
    """
    frame = read_frame(path)
    header = next((name for name in FILE_HEADERS if name in frame.columns), None)
    ratings = [name for name in RATINGS if name in frame.columns]
    if header is None or not ratings:
        raise TableError(
            f"{path}: labels need a column 'file' and one or more of {', '.join(RATINGS)}; it has "
            f"{listed(frame.columns)}"
        )
    frame = frame[frame[header].notna()]
    labels = frame[ratings].astype("float64")
    labels.index = pd.Index([file_stem(file) for file in frame[header]], name="stem")
    twice = labels.index[labels.index.duplicated()].unique()
    if len(twice):
        raise TableError(f"{path}: {len(twice)} files have more than one line: {listed(twice)}")
    low, high = scale or (-math.inf, math.inf)
    outside = labels[((labels < low) | (labels > high)).any(axis="columns")]
    if len(outside):
        raise TableError(
            f"{path}: {len(outside)} of {len(labels)} rows are off the scale from {low:g} to "
            f"{high:g}: {listed(outside.index)}. Rescale them, or name their scale"
        )
    return labels


def add_labels(table: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """Put ratings into an utterance table, matched on the file's stem.

    Folders, audio suffix and Unicode form don't matter. How many rows and labels matched is logged;
    it is a warning when there are labels with no row.

    Args:
        table: the utterance table. Segments of one file all get the file's ratings.
        labels: as [`read_labels`][affectspace.tables.read_labels] returns them.

    Returns:
        A copy with the rating columns. Where a label matched, it replaces what the row had.

    Raises:
        TableError: when nothing matched, or two files that share a stem did.
    """
    files = table.index.get_level_values("file")
    stems = pd.Index([file_stem(file) for file in files])
    matched = stems.isin(labels.index)
    used = int(labels.index.isin(stems).sum())
    if not matched.any():
        raise TableError(
            f"none of {len(labels)} labels matches one of {len(table)} rows: the labels are of "
            f"{listed(labels.index)}, the rows of {listed(stems.unique())}"
        )
    pairs = pd.DataFrame({"stem": stems, "file": files})[matched].drop_duplicates()
    ambiguous = pairs["stem"][pairs["stem"].duplicated()].unique()
    if len(ambiguous):
        raise TableError(f"labels of {listed(ambiguous)} fit more than one file of that name")
    level = logging.WARNING if used < len(labels) else logging.INFO
    message = "%d of %d rows have a label; %d of %d labels have a row"
    logger.log(level, message, int(matched.sum()), len(table), used, len(labels))
    labelled = table.copy()
    for column in labels.columns:
        new = pd.Series(labels[column].reindex(stems).to_numpy(), index=table.index)
        old = labelled[column] if column in labelled.columns else float("nan")
        labelled[column] = new.where(matched, old).astype("float64")
    return labelled
