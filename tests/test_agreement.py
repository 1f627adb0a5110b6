"""Agreement: published examples, slow twins, independent packages, and edges."""

import krippendorff
import numpy as np
import pandas as pd
import pingouin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affectspace import corpora
from affectspace.annotation import agree, alpha, icc, pairs, ratings_of, tidy
from affectspace.annotation.agreement import KINDS, _alphas
from affectspace.annotation.components import comparable, parts_of, sums_of
from affectspace.annotation.words import summary
from affectspace.errors import MissingExtraError, TableError
from made_ratings import KRIPPENDORFF, NAN, SHROUT_FLEISS, as_ratings, crossed


def values_of(table, basis):
    """The three ICCs of one basis."""
    found = table[table["basis"] == basis].set_index("kind")
    return found.loc[list(KINDS)]


def slow_parts(matrix):
    """Henderson's third method by projections and traces, as it is derived."""
    values = matrix.to_numpy()
    item, rater = np.nonzero(np.isfinite(values))
    y = values[item, rater]
    items = np.eye(len(values))[item]
    raters = np.eye(values.shape[1])[rater]

    def residual(*blocks):
        design = np.hstack([np.ones((len(y), 1)), *blocks])
        return np.eye(len(y)) - design @ np.linalg.pinv(design)

    both, of_items, of_raters = residual(items, raters), residual(items), residual(raters)
    rest = y @ both @ y / np.trace(both)
    parts = []
    for block, without in ((items, of_raters), (raters, of_items)):
        more = without - both
        parts.append((y @ more @ y - rest * np.trace(more)) / np.trace(block.T @ more @ block))
    return (*parts, rest)


def test_the_table_of_shrout_and_fleiss():
    """Published, two digits: .17, .29, and .62 for the mean of the four judges."""
    found = values_of(icc(SHROUT_FLEISS), "complete")
    assert found["value"].round(2).tolist() == [0.17, 0.29, 0.62]
    assert found["items"].tolist() == [6, 6, 6]
    assert found["k"].tolist() == [4, 4, 4]
    assert (found["low"] < found["value"]).all()
    assert (found["value"] < found["high"]).all()
    # the interval of ICC(1) by hand: F = 1.79 on 5 and 18 degrees of freedom; F(.975) = 3.38, 6.38
    assert found.loc["ICC(1)", ["low", "high"]].round(3).tolist() == [-0.133, 0.723]


def test_the_example_of_krippendorff():
    """Published: .849 for the interval metric."""
    assert alpha(KRIPPENDORFF).value == pytest.approx(0.849, abs=5e-4)


def test_alpha_by_hand():
    """Values 1 2 4 and 1 3 5: observed 2/3, expected 16/3."""
    assert alpha(pd.DataFrame({"x": [1.0, 2, 4], "y": [1.0, 3, 5]})).value == pytest.approx(0.875)


def test_a_pair_by_hand():
    """Centred -4/3, -1/3, 5/3 and -5/3, 1/3, 4/3: products 39/9, squares 42/9 each."""
    found = pairs(pd.DataFrame({"x": [1.0, 2, 4, 9], "y": [1.0, 3, 4, NAN]}))
    assert found.loc[0, "r"] == pytest.approx(39 / 42)
    assert found.loc[0, "n"] == 3
    assert np.isnan(found.loc[0, "low"])


@pytest.mark.parametrize("each", [None, 3, 2])
def test_the_parts_are_those_of_the_slow_twin(each):
    matrix = crossed(25, 5, each=each, seed=3)
    found = parts_of(sums_of(matrix))
    got = [float(x[0]) for x in (found.item, found.rater, found.rest)]
    np.testing.assert_allclose(got, slow_parts(matrix), rtol=1e-8)


