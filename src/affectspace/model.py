"""A trained model in plain NumPy: what it is, what it computes, and its folder.

Training returns an [`AffectModel`][affectspace.model.AffectModel]; to encode, NumPy is enough.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from affectspace.errors import ContractError, ModelError
from affectspace.features import FeatureSpec, FeatureTable
from affectspace.tables import replaced_at_once

FORMAT_VERSION = 1

Array = npt.NDArray[np.float64]


class Layer(NamedTuple):
    """One affine layer: its name in the weights, its widths, and whether a ReLU follows."""

    name: str
    inputs: int
    outputs: int
    relu: bool


@dataclass(frozen=True)
class Architecture:
    """The sizes of an autoencoder; the defaults are the published network.

    The encoder has a ReLU after each layer but the last. The decoder mirrors the widths and has
    ReLUs only where `decoder_relu` says so.

    Attributes:
        n_features: width of the input.
        hidden: widths of the encoder's hidden layers.
        n_latent: dimensions of the latent space.
        decoder_relu: positions of the decoder layers that a ReLU follows. The published network has
            one, after the second (20 units).
    """

    n_features: int
    hidden: tuple[int, ...] = (40, 20, 10)
    n_latent: int = 2
    decoder_relu: tuple[int, ...] = (1,)

    def __post_init__(self) -> None:
        """Refuse sizes that are no network."""
        if min(self.n_features, self.n_latent, *self.hidden, 1) < 1:
            raise ValueError(f"layer widths must be at least 1: {self}")
        if any(not 0 <= position <= len(self.hidden) for position in self.decoder_relu):
            raise ValueError(f"decoder_relu names a layer that the decoder does not have: {self}")

    @property
    def encoder(self) -> list[Layer]:
        """The layers from features to latent space."""
        widths = (self.n_features, *self.hidden, self.n_latent)
        return self._layers("encoder", widths, relus=range(len(self.hidden)))

    @property
    def decoder(self) -> list[Layer]:
        """The layers from latent space back to features."""
        widths = (self.n_latent, *reversed(self.hidden), self.n_features)
        return self._layers("decoder", widths, relus=self.decoder_relu)

    @staticmethod
    def _layers(part: str, widths: Sequence[int], *, relus: Sequence[int]) -> list[Layer]:
        pairs = pairwise(widths)
        return [Layer(f"{part}.{i}", a, b, i in relus) for i, (a, b) in enumerate(pairs)]


@dataclass(frozen=True)
class Objective:
    """What the latent space is shaped by: which label, on which latent dimensions.

    Attributes:
        name: as in the results table.
        axes: for each label, the latent dimensions whose mean is its axis. No label: the plain
            denoising autoencoder. An empty tuple means all dimensions.
    """

    name: str
    axes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def projection(self, labels: Sequence[str], n_latent: int) -> Array:
        """The matrix `(n_latent, len(labels))` that takes z to the axis of each label.

        A label without an axis has a column of zeros.

        Raises:
            ValueError: if an axis lies outside the latent space.
        """
        matrix = np.zeros((n_latent, len(labels)))
        for column, label in enumerate(labels):
            if label in self.axes:
                dimensions = list(self.axes[label]) or list(range(n_latent))
                if not 0 <= min(dimensions) <= max(dimensions) < n_latent:
                    raise ValueError(
                        f"objective {self.name!r} puts {label} on dimensions {dimensions}, "
                        f"but there are {n_latent}"
                    )
                matrix[dimensions, column] = 1 / len(dimensions)
        return matrix


OBJECTIVES: dict[str, Objective] = {
    objective.name: objective
    for objective in (
        Objective("unsupervised"),
        Objective("metric-act", {"activation": ()}),
        Objective("metric-val", {"valence": ()}),
        Objective("joint", {"activation": (0,), "valence": (1,)}),
    )
}
"""The objectives by name: the paper's three reference models, and the joint space."""


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


