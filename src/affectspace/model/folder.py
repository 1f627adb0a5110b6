"""The model folder: written all or nothing, and read without executing anything in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from affectspace.errors import ModelError
from affectspace.features import FeatureSpec
from affectspace.model.affect import AffectModel
from affectspace.model.network import Architecture, Objective
from affectspace.tables import replaced_at_once

FORMAT_VERSION = 1


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
