"""Losses that shape a latent space by ratings.

A pure function computes, an `nn.Module` twin wraps it. Labels are ratings in rating units; NaN is
"unlabelled" and never reaches a gradient.

[`continuous_metric_loss`][affectspace.losses.continuous_metric_loss] is the package's own. The
others are its rivals, from their papers' formulas: they take the same arguments, so that models can
be compared that differ in nothing else.
"""

from affectspace.losses.log_ratio import LogRatioLoss, log_ratio_loss
from affectspace.losses.metric import ContinuousMetricLoss, MetricLoss, continuous_metric_loss
from affectspace.losses.pointwise import (
    ConcordanceLoss,
    MeanSquaredErrorLoss,
    ccc_loss,
    mse_loss,
)
from affectspace.losses.rank_n_contrast import RankNContrastLoss, rank_n_contrast_loss

__all__ = [
    "ConcordanceLoss",
    "ContinuousMetricLoss",
    "LogRatioLoss",
    "MeanSquaredErrorLoss",
    "MetricLoss",
    "RankNContrastLoss",
    "ccc_loss",
    "continuous_metric_loss",
    "log_ratio_loss",
    "mse_loss",
    "rank_n_contrast_loss",
]
