from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from affectspace.cli import app
from affectspace.errors import ContractError, TableError
from affectspace.features import FeatureTable
from voices import noise, voice, write


@pytest.fixture
def audio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AFFECTSPACE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "audio"
    (folder / "below").mkdir(parents=True)
    write(folder / "b.wav", voice(0.5))
    write(folder / "below" / "a.FLAC", voice(0.6), format="FLAC")
    write(folder / "noise.wav", noise(0.5))
    (folder / "notes.txt").write_text("not audio")
    return folder


def invoke(*arguments: object):
    return CliRunner().invoke(app, ["extract", *map(str, arguments)])


def test_a_folder(audio, tmp_path):
    result = invoke(audio, "-o", tmp_path / "out" / "f.parquet")
    assert result.exit_code == 0, result.output
    table = FeatureTable.read(tmp_path / "out" / "f.parquet")
    assert table.rows["status"].to_list() == ["ok", "ok", "unvoiced"]
    names = [Path(file).name for file in table.rows.index.get_level_values("file")]
    assert names == ["b.wav", "a.FLAC", "noise.wav"]
    assert result.stdout == ""
    assert "2 of 3 rows have features" in result.stderr
    assert "1 unvoiced (nothing has a pitch), first" in result.stderr
    assert list((tmp_path / "cache").rglob("*.parquet"))


def test_files_and_tables_in_the_order_given(audio, tmp_path):
    pd.DataFrame(
        {"file": ["b.wav", "below/a.FLAC"], "start": [0.1, 0], "end": [0.4, 0.6], "speaker": "x"}
    ).to_csv(audio / "table.csv", index=False)
    result = invoke(
        audio / "below" / "a.FLAC", audio / "table.csv", "-o", tmp_path / "f.csv",
        "--features", "egemaps-lld", "--channel", "mean", "--level", "rms:-20",
        "--jobs", 1, "--no-cache",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    frame = pd.read_csv(tmp_path / "f.csv")
    assert [Path(file).name for file in frame["file"]] == ["a.FLAC", "b.wav", "a.FLAC"]
    assert frame["duration"].to_list() == [0.6, 0.3, 0.6]
    assert frame["speaker"].to_list()[1:] == ["x", "x"]
    assert not (tmp_path / "cache").exists()
    np.testing.assert_array_equal(frame.iloc[0, -46:], frame.iloc[2, -46:])


def test_the_cache_option(audio, tmp_path):
    result = invoke(audio, "-o", tmp_path / "f.csv", "--cache", tmp_path / "here")
    assert result.exit_code == 0
    assert list((tmp_path / "here").rglob("*.parquet"))


def test_exit_1_where_no_row_has_features(audio, tmp_path):
    result = invoke(audio / "noise.wav", tmp_path / "nowhere.wav", "-o", tmp_path / "f.parquet")
    assert result.exit_code == 1
    assert "0 of 2 rows have features" in result.stderr
    assert FeatureTable.read(tmp_path / "f.parquet").rows["status"].to_list() == [
        "unvoiced",
        "missing",
    ]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("--features", "mfcc"), ContractError),
        (("--level", "loud"), ContractError),
        (("--channel", "left"), None),
        (("--cache", "c", "--no-cache"), None),
        (("--jobs", "0"), None),
    ],
)
def test_wrong_usage_writes_nothing(audio, tmp_path, arguments, error):
    result = invoke(audio, "-o", tmp_path / "f.csv", *arguments)
    assert (result.exit_code, type(result.exception)) == (
        (2, SystemExit) if error is None else (1, error)
    )
    assert not (tmp_path / "f.csv").exists()


def test_wrong_outputs_and_inputs(audio, tmp_path):
    assert invoke(audio, "-o", tmp_path / "f.xlsx").exit_code == 2
    assert invoke("-o", tmp_path / "f.csv").exit_code == 2
    (tmp_path / "void").mkdir()
    result = invoke(tmp_path / "void", "-o", tmp_path / "f.csv")
    assert isinstance(result.exception, TableError)
    assert "holds no audio" in str(result.exception)


def test_a_numbered_channel(audio, tmp_path):
    pair = write(audio / "pair.wav", np.stack([noise(0.5), voice(0.5)], axis=1))
    assert invoke(pair, "-o", tmp_path / "f.csv").exit_code == 1
    assert invoke(pair, "-o", tmp_path / "f.csv", "--channel", "1").exit_code == 0
