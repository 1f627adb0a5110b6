"""Gradients of a model's estimates, at a row and averaged over the way to it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from affectspace.errors import ContractError
from affectspace.model import Architecture
from made_features import feature_table
from made_models import FEATURES, SIZES, made_model

DEEP = Architecture(n_features=FEATURES, hidden=(12, 9, 7, 5), n_latent=3)
LINEAR = Architecture(n_features=FEATURES, hidden=(), decoder_relu=())
SHORTCUT = Architecture(n_features=FEATURES, skip=True)
GAINS = {"activation": 2.0, "valence": -0.5}


def rows(n=7, *, seed=0, spread=3.0):
    return np.random.default_rng(seed).normal(0, spread, (n, FEATURES))


def estimates(model, standardised):
    """What the model says of features that were standardised, without clipping them again."""
    return model.predict(standardised * model.scale + model.mean).to_numpy()


@pytest.mark.parametrize("architecture", [SIZES, DEEP, LINEAR, SHORTCUT])
def test_at_a_row_it_is_what_small_steps_give(architecture):
    model = made_model(architecture=architecture, gains=GAINS)
    features, step = rows(), 1e-6
    standardised = model.standardise(features)
    for j in range(FEATURES):
        shift = step * np.eye(FEATURES)[j]
        rise = estimates(model, standardised + shift) - estimates(model, standardised - shift)
        np.testing.assert_allclose(model.gradient(features)[:, :, j], rise / (2 * step), atol=1e-6)


@pytest.mark.parametrize("architecture", [SIZES, DEEP, LINEAR, SHORTCUT])
@pytest.mark.parametrize("objective", ["joint", "metric-act"])
def test_times_the_way_it_adds_up_to_the_difference(architecture, objective):
    model = made_model(objective, architecture, gains=GAINS, clip=1.5)
    features, reference = rows(40), rows(40, seed=1)
    way = model.standardise(features) - model.standardise(reference)
    added = np.einsum("nkf,nf->nk", model.gradient(features, reference=reference), way)
    difference = model.predict(features) - model.predict(reference)
    np.testing.assert_allclose(added, difference, atol=1e-12)


def test_over_the_way_it_is_the_mean_of_many_gradients_on_it():
    model = made_model(architecture=replace(DEEP, skip=True))
    features, reference = rows(3), rows(1, seed=1)
    start, end = model.standardise(reference), model.standardise(features)
    shares = (np.arange(20_000) + 0.5) / 20_000
    for i in range(3):
        points = start + shares[:, None] * (end[i] - start)
        on_the_way = model.gradient(points * model.scale + model.mean)
        found = model.gradient(features[[i]], reference=reference)
        np.testing.assert_allclose(found[0], on_the_way.mean(axis=0), atol=2e-4)


def test_one_reference_serves_all_rows_and_blocks_change_nothing(monkeypatch):
    model = made_model()
    features, reference = rows(50), rows(1, seed=1)
    whole = model.gradient(features, reference=reference)
    repeated = model.gradient(features, reference=np.repeat(reference, 50, axis=0))
    np.testing.assert_array_equal(whole, repeated)
    monkeypatch.setattr("affectspace.model.gradients._BLOCK", 1)
    by_row = model.gradient(features, reference=reference)
    np.testing.assert_allclose(by_row, whole, atol=1e-12)


def test_rows_with_a_gap_are_nan_and_others_are_not_touched():
    model = made_model()
    features = rows(4)
    whole = model.gradient(features)
    features[1, 2] = np.nan
    found = model.gradient(features)
    assert np.isnan(found[1]).all()
    np.testing.assert_array_equal(found[[0, 2, 3]], whole[[0, 2, 3]])
    assert np.isnan(model.gradient(rows(2), reference=features[1:2])).all()


def test_no_rows_and_no_labels():
    assert made_model().gradient(np.empty((0, FEATURES))).shape == (0, 2, FEATURES)
    assert made_model("unsupervised").gradient(rows(3)).shape == (3, 0, FEATURES)


def test_features_are_checked():
    with pytest.raises(ContractError, match="expected features of shape"):
        made_model().gradient(np.zeros((2, 3)))
    table = feature_table()
    with pytest.raises(ContractError, match="features"):
        made_model().gradient(table.values[table.values.columns[::-1]])
