"""The study from paths to a folder of results, and single models from paths to a model folder."""

import json
import logging
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affectspace import features, plots
from affectspace.errors import ContractError, CorpusError, TableError
from affectspace.evaluation import read_results
from affectspace.evaluation.reproduction import Protocol
from affectspace.model import OBJECTIVES, load_model
from affectspace.report.study import table1, table2
from affectspace.study import Extraction, ModelRecipe, read_corpus, run_study, train_model
from affectspace.synthesis import CORPORA, write_corpora
from affectspace.tables import read_table, write_table
from affectspace.training import Recipe, Run, train
from made_features import feature_table

SPEC = features.spec("egemaps-lld")
EXTRACTION = Extraction(features="egemaps-lld", jobs=1, cache=False)
RECIPE = Recipe(epochs=2, learning_rate=1e-3)
MODEL_RECIPE = ModelRecipe(features="egemaps-lld", training=RECIPE)
PROTOCOL = Protocol(objectives=("unsupervised", "metric-act"), folds=2, recipe=RECIPE)
WRITTEN = {
    *("table1.csv", "table1.md", "table2.csv", "table2.md"),
    *("figure3.png", "figure3.svg", "loss.png", "intervals.png"),
    *("results.parquet", "embeddings.parquet", "config.json", "report.html"),
}


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Feature tables of two corpora: Parquet with its contract, CSV without."""
    folder = tmp_path_factory.mktemp("features")
    feature_table("near", 48, spec=SPEC).write(folder / "near.parquet")
    feature_table("far", 30, spec=SPEC, speakers=5, seed=1).write(folder / "far.csv")
    return {"near": folder / "near.parquet", "far": folder / "far.csv"}


@pytest.fixture(scope="module")
def study(paths, tmp_path_factory):
    output = tmp_path_factory.mktemp("study") / "deep" / "folder"
    found = run_study(
        ("near", paths["near"]),
        {"far": paths["far"]},
        output=output,
        extraction=EXTRACTION,
        protocol=PROTOCOL,
        notice="All made up.",
    )
    return output, found


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """A folder with a few recordings and their utterance table, and the table's path."""
    recipe = replace(CORPORA[0], n_utterances=8, n_speakers=2, durations=(0.6, 0.7))
    folder = write_corpora(tmp_path_factory.mktemp("sound"), recipes=[recipe])[recipe.name]
    return folder / "utterances.csv"


def test_everything_is_written(study):
    output, _ = study
    assert {path.name for path in output.iterdir()} == WRITTEN
    assert all(path.stat().st_size > 0 for path in output.iterdir())
    for name in ("figure3.png", "loss.png", "intervals.png"):
        assert (output / name).read_bytes().startswith(b"\x89PNG")


def test_the_files_hold_what_was_found(study):
    output, found = study
    pd.testing.assert_frame_equal(read_results(output / "results.parquet"), found.results)
    pd.testing.assert_frame_equal(pd.read_parquet(output / "embeddings.parquet"), found.embeddings)
    table = pd.read_csv(output / "table2.csv")
    assert set(table["corpus"]) == {"near", "far"}
    assert len(table) == 8
    assert table["count"].eq(2).all()
    text = (output / "table2.md").read_text()
    assert "| metric-act |" in text
    assert "All made up." in text
    assert found.warnings[0] in text
    page = (output / "report.html").read_text()
    assert "All made up." in page
    assert "near activation" in page


def test_the_configuration_holds_settings_versions_and_hashes(study, paths):
    config = json.loads((study[0] / "config.json").read_text())
    assert (config["source"], config["targets"]) == ("near", ["far"])
    assert config["protocol"]["folds"] == 2
    assert config["protocol"]["objectives"] == ["unsupervised", "metric-act"]
    assert config["protocol"]["recipe"]["learning_rate"] == 1e-3
    assert config["protocol"]["recipe"]["batch_size"] == 64
    assert config["extraction"]["features"] == "egemaps-lld"
    assert config["versions"]["torch"] == metadata.version("torch")
    assert config["feature_spec"]["features"] == list(SPEC.features)
    assert config["notice"] == "All made up."
    hashes = {name: read["sha256"] for name, read in config["inputs"].items()}
    assert {name: len(value) for name, value in hashes.items()} == {"near": 64, "far": 64}
    assert hashes["near"] == read_corpus("near", paths["near"], extraction=EXTRACTION).digest
    assert config["inputs"]["far"]["path"] == str(paths["far"])


