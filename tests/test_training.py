"""Batched training against one model at a time, written plainly."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from affectspace.errors import TrainingError
from affectspace.model import OBJECTIVES, load_model, save_model
from affectspace.training import Recipe, Run, runner, shares, train
from affectspace.training.ratings import ratings_of
from plain_training import trained_plainly

FEATURES = 9
ROWS = 150


@pytest.fixture(scope="module")
def data():
    """Features that follow activation and, less, valence; some rows unlabelled."""
    rng = np.random.default_rng(0)
    activation, valence = rng.uniform(1, 5, (2, ROWS))
    x = np.outer(activation, rng.normal(size=FEATURES))
    x += 0.5 * np.outer(valence, rng.normal(size=FEATURES)) + rng.normal(size=(ROWS, FEATURES))
    activation[::7] = np.nan
    return 3 * x + 10, {"activation": activation, "valence": valence}


def every_kind_of_run():
    """Runs of ragged sizes, with shared and with own streams."""
    rng = np.random.default_rng(1)
    folds = [rng.permutation(ROWS)[:size] for size in (100, 101, 120, 64)]
    return [
        Run(objective=OBJECTIVES[name], rows=rows, seed=seed)
        for seed, rows in enumerate(folds)
        for name in ("unsupervised", "metric-act", "joint")
    ]


def assert_same(one, other, tolerance):
    for name, weight in one.weights.items():
        np.testing.assert_allclose(weight, other.weights[name], atol=tolerance, err_msg=name)
    assert one.offsets == pytest.approx(other.offsets, abs=tolerance)


@pytest.mark.parametrize("groups", [None, np.arange(ROWS) % 3])
@pytest.mark.parametrize("patience", [None, 2])
def test_all_at_once_equals_one_by_one(data, groups, patience):
    x, labels = data
    recipe = Recipe(epochs=6, batch_size=32, learning_rate=1e-3, patience=patience, clip=3)
    runs = every_kind_of_run()
    together = train(x, labels, runs, recipe=recipe, groups=groups)
    for run, model in zip(runs, together, strict=True):
        (alone,) = train(x, labels, [run], recipe=recipe, groups=groups)
        assert_same(model, alone, 1e-5)
        np.testing.assert_allclose(model.encode(x), alone.encode(x), atol=1e-5)
        if not patience:  # a model that stopped early goes on unseen while others train
            np.testing.assert_allclose(model.history, alone.history, atol=1e-5)


def pairwise_loss(z, labels):
    """L_met by all pairs at once."""
    known = ~labels.isnan()
    z, labels = z[known], labels[known]
    l_d = (labels[:, None] - labels[None]).flatten()
    z_d = (z[:, None] - z[None]).flatten()
    if l_d.abs().sum() == 0:
        return torch.zeros(())
    slope = l_d @ z_d / (l_d @ l_d)
    n = len(labels)
    return ((z_d - slope * l_d) ** 2).sum() / (n * (n - 1)) + (slope - 1).abs()


@pytest.mark.parametrize("sizes", [{"hidden": ()}, {"hidden": (8,)}, {"skip": True}])
def test_other_sizes_are_trained_and_kept(data, tmp_path, sizes):
    x, labels = data
    recipe = Recipe(epochs=5, batch_size=32, learning_rate=1e-3, **sizes)
    runs = every_kind_of_run()
    for run, model in zip(runs, train(x, labels, runs, recipe=recipe), strict=True):
        (alone,) = train(x, labels, [run], recipe=recipe)
        assert_same(model, alone, 1e-5)
    assert model.weights.keys() == model.architecture.shapes.keys()
    reread = load_model(save_model(model, tmp_path / "model"))
    np.testing.assert_array_equal(reread.encode(x), model.encode(x))


def test_weight_decay_is_that_of_adamw(data):
    x, labels = data
    run = Run(objective=OBJECTIVES["metric-act"], rows=np.arange(ROWS))
    recipe = Recipe(epochs=1, batch_size=ROWS, weight_decay=30, learning_rate=1e-2)
    (decayed,) = train(x, labels, [run], recipe=recipe)
    (plain,) = train(x, labels, [run], recipe=replace(recipe, weight_decay=0))
    (begun,) = train(x, labels, [run], recipe=replace(recipe, learning_rate=1e-30))
    for name, weight in plain.weights.items():
        shrunk = 0 if name.endswith("bias") else 0.3 * begun.weights[name]
        np.testing.assert_allclose(decayed.weights[name], weight - shrunk, atol=1e-6)


def test_metric_weight_multiplies_what_the_label_shapes(data):
    x, labels = data
    rows = np.arange(ROWS)
    recipe = Recipe(epochs=3, log_loss=False, metric_weight=0)
    shaped, plain = (Run(objective=OBJECTIVES[o], rows=rows) for o in ("joint", "unsupervised"))
    ignored, blind = train(x, labels, [shaped, plain], recipe=recipe)
    assert_same(replace(ignored, offsets={}), blind, 1e-7)
    (strong,) = train(x, labels, [shaped], recipe=replace(recipe, metric_weight=10))
    history = strong.history.iloc[0]
    assert history["loss"] > history["reconstruction"] + 10 * history["residual"]


def by_pairs(name, z, y):
    """L_met of an objective."""
    if name == "metric-act":
        return pairwise_loss(z.mean(1), y["activation"])
    return pairwise_loss(z[:, 0], y["activation"]) + pairwise_loss(z[:, 1], y["valence"])


@pytest.mark.parametrize("name", ["unsupervised", "metric-act", "joint"])
def test_equals_a_plain_training_loop(data, name):
    x, labels = data
    rows = np.arange(20, 130)
    recipe = Recipe(epochs=3, batch_size=32, learning_rate=1e-3)
    (model,) = train(x, labels, [Run(objective=OBJECTIVES[name], rows=rows, seed=5)], recipe=recipe)
    shaped = None if name == "unsupervised" else lambda z, y, _: by_pairs(name, z, y)
    z, rebuilt = trained_plainly(x, labels, rows, recipe=recipe, seed=5, shaped=shaped)
    np.testing.assert_allclose(model.encode(x), z, atol=1e-5)
    np.testing.assert_allclose(
        (model.reconstruct(x) - model.mean) / model.scale, rebuilt, atol=1e-5
    )


def test_runs_of_one_stream_begin_and_are_shaken_alike(data):
    x, labels = data
    rows = np.arange(ROWS)
    labels = {"activation": np.full(ROWS, 3.0), "valence": labels["valence"]}
    runs = [Run(objective=OBJECTIVES[o], rows=rows) for o in ("unsupervised", "metric-act")]
    plain, constant = train(x, labels, runs, recipe=Recipe(epochs=2, log_loss=False))
    assert_same(plain, replace(constant, offsets={}), 1e-7)


def test_same_seed_same_model_and_other_seed_another(data):
    x, labels = data
    runs = [Run(objective=OBJECTIVES["joint"], rows=np.arange(99), seed=s) for s in (3, 3, 4)]
    first, again, other = train(x, labels, runs, recipe=Recipe(epochs=2))
    assert_same(first, again, 1e-7)
    assert not np.allclose(first.encode(x), other.encode(x))


def test_the_space_comes_out_in_rating_units(data):
    x, labels = data
    run = Run(objective=OBJECTIVES["joint"], rows=np.arange(ROWS))
    (model,) = train(x, labels, [run], recipe=Recipe(epochs=150, learning_rate=1e-2, noise=0.3))
    estimates = model.predict(x)
    known = ~np.isnan(labels["activation"])
    slope, offset = np.polyfit(labels["activation"][known], estimates["activation"][known], 1)
    assert slope == pytest.approx(1, abs=0.15)
    assert slope * 3 + offset == pytest.approx(3, abs=0.2)
    assert list(model.history.columns) == ["epoch", "loss", "reconstruction", "residual", "slope"]
    assert model.history["loss"].iloc[-1] < model.history["loss"].iloc[0]


def test_a_run_with_no_label_at_all_is_the_unsupervised_one(data):
    x, labels = data
    nothing = {"activation": np.full(ROWS, np.nan)}
    rows = np.arange(ROWS)
    recipe = Recipe(log_loss=False)
    (blind,) = train(
        x, nothing, [Run(objective=OBJECTIVES["metric-act"], rows=rows)], recipe=recipe
    )
    (plain,) = train(
        x, labels, [Run(objective=OBJECTIVES["unsupervised"], rows=rows)], recipe=recipe
    )
    assert blind.offsets == {"activation": 0}
    np.testing.assert_allclose(blind.encode(x), plain.encode(x), atol=1e-5)


def test_early_stopping_keeps_the_best_weights(data):
    x, labels = data
    run = Run(objective=OBJECTIVES["unsupervised"], rows=np.arange(60))
    recipe = Recipe(epochs=400, learning_rate=0.05, patience=5, noise=0)
    (model,) = train(x, labels, [run], recipe=recipe)
    assert len(model.history) < 400
    assert model.record["rows_held_out"] == 6
    assert model.record["epochs"] == len(model.history)


def test_one_training_row_and_constant_features(data):
    x, labels = data
    run = Run(objective=OBJECTIVES["joint"], rows=np.array([4]))
    (model,) = train(x, labels, [run], recipe=Recipe(epochs=2))
    assert np.isfinite(model.encode(x)).all()


def test_threads_of_torch_are_left_as_they_were(data):
    x, labels = data
    before = torch.get_num_threads()
    train(
        x, labels, [Run(objective=OBJECTIVES["joint"], rows=np.arange(9))], recipe=Recipe(epochs=1)
    )
    assert torch.get_num_threads() == before


def test_a_loss_that_is_not_finite_is_an_error(data):
    x, labels = data
    run = Run(objective=OBJECTIVES["joint"], rows=np.arange(ROWS), seed=8)
    with pytest.raises(TrainingError, match=r"joint \(seed 8\)"):
        train(1e30 * x, labels, [run], recipe=Recipe(epochs=3, learning_rate=1e30))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": np.full((ROWS, 2), np.nan)}, "not finite"),
        ({"features": np.zeros(3)}, "shape"),
        ({"labels": {"valence": np.zeros(ROWS)}}, "activation"),
        ({"labels": {"activation": np.zeros(3)}}, "shape"),
        ({"labels": {"activation": np.full(ROWS, math.inf)}}, "infinite"),
        ({"runs": [Run(objective=OBJECTIVES["unsupervised"], rows=np.arange(0))]}, "at least one"),
    ],
)
def test_bad_input(data, change, message):
    x, labels = data
    runs = [Run(objective=OBJECTIVES["metric-act"], rows=np.arange(9))]
    with pytest.raises(ValueError, match=message):
        train(**{"features": x, "labels": labels, "runs": runs} | change)


@pytest.mark.parametrize(
    "setting",
    [
        {"epochs": 0},
        {"noise": -1},
        {"validation": 1},
        {"clip": 0},
        {"patience": 0},
        {"hidden": (0,)},
        {"weight_decay": -1},
        {"metric_weight": -1},
    ],
)
def test_bad_recipe(data, setting):
    x, labels = data
    with pytest.raises(ValueError, match=r"must be|at least"):
        train(
            x,
            labels,
            [Run(objective=OBJECTIVES["unsupervised"], rows=np.arange(9))],
            recipe=Recipe(**setting),
        )


def test_progress_is_reported(data, capsys):
    x, labels = data
    run = Run(objective=OBJECTIVES["unsupervised"], rows=np.arange(9))
    train(x, labels, [run], recipe=Recipe(epochs=2), progress=True)
    captured = capsys.readouterr()
    assert "Training" in captured.err
    assert captured.out == ""


@pytest.fixture
def two_processes(monkeypatch):
    monkeypatch.setattr(runner, "WORTH_PROCESSES", 0)
    monkeypatch.setattr(runner, "available_cores", lambda: 2)


def test_processes_give_the_same_models(data, two_processes, monkeypatch):
    x, labels = data
    runs, recipe = every_kind_of_run(), Recipe(epochs=2, batch_size=32)
    shared_out = train(x, labels, runs, recipe=recipe)
    monkeypatch.setattr(runner, "WORTH_PROCESSES", math.inf)
    for one, other in zip(shared_out, train(x, labels, runs, recipe=recipe), strict=True):
        assert_same(one, other, 1e-5)
        assert one.objective == other.objective


def test_an_error_in_another_process_is_raised_here(data, two_processes):
    x, labels = data[0].copy(), data[1]
    x[120:] *= 1e25
    good, bad = np.arange(100), np.arange(40, 140)
    runs = [Run(objective=OBJECTIVES["unsupervised"], rows=rows) for rows in (good, bad)]
    with pytest.raises(TrainingError, match="not finite"):
        train(x, labels, runs, recipe=Recipe(epochs=3, learning_rate=1e30, noise=1e30))


def test_a_process_that_dies_is_made_up_for(data):
    x, labels = data
    run = Run(objective=OBJECTIVES["metric-act"], rows=np.arange(90))
    arguments = (
        x.astype(np.float32),
        ratings_of([run], labels, ["activation"], ROWS),
        None,
        None,
        ["activation"],
        [run],
        Recipe(epochs=2),
        "cpu",
    )
    worker = shares.Worker([shares.Share(*arguments)], lambda _: None)
    worker.process.kill()
    ((model,),) = worker.models()
    worker.stop()
    (expected,) = train(x, labels, [run], recipe=Recipe(epochs=2))
    assert_same(model, expected, 1e-6)


def test_a_row_is_rebuilt_as_its_clean_one(data):
    x, labels = data
    worse = x + np.random.default_rng(2).normal(scale=6, size=x.shape)
    both, y = np.concatenate([x, worse]), {name: np.tile(v, 2) for name, v in labels.items()}
    run = Run(objective=OBJECTIVES["unsupervised"], rows=np.arange(len(both)))
    recipe = Recipe(epochs=150, learning_rate=1e-2, noise=0.1)
    clean = np.tile(np.arange(ROWS), 2)
    (cleaning,) = train(both, y, [run], recipe=recipe, clean=clean)
    (plain,) = train(both, y, [run], recipe=recipe)
    away = [np.square(model.reconstruct(worse) - x).mean() for model in (cleaning, plain)]
    assert away[0] < 0.8 * away[1]


def test_each_row_is_its_own_clean_one_by_default(data):
    x, labels = data
    recipe = Recipe(epochs=3, batch_size=32)
    own = train(x, labels, every_kind_of_run(), recipe=recipe, clean=np.arange(ROWS))
    for one, other in zip(own, train(x, labels, every_kind_of_run(), recipe=recipe), strict=True):
        assert_same(one, other, 0)


@pytest.mark.parametrize("clean", [np.arange(9), np.full(ROWS, ROWS), np.arange(ROWS) - 1.0])
def test_a_clean_row_must_be_there(data, clean):
    x, labels = data
    run = Run(objective=OBJECTIVES["joint"], rows=np.arange(ROWS))
    with pytest.raises(ValueError, match="positions of rows, from 0 to 149"):
        train(x, labels, [run], clean=clean)
