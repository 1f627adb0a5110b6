"""What shapes the latent space: the metric loss, or one of its rivals in its place."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from affectspace.losses.log_ratio import log_ratio_terms
from affectspace.losses.metric import metric_terms
from affectspace.losses.pointwise import ccc_terms, mse_terms
from affectspace.losses.rank_n_contrast import rank_n_contrast_terms
from affectspace.model import LABEL_SCALE
from affectspace.training.recipe import Loss

NEUTRAL = sum(LABEL_SCALE) / 2
"""What is taken off a rating before an axis has to meet it: axes lie about 0."""

WITHOUT_UNITS: tuple[Loss, ...] = ("log-ratio", "rank-n-contrast")
"""Losses that leave open how long a unit of an axis is, and which end is up."""


class Rated(NamedTuple):
    """What a batch is shaped by.

    Attributes:
        labels: shape `(runs, n, labels)`, NaN where unlabelled or of no concern to the run.
        weights: of the same shape, or None.
        groups: shape `(runs, n)`, from 0 to `n_groups - 1`, or None.
        n_groups: how many groups there are.
    """

    labels: Tensor
    weights: Tensor | None
    groups: Tensor | None
    n_groups: int | None


class Shaping(NamedTuple):
    """What is added to the reconstruction, and its parts; shape `(runs, labels)` each.

    Of a rival, `residual` is the whole loss, and `slope` NaN.
    """

    loss: Tensor
    residual: Tensor
    slope: Tensor


def shaping(loss: Loss, z: Tensor, projection: Tensor, rated: Rated) -> Shaping:
    """The loss by its name on embeddings `(runs, n, n_latent)`.

    Args:
        loss: one of the recipe's.
        z: the embeddings.
        projection: shape `(runs, n_latent, labels)`, from z to the axis of each label.
        rated: the ratings.
    """
    grouped: dict[str, Any] = rated._asdict()
    labels = grouped.pop("labels")
    match loss:
        case "metric":
            residual, slope = metric_terms(z @ projection, labels, **grouped)
            return Shaping(residual + (slope - 1).abs(), residual, slope)
        case "mse":
            away = mse_terms(z @ projection, labels - NEUTRAL, weights=rated.weights)
        case "ccc":
            away = ccc_terms(z @ projection, labels - NEUTRAL, **grouped)
        case "log-ratio":
            away = log_ratio_terms(z, (projection != 0).to(z), labels, **grouped)
        case "rank-n-contrast":
            away = rank_n_contrast_terms(z, (projection != 0).to(z), labels, **grouped)
    return Shaping(away, away, torch.full_like(away, torch.nan))
