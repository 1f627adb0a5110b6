"""An embedding table as text for people: aligned columns, numbers whole, what is missing blank."""

from __future__ import annotations

import math
import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

GAP = "  "
NARROWEST = 12  # columns that file names keep on a terminal
_LABELS = ("activation", "valence")
_TEXT = ("file", "status")


def readable(table: pd.DataFrame, *, width: int | None = None) -> Iterator[str]:
    """Lay an embedding table out.

    Args:
        table: the embedding table.
        width: the terminal's, in characters: file names lose the folder that all share and then
            their beginnings, and where that isn't enough, the columns of z are left out. None
            cuts nothing.

    Yields:
        The header, then a line per row: file; start and end in s where rows are parts of files;
        activation and valence with their intervals; z; unusualness; status with cautions.
    """
    columns = _columns(table)
    files = [printable(str(file)) for file in table.index.get_level_values("file")]
    if width is not None:
        files = _without_shared_folder(files)
        if width - _taken(columns) < min(NARROWEST, _widest(files)):
            columns = {name: cells for name, cells in columns.items() if not _is_latent(name)}
        room = max(width - _taken(columns), NARROWEST)
        files = [_end_of(file, room) for file in files]
    columns = {"file": files, **columns}
    widths = {name: max(_widest(cells), len(name)) for name, cells in columns.items()}
    yield _line(list(columns), widths, list(columns))
    for row in zip(*columns.values(), strict=True):
        yield _line(row, widths, list(columns))


def cell_width(text: str) -> int:
    """Count the character cells that a text takes on a terminal.

    Examples:
        >>> cell_width("café"), cell_width("cafe\u0301"), cell_width("声")
        (4, 4, 2)
    """
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def _columns(table: pd.DataFrame) -> dict[str, list[str]]:
    """Texts of all columns but the file, by name."""
    columns: dict[str, list[str]] = {}
    starts, ends = (table.index.get_level_values(level) for level in ("start", "end"))
    if bool(ends.notna().any()) or any(start.value for start in starts.unique()):
        for name, times in (("start", starts), ("end", ends)):
            columns[name] = [_number(time.total_seconds(), 2) for time in times]
    for label in _LABELS:
        estimates, *bounds = (table[f"{label}{end}"] for end in ("", "_low", "_high"))
        columns[label] = [_estimate(*row) for row in zip(estimates, *bounds, strict=True)]
    for name in table.columns:
        if _is_latent(str(name)):
            columns[str(name)] = [_number(value, 2) for value in table[name]]
    columns["unusual"] = [_number(value, 2) for value in table["unusualness"]]
    columns["status"] = [
        ", ".join([status, *caution.split(";")] if caution else [status])
        for status, caution in zip(table["status"], table["caution"], strict=True)
    ]
    return columns


def _is_latent(name: str) -> bool:
    return re.fullmatch(r"z\d+", name) is not None


def _estimate(value: float, low: float, high: float) -> str:
    bounds = "" if math.isnan(low) else f" ({low:.2f}-{high:.2f})"
    return _number(value, 2) + bounds


def _number(value: float, digits: int) -> str:
    return "" if math.isnan(value) else f"{value:.{digits}f}"


def printable(text: str) -> str:
    """Escape what would move a terminal's cursor, or worse."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _without_shared_folder(files: list[str]) -> list[str]:
    folders = {os.path.dirname(file) for file in files}  # noqa: PTH120
    if "" in folders or len({folder.startswith(os.sep) for folder in folders}) != 1:
        return files
    shared = os.path.commonpath(folders)
    return [os.path.relpath(file, shared) for file in files] if shared else files


def _end_of(text: str, room: int) -> str:
    """Cut a text's beginning off, so that it fits."""
    if cell_width(text) <= room:
        return text
    while cell_width(text) >= room:
        text = text[1:]
    return f"…{text}"


def _taken(columns: dict[str, list[str]]) -> int:
    """The width of columns with the gaps before them."""
    return sum(len(GAP) + max(_widest(cells), len(name)) for name, cells in columns.items())


def _widest(cells: Sequence[str]) -> int:
    return max(map(cell_width, cells), default=0)


def _line(cells: Sequence[str], widths: dict[str, int], names: Sequence[str]) -> str:
    padded = []
    for name, cell in zip(names, cells, strict=True):
        blanks = " " * (widths[name] - cell_width(cell))
        padded.append(cell + blanks if name in _TEXT else blanks + cell)
    return GAP.join(padded).rstrip()
