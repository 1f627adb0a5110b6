"""A model as an ONNX graph, written from its weights: for programs that don't speak Python."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from affectspace.errors import MissingExtraError, ModelError
from affectspace.model.affect import AffectModel
from affectspace.model.network import LABEL_SCALE, SKIP, Array, Layer
from affectspace.tables import replaced_at_once

OPSET, IR_VERSION = 17, 8  # of 2022; the runtimes of phones and browsers lag
_FEATURES, _EMBEDDING = "features", "embedding"
_REBUILT, _ERROR = "reconstruction", "reconstruction_error"
_ROWS = {"axes": [1], "keepdims": 0}
_BEYOND = "beyond what an ONNX file in float32 holds"


def export_onnx(model: AffectModel, path: str | Path) -> Path:
    """Write a model as ONNX.

    The input `features`, float32 `(n, f)`, is in the features' own units: standardisation, clip and
    offsets are inside. The outputs are `embedding` `(n, n_latent)`; each label by its name, `(n,)`,
    in rating units, not limited to 1 to 5; `reconstruction` `(n, f)`, in the features' own units;
    and `reconstruction_error` `(n,)`. A row with a NaN comes out as NaN. The metadata hold `name`,
    `version`, `licence`, the feature contract as `contract` and the ends of the label scale.

    Args:
        model: what to write.
        path: the file to write or replace; ends in `.onnx` by custom.

    Returns:
        The path.

    Raises:
        MissingExtraError: without the extra `onnx`.
        ModelError: if a label can't be the name of an output, or a number is beyond float32.
    """
    onnx = _import_onnx()
    taken = (_FEATURES, _EMBEDDING, _REBUILT, _ERROR)
    for label in model.labels:
        if label in taken or not label.isidentifier():
            raise ModelError(f"a label can't be called {label!r} in an ONNX file")
    graph = _Graph(onnx, model)
    proto = onnx.helper.make_model(
        graph.build(),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="affectspace",
    )
    onnx.helper.set_model_props(proto, _metadata(model))
    onnx.checker.check_model(proto, full_check=True)
    path = Path(path)
    with replaced_at_once(path) as beside:
        beside.write_bytes(proto.SerializeToString())
    return path


class _Graph:
    """Collects the nodes and the constants of a model's graph."""

    def __init__(self, onnx: ModuleType, model: AffectModel) -> None:
        self._onnx, self._model = onnx, model
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def build(self) -> Any:
        """The whole graph, as an `onnx.GraphProto`."""
        model = self._model
        missing = self._missing_rows()
        x = self._standardised()
        z = self._forward(model.architecture.encoder, x)
        if model.architecture.skip:
            shortcut = self._node("MatMul", x, self._constant(SKIP, model.weights[SKIP]))
            z = self._node("Add", z, shortcut)
        rebuilt = self._forward(model.architecture.decoder, z)
        difference = self._node("Sub", rebuilt, x)
        error = self._node("ReduceMean", self._node("Mul", difference, difference), **_ROWS)
        scaled = self._node("Mul", rebuilt, self._constant("scale", model.scale))
        own = self._node("Add", scaled, self._constant("mean", model.mean))
        sizes = model.architecture
        single = self._node("Squeeze", missing, self._axis())
        outputs = [
            self._output(_EMBEDDING, z, missing, sizes.n_latent),
            *(self._output(label, self._label(label, z), single) for label in model.labels),
            self._output(_REBUILT, own, missing, sizes.n_features),
            self._output(_ERROR, error, single),
        ]
        features = self._value(_FEATURES, sizes.n_features)
        return self._onnx.helper.make_graph(
            self._nodes, "affectspace", [features], outputs, self._constants
        )

    def _missing_rows(self) -> str:
        """Which rows have a NaN, `(n, 1)`: neither Clip nor Relu promises to keep one."""
        float32 = self._onnx.TensorProto.FLOAT
        holes = self._node("Cast", self._node("IsNaN", _FEATURES), to=float32)
        any_hole = self._node("ReduceMax", holes, **{**_ROWS, "keepdims": 1})
        return self._node("Greater", any_hole, self._constant("half", 0.5))

    def _standardised(self) -> str:
        """Features in deviations.

        The mean goes in as two numbers: near it, where float32 has no digits left for the
        difference, the first subtraction is exact.
        """
        model = self._model
        mean = np.asarray(model.mean, dtype=np.float64)
        coarse = _as_float32(mean, "the mean")
        x = self._node("Sub", _FEATURES, self._constant("mean_coarse", coarse))
        x = self._node("Sub", x, self._constant("mean_fine", mean - coarse))
        if not _as_float32(model.scale, "the scale").all():
            raise ModelError(f"the scale is {_BEYOND}")
        x = self._node("Div", x, self._constant("scale", model.scale))
        if model.clip is None:
            return x
        low, high = (self._constant(f"clip_{i}", i * model.clip) for i in (-1, 1))
        return self._node("Clip", x, low, high)

    def _forward(self, layers: Sequence[Layer], x: str) -> str:
        weights = self._model.weights
        for layer in layers:
            names = [f"{layer.name}.{part}" for part in ("weight", "bias")]
            x = self._node("Gemm", x, *(self._constant(name, weights[name]) for name in names))
            if layer.relu:
                x = self._node("Relu", x)
        return x

    def _label(self, label: str, z: str) -> str:
        model = self._model
        axis = model.objective.projection([label], model.architecture.n_latent)[:, 0]
        axis = axis * model.gains.get(label, 1.0)
        value = self._node("MatMul", z, self._constant(f"{label}.axis", axis))
        offset = model.offsets.get(label, float("nan"))
        return self._node("Add", value, self._constant(f"{label}.offset", offset))

    def _output(self, name: str, value: str, missing: str, *sides: int) -> Any:
        nan = self._constant("nan", float("nan"))
        self._nodes.append(self._onnx.helper.make_node("Where", [missing, nan, value], [name]))
        return self._value(name, *sides)

    def _value(self, name: str, *sides: int) -> Any:
        float32 = self._onnx.TensorProto.FLOAT
        return self._onnx.helper.make_tensor_value_info(name, float32, ["n", *sides])

    def _node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node; return the name of what it gives."""
        name = f"step.{len(self._nodes)}"  # the dot: no output is called so
        self._nodes.append(self._onnx.helper.make_node(kind, inputs, [name], **attributes))
        return name

    def _constant(self, name: str, value: npt.ArrayLike | Array) -> str:
        """Add a constant once; return its name, which no node and no output has."""
        name = f"constant.{name}"
        if all(constant.name != name for constant in self._constants):
            array = _as_float32(value, name)
            self._constants.append(self._onnx.numpy_helper.from_array(array, name))
        return name

    def _axis(self) -> str:
        array = np.array([1], dtype=np.int64)
        self._constants.append(self._onnx.numpy_helper.from_array(array, "constant.axis"))
        return "constant.axis"


def _as_float32(value: npt.ArrayLike, what: str) -> npt.NDArray[np.float32]:
    with np.errstate(over="ignore"):
        array = np.asarray(value, dtype=np.float32)
    if np.isinf(array).any():
        raise ModelError(f"{what} is {_BEYOND}")
    return array


def _metadata(model: AffectModel) -> dict[str, str]:
    """What a program that has only the file must know."""
    found = {
        "name": model.name,
        "version": model.version,
        "licence": model.licence,
        "label_scale": json.dumps(LABEL_SCALE),
    }
    if model.spec is not None:
        found["contract"] = model.spec.to_json()
    elif model.feature_names is not None:
        found["feature_names"] = json.dumps(model.feature_names)
    return found


def _import_onnx() -> ModuleType:
    try:
        import onnx
        import onnx.checker
        import onnx.helper
        import onnx.numpy_helper
    except ModuleNotFoundError as error:
        if error.name != "onnx":
            raise
        raise MissingExtraError("onnx", "onnx", "Exporting a model as ONNX") from None
    return onnx