def save_model(model: AffectModel, folder: str | Path) -> Path:
    """Write a model folder: `config.json` and `model.safetensors`.

    Each file is written beside its place and then renamed, the configuration last, so that a folder
    that reads is complete.

    Args:
        model: what to save.
        folder: made if missing; a model that is there already is replaced.

    Returns:
        The folder.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {"mean": model.mean, "scale": model.scale, **model.weights}
    weights = save_tensors({name: np.asarray(tensor) for name, tensor in tensors.items()})
    with replaced_at_once(folder / "model.safetensors") as path:
        path.write_bytes(weights)
    config = {
        "format_version": FORMAT_VERSION,
        "sha256": hashlib.sha256(weights).hexdigest(),
        "architecture": asdict(model.architecture),
        "objective": {"name": model.objective.name, "axes": dict(model.objective.axes)},
        "clip": model.clip,
        "offsets": dict(model.offsets),
        "feature_names": model.feature_names,
        "feature_spec": None if model.spec is None else json.loads(model.spec.to_json()),
        "label_scale": {"low": 1, "neutral": 3, "high": 5},
        "record": dict(model.record),
        "history": _columns(model.history),
    }
    with replaced_at_once(folder / "config.json") as path:
        path.write_text(json.dumps(config, indent=2, allow_nan=False), encoding="utf-8")
    return folder


def load_model(name_or_path: str | Path) -> AffectModel:
    """Read a model folder; nothing in it is executed.

    Args:
        name_or_path: the folder.

    Raises:
        ModelError: if a file is missing or damaged, the two are not of one model, the version is
            unknown, or a tensor is missing, extra, of the wrong shape, or not finite.
    """
    folder = Path(name_or_path)
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        weights = (folder / "model.safetensors").read_bytes()
        tensors = load_tensors(weights)
    except Exception as error:
        raise ModelError(f"{folder} is no readable model folder: {error}") from error
    version = config.get("format_version") if isinstance(config, dict) else None
    if version != FORMAT_VERSION:
        raise ModelError(
            f"{folder} has format version {version}; this package reads {FORMAT_VERSION}"
        )
    try:
        model = _from_config(config, tensors)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"{folder}/config.json can't be understood: {error!r}") from error
    _check_tensors(folder, model, tensors)
    if config.get("sha256") != hashlib.sha256(weights).hexdigest():
        raise ModelError(f"{folder}: config.json was written for another model.safetensors")
    layers = {name: x for name, x in tensors.items() if name not in ("mean", "scale")}
    return replace(model, weights=layers)


def _from_config(config: Mapping[str, Any], tensors: Mapping[str, Any]) -> AffectModel:
    sizes = config["architecture"]
    axes = {label: tuple(axis) for label, axis in config["objective"]["axes"].items()}
    spec, names = config["feature_spec"], config["feature_names"]
    model = AffectModel(
        architecture=Architecture(
            n_features=sizes["n_features"],
            hidden=tuple(sizes["hidden"]),
            n_latent=sizes["n_latent"],
            decoder_relu=tuple(sizes["decoder_relu"]),
        ),
        objective=Objective(config["objective"]["name"], axes),
        weights={},
        mean=np.asarray(tensors["mean"], dtype=np.float64),
        scale=np.asarray(tensors["scale"], dtype=np.float64),
        clip=config["clip"],
        offsets=config["offsets"],
        feature_names=None if names is None else tuple(names),
        spec=None if spec is None else FeatureSpec.from_json(json.dumps(spec)),
        record=config["record"],
        history=pd.DataFrame(config["history"]).apply(pd.to_numeric),  # null is NaN
    )
    for known in (names, None if model.spec is None else model.spec.features):
        if known is not None and len(known) != model.architecture.n_features:
            raise ValueError(f"{len(known)} feature names for {model.architecture}")
    model.objective.projection(model.labels, model.architecture.n_latent)
    return model


def _columns(history: pd.DataFrame) -> dict[str, list[float | None]]:
    """A history for JSON, which has no NaN: the slope of a model that no label shapes is null."""
    return {
        str(name): [None if pd.isna(value) else value for value in column.tolist()]
        for name, column in history.items()
    }


def _check_tensors(folder: Path, model: AffectModel, tensors: Mapping[str, Any]) -> None:
    sizes = model.architecture
    expected: dict[str, tuple[int, ...]] = {
        "mean": (sizes.n_features,),
        "scale": (sizes.n_features,),
    }
    for layer in sizes.encoder + sizes.decoder:
        expected[f"{layer.name}.weight"] = (layer.inputs, layer.outputs)
        expected[f"{layer.name}.bias"] = (layer.outputs,)
    found = {name: tensor.shape for name, tensor in tensors.items()}
    wrong = sorted(set(expected.items()) ^ set(found.items()))
    if wrong:
        raise ModelError(
            f"{folder}/model.safetensors: missing, extra or misshapen tensors: {wrong}"
        )
    unusable = [name for name, tensor in tensors.items() if not np.isfinite(tensor).all()]
    if unusable or not (model.scale > 0).all():
        raise ModelError(f"{folder}/model.safetensors: not finite, or a scale of 0: {unusable}")


def _shown(names: Sequence[str]) -> str:
    """A list of names, short enough for a message."""
    return f"{len(names)} features ({', '.join(map(str, names[:3]))}, ...)"
