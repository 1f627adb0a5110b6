r"""Losses that shape a latent space by ratings.

A pure function computes, an `nn.Module` twin wraps it. Labels are ratings in rating units; NaN is
"unlabelled" and never reaches a gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn


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
    embeddings: Tensor, labels: Tensor, *, groups: Tensor | None = None
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
    single = labels.ndim == embeddings.ndim - 1
    columns = labels.unsqueeze(-1) if single else labels
    agree = columns.shape[:-1] == embeddings.shape[:-1]
    if embeddings.ndim < 2 or not agree:
        raise ValueError(
            "embeddings of shape (n, d) need labels of shape (n,) or (n, k), "
            f"but came {tuple(embeddings.shape)} and {tuple(labels.shape)}"
        )
    count, dimensions = columns.shape[-1], embeddings.shape[-1]
    if count > dimensions:
        raise ValueError(
            f"{count} labels need as many latent dimensions, but there are {dimensions}"
        )
    values = embeddings.mean(-1, keepdim=True) if count == 1 else embeddings[..., :count]
    residual, slope = metric_terms(values, columns, groups=groups)
    loss = (residual + (slope - 1).abs()).sum(-1)
    return (
        MetricLoss(loss, residual[..., 0], slope[..., 0])
        if single
        else MetricLoss(loss, residual, slope)
    )


def metric_terms(
    values: Tensor, labels: Tensor, *, groups: Tensor | None = None, n_groups: int | None = None
) -> tuple[Tensor, Tensor]:
    """Residual and slope of each axis on its own label, over all labelled pairs.

    The core of [`continuous_metric_loss`][affectspace.losses.continuous_metric_loss], for axes that
    have been formed already.

    Args:
        values: shape `(..., n, k)`, the value of each row on the axis of each label.
        labels: shape `(..., n, k)`, NaN where unlabelled.
        groups: shape `(..., n)` or `(n,)`, integers; pairs are formed within a group.
        n_groups: with it, the groups must be 0 to `n_groups - 1`, and need not be searched.

    Returns:
        Residual and slope, each of shape `(..., k)`; 0 and 1 for a label without a pair, or
        constant.
    """
    labelled = ~labels.isnan()
    weight = labelled.to(values.dtype)
    label = torch.where(labelled, labels, 0).to(values.dtype)
    value = torch.where(labelled, values, 0)
    total, spread = _sums(groups, n_groups)

    n = total(weight)
    per_row = spread(n.clamp(min=1))
    label_c = (label - spread(total(label)) / per_row) * weight
    value_c = (value - spread(total(value)) / per_row) * weight

    def over_pairs(rows: Tensor) -> Tensor:
        return (n * total(rows)).sum(-2)

    label_label = over_pairs(label_c**2)
    # Rounding leaves constant labels not quite zero once centred: anything below it is no contrast.
    rounding = (8 * torch.finfo(values.dtype).eps) ** 2 * over_pairs(label**2)
    contrast = label_label > rounding
    slope = over_pairs(label_c * value_c) / torch.where(contrast, label_label, 1)
    squares = over_pairs((value_c - slope.unsqueeze(-2) * label_c) ** 2)
    pairs = (n * (n - 1)).sum(-2)
    residual = 2 * squares / pairs.clamp(min=1)
    return torch.where(contrast, residual, 0), torch.where(contrast, slope, 1)


def _sums(
    groups: Tensor | None, n_groups: int | None
) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
    """Two functions: rows `(..., n, k)` to sums `(..., groups, k)`, and sums back to each row."""
    if groups is None:
        return (lambda rows: rows.sum(-2, keepdim=True)), (lambda sums: sums)
    codes, count = groups, n_groups
    if count is None:
        found, codes = torch.unique(groups, return_inverse=True)
        count = len(found)

    def index(like: Tensor) -> Tensor:
        return codes.unsqueeze(-1).expand(*like.shape[:-2], codes.shape[-1], like.shape[-1])

    def total(rows: Tensor) -> Tensor:
        sums = rows.new_zeros((*rows.shape[:-2], count, rows.shape[-1]))
        return sums.scatter_add(-2, index(rows), rows)

    return total, lambda sums: sums.gather(-2, index(sums))


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

    def forward(self, embeddings: Tensor, labels: Tensor, groups: Tensor | None = None) -> Tensor:
        """See [`continuous_metric_loss`][affectspace.losses.continuous_metric_loss]."""
        return continuous_metric_loss(embeddings, labels, groups=groups).loss
