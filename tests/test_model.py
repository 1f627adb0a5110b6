"""A trained model in NumPy: what it computes, against torch, and its folder."""

import json
import math
import struct
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import load_file, save_file

from affectspace.errors import ContractError, ModelError
from affectspace.model import (
    Architecture,
    Objective,
    load_model,
    save_model,
)
from made_features import SPEC, feature_table
from made_models import FEATURES, SIZES, made_model, network


@pytest.fixture
def x():
    return np.random.default_rng(1).normal(size=(30, FEATURES))


@pytest.mark.parametrize(
    "sizes",
    [
        SIZES,
        Architecture(n_features=FEATURES, hidden=(7,), n_latent=3, decoder_relu=(0,)),
        Architecture(n_features=FEATURES, hidden=(), n_latent=1),
        Architecture(n_features=FEATURES, skip=True),
    ],
)
def test_embedding_and_reconstruction_are_those_of_the_torch_network(x, sizes):
    model = made_model(architecture=sizes, objective="unsupervised")
    standardised = torch.as_tensor((x - model.mean) / model.scale, dtype=torch.float32)
    z, rebuilt = (part.detach().numpy() for part in network(sizes)(standardised))
    np.testing.assert_allclose(model.encode(x), z, atol=1e-5)
    np.testing.assert_allclose(model.reconstruct(x), rebuilt * model.scale + model.mean, atol=1e-5)
    np.testing.assert_allclose(model.decode(model.encode(x)), model.reconstruct(x))
    errors = np.square((model.reconstruct(x) - x) / model.scale).mean(axis=1)
    np.testing.assert_allclose(model.reconstruction_error(x), errors)


def test_a_row_with_nan_comes_back_as_nan_and_leaves_the_others_alone(x):
    model = made_model()
    holed = x.copy()
    holed[3, 2] = np.nan
    others = np.arange(len(x)) != 3
    for method in (model.encode, model.reconstruct, model.predict):
        found, whole = np.asarray(method(holed)), np.asarray(method(x))
        assert np.isnan(found[3]).all()
        np.testing.assert_array_equal(found[others], whole[others])


def test_nothing_in_nothing_out():
    assert made_model().encode(np.empty((0, FEATURES))).shape == (0, 2)


def test_clip_bounds_the_standardised_features(x):
    model = made_model(clip=1.5)
    x[0] = 1e9
    standardised = model.standardise(x)
    np.testing.assert_array_equal(standardised[0], np.full(FEATURES, 1.5))
    np.testing.assert_allclose(standardised, np.clip((x - model.mean) / model.scale, -1.5, 1.5))
    np.testing.assert_allclose(model.encode(x), made_model(clip=1.5).encode(x))


def test_an_estimate_is_the_axis_times_its_gain_plus_the_offset(x, tmp_path):
    gains, offsets = {"valence": 0.25}, {"activation": 2.5, "valence": -1.0}
    save_model(made_model(gains=gains, offsets=offsets), tmp_path)
    model = load_model(tmp_path)
    assert model.gains == gains
    axes = model.axis_values(model.encode(x))
    found = model.predict(x)
    np.testing.assert_allclose(found["activation"], axes["activation"] + 2.5)
    np.testing.assert_allclose(found["valence"], axes["valence"] / 4 - 1)


def test_predict_adds_the_offsets_and_keeps_the_index(x):
    model = made_model(offsets={"activation": 2.5, "valence": -1.0})
    frame = pd.DataFrame(x, index=[f"row{i}" for i in range(len(x))], columns=list(SPEC.features))
    found, z = model.predict(frame), model.encode(x)
    assert list(found.columns) == ["activation", "valence"]
    assert list(found.index) == list(frame.index)
    np.testing.assert_allclose(found, z + np.array([2.5, -1.0]))
    np.testing.assert_allclose(model.estimate(z), found)
    assert list(model.predict(x).index) == list(range(len(x)))


def test_a_feature_table_keeps_its_index():
    table, model = feature_table(n=12), made_model()
    pd.testing.assert_index_equal(model.predict(table).index, table.rows.index)
    np.testing.assert_array_equal(model.encode(table), model.encode(table.values))


def test_axis_values_are_the_mean_over_the_dimensions_of_a_label(x):
    z = made_model().encode(x)
    joint = made_model("joint").axis_values(z)
    np.testing.assert_allclose(joint, z)
    single = made_model("metric-act").axis_values(z)
    assert list(single.columns) == ["activation"]
    np.testing.assert_allclose(single["activation"], z.mean(axis=1))
    assert made_model("unsupervised").predict(x).shape == (len(x), 0)


