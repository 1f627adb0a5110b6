"""Speech by language, and correlations with axes and ratings in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from affectspace.errors import ContractError, TableError
from affectspace.evaluation import Resampling, bootstrap_interval, pearson
from affectspace.explain import across_languages, follow
from affectspace.explain.correlations import columns_of
from affectspace.explain.speech import LISTENERS, MODEL, Target, correlations, gather
from affectspace.features import FeatureTable
from made_features import feature_table
from made_voices import FEATURES, HIGH, linear_model, speech

ACTIVATION = Target("activation", MODEL)
RATED = Target("activation", LISTENERS)
QUICK = Resampling(resamples=50)
COLUMNS = len(FEATURES) + 7  # families with a direction


def without_features(table, rows):
    values, status = table.values.copy(), table.rows.copy()
    values.iloc[rows] = np.nan
    status.iloc[rows, status.columns.get_loc("status")] = "silent"
    return FeatureTable(table.spec, values, status)


def test_corpora_come_together_by_language_and_speakers_stay_apart():
    tables = {
        "one": without_features(speech("aa", n=40), [0, 1, 2]),
        "two": speech(("aa", "bb"), n=30, speakers=5, seed=1, rated=False),
    }
    found = gather(linear_model(), tables)
    assert [(one.name, one.corpora, len(one.columns)) for one in found.languages] == [
        *(("aa", ("one", "two"), 37 + 15), ("bb", ("two",), 15)),
    ]
    aa, bb = found.languages
    np.testing.assert_array_equal(found.strata, [0] * 12 + [1] * 5)
    assert set(aa.speakers) == set(range(17))
    assert set(bb.speakers) == {12, 13, 14, 15, 16}  # they speak both
    assert aa.count(ACTIVATION) == (52, 17)
    assert aa.count(RATED) == aa.count(ACTIVATION, RATED) == (37, 12)
    assert RATED not in bb.targets
    assert aa.columns.shape == (52, COLUMNS)


def test_columns_are_standardised_clipped_scored_and_centred_within_a_corpus():
    model = linear_model()
    tables = {"one": speech("aa", shift=0.5), "two": speech("aa", seed=1, shift=-2.0, n=60)}
    (language,) = gather(model, tables).languages
    parts = [model.standardise(table) for table in tables.values()]
    expected = np.concatenate([part - part.mean(axis=0) for part in parts])
    np.testing.assert_allclose(language.columns[:, : len(FEATURES)], expected, atol=1e-12)
    loudness = expected[:, [FEATURES.index(f) for f in FEATURES if "loudness_sma3_" in f][:2]]
    place = [*columns_of(gather(model, tables))["name"]].index("loudness")
    np.testing.assert_allclose(language.columns[:, place], loudness.mean(axis=1), atol=1e-12)
    estimates = [model.predict(table)["activation"] for table in tables.values()]
    centred = np.concatenate([one - one.mean() for one in estimates])
    np.testing.assert_allclose(language.targets[ACTIVATION], centred, atol=1e-12)


def test_without_a_language_a_corpus_is_one_and_without_speakers_it_has_one():
    table = speech()
    bare = FeatureTable(table.spec, table.values, table.rows.drop(columns=["language", "speaker"]))
    found = gather(linear_model(), {"mine": bare})
    assert found.languages[0].name == "mine"
    assert len(found.strata) == 1
    followed = follow(found, resampling=QUICK)
    assert followed["r"].notna().all()
    assert followed["low"].isna().all()


def test_speech_that_does_not_fit_is_refused():
    with pytest.raises(ContractError):
        gather(linear_model(), {"made": feature_table()})
    with pytest.raises(TableError, match="not one row has features"):
        gather(linear_model(), {"one": without_features(speech(n=5), range(5))})
    with pytest.raises(TableError, match="not one row has features"):
        gather(linear_model(), {})


def test_correlations_with_weights_are_those_of_repeated_rows():
    """Slow twin: every row as often as its speaker was drawn."""
    found = gather(linear_model(), {"one": speech("aa", n=60), "two": speech("aa", seed=1, n=50)})
    (language,) = found.languages
    weights = found.draws(Resampling(resamples=5))
    sums = language.sums(ACTIVATION, len(found.strata))
    for weight, row in zip(weights, correlations(sums, weights), strict=True):
        rows = np.repeat(np.arange(110), weight[language.speakers].astype(int))
        x, y = language.columns[rows], language.targets[ACTIVATION][rows]
        expected = [np.corrcoef(x[:, j], y)[0, 1] for j in range(COLUMNS)]
        np.testing.assert_allclose(row, expected, atol=1e-10)


def test_what_is_constant_or_nobody_has_no_correlation():
    table = speech()
    values = table.values.copy()
    values["jitterLocal_sma3nz_amean"] = 7.5
    found = gather(linear_model(), {"one": FeatureTable(table.spec, values, table.rows)})
    sums = found.languages[0].sums(ACTIVATION, 12)
    whole = correlations(sums, found.everyone())[0]
    constant = FEATURES.index("jitterLocal_sma3nz_amean")
    assert np.isnan(whole[constant])
    assert np.isfinite(np.delete(whole, constant)).all()
    assert np.isnan(correlations(sums, np.zeros((1, 12)))).all()


def test_draws_keep_the_number_of_speakers_of_each_corpus():
    found = gather(linear_model(), {"one": speech("aa"), "two": speech("bb", speakers=5)})
    weights = found.draws(Resampling(resamples=20))
    assert (weights[:, :12].sum(axis=1) == 12).all()
    assert (weights[:, 12:].sum(axis=1) == 5).all()
    np.testing.assert_array_equal(weights, found.draws(Resampling(resamples=20)))
    assert (weights != found.draws(Resampling(resamples=20, seed=1))).any()


def test_followed_correlations_and_intervals_are_those_of_the_evaluation():
    model, table = linear_model(), speech(speakers=9)
    found = gather(model, {"one": table})
    followed = follow(found, resampling=Resampling(resamples=200, seed=3))
    assert list(followed["kind"].drop_duplicates()) == ["family", "feature"]
    assert len(followed) == 4 * COLUMNS
    row = followed.query("axis == 'valence' and of == 'model' and name == @FEATURES[0]").iloc[0]
    x, y = model.standardise(table)[:, 0], model.predict(table)["valence"]
    assert row["r"] == pytest.approx(pearson(x, y))
    interval = bootstrap_interval(
        pearson, x, y, clusters=table.rows["speaker"], resamples=200, seed=3
    )
    assert (row["low"], row["high"]) == pytest.approx(interval)
    assert (row["rows"], row["speakers"], row["corpora"]) == (240, 9, "one")
    bare = follow(found, resampling=None)
    pd.testing.assert_series_equal(bare["r"], followed["r"])
    assert bare["low"].isna().all()


def test_across_languages_signs_are_counted():
    tables = {
        "one": speech("aa", follows=HIGH),
        "two": speech("bb", follows=HIGH, seed=1),
        "three": speech("cc", follows={name: -weight for name, weight in HIGH.items()}, seed=2),
    }
    followed = follow(gather(linear_model(), tables), resampling=Resampling(resamples=100))
    across = across_languages(followed).set_index(["axis", "of", "name"])
    pitch = across.loc[("activation", "listeners", "pitch")]
    assert tuple(pitch[["languages", "agree", "clear", "against"]]) == (3, 2, 2, 1)
    assert pitch["lowest"] < -0.7 < 0.7 < pitch["highest"]
    mine = followed.query("axis == 'activation' and of == 'listeners' and name == 'pitch'")
    assert pitch["mean"] == pytest.approx(mine["r"].mean())
    assert pitch["spread"] == pytest.approx(mine["r"].std())
    heard = across.loc[("valence", "model", "pitch")]  # the axis is made of pitch
    assert tuple(heard[["languages", "agree", "clear", "against"]]) == (3, 3, 3, 0)


def test_axes_of_any_model_can_be_followed():
    table = speech()
    bare = replace(linear_model(), spec=None)
    axes = gather(bare, {"one": table}).axes
    assert [axis.name for axis in axes] == ["activation", "valence"]
