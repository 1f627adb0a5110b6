"""The rivals of the metric loss in batched training, and how ratings are read off their axes."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from affectspace.losses import ccc_loss, log_ratio_loss, mse_loss, rank_n_contrast_loss
from affectspace.model import OBJECTIVES, load_model, save_model
from affectspace.training import Recipe, Run, train
from affectspace.training.readout import line_of
from plain_training import trained_plainly

ROWS = 130
GROUPS = np.arange(ROWS) % 3
RECIPE = Recipe(epochs=3, batch_size=32, learning_rate=1e-3)
LOSSES = {
    "mse": lambda z, y, groups, **rest: mse_loss(z, y - 3, **rest),
    "ccc": lambda z, y, **rest: ccc_loss(z, y - 3, **rest),
    "log-ratio": log_ratio_loss,
    "rank-n-contrast": rank_n_contrast_loss,
}
every = pytest.mark.parametrize("loss", LOSSES)


@pytest.fixture(autouse=True)
def one_thread():
    """Work this small only makes threads wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    activation, valence = np.round(2 * rng.uniform(1, 5, (2, ROWS))) / 2
    x = rng.normal(size=(ROWS, 6))
    x[:, 0] += 2 * activation
    x[:, 1] += 2 * valence
    activation[::7] = np.nan
    return x, {"activation": activation, "valence": valence}


@every
@pytest.mark.parametrize("name", ["metric-act", "joint"])
@pytest.mark.parametrize("weighted", [False, True])
def test_equals_a_plain_training_loop(data, loss, name, weighted):
    x, labels = data
    rows, weights = np.arange(10, 120), np.random.default_rng(1).uniform(size=ROWS)
    own = weights if weighted else None
    run = Run(objective=OBJECTIVES[name], rows=rows, seed=5, weights=own)
    (model,) = train(x, labels, [run], recipe=replace(RECIPE, loss=loss), groups=GROUPS)

    def shaped(z, y, positions):
        of_batch = {"groups": torch.as_tensor(GROUPS)[positions]}
        if weighted:
            of_batch["weights"] = torch.as_tensor(weights, dtype=torch.float32)[positions]
        loss_of = partial(LOSSES[loss], **of_batch)
        if name == "metric-act":
            return loss_of(z, y["activation"])
        return loss_of(z, torch.stack([y["activation"], y["valence"]], dim=1))

    z, rebuilt = trained_plainly(x, labels, rows, recipe=RECIPE, seed=5, shaped=shaped)
    np.testing.assert_allclose(model.encode(x), z, atol=1e-5)
    np.testing.assert_allclose(
        (model.reconstruct(x) - model.mean) / model.scale, rebuilt, atol=1e-5
    )


@every
@pytest.mark.parametrize("patience", [None, 2])
def test_all_at_once_equals_one_by_one(data, loss, patience):
    x, labels = data
    rng = np.random.default_rng(1)
    runs = [
        Run(objective=OBJECTIVES[name], rows=rows, seed=seed)
        for seed, rows in enumerate(rng.permutation(ROWS)[:size] for size in (100, 101, 64))
        for name in ("unsupervised", "metric-act", "joint")
    ]
    recipe = replace(RECIPE, loss=loss, patience=patience)
    together = train(x, labels, runs, recipe=recipe, groups=GROUPS)
    for run, model in zip(runs, together, strict=True):
        (alone,) = train(x, labels, [run], recipe=recipe, groups=GROUPS)
        np.testing.assert_allclose(model.encode(x), alone.encode(x), atol=1e-5)
        assert model.offsets == pytest.approx(alone.offsets, abs=1e-4)
        assert model.gains == pytest.approx(alone.gains, rel=1e-3)


@every
def test_estimates_come_out_in_rating_units(data, tmp_path, loss):
    x, labels = data
    run = Run(objective=OBJECTIVES["joint"], rows=np.arange(ROWS))
    recipe = Recipe(epochs=100, learning_rate=1e-2, noise=0.3, loss=loss)
    (model,) = train(x, labels, [run], recipe=recipe)
    for label, ratings in labels.items():
        known = ~np.isnan(ratings)
        estimates = model.predict(x)[label].to_numpy()
        assert np.corrcoef(estimates[known], ratings[known])[0, 1] > 0.8
        slope, offset = np.polyfit(estimates[known], ratings[known], 1)
        assert slope == pytest.approx(1, abs=0.25)
        assert slope * 3 + offset == pytest.approx(3, abs=0.25)
    assert model.history["slope"].isna().all()
    assert model.history["residual"].iloc[-1] < model.history["residual"].iloc[0]
    assert model.record["recipe"]["loss"] == loss
    reread = load_model(save_model(model, tmp_path / "model"))
    np.testing.assert_array_equal(reread.predict(x), model.predict(x))


@every
def test_a_run_with_no_label_at_all_is_the_unsupervised_one(data, loss):
    x, labels = data
    nothing = Run(
        objective=OBJECTIVES["metric-act"],
        rows=np.arange(ROWS),
        labels={"activation": np.full(ROWS, np.nan)},
    )
    plain = Run(objective=OBJECTIVES["unsupervised"], rows=np.arange(ROWS))
    recipe = replace(RECIPE, loss=loss, log_loss=False)
    blind, unsupervised = train(x, labels, [nothing, plain], recipe=recipe)
    np.testing.assert_allclose(blind.encode(x), unsupervised.encode(x), atol=1e-6)
    assert blind.offsets == {"activation": 0}


def test_a_loss_that_nobody_knows():
    with pytest.raises(ValueError, match="loss must be one of metric, mse, ccc, log-ratio, rank"):
        Recipe(loss="triplet")


def test_a_line_within_groups():
    rng = np.random.default_rng(0)
    axis, groups = rng.normal(size=60), np.arange(60) % 2
    label = -0.5 * axis + 2 * groups
    weight = rng.uniform(size=60)
    weight[:5], label[5:9] = 0, np.nan
    known = (weight > 0) & ~np.isnan(label)
    line = line_of(axis, label, weight, groups, fit_gain=True)
    assert line.gain == pytest.approx(-0.5)
    expected = np.average(2 * groups[known], weights=weight[known])
    assert line.offset == pytest.approx(expected)
    unfitted = line_of(axis, label, weight, groups, fit_gain=False)
    assert unfitted.gain == 1
    assert unfitted.offset == pytest.approx(
        np.average((label - axis)[known], weights=weight[known])
    )


def test_a_line_of_nothing_and_of_a_constant_axis():
    ones, groups = np.ones(4), np.zeros(4, int)
    assert line_of(ones, np.full(4, np.nan), ones, groups, fit_gain=True) == (1, 0)
    assert line_of(ones, np.array([1.0, 2, 3, 4]), ones, groups, fit_gain=True) == (0, 2.5)
