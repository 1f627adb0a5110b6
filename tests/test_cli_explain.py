"""`affectspace explain`: what goes in, what comes out where, exit codes."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from affectspace.cli import app
from affectspace.errors import TableError
from affectspace.explain import Criteria
from affectspace.features import FeatureTable
from affectspace.features import spec as contract
from affectspace.model import load_model, save_model
from affectspace.study.explain import explain_corpora
from affectspace.tables import read_frame
from made_features import feature_table
from made_speech_model import speech_model
from voices import noise, voice, write

TABLES = ("walk", "correlations", "across", "meaning", "differences")
FIGURES = ("walk", "correlations", "meaning")
QUICK = ("--resamples", 100)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return save_model(speech_model(), tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def corpora(tmp_path_factory) -> Path:
    """Ready features of two rated corpora in the model's contract."""
    folder = tmp_path_factory.mktemp("features")
    for i, name in enumerate(("near", "far")):
        table = feature_table(name, 60, spec=contract("egemaps-lld"), speakers=5, seed=i)
        scaled = table.values * speech_model().scale + speech_model().mean
        values = scaled.astype(np.float32)
        rows = table.rows.assign(language=name[:2])
        FeatureTable(table.spec, values, rows).write(folder / f"{name}.parquet")
    return folder


@pytest.fixture
def audio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AFFECTSPACE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "wörk dir"
    folder.mkdir()
    write(folder / "a.wav", voice(0.5))
    write(folder / "b.wav", voice(0.7, pitch=180))
    write(folder / "noise.wav", noise(0.5))
    return folder


@pytest.fixture
def run(model):
    def invoke(*arguments: object):
        words = ["explain", "--model", str(model), *map(str, arguments)]
        return CliRunner().invoke(app, words)

    return invoke


def given(folder: Path, *names: str) -> list[str]:
    return [word for name in names for word in ("--source", f"{name}={folder / name}.parquet")]


def test_without_anything_the_axes_are_walked(run):
    result = run()
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("# What the axes mean\n\nModel voices 1.\n")
    assert "## valence\n- Walking from " in result.stdout
    assert "language" not in result.stdout
    assert result.stderr == ""


def test_recordings_are_explained_line_by_line(run, audio):
    result = run(audio)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].endswith("wörk dir/a.wav")
    assert lines[1].startswith("  activation ")
    assert ", usual " in lines[1]
    assert lines[2].startswith("  valence    ")
    assert lines[-1].startswith("  unvoiced: nothing has a pitch: no 80 ms are periodic")
    assert "2 of 3 rows explained by the model voices 1" in result.stderr
    assert "1 unvoiced" in result.stderr


def test_parts_of_files_say_from_when_to_when(run, audio):
    (audio / "t.csv").write_text("file,start,end\nb.wav,0.1,0.6\nb.wav,0.2,\n")
    lines = run(audio / "t.csv").stdout.splitlines()
    assert lines[0].endswith("b.wav from 0.1 s to 0.6 s")
    assert lines[3].endswith("b.wav from 0.2 s")


def test_recordings_into_a_folder(run, audio, tmp_path):
    output = tmp_path / "out"
    result = run(audio, "-o", output, "--usual", "input")
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert {p.name for p in output.iterdir()} == {"reasons.csv", "explain.html", "explain.json"}
    told = read_frame(output / "reasons.csv")
    assert told["status"].tolist() == ["ok", "ok", "unvoiced"]
    assert "Why this estimate?" in (output / "explain.html").read_text()
    assert json.loads((output / "explain.json").read_text())["settings"]["usual"] == "input"
    assert f"Open {output / 'explain.html'} in a browser" in result.stderr


def test_corpora_into_a_folder(run, corpora, tmp_path):
    output = tmp_path / "out"
    result = run(*given(corpora, "near", "far"), *QUICK, "-o", output)
    assert result.exit_code == 0, result.output
    assert {path.name for path in output.iterdir()} == {
        *("axes.md", "explain.html", "explain.json"),
        *(f"{name}.csv" for name in TABLES),
        *(f"{name}.png" for name in FIGURES),
    }
    for name in FIGURES:
        assert (output / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    meaning = pd.read_csv(output / "meaning.csv")
    assert meaning.groupby("axis").size().to_dict() == {"activation": 4, "valence": 4}
    settings = json.loads((output / "explain.json").read_text())["settings"]
    assert settings["resamples"] == 100


def test_corpora_on_stdout_are_what_python_gives(run, corpora, model):
    result = run(*given(corpora, "near", "far"), *QUICK)
    assert result.exit_code == 0, result.output
    assert "### The same in two languages?" in result.stdout
    found = explain_corpora(
        load_model(str(model)),
        {name: corpora / f"{name}.parquet" for name in ("near", "far")},
        criteria=Criteria(resamples=100),
    )
    for axis in found.findings.axes:
        for sentence in found.findings.sentences(axis.name):
            assert f"- {sentence}\n" in result.stdout


def test_a_page_alone(run, audio, corpora, tmp_path):
    page = tmp_path / "deep" / "page.html"
    result = run(audio / "a.wav", *given(corpora, "near"), *QUICK, "--report", page)
    assert result.exit_code == 0, result.output
    text = page.read_text()
    assert "Why this estimate?" in text
    assert "What it follows" in text
    assert [path.name for path in page.parent.iterdir()] == ["page.html"]


def test_a_folder_of_corpora(run, tmp_path):
    result = run("--corpora", tmp_path)
    assert result.exit_code == 2
    assert "none of the folders iemocap" in " ".join(result.output.split()).replace("│ ", "")
    (tmp_path / "emodb").mkdir()
    result = run("--corpora", tmp_path)
    assert result.exit_code == 1
    assert "emodb" in str(result.exception)


def test_what_a_model_was_trained_on_is_said(run, corpora, tmp_path):
    trained = replace(speech_model(), record={"sources": {"near": {}, "elsewhere": {}}})
    folder = save_model(trained, tmp_path / "model")
    result = run("--model", folder, *given(corpora, "near"), *QUICK)
    assert result.exit_code == 0, result.output
    assert "The model was trained on near: how well it follows" in result.stdout


def test_few_speakers_and_one_language_are_said(corpora):
    found = explain_corpora(
        speech_model(),
        {"near": corpora / "near.parquet"},
        criteria=Criteria(resamples=100, speakers=6),
    )
    assert found.warnings == ("Too few speakers to compare: ne, fewer than 6.",)
    assert set(found.findings.compared["verdict"]) == {"not shown"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--usual", "mine"), "training, input"),
        (("--report", "page.txt"), "should end in .html"),
        (("--source", "near"), "should be NAME=PATH"),
        (("--source", "a=b", "--corpora", "c"), "by --source, or all by --corpora"),
        (("--resamples", "10"), "10"),
    ],
)
def test_wrong_usage(run, arguments, said):
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.output.replace("│", " ").split())


def test_what_cannot_be_used_is_an_error_in_words(run, audio, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert isinstance(run(empty).exception, TableError)
    result = run(audio / "noise.wav")
    assert result.exit_code == 1
    assert "0 of 1 rows explained" in result.stderr
    if os.geteuid():
        assert isinstance(run("-o", "/proc/nowhere").exception, TableError | OSError)
