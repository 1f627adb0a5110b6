"""The model folder: written all or nothing, and read without executing anything in it."""

from __future__ import annotations

import hashlib
import json
import stat
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from affectspace.errors import ModelError
from affectspace.model import config as configs
from affectspace.model import tensors as numbers
from affectspace.model import values
from affectspace.model.affect import AffectModel
from affectspace.model.calibration import Calibration
from affectspace.model.card import model_card
from affectspace.model.config import Config
from affectspace.model.probe import Probe, compute_probe
from affectspace.model.tensors import ERRORS, MEAN, PROBE, SCALE, Tensors

CONFIG, WEIGHTS, CARD, METRICS = "config.json", "model.safetensors", "README.md", "metrics.json"

LARGEST = {CONFIG: 8 * 2**20, WEIGHTS: 256 * 2**20, CARD: 2**20, METRICS: 8 * 2**20}
"""The files of a model folder, and the bytes from which on each is refused unread."""


def save_model(
    model: AffectModel,
    folder: str | Path,
    *,
    card: str | None = None,
    metrics: Mapping[str, Any] | list[Any] | None = None,
) -> Path:
    """Write a model folder: `config.json`, `model.safetensors`, `README.md` and `metrics.json`.

    All files are written beside their places, read back, and then renamed, the configuration last:
    after an error the folder is as it was. Other files in the folder are left alone. A model of a
    feature set that is installed gets its probe here, if it has none.

    Args:
        model: what to save.
        folder: made if missing; a model that is there already is replaced, with its card and its
            metrics.
        card: the model card, Markdown with the Hugging Face header; None for a plain one, which
            says what the model is, how it was trained, and that nothing was measured if it is so.
        metrics: what was measured, as JSON has it; None for nothing.

    Returns:
        The folder.

    Raises:
        ModelError: if the folder has files of these names and is no model folder, or the model
            can't be read back.
    """
    folder = Path(folder)
    check_output(folder)
    if model.probe is None and model.spec is not None:
        model = replace(model, probe=compute_probe(model.spec))
    weights = numbers.to_bytes(model)
    config = configs.to_json(model, sha256=hashlib.sha256(weights).hexdigest()).encode()
    content = {
        WEIGHTS: weights,
        CARD: (model_card(model, measured=bool(metrics)) if card is None else card).encode(),
        METRICS: _metrics_json(metrics).encode(),
        CONFIG: config,
    }
    for name, data in content.items():
        if len(data) > LARGEST[name]:
            raise ModelError(f"{name} would have {len(data)} bytes; {LARGEST[name]} are read")
    _assembled(configs.from_json(config), weights)
    folder.mkdir(parents=True, exist_ok=True)
    _write_together(folder, content)
    return folder


