"""The utterance table: audformat's index `file, start, end`, its files, and label files.

A table is a `pandas.DataFrame` with one row per utterance. Its index levels are `file` (str),
`start` and `end` (`timedelta64[ns]`); `start` 0 and `end` NaT mean the whole file. Columns are
those of `TEXT_COLUMNS` and `NUMBER_COLUMNS` where they are known, and any others. Unknown is NaN.
"""

from affectspace.tables.files import check_writable, filled_at_once, replaced_at_once
from affectspace.tables.frames import (
    FILE_HEADERS,
    INDEX,
    NUMBER_COLUMNS,
    RATINGS,
    TABLE_SUFFIXES,
    TEXT_COLUMNS,
    TEXT_DTYPE,
    read_frame,
    stream_frames,
    text_column,
)
from affectspace.tables.inputs import LIST_SUFFIX, find_utterances, same_file, stream_utterances
from affectspace.tables.labels import AUDIO_SUFFIXES, add_labels, file_stem, read_labels
from affectspace.tables.table import (
    check_table,
    read_audformat,
    read_table,
    resolve_files,
    utterance_index,
    write_table,
)
from affectspace.tables.text import csv_text, write_csv

__all__ = [
    "AUDIO_SUFFIXES",
    "FILE_HEADERS",
    "INDEX",
    "LIST_SUFFIX",
    "NUMBER_COLUMNS",
    "RATINGS",
    "TABLE_SUFFIXES",
    "TEXT_COLUMNS",
    "TEXT_DTYPE",
    "add_labels",
    "check_table",
    "check_writable",
    "csv_text",
    "file_stem",
    "filled_at_once",
    "find_utterances",
    "read_audformat",
    "read_frame",
    "read_labels",
    "read_table",
    "replaced_at_once",
    "resolve_files",
    "same_file",
    "stream_frames",
    "stream_utterances",
    "text_column",
    "utterance_index",
    "write_csv",
    "write_table",
]