def test_a_run_that_fails_leaves_the_folder_as_it_was(paths, tmp_path, monkeypatch):
    (tmp_path / "table1.csv").write_text("old")
    (tmp_path / "mine.txt").write_text("mine")

    def fail(*_, **__):
        raise RuntimeError("no more paper")

    monkeypatch.setattr(plots, "intervals", fail)  # by then, tables and config are written
    with pytest.raises(RuntimeError, match="no more paper"):
        run_study(
            ("near", paths["near"]), {}, output=tmp_path, extraction=EXTRACTION, protocol=PROTOCOL
        )
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "table1.csv": "old",
        "mine.txt": "mine",
    }


def test_files_of_the_same_names_are_replaced(paths, tmp_path):
    (tmp_path / "table1.csv").write_text("old")
    (tmp_path / "mine.txt").write_text("mine")
    protocol = replace(PROTOCOL, objectives=("unsupervised",))
    run_study(
        ("near", paths["near"]), {}, output=tmp_path, extraction=EXTRACTION, protocol=protocol
    )
    assert {path.name for path in tmp_path.iterdir()} == {*WRITTEN, "mine.txt"}
    assert (tmp_path / "table1.csv").read_text() != "old"
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert "held-out folds only" in (tmp_path / "report.html").read_text()


def test_an_output_that_is_no_folder_fails_before_training(paths, tmp_path, monkeypatch):
    def never(*_, **__):
        raise AssertionError("trained for nothing")

    monkeypatch.setattr("affectspace.study.run.reproduce", never)
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        run_study(("near", paths["near"]), {}, output=tmp_path / "file", extraction=EXTRACTION)


@pytest.mark.parametrize("names", [("near", "near"), ("emodb", "EMO-DB")])
def test_a_corpus_given_twice(names, tmp_path):
    table = feature_table("near", 30, spec=SPEC, language="de")
    table.write(tmp_path / "near.parquet")
    source, target = ((name, tmp_path / "near.parquet") for name in names)
    with pytest.raises(CorpusError, match="given twice"):
        run_study(source, dict([target]), output=tmp_path / "out", extraction=EXTRACTION)
    assert not (tmp_path / "out").exists()


