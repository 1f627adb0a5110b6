"""The log-ratio loss."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from affectspace.losses.pairs import Block, distances, mean_over_blocks, own_axes
from affectspace.losses.rows import columns

EPSILON = 0.01
"""Added to squared distances of embeddings: a tenth of a unit, squared.

On an axis of one dimension, rows that should change places have to meet. With 1e-6 the logarithm
keeps them apart, and the axis stays in the order in which it began.
"""


def log_ratio_loss(
    embeddings: Tensor,
    labels: Tensor,
    *,
    groups: Tensor | None = None,
    weights: Tensor | None = None,
    epsilon: float = EPSILON,
) -> Tensor:
    r"""Log-ratio loss: ratios of distances in the space are those of the labels.

    For an anchor a and two other rows i and j, with D the squared Euclidean distance,

        l(a, i, j) = ( log D(z_a, z_i) / D(z_a, z_j) - log D(y_a, y_i) / D(y_a, y_j) )^2

    L is the mean over all triplets of labelled rows, summed over the labels. A single label is
    compared with distances in the whole space; of several, label j with distances on dimension j.
    With `groups`, all three rows are of one group.[^1]

    Triplets are never formed. With `u_i = log D(z_a, z_i) - log D(y_a, y_i)` and m partners of an
    anchor, the sum over all i and j of `(u_i - u_j)^2` is `2 m sum (u_i - mean u)^2`, so the cost
    is O(n^2).

    Zero distances have no logarithm. A row with the anchor's own label is no partner of it, as no
    distance in the space could be right. To squared distances in the space `epsilon` is added, or
    rows on an axis could never pass each other.

    Unlike in the metric loss, only ratios are asked for: the scale of the space and the direction
    of an axis stay open, and one label's worth of difference may be any length.

    [^1]: Kim, S., Seo, M., Laptev, I., Cho, M., Kwak, S. (2019). Deep metric learning beyond binary
        supervision. CVPR. There, a batch holds one anchor, its nearest neighbours and others;
        here, every row is an anchor, and all triplets of a batch count.

    Args:
        embeddings: shape `(n, d)`, floating point. Leading dimensions are separate problems.
        labels: shape `(n,)` or `(n, k)`, ratings; NaN where a row is unlabelled.
            `k` is at most `d`.
        groups: shape `(n,)`, integers; the group of each row.
        weights: shape `(n,)` or `(n, k)`; how much a row's label counts, at least 0. A triplet
            counts as the product of its rows' weights.
        epsilon: added to squared distances in the space, above 0.

    Returns:
        The loss, shape `()`, or the leading shape of the input; at least 0. A label without
        triplets adds nothing, and has no gradient.

    Raises:
        ValueError: if the shapes do not agree, or there are more labels than dimensions.

    Examples:
        >>> labels = torch.tensor([1.0, 2.0, 4.0])
        >>> log_ratio_loss(-3 * labels[:, None], labels).item() < 1e-5
        True
    """
    of_labels, of_rows = columns(embeddings, labels, weights)
    axes = own_axes(embeddings, of_labels)
    return log_ratio_terms(
        embeddings, axes, of_labels, groups=groups, weights=of_rows, epsilon=epsilon
    ).sum(-1)


def log_ratio_terms(
    embeddings: Tensor,
    axes: Tensor,
    labels: Tensor,
    *,
    groups: Tensor | None = None,
    n_groups: int | None = None,
    weights: Tensor | None = None,
    epsilon: float = EPSILON,
) -> Tensor:
    """The loss of each label, `(..., k)`, on dimensions that have been chosen already.

    For the arguments see `mean_over_blocks` in `affectspace.losses.pairs`.
    """
    return mean_over_blocks(
        partial(_over_triplets, epsilon=epsilon),
        embeddings,
        axes,
        labels,
        groups=groups,
        n_groups=n_groups,
        weights=weights,
    )


def _over_triplets(block: Block, *, epsilon: float) -> tuple[Tensor, Tensor]:
    """The weighted sum over the triplets of each group, and their weight, `(..., groups)` each."""
    of_labels = (block.labels.unsqueeze(-1) - block.labels.unsqueeze(-2)).square()
    partners = (of_labels > 0) & block.filled.unsqueeze(-1) & block.filled.unsqueeze(-2)
    weight = torch.where(partners, block.weights.unsqueeze(-2), 0)
    of_space = distances(block.embeddings).square() + epsilon
    mismatch = (of_space / torch.where(partners, of_labels, 1)).log()
    around = weight.sum(-1)
    centre = (weight * mismatch).sum(-1) / torch.where(around > 0, around, 1)
    squares = (weight * (mismatch - centre.unsqueeze(-1)).square()).sum(-1)
    total = (block.weights * 2 * around * squares).sum(-1)
    pairs = around.square() - weight.square().sum(-1)
    return total, (block.weights * pairs).sum(-1)


class LogRatioLoss(nn.Module):
    """[`log_ratio_loss`][affectspace.losses.log_ratio_loss] as a stateless module."""

    def __init__(self, epsilon: float = EPSILON) -> None:
        super().__init__()
        self.epsilon = epsilon

    def forward(
        self,
        embeddings: Tensor,
        labels: Tensor,
        groups: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> Tensor:
        """See [`log_ratio_loss`][affectspace.losses.log_ratio_loss]."""
        return log_ratio_loss(
            embeddings, labels, groups=groups, weights=weights, epsilon=self.epsilon
        )
