"""The gold standard by hand, with missing ratings, and where raters say nothing."""

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from affectspace.annotation import gold_standard
from affectspace.annotation.components import offsets_of, parts_of, sums_of
from affectspace.annotation.others import correlation, others_mean
from made_ratings import NAN, crossed

BOTH = ("mean", "ewe")


def plain_ewe(matrix):
    """The estimator as Grimm and Kroschel write it, weights from the mean of the others."""
    weights = []
    for rater in matrix.columns:
        others = matrix.drop(columns=rater).mean(axis="columns")
        weights.append(max(matrix[rater].corr(others), 0))
    return (matrix * weights).sum(axis="columns") / sum(weights), weights


def slow_offsets(matrix, rater, rest):
    """Raters' best linear unbiased prediction, from the full mixed-model equations."""
    values = matrix.to_numpy()
    item, who = np.nonzero(np.isfinite(values))
    items, raters = np.eye(len(values))[item], np.eye(values.shape[1])[who]
    design = np.hstack([items, raters])
    left = design.T @ design
    left[len(values) :, len(values) :] += rest / rater * np.eye(values.shape[1])
    return np.linalg.solve(left, design.T @ values[item, who])[len(values) :]


def test_by_hand():
    """Raters x and y agree (r 1), z says the opposite (r -1): z weighs nothing in the ewe."""
    x = pd.Series([1.0, 2, 3, 4, 5])
    matrix = pd.DataFrame({"x": x, "y": x, "z": 6 - x})
    mean, ewe = (gold_standard(matrix, estimator=name) for name in BOTH)
    assert mean.values["value"].tolist() == pytest.approx(((x + x + 6 - x) / 3).tolist())
    # x against the mean of y and z, which is 3 throughout: no correlation, weight 0
    assert ewe.raters["r"].isna().tolist() == [True, True, False]
    assert ewe.raters["weight"].tolist() == [1, 1, 1]
    four = matrix.assign(w=x)
    found = gold_standard(four, estimator="ewe")
    assert found.raters["weight"].round(12).tolist() == [1, 1, 0, 1]
    assert found.values["value"].tolist() == pytest.approx(x.tolist())
    assert found.values["sd"].tolist() == pytest.approx(four.std(axis="columns").tolist())
    assert found.values["n"].tolist() == [4] * 5


def test_complete_ratings_give_the_plain_mean_and_the_plain_estimator():
    matrix = crossed(40, 4)
    mean = gold_standard(matrix, scale=None)
    np.testing.assert_allclose(mean.values["value"], matrix.mean(axis="columns"))
    ewe = gold_standard(matrix, estimator="ewe", scale=None)
    values, weights = plain_ewe(matrix)
    np.testing.assert_allclose(ewe.raters["weight"], weights)
    np.testing.assert_allclose(ewe.values["value"], values)
    assert mean.raters["weight"].tolist() == [1] * 4
    assert mean.raters["offset"].abs().max() > 0.1  # there, but they cancel


def test_offsets_are_those_of_the_mixed_model():
    matrix = crossed(30, 5, each=3, seed=2)
    parts = parts_of(sums_of(matrix))
    expected = slow_offsets(matrix, float(parts.rater[0]), float(parts.rest[0]))
    np.testing.assert_allclose(offsets_of(matrix), expected, atol=1e-9)
    assert offsets_of(matrix).sum() == pytest.approx(0)