def check_output(folder: str | Path) -> None:
    """Check that a model may be written there, without writing anything.

    Args:
        folder: may be missing.

    Raises:
        ModelError: if it is a file, or has files of a model folder's names without being one.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise ModelError(f"{folder} is a file; a model is written as a folder")
    taken = [name for name in LARGEST if (folder / name).exists() or (folder / name).is_symlink()]
    if taken and not _is_model(folder):
        raise ModelError(
            f"{folder} holds other things ({', '.join(taken)}) and no model; nothing is overwritten"
        )


def read_folder(folder: str | Path) -> AffectModel:
    """Read a model folder; nothing in it is executed.

    Links are followed: whatever they lead to is read as numbers or refused.

    Raises:
        ModelError: if a file is missing, damaged or too large, the two are not of one model, the
            version is unknown, anything in the configuration is impossible, or a tensor is missing,
            extra, of the wrong shape or type, or not finite.
    """
    folder = Path(folder)
    config = read_config(folder)
    weights = read_file(folder, WEIGHTS)
    return replace(_assembled(config, weights, str(folder)), source=str(folder))


def read_config(folder: str | Path) -> Config:
    """Read a model folder's `config.json`.

    Raises:
        ModelError: if it is missing, or is no configuration of this version.
    """
    return configs.from_json(read_file(folder, CONFIG), str(folder))


def read_card(folder: str | Path) -> str:
    """Read a model folder's card, Markdown.

    Raises:
        ModelError: if there is none, or it is no text.
    """
    try:
        return read_file(folder, CARD).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ModelError(f"{folder}/{CARD} is no text in UTF-8: {error}") from None


def read_metrics(folder: str | Path) -> dict[str, Any] | list[Any]:
    """Read what was measured of a model; an empty list where nothing was.

    Raises:
        ModelError: if there is no such file, or it is no JSON object or list.
    """
    what = f"{folder}/{METRICS}"
    found = values.parse(read_file(folder, METRICS), what)
    if not isinstance(found, dict | list):
        raise ModelError(f"{what} should be a list or an object, and is {values.short(found)}")
    return found


def read_file(folder: str | Path, name: str) -> bytes:
    """Read one of a model folder's files, unless it is larger than any model's.

    Raises:
        ModelError: if it is missing, no plain file, too large, or can't be read.
    """
    path = Path(folder) / name
    problem = f"{folder} is no readable model folder"
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise ModelError(f"{problem}: {name} is no file")
        if found.st_size > LARGEST[name]:
            raise ModelError(
                f"{problem}: {name} has {found.st_size} bytes; at most {LARGEST[name]} are read"
            )
        with path.open("rb") as file:
            return file.read(LARGEST[name])
    except OSError as error:
        raise ModelError(f"{problem}: {name}: {error.strerror or error}") from None


def _assembled(config: Config, weights: bytes, folder: str = "the model") -> AffectModel:
    """The model of a checked configuration and the bytes of its tensors."""
    tensors = numbers.from_bytes(weights, config, folder)
    if config.sha256 != hashlib.sha256(weights).hexdigest():
        raise ModelError(f"{folder}: config.json was written for another model.safetensors")
    probe = tensors.get(PROBE)
    return AffectModel(
        architecture=config.architecture,
        objective=config.objective,
        weights={name: tensors[name] for name in config.architecture.shapes},
        mean=tensors[MEAN].astype("float64"),
        scale=tensors[SCALE].astype("float64"),
        clip=config.clip,
        gains=config.gains,
        offsets=config.offsets,
        feature_names=config.feature_names,
        spec=config.spec,
        calibration=_calibration(config, tensors, folder),
        record=config.record,
        history=config.history,
        probe=None if config.probe is None or probe is None else Probe(config.probe, probe),
        name=config.name,
        version=config.version,
        licence=config.licence,
    )


def _calibration(config: Config, tensors: Tensors, folder: str) -> Calibration | None:
    head = config.calibration
    if head is None:
        return None
    try:
        return Calibration(
            head.coverage, head.intervals, tensors[ERRORS], head.durations, head.collections
        )
    except ValueError as error:
        raise ModelError(f"{folder}/{CONFIG} can't be understood: calibration: {error}") from None


def _is_model(folder: Path) -> bool:
    """Whether a folder holds a model of any version, complete or not."""
    try:
        found = values.parse(read_file(folder, CONFIG), CONFIG)
    except ModelError:
        return False
    return isinstance(found, dict) and {"format_version", "architecture"} <= found.keys()


def _metrics_json(metrics: Mapping[str, Any] | list[Any] | None) -> str:
    try:
        return json.dumps([] if metrics is None else metrics, indent=2, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ModelError(f"the metrics can't be written as JSON: {error}") from error


def _write_together(folder: Path, content: Mapping[str, bytes]) -> None:
    """Write several files: first all beside their places, then the renames, in order."""
    ending = f".{uuid.uuid4().hex}.tmp"
    beside = {name: folder / f".{name}{ending}" for name in content}
    try:
        for name, data in content.items():
            beside[name].write_bytes(data)
        for name, path in beside.items():
            path.replace(folder / name)
    finally:
        for path in beside.values():
            path.unlink(missing_ok=True)
