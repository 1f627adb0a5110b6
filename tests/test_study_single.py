"""A whole recipe on one corpus, in the paper's study: same folds, same tables, and a comparison."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from affectspace import features
from affectspace.cli import app
from affectspace.errors import TableError
from affectspace.evaluation import adjusted_r2, paired
from affectspace.evaluation.reproduction import Protocol, reproduce
from affectspace.report.study import means_table, table2
from affectspace.study import Extraction, ModelRecipe, run_study
from affectspace.study.recipes import SINGLE_SOURCE
from affectspace.study.single import fit_to_one_corpus, further_model
from affectspace.training import Recipe
from affectspace.training.teacher import Teacher
from made_features import feature_table

QUICK = Recipe(epochs=20, learning_rate=1e-2, hidden=(8,), clip=3.0, noise=0.1)
RECIPE = ModelRecipe(training=QUICK, teacher=Teacher(penalty=0.3))
PROTOCOL = Protocol(objectives=("metric-act",), folds=2, recipe=Recipe(epochs=1))
NAME = "joint (made)"


@pytest.fixture(scope="module")
def corpora():
    words = ("anger", "happiness", "neutral", "sadness", "frustration")
    return {
        "iemocap": feature_table("iemocap", 120, speakers=4, emotions=words),
        "far": feature_table("far", 60, speakers=5, seed=1),
        "third": feature_table("third", 40, speakers=4, seed=2),
    }


@pytest.fixture(scope="module")
def found(corpora):
    further = {NAME: further_model(RECIPE)}
    return reproduce("iemocap", corpora, protocol=PROTOCOL, further=further)


def test_the_folds_are_the_same_and_the_published_figures_too(found, corpora):
    alone = reproduce("iemocap", corpora, protocol=PROTOCOL)
    assert alone.comparison.empty
    same = found.results[found.results["model"] == "metric-act"].reset_index(drop=True)
    pd.testing.assert_frame_equal(same, alone.results)
    folds = {
        name: [one.held_out for one in found.trained if one.objective == name]
        for name in ("metric-act", NAME)
    }
    for first, second in zip(*folds.values(), strict=True):
        np.testing.assert_array_equal(first, second)
    assert set(found.embeddings["model"]) == {"metric-act", NAME}


def test_the_recipe_tells_more_than_a_network_of_one_epoch(found):
    means = means_table(found.results).set_index("model")
    assert means.loc[NAME, "activation"] > means.loc["metric-act", "activation"] + 0.1
    long = table2(found.results).query("corpus != 'iemocap' and label == 'valence'")
    by_hand = long.groupby("model")["mean"].mean()
    assert means["valence"].to_dict() == pytest.approx(by_hand.to_dict())


def test_the_comparison_is_of_means_over_folds(found, corpora):
    rows = found.comparison
    assert set(zip(rows["first"], rows["second"], strict=True)) == {(NAME, "metric-act")}
    assert set(rows["metric"]) == {"adjusted_r2"}
    assert set(rows["target"]) == {"far", "third", paired.MEAN}
    assert rows.set_index(["target", "label"])["n"]["far", "activation"] == 60

    def by_hand(name, corpus):
        table = corpora[corpus]
        scores = [
            adjusted_r2(one.model.encode(table), table.rows["activation"])
            for one in found.trained
            if one.objective == name
        ]
        return np.mean(scores)

    apart = {name: by_hand(NAME, name) - by_hand("metric-act", name) for name in ("far", "third")}
    apart[paired.MEAN] = np.mean(list(apart.values()))
    mine = rows[rows["label"] == "activation"].set_index("target")
    assert mine["value"].to_dict() == pytest.approx(apart, abs=1e-5)
    assert (mine["low"] <= mine["value"]).all()
    assert (mine["value"] <= mine["high"]).all()


@pytest.mark.parametrize("split", ["class", "speaker"])
def test_what_a_recipe_may_learn_from(corpora, split):
    seen = []

    def spy(table, rows, seeds):
        seen.append((table, rows))
        return [fit_to_one_corpus(table, own, RECIPE) for own in rows]

    protocol = replace(PROTOCOL, split=split)
    found = reproduce("iemocap", corpora, protocol=protocol, further={"spy": spy})
    ((table, rows),) = seen
    emotion, speaker = (table.rows[name].to_numpy() for name in ("emotion", "speaker"))
    of_study = np.flatnonzero(emotion != "frustration")
    for one in (one for one in found.trained if one.objective == "spy"):
        own, held_out = rows[one.fold], of_study[one.held_out]
        assert not set(own) & set(held_out)
        assert "frustration" in set(emotion[own])
        if split == "speaker":
            assert not set(speaker[own]) & set(speaker[held_out])
        else:
            assert set(own) | set(held_out) == set(range(120))


def test_habits_of_speakers_are_not_learned(corpora):
    table = corpora["iemocap"]
    rows, speakers = np.arange(len(table)), table.rows["speaker"]
    shifts = speakers.map({name: i for i, name in enumerate(speakers.unique())})
    shifted = replace(table, rows=table.rows.assign(activation=table.rows["activation"] + shifts))
    one, other = (fit_to_one_corpus(each, rows, RECIPE) for each in (table, shifted))
    np.testing.assert_allclose(one.encode(table), other.encode(table), atol=1e-3)


def test_estimates_follow_the_ratings(corpora):
    table = corpora["iemocap"]
    model = fit_to_one_corpus(table, np.arange(len(table)), RECIPE)
    estimates = model.estimate(model.encode(table))
    for label in ("activation", "valence"):
        assert estimates[label].mean() == pytest.approx(table.rows[label].mean(), abs=0.05)


def test_rows_without_a_rating_are_left_out(corpora):
    table = corpora["iemocap"]
    holed = table.rows["valence"].where(np.arange(len(table)) % 3 > 0)
    some = replace(table, rows=table.rows.assign(valence=holed))
    known = np.flatnonzero(holed.notna())
    one = fit_to_one_corpus(some, np.arange(len(table)), RECIPE)
    np.testing.assert_allclose(
        one.encode(table), fit_to_one_corpus(table, known, RECIPE).encode(table)
    )
    bare = replace(table, rows=table.rows.assign(valence=np.nan))
    with pytest.raises(TableError, match="no row has activation and valence"):
        fit_to_one_corpus(bare, np.arange(len(table)), RECIPE)


def test_names_must_differ(corpora):
    with pytest.raises(ValueError, match="names of their own, not metric-act"):
        reproduce(
            "iemocap",
            corpora,
            protocol=PROTOCOL,
            further={"metric-act": further_model(RECIPE)},
        )


def test_without_a_target_there_is_nothing_to_compare(corpora):
    one = {"iemocap": corpora["iemocap"]}
    found = reproduce("iemocap", one, protocol=PROTOCOL, further={NAME: further_model(RECIPE)})
    assert found.comparison.empty
    assert set(found.results["model"]) == {"metric-act", NAME}


@pytest.fixture
def paths(tmp_path):
    spec = features.spec("egemaps-lld")
    feature_table("near", 48, spec=spec).write(tmp_path / "near.parquet")
    feature_table("far", 30, spec=spec, speakers=5, seed=1).write(tmp_path / "far.parquet")
    return {name: tmp_path / f"{name}.parquet" for name in ("near", "far")}


def reproduce_command(paths, output, *more):
    arguments = [
        *("reproduce", "--source", f"near={paths['near']}", "--target", f"far={paths['far']}"),
        *("--features", "egemaps-lld", "--no-cache", "--folds", "2", "--epochs", "2"),
        *("--objective", "metric-act", "--output", str(output), *more),
    ]
    return CliRunner().invoke(app, arguments)


def test_the_command_compares_recipes(paths, tmp_path):
    output = tmp_path / "out"
    result = reproduce_command(paths, output, "--recipe", "published", "--recipe", "default")
    assert result.exit_code == 0, result.stderr
    assert "| joint (default) |" in result.stdout
    compared = (output / "comparison.md").read_text()
    assert result.stdout.endswith(compared)
    assert "joint (default) " in compared.split("- ")[-1]
    assert pd.read_csv(output / "comparison.csv")["first"].unique() == ["joint (default)"]
    config = json.loads((output / "config.json").read_text())
    training = config["recipes"]["joint (default)"]["training"]
    assert training["clip"] == SINGLE_SOURCE["default"].training.clip
    page = (output / "report.html").read_text()
    assert "joint (default)" in page
    assert "Mean over the targets" in page


def test_the_command_refuses_a_recipe_that_is_none(paths, tmp_path):
    result = reproduce_command(paths, tmp_path / "out", "--recipe", "best")
    assert result.exit_code == 2
    assert "choose among published, default" in result.stderr


@pytest.mark.real
def test_on_iemocap_the_recipe_transfers_better(tmp_path, data_root):
    """Real corpora, fewer rows and folds than in the docs so that it stays short."""
    found = run_study(
        ("iemocap", data_root / "features" / "iemocap.parquet"),
        {name: data_root / "corpora" / name for name in ("emodb", "urdu")},
        output=tmp_path,
        labels=data_root / "labels" / "dtu",
        extraction=Extraction(features="egemaps-lld"),
        protocol=Protocol(objectives=("metric-act",), folds=2, recipe=Recipe(epochs=30)),
        recipes=SINGLE_SOURCE,
    )
    means = means_table(found.results).set_index("model")["activation"]
    assert means["joint (default)"] > means["metric-act"]
