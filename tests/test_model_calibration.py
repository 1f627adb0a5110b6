"""Intervals, reconstruction error, unusualness, and all of it in one pass."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectspace.model import Architecture, Calibration
from affectspace.model import affect as affect_module
from made_features import feature_table
from made_models import CALIBRATION, FEATURES, made_model

COLUMNS = [
    "activation", "activation_low", "activation_high",
    "valence", "valence_low", "valence_high",
    "z1", "z2", "unusualness",
]  # fmt: skip


@pytest.fixture
def x():
    return np.random.default_rng(1).normal(size=(30, FEATURES))


def slow_errors(model, x):
    """The mean squared error of each row, feature by feature."""
    found = []
    for row in x:
        z = model.encode(row[None])
        rebuilt = (model.decode(z)[0] - model.mean) / model.scale
        total = 0.0
        for j in range(len(row)):
            standardised = (row[j] - model.mean[j]) / model.scale[j]
            if model.clip is not None:
                standardised = min(max(standardised, -model.clip), model.clip)
            total += (rebuilt[j] - standardised) ** 2
        found.append(total / len(row))
    return np.array(found)


def slow_unusualness(errors, quantiles):
    """The share by walking from one quantile to the next."""
    found = []
    for error in errors:
        if error >= quantiles[-1]:
            found.append(1.0)
            continue
        share = 0.0
        for i in range(len(quantiles) - 1):
            low, high = quantiles[i], quantiles[i + 1]
            if low <= error < high:
                share = (i + (error - low) / (high - low)) / (len(quantiles) - 1)
        found.append(share)
    return np.array(found)


@pytest.mark.parametrize("clip", [None, 1.5])
def test_reconstruction_error_against_the_slow_twin(x, clip):
    model = made_model(clip=clip)
    x[0] = 1e4
    np.testing.assert_allclose(
        model.reconstruction_error(x), slow_errors(model, x), rtol=1e-9, atol=0
    )


def test_unusualness_against_the_slow_twin(x):
    model = made_model(calibration=CALIBRATION)
    errors = model.reconstruction_error(x)
    found = model.unusualness(x)
    np.testing.assert_allclose(found, slow_unusualness(errors, CALIBRATION.errors), atol=1e-12)
    assert 0 < found.min() < found.max() <= 1
    assert len(np.unique(found)) > 10


def test_unusualness_of_training_rows_is_their_rank(x):
    model = made_model()
    errors = model.reconstruction_error(x)
    calibration = Calibration(0.9, {}, np.quantile(errors, np.linspace(0, 1, 30)), (1, 2))
    found = replace(model, calibration=calibration).unusualness(x)
    np.testing.assert_allclose(found, np.argsort(np.argsort(errors)) / 29, atol=1e-9)
    assert np.median(found) == pytest.approx(0.5)


def test_without_calibration_there_is_no_unusualness_and_no_interval(x):
    model = made_model()
    assert np.isnan(model.unusualness(x)).all()
    estimates = model.predict(x)
    assert model.intervals(estimates).isna().all(axis=None)
    found = model.describe(x)
    assert list(found.columns) == COLUMNS
    known = ["activation", "valence", "z1", "z2"]
    assert found[known].notna().all(axis=None)
    assert found.drop(columns=known).isna().all(axis=None)


def test_an_interval_moves_with_its_estimate_and_is_not_limited():
    model = made_model(calibration=CALIBRATION)
    estimates = pd.DataFrame({"activation": [3.0, 4.9], "valence": [1.0, np.nan]}, index=["a", "b"])
    found = model.intervals(estimates)
    expected = {
        "activation_low": [1.75, 3.65],
        "activation_high": [4.0, 5.9],
        "valence_low": [-1.0, np.nan],
        "valence_high": [2.5, np.nan],
    }
    pd.testing.assert_frame_equal(found, pd.DataFrame(expected, index=["a", "b"]))


def test_a_label_that_was_not_calibrated_has_no_interval(x):
    calibration = replace(CALIBRATION, intervals={"valence": (-1.0, 1.0)})
    found = made_model(calibration=calibration).describe(x)
    assert found[["activation_low", "activation_high"]].isna().all(axis=None)
    assert found[["valence_low", "valence_high"]].notna().all(axis=None)


@pytest.mark.parametrize("block", [1, 50, 10_000])
@pytest.mark.parametrize("clip", [None, 2.0])
def test_describe_is_all_the_others_at_once(x, monkeypatch, block, clip):
    monkeypatch.setattr(affect_module, "_BLOCK", block)
    model = made_model(
        clip=clip, calibration=CALIBRATION, offsets={"activation": 5.2, "valence": 0.8}
    )
    found, estimates = model.describe(x), model.predict(x)
    assert list(found.columns) == COLUMNS
    assert (estimates > 5).any(axis=None)
    assert (estimates < 1).any(axis=None)
    for label in ("activation", "valence"):
        np.testing.assert_allclose(found[label], np.clip(estimates[label], 1, 5), atol=1e-12)
        for end in ("low", "high"):
            ends = model.intervals(estimates)[f"{label}_{end}"]
            np.testing.assert_allclose(found[f"{label}_{end}"], np.clip(ends, 1, 5), atol=1e-12)
        assert (found[f"{label}_low"] <= found[label]).all()
        assert (found[label] <= found[f"{label}_high"]).all()
    np.testing.assert_allclose(found[["z1", "z2"]], model.encode(x), atol=1e-12)
    np.testing.assert_allclose(found["unusualness"], model.unusualness(x), atol=1e-12)


def test_describe_keeps_the_index_and_nan_rows():
    model, table = made_model(calibration=CALIBRATION), feature_table(n=12)
    table.values.iloc[3, 2] = np.nan
    found = model.describe(table)
    pd.testing.assert_index_equal(found.index, table.rows.index)
    assert found.iloc[3].isna().all()
    assert found.drop(index=found.index[3]).notna().all(axis=None)
    assert np.isnan(model.reconstruction_error(table)[3])
    pd.testing.assert_frame_equal(model.describe(table.values), found)
    assert list(model.describe(table.values.to_numpy()).index) == list(range(12))


def test_float32_features_are_worked_on_in_float64(x):
    model = made_model(calibration=CALIBRATION, mean=np.full(FEATURES, 1e6))
    narrow = (x + 1e6).astype(np.float32)
    pd.testing.assert_frame_equal(model.describe(narrow), model.describe(narrow.astype(np.float64)))


def test_nothing_in_nothing_out():
    found = made_model(calibration=CALIBRATION).describe(np.empty((0, FEATURES)))
    assert list(found.columns) == COLUMNS
    assert len(found) == 0


def test_describe_of_a_model_without_labels():
    sizes = Architecture(n_features=FEATURES, n_latent=3)
    found = made_model("unsupervised", sizes).describe(np.zeros((2, FEATURES)))
    assert list(found.columns) == ["z1", "z2", "z3", "unusualness"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"coverage": 0.0}, "coverage"),
        ({"coverage": 1.0}, "coverage"),
        ({"coverage": math.nan}, "coverage"),
        ({"intervals": {"valence": (0.1, 1.0)}}, "interval of valence should span 0"),
        ({"intervals": {"valence": (-1.0, -0.1)}}, "interval of valence should span 0"),
        ({"intervals": {"valence": (-math.inf, 1.0)}}, "interval of valence should span 0"),
        ({"intervals": {"valence": (math.nan, 1.0)}}, "interval of valence should span 0"),
        ({"errors": np.array([1.0])}, "shape"),
        ({"errors": np.zeros((2, 2))}, "shape"),
        ({"errors": np.array([1.0, 0.5])}, "ascending"),
        ({"errors": np.array([-1.0, 0.5])}, "at least 0"),
        ({"errors": np.array([0.0, math.nan, 1.0])}, "finite"),
        ({"errors": np.array([0.0, math.inf])}, "finite"),
        ({"durations": (2.0, 1.0)}, "durations"),
        ({"durations": (math.nan, 1.0)}, "durations"),
        ({"durations": (-1.0, 1.0)}, "durations"),
        ({"durations": (1.0, math.inf)}, "durations"),
    ],
)
def test_a_calibration_that_contradicts_itself(changes, message):
    with pytest.raises(ValueError, match=message):
        replace(CALIBRATION, **changes)


@given(
    st.lists(st.floats(0, 100), min_size=2, max_size=20).map(sorted),
    st.lists(st.floats(0, 200), min_size=1, max_size=10).map(sorted),
)
def test_unusualness_rises_with_the_error_and_stays_within_0_and_1(quantiles, errors):
    calibration = Calibration(0.9, {}, np.array(quantiles), (1, 2))
    found = calibration.unusualness(np.array(errors))
    assert (np.diff(found) >= -1e-12).all()
    assert ((found >= 0) & (found <= 1)).all()
