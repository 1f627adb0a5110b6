"""Protocol 3: who is drawn, how a correction is chosen, and what intervals mean."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from affectspace.evaluation.few_labels import (
    _left_out_error,
    adapted_scores,
    draws,
    half_sample_interval,
    ridge_correction,
)
from affectspace.evaluation.metrics import ccc

LABELS = ["activation", "valence"]
SPEAKERS = np.array([f"s{i % 9}" for i in range(180)], dtype=object)


def made_target(n=180, f=6, *, lacking=1.0, seed=0):
    """Features, the estimates of a way that misses part of what they say, and ratings."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, f))
    own = pd.DataFrame(3 + 0.3 * x[:, :2], columns=LABELS)
    missed = 0.6 * x[:, 2:4] + 0.5
    ratings = own + lacking * missed + 0.1 * rng.normal(size=(n, 2))
    return x, own, ratings


def test_no_speaker_is_in_both_halves_and_no_row_gets_lost():
    splits = draws(SPEAKERS, count=20)
    assert len(splits) == 20
    for split in splits:
        assert not set(SPEAKERS[split.test]) & set(SPEAKERS[split.pool])
        assert sorted([*split.test, *split.pool]) == list(range(180))
        assert len(set(SPEAKERS[split.test])) == 4
    assert len({tuple(sorted(split.test)) for split in splits}) > 10


def test_the_same_seed_gives_the_same_draws():
    for one, two in zip(draws(SPEAKERS, seed=3), draws(SPEAKERS, seed=3), strict=True):
        np.testing.assert_array_equal(one.pool, two.pool)
    assert any(
        list(one.pool) != list(two.pool)
        for one, two in zip(draws(SPEAKERS, seed=3), draws(SPEAKERS, seed=4), strict=True)
    )


def test_one_speaker_cannot_be_split():
    assert draws(["a", "a"]) == []
    x, own, ratings = made_target()
    adapter = ridge_correction(x, own, ratings, SPEAKERS)
    assert adapted_scores(adapter, ratings, []) == {}


def test_without_labels_the_estimates_are_the_ways_own():
    x, own, ratings = made_target()
    splits = draws(SPEAKERS, count=3)
    adapter = ridge_correction(x, own, ratings, SPEAKERS)
    found = adapted_scores(adapter, ratings, splits, sizes=(0,))
    for label in LABELS:
        expected = [ccc(ratings[label][s.test], own[label][s.test]) for s in splits]
        assert found[0, label].tolist() == expected


def test_labels_help_where_something_is_lacking():
    x, own, ratings = made_target()
    adapter = ridge_correction(x, own, ratings, SPEAKERS)
    found = adapted_scores(adapter, ratings, draws(SPEAKERS), sizes=(0, 20, 50))
    for label in LABELS:
        assert found[20, label].mean() > found[0, label].mean() + 0.2
        assert found[50, label].mean() > found[20, label].mean()


def test_labels_hardly_hurt_where_nothing_is_lacking():
    x, own, ratings = made_target(lacking=0)
    adapter = ridge_correction(x, own, ratings, SPEAKERS)
    found = adapted_scores(adapter, ratings, draws(SPEAKERS), sizes=(0, 20))
    for label in LABELS:
        assert found[20, label].mean() > found[0, label].mean() - 0.03


def test_only_labelled_ratings_are_looked_at():
    x, own, ratings = made_target()
    labelled = np.arange(0, 60, 2)
    hidden = ratings.copy()
    hidden.loc[~hidden.index.isin(labelled)] = np.nan
    pd.testing.assert_frame_equal(
        ridge_correction(x, own, ratings, SPEAKERS)(labelled),
        ridge_correction(x, own, hidden, SPEAKERS)(labelled),
    )


def test_a_size_that_a_half_cannot_give_is_left_out():
    x, own, ratings = made_target()
    adapter = ridge_correction(x, own, ratings, SPEAKERS)
    found = adapted_scores(adapter, ratings, draws(SPEAKERS, count=2), sizes=(0, 100, 101))
    assert {n for n, _ in found} == {0, 100}


def test_one_labelled_speaker_leaves_rows_out():
    x, own, ratings = made_target()
    labelled = np.flatnonzero(SPEAKERS == "s0")
    found = ridge_correction(x, own, ratings, SPEAKERS)(labelled)
    assert ccc(ratings["activation"], found["activation"]) > ccc(
        ratings["activation"], own["activation"]
    )


def test_the_error_on_speakers_left_out_is_that_of_fits_without_them():
    rng = np.random.default_rng(0)
    x, y, groups = rng.normal(size=(24, 5)), rng.normal(size=24), np.arange(24) % 4
    kernel = x @ x.T + 2.0
    hat = np.linalg.solve(kernel + np.eye(24), kernel).T
    total = 0.0
    for group in range(4):
        rest, own = groups != group, groups == group
        weights = np.linalg.solve(kernel[np.ix_(rest, rest)] + np.eye(rest.sum()), y[rest])
        total += ((y[own] - kernel[np.ix_(own, rest)] @ weights) ** 2).sum()
    assert _left_out_error(hat, y, groups) == pytest.approx(total / 24)


def test_halves_of_speakers_tell_the_standard_error_of_all():
    """The delete-half jackknife against the textbook error of a mean over speakers."""
    rng = np.random.default_rng(0)
    means = rng.normal(size=40)
    halves = [means[rng.permutation(40)[:20]].mean() for _ in range(4000)]
    low, high = half_sample_interval(np.array(halves), speakers=40)
    error = means.std(ddof=1) / np.sqrt(40)
    assert (high - low) / 2 == pytest.approx(stats.t.ppf(0.975, 39) * error, rel=0.05)


def test_undefined_values_have_no_interval():
    assert np.isnan(half_sample_interval(np.array([0.1, np.nan]), speakers=9)).all()
    assert np.isnan(half_sample_interval(np.array([0.1]), speakers=9)).all()
