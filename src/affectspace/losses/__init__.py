"""Losses that shape a latent space by ratings.

A pure function computes, an `nn.Module` twin wraps it. Labels are ratings in rating units; NaN is
"unlabelled" and never reaches a gradient.
"""

from affectspace.losses.metric import ContinuousMetricLoss, MetricLoss, continuous_metric_loss

__all__ = ["ContinuousMetricLoss", "MetricLoss", "continuous_metric_loss"]
