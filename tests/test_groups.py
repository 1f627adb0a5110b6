"""Error and bias by group: the right rows, the right draws, and what the figures tell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affectspace.errors import TableError
from affectspace.evaluation import Resampling, Setting, bias, ccc, mae, pearson, score_groups
from affectspace.evaluation.groups import BANDS, FEWEST, groups_of
from affectspace.evaluation.intervals import bootstrap_values, draw_speakers, percentile_interval
from affectspace.evaluation.metrics import shift_at_equal
from affectspace.evaluation.results import results_table

SETTING = Setting(protocol="p", source="x", target="y", model="m", seed=3)
FEW = Resampling(resamples=60, seed=5)


def corpus(rows: int = 240, speakers: int = 12, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ratings, and estimates that are 0.6 of them and 0.4 too high for women."""
    random = np.random.default_rng(seed)
    who = np.arange(rows) % speakers
    ratings = random.choice(np.arange(1, 5.5, 0.5), (rows, 2))
    table = pd.DataFrame(ratings, columns=["activation", "valence"])
    table["speaker"] = [f"s{number:02d}" for number in who]
    table["gender"] = np.where(who % 2, "female", "male")
    table["age"] = np.array([12.0, 20, 25, 29, 30, 44])[who // 2]
    table["emotion"] = random.choice(["anger", "sadness"], rows)
    noise = random.normal(0, 0.3, (rows, 2)) + random.normal(0, 0.1, (speakers, 2))[who]
    found = 3 + 0.6 * (ratings - 3) + 0.4 * (who % 2)[:, None] + noise
    return pd.DataFrame(found, columns=["activation", "valence"]), table


def figures(*arguments, **options) -> pd.DataFrame:
    options = {"setting": SETTING, "resampling": FEW, **options}
    table = results_table(score_groups(*arguments, **options))
    return table.set_index(["label", "group", "metric"]).sort_index()


def test_ages_fall_into_bands():
    ages = [0, 17.9, 18, 29.9, 30, 44, 45, 59, 60, 103, None]
    found = groups_of(pd.DataFrame({"age": ages}), "age").tolist()
    expected = [band for band in BANDS for _ in range(2)]
    assert found == [*expected, None]
    assert groups_of(pd.DataFrame({"age": ["31", "old"]}), "age").tolist() == ["30 to 44", None]
    assert groups_of(pd.DataFrame({"age": [None, None]}), "age").tolist() == [None, None]


def test_other_attributes_are_words():
    table = pd.DataFrame({"gender": ["female", None, "male"]})
    assert groups_of(table, "gender").tolist() == ["female", None, "male"]
    assert groups_of(table, "language").tolist() == [None] * 3


def test_figures_of_a_group_are_those_of_its_rows():
    estimates, table = corpus()
    found = figures(estimates, table)
    for group, rows in (
        ("gender: female", table["gender"] == "female"),
        ("age: 18 to 29", table["age"].between(18, 29)),
    ):
        for metric in (mae, bias, ccc, pearson):
            row = found.loc[("valence", group, metric.__name__)]
            assert row["value"] == pytest.approx(
                metric(table["valence"][rows], estimates["valence"][rows])
            )
            assert (row["n"], row["speakers"]) == (rows.sum(), table["speaker"][rows].nunique())
    assert set(found["seed"]) == {3}
    assert set(found["protocol"]) == {"p"}


def test_differences_are_the_first_minus_the_second():
    found = figures(*corpus())
    pairs = {group for _, group, _ in found.index if " against " in group}
    assert pairs == {"gender: female against male", "age: 18 to 29 against 30 to 44"}
    for label in ("activation", "valence"):
        for name in ("mae", "bias", "ccc", "pearson"):
            one, other = (found.loc[(label, f"gender: {g}", name)] for g in ("female", "male"))
            both = found.loc[(label, "gender: female against male", f"{name}_difference")]
            assert both["value"] == pytest.approx(one["value"] - other["value"])
            assert (both["n"], both["speakers"]) == (240, 12)


def test_intervals_come_from_drawing_the_speakers_of_each_group():
    estimates, table = corpus()
    found = figures(estimates, table)
    values = []
    for number, gender in enumerate(("male", "female")):  # seeds in the order of who is in what
        rows = table["gender"] == gender
        ours, _ = bootstrap_values(
            mae, table["activation"][rows], estimates["activation"][rows],
            clusters=table["speaker"][rows], resamples=60, seed=5 + number,
        )  # fmt: skip
        values.append(ours)
        low, high = percentile_interval(ours, speakers=6)
        row = found.loc[("activation", f"gender: {gender}", "mae")]
        assert (row["low"], row["high"]) == (pytest.approx(low), pytest.approx(high))
    low, high = percentile_interval(values[1] - values[0], speakers=6)
    row = found.loc[("activation", "gender: female against male", "mae_difference")]
    assert (row["low"], row["high"]) == (pytest.approx(low), pytest.approx(high))


def test_who_speaks_two_languages_is_drawn_for_both_at_once():
    estimates, table = corpus()
    twice = pd.concat([table.assign(language="da"), table.assign(language="en")])
    found = figures(pd.concat([estimates, estimates]), twice, attributes=["language"])
    for name in ("mae", "bias", "ccc", "pearson"):
        row = found.loc[("activation", "language: da against en", f"{name}_difference")]
        assert row[["value", "low", "high"]].tolist() == [0, 0, 0]
        alone = found.loc[("activation", "language: da", name)]
        assert alone["low"] < alone["value"] < alone["high"]
        assert row["speakers"] == alone["speakers"] == 12


def test_a_bias_against_a_group_is_seen_and_none_is_not():
    estimates, table = corpus()
    found = figures(estimates, table)
    for metric in ("bias_difference", "shift_at_equal_ratings"):
        women = found.loc[("activation", "gender: female against male", metric)]
        assert 0.1 < women["low"] < 0.4 < women["high"] < 0.7
        young = found.loc[("activation", "age: 18 to 29 against 30 to 44", metric)]
        assert young["low"] < 0 < young["high"]


def test_a_group_that_is_rated_higher_has_no_shift_for_that():
    estimates, table = corpus(rows=2400)
    women = table["gender"] == "female"
    chosen = np.where(women, table["activation"] >= 3, table["activation"] <= 3)
    fair = estimates.sub(0.4 * women.to_numpy(float), axis="index")
    found = figures(fair[chosen], table[chosen], attributes=["gender"])
    pair = "gender: female against male"
    assert found.loc[("activation", pair, "bias_difference"), "high"] < -0.5
    shift = found.loc[("activation", pair, "shift_at_equal_ratings")]
    assert shift["low"] < 0 < shift["high"]
    assert abs(shift["value"]) < 0.1


def test_small_groups_and_lone_ones_are_left_out():
    estimates, table = corpus()
    found = figures(estimates, table)
    assert not any("under 18" in group for _, group, _ in found.index)  # 2 speakers
    assert FEWEST == 3
    assert figures(estimates, table.assign(gender="female"), attributes=["gender"]).empty
    assert figures(estimates, table.drop(columns=["gender", "age"])).empty
    assert figures(estimates[["valence"]], table).index.unique(0).tolist() == ["valence"]


def test_unknown_groups_estimates_and_ratings_are_left_out():
    estimates, table = corpus()
    table.loc[:9, "gender"] = None
    table.loc[10:19, "activation"] = np.nan
    estimates.loc[20:29, "activation"] = np.nan
    found = figures(estimates, table, attributes=["gender"])
    known = figures(estimates[30:], table[30:], attributes=["gender"])
    pd.testing.assert_frame_equal(found.loc[["activation"]], known.loc[["activation"]])


def test_without_ratings_estimates_are_compared_at_equal_emotions():
    estimates, table = corpus()
    unrated = table.assign(activation=np.nan, valence=None, intensity="strong")
    found = figures(estimates, unrated, attributes=["gender"])
    assert found.index.unique("metric").tolist() == ["shift_at_equal_emotions"]
    row = found.loc[("activation", "gender: female against male", "shift_at_equal_emotions")]
    member = table["gender"] == "female"
    expected = shift_at_equal(table["emotion"], estimates["activation"], member)
    assert row["value"] == pytest.approx(expected)
    assert row["low"] < row["value"] < row["high"]
    assert figures(estimates, unrated.drop(columns="emotion")).empty


def test_the_order_of_the_rows_does_not_matter():
    estimates, table = corpus()
    order = np.random.default_rng(1).permutation(len(table))
    mixed = figures(estimates.iloc[order], table.iloc[order])
    pd.testing.assert_frame_equal(mixed, figures(estimates, table))


def test_without_resampling_there_are_no_intervals():
    found = figures(*corpus(), resampling=None)
    assert found[["low", "high"]].isna().all(axis=None)
    assert found["value"].notna().all()


def test_other_rows_are_refused():
    estimates, table = corpus()
    with pytest.raises(TableError):
        score_groups(estimates[1:], table, setting=SETTING)


class TestShiftAtEqual:
    def twin(self, given, estimates, member) -> float:
        dummies = [given] if given.dtype.kind == "f" else [given == x for x in np.unique(given)[1:]]
        design = np.column_stack([member, np.ones(len(given)), *dummies]).astype(float)
        return float(np.linalg.lstsq(design, estimates, rcond=None)[0][0])

    @pytest.mark.parametrize("kind", ["ratings", "categories"])
    def test_is_the_coefficient_of_the_fit(self, kind):
        random = np.random.default_rng(0)
        given = random.integers(1, 6, 80)
        given = given / 2 + 1 if kind == "ratings" else np.array(list("abcdef"))[given]
        member = random.random(80) < 0.3
        estimates = random.normal(size=80) + member
        expected = self.twin(given, estimates, member)
        assert shift_at_equal(given, estimates, member) == pytest.approx(expected)
        values, _ = bootstrap_values(
            shift_at_equal, given, estimates, member,
            clusters=np.arange(80) // 10, resamples=5, seed=1,
        )  # fmt: skip
        for value, weights in zip(values, draw_speakers(8, resamples=5, seed=1), strict=True):
            rows = np.repeat(np.arange(80), weights.astype(int)[np.arange(80) // 10])
            assert value == pytest.approx(self.twin(given[rows], estimates[rows], member[rows]))

    def test_is_undefined_where_what_is_given_tells_the_group(self):
        assert np.isnan(shift_at_equal(["a", "a", "b"], [1.0, 2.0, 3.0], [1, 1, 0]))
        assert np.isnan(shift_at_equal([1.0, 1.0, 2.0], [1.0, 2.0, 3.0], [1, 1, 0]))
        assert np.isnan(shift_at_equal([1.0, 2.0, 2.0], [1.0, 2.0, 3.0], [1, 1, 1]))
        assert np.isnan(shift_at_equal([], [], []))

    def test_constant_ratings_give_the_difference_of_the_means(self):
        found = shift_at_equal([2.0] * 4, [1.0, 2.0, 4.0, 6.0], [0, 0, 1, 1])
        assert found == pytest.approx(3.5)