def test_a_path_that_is_not_there(tmp_path):
    with pytest.raises(CorpusError, match=r"near: there is no folder and no table at .*nowhere"):
        run_study(("near", tmp_path / "nowhere"), {}, output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_of_an_unknown_corpus(tmp_path):
    with pytest.raises(CorpusError, match="near"):
        read_corpus("near", tmp_path)


def test_parquet_and_csv_hold_the_same(paths, tmp_path):
    table = feature_table("near", 48, spec=SPEC)
    table.write(tmp_path / "near.csv")
    one, other = (
        read_corpus("near", path, extraction=EXTRACTION).table
        for path in (paths["near"], tmp_path / "near.csv")
    )
    pd.testing.assert_frame_equal(one.values, other.values)
    assert one.spec == other.spec
    assert one.rows["activation"].tolist() == other.rows["activation"].tolist()


def test_the_digest_follows_the_content(paths, tmp_path):
    copy = tmp_path / "copy.parquet"
    copy.write_bytes(paths["near"].read_bytes())
    first = read_corpus("near", paths["near"], extraction=EXTRACTION)
    assert read_corpus("near", copy, extraction=EXTRACTION).digest == first.digest
    feature_table("near", 48, spec=SPEC, valence=2.0).write(copy)
    assert read_corpus("near", copy, extraction=EXTRACTION).digest != first.digest


def test_a_table_of_another_contract(paths, tmp_path):
    other = replace(SPEC, backend_version="0.0.1")
    feature_table("near", spec=other).write(tmp_path / "near.parquet")
    with pytest.raises(ContractError, match=r"backend_version .* is '0\.0\.1'"):
        read_corpus("near", tmp_path / "near.parquet", extraction=EXTRACTION)


def test_a_feature_table_of_a_known_corpus_gets_its_words_and_labels(tmp_path):
    table = feature_table("x", 4, spec=SPEC).values
    index = [f"emodb/wav/{name}.wav" for name in ("03a01Fa", "08a01Na", "08a01Wa", "03a02Ta")]
    frame = table.reset_index(drop=True).assign(file=index)
    frame.to_parquet(tmp_path / "emodb.parquet")
    (tmp_path / "EMO_DB.csv").write_text(
        "file,activation,valence\n03a01Fa.wav,3.5,4\n08a01Wa.wav,4.5,1\n"
    )
    corpus = read_corpus(
        "EMO-DB", tmp_path / "emodb.parquet", extraction=EXTRACTION, labels=tmp_path
    )
    rows = corpus.table.rows
    assert corpus.name == "emodb"
    assert rows["emotion"].tolist() == ["happiness", "neutral", "anger", "sadness"]
    assert rows["speaker"].nunique() == 2
    np.testing.assert_array_equal(rows["activation"], [3.5, np.nan, 4.5, np.nan])
    unlabelled = read_corpus("emodb", tmp_path / "emodb.parquet", extraction=EXTRACTION)
    assert unlabelled.table.rows["activation"].isna().all()


def test_labels_of_any_csv_are_added_and_replace_those_of_the_table(tmp_path):
    table = feature_table("own", 12, spec=SPEC)
    bare = replace(table, rows=table.rows.drop(columns=["activation", "valence"]))
    bare.write(tmp_path / "bare.parquet")
    table.write(tmp_path / "rated.parquet")
    csv = tmp_path / "labels.csv"
    csv.write_text("file,arousal,valence\n" + "".join(f"own{i},{1 + i % 5},2\n" for i in range(12)))
    added = read_corpus("own", tmp_path / "bare.parquet", extraction=EXTRACTION, labels=csv)
    assert added.table.rows["activation"].tolist() == [1 + i % 5 for i in range(12)]
    path = tmp_path / "rated.parquet"
    replaced = read_corpus("own", path, extraction=EXTRACTION, labels=csv)
    assert replaced.table.rows["activation"].tolist() == added.table.rows["activation"].tolist()
    folder = read_corpus("own", tmp_path / "bare.parquet", extraction=EXTRACTION, labels=tmp_path)
    assert "activation" not in folder.table.rows


def test_an_utterance_table_is_extracted(recordings, caplog):
    corpus = read_corpus("sounds", recordings, extraction=EXTRACTION)
    table = read_table(recordings)
    assert corpus.table.spec == SPEC
    assert corpus.table.ok.all()
    assert len(corpus.table) == 8
    assert corpus.table.rows["activation"].tolist() == table["activation"].tolist()
    assert corpus.summary() == {
        "corpus": "sounds",
        "rows": 8,
        "usable": 8,
        "speakers": 2,
        "emotions": 4,
        "activation": 8,
        "valence": 8,
        "left out": "",
    }
    again = read_corpus("sounds", recordings, extraction=EXTRACTION)
    assert again.digest == corpus.digest
    assert not caplog.records


def test_recordings_that_can_not_be_used_are_counted(recordings, tmp_path, caplog):
    table = read_table(recordings, resolve=True).drop(columns=["valence", "activation"])
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    files = [str(tmp_path / "bad.wav"), *table.index.get_level_values("file")[:2]]
    short = pd.DataFrame({"file": [*files, "gone.wav"]})
    short.to_csv(tmp_path / "short.csv", index=False)
    with caplog.at_level(logging.WARNING, logger="affectspace"):
        corpus = read_corpus("short", tmp_path / "short.csv", extraction=EXTRACTION)
    summary = corpus.summary()
    assert (summary["rows"], summary["usable"]) == (4, 2)
    assert summary["left out"].split(", ") == ["1 unreadable", "1 missing"]
    assert (summary["speakers"], summary["activation"]) == (0, 0)
    assert "short: 2 of 4 rows are left out" in caplog.text
    (tmp_path / "none.csv").write_text("file\nbad.wav\ngone.wav\n")
    with pytest.raises(TableError, match="none: not one of 2 rows could be used"):
        read_corpus("none", tmp_path / "none.csv", extraction=EXTRACTION)


def test_the_folder_of_a_known_corpus_is_extracted_and_labelled(recordings, tmp_path):
    (tmp_path / "emodb" / "wav").mkdir(parents=True)
    files = read_table(recordings, resolve=True).index.get_level_values("file")
    for name, file in zip(("03a01Fa", "08a01Na"), files, strict=False):
        (tmp_path / "emodb" / "wav" / f"{name}.wav").write_bytes(Path(file).read_bytes())
    (tmp_path / "emo_db.csv").write_text("file,activation,valence\n03a01Fa.wav,3.5,4\n")
    corpus = read_corpus(
        "EMO-DB", tmp_path / "emodb", extraction=EXTRACTION, labels=tmp_path, progress=True
    )
    rows = corpus.table.rows
    assert corpus.name == "emodb"
    assert corpus.table.ok.all()
    assert rows["emotion"].tolist() == ["happiness", "neutral"]
    np.testing.assert_array_equal(rows["valence"], [4, np.nan])


def test_the_digest_of_recordings_follows_sound_and_labels(recordings, tmp_path):
    first = read_corpus("sounds", recordings, extraction=EXTRACTION)
    table = read_table(recordings, resolve=True)
    write_table(table, tmp_path / "moved.csv")
    moved = read_corpus("sounds", tmp_path / "moved.csv", extraction=EXTRACTION)
    assert moved.digest == first.digest
    write_table(table.assign(valence=1.0), tmp_path / "rated.csv")
    rated = read_corpus("sounds", tmp_path / "rated.csv", extraction=EXTRACTION)
    assert rated.digest != first.digest


def test_train_model_writes_a_folder_that_reads(paths, tmp_path):
    model = train_model(
        paths, output=tmp_path / "model", recipe=replace(MODEL_RECIPE, seed=3), cache=False
    )
    back = load_model(tmp_path / "model")
    near = feature_table("near", 48, spec=SPEC)
    np.testing.assert_array_equal(back.encode(near), model.encode(near))
    assert back.labels == ("activation", "valence")
    assert back.record["seed"] == 3
    assert back.record["rows"] == 78
    assert back.record["sources"]["far"]["usable"] == 30
    assert set(back.record["sha256"]) == {"near", "far"}
    assert back.record["settings"]["features"] == "egemaps-lld"
    assert back.calibration.intervals == {}
    assert back.record["versions"]["torch"] == metadata.version("torch")


def test_train_model_compares_within_a_corpus(paths, tmp_path):
    model = train_model(paths, output=tmp_path, recipe=MODEL_RECIPE)
    near, far = feature_table("near", 48, spec=SPEC), feature_table(
        "far", 30, spec=SPEC, speakers=5, seed=1
    )  # fmt: skip
    x = np.concatenate([near.values, far.values])
    labels = {c: np.concatenate([near.rows[c], far.rows[c]]) for c in ("activation", "valence")}
    run = Run(objective=OBJECTIVES["joint"], rows=np.arange(78))
    groups = np.repeat(["near", "far"], [48, 30])
    (expected,) = train(x, labels, [run], recipe=RECIPE, groups=groups)
    np.testing.assert_allclose(model.encode(x), expected.encode(x), atol=1e-6)
    (mixed,) = train(x, labels, [run], recipe=RECIPE)
    assert not np.allclose(model.encode(x), mixed.encode(x), atol=1e-6)


def test_an_unsupervised_model_needs_no_rating_and_is_written(tmp_path):
    table = feature_table("bare", spec=SPEC)
    bare = replace(table, rows=table.rows.drop(columns=["activation", "valence"]))
    bare.write(tmp_path / "bare.parquet")
    sources = {"bare": tmp_path / "bare.parquet"}
    output = tmp_path / "model"
    train_model(sources, output=output, recipe=replace(MODEL_RECIPE, objective="unsupervised"))
    assert load_model(tmp_path / "model").history["slope"].isna().all()
    with pytest.raises(TableError, match="'joint' needs activation and valence, but no row of"):
        train_model(sources, output=output, recipe=MODEL_RECIPE)


def test_an_unrated_corpus_helps_the_reconstruction(paths, tmp_path):
    table = feature_table("bare", spec=SPEC)
    bare = replace(table, rows=table.rows.drop(columns=["activation", "valence"]))
    bare.write(tmp_path / "bare.parquet")
    model = train_model(
        {"near": paths["near"], "bare": tmp_path / "bare.parquet"},
        output=tmp_path / "model",
        recipe=MODEL_RECIPE,
    )
    assert model.record["rows"] == 108
    assert model.history["slope"].notna().all()


RERUN = {
    ("unsupervised", "iemocap"): (0.40, 0.01),
    ("unsupervised", "emodb"): (0.57, 0.13),
    ("unsupervised", "urdu"): (0.26, 0.16),
    ("unsupervised", "emotale"): (0.22, 0.06),
    ("metric-act", "iemocap"): (0.48, 0.01),
    ("metric-act", "emodb"): (0.57, 0.07),
    ("metric-act", "urdu"): (0.28, 0.15),
    ("metric-act", "emotale"): (0.27, 0.08),
    ("metric-val", "iemocap"): (0.37, 0.13),
    ("metric-val", "emodb"): (0.56, 0.05),
    ("metric-val", "urdu"): (0.27, 0.13),
    ("metric-val", "emotale"): (0.25, 0.11),
}
"""Adjusted R² for activation and valence of a plain run of the published recipe on these data."""


@pytest.mark.real
def test_the_published_study_on_the_real_corpora(data_root, tmp_path_factory):
    found = run_study(
        ("iemocap", data_root / "features" / "iemocap.parquet"),
        {name: data_root / "corpora" / name for name in ("emodb", "urdu", "emotale")},
        output=tmp_path_factory.mktemp("study"),
        labels=data_root / "labels" / "dtu",
        extraction=Extraction(features="egemaps-lld"),
    )
    means = table2(found.results).set_index(["model", "corpus", "label"])["mean"]
    short = {
        (model, corpus, label): (round(means[model, corpus, label], 3), expected)
        for (model, corpus), values in RERUN.items()
        for label, expected in zip(("activation", "valence"), values, strict=True)
        if not means[model, corpus, label] >= expected - 0.04
    }
    assert not short
    linear = table1(found.results).set_index(["model", "label"])["mean"]
    assert linear["metric-act", "activation"] >= 0.45


def test_a_feature_table_of_another_set_is_refused(paths):
    with pytest.raises(ContractError, match="holds features of egemaps-lld, not of egemaps"):
        read_corpus("near", paths["near"], extraction=Extraction(features="egemaps"))


def test_ratings_off_the_scale_are_refused(tmp_path):
    table = feature_table("own", spec=SPEC)
    rows = table.rows.assign(activation=table.rows["activation"] * 2)
    replace(table, rows=rows).write(tmp_path / "own.parquet")
    with pytest.raises(TableError, match="activation should be from 1 to 5"):
        read_corpus("own", tmp_path / "own.parquet", extraction=EXTRACTION)


def test_labels_that_are_not_there(paths, tmp_path):
    with pytest.raises(TableError, match="there are no labels at"):
        read_corpus("near", paths["near"], extraction=EXTRACTION, labels=tmp_path / "labels")
