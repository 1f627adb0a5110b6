"""How a model is trained: the recipe, and what is trained by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from affectspace.model import Objective

Loss = Literal["metric", "mse", "ccc", "log-ratio", "rank-n-contrast"]
"""What shapes a latent space by labels: the metric loss, or a rival."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a model is trained. The defaults are the published recipe (Das et al., NLDL 2022).

    Attributes:
        hidden: widths of the encoder's hidden layers; the decoder mirrors them.
        n_latent: dimensions of the latent space.
        decoder_relu: positions of the decoder layers that a ReLU follows; None: the second
            (published), if it is a hidden one.
        skip: add a linear map of the features to what the encoder's layers give.
        noise: deviation of the Gaussian noise on the standardised input.
        learning_rate: Adam's step.
        weight_decay: the share of every weight (not bias) that goes at each step, in units of the
            learning rate: decoupled, as in AdamW; 0 (published): none.
        batch_size: rows per step; the last batch of an epoch may be smaller.
        epochs: passes over the training rows.
        loss: what shapes the latent space: `metric` (published), or a rival in its place, on the
            same axes: `mse` and `ccc` regress each label, less 3, on its axis; `log-ratio` and
            `rank-n-contrast` compare distances on a label's dimensions. See
            [`losses`][affectspace.losses].
        log_loss: optimise log(L_rec + L_met), as published; False: the sum itself. It holds for the
            rivals too, none of which is ever below 0. A model without labels optimises L_rec in
            any case.
        metric_weight: what L_met, or the rival, is multiplied by; 1 (published).
        clip: standardised features are clipped to plus and minus this; None (published): not.
        patience: stop a model when its validation loss has not fallen for so many epochs, and keep
            its best weights; None (published): train all epochs.
        validation: share of the training rows held out for `patience`; else unused.
    """

    hidden: tuple[int, ...] = (40, 20, 10)
    n_latent: int = 2
    decoder_relu: tuple[int, ...] | None = None
    skip: bool = False
    noise: float = 1.0
    learning_rate: float = 1e-4
    weight_decay: float = 0.0
    batch_size: int = 64
    epochs: int = 100
    loss: Loss = "metric"
    log_loss: bool = True
    metric_weight: float = 1.0
    clip: float | None = None
    patience: int | None = None
    validation: float = 0.1

    def __post_init__(self) -> None:
        """Refuse settings that can't be trained."""
        positive = {
            "learning_rate": self.learning_rate,
            "batch_size": self.batch_size,
            "epochs": self.epochs,
            "clip": 1 if self.clip is None else self.clip,
            "patience": 1 if self.patience is None else self.patience,
        }
        for name, value in positive.items():
            if not value > 0:
                raise ValueError(f"{name} must be above 0, not {value}")
        for name in ("noise", "weight_decay", "metric_weight"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be at least 0, not {getattr(self, name)}")
        if self.loss not in get_args(Loss):
            raise ValueError(f"loss must be one of {', '.join(get_args(Loss))}, not {self.loss!r}")
        if not 0 < self.validation < 1:
            raise ValueError(f"validation must be a share between 0 and 1, not {self.validation}")


@dataclass(frozen=True, kw_only=True)
class Run:
    """One model to train.

    Attributes:
        objective: what shapes its latent space.
        rows: positions of its training rows, shape `(m,)`.
        seed: of the initial weights, the noise and the order of the rows.
        labels: ratings that this run hears instead of everybody's, each of shape `(n,)` for all
            rows, NaN where unlabelled. Say, typical ratings of a category, estimated from this
            run's own rated rows.
        weights: how much a row's label counts in what shapes the latent space, shape `(n,)`, or
            by label; finite, at least 0. A label that isn't there counts 1. The reconstruction
            knows no weights.
    """

    objective: Objective
    rows: npt.NDArray[np.intp]
    seed: int = 0
    labels: Mapping[str, npt.ArrayLike] | None = None
    weights: npt.ArrayLike | Mapping[str, npt.ArrayLike] | None = None
