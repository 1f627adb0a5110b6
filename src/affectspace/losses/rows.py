"""What the losses share: columns of labels, and sums over the rows of a group."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


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