def test_parts_and_offsets_are_close_to_those_of_restricted_maximum_likelihood():
    """Another estimator of the same model, statsmodels'; on complete ratings the two are equal."""
    matrix = crossed(60, 6, each=3)
    long = matrix.reset_index().melt(id_vars="item", var_name="rater").dropna().assign(whole=1)
    parts = {"item": "0 + C(item)", "rater": "0 + C(rater)"}
    model = smf.mixedlm("value ~ 1", long, groups="whole", vc_formula=parts, re_formula="0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = model.fit(reml=True)
    found = parts_of(sums_of(matrix))
    np.testing.assert_allclose(
        [found.item[0], found.rest[0]], [fitted.vcomp[0], fitted.scale], rtol=0.03
    )
    assert found.rater[0] == pytest.approx(fitted.vcomp[1], rel=0.1)
    effects = fitted.random_effects[1]
    expected = [effects[f"rater[C(rater)[r{number}]]"] for number in range(6)]
    np.testing.assert_allclose(offsets_of(matrix), expected, atol=0.015)


@pytest.mark.parametrize("estimator", BOTH)
def test_who_rated_an_item_does_not_move_it(estimator):
    """One rater is a unit above the others. The plain mean follows who rated; this one doesn't."""
    rng = np.random.default_rng(0)
    truth = rng.uniform(1.5, 3.5, 200)
    offsets = np.array([1.0, 0.0, 0.0, 0.0])
    matrix = pd.DataFrame(truth[:, None] + offsets + 0.3 * rng.normal(size=(200, 4)))
    matrix[np.argsort(rng.random((200, 4)), axis=1) >= 2] = NAN
    found = gold_standard(matrix, estimator=estimator).values["value"]
    plain = matrix.mean(axis="columns")
    with_high = matrix[0].notna()
    gap = (plain - truth)[with_high].mean() - (plain - truth)[~with_high].mean()
    left = (found - truth)[with_high].mean() - (found - truth)[~with_high].mean()
    assert gap > 0.45
    assert abs(left) < 0.1
    assert np.std(found - truth) < 0.8 * np.std(plain - truth)


def test_a_careless_rater_weighs_less_and_the_estimate_is_better():
    rng = np.random.default_rng(1)
    truth = rng.normal(3, 0.7, 300)
    noise = np.array([0.3, 0.3, 0.3, 2.0])
    matrix = pd.DataFrame(truth[:, None] + noise * rng.normal(size=(300, 4)))
    matrix[rng.random(matrix.shape) < 0.3] = NAN
    mean, ewe = (gold_standard(matrix, estimator=name, scale=None) for name in BOTH)
    assert ewe.raters["weight"].iloc[3] < 0.6 * ewe.raters["weight"].iloc[:3].min()
    errors = [(found.values["value"] - truth).abs().mean() for found in (mean, ewe)]
    assert errors[1] < 0.85 * errors[0]


@pytest.mark.parametrize("estimator", BOTH)
def test_one_rater_is_the_gold_standard(estimator):
    only = pd.DataFrame({"x": [1.0, 4.0, NAN]})
    found = gold_standard(only, estimator=estimator)
    assert found.values["value"].tolist()[:2] == [1, 4]
    assert np.isnan(found.values["value"][2])
    assert found.values["sd"].isna().all()
    assert found.values["n"].tolist() == [1, 1, 0]
    assert found.raters["weight"].tolist() == [1]
    assert found.raters["offset"].tolist() == [0]


def test_a_rater_of_one_value_has_no_weight_unless_all_are_like_that():
    matrix = crossed(20, 3).clip(1, 5).assign(dull=3.0)
    found = gold_standard(matrix, estimator="ewe")
    assert np.isnan(found.raters.loc["dull", "r"])
    assert found.raters.loc["dull", "weight"] == 0
    assert (found.raters["weight"].drop("dull") > 0.5).all()
    alone = matrix.copy()
    alone.loc[alone.index[0], ["r0", "r1", "r2"]] = NAN
    values = gold_standard(alone, estimator="ewe").values
    assert np.isnan(values["value"].iloc[0])  # rated by nobody whose rating counts
    assert values["n"].iloc[0] == 1
    constant = pd.DataFrame({"x": [3.0] * 6, "y": [4.0] * 6})
    assert gold_standard(constant, estimator="ewe").values["value"].tolist() == [3.5] * 6


def test_too_little_in_common_is_no_reason_to_weigh_more_or_less():
    matrix = crossed(40, 3).clip(1, 5)
    newcomer = pd.Series(NAN, matrix.index)
    newcomer.iloc[:3] = [1.0, 2.0, 5.0]
    found = gold_standard(matrix.assign(new=newcomer), estimator="ewe").raters
    assert found.loc["new", "shared"] == 3
    assert found.loc["new", "weight"] == pytest.approx(found["weight"].drop("new").mean())


def test_values_stay_on_the_scale():
    rng = np.random.default_rng(3)
    truth = rng.normal(3, 1.5, 200)
    matrix = pd.DataFrame({"low": truth - 0.5, "high": truth + 0.5}).clip(1, 5)
    matrix.loc[:50, "high"] = NAN  # a 5 by who rates low is worth more than 5
    found = gold_standard(matrix).values["value"]
    free = gold_standard(matrix, scale=None).values["value"]
    assert free.max() > 5.1
    assert found.between(1, 5).all()
    pd.testing.assert_series_equal(found, free.clip(1, 5))


def test_raters_who_share_nothing_are_not_compared():
    """A group that rates higher may have had other items: its level is left alone."""
    matrix = crossed(60, 4, rater=0.5, seed=4)
    matrix.iloc[:30, 2:] = NAN
    matrix.iloc[30:, :2] = NAN
    found = gold_standard(matrix, scale=None)
    np.testing.assert_allclose(found.values["value"], matrix.mean(axis="columns"))


def test_the_mean_of_all_ratings_stays_what_it_is():
    matrix = crossed(50, 4, each=2, seed=6)
    found = gold_standard(matrix, scale=None)
    per_rating = (matrix - found.raters["offset"]).stack().mean()
    assert per_rating == pytest.approx(matrix.stack().mean())


def test_others_are_the_others():
    matrix = crossed(30, 3)
    matrix.iloc[0, 1:] = NAN
    found = others_mean(matrix)
    offsets = offsets_of(matrix)
    even = matrix - offsets
    expected = even[["r1", "r2"]].mean(axis="columns")
    np.testing.assert_allclose(found["r0"].iloc[1:], expected.iloc[1:])
    assert found.iloc[0].isna().all()
    assert found["r0"].notna().sum() == 29


def test_correlation_of_little_or_nothing():
    assert np.isnan(correlation([1.0], [2.0]))
    assert np.isnan(correlation([1.0, 1.0], [1.0, 2.0]))
    assert np.isnan(correlation([], []))
    assert correlation([1.0, 2.0, 3.0], [2.0, 4.0, 6.0]) == 1


@pytest.mark.parametrize("estimator", BOTH)
def test_order_of_raters_and_items_does_not_matter(estimator):
    matrix = crossed(30, 4, each=3).clip(1, 5)
    mixed = matrix.sample(frac=1, random_state=0)[["r3", "r1", "r0", "r2"]]
    one, other = (gold_standard(m, estimator=estimator).values for m in (matrix, mixed))
    pd.testing.assert_frame_equal(other.loc[one.index], one)


def test_an_unknown_estimator_and_no_ratings():
    with pytest.raises(ValueError, match="one of mean, ewe, not 'median'"):
        gold_standard(crossed(), estimator="median")
    nothing = gold_standard(pd.DataFrame({"x": [NAN], "y": [NAN]}), estimator="ewe").values
    assert np.isnan(nothing["value"].iloc[0])
    assert nothing["n"].iloc[0] == 0
