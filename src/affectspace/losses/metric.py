"""The continuous metric loss."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from affectspace.losses.rows import axis_values, columns, is_contrast, known_rows, sums


class MetricLoss(NamedTuple):
    """The continuous metric loss and its parts.

    `loss` is the sum over the labels of `residual + |slope - 1|`.

    Attributes:
        loss: L_met, shape `()`, or the leading shape of the input; at least 0.
        residual: L_res, one value per label (no axis for a single label); at least 0.
        slope: p, one value per label; 1 where the label gives no pair to learn from, so that such a
            label adds nothing to the loss.
    """

    loss: Tensor
    residual: Tensor
    slope: Tensor


def continuous_metric_loss(
    embeddings: Tensor,
    labels: Tensor,
    *,
    groups: Tensor | None = None,
    weights: Tensor | None = None,
) -> MetricLoss:
    r"""Continuous metric loss: embedding differences follow label differences with slope one.

    For every pair of labelled rows let `l_d` be the difference of their labels, and `z_d` that of
    their embeddings (the mean over the latent dimensions). Then[^1]

        p     = (l_d' l_d)^-1 l_d' z_d
        L_res = E || z_d - p l_d ||^2
        L_met = L_res + | p - 1 |

    The pairs are never formed. With labels and embeddings centred over the n labelled rows,
    `p = sum(l z) / sum(l^2)` and `L_res = 2 / (n - 1) sum((z - p l)^2)` are the same numbers,
    in O(n).
    With `groups`, pairs are formed within a group only (say a corpus, so that one corpus's rating
    habits are never compared with another's), and the sums are weighted by each group's number of
    rows.
    With `weights`, a pair counts as the product of its rows' weights: the sums and the centres are
    weighted, n becomes the sum of the weights W, and n (n - 1) the weight of all pairs,
    W^2 - sum(w^2).

    A single label is compared with the mean over all latent dimensions. Of several labels, label j
    is compared with dimension j; further dimensions stay free.

    Differences to other metric losses: no classes and no triplets (triplet, centre loss), no ratio
    of distances (log-ratio loss), no ranking (Rank-N-Contrast): the difference itself is matched,
    with its sign, so the axis comes out in rating units.

    [^1]: Das et al.: Continuous Metric Learning For Transferable Speech Emotion Recognition and
        Embedding Across Low-resource Languages, NLDL 2022, <https://arxiv.org/abs/2203.14867>

    Args:
        embeddings: shape `(n, d)`, floating point. Leading dimensions are separate problems.
        labels: shape `(n,)` or `(n, k)`, ratings; NaN where a row is unlabelled.
            `k` is at most `d`.
        groups: shape `(n,)`, integers; the group of each row.
        weights: shape `(n,)`, or `(n, k)` with one for each label; how much a row's label counts,
            at least 0, only their ratios matter. A row of weight 0 is as good as unlabelled.

    Returns:
        The loss and its parts. A label with fewer than 2 labelled rows (in every group), or with
        constant labels, contributes a residual of 0 and a slope of 1, and no gradient.

    Raises:
        ValueError: if the shapes do not agree, or there are more labels than dimensions.

    Examples:
        >>> labels = torch.tensor([1.0, 2.0, 3.0, float("nan")])
        >>> embeddings = torch.tensor([[2.0, 2.0], [4.0, 4.0], [6.0, 6.0], [9.0, 0.0]])
        >>> continuous_metric_loss(embeddings, labels)
        MetricLoss(loss=tensor(1.), residual=tensor(0.), slope=tensor(2.))
    """
    of_labels, of_rows = columns(embeddings, labels, weights)
    values = axis_values(embeddings, of_labels)
    residual, slope = metric_terms(values, of_labels, groups=groups, weights=of_rows)
    loss = (residual + (slope - 1).abs()).sum(-1)
    return (
        MetricLoss(loss, residual[..., 0], slope[..., 0])
        if labels.ndim < embeddings.ndim
        else MetricLoss(loss, residual, slope)
    )


def metric_terms(
    values: Tensor,
    labels: Tensor,
    *,
    groups: Tensor | None = None,
    n_groups: int | None = None,
    weights: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Residual and slope of each axis on its own label, over all labelled pairs.

    The core of [`continuous_metric_loss`][affectspace.losses.continuous_metric_loss], for axes that
    have been formed already.

    Args:
        values: shape `(..., n, k)`, the value of each row on the axis of each label.
        labels: shape `(..., n, k)`, NaN where unlabelled.
        groups: shape `(..., n)` or `(n,)`, integers; pairs are formed within a group.
        n_groups: with it, the groups must be 0 to `n_groups - 1`, and need not be searched.
        weights: shape `(..., n, k)`, at least 0: how much each label counts.

    Returns:
        Residual and slope, each of shape `(..., k)`; 0 and 1 for a label without a pair, or
        constant.
    """
    label, value, weight = known_rows(values, labels, weights)
    root = weight if weights is None else weight.sqrt()
    total, spread = sums(groups, n_groups)

    def weighted(rows: Tensor) -> Tensor:
        return rows if weights is None else weight * rows

    n = total(weight)
    per_group = n.clamp(min=torch.finfo(n.dtype).tiny)
    per_row = spread(per_group)
    label_c = (label - spread(total(weighted(label))) / per_row) * root
    value_c = (value - spread(total(weighted(value))) / per_row) * root

    def over_pairs(rows: Tensor) -> Tensor:
        return (n * total(rows)).sum(-2)

    one = 1 if weights is None else total(weight**2) / per_group
    pairs = (n * (n - one)).sum(-2)
    label_label = over_pairs(label_c**2)
    contrast = is_contrast(label_label, over_pairs(weighted(label**2)))
    if weights is not None:
        contrast = contrast & (pairs > 0)  # rounding can leave the heaviest row alone
    slope = over_pairs(label_c * value_c) / torch.where(contrast, label_label, 1)
    squares = over_pairs((value_c - slope.unsqueeze(-2) * label_c) ** 2)
    residual = 2 * squares / torch.where(contrast, pairs, 1)
    return torch.where(contrast, residual, 0), torch.where(contrast, slope, 1)


class ContinuousMetricLoss(nn.Module):
    """[`continuous_metric_loss`][affectspace.losses.continuous_metric_loss] as a stateless module.

    Returns the loss alone; call the function for residual and slope.

    Examples:
        >>> loss = ContinuousMetricLoss()
        >>> embeddings = torch.tensor([[0.0], [1.0], [3.0]], requires_grad=True)
        >>> loss(embeddings, torch.tensor([1.0, 2.0, 5.0])).backward()
        >>> embeddings.grad.shape
        torch.Size([3, 1])
    """

    def forward(
        self,
        embeddings: Tensor,
        labels: Tensor,
        groups: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> Tensor:
        """See [`continuous_metric_loss`][affectspace.losses.continuous_metric_loss]."""
        return continuous_metric_loss(embeddings, labels, groups=groups, weights=weights).loss
