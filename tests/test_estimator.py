"""The scikit-learn face: its rules, and the labels it takes."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import RobustScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from affectspace.errors import ContractError
from affectspace.estimator import MetricAutoencoder
from affectspace.model import OBJECTIVES, load_model, save_model
from affectspace.training import Recipe, Run, train
from made_features import feature_table


@parametrize_with_checks([MetricAutoencoder(epochs=5, learning_rate=1e-3)])
def test_scikit_learn_rules(estimator, check):
    check(estimator)


ROWS = 80


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(ROWS, 5))


@pytest.fixture(scope="module")
def y(x):
    """Activation and valence, 1 to 5."""
    return np.clip(3 + x[:, :2] + 0.5 * x[:, 2:4], 1, 5)


def quick(**settings):
    return MetricAutoencoder(**{"epochs": 3, "learning_rate": 1e-2} | settings)


def test_the_defaults_are_the_published_recipe():
    settings = MetricAutoencoder().get_params()
    assert {name: settings[name] for name in vars(Recipe())} == vars(Recipe())


def test_clone_keeps_the_settings_and_forgets_the_model(x):
    estimator = quick(n_latent=3, clip=4).fit(x)
    copy = clone(estimator)
    assert copy.get_params() == estimator.get_params()
    with pytest.raises(NotFittedError):
        copy.transform(x)


def test_it_is_the_model_that_training_gives(x, y):
    estimator = quick(random_state=7).fit(x, y[:, 0])
    run = Run(objective=OBJECTIVES["metric-act"], rows=np.arange(ROWS), seed=7)
    recipe = Recipe(epochs=3, learning_rate=1e-2)
    (model,) = train(x, {"activation": y[:, 0]}, [run], recipe=recipe)
    np.testing.assert_array_equal(estimator.transform(x), model.encode(x))
    np.testing.assert_array_equal(estimator.predict(x), model.predict(x)["activation"])
    pd.testing.assert_frame_equal(estimator.history_, model.history)


def test_rows_with_nan_in_y_are_unlabelled(x, y):
    some = np.where(np.arange(ROWS) % 3 == 0, np.nan, y[:, 0])
    estimator = quick().fit(x, some)
    assert estimator.model_.record["rows"] == ROWS
    assert not np.allclose(estimator.transform(x), quick().fit(x, y[:, 0]).transform(x))
    assert estimator.score(x, some) == pytest.approx(
        r2_score(y[~np.isnan(some), 0], estimator.predict(x)[~np.isnan(some)])
    )


def test_y_of_nothing_but_nan_is_refused(x):
    with pytest.raises(ValueError, match="leave y out"):
        quick().fit(x, np.full(ROWS, np.nan))


@pytest.mark.parametrize("y", [np.zeros(ROWS - 1), np.zeros((ROWS, 2, 2)), np.full(ROWS, np.inf)])
def test_y_that_does_not_fit(x, y):
    with pytest.raises(ValueError, match=r"inconsistent|dim|infinity"):
        quick().fit(x, y)


def test_several_labels_own_one_dimension_each(x, y):
    estimator = quick(n_latent=3).fit(x, pd.DataFrame(y, columns=["activation", "valence"]))
    assert estimator.label_names_ == ["activation", "valence"]
    assert dict(estimator.model_.objective.axes) == {"activation": (0,), "valence": (1,)}
    offsets = list(estimator.model_.offsets.values())
    np.testing.assert_allclose(estimator.predict(x), estimator.transform(x)[:, :2] + offsets)


def test_more_labels_than_dimensions_get_one_each(x):
    estimator = quick(n_latent=2).fit(x, x[:, :4])
    assert estimator.n_latent_ == 4
    assert estimator.n_latent == 2
    assert estimator.label_names_ == ["y0", "y1", "y2", "y3"]
    assert estimator.transform(x).shape == (ROWS, 4)
    assert estimator.predict(x).shape == (ROWS, 4)


def test_one_label_is_shaped_on_all_dimensions(x, y):
    estimator = quick().fit(x, pd.Series(y[:, 0], name="activation"))
    assert estimator.label_names_ == ["activation"]
    (offset,) = estimator.model_.offsets.values()
    np.testing.assert_allclose(estimator.predict(x), estimator.transform(x).mean(axis=1) + offset)
    assert quick().fit(x, y[:, :1]).predict(x).shape == (ROWS, 1)


def test_groups_keep_pairs_apart(x, y):
    groups = np.repeat(["one", "other"], ROWS // 2)
    shifted = y[:, 0] + 10 * (groups == "other")
    fits = [quick().fit(x, labels, groups=groups).transform(x) for labels in (y[:, 0], shifted)]
    np.testing.assert_allclose(*fits, atol=1e-4)
    assert not np.allclose(fits[0], quick().fit(x, shifted).transform(x), atol=1e-2)


def test_predict_needs_labels(x):
    estimator = quick().fit(x)
    assert estimator.label_names_ == []
    assert estimator.history_["slope"].isna().all()
    with pytest.raises(ValueError, match="fitted with labels"):
        estimator.predict(x)


def test_score_is_the_mean_r2_over_the_labels(x, y):
    estimator = quick(epochs=30).fit(x, y)
    weights = np.random.default_rng(1).uniform(size=ROWS)
    for weight in (None, weights):
        expected = r2_score(y, estimator.predict(x), sample_weight=weight)
        assert estimator.score(x, y, sample_weight=weight) == pytest.approx(expected)
    holed = y.copy()
    holed[::2, 1] = np.nan
    expected = np.mean(
        [
            r2_score(y[:, 0], estimator.predict(x)[:, 0], sample_weight=weights),
            r2_score(y[1::2, 1], estimator.predict(x)[1::2, 1], sample_weight=weights[1::2]),
        ]
    )
    assert estimator.score(x, holed, weights) == pytest.approx(expected)


def test_score_without_labels_is_the_error_of_the_reconstruction(x):
    estimator = quick().fit(x)
    standardised = (x - x.mean(axis=0)) / x.std(axis=0)
    rebuilt = estimator.inverse_transform(estimator.transform(x))
    errors = (((rebuilt - x.mean(axis=0)) / x.std(axis=0) - standardised) ** 2).mean(axis=1)
    assert estimator.score(x) == pytest.approx(-errors.mean(), rel=1e-5)
    weights = np.arange(ROWS)
    expected = -np.average(errors, weights=weights)
    assert estimator.score(x, sample_weight=weights) == pytest.approx(expected, rel=1e-5)
    assert quick(epochs=200, noise=0).fit(x).score(x) > estimator.score(x)


def test_inverse_transform_is_in_units_of_the_features(x):
    far = 100 * x + 1e4
    estimator = quick().fit(far)
    rebuilt = estimator.inverse_transform(estimator.transform(far))
    assert rebuilt.shape == far.shape
    np.testing.assert_allclose(rebuilt.mean(axis=0), far.mean(axis=0), atol=100)


def test_names_of_other_features_are_refused(x, y):
    frame = pd.DataFrame(x, columns=list("abcde"))
    estimator = quick().fit(frame, y)
    assert list(estimator.feature_names_in_) == list("abcde")
    with pytest.raises(ValueError, match="feature names"):
        estimator.transform(frame.rename(columns={"a": "other"}))
    with pytest.raises(ValueError, match="5 features"):
        quick().fit(x, y).transform(x[:, :4])


def test_a_saved_estimator_keeps_the_names_of_its_features(x, y, tmp_path):
    frame = pd.DataFrame(x, columns=list("abcde"))
    model = load_model(save_model(quick().fit(frame, y).model_, tmp_path))
    assert model.feature_names == tuple("abcde")
    with pytest.raises(ContractError, match="e, d, c"):
        model.encode(frame.iloc[:, ::-1])
    assert quick().fit(x, y).model_.feature_names is None


def test_same_seed_same_model(x, y):
    first, again, other = (quick(random_state=s).fit(x, y).transform(x) for s in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_random_state_may_be_a_generator_or_none(x, y):
    seeds = [np.random.RandomState(5) for _ in range(2)]
    first, again = (quick(random_state=s).fit(x, y).transform(x) for s in seeds)
    np.testing.assert_array_equal(first, again)
    after = quick(random_state=seeds[0]).fit(x, y).transform(x)  # the generator has moved on
    assert not np.allclose(first, after)
    assert quick(random_state=np.int64(3)).fit(x, y).model_.record["seed"] == 3
    drawn = {quick(random_state=None, epochs=1).fit(x, y).model_.record["seed"] for _ in range(3)}
    assert len(drawn) == 3


def test_in_a_pipeline_and_cross_validation(x, y):
    pipeline = make_pipeline(RobustScaler(), quick(epochs=60))
    speakers = np.arange(ROWS) % 8
    scores = cross_val_score(pipeline, x, y[:, 0], groups=speakers, cv=GroupKFold(3))
    assert (scores > 0).all()
    fitted = pipeline.fit(x, y[:, 0])
    assert fitted.transform(x).shape == (ROWS, 2)
    assert fitted.inverse_transform(fitted.transform(x)).shape == x.shape


def test_settings_that_can_not_be_trained_are_refused_at_fit(x):
    estimator = MetricAutoencoder(epochs=0)
    with pytest.raises(ValueError, match="epochs must be above 0"):
        estimator.fit(x)


def test_early_stopping_is_passed_on(x, y):
    estimator = quick(epochs=300, patience=2, learning_rate=0.05, noise=0.1).fit(x, y)
    assert len(estimator.history_) < 300
    assert estimator.model_.record["rows_held_out"] == ROWS // 10


def test_frames_come_out_where_they_are_asked_for():
    x = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 3)), columns=list("abc"))
    estimator = MetricAutoencoder(epochs=1).set_output(transform="pandas").fit(x)
    assert list(estimator.transform(x).columns) == ["metricautoencoder0", "metricautoencoder1"]


def test_it_takes_a_feature_table():
    table = feature_table("made", 40)
    y = table.rows["activation"]
    assert Ridge().fit(table, y).predict(table).shape == (40,)
    by_table = quick().fit(table, y)
    by_array = quick().fit(table.values.to_numpy(), y)
    np.testing.assert_array_equal(
        by_table.transform(table), by_array.transform(table.values.to_numpy())
    )
