"""What the deviation of a rating from its estimate may depend on, and how strongly."""

from __future__ import annotations

import numpy as np

from affectspace.adapt.regression import Setting
from affectspace.evaluation.rows import IntArray
from affectspace.model.network import Array

OFFSET, AXES, FEATURES = 0.5, 0.1, (0.1, 0.3, 1.0, 3.0, 10.0)  # prior variances, in the noise's
SPEAKERS = (0.0, 0.3)
SCALE_ROWS = 20.0  # rows for which the training rows' deviation of each feature counts


class Columns:
    """What a deviation may depend on: blocks of columns, centred over all rows."""

    def __init__(self, axes: Array, standardised: Array, number: int) -> None:
        self.number, self.labels = number, axes.shape[1]
        self.axis_centre, self.axis_scale = axes.mean(axis=0), _positive(axes.std(axis=0))
        self.centre = standardised.mean(axis=0)
        n, variances = len(standardised), standardised.var(axis=0)  # 1 among the training rows
        own = np.sqrt((n * variances + SCALE_ROWS) / (n + SCALE_ROWS))
        self.scale = own * np.sqrt(standardised.shape[1])
        self.axes, self.standardised = axes, standardised

    def blocks(self, rows: IntArray) -> list[Array]:
        """Offset, own axis, other axes, features: `(len(rows), columns)` each."""
        axes = (self.axes[rows] - self.axis_centre) / self.axis_scale
        features = (self.standardised[rows] - self.centre) / self.scale
        own = axes[:, [self.number]]
        return [np.ones((len(rows), 1)), own, np.delete(axes, self.number, axis=1), features]

    def correction(self, coefficients: list[Array]) -> tuple[Array, Array, float]:
        """The coefficients on the axes `(labels,)`, the features `(f,)`, and the offset."""
        offset, own, others, features = coefficients
        mixing = np.insert(others, self.number, own[0]) / self.axis_scale
        weights = features / self.scale
        constant = offset[0] - mixing @ self.axis_centre - weights @ self.centre
        return mixing, weights, float(constant)


def _positive(deviation: Array) -> Array:
    """A deviation to divide by; what doesn't vary stays at 0 when centred."""
    return np.where(deviation > 1e-6, deviation, 1.0)


def family_of(labels: int, *, shift_only: bool, mix: bool) -> list[tuple[str, Setting]]:
    """The steps, each with its name and its prior variances."""
    steps = [("nothing", (0.0, 0.0, 0.0, 0.0)), ("offset", (OFFSET, 0.0, 0.0, 0.0))]
    if not shift_only:
        steps.append(("gain", (OFFSET, AXES, 0.0, 0.0)))
    if not shift_only and mix:
        others = (0.0, AXES) if labels > 1 else (0.0,)
        steps += [("axes", (OFFSET, AXES, other, 0.0)) for other in others if other]
        steps += [("features", (OFFSET, AXES, other, x)) for other in others for x in FEATURES]
    return [(name, Setting(step, groups)) for name, step in steps for groups in SPEAKERS]
