"""The command `affectspace evaluate`."""

from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from affectspace import features
from affectspace.cli import app
from made_features import feature_table

SPEC = features.spec("egemaps-lld")


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("features")
    for seed, (name, language) in enumerate((("one", "de"), ("two", "ur"), ("three", "da"))):
        table = feature_table(name, 48, spec=SPEC, seed=seed)
        rows = table.rows.assign(language=language)
        replace(table, rows=rows).write(folder / f"{name}.parquet")
    return [f"--source={name}={folder / name}.parquet" for name in ("one", "two", "three")]


def run(*arguments):
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


def said(result):
    return " ".join(result.stderr.replace("│", " ").split())


def test_the_summary_goes_to_stdout_and_files_to_the_folder(paths, tmp_path):
    result = run(
        *paths, "--features", "egemaps-lld", "--rival", "ridge", "--no-cache", "--draws", 2,
        "-o", tmp_path / "out",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("# Transfer to languages left out")
    assert "| ridge | " in result.stdout
    assert "| ridge, n = 20 | " in result.stdout
    assert (tmp_path / "out" / "report.html").is_file()
    assert "report.html" in said(result)


def test_one_protocol_and_target(paths, tmp_path):
    result = run(
        *paths, "--features", "egemaps-lld", "--rival", "ridge", "--no-cache", "--protocol", 2,
        "--target", "two", "-o", tmp_path / "out",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "n = 20" not in result.stdout
    assert "| model | two |" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "give corpora by --source, or a folder of them by --corpora"),
        (["--recipe", "secret"], "choose one of published, default"),
        (["--rival", "me"], "choose one of unsupervised"),
        (["--rival", "all", "--rival", "svr"], "give all, none, or names"),
    ],
)
def test_wrong_usage_is_said(tmp_path, arguments, words):
    result = run(*arguments, "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert words in said(result)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("nosuch", "there is no target nosuch; the corpora are emodb, mine"),
        ("emodb-fr", "there is no target emodb-fr; the languages of emodb are de"),
    ],
)
def test_a_target_that_cannot_be_is_refused_before_anything_is_read(tmp_path, target, words):
    sources = ["--source", "EMO-DB=gone", "--source", "mine=gone.csv"]
    result = run(*sources, "--rival", "ridge", "--target", target, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert words in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_a_folder_without_corpora_is_wrong_usage(tmp_path):
    result = run("--corpora", tmp_path, "--rival", "ridge", "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert "holds none of" in said(result)


def test_no_way_at_all_is_an_error(paths, tmp_path):
    result = run(*paths, "--rival", "none", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "expected ways of different names, got none" in str(result.exception)
    assert not np.any(list((tmp_path).glob("out/*")))
