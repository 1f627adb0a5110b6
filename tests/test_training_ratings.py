"""Runs that hear ratings of their own, and ratings that count more or less."""

from dataclasses import replace

import numpy as np
import pytest

from affectspace.model import OBJECTIVES
from affectspace.training import Recipe, Run, runner, train

ROWS = 120
RECIPE = Recipe(epochs=4, batch_size=32, learning_rate=1e-3)
JOINT = Run(objective=OBJECTIVES["joint"], rows=np.arange(ROWS))


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    labels = dict(zip(("activation", "valence"), rng.uniform(1, 5, (2, ROWS)), strict=True))
    x = rng.normal(size=(ROWS, 6))
    x[:, 0] += labels["activation"]
    x[:, 1] += labels["valence"]
    return x, labels


def other_ratings(labels):
    return {"activation": np.where(np.arange(ROWS) % 3, 6 - labels["activation"], np.nan)}


def assert_same(one, other, tolerance=1e-5):
    for name, weight in one.weights.items():
        np.testing.assert_allclose(weight, other.weights[name], atol=tolerance, err_msg=name)
    assert one.offsets == pytest.approx(other.offsets, abs=tolerance)


def test_each_run_hears_its_own_ratings(data):
    x, labels = data
    own = other_ratings(labels)
    rows = np.random.default_rng(1).permutation(ROWS)[:99]
    short = Run(objective=OBJECTIVES["metric-act"], rows=rows, seed=4)
    runs = [JOINT, replace(JOINT, labels=own), replace(short, labels=own), short]
    found = train(x, labels, runs, recipe=RECIPE)
    heard = [labels, labels | own, labels | own, labels]
    for run, ratings, model in zip(runs, heard, found, strict=True):
        (expected,) = train(x, ratings, [replace(run, labels=None)], recipe=RECIPE)
        assert_same(model, expected)
    assert not np.allclose(found[0].encode(x), found[1].encode(x))


@pytest.mark.parametrize("patience", [None, 2])
def test_weights_shape_a_run_and_its_offsets(data, patience):
    x, labels = data
    gone = np.arange(ROWS) % 3 == 0
    recipe = replace(RECIPE, patience=patience)
    weights = {"activation": np.where(gone, 0.0, 0.4)}
    weighted, plain = train(x, labels, [replace(JOINT, weights=weights), JOINT], recipe=recipe)
    unlabelled = labels | {"activation": np.where(gone, np.nan, labels["activation"])}
    (expected,) = train(x, unlabelled, [JOINT], recipe=recipe)
    assert_same(weighted, expected)
    assert_same(plain, train(x, labels, [JOINT], recipe=recipe)[0])


def test_weights_of_one_change_nothing(data):
    x, labels = data
    runs = [replace(JOINT, weights=np.ones(ROWS))]
    for one, other in zip(
        train(x, labels, runs, recipe=RECIPE), train(x, labels, [JOINT], recipe=RECIPE), strict=True
    ):
        assert_same(one, other, 0)


def test_a_light_row_moves_the_offset_less(data):
    x, labels = data
    light = np.where(labels["activation"] > 3, 0.01, 1.0)
    weighted, plain = train(x, labels, [replace(JOINT, weights=light), JOINT], recipe=RECIPE)
    axes = weighted.axis_values(weighted.encode(x))["activation"]
    expected = np.average(labels["activation"] - axes, weights=light)
    assert weighted.offsets["activation"] == pytest.approx(expected, abs=1e-5)
    assert weighted.offsets["activation"] < plain.offsets["activation"]


def test_own_ratings_are_enough_and_reach_other_processes(data, monkeypatch):
    x, labels = data
    runs = [
        replace(JOINT, labels=labels, weights={"valence": np.full(ROWS, weight)}, seed=seed)
        for seed, weight in enumerate((0.0, 1.0))
    ]
    here = train(x, {}, runs, recipe=RECIPE)
    monkeypatch.setattr(runner, "WORTH_PROCESSES", 0)
    monkeypatch.setattr(runner, "available_cores", lambda: 2)
    for one, other in zip(here, train(x, {}, runs, recipe=RECIPE), strict=True):
        assert_same(one, other)
    assert here[0].offsets["valence"] == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": {"activation": np.zeros(3)}}, "shape"),
        ({"labels": {"activation": np.full(ROWS, np.inf)}}, "infinite"),
        ({"weights": np.ones(3)}, "the weight has shape"),
        ({"weights": -np.ones(ROWS)}, "the weight must be finite and at least 0"),
        ({"weights": {"valence": np.full(ROWS, np.nan)}}, "'valence' must be finite"),
        ({"weights": np.full(ROWS, np.inf)}, "must be finite"),
    ],
)
def test_bad_ratings(data, change, message):
    x, labels = data
    with pytest.raises(ValueError, match=message):
        train(x, labels, [JOINT, replace(JOINT, **change)])


def test_a_label_that_nobody_gave(data):
    x, labels = data
    known = {"activation": labels["activation"]}
    with pytest.raises(ValueError, match=r"need labels \['valence'\]"):
        train(x, known, [replace(JOINT, labels=labels), JOINT])
