"""Does the same label land in the same place in another corpus? The paper's conclusion in numbers.

Three views, for each label: the line that relates an axis to its label in each corpus (`slope`, and
`offset` at the neutral label), and how far these lines lie apart (`slope_spread`, `offset_spread`);
order alone (`kendall`); and how far the whole embeddings of two corpora lie apart among rows of
equal label (`energy_distance`, `energy_coefficient`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectspace.errors import TableError
from affectspace.evaluation.energy import matched_energy
from affectspace.evaluation.intervals import (
    DEFAULT,
    Resampling,
    bootstrap_values,
    percentile_interval,
)
from affectspace.evaluation.metrics import kendall, offset, slope
from affectspace.evaluation.results import Result, Setting, measure
from affectspace.evaluation.rows import FloatArray, column_of, rows_of
from affectspace.evaluation.sums import Metric
from affectspace.evaluation.transfer import LABELS

ALL = "all"
"""The target of figures that are about all corpora."""


@dataclass(frozen=True)
class Space:
    """One corpus in a model's space.

    Attributes:
        embeddings: shape (n, d), in the order of the table; NaN where there is no answer.
        table: the utterance table, with the labels and `speaker`.
        axes: each label's own axis, shape (n,). A label without one is read from the mean over the
            dimensions, which is what the paper's models shape.
    """

    embeddings: npt.ArrayLike | pd.DataFrame
    table: pd.DataFrame
    axes: Mapping[str, npt.ArrayLike] | None = None

    def axis(self, label: str) -> FloatArray:
        """The axis of a label, shape (n,).

        Raises:
            TableError: if its rows aren't those of the table.
        """
        own = (self.axes or {}).get(label)
        rows = rows_of(self.embeddings if own is None else own, self.table)
        out: FloatArray = rows.mean(axis=1)
        return out


def score_consistency(
    spaces: Mapping[str, Space],
    *,
    setting: Setting,
    labels: Sequence[str] = LABELS,
    resampling: Resampling | None = DEFAULT,
) -> list[Result]:
    """Score how consistent one model's space is over corpora.

    Per corpus (the result's target) and label: `slope`, `offset`, `kendall` of the axis and its
    label. Per corpus but the reference: `energy_distance`, `energy_coefficient` to the reference,
    see [`matched_energy`][affectspace.evaluation.energy.matched_energy]; `n` and `speakers` count
    both corpora. Over all corpora (target `all`): `slope_spread`, the deviation of the slopes over
    corpora divided by the size of their mean, and `offset_spread`, the deviation of the offsets
    divided by the same, hence in steps of the rating scale. Both are free of the space's own scale,
    so models compare. They hold the sampling error of the slopes too: with few speakers they are
    not 0 even for a perfect space.

    Args:
        spaces: the corpora by name, all embedded by one model. For the corpus that the model was
            trained on, embeddings of held-out rows.
        setting: where the embeddings come from. Its source must be among the spaces: it's the
            reference. Its target is replaced by each corpus.
        labels: the columns to score. A corpus that lacks one, or never knows it, is left out for
            it.
        resampling: how intervals are made; None for none.

    Returns:
        The results, label by label.

    Raises:
        TableError: if the reference isn't among the spaces, or the rows of a space aren't those of
            its table.
    """
    if setting.source not in spaces:
        raise TableError(f"The reference {setting.source!r} is not among {', '.join(spaces)}.")
    results: list[Result] = []
    for label in labels:
        rated = {k: v for k, v in spaces.items() if not pd.isna(column_of(v.table, label)).all()}
        slopes = []
        for name, space in rated.items():
            here = replace(setting, target=name)
            lines = _lines(space, label, here, resampling)
            slopes.append(lines[0])
            results += lines
            if name != setting.source and setting.source in rated:
                results += _energy(spaces[setting.source], space, label, here, resampling)
        results += _spread(rated, slopes, replace(setting, target=ALL), resampling)
    return results


def _lines(space: Space, label: str, here: Setting, resampling: Resampling | None) -> list[Result]:
    speakers, ratings = column_of(space.table, "speaker"), column_of(space.table, label)
    score = partial(measure, speakers=speakers, setting=here, label=label, resampling=resampling)
    return [score(metric, ratings, space.axis(label)) for metric in (slope, offset, kendall)]


def _energy(
    reference: Space, space: Space, label: str, here: Setting, resampling: Resampling | None
) -> list[Result]:
    sides = [
        (rows_of(s.embeddings, s.table), column_of(s.table, label), column_of(s.table, "speaker"))
        for s in (reference, space)
    ]
    found = matched_energy(*sides, resampling=resampling)
    row = partial(Result, setting=here, label=label, n=found.n, speakers=found.speakers)
    (low, high), (least, most) = found.distance_interval, found.coefficient_interval
    return [
        row(metric="energy_distance", value=found.distance, low=low, high=high),
        row(metric="energy_coefficient", value=found.coefficient, low=least, high=most),
    ]


def _spread(
    spaces: Mapping[str, Space],
    slopes: Sequence[Result],
    here: Setting,
    resampling: Resampling | None,
) -> list[Result]:
    """Spread of the lines over corpora, with intervals from drawing speakers in each of them."""
    if len(spaces) < 2:
        return []
    label = slopes[0].label
    lines = [
        np.stack([_on_resamples(m, s, label, i, resampling) for i, s in enumerate(spaces.values())])
        for m in (slope, offset)
    ]
    row = partial(
        Result,
        setting=here,
        label=label,
        n=sum(result.n for result in slopes),
        speakers=sum(result.speakers for result in slopes),
    )
    fewest = min(result.speakers for result in slopes)
    level = DEFAULT.level if resampling is None else resampling.level
    results = []
    for name, values in zip(("slope_spread", "offset_spread"), spreads(*lines), strict=True):
        low, high = percentile_interval(values[1:], speakers=fewest, level=level)
        results.append(row(metric=name, value=float(values[0]), low=low, high=high))
    return results


def spreads(slopes: FloatArray, offsets: FloatArray) -> tuple[FloatArray, FloatArray]:
    """How far the lines of several corpora lie apart, free of the space's scale.

    Args:
        slopes: of each corpus, shape (corpora, m).
        offsets: the same at the neutral label.

    Returns:
        The deviations (divided by corpora - 1) of slopes and of offsets, each divided by the size
        of the mean slope; shape (m,) each. The second is in steps of the rating scale. NaN if a
        slope is undefined or their mean is 0.

    Examples:
        >>> slopes, offsets = np.array([[1.0], [3.0]]), np.array([[4.0], [4.0]])
        >>> [values.round(3).tolist() for values in spreads(slopes, offsets)]
        [[0.707], [0.0]]
    """
    size = np.abs(slopes.mean(axis=0))
    scale = np.where(size > 0, size, np.nan)
    return slopes.std(axis=0, ddof=1) / scale, offsets.std(axis=0, ddof=1) / scale


def _on_resamples(
    metric: Metric, space: Space, label: str, place: int, resampling: Resampling | None
) -> FloatArray:
    """The metric on all rows, then on each resample; every corpus draws its speakers by itself."""
    arrays = column_of(space.table, label), space.axis(label)
    value = np.array([metric(*arrays)])
    if resampling is None:
        return value
    draws, _ = bootstrap_values(
        metric,
        *arrays,
        clusters=column_of(space.table, "speaker"),
        resamples=resampling.resamples,
        seed=resampling.seed + place,
    )
    return np.concatenate([value, draws])
