"""From the axes of a trained model to rating units."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from affectspace.model import AffectModel

Column = npt.NDArray[np.floating]


class Line(NamedTuple):
    """A straight line: rating = gain * axis + offset."""

    gain: float
    offset: float


def in_rating_units(
    model: AffectModel,
    features: npt.NDArray[np.float32],
    labels: dict[str, Column],
    weights: dict[str, Column],
    groups: npt.NDArray[np.int64] | None,
    *,
    fit_gain: bool,
) -> AffectModel:
    """A model that reads ratings off its axes, after its training rows.

    Args:
        model: trained.
        features: shape `(n, f)`, of its training rows.
        labels: each label of the model, shape `(n,)`, NaN where unrated.
        weights: how much each counts, of the same shape.
        groups: shape `(n,)`, from 0 on; None: all rows are one group.
        fit_gain: whether the gains are fitted as well, or stay at 1, where the loss makes axes in
            rating units.
    """
    axes = model.axis_values(model.encode(features))
    codes = np.zeros(len(features), dtype=np.int64) if groups is None else groups
    lines = {
        label: line_of(
            axes[label].to_numpy(), labels[label], weights[label], codes, fit_gain=fit_gain
        )
        for label in model.labels
    }
    gains = {label: line.gain for label, line in lines.items()} if fit_gain else {}
    return replace(model, gains=gains, offsets={name: x.offset for name, x in lines.items()})


def line_of(
    axis: Column,
    label: Column,
    weight: Column,
    groups: npt.NDArray[np.int64],
    *,
    fit_gain: bool,
) -> Line:
    """How ratings are read off an axis.

    Args:
        axis: shape `(n,)`, the value of each row on the axis.
        label: shape `(n,)`, NaN where unrated.
        weight: shape `(n,)`, at least 0: how much each rating counts.
        groups: shape `(n,)`, from 0 on.
        fit_gain: whether the gain is the least-squares slope of the rating on the axis within
            groups (0 for an axis that is constant), or 1.

    Returns:
        The line; its offset is what the axis times the gain lacks on average, and 0 without a
        rating, so that no NaN reaches the model.
    """
    known = ~np.isnan(label) & (weight > 0)
    if not known.any():
        return Line(1.0, 0.0)
    axis, label, weight, groups = axis[known], label[known], weight[known], groups[known]
    gain = _slope(axis, label, weight, groups) if fit_gain else 1.0
    return Line(gain, float(np.average(label - gain * axis, weights=weight)))


def _slope(axis: Column, label: Column, weight: Column, groups: npt.NDArray[np.int64]) -> float:
    total = np.bincount(groups, weight)

    def centred(values: Column) -> npt.NDArray[np.float64]:
        mean = np.bincount(groups, weight * values) / np.where(total > 0, total, 1)
        found: npt.NDArray[np.float64] = values - mean[groups]
        return found

    along, around = centred(axis), centred(label)
    spread = float((weight * along**2).sum())
    return float((weight * along * around).sum()) / spread if spread > 0 else 0.0
