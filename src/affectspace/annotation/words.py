"""Agreement in words and columns, for people."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from affectspace.annotation.agreement import COMPLETE, Agreement

_GAP = "  "
_PAIRS = 10  # more than these are summed up


def summary(found: Agreement) -> list[str]:
    """Tell one label's agreement, line by line.

    Returns:
        What there is; coefficients with their intervals; pairs; raters. A dash stands where there
        is no number.
    """
    lines = [
        f"{found.label}: {found.ratings} ratings of {found.items} items by "
        f"{len(found.raters)} raters; {found.shared} items have two or more ratings, "
        f"{found.complete} one of every rater",
        "",
    ]
    rows = [("", "value", "95 % interval", "items", "")]
    for row in found.icc.to_dict("records"):
        which = "rated by all" if row["basis"] == COMPLETE else f"all, {row['k']:.3g} ratings each"
        bounds = _bounds(row["low"], row["high"])
        rows.append((row["kind"], _number(row["value"]), bounds, f"{row['items']}", which))
    value, low, high = found.alpha
    rows.append(
        ("alpha", _number(value), _bounds(low, high), f"{found.shared}", "with two or more")
    )
    lines += _columns(rows, left=(0, 4))
    return [*lines, "", *_pairs(found.pairs), "", *_raters(found.quality)]


def _pairs(pairs: pd.DataFrame) -> list[str]:
    """A line per pair of raters, or one for many."""
    if len(pairs) > _PAIRS:
        known = pairs["r"].dropna()
        return [
            f"{len(pairs)} pairs, {len(known)} with a correlation: r from {_number(known.min())} "
            f"to {_number(known.max())}, median {_number(known.median())}; over "
            f"{pairs['n'].min()} to {pairs['n'].max()} items"
        ]
    rows = [("pair", "", "r", "95 % interval", "items")]
    for row in pairs.to_dict("records"):
        bounds = _bounds(row["low"], row["high"])
        rows.append((row["first"], row["second"], _number(row["r"]), bounds, f"{row['n']}"))
    return _columns(rows, left=(0, 1))


def _raters(quality: pd.DataFrame) -> list[str]:
    """A line per rater; columns in which nobody has a number are left out."""
    columns = {
        "rater": [str(rater) for rater in quality.index],
        "ratings": [f"{n}" for n in quality["n"]],
        "mean": _numbers(quality["mean"]),
        "sd": _numbers(quality["sd"]),
        "mode": [f"{mode:g}" for mode in quality["mode"]],
        "share": _shares(quality["modal_share"]),
        "r others": _numbers(quality["others_r"]),
        "offset": _numbers(quality["others_offset"], sign=True),
        "difference": _numbers(quality["others_difference"]),
        "drift/100": _numbers(quality["drift"], sign=True),
        "hurried": _shares(quality["hurried"]),
        "repeats": [f"{n}" if n else "-" for n in quality["repeats"]],
        "r own": _numbers(quality["repeat_r"]),
        "own difference": _numbers(quality["repeat_difference"]),
        "look at": [flags.replace(";", ", ") or "-" for flags in quality["flags"]],
    }
    told = {name: cells for name, cells in columns.items() if set(cells) != {"-"}}
    rows = [tuple(told), *zip(*told.values(), strict=True)]
    last = len(told) - 1
    return _columns(rows, left=(0, last) if "look at" in told else (0,))


def _columns(rows: Sequence[Sequence[str]], left: tuple[int, ...]) -> list[str]:
    """Pad cells to the widest of their column, numbers to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        _GAP.join(
            cell.ljust(width) if number in left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _numbers(values: pd.Series[float], *, sign: bool = False) -> list[str]:
    return [_number(value, sign=sign) for value in values]


def _shares(values: pd.Series[float]) -> list[str]:
    return ["-" if math.isnan(value) else f"{100 * value:.0f} %" for value in values]


def _number(value: float, *, sign: bool = False) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:+.2f}" if sign else f"{value:.2f}"


def _bounds(low: float, high: float) -> str:
    return "-" if math.isnan(low) else f"{low:.2f} to {high:.2f}"
