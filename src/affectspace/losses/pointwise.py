"""Losses that compare a row's place on an axis with its rating: plain regression."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from affectspace.losses.rows import axis_values, columns, is_contrast, known_rows, sums


def mse_loss(embeddings: Tensor, labels: Tensor, *, weights: Tensor | None = None) -> Tensor:
    r"""Mean squared error of the axis as an estimate of the label: plain regression.

        L = mean (z - l)^2

    summed over the labels. A single label is compared with the mean over all latent dimensions; of
    several, label j is compared with dimension j, as in
    [`continuous_metric_loss`][affectspace.losses.continuous_metric_loss].

    Unlike the metric loss it compares rows, not pairs: an axis has to meet the rating itself, also
    where corpora are rated by different habits, and is drawn together where a label can be heard
    only in part.

    Args:
        embeddings: shape `(n, d)`, floating point. Leading dimensions are separate problems.
        labels: shape `(n,)` or `(n, k)`, ratings; NaN where a row is unlabelled.
            `k` is at most `d`.
        weights: shape `(n,)` or `(n, k)`; how much a row's label counts, at least 0.

    Returns:
        The loss, shape `()`, or the leading shape of the input; at least 0. A label without a
        labelled row adds nothing.

    Raises:
        ValueError: if the shapes do not agree, or there are more labels than dimensions.

    Examples:
        >>> embeddings = torch.tensor([[1.0], [2.0], [4.0]])
        >>> mse_loss(embeddings, torch.tensor([1.0, float("nan"), 2.0]))
        tensor(2.)
    """
    of_labels, of_rows = columns(embeddings, labels, weights)
    return mse_terms(axis_values(embeddings, of_labels), of_labels, weights=of_rows).sum(-1)


def mse_terms(values: Tensor, labels: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """The mean squared error of each axis: `(..., k)` from values and labels `(..., n, k)`."""
    known = known_rows(values, labels, weights)
    total = known.weight.sum(-2)
    squares = (known.weight * (known.value - known.label) ** 2).sum(-2)
    return squares / torch.where(total > 0, total, 1)


def ccc_loss(
    embeddings: Tensor,
    labels: Tensor,
    *,
    groups: Tensor | None = None,
    weights: Tensor | None = None,
) -> Tensor:
    r"""One minus the concordance correlation coefficient of axis and label.

        L = 1 - 2 cov(l, z) / (var l + var z + (mean l - mean z)^2)

    summed over the labels, with moments over n.[^1] Which axis belongs to a label, see
    [`mse_loss`][affectspace.losses.mse_loss]. With `groups`, each group has a coefficient of its
    own, and L is their mean, weighted by the groups' numbers of rows.

    Unlike the metric loss it asks for the mean as well, and forgives noise: it can be near 1 only
    where the correlation is, but has no residual in rating units.

    [^1]: Lin, L. I.-K. (1989). A concordance correlation coefficient to evaluate reproducibility.
        Biometrics 45(1), 255-268.

    Args:
        embeddings: shape `(n, d)`, floating point. Leading dimensions are separate problems.
        labels: shape `(n,)` or `(n, k)`, ratings; NaN where a row is unlabelled.
            `k` is at most `d`.
        groups: shape `(n,)`, integers; the group of each row.
        weights: shape `(n,)` or `(n, k)`; how much a row's label counts, at least 0.

    Returns:
        The loss, shape `()`, or the leading shape of the input; from 0 to 2 for each label. A group
        with constant labels, or a single labelled row, counts nothing; a label with no other group
        adds nothing, and has no gradient.

    Raises:
        ValueError: if the shapes do not agree, or there are more labels than dimensions.

    Examples:
        >>> embeddings = torch.tensor([[1.0], [2.0], [3.0]])
        >>> ccc_loss(embeddings, torch.tensor([1.0, 2.0, 3.0]))
        tensor(0.)
    """
    of_labels, of_rows = columns(embeddings, labels, weights)
    values = axis_values(embeddings, of_labels)
    return ccc_terms(values, of_labels, groups=groups, weights=of_rows).sum(-1)


def ccc_terms(
    values: Tensor,
    labels: Tensor,
    *,
    groups: Tensor | None = None,
    n_groups: int | None = None,
    weights: Tensor | None = None,
) -> Tensor:
    """One minus the CCC of each axis: `(..., k)` from values and labels `(..., n, k)`."""
    known = known_rows(values, labels, weights)
    total, spread = sums(groups, n_groups)
    n = total(known.weight)
    per_group = torch.where(n > 0, n, 1)

    def mean(rows: Tensor) -> Tensor:
        return total(known.weight * rows) / per_group

    label_mean, value_mean = mean(known.label), mean(known.value)
    label_c, value_c = known.label - spread(label_mean), known.value - spread(value_mean)
    label_var = mean(label_c**2)
    contrast = is_contrast(label_var, mean(known.label**2))
    wide = label_var + mean(value_c**2) + (label_mean - value_mean) ** 2
    apart = 1 - 2 * mean(label_c * value_c) / torch.where(contrast, wide, 1)
    counted = torch.where(contrast, n, 0)
    all_groups = counted.sum(-2)
    return (counted * apart).sum(-2) / torch.where(all_groups > 0, all_groups, 1)


class MeanSquaredErrorLoss(nn.Module):
    """[`mse_loss`][affectspace.losses.mse_loss] as a stateless module."""

    def forward(self, embeddings: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
        """See [`mse_loss`][affectspace.losses.mse_loss]."""
        return mse_loss(embeddings, labels, weights=weights)


class ConcordanceLoss(nn.Module):
    """[`ccc_loss`][affectspace.losses.ccc_loss] as a stateless module."""

    def forward(
        self,
        embeddings: Tensor,
        labels: Tensor,
        groups: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> Tensor:
        """See [`ccc_loss`][affectspace.losses.ccc_loss]."""
        return ccc_loss(embeddings, labels, groups=groups, weights=weights)
