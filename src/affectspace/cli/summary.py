"""What a table of results says on stderr: how many rows have which word, and an example of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from affectspace.audio import Status
    from affectspace.model import Caution

Row = tuple[Any, ...]
"""A row of the utterance index: file, start and end."""


def status_lines(rows: pd.DataFrame) -> list[str]:
    """Count the rows that have no answer, by reason, the most frequent first.

    Args:
        rows: with `status` and, where known, `message`, under the utterance index.

    Returns:
        A line per status but `ok`, with what it means and the first file that has it.
    """
    from affectspace.audio import Status

    return word_lines(Status, *_counted(rows["status"]))


def caution_lines(table: pd.DataFrame) -> list[str]:
    """Count the rows that carry a caution, the most frequent first.

    Args:
        table: with `caution`, words joined by `;`, under the utterance index.

    Returns:
        A line per caution, with what it means and the first file that has it.
    """
    from affectspace.model import Caution

    return word_lines(Caution, *_counted(table["caution"].str.split(";").explode()))


def word_lines(
    kind: type[Status] | type[Caution], counts: Mapping[str, int], first: Mapping[str, Row]
) -> list[str]:
    """A line for each status but `ok`, or for each caution, the most frequent first.

    Args:
        kind: of the words.
        counts: how many rows have each.
        first: the first row that has it: file, start and end.
    """
    return [
        f"  {count:,} {word} ({kind(word).sentence}), first {_place(first[word])}"
        for word, count in sorted(counts.items(), key=lambda each: -each[1])
        if word != "ok"
    ]


def _counted(words: pd.Series[str]) -> tuple[dict[str, int], dict[str, Row]]:
    """Count words, and find the first row that has each."""
    said = words[words != ""]
    first = {str(word): said.index[(said == word).to_numpy()][0] for word in said.unique()}
    return {str(word): int(count) for word, count in said.value_counts().items()}, first


def _place(row: Row) -> str:
    """Where a row is: its file and, if it is a part, when it starts."""
    file, start, end = row
    whole = start.value == 0 and end != end  # NaT differs from itself
    return file if whole else f"{file} at {start.total_seconds():.1f} s"
