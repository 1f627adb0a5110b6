"""What is said about each rater."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from affectspace.annotation import LIMITS, Limits, agree, check_ratings, rater_quality, tidy
from affectspace.annotation.quality import repeated
from affectspace.annotation.words import summary
from affectspace.tables import utterance_index
from made_ratings import as_ratings, crossed


def study(n=100, seed=0):
    """Three raters who rate n items in an order of their own, in half steps."""
    rng = np.random.default_rng(seed)
    matrix = (2 * crossed(n, 3, rater=0.1, rest=0.3, seed=seed).clip(1, 5)).round() / 2
    ratings = as_ratings(matrix)
    order = [rng.permutation(n) for _ in range(3)]
    return ratings.assign(order=np.concatenate(order), seconds=4.0, duration=2.5)


def of(rater, ratings):
    return (ratings["rater"] == rater).to_numpy()


def test_by_hand():
    rows = pd.DataFrame(
        [("a", "x", 1), ("b", "x", 1), ("c", "x", 4), ("a", "y", 2), ("b", "y", 2), ("c", "y", 2)],
        columns=["item", "rater", "value"],
    ).assign(label="activation")
    found = rater_quality(rows, "activation")
    x = found.loc["x"]
    assert (x["n"], x["mean"], x["mode"], x["others_n"]) == (3, 2, 1, 3)
    assert x["sd"] == pytest.approx(np.sqrt(3))
    assert x["modal_share"] == pytest.approx(2 / 3)
    assert x["others_offset"] == 0
    assert x["others_difference"] == pytest.approx(4 / 3)
    assert np.isnan(x["others_r"])  # y said one thing throughout
    assert np.isnan(x[["drift", "hurried", "repeat_r"]].astype(float)).all()
    assert found["flags"].tolist() == ["", ""]  # too few ratings to say


def test_a_sound_study_raises_no_flag():
    found = rater_quality(study(), "activation")
    assert found["flags"].tolist() == ["", "", ""]
    assert found["hurried"].tolist() == [0, 0, 0]
    assert found["timed"].tolist() == [100] * 3
    assert (found["others_r"] > 0.8).all()


def test_drift_is_the_slope_over_the_raters_own_order():
    ratings = study()
    late = ratings["order"].to_numpy() * 0.015 * of("r1", ratings)
    drifting = ratings.assign(value=(ratings["value"] + late).clip(1, 5))
    found = rater_quality(drifting, "activation")
    assert found.loc["r1", "flags"] == "drifts"
    assert 1 < found.loc["r1", "drift"] < 1.6
    assert found.loc["r1", "drift_low"] < found.loc["r1", "drift"] < found.loc["r1", "drift_high"]
    pivot = drifting.pivot_table(index="item", columns="rater", values="value")
    when = drifting.pivot_table(index="item", columns="rater", values="order")["r1"]
    deviation = pivot["r1"] - pivot[["r0", "r2"]].mean(axis="columns")
    line = stats.linregress(when, deviation)
    half = line.stderr * stats.t.ppf(0.975, 98)
    expected = 100 * np.array([line.slope, line.slope - half, line.slope + half])
    got = found.loc["r1", ["drift", "drift_low", "drift_high"]].astype(float)
    np.testing.assert_allclose(got, expected)


def test_drift_and_flags_stand_in_the_tidy_table_and_in_words():
    ratings = study()
    late = ratings["order"].to_numpy() * 0.015 * of("r1", ratings)
    drifting = ratings.assign(value=(ratings["value"] + late).clip(1, 5))
    found = agree(drifting, "activation", resamples=0)
    table = tidy([found]).set_index(["statistic", "rater"])
    row, expected = table.loc[("drift", "r1")], found.quality.loc["r1"]
    assert (row["value"], row["low"], row["high"]) == (
        *(expected["drift"], expected["drift_low"], expected["drift_high"]),
    )
    assert row["n"] == 100
    assert table.loc["flags", "note"].to_dict() == {"r1": "drifts"}
    assert table.loc[("hurried", "r0"), "value"] == 0
    lines = summary(found)
    (header,) = [line for line in lines if line.startswith("rater ")]
    assert header.endswith("look at")
    assert [line.split()[-1] for line in lines[-3:]] == ["-", "drifts", "-"]


def test_times_stand_for_an_order_and_only_their_order_counts():
    ratings = study()
    found = rater_quality(ratings, "activation")
    stretched = rater_quality(ratings.assign(order=ratings["order"] ** 2 + 1e9), "activation")
    pd.testing.assert_frame_equal(found, stretched)


def test_one_value_disagreement_and_haste_are_flagged():
    ratings = study()
    lazy = np.where(of("r0", ratings) & (ratings["order"] > 20), 3.0, ratings["value"])
    turned = np.where(of("r2", ratings), 6 - lazy, lazy)
    quick = np.where(of("r2", ratings) & (ratings["order"] < 30), 1.0, ratings["seconds"])
    found = rater_quality(ratings.assign(value=turned, seconds=quick), "activation")
    assert "one value" in found.loc["r0", "flags"].split(";")
    assert found.loc["r2", "flags"] == "disagrees;hurries"
    assert found.loc["r2", "hurried"] == 0.3
    assert found.loc["r1", "flags"] == "disagrees"  # with the two others, it is alone
    loose = Limits(agreement=-1.0, hurried=0.5, modal_share=1.0)
    again = rater_quality(ratings.assign(value=turned, seconds=quick), "activation", limits=loose)
    assert again["flags"].tolist() == ["", "", ""]


def test_the_span_tells_its_duration():
    index = utterance_index(["a.wav"] * 3, [0, 1, 2], [1, 2, None])
    ratings = pd.DataFrame({"value": 3.0, "seconds": [0.5, 1.5, 0.1]}, index=index)
    found = rater_quality(ratings.assign(rater="x", label="valence"), "valence")
    assert (found.loc["x", "timed"], found.loc["x", "hurried"]) == (2, 0.5)


def test_repeats_tell_how_steady_a_rater_is():
    ratings = study(40)
    some = ratings[of("r0", ratings)].iloc[:10]
    off = np.where(np.arange(10) < 6, 0.5, -0.5)
    again = some.assign(value=(some["value"] + off).clip(1, 5), order=some["order"] + 1000)
    both = pd.concat([ratings, again], ignore_index=True)
    unmarked = rater_quality(both, "activation")
    marked = rater_quality(both.assign(repeat=both.index >= len(ratings)), "activation")
    pd.testing.assert_frame_equal(unmarked, marked)
    row = marked.loc["r0"]
    assert row["n"] == 40
    assert row["repeats"] == 10
    clipped = np.abs(again["value"].to_numpy() - some["value"].to_numpy())
    assert row["repeat_difference"] == pytest.approx(clipped.mean())
    assert row["repeat_r"] == pytest.approx(np.corrcoef(some["value"], again["value"])[0, 1])
    assert marked["repeats"].tolist() == [10, 0, 0]
    strict = Limits(repeat_difference=0.4)
    found = rater_quality(both, "activation", limits=strict)
    assert found["flags"].tolist() == ["inconsistent", "", ""]
    assert LIMITS.repeat_difference == 1


def test_each_further_repeat_is_compared_with_the_first():
    rows = pd.DataFrame({"value": [1.0, 2.0, 4.0, 3.0], "order": [3, 5, 9, 1]})
    rows = rows.assign(item=["a", "a", "a", "b"], rater="x", label="valence")
    found = repeated(check_ratings(rows))
    assert found[["first", "again"]].to_numpy().tolist() == [[1, 2], [1, 4]]


def test_a_repeat_whose_first_is_gone_is_a_rating():
    rows = pd.DataFrame({"item": ["a", "b"], "rater": "x", "label": "valence", "value": [2.0, 3.0]})
    rows["repeat"] = [True, False]
    found = rater_quality(rows, "valence")
    assert found.loc["x", ["n", "repeats"]].tolist() == [2, 0]


def test_where_ratings_are_missing_the_others_offsets_are_taken_out():
    """r3 rates no lower than anyone, but only what the lenient r0 rated as well."""
    rng = np.random.default_rng(0)
    truth = rng.normal(3, 0.7, 200)
    matrix = pd.DataFrame(truth[:, None] + 0.2 * rng.normal(size=(200, 4)))
    matrix.columns = ["r0", "r1", "r2", "r3"]
    matrix["r0"] += 1
    matrix.loc[100:, "r0"] = np.nan
    matrix.loc[:99, ["r2"]] = np.nan
    matrix.loc[100:, "r3"] = np.nan
    matrix.index = [f"{i}" for i in range(200)]
    found = rater_quality(as_ratings(matrix), "activation")
    assert found.loc["r0", "others_offset"] > 0.7
    spread = found.loc[["r1", "r2", "r3"], "others_offset"]
    assert np.ptp(spread) < 0.15
