"""Speech of several languages, and how axes and ratings correlate in it with acoustic features.

A correlation is computed from sums per speaker, so that one on resampled speakers, or on half of
them, costs one small matrix product. All speakers are numbered in one roll: one who speaks two
languages is drawn, or put into a half, for both at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectspace.errors import TableError
from affectspace.evaluation.intervals import Resampling, draw_speakers
from affectspace.evaluation.rows import FloatArray, IntArray, column_of, known_speakers
from affectspace.explain.axes import Axis, axes_of, feature_names
from affectspace.explain.criteria import LISTENERS, MODEL, Criteria
from affectspace.explain.families import Word
from affectspace.explain.vocabulary import directions, families_of, words
from affectspace.features import FeatureTable
from affectspace.model import AffectModel

BoolArray = npt.NDArray[np.bool_]

_TINY = 1e-12
"""A variance below this share of the mean square is rounding: the column is constant."""


class Target(NamedTuple):
    """What is correlated with the features: an axis as the model reads it, or as listeners do."""

    axis: str
    of: str


class Sums(NamedTuple):
    """What the rows of each speaker add up to: t targets y, and c columns x.

    Attributes:
        targets: the t targets.
        rows: how many, shape (s, 1).
        x: shape (s, c), as the next one.
        xx: of the squares.
        y: of the targets, shape (t, s, 1), as the next one.
        yy: of their squares.
        xy: of the products, shape (t, s, c).
    """

    targets: tuple[Target, ...]
    rows: FloatArray
    x: FloatArray
    xx: FloatArray
    y: FloatArray
    yy: FloatArray
    xy: FloatArray

    def of(self, columns: slice) -> Sums:
        """The sums of some columns only."""
        return self._replace(
            x=self.x[:, columns], xx=self.xx[:, columns], xy=self.xy[:, :, columns]
        )


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

    def known(self, target: Target) -> BoolArray:
        """The rows for which a target is known, shape (n,)."""
        return np.isfinite(self.targets[target])

    def count(self, target: Target) -> tuple[int, int]:
        """Rows and speakers for which a target is known."""
        known = self.known(target)
        return int(known.sum()), len(np.unique(self.speakers[known]))

    def rows_of(self, target: Target) -> Target:
        """The first target that is known for the same rows: what is summed for one serves all."""
        known = self.known(target)
        return next(one for one in self.targets if np.array_equal(self.known(one), known))

    def sums(self, target: Target, roll: int) -> Sums:
        """The sums of each speaker of a roll of so many, of the rows for which a target is known.

        Of all targets that are known for all these rows.
        """
        known = self.known(target)
        targets = tuple(one for one in self.targets if self.known(one)[known].all())
        x = self.columns[known]
        y = np.array([self.targets[one][known] for one in targets])[:, :, None]
        whose = np.eye(roll)[:, self.speakers[known]]
        return Sums(
            targets=targets,
            rows=whose.sum(axis=1, keepdims=True),
            x=whose @ x,
            xx=whose @ x**2,
            y=whose @ y,
            yy=whose @ y**2,
            xy=np.array([whose @ (x * one) for one in y]),
        )


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


def resampling_of(criteria: Criteria) -> Resampling:
    """How the intervals are made."""
    return Resampling(criteria.resamples, criteria.level, criteria.seed)


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
    parts = [
        part
        for corpus, table in tables.items()
        for part in _parts(model, axes, weights[:, has_score], corpus, table)
    ]
    if not parts:
        raise TableError("not one row has features, so there is nothing to correlate")
    roll = {
        voice: i for i, voice in enumerate(dict.fromkeys(v for part in parts for v in part.voices))
    }
    names = list(tables)
    by_language: dict[str, list[_Part]] = {}
    for part in parts:
        by_language.setdefault(part.language, []).append(part)
    return Speech(
        axes=axes,
        words=known,
        scored=[
            family.name for family, has in zip(families_of(known), has_score, strict=True) if has
        ],
        languages=[_together(name, mine, roll) for name, mine in by_language.items()],
        strata=np.array([names.index(corpus) for corpus, _ in roll]),
    )


def correlations(sums: Sums, weights: FloatArray) -> FloatArray:
    """Pearson's r of each target with each column, with weighted speakers.

    Args:
        sums: of s speakers, t targets and c columns.
        weights: how often each speaker counts, shape (r, s).

    Returns:
        Shape (t, r, c); NaN where the target or the column is constant, or nobody counts.
    """
    out = np.empty((len(sums.targets), len(weights), sums.x.shape[1]))
    with np.errstate(invalid="ignore", divide="ignore"):
        count = weights @ sums.rows
        mean, scale = _mean_and_scale(weights @ sums.x / count, weights @ sums.xx / count)
        for r, y, yy, xy in zip(out, sums.y, sums.yy, sums.xy, strict=True):
            own_mean, own_scale = _mean_and_scale(weights @ y / count, weights @ yy / count)
            np.matmul(weights, xy, out=r)
            r /= count
            r -= own_mean * mean
            r *= scale
            r *= own_scale
    return np.clip(out, -1.0, 1.0, out=out)


def _mean_and_scale(mean: FloatArray, square: FloatArray) -> tuple[FloatArray, FloatArray]:
    """A mean, and what makes a deviation 1; NaN where there is none but for rounding."""
    variance = square - mean**2
    return mean, 1 / np.sqrt(np.where(variance > _TINY * square, variance, np.nan))


class _Part(NamedTuple):
    """A corpus's utterances in one language; see `Language`."""

    language: str
    corpus: str
    columns: FloatArray
    targets: Mapping[Target, FloatArray]
    voices: Sequence[tuple[str, str]]  # corpus and speaker


def _parts(
    model: AffectModel,
    axes: Sequence[Axis],
    scoring: FloatArray,
    corpus: str,
    table: FeatureTable,
) -> Iterator[_Part]:
    rows = table.rows[table.ok]
    usable = FeatureTable(table.spec, table.values[table.ok], rows)
    standardised, z = model.standardise(usable), model.encode(usable)
    columns = np.column_stack([standardised, standardised @ scoring])
    targets = {}
    for axis in axes:
        ratings = pd.to_numeric(pd.Series(column_of(rows, axis.name)), errors="coerce")
        targets[Target(axis.name, MODEL)] = axis.places(z)
        targets[Target(axis.name, LISTENERS)] = ratings.to_numpy(np.float64)
    languages = pd.Series(column_of(rows, "language"), dtype=object).fillna(corpus).astype(str)
    voices = [(corpus, str(name)) for name in known_speakers(column_of(rows, "speaker"))]
    for language in dict.fromkeys(languages):
        mine = np.flatnonzero(languages == language)
        yield _Part(
            language,
            corpus,
            _centred(columns[mine]),
            {target: _centred(values[mine]) for target, values in targets.items()},
            [voices[i] for i in mine],
        )


def _together(name: str, parts: Sequence[_Part], roll: Mapping[tuple[str, str], int]) -> Language:
    targets = {
        target: np.concatenate([part.targets[target] for part in parts])
        for target in parts[0].targets
    }
    return Language(
        name=name,
        corpora=tuple(part.corpus for part in parts),
        columns=np.concatenate([part.columns for part in parts]),
        targets={target: values for target, values in targets.items() if np.isfinite(values).any()},
        speakers=np.array([roll[voice] for part in parts for voice in part.voices]),
    )


def _centred(values: FloatArray) -> FloatArray:
    """Without the mean of what is known."""
    known = np.isfinite(values)
    means = np.where(known, values, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    out: FloatArray = values - means
    return out
