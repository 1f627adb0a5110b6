"""The ONNX file: its names, and that onnxruntime, NumPy and torch agree."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from affectspace.errors import MissingExtraError, ModelError
from affectspace.features import FeatureSpec
from affectspace.model import OBJECTIVES, Architecture, Objective
from affectspace.model.onnx import export_onnx
from made_features import SPEC
from made_models import FEATURES, made_model, network

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

WIDE = Architecture(n_features=88)
TOLERANCE = 1e-5


def session(path):
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def run(path, features):
    """The outputs by name."""
    opened = session(path)
    names = [output.name for output in opened.get_outputs()]
    return dict(zip(names, opened.run(None, {"features": features}), strict=True))


def eager(model, seed=0):
    """Make the small weights of a fresh network large enough for its outputs to matter."""
    weights = {name: 2.5 * weight for name, weight in model.weights.items()}
    return replace(model, weights=weights)


def egemaps_like(n=400, sizes=WIDE, **changes):
    """A model and features whose sizes range as those of eGeMAPS do, from 1e-3 to 1e4."""
    rng = np.random.default_rng(3)
    mean = 10 ** rng.uniform(-3, 4, sizes.n_features) * rng.choice([-1, 1], sizes.n_features)
    scale = np.abs(mean) * rng.uniform(0.05, 1.5, sizes.n_features)
    names = tuple(f"f{i}" for i in range(sizes.n_features))
    contract = FeatureSpec("made", "none", "1", features=names)
    model = made_model(architecture=sizes, mean=mean, scale=scale, spec=contract, **changes)
    model = eager(replace(model, feature_names=names))
    x = mean + scale * rng.standard_t(4, (n, sizes.n_features))
    return model, x.astype(np.float32)


def torch_twin(model, features, seed=0):
    """Embedding and standardised reconstruction from the network that the weights came from."""
    twin = network(model.architecture, seed)
    with torch.no_grad():
        for tensor in twin.tensors().values():
            tensor *= 2.5
        standardised = (features.astype(np.float64) - model.mean) / model.scale
        if model.clip is not None:
            standardised = np.clip(standardised, -model.clip, model.clip)
        return [part.numpy() for part in twin(torch.as_tensor(standardised).float())]


@pytest.mark.parametrize(
    ("sizes", "clip"),
    [
        (WIDE, None),
        (WIDE, 4.0),
        (Architecture(n_features=88, hidden=(30,), n_latent=5, decoder_relu=(0,)), None),
        (Architecture(n_features=88, hidden=(), n_latent=2), 4.0),
        (Architecture(n_features=88, hidden=(30,), n_latent=3, skip=True), 4.0),
        (Architecture(n_features=6373, hidden=(64, 16)), 4.0),
    ],
)
def test_onnxruntime_numpy_and_torch_agree(tmp_path, sizes, clip):
    model, x = egemaps_like(sizes=sizes, clip=clip, n=100)
    found = run(export_onnx(model, tmp_path / "m.onnx"), x)
    assert all(output.dtype == np.float32 for output in found.values())
    z, rebuilt = torch_twin(model, x)
    assert np.abs(z).max() > 0.1
    for expected in (model.encode(x), z):
        np.testing.assert_allclose(found["embedding"], expected, atol=TOLERANCE, rtol=1e-5)
    own = (found["reconstruction"] - model.mean) / model.scale
    for expected in (model.reconstruct(x), rebuilt * model.scale + model.mean):
        expected = (expected - model.mean) / model.scale
        np.testing.assert_allclose(own, expected, atol=TOLERANCE, rtol=1e-5)
    estimates = model.predict(x)
    for label in ("activation", "valence"):
        np.testing.assert_allclose(found[label], estimates[label], atol=TOLERANCE, rtol=1e-5)
    np.testing.assert_allclose(
        found["reconstruction_error"], model.reconstruction_error(x), atol=TOLERANCE, rtol=1e-5
    )


def test_a_mean_that_leaves_float32_no_digits_does_no_harm(tmp_path):
    model, _ = egemaps_like()
    model = replace(model, mean=np.full(88, 12_345.678_901), scale=np.full(88, 0.5))
    x = np.random.default_rng(0).normal(12_345.678_901, 0.5, (50, 88)).astype(np.float32)
    coarse = (x - np.float32(12_345.678_901)) / np.float32(0.5)
    assert np.abs(coarse - model.standardise(x)).max() > 1e-4
    found = run(export_onnx(model, tmp_path / "m.onnx"), x)
    np.testing.assert_allclose(found["embedding"], model.encode(x), atol=TOLERANCE)


@pytest.mark.parametrize("clip", [None, 4.0])
def test_a_row_with_nan_comes_out_as_nan_and_leaves_the_others_alone(tmp_path, clip):
    model, x = egemaps_like(n=20, clip=clip)
    path = export_onnx(model, tmp_path / "m.onnx")
    holed = x.copy()
    holed[3, 17] = np.nan
    holed[19] = np.nan
    found, whole = run(path, holed), run(path, x)
    others = [i for i in range(20) if i not in (3, 19)]
    for name, values in found.items():
        assert np.isnan(values[[3, 19]]).all(), name
        np.testing.assert_allclose(values[others], whole[name][others], rtol=1e-6)
        assert np.isfinite(values[others]).all()


@pytest.mark.parametrize("n", [0, 1, 3, 1000])
def test_any_number_of_rows(tmp_path, n):
    model, x = egemaps_like(n=1000, gains={"valence": 0.3})
    found = run(export_onnx(model, tmp_path / "m.onnx"), x[:n])
    shapes = {name: values.shape for name, values in found.items()}
    assert shapes == {
        "embedding": (n, 2),
        "activation": (n,),
        "valence": (n,),
        "reconstruction": (n, 88),
        "reconstruction_error": (n,),
    }


def test_names_shapes_and_metadata(tmp_path):
    model = made_model(name="made", version="3", licence="CC-BY-4.0")
    path = export_onnx(model, tmp_path / "deep" / "m.onnx")
    opened = session(path)
    (features,) = opened.get_inputs()
    assert (features.name, features.type, features.shape) == (
        "features", "tensor(float)", ["n", FEATURES],
    )  # fmt: skip
    assert [(output.name, output.shape) for output in opened.get_outputs()] == [
        ("embedding", ["n", 2]),
        ("activation", ["n"]),
        ("valence", ["n"]),
        ("reconstruction", ["n", FEATURES]),
        ("reconstruction_error", ["n"]),
    ]
    metadata = opened.get_modelmeta().custom_metadata_map
    assert FeatureSpec.from_json(metadata["contract"]) == SPEC
    assert (metadata["name"], metadata["version"], metadata["licence"]) == (
        "made", "3", "CC-BY-4.0",
    )  # fmt: skip
    assert json.loads(metadata["label_scale"]) == [1, 5]
    onnx.checker.check_model(str(path), full_check=True)


def test_names_of_features_without_a_contract(tmp_path):
    path = export_onnx(made_model(spec=None), tmp_path / "m.onnx")
    metadata = session(path).get_modelmeta().custom_metadata_map
    assert json.loads(metadata["feature_names"]) == list(SPEC.features)
    assert "contract" not in metadata


@pytest.mark.parametrize("name", ["unsupervised", "metric-act", "metric-val"])
def test_the_outputs_are_the_labels_of_the_model(tmp_path, name):
    model = eager(made_model(name))
    x = np.random.default_rng(0).normal(size=(9, FEATURES)).astype(np.float32)
    found = run(export_onnx(model, tmp_path / "m.onnx"), x)
    rest = {"embedding", "reconstruction", "reconstruction_error"}
    assert set(found) - rest == set(OBJECTIVES[name].axes)
    for label, values in model.predict(x).items():
        np.testing.assert_allclose(found[label], values, atol=TOLERANCE)


@pytest.mark.parametrize("label", ["embedding", "features", "step.3", "constant.scale", ""])
def test_a_label_that_can_not_be_an_output(tmp_path, label):
    model = made_model(objective="unsupervised")
    model = replace(model, objective=Objective("own", {label: ()}), offsets={label: 3.0})
    with pytest.raises(ModelError, match="a label can't be called"):
        export_onnx(model, tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "changes", [{"scale": np.full(FEATURES, 1e-60)}, {"mean": np.full(FEATURES, 1e60)}]
)
def test_numbers_beyond_float32_are_refused(tmp_path, changes):
    (tmp_path / "m.onnx").write_text("as it was")
    with pytest.raises(ModelError, match="beyond what an ONNX file in float32 holds"):
        export_onnx(made_model(**changes), tmp_path / "m.onnx")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["as it was"]


def test_the_extra_is_named_where_it_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"install .*\.\[onnx\]"):
        export_onnx(made_model(), tmp_path / "m.onnx")


def test_export_loads_no_torch():
    code = "import sys, affectspace.model.onnx, onnx; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"
