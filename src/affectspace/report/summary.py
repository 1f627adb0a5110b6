"""An embedding table in words: what was scored, what wasn't and why, and how far to trust it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from affectspace.audio import Status
from affectspace.model import Caution
from affectspace.model.cautions import UNUSUAL_ABOVE as RARE

LABELS = ("activation", "valence")

NARROW = 0.1
"""Estimates that span less than this share of an interval's width can't be told apart."""

NEUTRAL = 3.0
"""The middle of the ratings' scale, 1 to 5."""

MANY_RARE = 0.05
"""From this share of rare rows on, five times what is expected, the summary warns."""


class Count(NamedTuple):
    """How many rows carry a word, and what the word means."""

    word: str
    rows: int
    meaning: str


def scored(table: pd.DataFrame) -> pd.Series:
    """Whether each row has an answer: its status is `ok`."""
    return table["status"].astype(str) == Status.OK


def estimated(table: pd.DataFrame) -> list[str]:
    """The labels that the table's model estimates.

    Without a single scored row nothing tells, and all labels that have a column count.
    """
    usable = table[scored(table)]
    return [
        label
        for label in LABELS
        if label in table and (usable.empty or np.isfinite(numbers(usable, label)).any())
    ]


def numbers(table: pd.DataFrame, column: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """A column as floats, `(n,)`; all NaN where the table doesn't have it."""
    if column not in table:
        return np.full(len(table), np.nan)
    return table[column].to_numpy(dtype=np.float64, na_value=np.nan)


def status_counts(table: pd.DataFrame) -> list[Count]:
    """How many rows have which status, `ok` first, then by number.

    Args:
        table: the embedding table.

    Returns:
        One entry for each status that occurs. One that isn't in the closed list means itself.
    """
    counts = _counts(table["status"].astype(str), status_meaning)
    return sorted(counts, key=lambda count: count.word != Status.OK)


def status_meaning(word: str) -> str:
    """A status in words, or the word itself where it isn't in the closed list."""
    if word == Status.OK:
        return "scored"
    return Status(word).sentence if word in list(Status) else word


def caution_meaning(word: str) -> str:
    """A caution in words, or the word itself where it isn't in the closed list."""
    return Caution(word).sentence if word in list(Caution) else word


def caution_counts(table: pd.DataFrame) -> list[Count]:
    """How many rows carry which caution, the most frequent first.

    A row with several counts once for each.

    Args:
        table: the embedding table; `caution` holds words joined by `;`.

    Returns:
        One entry for each caution that occurs.
    """
    if "caution" not in table:
        return []
    words = table["caution"].fillna("").astype(str).str.split(";").explode().str.strip()
    return _counts(words[words != ""], caution_meaning)


def _counts(words: pd.Series, meaning: Callable[[str], str]) -> list[Count]:
    return [Count(str(word), int(rows), meaning(str(word))) for word, rows in _tally(words).items()]


def _tally(words: pd.Series) -> pd.Series:
    """Counts by word, in descending order; equal ones in the order of the words."""
    return words.value_counts().sort_index().sort_values(ascending=False, kind="stable")


def sentences(table: pd.DataFrame) -> list[str]:
    """The table's summary, one statement a sentence.

    Args:
        table: the embedding table.

    Returns:
        How many rows were scored; where activation and valence lie; how unusual the rows are.
    """
    if table.empty:
        return ["There are no rows."]
    usable = table[scored(table)]
    return [
        _how_many(table, usable),
        *(_where(usable, label) for label in estimated(table) if len(usable)),
        *_missing_labels(table),
        *_how_unusual(usable),
    ]


def _how_many(table: pd.DataFrame, usable: pd.DataFrame) -> str:
    files = table.index.get_level_values("file").nunique()
    where = f"{_plural(len(table), 'row')} from {_plural(files, 'file')}"
    if len(usable) == len(table):
        return f"{where}: {'all' if len(table) > 1 else 'it is'} scored."
    left = len(table) - len(usable)
    return f"{where}: {_share(len(usable), len(table))} scored, {left:,} not."


def _where(usable: pd.DataFrame, label: str) -> str:
    values = numbers(usable, label)
    values = values[np.isfinite(values)]
    middle = float(np.mean(values))
    if len(values) == 1:
        return f"{label.capitalize()} is {middle:.2f} (1 to 5, 3 is neutral)."
    if (found := _hardly_differ(usable, label)) is not None:
        return found
    low, high = np.quantile(values, [0.25, 0.75])
    return (
        f"{label.capitalize()} is {middle:.2f} on average (1 to 5, 3 is neutral); "
        f"the middle half of the rows lies between {low:.2f} and {high:.2f}."
    )


def _hardly_differ(usable: pd.DataFrame, label: str) -> str | None:
    """What to say of a label whose estimates are all but equal, measured by their intervals.

    A model that can't tell a label answers with its mean and a wide interval. The quartiles of
    such answers would look precise.

    Args:
        usable: the scored rows.
        label: a label with at least one estimate.

    Returns:
        A sentence, or None where the estimates differ or have no intervals.
    """
    values, low, high = (numbers(usable, f"{label}{end}") for end in ("", "_low", "_high"))
    known = np.isfinite(values) & np.isfinite(low) & np.isfinite(high)
    if known.sum() < 2 or np.isfinite(values).sum() > known.sum():
        return None
    values, low, high = values[known], low[known], high[known]
    if np.ptp(values) > NARROW * np.median(high - low):
        return None
    least, most = np.median(low), np.median(high)
    found = (
        f"The estimates of {label} hardly differ (from {values.min():.2f} to "
        f"{values.max():.2f}), while their intervals span {least:.1f} to {most:.1f}"
    )
    if least < NEUTRAL < most:
        return f"{found}: take {label} as not known here, rather than as neutral."
    return f"{found}: they don't tell these rows apart."


def _missing_labels(table: pd.DataFrame) -> list[str]:
    missing = [label for label in LABELS if label not in estimated(table)]
    return [f"This model doesn't estimate {' or '.join(missing)}."] if missing else []


def _how_unusual(usable: pd.DataFrame) -> list[str]:
    values = numbers(usable, "unusualness")
    values = values[np.isfinite(values)]
    if not len(values):
        return []
    rare = int(np.sum(values > RARE))
    found = (
        f"{_share(rare, len(values))} {'is' if rare == 1 else 'are'} more unusual than "
        f"99 in 100 training utterances; expected: 1 %."
    )
    if rare > 1 and rare / len(values) >= MANY_RARE:
        found += (
            " That is far more than expected: these recordings differ from the speech that the "
            "model was trained on, and estimates for them are extrapolations."
        )
    return [f"{found} The median unusualness is {np.median(values):.2f} (0.5 is typical)."]


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _share(part: int, whole: int) -> str:
    """Part of a whole with its share: `12 of 535 (2 %)`; a small share isn't rounded to nothing."""
    percent = 100 * part / whole
    text = f"{percent:.0f}"
    if part and percent < 1:
        text = "under 1"
    elif part < whole and percent > 99:
        text = "over 99"
    return f"{part:,} of {whole:,} ({text} %)"
