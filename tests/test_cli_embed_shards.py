"""`affectspace embed -o FOLDER/`: what it says, and its exit codes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from affectspace.cli import app
from affectspace.cli.embed_shards import summary
from affectspace.errors import AffectspaceError
from affectspace.scale import Account, embed_many
from made_scale import archive, clip, recordings


def run(*arguments: object, stdin: bytes | None = None):
    words = ["embed", *map(str, arguments), "--jobs", "1"]
    return CliRunner().invoke(app, words, input=stdin)


def test_what_it_says(tmp_path):
    folder = recordings(tmp_path / "audio", 3)
    packed = archive(tmp_path / "t.tar", {"a.wav": clip(8), "b.wav": clip(9)})
    gone = tmp_path / "gone.wav"
    result = run(folder, folder / "v00.wav", packed, gone, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    for said in (
        "5 of 6 rows scored\n",
        f"  1 missing (there is no such file), first {gone}\n",
        "Scored with caution:\n",
        f"  5 short (shorter than all that the model was trained on), first tar://a.wav::{packed}\n",
        "1 rows came before and are left out\n",
        "Reconciled: all 4 planned rows and 2 recordings in 1 archives are accounted for exactly "
        "once, in 2 shards\n",
        f"Written to {tmp_path / 'out'}\n",
    ):
        assert said in result.stderr


def test_a_list_on_stdin_is_planned_once(tmp_path, monkeypatch):
    monkeypatch.chdir(recordings(tmp_path / "audio", 2))
    given = b"v00.wav\nv01.wav\n"
    assert run("-", "-o", tmp_path / "out/", stdin=given).exit_code == 0
    assert list(pd.read_parquet(tmp_path / "out").reset_index()["file"]) == ["v00.wav", "v01.wav"]
    assert run("-", "-o", tmp_path / "out/", stdin=b"").exit_code == 0
    monkeypatch.chdir(tmp_path)
    assert run(Path("audio/v00.wav"), "-o", "rel", "--shard-size", 1).exit_code == 0


def test_exit_1_where_no_row_is_scored(tmp_path):
    result = run(tmp_path / "gone.wav", "-o", tmp_path / "out/")
    assert result.exit_code == 1
    assert "0 of 1 rows scored" in result.stderr
    assert "Reconciled: all 1 planned rows" in result.stderr


def test_other_settings_are_an_error_in_words(tmp_path):
    folder = recordings(tmp_path / "audio", 1)
    assert run(folder, "-o", tmp_path / "out").exit_code == 0
    result = run(folder, "-o", tmp_path / "out", "--shard-size", 3)
    assert isinstance(result.exception, AffectspaceError)
    assert "shard size was 10000 and is 3" in str(result.exception)


def test_a_share_says_what_is_left(tmp_path):
    folder = recordings(tmp_path / "audio", 3)
    options = ("-o", tmp_path / "out", "--shard-size", 1)
    first = run(folder, *options, "--share", "1/2")
    assert first.exit_code == 0
    assert "1 shards are left to the other shares" in first.stderr
    assert "Reconciled: all 3 planned rows" in run(folder, *options, "--share", "2/2").stderr


def test_a_part_that_is_given_up_is_exit_1():
    account = Account(planned=4, duplicates=0, wrong={1: "it is missing"})
    account.statuses["ok"] = 2
    said = summary(account, "out", (1, 1))
    assert "Not reconciled: 1 shards are missing or damaged, first 1: it is missing" in said
    assert "left to the other shares" in summary(account, "out", (1, 2))


def test_an_interrupted_run_says_how_to_go_on(tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("affectspace.scale.embed_many", interrupted)
    result = run(tmp_path, "-o", tmp_path / "out/")
    assert result.exit_code == 130
    assert "run the same command again to go on" in result.stderr


def test_defaults_are_those_of_the_function():
    from affectspace.cli.embed_shards import SHARD_SIZE
    from affectspace.scale.run import SHARD_SIZE as OF_FUNCTION

    assert SHARD_SIZE == OF_FUNCTION
    assert embed_many.__kwdefaults__["shard_size"] == SHARD_SIZE


@pytest.mark.parametrize("output", ["out.xlsx", "run.1"])
def test_a_suffix_that_nobody_knows_is_no_folder(tmp_path, output):
    result = run(tmp_path, "-o", tmp_path / output)
    assert result.exit_code == 2
    assert "or, as a folder, in a slash" in " ".join(result.stderr.split())
