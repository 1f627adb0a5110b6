"""Ways compared on the same rows and the same speakers."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from affectspace.evaluation.intervals import Resampling, bootstrap_difference
from affectspace.evaluation.metrics import adjusted_r2, ccc, pearson
from affectspace.evaluation.paired import (
    METRICS,
    Answers,
    differences,
    in_words,
    means,
    scores,
)
from affectspace.evaluation.results import Setting
from affectspace.evaluation.sums import by_rows

LABELS = ["activation", "valence"]
DRAWN = Resampling(resamples=40)


def target(n=60, *, source="a", speakers=6, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(rng.uniform(1, 5, (n, 2)), columns=LABELS).assign(
        source=source, speaker=[f"s{i % speakers}" for i in range(n)]
    )


def answers(rows, *, noise, seed=0):
    """Estimates that are the ratings and noise; the space is the estimates."""
    rng = np.random.default_rng(seed)
    found = rows[LABELS] + noise * rng.normal(size=(len(rows), 2))
    return Answers(found.set_axis(["z1", "z2"], axis=1), found)


def both(rows, noises=(0.3, 1.5)):
    return {
        name: {t: answers(table, noise=noise) for t, table in rows.items()}
        for name, noise in zip(("good", "poor"), noises, strict=True)
    }


def test_scores_are_the_metrics():
    rows = {"t": target()}
    given = both(rows)
    found = scores(given, rows, resampling=DRAWN)["poor"]
    ratings, own = rows["t"]["valence"], given["poor"]["t"].estimates["valence"]
    assert found["t", "valence", "pearson"].value == pearson(ratings, own)
    assert found["t", "valence", "ccc"].value == ccc(ratings, own)
    space = given["poor"]["t"].embeddings
    assert found["t", "valence", "adjusted_r2"].value == adjusted_r2(space, ratings)
    assert found["t", "valence", "ccc"].n == 60
    assert found["t", "valence", "ccc"].speakers == 6


def test_the_draws_are_those_of_whole_speakers(monkeypatch):
    """Against the metric called on the repeated rows of each resample."""
    rows = {"t": target(n=30, speakers=5)}
    quick = scores(both(rows), rows, resampling=DRAWN)
    monkeypatch.setattr("affectspace.evaluation.paired.form_of", by_rows)
    slow = scores(both(rows), rows, resampling=DRAWN)
    for way, found in quick.items():
        for key, score in found.items():
            np.testing.assert_allclose(score.draws, slow[way][key].draws, atol=1e-9)


def test_rows_that_one_way_cannot_answer_are_left_out_for_all():
    rows = {"t": target()}
    given = both(rows)
    given["poor"]["t"].estimates.iloc[:10, 0] = np.nan
    found = scores(given, rows, resampling=DRAWN)
    assert {found[way]["t", "activation", "ccc"].n for way in found} == {50}
    assert {found[way]["t", "valence", "ccc"].n for way in found} == {60}


def test_targets_of_a_corpus_are_resampled_together_and_corpora_apart():
    table = target()
    rows = {"one": table, "two": table, "other": table.assign(source="b")}
    found = scores({"way": dict.fromkeys(rows, answers(table, noise=1))}, rows, resampling=DRAWN)
    one, two, other = (found["way"][name, "valence", "ccc"].draws for name in rows)
    np.testing.assert_array_equal(one, two)
    assert not np.allclose(one, other)


def test_a_way_is_not_different_from_itself():
    rows = {"t": target(), "u": target(source="b", seed=1)}
    same = answers(rows["t"], noise=1)
    found = scores({x: dict.fromkeys(rows, same) for x in ("one", "two")}, rows, resampling=DRAWN)
    table = differences(found, list(rows))
    assert (table[["value", "low", "high"]] == 0).all(axis=None)


def test_differences_agree_with_the_bootstrap_of_one_target():
    rows = {"t": target(n=200, speakers=20)}
    given = both(rows)
    table = differences(scores(given, rows), ["t"]).set_index(["target", "label", "metric"])
    ratings = rows["t"]["activation"]
    pairs = [(ratings, given[way]["t"].estimates["activation"]) for way in given]
    expected = bootstrap_difference(ccc, *pairs, clusters=rows["t"]["speaker"])
    found = table.loc[("t", "activation", "ccc")]
    assert found["value"] == pytest.approx(expected.value)
    assert found["low"] == pytest.approx(expected.low, abs=0.03)
    assert found["high"] == pytest.approx(expected.high, abs=0.03)
    assert found["low"] > 0


def test_a_mean_counts_each_target_once_and_has_as_few_speakers_as_the_fewest():
    rows = {"t": target(speakers=12), "u": target(n=200, source="b", speakers=3, seed=1)}
    found = scores(both(rows), rows, resampling=DRAWN)
    setting = partial(Setting, protocol="p", source="x", target="all")
    results = means(found, list(rows), lambda way: setting(model=way))
    assert len(results) == 2 * 2 * len(METRICS)
    for result in results:
        parts = [found[result.setting.model][t, result.label, result.metric] for t in rows]
        assert result.value == pytest.approx(np.mean([part.value for part in parts]))
        assert (result.n, result.speakers) == (260, 3)
        assert result.low < result.value < result.high


def test_one_speaker_gives_no_interval():
    rows = {"t": target(speakers=1)}
    table = differences(scores(both(rows), rows, resampling=DRAWN), ["t"])
    assert table[["low", "high"]].isna().all(axis=None)
    first = table.iloc[0]
    words = in_words("one", "two", "r", first[["value", "low", "high"]])
    assert words.endswith("no interval can be made.")
