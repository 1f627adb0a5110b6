"""CSV, Parquet and JSON lines as frames of plain columns: whole, or some rows at a time."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, cast

import pandas as pd

from affectspace.audio.sources import open_bytes
from affectspace.errors import TableError
from affectspace.tables.times import MISSING

TABLE_SUFFIXES = (".csv", ".parquet", ".jsonl")
INDEX = ("file", "start", "end")
RATINGS = ("activation", "valence", "dominance")
WORDS = ("status", "message", "caution")
"""Texts of which an empty one says that there is nothing to say."""
TEXT_COLUMNS = ("corpus", "language", "speaker", "gender", "emotion", "intensity", "sentence")
NUMBER_COLUMNS = ("age", *RATINGS)
FILE_HEADERS = ("file", "filename", "file_name", "filname", "name", "utt_id")
NUMBER = re.compile(r"(age|(activation|valence|dominance)(_\w+)?)")
"""Columns that hold numbers and nothing else."""

# "str" from pandas 3 on, "object" before: what a column of Python strings becomes
TEXT_DTYPE = pd.Series(["text"]).dtype

_CSV: Any = {
    "keep_default_na": False,
    "na_values": [""],
    "encoding": "utf-8-sig",
    "dtype": TEXT_DTYPE,
}
_JSON_LINES: Any = {"lines": True, "dtype": False, "convert_dates": False}


def read_frame(path: str | Path) -> pd.DataFrame:
    """Read CSV, Parquet or JSON lines into plain columns, with this module's dtypes and names.

    An index that was stored with a name comes back as columns. The columns of `TEXT_COLUMNS` and
    `rater` stay text (a speaker `01` isn't the number 1); ratings and age become float64, anything
    that isn't a number raises; `arousal` becomes `activation`.

    Args:
        path: a `.csv`, `.parquet` or `.jsonl` file.

    Returns:
        One row per line, with a plain counting index.

    Raises:
        TableError: when the file is missing or unreadable, or a rating isn't a number.
    """
    path = Path(path)
    suffix = table_suffix(path)
    with _reading(path):
        if suffix == ".parquet":
            frame = _index_as_columns(pd.read_parquet(path))
        elif suffix == ".jsonl":
            frame = pd.read_json(path, **_JSON_LINES)
        else:
            with path.open("rb") as file:
                _check_commas(file)
            frame = _text_of_csv(pd.read_csv(path, **_CSV))
            for column in _others(frame):
                with contextlib.suppress(ValueError):
                    frame[column] = _numbers(frame[column])
    return with_known_names(frame, path)


def stream_frames(path: str, rows: int) -> Iterator[pd.DataFrame]:
    """Read a table as [`read_frame`][affectspace.tables.read_frame] does, some rows at a time.

    Whether a column of a CSV is one of numbers is found by reading it twice, so that all frames of
    it agree. JSON lines say of each value what it is, and frames may differ.

    Args:
        path: a path, or an address as fsspec opens it, that ends in one of `TABLE_SUFFIXES`.
        rows: how many at a time.

    Raises:
        TableError: as for `read_frame`.
    """
    suffix = table_suffix(Path(path))
    with _reading(path), open_bytes(path) as file:
        if suffix == ".parquet":
            frames = _parquet_frames(file, rows)
        elif suffix == ".jsonl":
            frames = iter(pd.read_json(file, chunksize=rows, **_JSON_LINES))
        else:
            numbers = _number_columns(path, rows)
            frames = (_typed(frame, numbers) for frame in _csv_frames(file, rows))
        for frame in frames:
            yield with_known_names(frame.reset_index(drop=True), path)


def known_name(name: object) -> str:
    """Return what a column is called once a table is read: activation for arousal.

    Examples:
        >>> known_name("arousal_low"), known_name("energy")
        ('activation_low', 'energy')
    """
    return re.sub(r"^arousal(?=$|_)", "activation", str(name))


def with_known_names(frame: pd.DataFrame, source: str | Path) -> pd.DataFrame:
    """Call arousal activation, and give known columns their dtype.

    Raises:
        TableError: when a column comes twice, or holds something else than it should.
    """
    names = [known_name(name) for name in frame.columns]
    if len(set(names)) < len(names):
        raise TableError(f"{source}: a column comes twice (activation is also called arousal)")
    frame = frame.set_axis(names, axis="columns")
    for column in names:
        if column in (*TEXT_COLUMNS, "file", "rater"):
            frame[column] = text_column(frame[column])
        elif column in WORDS:
            frame[column] = text_column(frame[column].fillna(""))
        elif NUMBER.fullmatch(column):
            try:
                frame[column] = pd.to_numeric(frame[column]).astype("float64")
            except (ValueError, TypeError) as error:
                raise TableError(f"{source}: column {column!r}: {error}") from error
    return frame


def table_suffix(path: Path) -> str:
    """Return the suffix of a table's name, in small letters.

    Raises:
        TableError: when it is none of a table.
    """
    suffix = path.suffix.lower()
    if suffix not in TABLE_SUFFIXES:
        raise TableError(
            f"{path}: a table's name ends in {listed(TABLE_SUFFIXES)}, this one in {suffix!r}"
        )
    return suffix


def text_column(values: pd.Series[Any] | Sequence[Any]) -> pd.Series[Any]:
    """Return values as text, None and NaN as NaN, with the dtype of this module's text columns.

    Examples:
        >>> text_column([7, None, "a"]).tolist()
        ['7', nan, 'a']
    """
    column = pd.Series(values, dtype=object)
    text: pd.Series[Any] = column.map(str, na_action="ignore")
    return text.where(column.notna(), float("nan")).astype(cast("Any", TEXT_DTYPE))


def listed(names: Any, limit: int = 5) -> str:
    """Join some names for a message."""
    texts = [str(name) for name in names]
    more = f" and {len(texts) - limit} more" if len(texts) > limit else ""
    return (", ".join(texts[:limit]) or "nothing") + more


@contextlib.contextmanager
def _reading(path: str | Path) -> Iterator[None]:
    """Say which table it was that can't be read."""
    try:
        yield
    except TableError:
        raise
    except FileNotFoundError:
        raise TableError(f"{path} does not exist") from None
    except (OSError, ValueError) as error:
        raise TableError(f"{path} can't be read as a table: {error}") from error


def _index_as_columns(frame: pd.DataFrame) -> pd.DataFrame:
    named = [name for name in frame.index.names if name is not None]
    return frame.reset_index(drop=not named)


def _parquet_frames(file: IO[bytes], rows: int) -> Iterator[pd.DataFrame]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    parquet = pq.ParquetFile(file)
    for batch in parquet.iter_batches(batch_size=rows):
        yield _index_as_columns(pa.Table.from_batches([batch]).to_pandas())


def _csv_frames(file: IO[bytes], rows: int) -> Iterator[pd.DataFrame]:
    _check_commas(file)
    file.seek(0)
    for frame in pd.read_csv(file, chunksize=rows, **_CSV):
        yield _text_of_csv(frame)


def _check_commas(file: IO[bytes]) -> None:
    header = file.readline().decode("utf-8-sig")
    other = next((mark for mark in ";\t|" if mark in header and "," not in header), None)
    if other is not None:
        raise ValueError(f"its columns are separated by {other!r}, and should be by commas")


def _text_of_csv(frame: pd.DataFrame) -> pd.DataFrame:
    if not isinstance(frame.index, pd.RangeIndex):  # pandas shifts the columns
        raise ValueError("its rows have more columns than the header; is there a decimal comma?")
    frame.columns = pd.Index([str(name).strip() for name in frame.columns])
    return frame[[name for name in frame.columns if not re.fullmatch(r"Unnamed: \d+", name)]]


def _others(frame: pd.DataFrame) -> pd.Index:
    """The columns of a CSV that may be numbers: all but the known texts."""
    return frame.columns.difference([*INDEX, *TEXT_COLUMNS, *WORDS, *FILE_HEADERS, "rater"])


def _numbers(column: pd.Series[Any]) -> pd.Series[Any]:
    """A column of text as numbers.

    Raises:
        ValueError: when they aren't.
    """
    found: pd.Series[Any] = pd.to_numeric(column.replace(dict.fromkeys(MISSING)))
    return found


def _number_columns(path: str, rows: int) -> dict[str, Any]:
    """The dtype of those columns of a CSV that are numbers from the first row to the last."""
    found: dict[str, Any] = {}
    texts: set[str] = set()
    with open_bytes(path) as file:
        for frame in _csv_frames(file, rows):
            for column in _others(frame).difference(list(texts)):
                try:
                    dtype = _numbers(frame[column]).dtype
                except ValueError:
                    texts.add(column)
                    continue
                before = found.setdefault(column, dtype)
                found[column] = dtype if dtype == before else "float64"
    return {column: dtype for column, dtype in found.items() if column not in texts}


def _typed(frame: pd.DataFrame, dtypes: dict[str, Any]) -> pd.DataFrame:
    for column, dtype in dtypes.items():
        frame[column] = _numbers(frame[column]).astype(dtype)
    return frame
