"""A model on the scale of a collection, which its recordings tell without a rating."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from affectspace.errors import ModelError, TableError

if TYPE_CHECKING:
    from affectspace.model.affect import AffectModel
    from affectspace.model.calibration import Calibration
    from affectspace.model.network import Array

FEWEST = 10
"""Rows below which a warning says that they tell little of their collection's scale."""

THE_MODELS = "the model's"
"""Whose scale estimates are on that weren't aligned."""

_RECORD = "aligned"
_LOG = logging.getLogger(__name__)


def check_alignable(model: AffectModel) -> Calibration:
    """Refuse a model that can't be aligned.

    Returns:
        Its calibration, which says how collections are estimated and rated.

    Raises:
        ModelError: if it doesn't say how collections are estimated and rated.
    """
    if model.calibration is None or not model.calibration.collections:
        raise ModelError(
            "this model can't be aligned with a collection: it doesn't say how collections are "
            "estimated and rated, which training finds out where it calibrates, and which is lost "
            "where a model is adapted to ratings"
        )
    return model.calibration


def aligned(model: AffectModel, estimates: Array) -> AffectModel:
    """Align a model; see [`AffectModel.aligned`][affectspace.model.AffectModel.aligned].

    Args:
        model: the model.
        estimates: its own, of the collection's recordings, `(n, labels)`. Rows with a NaN are left
            out.
    """
    calibration = check_alignable(model)
    known = estimates[:, [model.labels.index(label) for label in calibration.collections]]
    known = known[np.isfinite(known).all(axis=1)]
    if not len(known):
        raise TableError(f"none of {len(estimates)} rows has estimates, so there is no collection")
    if (n := len(known)) < FEWEST:
        _LOG.warning("aligned with %d rows: fewer than %d tell little of a scale", n, FEWEST)
    gains, offsets = dict(model.gains), dict(model.offsets)
    intervals, collections = dict(calibration.intervals), dict(calibration.collections)
    for (label, scale), column in zip(calibration.collections.items(), known.T, strict=True):
        placed = scale.place(column, coverage=calibration.coverage)
        gains[label] = placed.gain * gains.get(label, 1.0)
        offsets[label] = placed.gain * offsets[label] + placed.offset
        intervals[label] = placed.interval
        try:
            collections[label] = scale.moved(placed.gain, placed.offset)
        except ValueError as error:
            raise ModelError(
                f"{label} can't be aligned: the estimates are nothing like those that the model "
                f"says collections have ({error})"
            ) from None
    placed_at = [(round(gains[label], 4), round(offsets[label], 4)) for label in collections]
    return replace(
        model,
        gains=gains,
        offsets=offsets,
        calibration=replace(calibration, intervals=intervals, collections=collections),
        record={
            **model.record,
            _RECORD: {
                "from": {"name": model.name, "version": model.version, "source": model.source},
                "labels": list(collections),
                "rows": n,
                "sha256": hashlib.sha256(repr(placed_at).encode()).hexdigest(),
            },
        },
    )


def scale_of(model: AffectModel) -> str:
    """On whose scale a model's estimates are, in words; a record that can't be read says little."""
    found = model.record.get(_RECORD)
    if found is None:
        return THE_MODELS
    if not isinstance(found, Mapping):
        return "aligned"
    labels, rows, digest = (found.get(name) for name in ("labels", "rows", "sha256"))
    if (
        type(rows) is not int
        or rows < 1
        or not (isinstance(labels, list) and labels and all(x in model.labels for x in labels))
        or not (isinstance(digest, str) and re.fullmatch("[0-9a-f]{64}", digest))
    ):
        return "aligned"
    labels = [label for label in model.labels if label in labels]
    words = f"aligned with {rows} row{'s' * (rows != 1)} ({digest[:8]})"
    return words if len(labels) == len(model.labels) else f"{words} in {' and '.join(labels)}"


def moved_off(record: Mapping[str, Any], labels: Collection[str]) -> dict[str, Any]:
    """A model's record once some labels have left the scale that they were aligned with.

    Where it can't be read which labels were, none is any more.
    """
    found = record.get(_RECORD)
    if not isinstance(found, Mapping) or not isinstance(found.get("labels"), list):
        return {name: value for name, value in record.items() if name != _RECORD or not labels}
    left = [label for label in found["labels"] if label not in labels]
    rest = {name: value for name, value in record.items() if name != _RECORD}
    return rest | ({_RECORD: {**found, "labels": left}} if left else {})
