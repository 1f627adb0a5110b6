"""`affectspace agreement`: tables in; statistics, gold standard and refusals out."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from affectspace.annotation import agree, check_ratings, gold_table, ratings_of
from affectspace.annotation.tidy import COLUMNS
from affectspace.cli import app
from affectspace.errors import TableError
from affectspace.tables import read_labels, read_table
from made_ratings import as_ratings, crossed


def invoke(*arguments):
    return CliRunner().invoke(app, ["agreement", *map(str, arguments)])


def refusal(*arguments):
    """What a refused call said."""
    result = invoke(*arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert isinstance(result.exception, TableError)
    return str(result.exception)


@pytest.fixture
def rows():
    """Activation and valence, three raters, a tenth of the ratings missing."""
    parts = [
        as_ratings(crossed(30, 3, seed=seed), label)
        for seed, label in ((1, "activation"), (2, "valence"))
    ]
    long = pd.concat(parts, ignore_index=True).rename(columns={"item": "file"})
    return long[np.random.default_rng(0).random(len(long)) > 0.1]


@pytest.fixture
def table(tmp_path, rows):
    rows.to_csv(tmp_path / "ratings.csv", index=False)
    return tmp_path / "ratings.csv"


def test_a_table_for_people(table, rows):
    result = invoke(table, "--resamples", 50)
    assert result.exit_code == 0, result.output
    found = agree(check_ratings(rows), "valence", resamples=50)
    lines = result.stdout.splitlines()
    (first,) = [line for line in lines if line.startswith("valence: ")]
    assert f"{found.ratings} ratings of 30 items by 3 raters" in first
    after = lines[lines.index(first) :]
    (alpha,) = [line for line in after if line.startswith("alpha")]
    assert alpha.split()[1:5] == [
        f"{found.alpha.value:.2f}",
        f"{found.alpha.low:.2f}",
        "to",
        f"{found.alpha.high:.2f}",
    ]
    assert sum(line.startswith("ICC(2,k)") for line in after) == 2  # complete items, and all
    assert result.stderr == ""


def test_one_label_may_be_picked(table):
    result = invoke(table, "--label", "valence", "--resamples", 0)
    assert "activation" not in result.stdout
    assert "no ratings of tension; there are ratings of activation, valence" in refusal(
        table, "--label", "tension"
    )


@pytest.mark.parametrize("suffix", ["csv", "json", "parquet"])
def test_statistics_as_data(table, tmp_path, suffix):
    path = tmp_path / f"new/statistics.{suffix}"
    result = invoke(table, "-o", path, "--resamples", 50)
    assert f"written: {path}" in result.stderr
    if suffix == "json":
        found = pd.DataFrame(json.loads(path.read_text()))
    else:
        found = pd.read_csv(path) if suffix == "csv" else pd.read_parquet(path)
    assert found.columns.tolist() == list(COLUMNS)
    row = found[(found["label"] == "valence") & (found["statistic"] == "alpha")].iloc[0]
    line = [text for text in result.stdout.splitlines() if text.startswith("alpha")][1]
    assert f"{row['value']:.2f}" == line.split()[1]
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("estimator", ["mean", "ewe"])
def test_the_gold_standard_as_table_and_as_label_file(table, tmp_path, rows, estimator):
    gold, labels = tmp_path / "out/gold.csv", tmp_path / "out/labels.csv"
    arguments = ("--gold", gold, "--label-file", labels, "--estimator", estimator)
    assert invoke(table, *arguments, "--resamples", 0).exit_code == 0
    found = read_table(gold)
    expected = gold_table(ratings_of(rows), estimator=estimator)
    np.testing.assert_allclose(found["activation"], expected["activation"])
    files = found.index.get_level_values("file")
    assert files[0] == "../" + expected.index[0][0]  # relative to where it stands
    np.testing.assert_allclose(read_labels(labels), expected[["activation", "valence"]])


def test_recordings_give_the_gold_table_its_paths(table, tmp_path, monkeypatch):
    audio = tmp_path / "speech/sub"
    audio.mkdir(parents=True)
    for number in range(32):
        (audio / f"i{number}.wav").touch()
    monkeypatch.chdir(tmp_path)
    result = invoke(table, "--gold", "out/gold.csv", "--audio", "speech", "--resamples", 0)
    assert result.exit_code == 0, result.output
    found = read_table("out/gold.csv", resolve=True)
    assert len(found) == 32
    assert found["activation"].isna().sum() == 2
    assert all((tmp_path / file).is_file() for file in found.index.get_level_values("file"))


def test_a_table_per_rater(tmp_path):
    matrix = crossed(12, 2).clip(1, 5)
    for name in matrix.columns:
        one = pd.DataFrame({"filename": matrix.index, "activation": matrix[name].to_numpy()})
        one.to_csv(tmp_path / f"{name}.csv", index=False)
    result = invoke(tmp_path / "r0.csv", tmp_path / "r1.csv", "--resamples", 0)
    assert "24 ratings of 12 items by 2 raters" in result.stdout
    assert "only r0 rated; agreement needs two raters or more" in refusal(tmp_path / "r0.csv")


def test_bare_columns_under_one_label(tmp_path):
    crossed(12, 3).clip(1, 5).to_csv(tmp_path / "bare.csv")
    result = invoke(tmp_path / "bare.csv", "--label", "activation", "--resamples", 0)
    assert "activation: 36 ratings of 12 items by 3 raters" in result.stdout
    assert "name the one label that they rated" in refusal(tmp_path / "bare.csv")


def test_a_label_with_one_rater_is_passed_over_and_said(table, rows, caplog):
    both = (rows["label"] == "valence") & (rows["rater"] != "r0")
    rows[~both].to_csv(table, index=False)
    result = invoke(table, "--resamples", 0)
    assert "only one rater rated valence; nothing is said about it" in caplog.text
    assert "valence" not in result.stdout


def test_items_that_are_written_otherwise_by_each_rater_are_noticed(tmp_path, caplog):
    for name in ("anna", "ben"):
        (tmp_path / f"{name}.csv").write_text(f"file,valence\n{name}/a.wav,2\n{name}/b.wav,4\n")
    result = invoke(tmp_path / "anna.csv", tmp_path / "ben.csv")
    assert "no item has two ratings of valence; are its names written alike?" in caplog.text
    assert "alpha         -" in result.stdout


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("file,rater,label,value\na.wav,x,valence,6\na.wav,y,valence,2\n", "off the scale from 1"),
        ("file,valence_x,valence_y\na.wav,low,high\n", "column 'valence_x'"),
        ("file,rater,label,value\na.wav,x,valence,low\n", "'value' should hold numbers"),
        ("file,comment\na.wav,fine\n", "there are no ratings: expected columns rater, label and"),
        ("rater,label,value\nx,valence,2\n", "nothing says what was rated"),
        ("file,rater,label,value\n", "there are no ratings: all values are empty"),
    ],
)
def test_refusals(tmp_path, content, message):
    (tmp_path / "bad.csv").write_text(content)
    gold = tmp_path / "gold.csv"
    assert message in refusal(tmp_path / "bad.csv", "--gold", gold)
    assert not gold.exists()
    assert "does not exist" in refusal(tmp_path / "gone.csv")


def test_an_output_that_cannot_be_written_is_said_before_the_work(table, tmp_path):
    (tmp_path / "a.csv").mkdir()
    assert "is a folder; name a file" in refusal(table, "-o", tmp_path / "a.csv")
    for option in ("-o", "--gold", "--label-file"):
        assert "expected a name that ends in .csv" in refusal(table, option, tmp_path / "x.txt")


def test_wrong_usage(table, tmp_path):
    assert invoke(table, "--estimator", "median").exit_code == 2
    assert invoke(table, "--audio", tmp_path).exit_code == 2
    assert invoke().exit_code == 2


def test_names_cannot_move_the_cursor(tmp_path, rows):
    rows.assign(rater="\x1b[2J" + rows["rater"]).to_csv(tmp_path / "r.csv", index=False)
    result = invoke(tmp_path / "r.csv", "--resamples", 0)
    assert "\x1b" not in result.stdout
    assert "\\x1b[2Jr0" in result.stdout


@pytest.mark.real
def test_a_corpus_by_name(data_root, tmp_path):
    gold = tmp_path / "gold.parquet"
    given = f"emotale={data_root / 'corpora/emotale'}"
    result = invoke(given, "--label", "activation", "--gold", gold, "--resamples", 100)
    assert "2400 ratings of 800 items by 3 raters" in result.stdout
    assert read_table(gold)["activation"].notna().all()
