"""How a network's outputs rise with its inputs: exact gradients of piecewise linear layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from affectspace.model.network import Array, Layer

_BLOCK = 2**21
"""Numbers held at once for the pieces of some rows' paths: 16 MB."""

_PIECES = 64
"""Pieces that the path of a row is reckoned to have when rows are put into blocks."""


def mean_gradient(
    layers: Sequence[Layer],
    weights: Mapping[str, npt.NDArray[np.float32]],
    start: Array,
    end: Array,
    outputs: Array,
) -> Array:
    """The gradient of some outputs, averaged over the straight line from `start` to `end`.

    Between the points where a ReLU switches, the network is linear and its gradient constant. So
    the average is an exact, finite sum: the switching points are found layer by layer, and each
    piece of the line counts by its length. Times `end - start` it is the integrated gradient, which
    adds up to the difference of the outputs.[^1]

    Args:
        layers: from the inputs on.
        weights: `NAME.weight` `(inputs, outputs)` and `NAME.bias` of each layer.
        start: shape `(n, f)`.
        end: shape `(n, f)`; where it equals `start`, the gradient is the one at that point.
        outputs: what is derived, as weights of the last layer's outputs, shape `(last, k)`.

    Returns:
        Shape `(n, k, f)`; a row with a NaN in `start` or `end` is all NaN.

    [^1]: Sundararajan, M., Taly, A., Yan, Q. (2017). Axiomatic attribution for deep networks. ICML.
    """
    known = np.isfinite(start).all(axis=1) & np.isfinite(end).all(axis=1)
    first, *later = layers
    ends = [_affine(first, weights, point[known]) for point in (start, end)]
    gradients = np.full((len(start), outputs.shape[1], first.inputs), np.nan)
    rows = max(1, _BLOCK // (_PIECES * max(layer.outputs for layer in layers)))
    kernel = weights[f"{first.name}.weight"].T.astype(np.float64)
    for i in range(0, int(known.sum()), rows):
        block = slice(i, i + rows)
        hidden = _mean_over_path(first, later, weights, ends[0][block], ends[1][block], outputs)
        gradients[np.flatnonzero(known)[block]] = hidden @ kernel
    return gradients


def _mean_over_path(
    first: Layer,
    later: Sequence[Layer],
    weights: Mapping[str, npt.NDArray[np.float32]],
    start: Array,
    end: Array,
    outputs: Array,
) -> Array:
    """The mean gradient with respect to the first layer's sums, shape `(n, k, units)`."""
    times = np.tile([0.0, 1.0], (len(start), 1))
    layers = [first, *later]
    for depth, layer in enumerate(layers):
        if layer.relu:
            sums = _sums_at(times, start, end, layers[: depth + 1], weights)[-1]
            times = _with_crossings(times, sums)
    lengths, middles = np.diff(times), (times[:, 1:] + times[:, :-1]) / 2
    sums_of_layers = _sums_at(middles, start, end, layers, weights)
    gradient: Array = np.broadcast_to(outputs.T, (*middles.shape, *outputs.T.shape))
    for layer, sums in zip(reversed(layers), reversed(sums_of_layers), strict=True):
        if layer.relu:
            gradient = gradient * (sums > 0)[:, :, None, :]
        if layer is not first:
            gradient = gradient @ weights[f"{layer.name}.weight"].T
    mean: Array = np.einsum("np,npku->nku", lengths, gradient)
    return mean


def _sums_at(
    times: Array,
    start: Array,
    end: Array,
    layers: Sequence[Layer],
    weights: Mapping[str, npt.NDArray[np.float32]],
) -> list[Array]:
    """Each layer's sums before its ReLU, at points of the path, shape `(n, points, units)`."""
    found = [start[:, None] + times[:, :, None] * (end - start)[:, None]]
    for before, layer in pairwise(layers):
        values = np.maximum(found[-1], 0) if before.relu else found[-1]
        found.append(_affine(layer, weights, values))
    return found


def _with_crossings(times: Array, sums: Array) -> Array:
    """The times, and those between them where a sum passes 0; sorted, filled up with 1."""
    before, after = sums[:, :-1], sums[:, 1:]
    passes = before * after < 0
    share = np.where(passes, before, 0.0) / np.where(passes, before - after, 1.0)
    found = np.where(passes, times[:, :-1, None] + share * np.diff(times)[:, :, None], 1.0)
    found = np.sort(found.reshape(len(times), -1), axis=1)
    most = int(passes.sum(axis=(1, 2)).max(initial=0))
    return np.sort(np.concatenate([times, found[:, :most]], axis=1), axis=1)


def _affine(layer: Layer, weights: Mapping[str, npt.NDArray[np.float32]], x: Array) -> Array:
    out: Array = x @ weights[f"{layer.name}.weight"] + weights[f"{layer.name}.bias"]
    return out
