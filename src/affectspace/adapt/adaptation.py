"""A model meets a new language: a few rated utterances, as much change as they bear out.

What the ratings deviate from the model's estimates is explained by a nested family: nothing; an
offset; a gain of the label's own axis; the other labels' axes; and all standardised features. Each
step is shrunk towards the one before it, and all are averaged by their marginal likelihood, see
[`regression`][affectspace.adapt.regression]. Whether the outcome is used at all is decided by what
it says of speakers that were left out, in the measure that is the goal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from threadpoolctl import threadpool_limits

from affectspace.adapt.columns import Columns, family_of
from affectspace.adapt.correction import Correction, can_mix, corrected, no_correction
from affectspace.adapt.expectation import RESAMPLES, as_records, expected_gain
from affectspace.adapt.regression import Regression, Setting, regress
from affectspace.errors import TableError
from affectspace.evaluation.calibrate import interval_of
from affectspace.evaluation.metrics import ccc
from affectspace.evaluation.rows import IntArray, known_speakers, speaker_codes
from affectspace.features import FeatureTable
from affectspace.model import AffectModel
from affectspace.model.alignment import moved_off
from affectspace.model.network import LABEL_SCALE, Array

Goal = Literal["agreement", "error"]

FEWEST = 5  # ratings of a label from which more than its offset may change
FEWEST_SPEAKERS = 3  # from which whole speakers are left out instead of rows
STRETCH_ROWS = 10.0  # ratings from which half of the stretch is believed
MOST_STRETCH = 2.5
INTERVAL_ROWS = 20.0  # ratings from which the new interval counts as much as the old


@dataclass(frozen=True, eq=False)
class Choice:
    """What was made of one label.

    Attributes:
        label: the label.
        ratings: how many there were.
        speakers: of how many known speakers.
        step: how far it went: `kept` as it was, `offset`, or `full`.
        why: the reason where it wasn't `full`, in words; else empty.
        probabilities: of the steps of the family, `nothing`, `offset`, `gain`, `axes`, `features`.
        stretch: what the spread of the estimates was multiplied by for agreement, 1 or more.
    """

    label: str
    ratings: int
    speakers: int
    step: Literal["kept", "offset", "full"]
    why: str
    probabilities: Mapping[str, float]
    stretch: float = 1.0


@dataclass(frozen=True, eq=False)
class Adaptation:
    """An adapted model, and what it is expected to be worth.

    Attributes:
        model: the adapted model; the one that came, unchanged, where nothing was expected to help.
        expected: a row per label and metric (`ccc`, `mae`), for speakers that were left out:
            `label`, `metric`, `before`, `after`, `gain` (above 0 is better), `low`, `high` (the
            interval of the gain, 95 %), `n`, `groups`. NaN where undefined.
        choices: of each label.
        correction: what was built into the model.
        start: the model that came.
    """

    model: AffectModel
    expected: pd.DataFrame
    choices: Mapping[str, Choice]
    correction: Correction
    start: AffectModel

    @property
    def changed(self) -> bool:
        """Whether the model's estimates changed at all."""
        return any(choice.step != "kept" for choice in self.choices.values())


@dataclass(frozen=True, eq=False)
class _Fitted:
    """One label: its column of the correction, and errors on what was left out."""

    choice: Choice
    mixing: Array
    weights: Array
    offset: float
    truth: Array
    before: Array
    after: Array
    groups: IntArray


