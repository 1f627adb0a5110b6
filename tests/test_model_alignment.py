"""Alignment with a collection: against the posterior by numbers, and what it leaves alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affectspace.errors import ContractError, ModelError, TableError
from affectspace.model import CollectionScale
from affectspace.model.alignment import THE_MODELS, moved_off, scale_of
from affectspace.model.calibration import _of_log_deviation
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
    single = model.aligned(x.astype(np.float32)).describe(x)
    np.testing.assert_allclose(single, after, atol=1e-5)


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
    assert model.name == once.name == twice.name
    assert twice.record["aligned"]["rows"] == 30
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
    with pytest.raises(TableError, match="none of 3 rows has estimates"):
        model.aligned(np.full((3, FEATURES), np.nan))
    with pytest.raises(ContractError):
        model.aligned(x[:, :3])
    for text in ("a folder", ["a.wav", "b.wav"], Path("folder"), [Path("a.wav")]):
        with pytest.raises(ContractError, match="not text: recordings go to embed"):
            model.aligned(text)


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
    wide = np.array([2.2, 3.8])
    gains = [SCALE.place(np.tile(wide, k), coverage=0.9).gain for k in (1, 5, 500)]
    assert SCALE.slope / SCALE.spread > gains[0] > gains[1] > gains[2]
    assert gains[2] == pytest.approx(SCALE.slope / 0.8, rel=0.02)


def test_one_estimate_has_the_usual_spread():
    placed = SCALE.place(np.array([3.3]), coverage=0.9)
    assert placed.gain == pytest.approx(SCALE.slope / SCALE.spread)


@pytest.mark.parametrize("spread", [0.0, 1e-9, 1e-3, 0.1])
def test_no_spread_is_believed_that_no_collection_has(spread):
    placed = SCALE.place(np.tile([3.3 - spread, 3.3 + spread], 50), coverage=0.9)
    most = SCALE.slope / SCALE.spread * np.exp(3 * SCALE.spreads_apart)
    assert 0.9 * most < placed.gain < most
    assert placed.gain == SCALE.place(np.full(100, 3.3), coverage=0.9).gain


@pytest.mark.parametrize("k", [1, 2, 5, 20])
def test_the_log_of_a_deviation_has_the_moments_of_a_chi_square(k):
    special = pytest.importorskip("scipy.special")
    mean, variance = _of_log_deviation(k)
    assert mean == pytest.approx((special.digamma(k / 2) - np.log(k / 2)) / 2, rel=0.06)
    exact = special.polygamma(1, k / 2) / 4
    assert variance == pytest.approx(exact, rel=0.09 if k == 1 else 0.015)


@pytest.mark.parametrize("n", [2, 4, 10])
def test_the_interval_knows_what_few_rows_leave_open_of_the_spread(n):
    """By numbers: collections around one known mean, whose spreads differ."""
    scale, rng = replace(SCALE, centres_apart=0.0), np.random.default_rng(n)
    errors, left = [], []
    for _ in range(20_000):
        spread = scale.spread * np.exp(scale.spreads_apart * rng.normal())
        x = rng.normal(size=n + 1)
        placed = scale.place(scale.centre + spread * x[:n], coverage=0.9)
        truth = scale.rated + scale.slope * x[n]
        errors.append(placed.gain * (scale.centre + spread * x[n]) + placed.offset - truth)
        left.append((placed.interval[1] ** 2 - scale.interval[1] ** 2) / 1.6448536**2)
    assert np.mean(left) == pytest.approx(np.mean(np.square(errors)), rel=0.12)


def test_labels_that_ratings_moved_are_no_more_said_to_be_aligned(model, x):
    aligned = model.aligned(x)
    whole = f"aligned with 400 rows ({aligned.record['aligned']['sha256'][:8]})"
    assert scale_of(aligned) == whole
    assert scale_of(model) == THE_MODELS
    one = replace(aligned, record=moved_off(aligned.record, ["valence"]))
    assert scale_of(one) == f"{whole} in activation"
    none = replace(aligned, record=moved_off(aligned.record, ["valence", "activation"]))
    assert scale_of(none) == THE_MODELS


@pytest.mark.parametrize(
    "record",
    [
        3,
        {},
        {"rows": "\x1b]0;owned\x07", "labels": ["valence"], "sha256": "0" * 64},
        {"rows": -3, "labels": ["valence"], "sha256": "0" * 64},
        {"rows": True, "labels": ["valence"], "sha256": "0" * 64},
        {"rows": 3, "labels": ["\x1b"], "sha256": "0" * 64},
        {"rows": 3, "labels": [], "sha256": "0" * 64},
        {"rows": 3, "labels": ["valence"], "sha256": "0" * 63 + "\n"},
    ],
)
def test_a_strangers_record_puts_no_words_into_ours(model, record):
    stranger = replace(model, record={"aligned": record})
    assert scale_of(stranger) == "aligned"
    later = replace(model, record=moved_off(stranger.record, model.labels))
    assert scale_of(later) in ("aligned", THE_MODELS)


def test_the_digest_is_that_of_the_scale(model, x):
    def digest(model):
        return model.record["aligned"]["sha256"]

    once = model.aligned(x)
    assert digest(once) == digest(model.aligned(x[::-1])) == digest(once.aligned(x))
    assert digest(once) != digest(model.aligned(x[:200]))


def test_labels_come_once_and_in_the_models_order(model, x):
    aligned = model.aligned(x)
    found = aligned.record["aligned"]
    twice = {**found, "labels": ["valence", "activation", "valence"]}
    assert scale_of(replace(aligned, record={"aligned": twice})) == scale_of(aligned)


def test_few_rows_are_warned_of(model, x, caplog):
    model.aligned(x[:10])
    assert caplog.text == ""
    model.aligned(x[:9])
    assert "aligned with 9 rows: fewer than 10 tell little" in caplog.text


@pytest.mark.parametrize(
    "changes",
    [
        {"spread": 0.0},
        {"slope": -0.1},
        {"centres_apart": -1.0},
        {"spreads_apart": float("nan")},
        {"centre": float("inf")},
        {"rated": -1e7},
        {"spreads_apart": 3.1},
        {"interval": (0.1, 1.0)},
    ],
)
def test_a_scale_that_can_not_be_is_refused(changes):
    with pytest.raises(ValueError, match=r"from 0\.001|from 0|within|span 0"):
        replace(SCALE, **changes)
