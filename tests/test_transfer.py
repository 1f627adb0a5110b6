"""Scores of one model on one corpus, against the metrics called by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affectspace.errors import TableError
from affectspace.evaluation import (
    Resampling,
    Setting,
    adjusted_r2,
    adjusted_r2_pairs,
    adjusted_r2_pvalue,
    bootstrap_interval,
    ccc,
    kendall,
    pearson,
    results_table,
    score_transfer,
)

SETTING = Setting(protocol="transfer", source="iemocap", target="emodb", model="joint", seed=1)
QUICK = Resampling(resamples=50, seed=9)


@pytest.fixture
def corpus():
    """A table of 60 rows and 6 speakers, and an embedding in which both labels can be found."""
    rng = np.random.default_rng(2)
    table = pd.DataFrame(
        {
            "speaker": np.repeat(list("abcdef"), 10),
            "activation": rng.integers(2, 11, 60) / 2,
            "valence": rng.integers(2, 11, 60) / 2,
        },
        index=[f"{i}.wav" for i in range(60)],
    )
    z = table[["activation", "valence"]].to_numpy() + rng.normal(size=(60, 2))
    return z, table


def by_name(results, label):
    return {r.metric: r for r in results if r.label == label}


def test_values_are_those_of_the_metrics(corpus):
    z, table = corpus
    estimates = pd.DataFrame({"valence": z[:, 1]}, index=table.index)
    results = score_transfer(z, table, setting=SETTING, estimates=estimates, resampling=QUICK)
    activation, valence = by_name(results, "activation"), by_name(results, "valence")
    assert list(activation) == ["adjusted_r2", "p_value", "adjusted_r2_pairs", "kendall"]
    assert list(valence) == [*activation, "pearson", "ccc"]
    truth = table["valence"]
    assert valence["adjusted_r2"].value == adjusted_r2(z, truth)
    assert valence["p_value"].value == adjusted_r2_pvalue(z, truth)
    assert valence["adjusted_r2_pairs"].value == adjusted_r2_pairs(z, truth)
    assert valence["kendall"].value == kendall(truth, z.mean(axis=1))
    assert valence["pearson"].value == pearson(truth, z[:, 1])
    assert valence["ccc"].value == ccc(truth, z[:, 1])
    expected = bootstrap_interval(
        adjusted_r2, z, truth, clusters=table["speaker"], resamples=50, seed=9
    )
    assert (valence["adjusted_r2"].low, valence["adjusted_r2"].high) == expected
    assert np.isnan(valence["p_value"].low)
    assert {(r.n, r.speakers, r.setting) for r in results} == {(60, 6, SETTING)}
    assert len(results_table(results)) == 10


def test_unknown_rows_are_left_out_and_counted(corpus):
    z, table = corpus
    z[:12] = np.nan
    table.iloc[20, 1] = np.nan
    results = score_transfer(z, table, setting=SETTING, resampling=QUICK)
    assert {(r.n, r.speakers) for r in results if r.label == "activation"} == {(47, 5)}
    assert {(r.n, r.speakers) for r in results if r.label == "valence"} == {(48, 5)}


def test_labels_that_are_absent_or_never_known_are_left_out(corpus):
    z, table = corpus
    table["valence"] = np.nan
    results = score_transfer(
        z, table, setting=SETTING, labels=("activation", "valence", "dominance"), resampling=None
    )
    assert {r.label for r in results} == {"activation"}
    assert np.isnan([r.low for r in results]).all()


def test_without_speakers_there_are_values_but_no_intervals(corpus):
    z, table = corpus
    results = score_transfer(z, table.drop(columns="speaker"), setting=SETTING, resampling=QUICK)
    assert np.isfinite([r.value for r in results]).all()
    assert np.isnan([r.low for r in results]).all()


def test_nothing_answered_gives_nan(corpus):
    z, table = corpus
    results = score_transfer(z * np.nan, table, setting=SETTING, resampling=QUICK)
    assert np.isnan([r.value for r in results]).all()
    assert {r.n for r in results} == {0}


def test_rows_of_another_table_raise(corpus):
    z, table = corpus
    with pytest.raises(TableError, match="60 rows"):
        score_transfer(z[:50], table, setting=SETTING)
    frame = pd.DataFrame(z, index=table.index[::-1])
    with pytest.raises(TableError, match="index"):
        score_transfer(frame, table, setting=SETTING)
