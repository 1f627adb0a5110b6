"""What the losses over pairs and triplets of rows share: each group's labelled rows by themselves.

These losses compare every row with every other, in O(n^2) time and memory for n labelled rows of a
group. Rows that can't be compared are left out before, and not masked afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from affectspace.losses.rows import is_labelled


class Block(NamedTuple):
    """The labelled rows of each group, m at most; where a group has fewer, `filled` is False.

    Attributes:
        embeddings: shape `(..., groups, m, d)`; 0 where not filled.
        labels: shape `(..., groups, m)`, ascending; infinite where not filled.
        weights: shape `(..., groups, m)`; 0 where not filled.
        filled: shape `(..., groups, m)`.
    """

    embeddings: Tensor
    labels: Tensor
    weights: Tensor
    filled: Tensor


def own_axes(embeddings: Tensor, labels: Tensor) -> Tensor:
    """Which dimensions each label shapes, `(d, k)`, 1 or 0: all for one label, else one each."""
    dimensions, count = embeddings.shape[-1], labels.shape[-1]
    ones = torch.ones(dimensions, count, dtype=embeddings.dtype, device=embeddings.device)
    return ones if count == 1 else torch.eye(dimensions, count).to(ones)


def mean_over_blocks(
    sums_of: Callable[[Block], tuple[Tensor, Tensor]],
    embeddings: Tensor,
    axes: Tensor,
    labels: Tensor,
    *,
    groups: Tensor | None,
    n_groups: int | None,
    weights: Tensor | None,
) -> Tensor:
    """The mean of something over the pairs or triplets of each label, all groups together.

    Args:
        sums_of: gives the weighted sum over each group's pairs or triplets, and the sum of
            their weights, shape `(..., groups)` each.
        embeddings: shape `(..., n, d)`.
        axes: shape `(d, k)` or `(..., d, k)`, 1 where a dimension belongs to a label, else 0.
        labels: shape `(..., n, k)`, NaN where unlabelled.
        groups: shape `(..., n)` or `(n,)`, integers.
        n_groups: with it, the groups must be 0 to `n_groups - 1`, and need not be searched.
        weights: shape `(..., n, k)`, at least 0.

    Returns:
        Shape `(..., k)`; 0 where there is no pair or triplet.
    """
    if 0 in labels.shape[-2:]:
        return embeddings.sum(-2)[..., :1] * labels.sum(-2)  # 0 that still has a gradient
    codes, count = _codes(labels[..., 0], groups, n_groups)
    means = []
    for k in range(labels.shape[-1]):
        own = None if weights is None else weights[..., k]
        inside = embeddings * axes[..., k].unsqueeze(-2)
        total, weight = sums_of(_block(inside, labels[..., k], own, codes, count))
        weight = weight.sum(-1)
        means.append(total.sum(-1) / torch.where(weight > 0, weight, 1))
    return torch.stack(means, dim=-1)


def _codes(rows: Tensor, groups: Tensor | None, n_groups: int | None) -> tuple[Tensor, int]:
    """The group of each row from 0 on, in the shape of the rows, and how many there are."""
    if groups is None:
        return torch.zeros_like(rows, dtype=torch.long), 1
    if n_groups is not None:
        return groups.expand_as(rows), n_groups
    found, codes = torch.unique(groups, return_inverse=True)
    return codes.expand_as(rows), len(found)


def _block(
    embeddings: Tensor, labels: Tensor, weights: Tensor | None, codes: Tensor, n_groups: int
) -> Block:
    codes = torch.where(is_labelled(labels, weights), codes, n_groups)  # the rest comes last
    counts = torch.zeros(*codes.shape[:-1], n_groups + 1, dtype=torch.long, device=codes.device)
    counts = counts.scatter_add(-1, codes, torch.ones_like(codes))[..., :n_groups]
    places = torch.arange(max(1, int(counts.max())), device=codes.device)
    filled = places < counts.unsqueeze(-1)
    positions = (counts.cumsum(-1) - counts).unsqueeze(-1) + places
    by_label = labels.argsort(-1)
    order = by_label.gather(-1, codes.gather(-1, by_label).argsort(stable=True, dim=-1))
    rows = order.gather(-1, positions.clamp(max=codes.shape[-1] - 1).flatten(-2))

    def taken(of_rows: Tensor, otherwise: float) -> Tensor:
        found = of_rows.gather(-1, rows).reshape(filled.shape)
        return torch.where(filled, found, otherwise)

    across = rows.unsqueeze(-1).expand(*rows.shape, embeddings.shape[-1])
    z = embeddings.gather(-2, across).reshape(*filled.shape, -1)
    counted = filled if weights is None else taken(weights, 0)
    return Block(
        torch.where(filled.unsqueeze(-1), z, 0),
        taken(labels, torch.inf).to(embeddings.dtype),
        counted.to(embeddings.dtype),
        filled,
    )


def distances(embeddings: Tensor) -> Tensor:
    """The Euclidean distance of all pairs, `(..., m, m)`; equal rows have no gradient."""
    mode = "donot_use_mm_for_euclid_dist"  # exact for close rows
    return torch.cdist(embeddings, embeddings, compute_mode=mode)
