"""Networks that differ by their seed alone, averaged to one.

What a network gives in another corpus depends on its seed more than the training shows; the mean of
several embeddings depends on it less.[^1] As the last layer is linear, that mean is a network by
itself, with the hidden layers side by side.

[^1]: Hansen, L. K., Salamon, P. (1990). Neural network ensembles. IEEE Trans. Pattern Analysis and
    Machine Intelligence 12(10).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from affectspace.model import AffectModel
from affectspace.model.network import SKIP

Array = npt.NDArray[np.float32]


def averaged(models: Sequence[AffectModel]) -> AffectModel:
    """The network whose embedding is the mean of several networks' embeddings.

    Its decoder is the mean of theirs, and so are its offsets and gains. All else is the first's.

    Args:
        models: trained on the same rows with the same objective and sizes; at least one.

    Raises:
        ValueError: if sizes, objective, standardisation or clip differ.
    """
    first = models[0]
    if len(models) == 1:
        return first
    for other in models[1:]:
        alike = (
            other.architecture == first.architecture
            and other.objective == first.objective
            and other.clip == first.clip
            and np.array_equal(other.mean, first.mean)
            and np.array_equal(other.scale, first.scale)
        )
        if not alike:
            raise ValueError("only models of the same sizes, rows and objective can be averaged")
    old = first.architecture
    sizes = replace(old, hidden=tuple(len(models) * width for width in old.hidden))
    weights: dict[str, Array] = {}
    for layers in (old.encoder, old.decoder):
        for i, layer in enumerate(layers):
            names = f"{layer.name}.weight", f"{layer.name}.bias"
            own = [[model.weights[name] for model in models] for name in names]
            last = i == len(layers) - 1
            weights |= zip(names, _joined(*own, first=i == 0, last=last), strict=True)
    if old.skip:
        weights[SKIP] = np.mean([m.weights[SKIP] for m in models], axis=0)
    return replace(
        first,
        architecture=sizes,
        weights=weights,
        gains={label: float(np.mean([m.gains[label] for m in models])) for label in first.gains},
        offsets={
            label: float(np.mean([m.offsets[label] for m in models])) for label in first.offsets
        },
        record={**first.record, "networks": len(models)},
    )


def _joined(
    weights: Sequence[Array], biases: Sequence[Array], *, first: bool, last: bool
) -> tuple[Array, Array]:
    """A layer of several networks: they share the input of the first, and average in the last."""
    if first and last:
        return np.mean(weights, axis=0), np.mean(biases, axis=0)
    if first:
        return np.concatenate(weights, axis=1), np.concatenate(biases)
    if last:
        return np.concatenate(weights) / np.float32(len(weights)), np.mean(biases, axis=0)
    rows, columns = weights[0].shape
    blocks = np.zeros((len(weights), rows, len(weights), columns), dtype=weights[0].dtype)
    for i, weight in enumerate(weights):
        blocks[i, :, i] = weight
    return blocks.reshape(len(weights) * rows, -1), np.concatenate(biases)
