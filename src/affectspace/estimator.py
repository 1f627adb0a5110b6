"""`MetricAutoencoder`: the method as a scikit-learn estimator."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    RegressorMixin,
    TransformerMixin,
)
from sklearn.metrics import r2_score
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from affectspace.model import AffectModel, Objective
from affectspace.training import Loss, Recipe, Run, train

Array = npt.NDArray[np.float64]


class MetricAutoencoder(
    ClassNamePrefixFeaturesOutMixin,  # type: ignore[misc]
    TransformerMixin,  # type: ignore[misc]
    RegressorMixin,  # type: ignore[misc]
    BaseEstimator,  # type: ignore[misc]
):
    """Denoising autoencoder whose latent space follows ratings (continuous metric learning).

    The defaults are the published network and recipe (Das et al., NLDL 2022). Features are
    standardised inside. With one label, the mean over the latent dimensions becomes its axis; with
    several, label j owns dimension j, and further dimensions stay free; without, it is a plain
    denoising autoencoder. Rows whose label is NaN are unlabelled and help the reconstruction only.

    Args:
        hidden: widths of the encoder's hidden layers; the decoder mirrors them.
        n_latent: dimensions of the latent space; with more labels than that, one per label.
        decoder_relu: positions of the decoder layers that a ReLU follows; None: the second, if it
            is a hidden one.
        skip: add a linear map of the features to what the encoder's layers give.
        noise: deviation of the Gaussian noise on the standardised input.
        learning_rate: Adam's step.
        weight_decay: decoupled weight decay, as in AdamW.
        batch_size: rows per step.
        epochs: passes over the training rows.
        loss: what shapes the latent space, `metric` or one of its rivals `mse`, `ccc`, `log-ratio`
            and `rank-n-contrast`; see [`Recipe`][affectspace.training.Recipe].
        log_loss: optimise log(L_rec + L_met), as published; False: the sum itself.
        metric_weight: what L_met is multiplied by.
        clip: standardised features are clipped to plus and minus this; None: not clipped.
        patience: stop when the loss on held-out rows has not fallen for so many epochs; None: train
            all epochs.
        validation: share of the rows held out for `patience`.
        random_state: seed of the initial weights, the noise and the order of the rows.
        device: where torch computes, "cpu" or "cuda".
        progress: show a progress bar on stderr.

    Attributes:
        model_: the trained [`AffectModel`][affectspace.model.AffectModel].
        n_latent_: dimensions of the latent space.
        n_features_in_: number of features.
        feature_names_in_: their names, where X had names.
        label_names_: names of the labels, from y's columns, or `y0`, `y1`, ...
        history_: one row per epoch: `epoch, loss, reconstruction, residual, slope`.

    See Also:
        [`continuous_metric_loss`][affectspace.losses.continuous_metric_loss]: the loss.
        [`train`][affectspace.training.train]: many models in one pass.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> activation = rng.uniform(1, 5, 200)
        >>> X = np.outer(activation, rng.normal(size=6)) + rng.normal(size=(200, 6))
        >>> activation[50:] = np.nan  # the rest is unlabelled
        >>> estimator = MetricAutoencoder(epochs=20, learning_rate=1e-2).fit(X, activation)
        >>> estimator.transform(X).shape, estimator.predict(X).shape
        ((200, 2), (200,))
    """

    def __init__(
        self,
        *,
        hidden: tuple[int, ...] = Recipe.hidden,
        n_latent: int = Recipe.n_latent,
        decoder_relu: tuple[int, ...] | None = Recipe.decoder_relu,
        skip: bool = Recipe.skip,
        noise: float = Recipe.noise,
        learning_rate: float = Recipe.learning_rate,
        weight_decay: float = Recipe.weight_decay,
        batch_size: int = Recipe.batch_size,
        epochs: int = Recipe.epochs,
        loss: Loss = Recipe.loss,
        log_loss: bool = Recipe.log_loss,
        metric_weight: float = Recipe.metric_weight,
        clip: float | None = Recipe.clip,
        patience: int | None = Recipe.patience,
        validation: float = Recipe.validation,
        random_state: int | np.random.RandomState | None = 0,
        device: str = "cpu",
        progress: bool = False,
    ) -> None:
        self.hidden = hidden
        self.n_latent = n_latent
        self.decoder_relu = decoder_relu
        self.skip = skip
        self.noise = noise
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.epochs = epochs
        self.loss = loss
        self.log_loss = log_loss
        self.metric_weight = metric_weight
        self.clip = clip
        self.patience = patience
        self.validation = validation
        self.random_state = random_state
        self.device = device
        self.progress = progress

    def fit(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike | None = None,
        *,
        groups: npt.ArrayLike | None = None,
    ) -> Self:
        """Train.

        Args:
            X: features, shape `(n, f)`, finite.
            y: ratings, shape `(n,)` or `(n, k)`; NaN is unlabelled. None: no labels at all.
            groups: shape `(n,)`; the metric loss compares rows within a group only (say a corpus).

        Returns:
            The fitted estimator.

        Raises:
            ValueError: if X or y is infinite, X has NaN, y has no labelled row, or the shapes do
                not agree.
        """
        names = _label_names(y)
        x = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
        labels = self._labels(y, len(x))
        self._one_column = labels.ndim == 1
        labels = labels.reshape(len(x), -1) if labels.size else labels
        if labels.size and np.isnan(labels).all():
            raise ValueError("y has no labelled row, only NaN; leave y out to train without labels")
        self.n_latent_ = max(self.n_latent, labels.shape[1])
        self.label_names_ = names if names else [f"y{j}" for j in range(labels.shape[1])]
        single = labels.shape[1] == 1
        axes = {name: () if single else (j,) for j, name in enumerate(self.label_names_)}
        run = Run(objective=Objective("metric", axes), rows=np.arange(len(x)), seed=self._seed())
        (self.model_,) = train(
            x,
            dict(zip(self.label_names_, labels.T, strict=True)),
            [run],
            recipe=replace(self._recipe(), n_latent=self.n_latent_),
            groups=groups,
            feature_names=getattr(self, "feature_names_in_", None),
            device=self.device,
            progress=self.progress,
        )
        self.history_ = self.model_.history
        return self

    def transform(self, X: npt.ArrayLike) -> Array:
        """Embeddings, shape `(n, n_latent)`."""
        return self._model().encode(validate_data(self, X, dtype=np.float64, reset=False))

    def inverse_transform(self, X: npt.ArrayLike) -> Array:
        """Features in their own units, shape `(n, f)`, from embeddings `(n, n_latent)`."""
        return self._model().decode(X)

    def predict(self, X: npt.ArrayLike) -> Array:
        """Ratings in their own units, shape `(n,)` or `(n, k)` as y had.

        Raises:
            ValueError: if the estimator was fitted without labels.
        """
        estimates = self._model().estimate(self.transform(X)).to_numpy()
        if not self.label_names_:
            raise ValueError("predict needs an estimator that was fitted with labels")
        return estimates[:, 0] if self._one_column else estimates

    def score(
        self, X: npt.ArrayLike, y: npt.ArrayLike | None = None, sample_weight: Any = None
    ) -> float:
        """How good the estimator is on these rows; higher is better.

        Args:
            X: features, shape `(n, f)`.
            y: ratings as in `fit`. None: the reconstruction is scored instead.
            sample_weight: shape `(n,)`; weights of the rows.

        Returns:
            With y: the coefficient of determination R^2 of `predict`, over the labelled rows, mean
            over the labels; at most 1. Without: minus the mean squared error of the reconstruction
            of the standardised features; at most 0.
        """
        model = self._model()
        if y is None:
            z = self.transform(X)
            error = (model.decode(z) - np.asarray(X, dtype=np.float64)) / model.scale
            return -float(np.average((error**2).mean(axis=1), weights=sample_weight))
        estimates = self.predict(X)
        labels = self._labels(y, len(estimates)).reshape(len(estimates), -1)
        estimates = estimates.reshape(labels.shape)
        weights = None if sample_weight is None else np.asarray(sample_weight)
        scores = []
        for estimate, label in zip(estimates.T, labels.T, strict=True):
            known = ~np.isnan(label)
            weight = None if weights is None else weights[known]
            scores.append(r2_score(label[known], estimate[known], sample_weight=weight))
        return float(np.mean(scores))

    @property
    def _n_features_out(self) -> int:
        return int(self.n_latent_)

    def _model(self) -> AffectModel:
        check_is_fitted(self, "model_")
        model: AffectModel = self.model_
        return model

    def _seed(self) -> int:
        if isinstance(self.random_state, Integral):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _recipe(self) -> Recipe:
        return Recipe(**{name: getattr(self, name) for name in Recipe.__dataclass_fields__})

    @staticmethod
    def _labels(y: npt.ArrayLike | None, n: int) -> Array:
        """Labels as `(n,)` or `(n, k)`, NaN where unlabelled; `(n, 0)` for none."""
        if y is None:
            return np.empty((n, 0))
        labels: Array = check_array(
            y, ensure_2d=False, dtype=np.float64, ensure_all_finite="allow-nan", input_name="y"
        )
        if len(labels) != n or labels.ndim > 2:
            raise ValueError(f"y has shape {labels.shape}, inconsistent with the {n} rows of X")
        return labels

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        tags.target_tags.multi_output = True
        tags.regressor_tags.poor_score = True  # the published recipe is slow: 1e-4, 100 epochs
        return tags


def _label_names(y: Any) -> list[str]:
    """The names of y's columns, where it has any."""
    columns = getattr(y, "columns", None)
    if columns is not None:
        return [str(column) for column in columns]
    name = getattr(y, "name", None)
    return [] if name is None else [str(name)]
