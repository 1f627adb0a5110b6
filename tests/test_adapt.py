"""A model adapted to a few ratings: exact, shrunk, never much worse, and a plain model folder."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affectspace.adapt import Correction, adapt, adapted_card, suggest, summary
from affectspace.adapt.correction import corrected
from affectspace.adapt.regression import Setting, regress
from affectspace.adapt.suggestion import covariance
from affectspace.errors import TableError
from affectspace.evaluation import mae
from affectspace.model import Architecture, load_model, save_model
from made_models import ALIGNABLE, CALIBRATION, FEATURES, made_model

LABELS = ["activation", "valence"]


def speech(n=60, *, shift=0.0, strength=0.0, noise=0.3, seed=0, model=None):
    """Make features, and ratings that lie off the model's estimates by a shift and the features."""
    rng = np.random.default_rng(seed)
    model = model or made_model(calibration=CALIBRATION)
    x = rng.normal(size=(n, FEATURES)) * model.scale + model.mean
    truth = model.predict(x).to_numpy() + shift
    truth += strength * model.standardise(x)[:, :2] + noise * rng.normal(size=(n, 2))
    ratings = pd.DataFrame(truth.clip(1, 5), columns=LABELS)
    return model, x, ratings, np.array([f"s{i % 6}" for i in range(n)])


def twin(deviations, blocks, groups, settings, rows):
    """What the regression says of some rows, told of all others: the slow way, in the primal."""
    told = ~rows
    logs, means = [], []
    for setting in settings:
        scales = [np.full(b.shape[1], s) for s, b in zip(setting.strengths, blocks, strict=True)]
        prior, columns = np.diag(np.concatenate(scales)), np.hstack(blocks)
        same = (groups[:, None] == groups[None, :]) * setting.groups
        full = np.eye(len(groups)) + same + columns @ prior @ columns.T
        known, d = full[np.ix_(told, told)], deviations[told]
        total = 2 * 0.5 + d @ np.linalg.solve(known, d)
        logs.append(-0.5 * np.linalg.slogdet(known)[1] - 0.5 * (2 + told.sum()) * np.log(total))
        cross = columns[rows] @ prior @ columns[told].T
        means.append(cross @ np.linalg.solve(known, d))
    shares = np.exp(np.array(logs) - max(logs))
    return shares / shares.sum() @ np.array(means)


def test_left_out_is_what_a_regression_says_that_was_never_told_of_the_group():
    rng = np.random.default_rng(0)
    blocks = [np.ones((12, 1)), rng.normal(size=(12, 1)), rng.normal(size=(12, 4))]
    groups = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 4, 4])
    deviations = rng.normal(size=12) + blocks[1][:, 0]
    choices = [Setting((0, 0, 0)), Setting((0.5, 0.1, 0)), Setting((0.5, 0.1, 2.0), 0.3)]
    found = regress(deviations, blocks, groups, choices)
    for group in range(5):
        rows = groups == group
        np.testing.assert_allclose(
            found.left_out[rows], twin(deviations, blocks, groups, choices, rows), atol=1e-10
        )
    assert found.probabilities.sum() == pytest.approx(1)


