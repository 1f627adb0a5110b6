"""Protocol 2, leave one language out: who is scored, and who must not take part in the training.

A target is a rated corpus in one language. A model that is scored on it has met neither the corpus,
nor its language, nor its speakers: a corpus in two languages is left out whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectspace.evaluation.transfer import LABELS


class Target(NamedTuple):
    """A rated corpus in one language (ISO 639-1), and how it's called in a results table."""

    corpus: str
    language: str
    name: str


def targets_of(rows: pd.DataFrame) -> list[Target]:
    """The targets among some rows, in the rows' order.

    Args:
        rows: with the columns `source` (the corpus), `language`, `activation` and `valence`.

    Returns:
        One per rated corpus and language. The name is the corpus's, with the language behind it
        where the corpus has several.

    Examples:
        >>> rows = pd.DataFrame({"source": ["a", "b", "b"], "language": ["de", "da", "en"],
        ...                      "activation": [1.0, 2.0, 3.0], "valence": [1.0, 2.0, 3.0]})
        >>> [target.name for target in targets_of(rows)]
        ['a', 'b-da', 'b-en']
    """
    rated = rows[rows[list(LABELS)].notna().any(axis="columns") & rows["language"].notna()]
    pairs = list(dict.fromkeys(zip(rated["source"], rated["language"], strict=True)))
    corpora = [corpus for corpus, _ in pairs]
    return [
        Target(corpus, language, corpus if corpora.count(corpus) == 1 else f"{corpus}-{language}")
        for corpus, language in pairs
    ]


def rows_of_target(target: Target, rows: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which rows are the target's, shape (n,)."""
    mask = (rows["source"] == target.corpus) & (rows["language"] == target.language)
    return np.asarray(mask, dtype=bool)


def left_out(target: Target, rows: pd.DataFrame) -> frozenset[str]:
    """The corpora that a model for this target must not meet.

    The target's own, and every other that has a row in its language, or in none that is known.
    """
    same = (rows["language"] == target.language) | rows["language"].isna()
    return frozenset(rows.loc[same, "source"]) | {target.corpus}


def inner_targets(target: Target, targets: Sequence[Target], rows: pd.DataFrame) -> list[Target]:
    """The targets that remain when one is left out: on these its model's settings are decided."""
    gone = left_out(target, rows)
    return [
        other for other in targets if other.corpus not in gone and other.language != target.language
    ]


def all_left_out(rows: pd.DataFrame) -> list[frozenset[str]]:
    """Every set of corpora that scoring and deciding need to leave out, each once.

    One per target, and one per pair of a target and another that remains when it's left out.
    """
    targets = targets_of(rows)
    single = [left_out(target, rows) for target in targets]
    pairs = [
        left_out(one, rows) | left_out(other, rows)
        for one, other in combinations(targets, 2)
        if other in inner_targets(one, targets, rows) or one in inner_targets(other, targets, rows)
    ]
    return list(dict.fromkeys([*single, *pairs]))
