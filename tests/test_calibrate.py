"""Calibration against plain least squares and counting, and what it promises on made folds."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from affectspace.errors import TableError
from affectspace.evaluation.calibrate import (
    Fold,
    calibrated,
    covered,
    deviation_of_offsets,
    fit_line,
    interval_of,
    scaled,
    with_training_range,
)
from affectspace.model import OBJECTIVES, Objective
from made_features import feature_table
from made_models import made_model


def made_groups(seed=0, sizes=(30, 50, 20)):
    rng = np.random.default_rng(seed)
    groups = []
    for size in sizes:
        x = rng.normal(loc=rng.normal(), size=size)
        groups.append((x, 0.7 * x + rng.normal() + 0.3 * rng.normal(size=size)))
    return groups


def test_the_line_is_that_of_regression_on_dummies_with_equal_weights():
    groups = made_groups()
    design = [
        np.column_stack([x, *(np.full(len(x), float(i == k)) for k in range(len(groups)))])
        / np.sqrt(len(x))
        for i, (x, _) in enumerate(groups)
    ]
    y = np.concatenate([y / np.sqrt(len(y)) for _, y in groups])
    slope, *offsets = np.linalg.lstsq(np.concatenate(design), y, rcond=None)[0]
    line = fit_line(groups)
    assert line.gain == pytest.approx(slope)
    assert line.offset == pytest.approx(np.mean(offsets))


def test_values_that_do_not_vary_have_no_slope():
    line = fit_line([(np.ones(4), np.array([1.0, 2.0, 3.0, 4.0]))])
    assert line == (0.0, 2.5)


@pytest.mark.parametrize("coverage", [0.5, 0.9])
def test_an_interval_holds_its_share_of_every_group_together(coverage):
    rng = np.random.default_rng(1)
    errors = [rng.normal(size=400), rng.normal(size=4000)]
    low, high = interval_of(errors, coverage=coverage)
    inside = [np.mean((group >= low) & (group <= high)) for group in errors]
    assert np.mean(inside) == pytest.approx(coverage, abs=0.01)
    assert low < 0 < high


def test_an_interval_weighs_groups_alike_however_long():
    narrow, wide = np.linspace(-1, 1, 101), np.linspace(-3, 3, 101)
    alike = interval_of([narrow, wide])
    assert interval_of([np.repeat(narrow, 50), wide]) == pytest.approx(alike, abs=0.05)


def test_an_interval_spans_the_estimate_even_where_all_errors_are_on_one_side():
    assert interval_of([np.array([0.5, 1.0, 1.5])]) == (0.0, 1.5)


@pytest.fixture
def rated():
    """A model whose objective has one label on one axis, features, ratings and corpora."""
    table = feature_table("near", 80)
    objective = Objective("one", {"activation": (0,)})
    model = made_model(objective="joint")
    model = replace(model, objective=objective, offsets={"activation": 0.0})
    return model, table.values.to_numpy(), table.rows[["activation"]], np.repeat(["a", "b"], 40)


def test_scaled_estimates_follow_the_ratings_within_corpora(rated):
    model, x, ratings, corpora = rated
    found = scaled(model, x, ratings, corpora)
    axes = model.axis_values(model.encode(x))["activation"].to_numpy()
    y = ratings["activation"].to_numpy()
    line = fit_line([(axes[corpora == c], y[corpora == c]) for c in "ab"])
    assert (found.gains["activation"], found.offsets["activation"]) == pytest.approx(line)
    np.testing.assert_allclose(found.predict(x)["activation"], line.gain * axes + line.offset)
    np.testing.assert_array_equal(found.encode(x), model.encode(x))


def test_scaled_leaves_unrated_rows_out(rated):
    model, x, ratings, corpora = rated
    holes = ratings.copy()
    holes.iloc[::3] = np.nan
    known = holes["activation"].notna().to_numpy()
    expected = scaled(model, x[known], ratings[known], corpora[known])
    assert scaled(model, x, holes, corpora).gains == pytest.approx(expected.gains)
    with pytest.raises(TableError, match="no row is rated for activation"):
        scaled(model, x, ratings * np.nan, corpora)


def made_fold(gain, offset, n=300, seed=0):
    rng = np.random.default_rng(seed)
    estimates = pd.DataFrame({"activation": rng.normal(3, 0.6, n)})
    noise = rng.normal(scale=0.4, size=n)
    return Fold(estimates, gain * estimates + offset + noise[:, None])


def test_calibrated_shrinks_to_what_carries_over(rated):
    model = replace(rated[0], gains={"activation": 2.0}, offsets={"activation": 1.0})
    folds = [made_fold(0.5, 1.5, seed=1), made_fold(0.5, 2.5, seed=2)]
    found = calibrated(model, folds)
    assert found.gains["activation"] == pytest.approx(2 * 0.5, abs=0.1)
    x = rated[1]
    before, after = model.predict(x), found.predict(x)
    shrink = found.gains["activation"] / 2
    away = after["activation"] - shrink * before["activation"]
    np.testing.assert_allclose(away, away.iloc[0])
    assert away.iloc[0] == pytest.approx(2.0, abs=0.2)  # the mean of what both folds needed


def width(model):
    low, high = model.calibration.intervals["activation"]
    return high - low


def test_an_interval_holds_the_error_within_a_corpus_and_the_offset_of_a_further_one(rated):
    model = replace(rated[0], gains={"activation": 1.0}, offsets={"activation": 0.0})
    folds = [made_fold(1.0, -0.1, seed=1), made_fold(1.0, 0.1, seed=2)]
    home = [made_fold(1.0, offset, n=2000, seed=3) for offset in (-0.6, 0.6)]
    typical = [replace_typical(made_fold(1.0, offset, seed=4)) for offset in (-0.2, 0.2)]

    def expected(variance, folds=2):
        return 2 * 1.645 * np.sqrt(0.4**2 + variance * (1 + 1 / folds))

    assert width(calibrated(model, folds)) == pytest.approx(expected(0.02), abs=0.1)
    assert width(calibrated(model, folds, home)) == pytest.approx(expected(0.72), abs=0.15)
    both = calibrated(model, folds, [*home, *typical])
    assert width(both) == pytest.approx(expected(0.8 / 4), abs=0.15)
    assert width(calibrated(model, folds[:1], home)) == pytest.approx(expected(0.72, 1), abs=0.2)
    alone = calibrated(model, folds[:1], home[:1])  # nothing tells offsets apart
    assert width(alone) == pytest.approx(2 * 1.645 * 0.4, abs=0.1)
    assert both.gains == calibrated(model, folds).gains


def replace_typical(fold):
    return fold._replace(typical=True)


def test_the_deviation_of_offsets_is_right_on_average():
    rng = np.random.default_rng(0)
    squares = [
        deviation_of_offsets(3 + 0.7 * rng.normal(size=n), 3 + 0.7 * rng.normal(size=more)) ** 2
        for n, more in [(2, 0), (2, 2), (1, 3), (4, 1)]
        for _ in range(4000)
    ]
    np.testing.assert_allclose(np.reshape(squares, (4, -1)).mean(axis=1), 0.49, rtol=0.08)
    assert np.isnan(deviation_of_offsets([1.0]))
    assert np.isnan(deviation_of_offsets([], [1.0, 2.0]))


@pytest.mark.parametrize(("gain", "limited"), [(-0.6, 0.0), (1.7, 1.0)])
def test_calibrated_neither_turns_nor_stretches(rated, gain, limited):
    model = replace(rated[0], gains={"activation": 1.5}, offsets={"activation": 0.0})
    found = calibrated(model, [made_fold(gain, 0.0)])
    assert found.gains["activation"] == pytest.approx(1.5 * limited)


def test_calibrated_needs_a_rating(rated):
    fold = made_fold(1.0, 0.0)
    model = replace(rated[0], gains={"activation": 1.0})
    with pytest.raises(TableError, match="no language left out is rated for activation"):
        calibrated(model, [Fold(fold.estimates, fold.ratings * np.nan)])


def test_the_training_range(rated):
    model, x, *_ = rated
    durations = np.concatenate([np.linspace(1, 5, len(x) - 1), [np.nan]])
    found = with_training_range(model, x, durations)
    errors = model.reconstruction_error(x)
    assert found.calibration.durations == pytest.approx((1.0, 5.0), abs=0.02)
    assert found.calibration.intervals == {}
    middle = np.sort(errors)[len(errors) // 2]
    assert found.calibration.unusualness([0, middle, 1e9]) == pytest.approx([0, 0.5, 1], abs=0.02)
    kept = with_training_range(calibrated(scaled(*rated), [made_fold(1, 0)]), x, durations)
    assert set(kept.calibration.intervals) == {"activation"}


def made_collection(rng, *, rows=300):
    """Estimates whose place and spread follow no rating, and ratings around 3.2."""
    truth = rng.normal(size=rows)
    estimates = rng.normal(3, 0.7) + 0.5 * np.exp(rng.normal(scale=0.3)) * truth
    ratings = 3.2 + rng.normal(scale=0.15) + 0.8 * truth + 0.5 * rng.normal(size=rows)
    return Fold(pd.DataFrame({"activation": estimates}), pd.DataFrame({"activation": ratings}))


def test_an_aligned_interval_holds_on_a_collection_unlike_those_it_was_made_on():
    rng = np.random.default_rng(6)
    model = made_model()
    model = replace(model, objective=OBJECTIVES["metric-act"], offsets={"activation": 0.0})
    held, few, errors = [], [], []
    for _ in range(60):
        found = calibrated(model, [made_collection(rng) for _ in range(8)])
        shrink, offset = found.gains["activation"], found.offsets["activation"]
        other = made_collection(rng)
        estimates = shrink * other.estimates["activation"].to_numpy() + offset
        ratings = other.ratings["activation"].to_numpy()
        scale = found.calibration.collections["activation"]
        for n, shares in ((300, held), (5, few)):
            placed = scale.place(estimates[:n], coverage=0.9)
            aligned = placed.gain * estimates + placed.offset
            low, high = placed.interval
            shares.append(covered(ratings, aligned + low, aligned + high))
            if n == 300:
                errors.append([np.mean((e - ratings) ** 2) for e in (estimates, aligned)])
    assert np.mean(held) == pytest.approx(0.9, abs=0.03)
    assert np.mean(few) == pytest.approx(0.9, abs=0.05)
    before, after = np.mean(errors, axis=0)
    assert after < 0.6 * before


def test_collections_that_tell_nothing_of_a_label_leave_it_out():
    model = replace(made_model(), objective=OBJECTIVES["metric-act"], offsets={"activation": 0.0})
    rng = np.random.default_rng(7)
    one, other = made_collection(rng), made_collection(rng)
    flat = Fold(other.estimates * 0 + 3.0, other.ratings)
    against = Fold(-other.estimates, other.ratings)
    assert calibrated(model, [one]).calibration.collections == {}
    assert calibrated(model, [one, flat]).calibration.collections == {}
    assert calibrated(model, [against, against]).calibration.collections == {}
    assert calibrated(model, [one, other]).calibration.collections.keys() == {"activation"}
    tight = Fold(3 + 0.005 * (other.estimates - 3), other.ratings)  # like no other collection
    assert calibrated(model, [one, tight]).calibration.collections == {}


def test_covered_counts_both_ends():
    assert covered([1.0, 2.0, 3.0, 4.0], [1, 2, 3.5, 5], [2, 2, 4, 6]) == 0.5


def test_intervals_hold_on_a_group_like_those_they_were_made_on():
    """Groups with offsets of their own: what holds on average over further groups."""
    rng = np.random.default_rng(5)
    model = made_model()
    model = replace(model, objective=OBJECTIVES["metric-act"], offsets={"activation": 0.0})

    def fold(seed):
        return made_fold(0.9, rng.normal(scale=0.2), seed=seed)

    shares = []
    for trial in range(20):
        found = calibrated(model, [fold(100 * trial + i) for i in range(8)])
        other = fold(100 * trial + 50)
        shrink = found.gains["activation"]
        ratings = other.ratings["activation"]
        estimates = shrink * other.estimates["activation"] + found.offsets["activation"]
        low, high = found.calibration.intervals["activation"]
        shares.append(covered(ratings, estimates + low, estimates + high))
    assert np.mean(shares) == pytest.approx(0.9, abs=0.03)
