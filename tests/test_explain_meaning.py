"""Whether an axis means the same in two languages: shown where it's so, and not where it isn't."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from affectspace.evaluation import Resampling
from affectspace.explain import Criteria, compare_languages, family_differences
from affectspace.explain.profiles import (
    Side,
    formula_profiles,
    halved,
    profiles,
    relative_similarity,
    unit,
)
from affectspace.explain.speech import LISTENERS, MODEL, Target, gather
from affectspace.features import FeatureTable
from made_voices import FEATURES, HIGH, LOUD, linear_model, speech

QUICK = Criteria(
    halvings=40, halvings_per_resample=2, formulas=60, resampling=Resampling(resamples=120)
)
LIVELY = {"mfcc1_sma3_amean": -1.0, "F1frequency_sma3nz_amean": 1.0}
RATED = Target("activation", LISTENERS)


def compared(tables, criteria=QUICK, model=None):
    return compare_languages(gather(model or linear_model(), tables), criteria)


def row(table, **values):
    chosen = table[np.all([table[name] == value for name, value in values.items()], axis=0)]
    assert len(chosen) == 1
    return chosen.iloc[0]


def test_ratings_that_follow_the_same_are_called_the_same():
    tables = {name: speech(name, n=600, speakers=20, seed=i) for i, name in enumerate("ab")}
    found = row(compared(tables), axis="activation", compared="listeners")
    assert found["verdict"] == "same"
    assert found["low"] >= 0.9
    assert found["relative"] == pytest.approx(1, abs=0.05)
    assert found["similarity"] > found["floor"]
    assert found["speakers"] == 20


def test_ratings_that_follow_other_features_are_not():
    tables = {"a": speech("a", follows=LOUD), "b": speech("b", follows=HIGH, seed=1)}
    found = row(compared(tables), axis="activation", compared="listeners")
    assert found["verdict"] == "not shown"
    assert found["relative"] < 0.5
    assert found["ceiling"] > 0.9


def test_ratings_that_share_half_are_partly_the_same():
    tables = {
        "a": speech("a", follows=LOUD | LIVELY, n=600, noise=0.5),
        "b": speech("b", follows=LOUD | HIGH, n=600, noise=0.5, seed=1),
        "c": speech("c", follows=LOUD | LIVELY, n=600, noise=0.5, seed=2),
    }
    table = compared(tables)
    half = row(table, axis="activation", compared="listeners", first="a", second="b")
    assert 0.4 < half["relative"] < 0.7
    assert half["high"] < 0.9
    assert half["verdict"] != "same"
    whole = row(table, axis="activation", compared="listeners", first="a", second="c")
    assert whole["verdict"] == "same"
    assert half["p"] > whole["p"]


def test_a_model_is_held_against_the_listeners_of_each_language():
    model = linear_model(LOUD, HIGH)  # its activation axis is loudness
    tables = {
        "a": speech("a", follows=LOUD, n=600, noise=0.5),
        "b": speech("b", follows=HIGH, n=600, noise=0.5, seed=1),
    }
    table = compared(tables, model=model)
    both = table[table["compared"] == "model with listeners"]
    assert list(both["first"]) == list(both["second"]) == ["a", "b", "a", "b"]
    assert row(both, axis="activation", first="a")["verdict"] == "same"
    assert row(both, axis="activation", first="b")["verdict"] == "not shown"
    # what the model reads as valence is what listeners of b call activation
    assert row(both, axis="activation", first="b")["other_axis"] > 0.9


def test_noise_alone_lowers_the_similarity_but_not_the_relative_one():
    quiet = {name: speech(name, noise=0.5, seed=i) for i, name in enumerate("ab")}
    noisy = {name: speech(name, noise=6.0, seed=i) for i, name in enumerate("ab")}
    one, other = (
        row(compared(tables), axis="activation", compared="listeners") for tables in (quiet, noisy)
    )
    assert other["ceiling"] < one["ceiling"] - 0.1
    assert other["similarity"] < one["similarity"]
    assert other["high"] > 0.9
    assert other["verdict"] != "same"  # too noisy to show it


def test_few_speakers_show_nothing():
    tables = {"a": speech("a", speakers=3), "b": speech("b", seed=1)}
    found = row(compared(tables), axis="activation", compared="listeners")
    assert found["verdict"] == "not shown"
    assert found["speakers"] == 3
    assert found[["similarity", "relative", "low", "high", "floor", "p"]].isna().all()


def test_one_language_has_nothing_to_compare_but_model_and_listeners():
    table = compared({"a": speech("a")})
    assert set(table["compared"]) == {"model with listeners"}
    unrated = compared({"a": speech("a", rated=False)})
    assert len(unrated) == 0
    assert "verdict" in unrated
    assert len(family_differences(gather(linear_model(), {"a": speech("a")}))) == 0


def test_any_formula_is_told_of_the_models_reading_only():
    tables = {name: speech(name, seed=i) for i, name in enumerate("ab")}
    table = compared(tables)
    assert table.loc[table["compared"] == "model", "any_formula"].between(0.3, 1).all()
    assert table.loc[table["compared"] != "model", "any_formula"].isna().all()


def test_verdicts_keep_to_the_rule():
    tables = {name: speech(name, seed=i) for i, name in enumerate("abc")}
    for criteria in (QUICK, replace(QUICK, margin=0.5), replace(QUICK, significance=1e-9)):
        table = compared(tables, criteria)
        above = table["p"] <= criteria.significance
        reached = table["low"] >= criteria.margin
        assert ((table["verdict"] == "same") == (above & reached)).all()
        assert ((table["verdict"] == "not shown") == ~above).all()


def test_a_seed_gives_the_same_figures():
    tables = {name: speech(name, seed=i, n=100) for i, name in enumerate("ab")}
    assert compared(tables).equals(compared(tables))
    other = replace(QUICK, resampling=Resampling(resamples=120, seed=1))
    assert not compared(tables).equals(compared(tables, other))


def test_blocks_change_nothing(monkeypatch):
    tables = {name: speech(name, seed=i, n=100) for i, name in enumerate("ab")}
    whole = compared(tables)
    monkeypatch.setattr("affectspace.explain.profiles._BLOCK", 1000)
    pd.testing.assert_frame_equal(compared(tables), whole)


def test_relative_similarity_is_that_of_profiles_on_rows():
    """Slow twin: correlations of the rows of each half, one halving at a time."""
    found = gather(linear_model(), {n: speech(n, seed=i, n=120) for i, n in enumerate("ab")})
    pair = tuple(Side(language, RATED, RATED) for language in found.languages)
    rng = np.random.default_rng(0)
    halves = halved(np.repeat(found.everyone(), 6, axis=0), found.strata, rng)
    sums = {side.key: side.sums(24) for side in pair}
    relative, ceiling = relative_similarity([pair], sums, halves, features=len(FEATURES), per=3)

    def profile(language, weight):
        rows = weight[language.speakers] > 0
        x, y = language.columns[rows, : len(FEATURES)], language.targets[RATED][rows]
        return np.array([np.corrcoef(one, y)[0, 1] for one in x.T])

    def cosine(one, other):
        return one @ other / np.linalg.norm(one) / np.linalg.norm(other)

    across, within = np.zeros(6), np.zeros((2, 6))
    for i in range(6):
        (a, b), (c, d) = ([profile(side.language, half[i]) for half in halves] for side in pair)
        across[i] = (cosine(a, d) + cosine(b, c)) / 2
        within[:, i] = cosine(a, b), cosine(c, d)
    for j in range(2):
        block = slice(3 * j, 3 * j + 3)
        expected = np.sqrt(within[:, block].mean(axis=1).prod())
        assert ceiling[0, j] == pytest.approx(expected)
        assert relative[0, j] == pytest.approx(across[block].mean() / expected)


def test_halves_share_nobody_and_are_even_in_each_corpus():
    strata = np.array([0] * 7 + [1] * 4)
    weights = np.random.default_rng(0).integers(0, 3, size=(200, 11)).astype(float)
    first, second = halved(weights, strata, np.random.default_rng(1))
    np.testing.assert_array_equal(first + second, weights)
    assert (first * second == 0).all()
    for corpus in (0, 1):
        mine = strata == corpus
        sizes = (first[:, mine] > 0).sum(axis=1), (second[:, mine] > 0).sum(axis=1)
        assert np.abs(sizes[0] - sizes[1]).max() == 1
    chance = (first > 0).sum(axis=0) / (weights > 0).sum(axis=0)
    np.testing.assert_allclose(chance, 0.5, atol=0.15)


def test_profiles_of_formulas_are_those_of_axes_made_of_them():
    found = gather(linear_model(LOUD, HIGH, clip=None), {"a": speech("a", n=90)})
    (language,) = found.languages
    formulas = np.column_stack([[float(name in of) for name in FEATURES] for of in (LOUD, HIGH)])
    expected = [
        profiles(language.sums(Target(axis, MODEL), 12), found.everyone(), len(FEATURES))[0]
        for axis in ("activation", "valence")
    ]
    np.testing.assert_allclose(formula_profiles(language, formulas), expected, atol=1e-6)


def test_unit_vectors():
    found = unit(np.array([[3.0, 4.0], [np.nan, 2.0], [np.nan, 0.0]]))
    np.testing.assert_allclose(found, [[0.6, 0.8], [0.0, 1.0], [np.nan, np.nan]])


def test_families_that_differ_are_found_and_others_are_not():
    tables = {
        "a": speech("a", follows=LOUD, n=600),
        "b": speech("b", follows=LOUD | HIGH, n=600, seed=1),
    }
    found = family_differences(
        gather(linear_model(), tables), resampling=Resampling(resamples=200)
    ).query("axis == 'activation' and of == 'listeners'")
    by_family = found.set_index("family")
    assert by_family.loc["pitch", "p_corrected"] < 0.001
    assert by_family.loc["pitch", "high"] < -0.5
    assert (by_family.drop("pitch")["p_corrected"] > 0.01).all()
    assert by_family.loc["pitch", "difference"] == pytest.approx(
        by_family.loc["pitch", "r_first"] - by_family.loc["pitch", "r_second"]
    )
    np.testing.assert_allclose(found["p_corrected"], stats.false_discovery_control(found["p"]))


def test_speakers_of_two_languages_are_drawn_for_both_at_once():
    """What a speaker does in both languages cancels in their difference."""
    one, other = speech("a"), speech("b")  # the same rows
    table = FeatureTable(
        one.spec, pd.concat([one.values, other.values]), pd.concat([one.rows, other.rows])
    )
    together = family_differences(gather(linear_model(), {"both": table}))
    np.testing.assert_allclose(together[["difference", "low", "high"]], 0, atol=1e-12)
    apart = family_differences(gather(linear_model(), {"one": one, "other": other})).query(
        "of == 'listeners'"
    )
    np.testing.assert_allclose(apart["difference"], 0, atol=1e-12)
    assert (apart["high"] - apart["low"] > 0.01).all()
