"""The Rank-N-Contrast loss."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from affectspace.losses.pairs import Block, distances, mean_over_blocks, own_axes
from affectspace.losses.rows import columns

TEMPERATURE = 2.0
"""As in the paper."""


def rank_n_contrast_loss(
    embeddings: Tensor,
    labels: Tensor,
    *,
    groups: Tensor | None = None,
    weights: Tensor | None = None,
    temperature: float = TEMPERATURE,
) -> Tensor:
    r"""Rank-N-Contrast loss: who is farther off by label is farther off in the space.

    For an anchor i and another row j, let S_ij be the rows k other than i whose label is at least
    as far from i's as j's is, and sim the negative Euclidean distance of embeddings. Then

        l(i, j) = -log( exp(sim(i, j) / t) / sum over k in S_ij of exp(sim(i, k) / t) )

    and L is the mean over all pairs, summed over the labels. A single label ranks distances in the
    whole space; of several, label j those on dimension j. With `groups`, i, j and k are of one
    group.[^1]

    The sets are never formed. In the order of the labels, S_ij is everything up to some place and
    everything from some other place on, so running sums and a search for the places do; the cost
    is O(n^2 log n).

    Unlike in the metric loss, only the order of distances is asked for: neither the scale of the
    space nor the direction of an axis is set.

    [^1]: Zha, K., Cao, P., Son, J., Yang, Y., Katabi, D. (2023). Rank-N-Contrast: learning
        continuous representations for regression. NeurIPS. <https://arxiv.org/abs/2210.01189>.
        There, each row comes in two views, and a regressor is fitted on the frozen space; here, a
        row comes once, with its noise.

    Args:
        embeddings: shape `(n, d)`, floating point. Leading dimensions are separate problems.
        labels: shape `(n,)` or `(n, k)`, ratings; NaN where a row is unlabelled.
            `k` is at most `d`.
        groups: shape `(n,)`, integers; the group of each row.
        weights: shape `(n,)` or `(n, k)`; how much a row's label counts, at least 0. A pair counts
            as the product of its rows' weights, and a term of the sum as its row's.
        temperature: t, above 0.

    Returns:
        The loss, shape `()`, or the leading shape of the input; at least 0. A group with fewer
        than 2 labelled rows, or constant labels, counts nothing; a label with no other group adds
        nothing, and has no gradient.

    Raises:
        ValueError: if the shapes do not agree, or there are more labels than dimensions.

    Examples:
        >>> labels = torch.tensor([1.0, 2.0, 4.0])
        >>> ordered, folded = labels[:, None], torch.tensor([[1.0], [4.0], [2.0]])
        >>> bool(rank_n_contrast_loss(ordered, labels) < rank_n_contrast_loss(folded, labels))
        True
    """
    of_labels, of_rows = columns(embeddings, labels, weights)
    axes = own_axes(embeddings, of_labels)
    return rank_n_contrast_terms(
        embeddings, axes, of_labels, groups=groups, weights=of_rows, temperature=temperature
    ).sum(-1)


def rank_n_contrast_terms(
    embeddings: Tensor,
    axes: Tensor,
    labels: Tensor,
    *,
    groups: Tensor | None = None,
    n_groups: int | None = None,
    weights: Tensor | None = None,
    temperature: float = TEMPERATURE,
) -> Tensor:
    """The loss of each label, `(..., k)`, on dimensions that have been chosen already.

    For the arguments see `mean_over_blocks` in `affectspace.losses.pairs`.
    """
    return mean_over_blocks(
        partial(_over_pairs, temperature=temperature),
        embeddings,
        axes,
        labels,
        groups=groups,
        n_groups=n_groups,
        weights=weights,
    )


def _over_pairs(block: Block, *, temperature: float) -> tuple[Tensor, Tensor]:
    """The weighted sum over the pairs of each group, and their weight, `(..., groups)` each."""
    labels, filled, tiny = block.labels, block.filled, torch.finfo(block.labels.dtype).tiny
    largest = torch.where(filled, labels.abs(), 0).amax(-1, keepdim=True)
    tie = 16 * torch.finfo(labels.dtype).eps * largest  # what rounding makes of equal distances
    contrast = (torch.where(filled, labels, -torch.inf) > labels[..., :1] + tie).any(-1, True)
    weight = torch.where(contrast, block.weights, 0)

    similarity = -distances(block.embeddings) / temperature
    logits = similarity + torch.where(filled, block.weights, 1).log().unsqueeze(-2)
    others = ~torch.eye(labels.shape[-1], dtype=torch.bool, device=labels.device)
    pairs = filled.unsqueeze(-1) & filled.unsqueeze(-2) & others
    likeness = torch.where(pairs, logits.exp(), 0)
    before, after = _ends(labels, tie)
    rivals = _up_to(likeness).gather(-1, before) + _from(likeness).gather(-1, after)
    surprise = torch.where(pairs, rivals.clamp(min=tiny).log() - logits, 0)
    total = (weight * (surprise @ weight.unsqueeze(-1)).squeeze(-1)).sum(-1)
    return total, weight.sum(-1).square() - weight.square().sum(-1)


def _ends(labels: Tensor, tie: Tensor) -> tuple[Tensor, Tensor]:
    """Where the rows end that rank behind each pair on the lower side, and begin on the upper.

    Args:
        labels: shape `(..., m)`, ascending.
        tie: shape `(..., 1)`; distances that differ by less are equal.

    Returns:
        For anchor i and row j two numbers, `(..., m, m)` each: the rows before the first and from
        the second on are those whose label is at least as far from i's as j's is.
    """
    anchor, other = labels.unsqueeze(-1), labels.unsqueeze(-2)
    below, above = other < anchor - tie.unsqueeze(-1), other > anchor + tie.unsqueeze(-1)
    margin = torch.where(below, -tie.unsqueeze(-1), tie.unsqueeze(-1))
    mirrored = (2 * anchor - other + margin).flatten(-2)
    opposite = torch.searchsorted(labels, mirrored).reshape(below.shape)
    up_to = torch.searchsorted(labels, labels + tie, right=True).unsqueeze(-2)
    from_ = torch.searchsorted(labels, labels - tie).unsqueeze(-2)
    # a row as good as at the anchor's label is behind none: all are at least as far as it
    before = torch.where(below, up_to, torch.where(above, opposite, 0))
    after = torch.where(below, opposite, torch.where(above, from_, 0))
    return before, after


def _up_to(rows: Tensor) -> Tensor:
    """The sum of the first 0, 1, 2, ... columns."""
    return torch.nn.functional.pad(rows.cumsum(-1), (1, 0))


def _from(rows: Tensor) -> Tensor:
    """The sum of the columns from 0, 1, 2, ... on."""
    return _up_to(rows.flip(-1)).flip(-1)


class RankNContrastLoss(nn.Module):
    """[`rank_n_contrast_loss`][affectspace.losses.rank_n_contrast_loss] as a stateless module."""

    def __init__(self, temperature: float = TEMPERATURE) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(
        self,
        embeddings: Tensor,
        labels: Tensor,
        groups: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> Tensor:
        """See [`rank_n_contrast_loss`][affectspace.losses.rank_n_contrast_loss]."""
        return rank_n_contrast_loss(
            embeddings, labels, groups=groups, weights=weights, temperature=self.temperature
        )
