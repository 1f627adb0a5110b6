"""Protocols 2 and 3 from feature tables to a folder of results."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from affectspace import features
from affectspace.errors import TableError
from affectspace.study.evaluate import run_evaluation
from affectspace.study.evaluated import FEW_LABELS, Settings
from affectspace.study.inputs import Extraction, read_corpora
from affectspace.study.languages import PROTOCOL
from affectspace.study.material import gather
from affectspace.study.recipes import ModelRecipe
from affectspace.study.rivals import NETWORKS, RIVALS, rival
from affectspace.study.selection import choose, tasks_of
from affectspace.study.ways import Way, network_way, ready_way, recipe_way
from affectspace.training import Recipe
from made_features import feature_table

SPEC = features.spec("egemaps-lld")
EXTRACTION = Extraction(features="egemaps-lld", jobs=1, cache=False)
PLAIN = ModelRecipe(features="egemaps-lld", training=Recipe(epochs=20, learning_rate=3e-3, clip=4))
LABELS = ["activation", "valence"]
WRITTEN = {
    *("results.csv", "comparison.csv", "choices.csv", "summary.md", "settings.json"),
    *("transfer.png", "few-labels.png", "report.html"),
}


def write_tables(folder, *, bilingual=True):
    """Two corpora of a language each, one of two languages, and one that is only categories."""
    paths = {}
    for seed, name in enumerate(("alpha", "beta", "gamma", "delta")):
        table = feature_table(name, 72, spec=SPEC, seed=seed)
        languages = {"alpha": ["de"], "beta": ["ur"], "gamma": ["da", "en"], "delta": ["en"]}[name]
        languages = languages if bilingual else languages[:1]
        rows = table.rows.assign(
            language=np.repeat(languages, 72 // len(languages)), corpus=name, duration=2.0
        )
        if name == "delta":
            rows = rows.drop(columns=LABELS)
        paths[name] = folder / f"{name}.parquet"
        replace(table, rows=rows).write(paths[name])
    return paths


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return write_tables(tmp_path_factory.mktemp("corpora"))


@pytest.fixture(scope="module")
def material(paths):
    return gather(
        list(read_corpora(paths.items(), extraction=EXTRACTION).values()), extraction=EXTRACTION
    )


def quick(name):
    """A rival with two settings and few epochs."""
    way = rival(name, PLAIN)
    return replace(way, choices=dict(list(way.choices.items())[1:3]))


@pytest.fixture(scope="module")
def evaluation(paths, tmp_path_factory):
    output = tmp_path_factory.mktemp("evaluation") / "deep" / "folder"
    found = run_evaluation(
        paths,
        [recipe_way("joint", PLAIN), quick("ridge"), quick("unsupervised")],
        output=output,
        settings=Settings(draws=3, sizes=(0, 10, 1000)),
        cache=False,
        notice="All made up.",
    )
    return output, found


def test_everything_is_written(evaluation):
    output, _ = evaluation
    assert {path.name for path in output.iterdir()} == WRITTEN
    assert (output / "transfer.png").read_bytes().startswith(b"\x89PNG")


def test_targets_are_languages_and_whole_corpora(evaluation):
    results = evaluation[1].results
    wanted = {"alpha", "beta", "gamma-da", "gamma-en", "gamma"}
    assert set(results["target"]) == {*wanted, "all"}
    assert set(results["model"]) == {"joint", "ridge", "unsupervised"}
    few = results[results["protocol"] == FEW_LABELS]
    assert set(few["metric"]) == {"ccc_0_labels", "ccc_10_labels"}
    assert few.groupby("metric")["transductive"].first().tolist() == [False, True]
    assert set(few["target"]) == wanted


def test_a_source_never_shares_language_or_corpus_with_its_target(evaluation):
    results = evaluation[1].results
    met = results[results["protocol"] == PROTOCOL].groupby("target")["source"].unique()
    assert met["alpha"].tolist() == ["beta+gamma+delta"]
    assert met["gamma-da"].tolist() == ["alpha+beta+delta"]
    assert met["gamma-en"].tolist() == ["alpha+beta"]
    warnings = evaluation[1].warnings
    assert any(w.startswith("gamma: delta stays among the sources and is in en") for w in warnings)


def test_what_can_be_learned_is_learned(evaluation):
    results = evaluation[1].results
    means = results[results["target"] == "all"].set_index(["model", "label", "metric"])["value"]
    assert means["ridge", "activation", "pearson"] > 0.9
    assert means["joint", "activation", "pearson"] > 0.8
    few = results[results["metric"] == "ccc_10_labels"].set_index(["model", "target", "label"])
    assert few.loc[("ridge", "alpha", "activation"), "value"] > 0.7


def test_the_mean_is_over_languages_each_once(evaluation):
    results = evaluation[1].results
    chosen = results[
        (results["model"] == "ridge")
        & (results["label"] == "valence")
        & (results["metric"] == "adjusted_r2")
    ].set_index("target")["value"]
    parts = ["alpha", "beta", "gamma-da", "gamma-en"]
    assert chosen["all"] == pytest.approx(chosen[parts].mean())


def test_differences_are_differences_of_the_results(evaluation):
    found = evaluation[1]
    value = found.results.set_index(["model", "target", "label", "metric"])["value"]
    assert len(found.comparison) == 3 * 6 * 2 * 3
    for row in found.comparison.to_dict("records"):
        key = row["target"], row["label"], row["metric"]
        difference = value[row["first"], *key] - value[row["second"], *key]
        assert row["value"] == pytest.approx(difference)
        assert row["low"] <= row["value"] <= row["high"]


def test_settings_hold_what_was_chosen_and_from_what(evaluation):
    config = json.loads((evaluation[0] / "settings.json").read_text())
    assert set(config["chosen"]["ridge"]) == {"alpha", "beta", "gamma-da", "gamma-en", "gamma"}
    assert set(config["chosen"]["ridge"].values()) <= set(config["ways"]["ridge"]["choices"])
    assert {len(read["sha256"]) for read in config["inputs"].values()} == {64}
    assert config["features"] == {"egemaps-lld": SPEC.hash}
    choices = pd.read_csv(evaluation[0] / "choices.csv")
    best = choices[choices["model"] == "ridge"].groupby("target")["inner"].max()
    taken = choices[(choices["model"] == "ridge") & (choices["choice"] == choices["setting"])]
    assert taken.set_index("target")["inner"].sort_index().tolist() == best.tolist()


def test_markdown_and_page_say_the_same(evaluation):
    text = (evaluation[0] / "summary.md").read_text()
    page = (evaluation[0] / "report.html").read_text()
    for words in ("All made up.", "gamma-da", "unsupervised, n = 10", evaluation[1].warnings[0]):
        assert words in text
        assert words in page


@pytest.mark.parametrize("name", RIVALS)
def test_no_rating_and_no_row_of_a_target_changes_what_is_made_for_it(material, name):
    """The slow, independent check: spoil all that must not be met, and nothing may change."""
    way = quick(name)
    if name not in ("ridge", "svr", "teacher"):
        training = replace(way.recipe.training, epochs=2)
        recipes = {
            choice: replace(way.recipe, training=replace(training, hidden=NETWORKS[choice].hidden))
            for choice in way.choices
        }
        way = network_way(name, recipes)
    tasks = [t for t in tasks_of(material.rows) if t.name in ("alpha", "gamma-en")]
    honest = choose(way, material, tasks)
    rng = np.random.default_rng(1)
    for task in tasks:
        banned = material.rows["source"].isin(task.gone).to_numpy()
        assert (
            set(material.rows.loc[task.rows, "language"])
            & set(material.rows.loc[~banned, "language"])
            == set()
        )
        values, rows = material.values.copy(), material.rows.copy()
        values[banned] = rng.normal(50, 9, values[banned].shape)
        for label in LABELS:
            rows.loc[banned & rows[label].notna(), label] = 1 + 4 * rng.random(
                (banned & rows[label].notna()).sum()
            )
        spoiled = choose(way, replace(material, values=values, rows=rows), [task])[task.name]
        assert spoiled.choice == honest[task.name].choice
        assert spoiled.inner == pytest.approx(honest[task.name].inner)
        x = material.as_recorded[task.rows]
        pd.testing.assert_frame_equal(
            spoiled.scorer.predict(x), honest[task.name].scorer.predict(x)
        )


def test_a_way_is_asked_for_nothing_that_shares_with_its_target(material):
    """Written down by the way itself: which rows each scorer could be made from."""
    asked = []

    class Constant:
        labels = ("activation", "valence")

        def encode(self, x):
            return np.zeros((len(x), 2))

        def predict(self, x):
            return pd.DataFrame(np.full((len(x), 2), 3.0), columns=LABELS)

    def fit(given, gone):
        asked.extend(gone)
        return [Constant() for _ in gone]

    tasks = tasks_of(material.rows)
    choose(Way(name="constant", choices={"one": fit, "two": fit}), material, tasks)
    for task in tasks:
        for gone in (task.gone, *(inner.gone for inner in task.inner)):
            assert gone in asked
            left = material.rows[~material.rows["source"].isin(gone)]
            own = material.rows[task.rows]
            assert not set(left["speaker"]) & set(own["speaker"])
            assert not set(left["source"]) & set(own["source"])
            assert not task.single or not set(left["language"]) & set(own["language"])
        for inner in task.inner:
            left = material.rows[~material.rows["source"].isin(inner.gone)]
            assert not set(left["language"]) & set(material.rows.loc[inner.rows, "language"])


def test_a_ready_model_is_warned_of_where_it_was_trained(paths, material, tmp_path):
    (scorer,) = recipe_way("joint", PLAIN).choices[""](material, [frozenset({"beta"})])
    record = {"sources": {"alpha": {}}, "languages": ["de", "da"], "sha256": {}}
    model = replace(scorer, record={**scorer.record, **record})
    found = run_evaluation(
        {name: paths[name] for name in ("alpha", "beta", "gamma")},
        [ready_way("shipped", model)],
        output=tmp_path,
        settings=Settings(protocols=(2,)),
        cache=False,
    )
    said = "\n".join(found.warnings)
    assert "shipped was trained on alpha: on alpha it meets rows and speakers" in said
    assert "shipped was trained on speech in da: on gamma-da its scores" in said
    assert "on beta" not in said
    assert set(found.results["source"]) == {"alpha"}
    assert found.comparison.empty


def test_one_rated_language_is_too_few(paths, tmp_path):
    with pytest.raises(TableError, match="needs ratings in at least 2; rated are alpha"):
        run_evaluation({"alpha": paths["alpha"]}, [quick("ridge")], output=tmp_path, cache=False)
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_is_not_there_is_named(material):
    with pytest.raises(TableError, match="no target omega; rated are alpha, beta, gamma-da"):
        tasks_of(material.rows, wanted=["omega"])


def test_two_languages_leave_nothing_to_choose_on(tmp_path):
    paths = write_tables(tmp_path, bilingual=False)
    found = run_evaluation(
        {name: paths[name] for name in ("alpha", "beta")},
        [quick("ridge")],
        output=tmp_path / "out",
        settings=Settings(protocols=(2,)),
        cache=False,
    )
    assert any("no language remains to choose a setting on" in w for w in found.warnings)
    assert found.choices["inner"].isna().all()


def test_a_corpus_that_is_rated_for_one_label_counts_for_that_label_alone(paths, tmp_path):
    table = features.FeatureTable.read(paths["beta"])
    half = tmp_path / "beta.parquet"
    replace(table, rows=table.rows.drop(columns="valence")).write(half)
    found = run_evaluation(
        {"alpha": paths["alpha"], "beta": half, "gamma": paths["gamma"]},
        [quick("ridge"), quick("unsupervised")],
        output=tmp_path / "out",
        settings=Settings(draws=2, sizes=(0, 10)),
        cache=False,
    )
    results = found.results[found.results["model"] == "ridge"]
    beta = results[results["target"] == "beta"]
    assert set(beta["label"]) == {"activation"}
    assert set(beta["protocol"]) == {PROTOCOL}
    r = results[(results["label"] == "valence") & (results["metric"] == "pearson")]
    r = r.set_index("target")["value"]
    assert r["all"] == pytest.approx(r[["alpha", "gamma-da", "gamma-en"]].mean())
    apart = found.comparison.query("target == 'all' and label == 'valence'")
    assert apart["value"].notna().all()
