"""Speech of several languages, and how axes and ratings correlate in it with acoustic features.

A correlation is computed from sums per speaker, so that one on resampled speakers, or on half of
them, costs one small matrix product. All speakers are numbered in one roll: one who speaks two
languages is drawn, or put into a half, for both at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectspace.errors import TableError
from affectspace.evaluation.intervals import Resampling, draw_speakers
from affectspace.evaluation.rows import FloatArray, IntArray, column_of, known_speakers
from affectspace.explain.axes import Axis, axes_of, feature_names
from affectspace.explain.vocabulary import Word, directions, families_of, words
from affectspace.features import FeatureTable
from affectspace.model import AffectModel

BoolArray = npt.NDArray[np.bool_]

MODEL, LISTENERS = "model", "listeners"

_TINY = 1e-12
"""A variance below this share of the mean square is rounding: the column is constant."""


class Target(NamedTuple):
    """What is correlated with the features: an axis as the model reads it, or as listeners do."""

    axis: str
    of: str


class Sums(NamedTuple):
    """What the rows of each speaker add up to: a target y and the columns x.

    Attributes:
        rows: how many, shape (s, 1), as the next two.
        y: of the target.
        yy: of its squares.
        x: shape (s, c), as the last two.
        xx: of the squares.
        xy: of the products.
    """

    rows: FloatArray
    y: FloatArray
    yy: FloatArray
    x: FloatArray
    xx: FloatArray
    xy: FloatArray


@dataclass(frozen=True, eq=False)
class Language:
    """The utterances of one language.

    Attributes:
        name: ISO 639-1, or the corpus's name where no language is known.
        corpora: where they come from.
        columns: the features, standardised and clipped as the model does, and the scores of the
            families that have a direction, shape (n, f + scored); centred within each corpus, as
            recordings differ between corpora for other reasons than affect.
        targets: shape (n,) each, centred alike; NaN where unknown.
        speakers: each row's place in the roll, shape (n,).
    """

    name: str
    corpora: tuple[str, ...]
    columns: FloatArray
    targets: Mapping[Target, FloatArray]
    speakers: IntArray

    def known(self, *targets: Target) -> BoolArray:
        """The rows for which all of some targets are known, shape (n,)."""
        known = np.isfinite(np.array([self.targets[target] for target in targets]))
        return np.asarray(known.all(axis=0))

    def count(self, *targets: Target) -> tuple[int, int]:
        """Rows and speakers for which all of some targets are known."""
        known = self.known(*targets)
        return int(known.sum()), len(np.unique(self.speakers[known]))

    def sums(self, target: Target, roll: int, *others: Target) -> Sums:
        """The sums of each speaker of a roll of so many, where the others are known too."""
        known = self.known(target, *others)
        x, y = self.columns[known], self.targets[target][known, None]
        whose = np.eye(roll)[:, self.speakers[known]]
        ones = np.ones_like(y)
        return Sums(*(whose @ part for part in (ones, y, y**2, x, x**2, x * y)))


@dataclass(frozen=True, eq=False)
class Speech:
    """Speech of several languages under one model.

    Attributes:
        axes: the model's.
        words: of the features, f of them.
        scored: the families that have a score, in the order of the columns after the features.
        languages: in order of first appearance.
        strata: each speaker's corpus, as a number, shape (roll,).
    """

    axes: Sequence[Axis]
    words: Sequence[Word]
    scored: Sequence[str]
    languages: Sequence[Language]
    strata: IntArray

    def everyone(self) -> FloatArray:
        """Weights that count every speaker once, shape (1, roll)."""
        return np.ones((1, len(self.strata)))

    def draws(self, resampling: Resampling) -> FloatArray:
        """How often each speaker is drawn in each resample, shape (resamples, roll).

        Each corpus keeps its number of speakers.
        """
        weights = np.empty((resampling.resamples, len(self.strata)))
        for corpus in np.unique(self.strata):
            mine = self.strata == corpus
            weights[:, mine] = draw_speakers(
                int(mine.sum()),
                resamples=resampling.resamples,
                seed=resampling.seed + int(corpus),
            )
        return weights


def gather(model: AffectModel, tables: Mapping[str, FeatureTable]) -> Speech:
    """Bring corpora together by language.

    Args:
        model: the model; all features are of its contract.
        tables: the corpora by name, with `language` and `speaker` in `rows` where they are known,
            and ratings in the columns of the model's labels. A speaker is one within a corpus.

    Raises:
        ContractError: if a table's features are of another contract.
        TableError: if no row has features.
    """
    axes, known = axes_of(model), words(feature_names(model))
    weights = directions(known)
    has_score = np.asarray(np.isfinite(weights).all(axis=0))
    scored = [family.name for family, has in zip(families_of(known), has_score, strict=True) if has]
    parts, voices = [], []
    for corpus, table in tables.items():
        rows = table.rows[table.ok]
        usable = FeatureTable(table.spec, table.values[table.ok], rows)
        standardised = model.standardise(usable)
        z = model.encode(usable)
        found = {Target(axis.name, MODEL): axis.places(z) for axis in axes}
        for axis in axes:
            ratings = pd.to_numeric(pd.Series(column_of(rows, axis.name)), errors="coerce")
            found[Target(axis.name, LISTENERS)] = ratings.to_numpy(np.float64)
        columns = np.column_stack([standardised, standardised @ weights[:, has_score]])
        languages = pd.Series(column_of(rows, "language"), dtype=object).fillna(corpus)
        speakers = [f"{corpus}/{name}" for name in known_speakers(column_of(rows, "speaker"))]
        voices += speakers
        for language in dict.fromkeys(languages):
            mine = (languages == language).to_numpy(bool)
            parts.append(
                _Part(
                    str(language),
                    corpus,
                    _centred(columns[mine]),
                    {target: _centred(values[mine]) for target, values in found.items()},
                    [voice for voice, is_mine in zip(speakers, mine, strict=True) if is_mine],
                )
            )
    if not parts:
        raise TableError("not one row has features, so there is nothing to correlate")
    roll = {voice: i for i, voice in enumerate(dict.fromkeys(voices))}
    names = list(tables)
    strata = np.array([names.index(voice.partition("/")[0]) for voice in roll])
    by_language = {
        part.language: [p for p in parts if p.language == part.language] for part in parts
    }
    together = [_together(name, mine, roll) for name, mine in by_language.items()]
    return Speech(axes, known, scored, together, strata)


def correlations(sums: Sums, weights: FloatArray) -> FloatArray:
    """Pearson's r of the target with each column, with weighted speakers.

    Args:
        sums: of s speakers.
        weights: how often each counts, shape (r, s).

    Returns:
        Shape (r, c); NaN where the target or the column is constant, or nobody counts.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        count, *rest = (weights @ part for part in sums)
        y, yy, x, xx, xy = (part / count for part in rest)
        spread_y, spread_x = yy - y**2, xx - x**2
        covariance = xy - x * y
        fine = (spread_y > _TINY * yy) & (spread_x > _TINY * xx)
        r: FloatArray = np.where(fine, covariance / np.sqrt(spread_y * spread_x), np.nan)
    return r.clip(-1.0, 1.0)


class _Part(NamedTuple):
    """A corpus's utterances in one language."""

    language: str
    corpus: str
    columns: FloatArray
    targets: Mapping[Target, FloatArray]
    speakers: Sequence[str]


def _together(name: str, parts: Sequence[_Part], roll: Mapping[str, int]) -> Language:
    targets = {
        target: np.concatenate([part.targets[target] for part in parts])
        for target in parts[0].targets
    }
    return Language(
        name=name,
        corpora=tuple(part.corpus for part in parts),
        columns=np.concatenate([part.columns for part in parts]),
        targets={target: values for target, values in targets.items() if np.isfinite(values).any()},
        speakers=np.array([roll[voice] for part in parts for voice in part.speakers]),
    )


def _centred(values: FloatArray) -> FloatArray:
    """Without the mean of what is known."""
    known = np.isfinite(values)
    means = np.where(known, values, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    out: FloatArray = values - means
    return out
