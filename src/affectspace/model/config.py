"""`config.json` of a model folder: a model without its numbers, written and read strictly."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from affectspace.errors import ContractError, ModelError
from affectspace.features import FeatureSpec
from affectspace.model import values
from affectspace.model.affect import AffectModel
from affectspace.model.calibration import CollectionScale
from affectspace.model.network import LABEL_SCALE, Architecture, Objective

FORMAT_VERSION = 2
"""Of the folder; no other is read."""

MOST_FEATURES = 100_000
MOST_UNITS = 8192  # of a layer
MOST_LAYERS = 32
MOST_LABELS = 64
MOST_EPOCHS = 1_000_000
MOST_QUANTILES = 100_000
_SCALE = {"low": LABEL_SCALE[0], "neutral": sum(LABEL_SCALE) / 2, "high": LABEL_SCALE[1]}

_MEMBERS = (
    "format_version",
    "sha256",
    "name",
    "version",
    "licence",
    "architecture",
    "objective",
    "clip",
    "gains",
    "offsets",
    "label_scale",
    "feature_names",
    "feature_spec",
    "calibration",
    "probe",
    "record",
    "history",
)


@dataclass(frozen=True)
class CalibrationHead:
    """A calibration without the quantiles of its errors."""

    coverage: float
    intervals: dict[str, tuple[float, float]]
    durations: tuple[float, float]
    quantiles: int
    collections: dict[str, CollectionScale]


@dataclass(frozen=True)
class Config:
    """What `config.json` says, checked: all of a model but the tensors."""

    sha256: str
    name: str
    version: str
    licence: str
    architecture: Architecture
    objective: Objective
    clip: float | None
    gains: dict[str, float]
    offsets: dict[str, float]
    feature_names: tuple[str, ...] | None
    spec: FeatureSpec | None
    calibration: CalibrationHead | None
    probe: str | None
    record: dict[str, Any]
    history: pd.DataFrame


def to_json(model: AffectModel, *, sha256: str) -> str:
    """Write a model's configuration.

    Args:
        model: the model.
        sha256: of its `model.safetensors`.

    Raises:
        ModelError: if the record holds what JSON can't.
    """
    calibration = model.calibration
    config = {
        "format_version": FORMAT_VERSION,
        "sha256": sha256,
        "name": model.name,
        "version": model.version,
        "licence": model.licence,
        "architecture": asdict(model.architecture),
        "objective": {"name": model.objective.name, "axes": dict(model.objective.axes)},
        "clip": model.clip,
        "gains": dict(model.gains),
        "offsets": dict(model.offsets),
        "label_scale": _SCALE,
        "feature_names": None if model.spec is not None else model.feature_names,
        "feature_spec": None if model.spec is None else json.loads(model.spec.to_json()),
        "calibration": None
        if calibration is None
        else {
            "coverage": calibration.coverage,
            "intervals": dict(calibration.intervals),
            "durations": calibration.durations,
            "quantiles": len(calibration.errors),
            "collections": {
                label: asdict(scale) for label, scale in calibration.collections.items()
            },
        },
        "probe": None if model.probe is None else model.probe.signal,
        "record": dict(model.record),
        "history": _columns(model.history),
    }
    try:
        return json.dumps(config, indent=2, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ModelError(f"the model can't be written as JSON: {error}") from error


def from_json(data: bytes, folder: str = "the model") -> Config:
    """Read a configuration.

    Args:
        data: the file's content.
        folder: where it comes from, for messages.

    Raises:
        ModelError: if it has another format version, or says anything that no model can be.
    """
    found = values.parse(data, f"{folder} is no readable model folder: config.json")
    version = found.get("format_version") if isinstance(found, dict) else None
    if type(version) is not int or version != FORMAT_VERSION:
        raise ModelError(
            f"{folder} has format version {values.short(version)}; "
            f"this package reads {FORMAT_VERSION} only"
        )
    what = f"{folder}/config.json can't be understood"
    config = values.members(found, f"{what}: it", _MEMBERS)
    architecture = _architecture(config["architecture"], f"{what}: architecture")
    objective = _objective(config["objective"], architecture, f"{what}: objective")
    clip = config["clip"]
    if config["label_scale"] != _SCALE:
        raise ModelError(f"{what}: label_scale should be {_SCALE}")
    spec = _spec(config["feature_spec"], f"{what}: feature_spec")
    names = _feature_names(config["feature_names"], spec, architecture, f"{what}: feature_names")
    probe = config["probe"]
    return Config(
        sha256=values.text(config["sha256"], f"{what}: sha256"),
        name=values.text(config["name"], f"{what}: name"),
        version=values.text(config["version"], f"{what}: version"),
        licence=values.text(config["licence"], f"{what}: licence"),
        architecture=architecture,
        objective=objective,
        clip=None if clip is None else _positive(clip, f"{what}: clip"),
        gains=_per_label(config["gains"], objective, f"{what}: gain"),
        offsets=_per_label(config["offsets"], objective, f"{what}: offset"),
        feature_names=names,
        spec=spec,
        calibration=_calibration(config["calibration"], objective, f"{what}: calibration"),
        probe=None if probe is None else values.text(probe, f"{what}: probe"),
        record=values.mapping(config["record"], f"{what}: record"),
        history=_history(config["history"], f"{what}: history"),
    )


def _architecture(value: Any, what: str) -> Architecture:
    known = ("n_features", "hidden", "n_latent", "decoder_relu", "skip")
    sizes = values.members({"skip": False, **values.mapping(value, what)}, what, known)
    hidden = values.listing(sizes["hidden"], f"{what}.hidden", MOST_LAYERS)
    relus = values.listing(sizes["decoder_relu"], f"{what}.decoder_relu", MOST_LAYERS + 1)
    return Architecture(
        n_features=values.integer(sizes["n_features"], f"{what}.n_features", 1, MOST_FEATURES),
        hidden=tuple(values.integer(x, f"{what}.hidden", 1, MOST_UNITS) for x in hidden),
        n_latent=values.integer(sizes["n_latent"], f"{what}.n_latent", 1, MOST_UNITS),
        decoder_relu=tuple(
            values.integer(x, f"{what}.decoder_relu", 0, len(hidden)) for x in relus
        ),
        skip=values.boolean(sizes["skip"], f"{what}.skip"),
    )


def _objective(value: Any, sizes: Architecture, what: str) -> Objective:
    objective = values.members(value, what, ("name", "axes"))
    found = values.mapping(objective["axes"], f"{what}.axes")
    values.listing(list(found), f"{what}.axes", MOST_LABELS)
    axes: dict[str, tuple[int, ...]] = {}
    for label, dimensions in found.items():
        axis = f"{what}.axes.{values.text(label, f'{what}: a label')}"
        numbers = values.listing(dimensions, axis, sizes.n_latent)
        axes[label] = tuple(values.integer(x, axis, 0, sizes.n_latent - 1) for x in numbers)
        if len(set(axes[label])) < len(numbers):
            raise ModelError(f"{axis} names a dimension twice")
    return Objective(values.text(objective["name"], f"{what}.name"), axes)


def _spec(value: Any, what: str) -> FeatureSpec | None:
    if value is None:
        return None
    known = FeatureSpec.__dataclass_fields__
    spec = values.members(value, what, tuple(known))
    channel = spec["channel"]
    if isinstance(channel, str):
        values.text(channel, f"{what}.channel")
    else:
        values.integer(channel, f"{what}.channel", 0, 10_000)
    for name in ("name", "backend", "backend_version", "level"):
        values.text(spec[name], f"{what}.{name}")
    values.integer(spec["sampling_rate"], f"{what}.sampling_rate", 1, 1_000_000)
    names = _names(spec["features"], f"{what}.features")
    try:
        return FeatureSpec(**{**spec, "features": names})
    except (ContractError, ValueError) as error:
        raise ModelError(f"{what}: {error}") from None


def _feature_names(
    value: Any, spec: FeatureSpec | None, sizes: Architecture, what: str
) -> tuple[str, ...] | None:
    if spec is not None and value is not None:
        raise ModelError(f"{what} should be null, as feature_spec has the names")
    names = spec.features if spec is not None else None if value is None else _names(value, what)
    if names is not None and len(names) != sizes.n_features:
        raise ModelError(f"{what}: {len(names)} names for {sizes.n_features} features")
    return names


def _names(value: Any, what: str) -> tuple[str, ...]:
    return tuple(values.text(name, what) for name in values.listing(value, what, MOST_FEATURES))


def _calibration(value: Any, objective: Objective, what: str) -> CalibrationHead | None:
    if value is None:
        return None
    known = ("coverage", "intervals", "durations", "quantiles", "collections")
    found = values.members({"collections": {}, **values.mapping(value, what)}, what, known)
    collections = values.mapping(found["collections"], f"{what}.collections")
    _known_labels(collections, objective, f"{what}.collections")
    intervals = values.mapping(found["intervals"], f"{what}.intervals")
    _known_labels(intervals, objective, f"{what}.intervals")
    return CalibrationHead(
        coverage=values.number(found["coverage"], f"{what}.coverage"),
        intervals={
            label: values.pair(ends, f"{what}.intervals.{label}")
            for label, ends in intervals.items()
        },
        durations=values.pair(found["durations"], f"{what}.durations"),
        quantiles=values.integer(found["quantiles"], f"{what}.quantiles", 2, MOST_QUANTILES),
        collections={
            label: _collection_scale(scale, f"{what}.collections.{label}")
            for label, scale in collections.items()
        },
    )


def _collection_scale(value: Any, what: str) -> CollectionScale:
    found = values.members(value, what, tuple(CollectionScale.__dataclass_fields__))
    interval = values.pair(found.pop("interval"), f"{what}.interval")
    numbers = {name: values.number(x, f"{what}.{name}") for name, x in found.items()}
    try:
        return CollectionScale(**numbers, interval=interval)
    except ValueError as error:
        raise ModelError(f"{what}: {error}") from None


def _per_label(found: Any, objective: Objective, what: str) -> dict[str, float]:
    """A number for each of some labels."""
    numbers = values.mapping(found, f"{what}s")
    _known_labels(numbers, objective, f"{what}s")
    return {label: values.number(value, f"{what} of {label}") for label, value in numbers.items()}


def _known_labels(found: dict[str, Any], objective: Objective, what: str) -> None:
    for label in found:
        if label not in objective.axes:
            raise ModelError(f"{what}: the objective has no label {values.short(label)}")


def _positive(value: Any, what: str) -> float:
    number = values.number(value, what)
    if number <= 0:
        raise ModelError(f"{what} should be above 0, and is {number}")
    return number


def _columns(history: pd.DataFrame) -> dict[str, list[float | None]]:
    """A history for JSON, which has no NaN: the slope of a model that no label shapes is null."""
    return {
        str(name): [None if pd.isna(value) else value for value in column.tolist()]
        for name, column in history.items()
    }


def _history(value: Any, what: str) -> pd.DataFrame:
    columns = values.mapping(value, what)
    values.listing(list(columns), what, MOST_LABELS)
    rows = {}
    for name, column in columns.items():
        cells = values.listing(column, f"{what}.{values.text(name, what)}", MOST_EPOCHS)
        for cell in cells:
            if cell is not None:
                values.number(cell, f"{what}.{name}")
        rows[name] = cells
    if len({len(cells) for cells in rows.values()}) > 1:
        raise ModelError(f"{what}: columns of several lengths")
    history: pd.DataFrame = pd.DataFrame(rows).apply(pd.to_numeric)  # null is NaN
    return history
