"""`model.safetensors` of a model folder: a model's numbers, measured before they are read."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from affectspace.errors import ModelError
from affectspace.model import values
from affectspace.model.affect import AffectModel
from affectspace.model.config import Config

LARGEST_HEADER = 2**20  # bytes; a model has a dozen tensors
DTYPES = ("F32", "F64")
FILE = "model.safetensors"
MEAN, SCALE, ERRORS, PROBE = "mean", "scale", "calibration.errors", "probe"

Tensors = dict[str, npt.NDArray[Any]]


def to_bytes(model: AffectModel) -> bytes:
    """Write a model's numbers."""
    tensors: dict[str, npt.ArrayLike] = {MEAN: model.mean, SCALE: model.scale, **model.weights}
    if model.calibration is not None:
        tensors[ERRORS] = model.calibration.errors
    if model.probe is not None:
        tensors[PROBE] = model.probe.values
    return save({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()})


def from_bytes(data: bytes, config: Config, folder: str = "the model") -> Tensors:
    """Read the numbers of the model that a configuration describes.

    Args:
        data: the file's content.
        config: what should be there.
        folder: where it comes from, for messages.

    Raises:
        ModelError: if a tensor is missing, extra, of another shape, no float, or not finite; or a
            scale isn't above 0. What the header claims is compared before anything is allocated.
    """
    what, unreadable = f"{folder}/{FILE}", f"{folder} is no readable model folder: {FILE}"
    wanted, found = _wanted(config), _claimed(data, unreadable)
    wrong = [
        *(f"{name} is missing" for name in wanted if name not in found),
        *(f"{name} is extra" for name in found if name not in wanted),
        *(
            f"{name} has shape {list(found[name])}, not {list(shape)}"
            for name, shape in wanted.items()
            if name in found and found[name] != shape
        ),
    ]
    if wrong:
        raise ModelError(f"{what}: missing, extra or misshapen tensors: {'; '.join(wrong[:5])}")
    try:
        tensors: Tensors = load(data)
    except (SafetensorError, ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{unreadable}: {values.short(str(error))}") from None
    unusable = [name for name, tensor in tensors.items() if not np.isfinite(tensor).all()]
    if unusable:
        raise ModelError(f"{what}: not finite: {', '.join(unusable)}")
    if not (tensors[SCALE] > 0).all():
        raise ModelError(f"{what}: a scale of 0 or below")
    return tensors


def _wanted(config: Config) -> Mapping[str, tuple[int, ...]]:
    features = (config.architecture.n_features,)
    shapes = {MEAN: features, SCALE: features, **config.architecture.shapes}
    if config.calibration is not None:
        shapes[ERRORS] = (config.calibration.quantiles,)
    if config.probe is not None:
        shapes[PROBE] = features
    return shapes


def _claimed(data: bytes, what: str) -> dict[str, tuple[int, ...]]:
    """The shapes that the header claims, once every tensor is a float."""
    if len(data) < 8:
        raise ModelError(f"{what}: it has {len(data)} bytes")
    (length,) = struct.unpack_from("<Q", data)
    if length > min(LARGEST_HEADER, len(data) - 8):
        raise ModelError(f"{what}: its header claims {length} bytes")
    header = values.mapping(values.parse(data[8 : 8 + length], f"{what}: its header"), what)
    shapes = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        label = f"{what}: {values.text(name, f'{what}: a name')}"
        tensor = values.members(entry, label, ("dtype", "shape", "data_offsets"))
        if tensor["dtype"] not in DTYPES:
            raise ModelError(f"{label} should be of {' or '.join(DTYPES)}: {tensor['dtype']!r:.20}")
        sides = values.listing(tensor["shape"], f"{label}: shape", 2)
        shapes[name] = tuple(values.integer(x, f"{label}: shape", 0, 2**40) for x in sides)
    return shapes