def test_other_names_are_refused_and_both_are_named(x):
    frame = pd.DataFrame(x, columns=[*SPEC.features[:-1], "other"])
    with pytest.raises(ContractError, match=r"6 features \(a, b, c, \.\.\.\), but the table has"):
        made_model().encode(frame.iloc[:, ::-1])
    with pytest.raises(ContractError, match="trained on"):
        made_model().encode(frame)
    nameless = made_model(feature_names=None, spec=None)
    np.testing.assert_array_equal(nameless.encode(frame), nameless.encode(x))


def test_features_in_another_order_are_refused(x):
    frame = pd.DataFrame(x, columns=list(SPEC.features))
    with pytest.raises(ContractError, match="f, e, d"):
        made_model().encode(frame.iloc[:, ::-1])


def test_another_contract_is_refused():
    other = feature_table(spec=replace(SPEC, backend_version="2"))
    with pytest.raises(ContractError, match="backend_version '1' is '2'"):
        made_model().predict(other)
    assert made_model(spec=None).encode(other).shape == (60, 2)


@pytest.mark.parametrize("shape", [(3, FEATURES - 1), (3, FEATURES + 1), (FEATURES,), (1, 1, 6)])
def test_a_wrong_shape_is_refused(shape):
    with pytest.raises(ContractError, match=r"shape \(n, 6\)"):
        made_model().encode(np.zeros(shape))


@pytest.mark.parametrize(
    "sizes",
    [
        {"n_features": 0},
        {"n_features": 3, "hidden": (4, 0)},
        {"n_features": 3, "n_latent": 0},
        {"n_features": 3, "hidden": (), "decoder_relu": (1,)},
        {"n_features": 3, "decoder_relu": (-1,)},
    ],
)
def test_sizes_that_are_no_network(sizes):
    with pytest.raises(ValueError, match=r"widths|does not have"):
        Architecture(**sizes)


@pytest.mark.parametrize(
    ("hidden", "expected"), [((), ()), ((40,), ()), ((40, 20), (1,)), ((40, 20, 10), (1,))]
)
def test_the_decoder_has_its_relu_after_the_second_layer_if_that_is_hidden(hidden, expected):
    sizes = Architecture(n_features=3, hidden=hidden)
    assert sizes.decoder_relu == expected
    assert not sizes.decoder[-1].relu


def test_sizes_in_words():
    assert str(Architecture(88)) == "88 -> 40 -> 20 -> 10 -> 2"
    assert str(Architecture(88, (), skip=True)) == "88 -> 2 with a linear shortcut"


def test_projection_of_several_labels():
    objective = Objective("wide", {"activation": (0, 2), "valence": ()})
    found = objective.projection(["valence", "activation", "dominance"], 4)
    np.testing.assert_array_equal(
        found, [[0.25, 0.5, 0], [0.25, 0, 0], [0.25, 0.5, 0], [0.25, 0, 0]]
    )


@pytest.mark.parametrize("axis", [(2,), (-1,)])
def test_an_axis_outside_the_space_is_refused(axis):
    with pytest.raises(ValueError, match=r"puts valence on dimensions .* but there are 2"):
        Objective("far", {"valence": axis}).projection(["valence"], 2)


@pytest.mark.parametrize("changes", [{}, {"clip": 4.0}, {"feature_names": None, "spec": None}])
def test_a_saved_model_comes_back_bit_by_bit(tmp_path, x, changes):
    model = made_model(**changes)
    assert save_model(model, tmp_path / "deep" / "folder") == tmp_path / "deep" / "folder"
    back = load_model(tmp_path / "deep" / "folder")
    for name in ("mean", "scale"):
        assert getattr(back, name).tobytes() == getattr(model, name).tobytes()
    assert set(back.weights) == set(model.weights)
    for name, weight in model.weights.items():
        assert back.weights[name].dtype == weight.dtype
        assert back.weights[name].tobytes() == weight.tobytes()
    for name in (
        "architecture", "objective", "clip", "offsets", "feature_names", "spec", "record"
    ):  # fmt: skip
        assert getattr(back, name) == getattr(model, name), name
    pd.testing.assert_frame_equal(back.history, model.history)
    assert back.encode(x).tobytes() == model.encode(x).tobytes()