def adapt(
    model: AffectModel,
    features: npt.ArrayLike | pd.DataFrame | FeatureTable,
    ratings: pd.DataFrame,
    *,
    speakers: npt.ArrayLike | None = None,
    goal: Goal = "agreement",
    resamples: int = RESAMPLES,
) -> Adaptation:
    """Adapt a model to a few rated utterances of a new language, channel or group of raters.

    Args:
        model: the model; it isn't changed.
        features: `(n, f)`, as the model takes them. Rows with a NaN are left out.
        ratings: n rows, a column for some or all of the model's labels, 1 to 5; NaN where
            unrated. Rows without any rating count for the spread of the features only.
        speakers: of each row, `(n,)`, None where unknown. With 3 or more among a label's rated
            rows, whole speakers are left out to decide and to measure; else single rows, which
            promises too much where rows of one speaker are alike.
        goal: `agreement` (the concordance correlation coefficient): where the estimates spread less
            than the ratings, as the best guess of an uncertain rating does, they are stretched.
            `error`: they aren't, which makes the squared error smaller.
        resamples: of the intervals of the expected gain; 0 leaves them out.

    Returns:
        The adaptation. A label with fewer than 5 ratings, or whose ratings are all the same, only
        shifts; one without ratings, or where left-out ratings are not met better, stays.

    Raises:
        ContractError: if the features aren't the model's.
        TableError: if there is no rating column of the model's, the rows don't match, or a rating
            isn't from 1 to 5.
    """
    if goal not in ("agreement", "error"):
        raise ValueError(f"goal should be 'agreement' or 'error', not {goal!r}")
    standardised = model.standardise(features)
    rated = check_ratings(model, ratings, len(standardised))
    names = known_speakers(np.full(len(rated), None) if speakers is None else speakers)
    if len(names) != len(rated):
        raise TableError(f"expected a speaker for each of {len(rated)} rows, not {len(names)}")
    there = np.isfinite(standardised).all(axis=1)
    standardised, rated, names = standardised[there], rated[there], names[there]
    axes = model.axis_values(model.encode(features)[there]).to_numpy()
    fitted = [
        _fit(model, number, axes, standardised, rated[:, number], names, goal)
        for number in range(len(model.labels))
    ]
    correction = Correction(
        np.column_stack([part.mixing for part in fitted]),
        np.column_stack([part.weights for part in fitted]),
        np.array([part.offset for part in fitted]),
    )
    choices = {part.choice.label: part.choice for part in fitted}
    expected = pd.concat(
        [
            expected_gain(
                part.choice.label,
                part.truth,
                part.before,
                part.after,
                part.groups,
                resamples=resamples,
            )
            for part in fitted
        ],
        ignore_index=True,
    )
    adaptation = Adaptation(model, expected, choices, correction, start=model)
    if not adaptation.changed:
        return adaptation
    used = [known for known, row in zip(names, rated, strict=True) if np.isfinite(row).any()]
    record = _record(model, adaptation, goal, rated, standardised, used)
    adapted = _with_intervals(corrected(model, correction), fitted)
    moved = [label for label, choice in choices.items() if choice.step != "kept"]
    return replace(adaptation, model=_named(adapted, record, moved))


def check_ratings(model: AffectModel, ratings: pd.DataFrame, n: int) -> Array:
    """Return ratings in the order of the model's labels, `(n, labels)`.

    Raises:
        TableError: if there is no column of the model's, there aren't n rows, or a rating isn't
            from 1 to 5.
    """
    known = [label for label in model.labels if label in ratings]
    if not known:
        raise TableError(
            f"the model estimates {' and '.join(model.labels) or 'no rating'}; the ratings have "
            f"the columns {', '.join(map(str, ratings.columns)) or 'none'}"
        )
    if len(ratings) != n:
        raise TableError(f"expected a row of ratings for each of {n} rows, not {len(ratings)}")
    columns = np.full((n, len(model.labels)), np.nan)
    for label in known:
        values = pd.to_numeric(ratings[label], errors="coerce").to_numpy(np.float64)
        unreadable = np.isnan(values) & ratings[label].notna().to_numpy()
        outside = unreadable | (values < LABEL_SCALE[0]) | (values > LABEL_SCALE[1])
        if outside.any():
            raise TableError(
                f"{label} should be a number from 1 to 5; {int(outside.sum())} of {n} are not, "
                f"the first is {ratings[label].to_numpy()[outside][0]!r}"
            )
        columns[:, model.labels.index(label)] = values
    return columns


def _fit(
    model: AffectModel,
    number: int,
    axes: Array,
    standardised: Array,
    ratings: Array,
    names: npt.NDArray[np.object_],
    goal: Goal,
) -> _Fitted:
    """Fit one label."""
    label, own = model.labels[number], no_correction(model)
    rows = np.flatnonzero(np.isfinite(ratings))
    truth = ratings[rows]
    before = own.estimates(axes[rows], standardised[rows])[:, number]
    codes, count = speaker_codes(names[rows])
    groups = codes if count >= FEWEST_SPEAKERS else np.arange(len(rows))
    unknown = "\uffff" in names[rows]
    choice = Choice(label, len(rows), count - unknown, "kept", "no ratings", {})
    unchanged = _Fitted(
        choice, own.mixing[:, number], own.weights[:, number], own.offsets[number], truth, before,
        before, groups,
    )  # fmt: skip
    if not len(rows):
        return unchanged
    few = len(rows) < FEWEST or np.ptp(truth) == 0
    columns = Columns(axes, standardised, number)
    family = family_of(len(model.labels), shift_only=few, mix=can_mix(model))
    settings = [setting for _, setting in family]
    with threadpool_limits(limits=1):  # small matrices: threads cost more than they give
        found = regress(truth - before, columns.blocks(rows), groups, settings)
    probabilities = _by_step(family, found)
    after, stretch, around = before + found.left_out, 1.0, 0.0
    worse = _is_worse(truth, before, after)
    if goal == "agreement" and not few:
        stretch, around = _stretch(truth, after)
        after = _stretched_apart(truth, after, groups)
        worse = worse or not ccc(truth, after) > ccc(truth, before)
    if worse:
        why = "ratings that were left out were not met better"
        kept = replace(choice, why=why, probabilities=probabilities)
        return replace(unchanged, choice=kept)
    mixing, weights, offset = columns.correction(found.coefficients)
    mixing, weights = mixing + unchanged.mixing, weights + unchanged.weights
    offset += unchanged.offset
    if few:
        why = f"{len(rows)} ratings" if len(rows) < FEWEST else "all ratings are the same"
        choice = replace(choice, step="offset", why=why, probabilities=probabilities)
        return _Fitted(choice, mixing, weights, offset, truth, before, after, groups)
    choice = replace(choice, step="full", why="", probabilities=probabilities, stretch=stretch)
    offset = around + stretch * (offset - around)
    return _Fitted(
        choice, mixing * stretch, weights * stretch, offset, truth, before, after, groups
    )


