"""Alignment with a collection: against the posterior by numbers, and what it leaves alone."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from affectspace.errors import ContractError, ModelError, TableError
from affectspace.model import CollectionScale
from made_models import ALIGNABLE, CALIBRATION, FEATURES, made_model

SCALE = CollectionScale(
    centre=3.0,
    centres_apart=0.6,
    spread=0.5,
    spreads_apart=0.3,
    rated=3.1,
    slope=0.7,
    interval=(-1.0, 1.2),
)


@pytest.fixture
def model():
    return made_model(calibration=ALIGNABLE)


@pytest.fixture
def x():
    return 2 + 1.5 * np.random.default_rng(1).normal(size=(400, FEATURES))


def test_estimates_of_many_rows_get_the_usual_mean_and_spread(model, x):
    found = model.aligned(x).predict(x)
    for label, scale in ALIGNABLE.collections.items():
        assert found[label].mean() == pytest.approx(scale.rated, abs=0.02)
        assert found[label].std() == pytest.approx(scale.slope, rel=0.05)
        assert np.corrcoef(found[label], model.predict(x)[label])[0, 1] == pytest.approx(1)


def test_space_and_unusualness_stay(model, x):
    before, after = model.describe(x), model.aligned(x).describe(x)
    same = ["z1", "z2", "unusualness"]
    pd.testing.assert_frame_equal(before[same], after[same])
    assert (before["activation"] != after["activation"]).all()


def test_intervals_become_those_of_collections_and_wider_with_few_rows(model, x):
    widths = []
    for n in (400, 20, 2):
        low, high = model.aligned(x[:n]).calibration.intervals["activation"]
        widths.append(high - low)
    own = ALIGNABLE.collections["activation"].interval
    assert widths[0] == pytest.approx(own[1] - own[0], rel=0.01)
    assert widths[0] < widths[1] < widths[2]


def test_aligned_again_with_the_same_rows_nothing_changes(model, x):
    once = model.aligned(x[:30])
    twice = once.aligned(x[:30])
    pd.testing.assert_frame_equal(once.predict(x), twice.predict(x))
    assert once.name == twice.name
    assert once.name.endswith(", aligned")
    assert twice.record["aligned"] == {"rows": 30}
    for label, ends in once.calibration.intervals.items():
        assert twice.calibration.intervals[label] == pytest.approx(ends)


def test_a_collection_after_another_is_as_it_is_alone(model, x):
    other = x[:100] * 0.3 - 1
    straight, detour = model.aligned(x), model.aligned(other).aligned(x)
    pd.testing.assert_frame_equal(straight.predict(x), detour.predict(x))


def test_a_label_of_which_collections_tell_nothing_stays(model, x):
    only = {"activation": ALIGNABLE.collections["activation"]}
    model = replace(model, calibration=replace(ALIGNABLE, collections=only))
    aligned = model.aligned(x)
    assert aligned.offsets["valence"] == model.offsets["valence"]
    assert aligned.calibration.intervals["valence"] == ALIGNABLE.intervals["valence"]
    assert aligned.offsets["activation"] != model.offsets["activation"]


def test_rows_with_nan_are_left_out(model, x):
    holes = np.vstack([x, np.full((50, FEATURES), np.nan)])
    pd.testing.assert_frame_equal(model.aligned(x).predict(x), model.aligned(holes).predict(x))


def test_what_can_not_be_aligned_says_why(model, x):
    for calibration in (None, CALIBRATION):
        with pytest.raises(ModelError, match="can't be aligned with a collection"):
            replace(model, calibration=calibration).aligned(x)
    with pytest.raises(TableError, match="none of 3 rows has features"):
        model.aligned(np.full((3, FEATURES), np.nan))
    with pytest.raises(ContractError):
        model.aligned(x[:, :3])


@pytest.mark.parametrize("n", [1, 3, 40])
def test_the_centre_is_its_posterior_mean_and_the_interval_knows_what_is_left(n):
    """Against Bayes by numbers: a centre on a grid, its prior times the likelihood of the mean."""
    scale = replace(SCALE, spreads_apart=0.0)  # so the spread is known
    estimates = 4.2 + 0.5 * np.random.default_rng(n).normal(size=n)
    grid = np.linspace(-3, 9, 20_001)
    log = -0.5 * ((grid - scale.centre) / scale.centres_apart) ** 2
    log -= 0.5 * ((estimates.mean() - grid) / (scale.spread / np.sqrt(n))) ** 2
    weights = np.exp(log - log.max())
    centre = np.average(grid, weights=weights)
    left = np.sqrt(np.average((grid - centre) ** 2, weights=weights))
    placed = scale.place(estimates, coverage=0.9)
    assert placed.gain == pytest.approx(scale.slope / scale.spread)
    assert placed.gain * centre + placed.offset == pytest.approx(scale.rated, abs=1e-6)
    more = 1.6448536 * placed.gain * left
    assert placed.interval == pytest.approx((-np.hypot(1.0, more), np.hypot(1.2, more)), rel=1e-4)


def test_the_spread_is_believed_the_more_the_more_rows_there_are():
    wide = np.array([1.0, 5.0])
    gains = [SCALE.place(np.tile(wide, k), coverage=0.9).gain for k in (1, 5, 500)]
    assert SCALE.slope / SCALE.spread > gains[0] > gains[1] > gains[2]
    assert gains[2] == pytest.approx(SCALE.slope / 2.0, rel=0.02)


@pytest.mark.parametrize("estimates", [[3.3], [3.3] * 50])
def test_estimates_that_do_not_vary_have_the_usual_spread(estimates):
    placed = SCALE.place(np.array(estimates), coverage=0.9)
    assert placed.gain == pytest.approx(SCALE.slope / SCALE.spread)


@pytest.mark.parametrize(
    "changes",
    [
        {"spread": 0.0},
        {"slope": -0.1},
        {"centres_apart": -1.0},
        {"spreads_apart": float("nan")},
        {"centre": float("inf")},
        {"rated": -1e7},
        {"interval": (0.1, 1.0)},
    ],
)
def test_a_scale_that_can_not_be_is_refused(changes):
    with pytest.raises(ValueError, match=r"from 1e-06|from 0|within|span 0"):
        replace(SCALE, **changes)