def test_the_parts_where_raters_fall_into_groups_that_share_nothing():
    matrix = crossed(30, 4, seed=1)
    matrix.iloc[:15, 2:] = NAN
    matrix.iloc[15:, :2] = NAN
    found = parts_of(sums_of(matrix))
    got = [float(x[0]) for x in (found.item, found.rater, found.rest)]
    np.testing.assert_allclose(got, slow_parts(matrix), rtol=1e-8)
    assert comparable(matrix.notna().to_numpy()).tolist() == [0, 0, 1, 1]


@settings(max_examples=30, deadline=None)
@given(st.integers(3, 30), st.integers(2, 6), st.integers(0, 10**6))
def test_where_nothing_is_missing_the_parts_give_pingouins_estimates(n, k, seed):
    matrix = crossed(n, k, seed=seed)
    parts = parts_of(sums_of(matrix))
    error = parts.rater + parts.rest
    mine = [
        parts.between / (parts.between + parts.within),
        parts.item / (parts.item + error),
        parts.item / (parts.item + error / k),
    ]
    np.testing.assert_allclose(np.ravel(mine), icc(matrix)["value"], rtol=1e-6, atol=1e-9)


def test_an_item_that_is_missing_somewhere_adds_a_second_basis():
    matrix = crossed(40, 4)
    assert icc(matrix)["basis"].unique().tolist() == ["complete"]
    more = pd.concat([matrix, crossed(20, 4, each=2, seed=8)])
    both = icc(more, resamples=200)
    np.testing.assert_allclose(
        values_of(both, "complete")["value"], values_of(icc(matrix), "complete")["value"]
    )
    everything = values_of(both, "all")
    assert everything["items"].unique().tolist() == [60]
    assert everything["ratings"].unique().tolist() == [200]
    assert everything["k"].unique().tolist() == [pytest.approx(60 / (40 / 4 + 20 / 2))]
    assert (everything["low"] < everything["value"]).all()
    assert (everything["value"] < everything["high"]).all()


def test_ratings_missing_by_assignment_leave_the_estimates_where_they_are():
    """40 studies, each item rated by 3 of 8: on average the parts are those that were drawn."""
    parts = [parts_of(sums_of(crossed(100, 8, each=3, seed=seed))) for seed in range(40)]
    means = [np.mean([getattr(p, name) for p in parts]) for name in ("item", "rater", "rest")]
    np.testing.assert_allclose(means, [0.64, 0.09, 0.25], rtol=0.15)
    assert icc(crossed(100, 8, each=3), resamples=0)["value"][:3].isna().all()  # none is complete


def test_resampled_items_count_as_items_that_come_again():
    matrix = crossed(12, 4, each=3, seed=5)
    counts = np.random.default_rng(1).multinomial(12, np.full(12, 1 / 12), size=5)
    quick = parts_of(sums_of(matrix), counts)
    alphas = _alphas(sums_of(matrix), counts)
    for number, times in enumerate(counts):
        drawn = matrix.iloc[np.repeat(np.arange(12), times)]
        slow = parts_of(sums_of(drawn))
        for name in ("item", "rater", "rest", "between", "within", "per_item"):
            np.testing.assert_allclose(getattr(quick, name)[number], getattr(slow, name)[0])
        slow_alpha = krippendorff.alpha(drawn.to_numpy().T, level_of_measurement="interval")
        assert alphas[number] == pytest.approx(slow_alpha)


def test_weights_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"expected weights of shape \(b, 60\)"):
        parts_of(sums_of(crossed()), np.ones((1, 3)))


def test_alpha_of_many_different_values_takes_the_sums_instead():
    """The package keeps items x values squared: for these, 20 GB."""
    matrix = crossed(400, 6, each=3)
    assert matrix.nunique().sum() == 1200
    few = matrix.round(1)
    pair_sums = 1 - _slow_disagreement(matrix)
    assert alpha(matrix, resamples=0).value == pytest.approx(pair_sums)
    assert alpha(few, resamples=0).value == pytest.approx(1 - _slow_disagreement(few))


