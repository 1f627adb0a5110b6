"""The axes of a model's space, and a walk along each: what the decoder makes of a place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectspace.explain.vocabulary import directions, families_of, words
from affectspace.model import AffectModel

Array = npt.NDArray[np.float64]

WALKED = (0.05, 0.95)
"""The shares of the rows between whose places on the axis a walk goes."""

MOST_NOTABLE = 14
"""Features that a figure or a table of a walk shows."""

_SHORT_WALK = 1.0  # rating units to either side, where no rows say how far speech reaches


@dataclass(frozen=True)
class Axis:
    """One direction of a latent space that can be read as a number.

    Attributes:
        name: the label that shaped it, or `z3` for the third latent dimension.
        projection: weights of the latent dimensions, shape (n_latent,), that add up to 1.
        gain: units of the number per unit of the projection.
        offset: what is then added.
        rated: whether the number is in rating units, from 1 to 5; else it's z as it is.
    """

    name: str
    projection: Array
    gain: float = 1.0
    offset: float = 0.0
    rated: bool = False

    @property
    def unit(self) -> str:
        """What the axis is measured in, in words."""
        return f"{self.name} (1 to 5)" if self.rated else self.name

    def places(self, embeddings: npt.ArrayLike) -> Array:
        """Where embeddings (n, n_latent) lie on the axis, shape (n,)."""
        z = np.asarray(embeddings, dtype=np.float64)
        places: Array = z @ self.projection * self.gain + self.offset
        return places


def axes_of(model: AffectModel) -> list[Axis]:
    """The axes of a model: its labels', then each latent dimension that no label shaped.

    A label without an offset, or with a gain of 0, is read in units of z.

    Examples:
        >>> from affectspace.model import load_model
        >>> [(axis.name, axis.rated) for axis in axes_of(load_model("default"))][:2]
        [('activation', True), ('valence', True)]
    """
    count = model.architecture.n_latent
    projections = model.objective.projection(model.labels, count)
    axes = []
    for label, projection in zip(model.labels, projections.T, strict=True):
        gain, offset = model.gains.get(label, 1.0), model.offsets.get(label, np.nan)
        if np.isfinite(offset) and gain != 0:
            axes.append(Axis(label, projection, gain, offset, rated=True))
        else:
            axes.append(Axis(label, projection))
    free = np.flatnonzero(np.abs(projections).sum(axis=1) == 0)
    return axes + [Axis(f"z{i + 1}", np.eye(count)[i]) for i in free]


def walk(
    model: AffectModel,
    axis: Axis,
    embeddings: npt.ArrayLike | None = None,
    *,
    steps: int = 5,
) -> pd.DataFrame:
    """Go along an axis and decode where one stands.

    All other dimensions are kept at what is typical of speech there: their linear regression on the
    axis over the embeddings given. Without embeddings the walk starts at the embedding of the mean
    training utterance, leaves the other dimensions there, and goes one unit to either side.

    The decoder says what features the *autoencoder* expects at a place. What it rebuilds badly
    changes too little here; `reencoded` tells whether the encoder agrees with it on where they are.

    Args:
        model: the model.
        axis: one of [`axes_of`][affectspace.explain.axes.axes_of].
        embeddings: of typical speech, shape (n, n_latent); rows with NaN are left out. The walk
            goes from their 5th to their 95th percentile on the axis.
        steps: how many stops, at equal distances; at least 2.

    Returns:
        A row per stop and feature, in order: `axis`, `stop` (from 0), `place` (on the axis, in its
        units), `reencoded` (the axis's reading of the decoded features), `feature`, `family`,
        `text`, `unit`, `value` (in that unit) and `deviation` (in deviations of the training rows,
        from their mean).

    Raises:
        ValueError: if steps is below 2.
    """
    if steps < 2:
        raise ValueError(f"a walk has at least 2 stops, not {steps}")
    route = _route(model, axis, embeddings)
    places = np.linspace(route.first, route.last, steps)
    values = model.decode(route.centre + np.outer(places - route.start, route.direction))
    deviations = (values - model.mean) / model.scale
    reencoded = axis.places(model.encode(values))
    known = words(feature_names(model))
    count = len(known)
    return pd.DataFrame(
        {
            "axis": axis.name,
            "stop": np.repeat(np.arange(steps), count),
            "place": np.repeat(places, count),
            "reencoded": np.repeat(reencoded, count),
            "feature": [word.feature for word in known] * steps,
            "family": [word.family for word in known] * steps,
            "text": [word.text for word in known] * steps,
            "unit": [word.unit for word in known] * steps,
            "value": values.ravel(),
            "deviation": deviations.ravel(),
        }
    )


def changes(walked: pd.DataFrame) -> pd.DataFrame:
    """What a walk changes from its first stop to its last, by feature.

    Args:
        walked: of one or several axes, from [`walk`][affectspace.explain.axes.walk].

    Returns:
        A row per axis and feature, the largest change first within the axis: `axis, feature,
        family, text, unit, first, last` (values in the unit), `change` (deviations of the training
        rows).
    """
    parts = []
    for _, one in walked.groupby("axis", sort=False):
        first, last = (one[one["stop"] == one["stop"].agg(end)] for end in ("min", "max"))
        part = first[["axis", "feature", "family", "text", "unit"]].reset_index(drop=True)
        part["first"], part["last"] = first["value"].to_numpy(), last["value"].to_numpy()
        part["change"] = last["deviation"].to_numpy() - first["deviation"].to_numpy()
        parts.append(part.sort_values("change", key=np.abs, ascending=False, kind="stable"))
    out: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return out


def notable_changes(
    walked: pd.DataFrame, *, most: int = MOST_NOTABLE, of_family: int = 3
) -> pd.DataFrame:
    """The largest changes of a walk, but only so many of each family, which go together.

    Returns:
        Rows of [`changes`][affectspace.explain.axes.changes], `most` for each axis.
    """
    found = changes(walked)
    found = found[found.groupby(["axis", "family"]).cumcount() < of_family]
    return found[found.groupby("axis").cumcount() < most].reset_index(drop=True)


def family_changes(walked: pd.DataFrame) -> pd.DataFrame:
    """What a walk changes from its first stop to its last, by family.

    Returns:
        A row per axis and family: `axis, family`, `score` (mean change of the features that have a
        direction, each with its sign; NaN without any), `size` (root mean square of all changes),
        in deviations of the training rows, and `words` (`louder`; empty below 0.25 deviations).
    """
    rows = []
    for name, one in changes(walked).groupby("axis", sort=False):
        known = words(one["feature"])
        scores = one["change"].to_numpy() @ directions(known)
        for family, score in zip(families_of(known), scores, strict=True):
            mine = one.loc[one["family"] == family.name, "change"]
            size = float(np.sqrt(np.mean(mine**2)))
            rows.append((name, family.name, score, size, family.word(score)))
    return pd.DataFrame(rows, columns=["axis", "family", "score", "size", "words"])


def feature_names(model: AffectModel) -> list[str]:
    """The names of a model's features; `feature 1`, ... where it has none."""
    if model.feature_names is not None:
        return list(model.feature_names)
    if model.spec is not None:
        return list(model.spec.features)
    return [f"feature {i + 1}" for i in range(len(model.mean))]


class _Route(NamedTuple):
    """A straight way through the latent space: one step of the axis moves z by `direction`."""

    centre: Array
    direction: Array
    start: float  # where the centre lies on the axis
    first: float
    last: float


def _route(model: AffectModel, axis: Axis, embeddings: npt.ArrayLike | None) -> _Route:
    if embeddings is not None:
        z = np.asarray(embeddings, dtype=np.float64)
        z = z[np.isfinite(z).all(axis=1)]
        places = axis.places(z)
        if len(z) > 1 and np.ptp(places) > 0:
            apart = places - places.mean()
            direction = apart @ (z - z.mean(axis=0)) / (apart @ apart)
            first, last = np.quantile(places, WALKED)
            return _Route(z.mean(axis=0), direction, places.mean(), first, last)
    centre = model.encode(model.mean[None])[0]
    direction = axis.projection / (axis.projection @ axis.projection) / axis.gain
    start = float(axis.places(centre[None])[0])
    return _Route(centre, direction, start, start - _SHORT_WALK, start + _SHORT_WALK)
