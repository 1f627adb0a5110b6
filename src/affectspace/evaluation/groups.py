"""Error and bias by gender, age and language: does a model treat groups of speakers alike?

Groups are compared within a corpus only. Corpora differ in their raters, microphones and actors by
as much as half a unit, and that would pose as a difference between groups.

A difference in bias has two sources. An estimate that varies less than the ratings is too low where
these are high, so a group that is rated higher looks underestimated; and the group's voices may be
heard as more or less active than they are. `shift_at_equal_ratings` is the second alone: how much
higher a group is estimated than the other at the same rating (equality of the estimates given the
truth, called separation[^1]). Where raters themselves are prejudiced none of this shows it.

[^1]: Barocas, S., Hardt, M., Narayanan, A. (2023). Fairness and Machine Learning, chapter 3. MIT
    Press.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectspace.evaluation.intervals import (
    DEFAULT,
    Resampling,
    draw_speakers,
    percentile_interval,
)
from affectspace.evaluation.metrics import bias, ccc, form_of, mae, pearson, shift_at_equal
from affectspace.evaluation.results import Result, Setting
from affectspace.evaluation.rows import (
    Array,
    FloatArray,
    IntArray,
    column_of,
    complete_rows,
    known_speakers,
    rows_of,
    speaker_codes,
)
from affectspace.evaluation.sums import Metric
from affectspace.evaluation.transfer import LABELS

ATTRIBUTES = ("gender", "age", "language")
"""Columns of an utterance table that tell groups."""

BANDS: Mapping[str, float] = MappingProxyType(
    {
        "under 18": 18,
        "18 to 29": 30,
        "30 to 44": 45,
        "45 to 59": 60,
        "60 and over": float("inf"),
    }
)
"""Age groups by the age in years that each ends below."""

FEWEST = 3
"""Speakers that a group needs. Of fewer, the figures would be about persons."""

ACTED = ("emotion", "intensity")
"""Columns that say what an unrated utterance is."""

METRICS: tuple[Metric, ...] = (mae, bias, ccc, pearson)
AT_EQUAL_RATINGS = "shift_at_equal_ratings"
AT_EQUAL_EMOTIONS = "shift_at_equal_emotions"
DIFFERENCE = "_difference"
"""What a metric's name ends in where the value is the difference of two groups."""

AGAINST = " against "
"""What stands between the names of two groups in `Setting.group`."""

Mask = npt.NDArray[np.bool_]


def groups_of(table: pd.DataFrame, attribute: str) -> npt.NDArray[np.object_]:
    """The group of each row.

    Args:
        table: the utterance table, n rows.
        attribute: one of `ATTRIBUTES`. Ages, in years, are put into `BANDS`.

    Returns:
        Shape (n,): the attribute's word, or the age band; None where it's unknown.

    Examples:
        >>> groups_of(pd.DataFrame({"age": [9.0, 30.0, None]}), "age").tolist()
        ['under 18', '30 to 44', None]
    """
    values = column_of(table, attribute)
    if attribute == "age":
        years = pd.to_numeric(pd.Series(values), errors="coerce")
        ends = [-np.inf, *BANDS.values()]
        values = np.asarray(pd.cut(years, ends, right=False, labels=list(BANDS)), dtype=object)
    return _words(values)


def score_groups(
    estimates: pd.DataFrame,
    table: pd.DataFrame,
    *,
    setting: Setting,
    labels: Sequence[str] = LABELS,
    attributes: Sequence[str] = ATTRIBUTES,
    resampling: Resampling | None = DEFAULT,
) -> list[Result]:
    """Compare groups of one corpus's speakers.

    For each label, each attribute that the table tells, and each group of at least 3 speakers:
    `mae`, `bias` (mean of the estimate minus the rating), `ccc` and `pearson`, with
    `setting.group` such as `gender: female`. For each two groups, as `gender: female against male`:
    `mae_difference` and so on, the first's minus the second's, and `shift_at_equal_ratings`. Where
    a label isn't rated at all, only `shift_at_equal_emotions`: how much higher the first group is
    estimated for the same emotion, acted as strongly. That is no error: its voices may differ.

    Intervals come from resampling speakers, each group's apart, so that every resample has as many
    of each; who is in two groups (as who speaks two languages) is drawn for both at once.

    Args:
        estimates: a column per label, in the order of the table; NaN where there is none.
        table: the utterance table of one corpus, with `speaker`, the labels, and what there is of
            `gender`, `age` (years), `language`, `emotion` and `intensity`.
        setting: where the estimates come from.
        labels: those to compare; one that isn't estimated is left out.
        attributes: what groups are told by. One with fewer than two groups is left out.
        resampling: how intervals are made; None for none.

    Returns:
        The results, group by group. `n` and `speakers` count what a value rests on.

    Raises:
        TableError: if the rows of the estimates aren't those of the table.

    Examples:
        >>> people = {"speaker": list("abcdef"), "gender": ["female"] * 3 + ["male"] * 3}
        >>> table = pd.DataFrame({**people, "activation": [1.0, 2.0, 3.0, 1.0, 2.0, 3.0]})
        >>> found = pd.DataFrame({"activation": [1.5, 2.5, 3.5, 1.0, 2.0, 3.0]})
        >>> setting = Setting(protocol="p", source="x", target="y", model="joint")
        >>> results = score_groups(found, table, setting=setting)
        >>> {r.setting.group: r.value for r in results if r.metric.startswith("bias")}
        {'gender: female': 0.5, 'gender: male': 0.0, 'gender: female against male': 0.5}
    """
    results: list[Result] = []
    speakers = known_speakers(column_of(table, "speaker"))
    acted = _words(*(column_of(table, name) for name in ACTED))
    for label in labels:
        if label not in estimates:
            continue
        own, ratings = rows_of(estimates[label], table)[:, 0], column_of(table, label)
        rated = not pd.isna(ratings).all()
        for attribute in attributes:
            results += _compared(
                *complete_rows(
                    ratings if rated else acted, own, groups_of(table, attribute), speakers
                ),
                metrics=METRICS if rated else (),
                shift=AT_EQUAL_RATINGS if rated else AT_EQUAL_EMOTIONS,
                result=partial(_result, setting=setting, label=label, attribute=attribute),
                resampling=resampling,
            )
    return results