def _is_worse(truth: Array, before: Array, after: Array) -> bool:
    """Whether left-out ratings are met worse than before, by more than one standard error."""
    worse = (truth - after) ** 2 - (truth - before) ** 2
    return len(worse) > 1 and bool(worse.mean() > worse.std() / np.sqrt(len(worse)))


def _by_step(family: list[tuple[str, Setting]], found: Regression) -> dict[str, float]:
    shares = pd.Series(found.probabilities).groupby([name for name, _ in family], sort=False).sum()
    return {str(name): round(float(share), 4) for name, share in shares.items()}


def _stretch(truth: Array, estimates: Array) -> tuple[float, float]:
    """What to multiply the spread of estimates by, 1 or more, and around what.

    Agreement is best where both spread alike. Few ratings know little of either spread.
    """
    around, spread = float(estimates.mean()), float(estimates.std())
    if spread < 1e-6 or np.mean((truth - truth.mean()) * (estimates - around)) <= 0:
        return 1.0, around
    ratio = float(np.clip(truth.std() / spread, 1.0, MOST_STRETCH))
    return ratio ** (len(truth) / (len(truth) + STRETCH_ROWS)), around


def _stretched_apart(truth: Array, estimates: Array, groups: IntArray) -> Array:
    """Stretch each group's estimates as the other groups' ratings say."""
    stretched = np.empty_like(estimates)
    for group in np.unique(groups):
        inside = groups == group
        factor, around = _stretch(truth[~inside], estimates[~inside])
        stretched[inside] = around + factor * (estimates[inside] - around)
    return stretched


def _with_intervals(model: AffectModel, fitted: list[_Fitted]) -> AffectModel:
    """Intervals of the errors on left-out rows, blended with those that the model had.

    A label that ratings moved is on their collection's scale, so nothing is left to align it by.
    """
    old = model.calibration
    if old is None:
        return model
    intervals, collections = dict(old.intervals), dict(old.collections)
    for part in fitted:
        label, n = part.choice.label, len(part.truth)
        if part.choice.step != "kept":
            collections.pop(label, None)
        if part.choice.step == "kept" or label not in intervals or n < FEWEST:
            continue
        share = n / (n + INTERVAL_ROWS)
        new = interval_of([part.truth - part.after], coverage=old.coverage)
        low, high = (
            share * a + (1 - share) * b for a, b in zip(new, intervals[label], strict=True)
        )
        intervals[label] = (low, high)
    return replace(model, calibration=replace(old, intervals=intervals, collections=collections))


def _record(
    model: AffectModel,
    adaptation: Adaptation,
    goal: Goal,
    ratings: Array,
    standardised: Array,
    speakers: list[object],
) -> dict[str, Any]:
    """What the folder says of the adaptation; plain JSON."""
    digest = hashlib.sha256(np.ascontiguousarray(ratings).tobytes())
    digest.update(np.ascontiguousarray(standardised).tobytes())
    return {
        "from": {"name": model.name, "version": model.version, "source": model.source},
        "goal": goal,
        "rows": len(ratings),
        "rated": int(np.isfinite(ratings).any(axis=1).sum()),
        "speakers": len(set(speakers) - {"\uffff"}),
        "sha256": digest.hexdigest(),
        "choices": {
            label: {
                "step": choice.step,
                "why": choice.why,
                "ratings": choice.ratings,
                "probabilities": dict(choice.probabilities),
                "stretch": round(choice.stretch, 4),
            }
            for label, choice in adaptation.choices.items()
        },
        "expected": as_records(adaptation.expected),
    }


def _named(model: AffectModel, record: dict[str, Any], moved: list[str]) -> AffectModel:
    earlier = model.record.get("adapted", [])
    name = model.name or model.objective.name
    return replace(
        model,
        name=name if earlier else f"{name}, adapted",
        record={**moved_off(model.record, moved), "adapted": [*earlier, record]},
        source="",
    )
