"""What the losses share: columns of labels, labelled rows, and sums over a group's rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class Known(NamedTuple):
    """Labelled rows, of shape `(..., n, k)` each; all is 0 where a row is unlabelled."""

    label: Tensor
    value: Tensor
    weight: Tensor


def known_rows(values: Tensor, labels: Tensor, weights: Tensor | None) -> Known:
    """What is known of each row; a label that is NaN or has weight 0 is none.

    Without weights, all are 1. Where a row is unlabelled, its value has no gradient, finite or not.
    """
    labelled = is_labelled(labels, weights)
    counts = labelled if weights is None else torch.where(labelled, weights, 0)
    return Known(
        torch.where(labelled, labels, 0).to(values.dtype),
        torch.where(labelled, values, 0),
        counts.to(values.dtype),
    )


def is_labelled(labels: Tensor, weights: Tensor | None) -> Tensor:
    """Which labels count."""
    return ~labels.isnan() if weights is None else ~labels.isnan() & (weights > 0)


def is_contrast(variance: Tensor, square: Tensor) -> Tensor:
    """Whether labels differ, from their mean squares about the mean, and about 0.

    Rounding leaves constant labels not quite zero once centred: anything below it is no contrast.
    """
    return variance > (8 * torch.finfo(variance.dtype).eps) ** 2 * square


def axis_values(embeddings: Tensor, labels: Tensor) -> Tensor:
    """Each row's value on each label's axis, `(..., n, k)`.

    The mean over all dimensions for one label, a dimension each for several.
    """
    count = labels.shape[-1]
    return embeddings.mean(-1, keepdim=True) if count == 1 else embeddings[..., :count]


def columns(
    embeddings: Tensor, labels: Tensor, weights: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    """Labels and weights with a column per label, `(..., n, k)`.

    Raises:
        ValueError: if the shapes do not agree, or there are more labels than dimensions.
    """
    single = labels.ndim == embeddings.ndim - 1
    of_labels = labels.unsqueeze(-1) if single else labels
    if embeddings.ndim < 2 or of_labels.shape[:-1] != embeddings.shape[:-1]:
        raise ValueError(
            "embeddings of shape (n, d) need labels of shape (n,) or (n, k), "
            f"but came {tuple(embeddings.shape)} and {tuple(labels.shape)}"
        )
    count, dimensions = of_labels.shape[-1], embeddings.shape[-1]
    if count > dimensions:
        raise ValueError(
            f"{count} labels need as many latent dimensions, but there are {dimensions}"
        )
    if weights is None:
        return of_labels, None
    of_rows = weights.unsqueeze(-1) if weights.ndim == embeddings.ndim - 1 else weights
    if of_rows.shape not in (of_labels.shape, (*of_labels.shape[:-1], 1)):
        raise ValueError(
            f"labels of shape {tuple(labels.shape)} need weights of that shape, or one per row, "
            f"but came {tuple(weights.shape)}"
        )
    return of_labels, of_rows.expand_as(of_labels)


def sums(
    groups: Tensor | None, n_groups: int | None
) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
    """Two functions: rows `(..., n, k)` to sums `(..., groups, k)`, and sums back to each row.

    Args:
        groups: shape `(..., n)` or `(n,)`, integers; None: all rows are one group.
        n_groups: with it, the groups must be 0 to `n_groups - 1`, and need not be searched.
    """
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