def _slow_disagreement(matrix):
    """Observed over expected disagreement, by listing the pairs."""
    units = [row[np.isfinite(row)] for row in matrix.to_numpy()]
    units = [unit for unit in units if len(unit) > 1]
    every = np.concatenate(units)
    n = len(every)
    within = sum(((u[:, None] - u) ** 2).sum() / (len(u) - 1) for u in units) / n
    return within / (((every[:, None] - every) ** 2).sum() / (n * (n - 1)))


def test_intervals_are_the_same_for_a_seed_and_other_for_another():
    matrix = crossed(each=3)
    one, again, other = (alpha(matrix, resamples=100, seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert one != other
    assert one.low < one.value < one.high
    bare = alpha(matrix, resamples=0)
    assert np.isnan([bare.low, bare.high]).all()


def test_the_interval_of_alpha_holds_the_truth_about_as_often_as_it_says():
    """80 studies of 60 items; the truth is the alpha of 20,000 items by the same raters."""
    held = 0
    for seed in range(80):
        rng = np.random.default_rng(seed)
        raters = 0.3 * rng.normal(size=3)
        values = rng.normal(size=(20060, 1)) + raters + 0.5 * rng.normal(size=(20060, 3))
        truth = 1 - _disagreement(values)
        found = alpha(pd.DataFrame(values[:60]), resamples=300)
        held += found.low <= truth <= found.high
    assert 68 <= held <= 80


def _disagreement(values):
    """Of complete ratings."""
    n, k = values.shape
    within = 2 * ((values - values.mean(axis=1, keepdims=True)) ** 2).sum() / (k - 1) / n
    return within / (2 * values.var() * k * n / (k * n - 1))


@pytest.mark.parametrize("each", [None, 3])
def test_order_of_items_and_raters_and_a_shift_do_not_matter(each):
    matrix = crossed(30, 4, each=each)
    mixed = matrix.sample(frac=1, random_state=1)[["r2", "r0", "r3", "r1"]] + 1
    np.testing.assert_allclose(
        icc(mixed, resamples=0)["value"], icc(matrix, resamples=0)["value"], rtol=1e-6
    )
    assert alpha(mixed, resamples=0).value == pytest.approx(alpha(matrix, resamples=0).value)


def test_an_offset_of_one_rater_costs_agreement_but_not_correlation():
    matrix = crossed(50, 3, rater=0.0)
    moved = matrix.assign(r0=matrix["r0"] + 1)
    np.testing.assert_allclose(pairs(moved)["r"], pairs(matrix)["r"])
    assert (icc(moved)["value"] < icc(matrix)["value"] - 0.02).all()
    assert alpha(moved).value < alpha(matrix).value - 0.02


def test_correlations_are_those_of_pandas():
    matrix = crossed(40, 4, each=3)
    expected = matrix.corr()
    for row in pairs(matrix).itertuples():
        assert row.r == pytest.approx(expected.loc[row.first, row.second])
        assert row.n == (matrix[row.first].notna() & matrix[row.second].notna()).sum()
        interval = pingouin.compute_esci(row.r, row.n, row.n, eftype="r", decimals=6)
        np.testing.assert_allclose([row.low, row.high], interval, atol=1e-5)


def test_perfect_agreement_is_one_everywhere():
    one = crossed(10, 1)["r0"]
    same = pd.DataFrame({"x": one, "y": one, "z": one})
    found = icc(same)
    np.testing.assert_allclose(found[["value", "low", "high"]], 1)
    assert alpha(same).value == 1
    assert pairs(same)["r"].tolist() == [pytest.approx(1)] * 3


@pytest.mark.parametrize(
    "matrix",
    [
        pd.DataFrame({"x": [3.0, 3, 3], "y": [3.0, 3, 3]}),  # all the same
        pd.DataFrame({"x": [3.0], "y": [4.0]}).iloc[:0],  # nothing
        pd.DataFrame({"x": [1.0, 2, NAN], "y": [NAN, NAN, 3.0]}),  # nothing shared
    ],
)
def test_where_nothing_can_be_said_there_is_no_number(matrix):
    assert icc(matrix)["value"].isna().all()
    assert np.isnan(alpha(matrix)).all()
    assert pairs(matrix)["r"].isna().all()


def test_one_item_is_too_little_for_icc():
    one = pd.DataFrame({"x": [3.0], "y": [4.0]})
    assert icc(one)["value"].isna().all()
    assert alpha(one).value == 0  # the two values are all that chance has as well
    two = pd.DataFrame({"x": [3.0, NAN], "y": [4.0, 2.0]})
    assert values_of(icc(two), "complete")["value"].isna().all()
    square = pd.DataFrame({"x": [3.0, 1.0], "y": [4.0, 2.0]})  # which pingouin doesn't take
    assert icc(square)["value"].isna().all()


def test_pingouins_own_options_stay_as_they_were():
    before = dict(pingouin.options)
    found = icc(SHROUT_FLEISS)
    assert pingouin.options == before
    assert found["low"].round(2).tolist() != found["low"].tolist()  # not the rounded ones


def test_a_single_rater_is_refused():
    with pytest.raises(TableError, match="only r0 rated activation; agreement needs two"):
        agree(as_ratings(crossed(5, 1)), "activation")
    with pytest.raises(TableError, match=r"no ratings of valence; there are ratings of activation"):
        agree(as_ratings(crossed(5, 2)), "valence")


def test_without_the_extra_its_name_is_said(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pingouin", None)
    message = r"pip install -c constraints\.txt '\.\[annotate\]'"
    with pytest.raises(MissingExtraError, match=message):
        icc(crossed())


def test_all_of_it_in_one_and_as_a_tidy_table():
    ratings = as_ratings(crossed(40, 3, each=2))
    found = agree(ratings, "activation", resamples=100)
    assert (found.items, found.shared, found.complete, found.ratings) == (40, 40, 0, 80)
    assert found.raters == ("r0", "r1", "r2")
    table = tidy([found])
    assert table["statistic"].value_counts()[
        ["ICC(1)", "alpha", "pearson", "ratings"]
    ].tolist() == [*(2, 1, 3, 3)]
    row = table[(table["statistic"] == "pearson") & (table["other"] == "r2")].iloc[0]
    assert row["value"] == pytest.approx(found.pairs.loc[1, "r"])
    assert not table["statistic"].isin(["drift", "hurried", "repeat_r"]).any()  # nothing is known
    (alpha_row,) = table[table["statistic"] == "alpha"].to_dict("records")
    assert (alpha_row["value"], alpha_row["n"]) == (found.alpha.value, 40)


def test_in_words_what_is_unknown_is_a_dash_and_many_pairs_are_summed_up():
    few = "\n".join(summary(agree(as_ratings(crossed(40, 3, each=2)), "activation", resamples=20)))
    assert "80 ratings of 40 items by 3 raters; 40 items have two or more ratings, 0 one of" in few
    assert "ICC(2,1)      -              -      0  rated by all" in few
    assert "all, 2 ratings each" in few
    assert "drift" not in few
    many = agree(as_ratings(crossed(40, 6)), "activation", resamples=20)
    assert any(
        line.startswith("15 pairs, 15 with a correlation: r from ") for line in summary(many)
    )


@pytest.mark.real
def test_the_raters_of_emotale_agree_as_is_known(data_root):
    """Known beforehand: r .71 to .76 for activation, .68 to .76 for valence."""
    table = ratings_of(corpora.read("emotale", data_root / "corpora/emotale")).table
    for label, low, high in (("activation", 0.71, 0.76), ("valence", 0.68, 0.76)):
        found = agree(table, label, resamples=200)
        assert found.raters == ("a1", "a2", "a3")
        assert found.items == found.complete == 800
        assert found.pairs["r"].round(2).min() == low
        assert found.pairs["r"].round(2).max() == high
        assert low - 0.03 < found.alpha.value < high
        assert found.quality["flags"].tolist() == ["", "", ""]
