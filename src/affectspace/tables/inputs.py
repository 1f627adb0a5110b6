"""What somebody points at (files, folders, tables) as one utterance table."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from affectspace.errors import TableError
from affectspace.tables.labels import AUDIO_SUFFIXES
from affectspace.tables.table import read_table, utterance_index

TABLE_SUFFIXES = (".csv", ".parquet")


def find_utterances(inputs: Iterable[str | Path]) -> pd.DataFrame:
    """Return the utterances that the inputs stand for, in their order; a folder's by path.

    Args:
        inputs: audio files; folders, searched to the bottom; utterance tables (CSV or Parquet),
            whose files are relative to the table. What doesn't exist counts as a file.

    Returns:
        The utterance table.

    Raises:
        TableError: when a folder holds no audio, or a table can't be read.
    """
    return pd.concat([_utterances(Path(path)) for path in inputs])


def _utterances(path: Path) -> pd.DataFrame:
    if path.is_dir():
        files = sorted(
            str(file)
            for file in path.rglob("*")
            if file.suffix.lower() in AUDIO_SUFFIXES and file.is_file()
        )
        if not files:
            raise TableError(f"{path} holds no audio: nothing ends in {', '.join(AUDIO_SUFFIXES)}")
        return pd.DataFrame(index=utterance_index(files))
    if path.suffix.lower() in TABLE_SUFFIXES:
        return read_table(path, resolve=True)
    return pd.DataFrame(index=utterance_index([str(path)]))
