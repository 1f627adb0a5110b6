"""`AffectModel`: a trained model in plain NumPy, and what it computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectspace.errors import ContractError
from affectspace.features import FeatureSpec, FeatureTable
from affectspace.model.network import Architecture, Array, Layer, Objective


@dataclass(frozen=True)
class AffectModel:
    """A trained model: features in; embedding, activation and valence out.

    All methods take features of shape `(n, f)` as an array, as a DataFrame whose columns are the
    feature names in order, or as a `FeatureTable`, whose contract must be the model's. A row with a
    NaN comes back as NaN.

    Attributes:
        architecture: the sizes.
        objective: what each latent dimension was shaped by.
        weights: `encoder.0.weight` `(inputs, outputs)`, `encoder.0.bias` `(outputs,)`, ...
        mean: the features' mean over the training rows, `(f,)`.
        scale: the features' deviation over the training rows, `(f,)`, never 0.
        clip: standardised features are clipped to plus and minus this; None: not clipped.
        offsets: for each label of the objective, what takes its axis to rating units.
        feature_names: `(f,)`, or None where the model was trained on a bare array.
        spec: the feature contract, or None where the features came from elsewhere.
        record: how it was trained: recipe, seed, rows, versions.
        history: one row per epoch: `epoch, loss, reconstruction, residual, slope`.
    """

    architecture: Architecture
    objective: Objective
    weights: Mapping[str, npt.NDArray[np.float32]]
    mean: Array
    scale: Array
    clip: float | None = None
    offsets: Mapping[str, float] = field(default_factory=dict)
    feature_names: tuple[str, ...] | None = None
    spec: FeatureSpec | None = None
    record: Mapping[str, Any] = field(default_factory=dict)
    history: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that the model estimates."""
        return tuple(self.objective.axes)

    def standardise(self, features: npt.ArrayLike | pd.DataFrame | FeatureTable) -> Array:
        """Features in units of the training rows' deviation, `(n, f)`, clipped if the model clips.

        Raises:
            ContractError: if the features are of another contract, or have other names.
        """
        x = (self._matrix(features) - self.mean) / self.scale
        return x if self.clip is None else np.clip(x, -self.clip, self.clip)

    def encode(self, features: npt.ArrayLike | pd.DataFrame | FeatureTable) -> Array:
        """The embedding z, shape `(n, n_latent)`; see the class for the input and NaN.

        Raises:
            ContractError: if the features are of another contract, or have other names.
        """
        return self._forward(self.architecture.encoder, self.standardise(features))

    def decode(self, embeddings: npt.ArrayLike) -> Array:
        """Features in their own units, `(n, f)`, from embeddings `(n, n_latent)`."""
        z = np.asarray(embeddings, dtype=np.float64)
        return self._forward(self.architecture.decoder, z) * self.scale + self.mean

    def reconstruct(self, features: npt.ArrayLike | pd.DataFrame | FeatureTable) -> Array:
        """Features as the autoencoder rebuilds them, `(n, f)`, in their own units."""
        return self.decode(self.encode(features))

    def axis_values(self, embeddings: npt.ArrayLike) -> pd.DataFrame:
        """The value of each embedding on each label's axis, without the offset; `(n, labels)`."""
        z = np.asarray(embeddings, dtype=np.float64)
        axes = z @ self.objective.projection(self.labels, self.architecture.n_latent)
        return pd.DataFrame(axes, columns=list(self.labels))

    def estimate(self, embeddings: npt.ArrayLike) -> pd.DataFrame:
        """Each label of the objective in rating units (1 to 5, not clipped to that range).

        The slope of an axis on its label is one by training, so only the offset is added.

        Args:
            embeddings: `(n, n_latent)`, from [`encode`][affectspace.model.AffectModel.encode].

        Returns:
            A column per label; no column for an unsupervised model.
        """
        return self.axis_values(embeddings) + pd.Series(self.offsets, dtype=np.float64)

    def predict(self, features: npt.ArrayLike | pd.DataFrame | FeatureTable) -> pd.DataFrame:
        """[`estimate`][affectspace.model.AffectModel.estimate] of the features' embedding.

        Keeps the index of a DataFrame or a `FeatureTable`.
        """
        estimates = self.estimate(self.encode(features))
        frame = features.values if isinstance(features, FeatureTable) else features
        return estimates.set_axis(frame.index) if isinstance(frame, pd.DataFrame) else estimates

    def _matrix(self, features: npt.ArrayLike | pd.DataFrame | FeatureTable) -> Array:
        if isinstance(features, FeatureTable):
            if self.spec is not None:
                self.spec.check(features.spec)
            features = features.values
        if isinstance(features, pd.DataFrame) and self.feature_names is not None:
            names = tuple(features.columns)
            if names != self.feature_names:
                raise ContractError(
                    f"the model was trained on {_shown(self.feature_names)}, "
                    f"but the table has {_shown(names)}"
                )
        x = np.asarray(features, dtype=np.float64)
        if x.ndim != 2 or x.shape[1] != len(self.mean):
            raise ContractError(f"expected features of shape (n, {len(self.mean)}), not {x.shape}")
        return x

    def _forward(self, layers: Sequence[Layer], x: Array) -> Array:
        for layer in layers:
            x = x @ self.weights[f"{layer.name}.weight"] + self.weights[f"{layer.name}.bias"]
            if layer.relu:
                x = np.maximum(x, 0)  # unlike fmax, keeps a NaN
        return x


def _shown(names: Sequence[str]) -> str:
    """A list of names, short enough for a message."""
    return f"{len(names)} features ({', '.join(map(str, names[:3]))}, ...)"
