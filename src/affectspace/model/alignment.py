"""A model on the scale of a collection, which its recordings tell without a rating."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from affectspace.errors import ModelError, TableError

FEWEST = 10
"""Rows from which a collection's own scale is better known than the model's, by
`python -m benchmarks.adapt`."""

if TYPE_CHECKING:
    from affectspace.model.affect import AffectModel
    from affectspace.model.network import Array


def aligned(model: AffectModel, estimates: Array) -> AffectModel:
    """Align a model; see [`AffectModel.aligned`][affectspace.model.AffectModel.aligned].

    Args:
        model: the model.
        estimates: its own, of the collection's recordings, `(n, labels)`. Rows with a NaN are left
            out.
    """
    calibration = model.calibration
    if calibration is None or not calibration.collections:
        raise ModelError(
            "this model can't be aligned with a collection: it doesn't say how collections are "
            "estimated and rated, which training finds out where it calibrates, and which is lost "
            "where a model is adapted to ratings"
        )
    known = estimates[np.isfinite(estimates).all(axis=1)]
    if not len(known):
        raise TableError(f"none of {len(estimates)} rows has features, so there is no collection")
    gains, offsets = dict(model.gains), dict(model.offsets)
    intervals, collections = dict(calibration.intervals), dict(calibration.collections)
    for label, scale in calibration.collections.items():
        column = known[:, model.labels.index(label)]
        placed = scale.place(column, coverage=calibration.coverage)
        gains[label] = placed.gain * gains.get(label, 1.0)
        offsets[label] = placed.gain * offsets[label] + placed.offset
        intervals[label] = placed.interval
        collections[label] = scale.moved(placed.gain, placed.offset)
    name = model.name or model.objective.name
    return replace(
        model,
        name=name if "aligned" in model.record else f"{name}, aligned",
        gains=gains,
        offsets=offsets,
        calibration=replace(calibration, intervals=intervals, collections=collections),
        record={**model.record, "aligned": {"rows": len(known)}},
    )