def test_an_unsupervised_model_has_a_slope_of_nan_and_can_be_saved(tmp_path):
    history = pd.DataFrame({"epoch": [1, 2], "loss": [0.9, 0.4], "slope": [math.nan, math.nan]})
    model = made_model("unsupervised", history=history)
    back = load_model(save_model(model, tmp_path))
    pd.testing.assert_frame_equal(back.history, history)
    assert "NaN" not in (tmp_path / "config.json").read_text()


def test_a_model_without_a_history_can_be_saved(tmp_path):
    back = load_model(save_model(made_model(history=pd.DataFrame()), tmp_path))
    assert back.history.empty


def test_saving_replaces_a_model_and_leaves_nothing_beside_it(tmp_path):
    save_model(made_model(), tmp_path)
    save_model(made_model(offsets={"activation": 1.0, "valence": 1.0}), tmp_path)
    assert load_model(tmp_path).offsets["valence"] == 1.0
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "README.md",
        "config.json",
        "metrics.json",
        "model.safetensors",
    ]


@pytest.fixture
def folder(tmp_path):
    return save_model(made_model(), tmp_path / "model")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_missing_file(folder, name):
    (folder / name).unlink()
    with pytest.raises(ModelError, match=f"no readable model folder: .*{name}"):
        load_model(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_a_truncated_file(folder, name, share):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelError, match="no readable model folder"):
        load_model(folder)


def test_a_safetensors_header_that_claims_too_much(folder):
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", 2**60) + b"{}")
    with pytest.raises(ModelError, match="no readable model folder"):
        load_model(folder)


@pytest.mark.parametrize("text", ["[]", '"model"', "{}", '{"format_version": 99}', "7"])
def test_an_unknown_format_version(folder, text):
    (folder / "config.json").write_text(text)
    with pytest.raises(ModelError, match=r"has format version .*; this package reads 2 only"):
        load_model(folder)


def change_config(folder, **changes):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"architecture": None},
        {"architecture": {"n_features": 6}},
        {"architecture": {"n_features": 0, "hidden": [], "n_latent": 2, "decoder_relu": []}},
        {"architecture": {"n_features": "6", "hidden": [], "n_latent": 2, "decoder_relu": []}},
        {"objective": {"name": "x", "axes": {"valence": 3}}},
        {"objective": {"name": "x", "axes": {"valence": [2]}}},
        {"objective": []},
        {"feature_names": ["a", "b"]},
        {"feature_spec": {"name": "made"}},
        {"feature_spec": json.loads(replace(SPEC, features=("a",)).to_json())},
        {"history": {"loss": ["low"]}},
    ],
)
def test_a_configuration_that_can_not_be_understood(folder, changes):
    change_config(folder, **changes)
    with pytest.raises(ModelError, match=r"config\.json can't be understood"):
        load_model(folder)


def test_a_configuration_without_a_part(folder):
    config = json.loads((folder / "config.json").read_text())
    del config["offsets"]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="offsets"):
        load_model(folder)


def change_tensors(folder, change):
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("encoder.1.bias"), r"missing, extra or misshapen.*encoder\.1\.bias"),
        (lambda t: t.update(extra=np.zeros(1)), "missing, extra or misshapen.*extra"),
        (lambda t: t.update(mean=np.zeros(5)), "missing, extra or misshapen.*mean"),
        (lambda t: t.pop("scale"), "scale"),
        (
            lambda t: t.update({"decoder.0.weight": t["decoder.0.weight"].T.copy()}),
            "missing, extra or misshapen.*decoder",
        ),
        (lambda t: t["encoder.0.weight"].fill(np.nan), r"not finite.*encoder\.0\.weight"),
        (lambda t: t["mean"].fill(np.inf), "not finite.*mean"),
        (lambda t: t["scale"].fill(0), "a scale of 0"),
        (lambda t: t["scale"].fill(-1), "a scale of 0"),
    ],
)
def test_tensors_that_are_not_the_models(folder, change, message):
    change_tensors(folder, change)
    with pytest.raises(ModelError, match=message):
        load_model(folder)


def test_weights_of_another_model(tmp_path):
    model = made_model()
    save_model(model, tmp_path / "one")
    save_model(replace(model, mean=model.mean + 1), tmp_path / "other")
    (tmp_path / "other" / "config.json").replace(tmp_path / "one" / "config.json")
    with pytest.raises(ModelError, match="another model"):
        load_model(tmp_path / "one")


def test_features_with_other_columns_say_how_to_select(x):
    model = made_model()
    frame = pd.DataFrame(x, columns=list(model.feature_names)).assign(status="ok")
    with pytest.raises(ContractError, match=r"FeatureTable.read, or select list\(model"):
        model.encode(frame)
