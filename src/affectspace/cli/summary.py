"""What a table of results says on stderr: how many rows have which word, and an example of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def status_lines(rows: pd.DataFrame) -> list[str]:
    """Count the rows that have no answer, by reason, the most frequent first.

    Args:
        rows: with `status` and, where known, `message`, under the utterance index.

    Returns:
        A line per status but `ok`, with what it means and the first file that has it.
    """
    from affectspace.audio import Status

    lines = []
    for status, count in rows["status"].value_counts().drop(Status.OK, errors="ignore").items():
        first = _place(rows.index[rows["status"] == status][0])
        lines.append(f"  {count} {status} ({Status(str(status)).sentence}), first {first}")
    return lines


def caution_lines(table: pd.DataFrame) -> list[str]:
    """Count the rows that carry a caution, the most frequent first.

    Args:
        table: with `caution`, words joined by `;`, under the utterance index.

    Returns:
        A line per caution, with what it means and the first file that has it.
    """
    from affectspace.model import Caution

    words = table["caution"].str.split(";").explode()
    lines = []
    for word, count in words[words != ""].value_counts().items():
        first = _place(words.index[words == word][0])
        lines.append(f"  {count} {word} ({Caution(str(word)).sentence}), first {first}")
    return lines


def _place(row: tuple[str, pd.Timedelta, pd.Timedelta]) -> str:
    """Where a row is: its file and, if it is a part, when it starts."""
    file, start, end = row
    whole = start.value == 0 and end != end  # NaT differs from itself
    return file if whole else f"{file} at {start.total_seconds():.1f} s"