def test_coefficients_are_those_of_ridge_regression():
    rng = np.random.default_rng(0)
    x, d = rng.normal(size=(20, 30)), rng.normal(size=20)
    found = regress(d, [x], np.arange(20), [Setting((0.5,))])
    ridge = np.linalg.solve(x.T @ x + np.eye(30) / 0.5, x.T @ d)
    np.testing.assert_allclose(found.coefficients[0], ridge, atol=1e-10)


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("own", [0.0, 0.05, 0.7])
def test_a_corrected_model_estimates_what_the_correction_says(skip, own):
    rng = np.random.default_rng(1)
    model = made_model(architecture=Architecture(n_features=FEATURES, skip=skip), clip=2.0)
    mixing = np.array([[own, 0.3], [-0.2, 1.1]])
    correction = Correction(mixing, rng.normal(size=(FEATURES, 2)), np.array([2.0, 3.5]))
    x = rng.normal(size=(30, FEATURES)) * 3
    wanted = correction.estimates(model.axis_values(model.encode(x)), model.standardise(x))
    new = corrected(model, correction)
    np.testing.assert_allclose(new.predict(x), wanted, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(new.reconstruction_error(x), model.reconstruction_error(x))
    again = corrected(new, correction)
    assert again.architecture == new.architecture
    wanted = correction.estimates(new.axis_values(new.encode(x)), new.standardise(x))
    np.testing.assert_allclose(again.predict(x), wanted, rtol=1e-4, atol=1e-4)


def test_gain_and_offset_leave_the_embedding_as_it_is():
    model, x, *_ = speech()
    correction = Correction(np.diag([0.5, 0.0]), np.zeros((FEATURES, 2)), np.array([2.0, 3.0]))
    new = corrected(model, correction)
    np.testing.assert_array_equal(new.encode(x), model.encode(x))
    assert new.predict(x)["valence"].to_numpy() == pytest.approx(3.0)


def test_one_axis_for_all_dimensions_can_be_corrected():
    _, x, ratings, speakers = speech(
        shift=0.8, strength=0.5, model=made_model("joint", calibration=CALIBRATION)
    )
    single = made_model("metric-act")
    found = adapt(single, x, ratings, speakers=speakers)
    assert list(found.choices) == ["activation"]
    assert mae(ratings["activation"], found.model.predict(x)["activation"]) < mae(
        ratings["activation"], single.predict(x)["activation"]
    )


def test_a_shift_and_a_dependence_are_learned_and_expected():
    model, x, ratings, speakers = speech(80, shift=0.6, strength=0.7)
    found = adapt(model, x[:50], ratings[:50], speakers=speakers[:50])
    after, before = found.model.predict(x[50:]), model.predict(x[50:])
    for label in LABELS:
        assert found.choices[label].step == "full"
        assert mae(ratings[label][50:], after[label]) < 0.7 * mae(
            ratings[label][50:], before[label]
        )
    assert (found.expected["gain"] > 0).all()
    assert (found.expected["low"] <= found.expected["gain"]).all()


@pytest.mark.parametrize("goal", ["agreement", "error"])
@pytest.mark.parametrize("n", [5, 20, 60])
def test_a_model_that_is_right_already_gets_hardly_worse(n, goal):
    losses = []
    for seed in range(20):
        model, x, ratings, speakers = speech(n + 200, noise=0.4, seed=seed)
        found = adapt(model, x[:n], ratings[:n], speakers=speakers[:n], goal=goal, resamples=0)
        after, before = found.model.predict(x[n:]), model.predict(x[n:])
        losses += [
            mae(ratings[x_][n:], after[x_]) - mae(ratings[x_][n:], before[x_]) for x_ in LABELS
        ]
    assert np.mean(losses) < 0.06


@pytest.mark.parametrize("n", [6, 20, 50])
def test_for_agreement_no_label_changes_that_agrees_less_with_speakers_left_out(n):
    changed = kept = 0
    for seed in range(15):
        model, x, ratings, speakers = speech(n, shift=0.1, noise=0.8, seed=seed)
        found = adapt(model, x, ratings, speakers=speakers, resamples=0)
        gain = found.expected.query("metric == 'ccc'").set_index("label")["gain"]
        for label, choice in found.choices.items():
            if choice.step == "kept":
                kept += 1
                assert gain[label] == 0
            else:
                changed += 1
                assert gain[label] > 0
    assert changed
    assert kept


def test_without_ratings_the_model_is_the_one_that_came():
    model, x, ratings, _ = speech()
    found = adapt(model, x, ratings * np.nan)
    assert found.model is model
    assert not found.changed
    assert found.expected[["before", "after", "gain"]].isna().all(axis=None)
    assert "kept as it was" in summary(found)[0]


def test_fewer_than_five_ratings_and_equal_ratings_only_shift():
    model, x, ratings, speakers = speech(shift=1.2, noise=0.1)
    some = ratings.copy()
    some.loc[4:, "activation"] = np.nan
    some["valence"] = 4.0
    found = adapt(model, x, some, speakers=speakers)
    moved = found.model.predict(x) - model.predict(x)
    assert found.choices["activation"].step == "offset"
    assert found.choices["valence"].step in ("offset", "kept")
    np.testing.assert_allclose(moved - moved.iloc[0], 0, atol=1e-9)
    assert moved["activation"].iloc[0] > 0.3


def test_rows_with_missing_features_or_ratings_are_left_out():
    model, x, ratings, speakers = speech(shift=0.6)
    clean = adapt(model, x[5:], ratings[5:], speakers=speakers[5:])
    x = x.copy()
    x[:5, 0] = np.nan
    dirty = adapt(model, x, ratings, speakers=speakers)
    np.testing.assert_allclose(dirty.model.predict(x[5:]), clean.model.predict(x[5:]))


@settings(max_examples=15, deadline=None)
@given(n=st.integers(1, 12), speakers=st.integers(1, 4), seed=st.integers(0, 99))
def test_any_small_table_gives_finite_estimates(n, speakers, seed):
    model, x, ratings, _ = speech(n, shift=0.3, seed=seed)
    names = [None if i % 5 == 4 else str(i % speakers) for i in range(n)]
    found = adapt(model, x, ratings, speakers=names)
    assert np.isfinite(found.model.predict(x)).all(axis=None)


def test_the_order_of_rows_does_not_matter():
    model, x, ratings, speakers = speech(40, shift=0.5, strength=0.4)
    order = np.random.default_rng(0).permutation(40)
    one = adapt(model, x, ratings, speakers=speakers, resamples=0)
    other = adapt(model, x[order], ratings.iloc[order], speakers=speakers[order], resamples=0)
    np.testing.assert_allclose(one.model.predict(x), other.model.predict(x), atol=1e-4)


def test_ratings_off_the_scale_and_other_columns_are_refused():
    model, x, ratings, _ = speech()
    with pytest.raises(TableError, match="activation should be a number from 1 to 5; 60 of 60"):
        adapt(model, x, ratings + 5)
    with pytest.raises(TableError, match="2 of 60 are not, the first is 'low'"):
        adapt(model, x, ratings.astype(object).replace(ratings.iloc[3:5, 1].tolist(), "low"))
    with pytest.raises(TableError, match="the ratings have the columns mood"):
        adapt(model, x, pd.DataFrame({"mood": np.ones(60)}))
    with pytest.raises(TableError, match="a row of ratings for each of 60 rows, not 59"):
        adapt(model, x, ratings[1:])
    with pytest.raises(TableError, match="a speaker for each of 60 rows"):
        adapt(model, x, ratings, speakers=["a"])
    with pytest.raises(ValueError, match="goal should be"):
        adapt(model, x, ratings, goal="best")


def test_intervals_follow_the_errors_on_left_out_rows():
    model, x, ratings, speakers = speech(200, noise=0.2)
    found = adapt(model, x, ratings, speakers=speakers, goal="error")
    low, high = found.model.calibration.intervals["activation"]
    assert -1.25 < low < -0.2
    assert 0.2 < high < 1.0
    np.testing.assert_array_equal(found.model.unusualness(x), model.unusualness(x))


def test_an_adapted_model_is_a_plain_folder_that_says_so(tmp_path):
    model, x, ratings, speakers = speech(shift=0.6, strength=0.5)
    model = made_model(name="made", version="2", licence="CC-BY-4.0", calibration=CALIBRATION)
    found = adapt(model, x, ratings, speakers=speakers)
    save_model(found.model, tmp_path / "m", card=adapted_card(found))
    loaded = load_model(tmp_path / "m")
    np.testing.assert_allclose(loaded.predict(x), found.model.predict(x), rtol=1e-6)
    assert (loaded.name, loaded.version, loaded.licence) == ("made, adapted", "2", "CC-BY-4.0")
    (record,) = loaded.record["adapted"]
    assert record["from"]["name"] == "made"
    assert (record["rated"], record["speakers"]) == (60, 6)
    assert record["choices"]["activation"]["ratings"] == 60
    assert (
        "## Adapted\n\nMade from made 2 with 60 rated utterances of 6"
        in (tmp_path / "m" / "README.md").read_text()
    )
    twice = adapt(loaded, x, ratings + 0.0, speakers=speakers).model
    assert twice.name == "made, adapted"


def test_a_label_that_ratings_moved_is_aligned_no_more():
    model, x, ratings, speakers = speech(60, shift=-1.5, strength=0.4)
    model = replace(model, calibration=ALIGNABLE)
    found = adapt(model, x, ratings[["activation"]], speakers=speakers)
    assert {label: one.step for label, one in found.choices.items()} == {
        "activation": "full",
        "valence": "kept",
    }
    assert set(found.model.calibration.collections) == {"valence"}


def test_suggestions_lower_the_variance_of_all_more_than_random_rows_do():
    model, x, *_ = speech(80)
    axes, standardised = model.axis_values(model.encode(x)).to_numpy(), model.standardise(x)
    prior = covariance(axes, standardised)

    def left(rows):
        told = prior[np.ix_(rows, rows)] + np.eye(len(rows))
        return np.trace(prior - prior[:, rows] @ np.linalg.solve(told, prior[rows]))

    chosen = suggest(model, x, 8)
    rng = np.random.default_rng(0)
    assert left(chosen) < min(left(rng.choice(80, 8, replace=False)) for _ in range(50))
    first = [left(np.array([row])) for row in range(80)]
    assert chosen[0] == np.argmin(first)


def test_suggestions_leave_out_rated_and_broken_rows():
    model, x, *_ = speech(20)
    x[3] = np.nan
    already = np.zeros(20, bool)
    already[:2] = True
    chosen = suggest(model, x, 50, already=already)
    assert sorted(chosen) == [2, *range(4, 20)]
    with pytest.raises(TableError, match="at least one"):
        suggest(model, x, 0)
    with pytest.raises(TableError, match="each of 20 rows"):
        suggest(model, x, 1, already=[True])