def _words(*columns: Array) -> Array:
    """Columns as one text a row, shape (n,); None where the first is missing."""
    words = [
        None if pd.isna(row[0]) else " ".join(map(str, row)) for row in zip(*columns, strict=True)
    ]
    return np.array(words, dtype=object)


def _compared(
    given: Array,
    estimates: Array,
    groups: Array,
    speakers: Array,
    *,
    metrics: Sequence[Metric],
    shift: str,
    result: Callable[..., Result],
    resampling: Resampling | None,
) -> Iterator[Result]:
    """Yield the results of one label and attribute; nothing without two large groups.

    Args:
        given: ratings, or words for categories, shape (n,).
        estimates: shape (n,).
        groups: shape (n,).
        speakers: shape (n,).
        metrics: of ratings and estimates, for each group.
        shift: what the shift is called.
        result: see `_result`.
        resampling: how intervals are made; None for none.
    """
    codes, _ = speaker_codes(speakers)
    rows = {group: groups == group for group in _in_order(groups)}
    rows = {group: mask for group, mask in rows.items() if len(set(codes[mask])) >= FEWEST}
    pairs = {f"{one}{AGAINST}{other}": (one, other) for one, other in combinations(rows, 2)}
    weights = _weights(codes, list(rows.values()), resampling)
    measured = partial(result, codes=codes, level=(resampling or DEFAULT).level)

    def values(metric: Metric, mask: Mask, *more: Array) -> FloatArray:
        return form_of(metric)([given[mask], estimates[mask], *more], codes[mask], weights)

    for metric in metrics if pairs else ():
        name = metric.__name__
        found = {group: values(metric, mask) for group, mask in rows.items()}
        for group, mask in rows.items():
            yield measured(group, name, found[group], [mask])
        for pair, (one, other) in pairs.items():
            apart = found[one] - found[other]
            yield measured(pair, name + DIFFERENCE, apart, [rows[one], rows[other]])
    for pair, (one, other) in pairs.items():
        both = rows[one] | rows[other]
        found_shift = values(shift_at_equal, both, rows[one][both].astype(np.float64))
        yield measured(pair, shift, found_shift, [rows[one], rows[other]])


def _in_order(groups: Array) -> list[str]:
    """The groups that occur, the young first."""
    names = sorted(set(groups))
    return [band for band in BANDS if band in names] or names


def _weights(codes: IntArray, rows: Sequence[Mask], resampling: Resampling | None) -> FloatArray:
    """How often each speaker counts: once, then in each resample; shape (1 + resamples, speakers).

    Speakers are drawn among those who are in the same groups.
    """
    count = int(codes.max()) + 1 if len(codes) else 0
    once = np.ones((1, count))
    if resampling is None or not rows:
        return once
    of_groups = np.array([np.bincount(codes[mask], minlength=count) > 0 for mask in rows])
    kinds, kind = np.unique(of_groups.T, axis=0, return_inverse=True)
    drawn = np.empty((resampling.resamples, count))
    for number in range(len(kinds)):
        who = np.flatnonzero(kind == number)
        drawn[:, who] = draw_speakers(
            len(who), resamples=resampling.resamples, seed=resampling.seed + number
        )
    return np.concatenate([once, drawn])


def _result(
    group: str,
    metric: str,
    values: FloatArray,
    rows: Sequence[Mask],
    *,
    codes: IntArray,
    level: float,
    setting: Setting,
    label: str,
    attribute: str,
) -> Result:
    """The figure of a group, or of two: the first of the values, the others are its resamples."""
    counts = [len(set(codes[mask])) for mask in rows]
    together = np.any(rows, axis=0)
    low, high = percentile_interval(values[1:], speakers=min(counts), level=level)
    return Result(
        setting=replace(setting, group=f"{attribute}: {group}"),
        label=label,
        metric=metric,
        value=float(values[0]),
        low=low,
        high=high,
        n=int(together.sum()),
        speakers=len(set(codes[together])),
    )
