"""A linear correction of a model's estimates, and the model that has it built in."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from affectspace.model import AffectModel
from affectspace.model.network import SKIP, Array

LEAST_GAIN = 0.2  # rating units per unit of an axis


@dataclass(frozen=True, eq=False)
class Correction:
    """Estimates as a linear function of a model's axes and its standardised features.

    estimates = axes @ mixing + standardised @ weights + offsets

    Attributes:
        mixing: `(labels, labels)`; a column for each label that comes out.
        weights: `(f, labels)`.
        offsets: `(labels,)`, rating units.
    """

    mixing: Array
    weights: Array
    offsets: Array

    def estimates(self, axes: npt.ArrayLike, standardised: npt.ArrayLike) -> Array:
        """Estimates in rating units, `(n, labels)`, of axes `(n, labels)` and features `(n, f)`."""
        return (
            np.asarray(axes) @ self.mixing + np.asarray(standardised) @ self.weights + self.offsets
        )

    def stretched(self, stretch: Array, around: Array) -> Correction:
        """The same, further from a value per label by a factor per label, `(labels,)` each."""
        return Correction(
            self.mixing * stretch,
            self.weights * stretch,
            around + stretch * (self.offsets - around),
        )


def no_correction(model: AffectModel) -> Correction:
    """The model's own estimates as a correction."""
    count = len(model.labels)
    gains = np.array([model.gains.get(label, 1.0) for label in model.labels])
    offsets = np.array([model.offsets[label] for label in model.labels])
    return Correction(np.diag(gains), np.zeros((len(model.mean), count)), offsets)


def can_mix(model: AffectModel) -> bool:
    """Whether each label of a model has an axis that can move without the others."""
    projection = model.objective.projection(model.labels, model.architecture.n_latent)
    return bool(np.linalg.matrix_rank(projection) == len(model.labels))


def corrected(model: AffectModel, correction: Correction) -> AffectModel:
    """A model whose estimates are the corrected ones.

    What a label's own axis is multiplied by becomes its gain. What the other axes and the features
    add goes into the encoder's last layer and its linear shortcut, so the embedding moves along the
    labels' axes, and along these only; a correction by gain and offset leaves it as it is.

    Args:
        model: the model.
        correction: one that mixes axes or weighs features only if
            [`can_mix`][affectspace.adapt.correction.can_mix].
    """
    own = np.diag(correction.mixing)
    mixed = bool((correction.mixing - np.diag(own)).any() or correction.weights.any())
    # an axis that counts for next to nothing would have to move very far to bring in the rest
    gains = np.where(np.abs(own) < LEAST_GAIN, 1.0, own) if mixed else own
    settled = replace(
        model,
        gains=dict(zip(model.labels, gains.tolist(), strict=True)),
        offsets=dict(zip(model.labels, correction.offsets.tolist(), strict=True)),
    )
    if not mixed:
        return settled
    moved = correction.mixing / gains - np.eye(len(gains))
    added = correction.weights / gains
    sizes = model.architecture
    projection = model.objective.projection(model.labels, sizes.n_latent)
    back = np.linalg.pinv(projection)  # (labels, n_latent)
    latent = np.eye(sizes.n_latent) + projection @ moved @ back
    last, weights = sizes.encoder[-1].name, dict(model.weights)
    shortcut = weights[SKIP] @ latent if sizes.skip else 0.0
    weights[f"{last}.weight"] = _single(weights[f"{last}.weight"] @ latent)
    weights[f"{last}.bias"] = _single(weights[f"{last}.bias"] @ latent)
    weights[SKIP] = _single(shortcut + added @ back)
    return replace(settled, architecture=replace(sizes, skip=True), weights=weights)


def _single(values: npt.ArrayLike) -> npt.NDArray[np.float32]:
    return np.asarray(values, dtype=np.float32)
