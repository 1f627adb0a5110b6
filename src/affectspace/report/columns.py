"""An embedding table as the compact columns that the page's scripts read."""

from __future__ import annotations

import json
import math
import os
import posixpath
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from affectspace.model import Caution
from affectspace.report.summary import LABELS, status_meaning

MOST_INPUT_COLUMNS = 40
"""Further columns of the input stay out of the page, which would outgrow a browser's patience."""

MOST_LATENT = 8
"""Likewise for the latent dimensions."""

LONGEST_TEXT = 300
"""Longer texts are cut, in characters."""

_RATING = {"digits": 6, "unit": ""}
# More decimals than the page shows: rounded to 3, 4.145406 would read 4.14 instead of 4.15.
_OWN: dict[str, dict[str, Any]] = {
    **{f"{label}{end}": _RATING for label in LABELS for end in ("", "_low", "_high")},
    "unusualness": {"digits": 6, "unit": ""},
    "status": {},
    "message": {},
    "caution": {},
    "duration": {"digits": 4, "unit": "s"},
    "level": {"digits": 3, "unit": "dBFS"},
    "clipped_share": {"digits": 6, "unit": ""},
    "voiced_share": {"digits": 5, "unit": ""},
    "bandwidth": {"digits": 0, "unit": "Hz"},
    "snr": {"digits": 3, "unit": "dB"},
    "truncated": {"digits": 4, "unit": "s"},
}


def page_data(table: pd.DataFrame) -> dict[str, Any]:
    """The table as plain lists, ready for JSON.

    Numbers are rounded (to a few decimals more than are shown), texts are coded by their distinct
    values, and what is missing is None, or the code -1.

    Args:
        table: the embedding table.

    Returns:
        `rows` (their number), `root` (the folder that all files share), `folders` and `files`
        (distinct; the folders relative to the root), `file`, `start`, `end` (per row; s), `columns`
        (`name`, `own`, `unit`, `kind`, then `values`, or `levels` and `codes`), `left_out` (names
        of columns that aren't there for their number), `statuses` and `cautions` (meanings).
    """
    kept, left_out = _choose(table)
    starts, ends = (
        pd.TimedeltaIndex(table.index.get_level_values(level)) for level in ("start", "end")
    )
    return {
        "rows": len(table),
        **_files([str(file) for file in table.index.get_level_values("file")]),
        "start": _rounded(starts.total_seconds(), 3),
        "end": _rounded(ends.total_seconds(), 3),
        "columns": [_column(str(table.columns[i]), table.iloc[:, i]) for i in kept],
        "left_out": left_out,
        "statuses": {word: status_meaning(word) for word in table["status"].astype(str).unique()},
        "cautions": {str(caution): caution.sentence for caution in Caution},
    }


def as_json(data: Any) -> str:
    """JSON that may stand inside a script element of HTML, whatever is in its strings.

    It is ASCII, and no `<`, `>` or `&` is left in it. It never holds NaN.
    """
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def split_file(file: str) -> tuple[str, str]:
    """Folder and name of a file; the folder is empty where there is none.

    Examples:
        >>> split_file("speech/calm/a.wav"), split_file("a.wav")
        (('speech/calm', 'a.wav'), ('', 'a.wav'))
    """
    folder, _, name = file.replace(os.sep, "/").rpartition("/")
    return ("/" if file.startswith("/") and not folder else folder), name


def _choose(table: pd.DataFrame) -> tuple[list[int], list[str]]:
    """Positions of the columns that the page gets, and names of those that it doesn't."""
    kept, left_out = [], []
    latent = inputs = 0
    for i, name in enumerate(map(str, table.columns)):
        if is_latent(name):
            latent += 1
            keep = latent <= MOST_LATENT
        elif name in _OWN:
            keep = True
        else:
            inputs += 1
            keep = inputs <= MOST_INPUT_COLUMNS
        (kept.append(i) if keep else left_out.append(name))
    return kept, left_out


def is_latent(name: str) -> bool:
    """Whether a column is a latent dimension: z1, z2, ..."""
    return name[:1] == "z" and name[1:].isdecimal()


def _files(files: Sequence[str]) -> dict[str, Any]:
    """The files by folder and name: each distinct one once, and its number for every row."""
    codes, distinct = pd.factorize(np.asarray(files, dtype=object))
    parts = [split_file(file) for file in distinct]
    folder_codes, folders = pd.factorize(np.asarray([folder for folder, _ in parts], dtype=object))
    root = common_folder(list(folders))
    return {
        "root": root,
        "folders": [posixpath.relpath(folder, root) if root else folder for folder in folders],
        "files": {"folder": folder_codes.tolist(), "name": [name for _, name in parts]},
        "file": codes.tolist(),
    }


def common_folder(folders: Sequence[str]) -> str:
    """The folder that all lie in, or an empty text."""
    if not folders or len({folder.startswith("/") for folder in folders}) > 1:
        return ""
    return "" if "" in folders else posixpath.commonpath(folders)


def _column(name: str, values: pd.Series) -> dict[str, Any]:
    own = _OWN.get(name)
    if own is None and is_latent(name):
        own = {"digits": 6, "unit": ""}
    head = {"name": name, "own": own is not None, "unit": (own or {}).get("unit", "")}
    if own is not None and "digits" in own:
        floats = values.to_numpy(dtype=np.float64, na_value=np.nan)
        return {**head, "kind": "number", "values": _rounded(floats, own["digits"])}
    if own is None and _is_number(values):
        return {**head, "kind": "number", "values": _significant(values)}
    return {**head, "kind": "text", **_coded(values)}


def _is_number(values: pd.Series) -> bool:
    if pd.api.types.is_timedelta64_dtype(values):
        return True
    return (
        pd.api.types.is_numeric_dtype(values)
        and not pd.api.types.is_bool_dtype(values)
        and not pd.api.types.is_complex_dtype(values)
    )


def _rounded(values: Any, digits: int) -> list[float | int | None]:
    """Rounded numbers; None for what isn't finite. Without digits, whole numbers."""
    floats = np.asarray(values, dtype=np.float64)
    kept = np.where(np.isfinite(floats), np.round(floats, digits) + 0.0, np.nan)  # no -0.0
    return [_plain(value) for value in kept.tolist()]


def _significant(values: pd.Series) -> list[float | int | None]:
    """Numbers of unknown size to 6 significant digits; whole ones as they are; timedeltas in s."""
    if pd.api.types.is_timedelta64_dtype(values):
        values = values.dt.total_seconds()
    floats = values.to_numpy(dtype=np.float64, na_value=np.nan).tolist()
    return [
        _plain(value if value == math.floor(value) else float(f"{value:.6g}"))
        if math.isfinite(value)
        else None
        for value in floats
    ]


def _plain(value: float) -> float | int | None:
    """A whole number without its `.0`, which is a tenth of a page of ratings."""
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _coded(values: pd.Series) -> dict[str, Any]:
    """Texts as distinct values and codes; missing and empty ones have the code -1."""
    missing = values.isna().to_numpy(dtype=bool)
    texts = [
        None if gone else _shown(value) or None for value, gone in zip(values, missing, strict=True)
    ]
    codes, levels = pd.factorize(np.asarray(texts, dtype=object))
    return {"levels": levels.tolist(), "codes": codes.tolist()}


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "\u2026"
