"""Runs of shards: the rows of one call, whatever is killed, missing, damaged or done twice."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import affectspace
from affectspace.errors import AffectspaceError, TableError
from affectspace.scale import MANIFEST, embed_many, open_folder, read_plan
from affectspace.scale.local import run_local
from affectspace.scale.plan import PlannedRows
from affectspace.scale.shards import Layout, parse_shard
from made_scale import (
    DEADLY,
    Unloadable,
    archive,
    assert_equal_rows,
    deadly_model,
    recordings,
    shards,
)
from voices import voice, write


@pytest.fixture(scope="module")
def model():
    return affectspace.load_model()


@pytest.fixture(scope="module")
def audio(tmp_path_factory) -> Path:
    folder = recordings(tmp_path_factory.mktemp("audio"), 9)
    (folder / "broken.wav").write_text("no audio")
    return folder


def manifest(folder: Path) -> dict:
    return json.loads((folder / MANIFEST).read_text())


def test_the_rows_are_those_of_one_call(model, audio, tmp_path):
    account = embed_many([audio, audio / "v03.wav"], tmp_path / "out", shard_size=4, jobs=2)
    expected = model.embed(audio, cache=False, jobs=1)
    found = pd.read_parquet(tmp_path / "out")
    pd.testing.assert_frame_equal(found, expected)
    assert found.attrs == expected.attrs
    assert account.complete
    assert (account.planned, account.inputs, account.rows, account.scored) == (10, 10, 10, 9)
    assert account.duplicates == 1
    said = manifest(tmp_path / "out")
    assert said["complete"] is True
    assert said["statuses"] == {"ok": 9, "unreadable": 1}
    words = expected["caution"].str.split(";").explode()
    assert said["cautions"] == words[words != ""].value_counts().to_dict()
    for word in (*said["statuses"], *said["cautions"]):
        column = "status" if word in said["statuses"] else "caution"
        has = expected[column].str.split(";").map(lambda found, word=word: word in found)
        assert account.first[word][0] == expected.index[has][0][0]
    assert [part["rows"] for part in said["parts"]] == [4, 4, 2]
    assert said["bytes"] == sum(map(len, shards(tmp_path / "out").values()))
    assert said["model"] == expected.attrs["affectspace"]


@pytest.mark.parametrize("segment", ["speech", "0.25"])
def test_segments_cover_every_row(model, audio, tmp_path, segment):
    rows = "file,start,end,take\nv00.wav,,,1\nv01.wav,0.02,0.29,2\nv02.wav,5,6,3\ngone.wav,,,4\n"
    (audio / "rows.csv").write_text(rows)
    account = embed_many(
        [audio / "rows.csv"], tmp_path / "out", shard_size=3, jobs=1, segment=segment
    )
    assert account.complete
    assert account.inputs == 4
    expected = model.embed(audio / "rows.csv", segment=segment, cache=False, jobs=1)
    assert_equal_rows(tmp_path / "out", expected.astype({"take": "int64"}))


def test_columns_of_several_tables_have_one_type_in_all_shards(audio, tmp_path):
    (audio / "a.csv").write_text("file,n,word,status\nv00.wav,1,x,mine\nv01.wav,2,,\n")
    (audio / "b.csv").write_text("file,n,code\nv02.wav,1.5,007\nv03.wav,,abc\n")
    (audio / "c.jsonl").write_text('{"file": "v04.wav", "n": 3, "code": 5, "deep": {"a": [1]}}\n')
    tables = [audio / "a.csv", audio / "b.csv", audio / "c.jsonl"]
    assert embed_many([*tables, audio / "v05.wav"], tmp_path, shard_size=2, jobs=1).complete
    found = pd.read_parquet(tmp_path)
    np.testing.assert_array_equal(found["n"], [1, 2, 1.5, np.nan, 3, np.nan])
    assert found["code"].tolist()[2:5] == ["007", "abc", "5"]
    assert found["input_status"].tolist()[0] == "mine"
    assert found["status"].eq("ok").all()
    assert found["deep"].tolist()[4] == {"a": [1]}
    schemas = {str(pq.read_schema(path).remove_metadata()) for path in tmp_path.glob("part-*")}
    assert len(schemas) == 1


def test_a_run_that_is_complete_computes_nothing(audio, tmp_path, monkeypatch):
    embed_many([audio], tmp_path, shard_size=4, jobs=1)
    before = shards(tmp_path)
    monkeypatch.setattr("affectspace.scale.run.run_local", None)
    assert embed_many([audio], tmp_path, shard_size=4, jobs=1).complete
    assert shards(tmp_path) == before


def test_no_bit_of_a_shard_can_change_unseen(model, audio, tmp_path):
    embed_many([audio], tmp_path, shard_size=10, jobs=1)
    (data,) = shards(tmp_path).values()
    folder = open_folder(tmp_path)
    plan = read_plan(folder)
    schema = Layout(model, plan, PlannedRows(folder, plan).schema).schema
    rng = np.random.default_rng(0)
    for place in [*rng.integers(len(data), size=150), len(data) - 1]:
        flipped = bytearray(data)
        flipped[place] ^= 1 << rng.integers(8)
        with pytest.raises(ValueError, match=r"."):
            parse_shard(bytes(flipped), 0, plan, schema)
    table, record = parse_shard(data, 0, plan, schema)
    assert (len(table), record["part"]) == (10, 0)


def test_what_others_have_put_into_a_folder_stays(audio, tmp_path):
    for name in ("part-00000.parquet", "a.wav", "sub/b.wav"):
        out = tmp_path / name.replace("/", "-")
        (out / name).parent.mkdir(parents=True)
        (out / name).write_text("mine")
        with pytest.raises(AffectspaceError, match="which no run has put there"):
            embed_many([audio], out)
        assert (out / name).read_text() == "mine"
    (tmp_path / "file").write_text("mine")
    with pytest.raises(AffectspaceError, match="is a file; name a folder"):
        embed_many([audio], tmp_path / "file")


@pytest.mark.parametrize("how", ["gone", "truncated", "flipped", "foreign", "other part"])
def test_a_shard_that_is_damaged_is_computed_again(audio, tmp_path, how):
    embed_many([audio], tmp_path / "out", shard_size=4, jobs=1)
    before = shards(tmp_path / "out")
    shard = tmp_path / "out" / "part-00001.parquet"
    data = before[shard.name]
    if how == "gone":
        shard.unlink()
    elif how == "truncated":
        shard.write_bytes(data[: len(data) // 2])
    elif how == "flipped":  # in the middle of the values: the footer is whole
        middle = len(data) // 4
        flipped = bytes(byte ^ 1 for byte in data[middle : middle + 200])
        shard.write_bytes(data[:middle] + flipped + data[middle + 200 :])
    elif how == "foreign":
        pd.DataFrame({"file": ["a"]}).to_parquet(shard)
    else:
        shard.write_bytes(before["part-00000.parquet"])
    account = embed_many([audio], tmp_path / "out", shard_size=4, jobs=1)
    assert account.complete
    assert shards(tmp_path / "out") == before


def test_other_settings_are_refused_and_said(audio, tmp_path):
    embed_many([audio / "v00.wav"], tmp_path, shard_size=4, jobs=1)
    with pytest.raises(AffectspaceError, match="shard size was 4 and is 5"):
        embed_many([audio / "v00.wav"], tmp_path, shard_size=5, jobs=1)
    with pytest.raises(AffectspaceError, match="segment was none and is speech"):
        embed_many([audio / "v00.wav"], tmp_path, shard_size=4, segment="speech")
    with pytest.raises(AffectspaceError, match="channel was first and is mean"):
        embed_many([audio / "v00.wav"], tmp_path, shard_size=4, channel="mean")
    with pytest.raises(AffectspaceError, match="inputs was"):
        embed_many([audio / "v01.wav"], tmp_path, shard_size=4)


def test_a_table_that_has_changed_is_refused(audio, tmp_path):
    table = audio / "changing.csv"
    table.write_text("file\nv00.wav\n")
    embed_many([table], tmp_path, jobs=1)
    table.write_text("file\nv00.wav\nv01.wav\n")
    with pytest.raises(AffectspaceError, match="inputs was"):
        embed_many([table], tmp_path, jobs=1)


def test_shares_add_up(model, audio, tmp_path):
    first = embed_many([audio], tmp_path, shard_size=2, jobs=1, share=(1, 2))
    assert not first.complete
    assert sorted(first.wrong) == [1, 3]
    assert manifest(tmp_path)["complete"] is False
    second = embed_many([audio], tmp_path, shard_size=2, jobs=1, share=(2, 2))
    assert second.complete
    assert_equal_rows(tmp_path, model.embed(audio, cache=False, jobs=1))
    with pytest.raises(ValueError, match="1/2 to 2/2, not 3/2"):
        embed_many([audio], tmp_path, shard_size=2, share=(3, 2))


def test_failed_rows_are_tried_again_and_others_kept(model, audio, tmp_path):
    files = [audio / "v00.wav", tmp_path / "late.wav", audio / "v01.wav", audio / "broken.wav"]
    out = tmp_path / "out"
    assert embed_many(files, out, shard_size=3, jobs=1).statuses["missing"] == 1
    write(tmp_path / "late.wav", voice(0.3))
    assert embed_many(files, out, shard_size=3, jobs=1).statuses["missing"] == 1
    account = embed_many(files, out, shard_size=3, jobs=1, retry_failed=True)
    assert account.statuses == {"ok": 3, "unreadable": 1}
    pd.testing.assert_frame_equal(pd.read_parquet(out), model.embed(files, cache=False, jobs=1))


def test_inputs_without_rows_leave_nothing_behind(tmp_path):
    (tmp_path / "void").mkdir()
    with pytest.raises(TableError, match="holds no audio"):
        embed_many([tmp_path / "void"], tmp_path / "out")
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_planning_that_is_broken_off_leaves_nothing_half(audio, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("affectspace.scale.planning._write_parts", None)
        with pytest.raises(TypeError):
            embed_many([audio], tmp_path, jobs=1)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert embed_many(audio, tmp_path, jobs=1).complete


# --- what is killed ----------------------------------------------------------------------------


def test_a_worker_that_is_killed_costs_nothing(model, audio, tmp_path):
    write(audio / "w.wav", voice(DEADLY))
    try:
        killer = deadly_model(tmp_path / "diary", times=1)
        account = embed_many([audio], tmp_path / "out", shard_size=4, jobs=2, model=killer)
        assert (tmp_path / "diary").read_text() == "x"
        assert account.complete
        assert_equal_rows(tmp_path / "out", model.embed(audio, cache=False, jobs=1))
    finally:
        (audio / "w.wav").unlink()


@pytest.mark.parametrize("packed", [False, True])
def test_a_poisonous_recording_costs_its_row_only(tmp_path, packed):
    folder = recordings(tmp_path / "audio", 3)
    write(folder / "v01.wav", voice(DEADLY))
    given = folder
    if packed:
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
        given = archive(tmp_path / "all.tar", files)
    killer = deadly_model(tmp_path / "diary", times=99)
    account = embed_many([given], tmp_path / "out", jobs=1, model=killer)
    assert account.complete
    found = pd.read_parquet(tmp_path / "out")
    assert found["status"].tolist() == ["ok", "failed", "ok"]
    assert "the process died of it" in found["message"].iloc[1]


def test_a_part_that_workers_keep_dying_of_is_given_up(audio, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("affectspace.scale.local.TRIES", 2)
    killer = deadly_model(tmp_path / "diary", always=True)
    account = embed_many([audio], tmp_path / "out", shard_size=5, jobs=1, model=killer)
    for part in (0, 1):
        assert f"part {part} is given up: 2 workers died of it (signal 9)" in caplog.text
    assert account.wrong == {0: "it is missing", 1: "it is missing"}
    assert not manifest(tmp_path / "out")["complete"]


def test_workers_that_can_not_start_end_the_run(audio, tmp_path, monkeypatch):
    monkeypatch.setattr("affectspace.scale.local.STARTS", 2)
    with pytest.raises(AffectspaceError, match=r"can't start \(exit code 5\)"):
        list(run_local(Unloadable(None, str(tmp_path)), [0, 1, 2], jobs=1))


def command(*arguments: object) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "affectspace.cli", "embed", *map(str, arguments)]
    code = "from affectspace.cli import main; import sys; sys.argv[:] = sys.argv[1:]; main()"
    words[1:3] = ["-c", code, "affectspace"]
    return subprocess.Popen(words, stderr=subprocess.PIPE, text=True)


def wait_for_a_shard(folder: Path) -> None:
    for _ in range(3000):
        if list(folder.glob("part-*.parquet")):
            return
        time.sleep(0.01)
    raise AssertionError("no shard came")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_that_is_killed_goes_on_where_it_was(model, tmp_path, how):
    folder = recordings(tmp_path / "audio", 30)
    out = tmp_path / "out"
    run = command(folder, "-o", out, "--shard-size", 2, "--jobs", 1)
    wait_for_a_shard(out)
    os.kill(run.pid, how)
    _, said = run.communicate(timeout=60)
    if how == signal.SIGTERM:
        assert run.returncode == 143
        assert "run the same command again to go on" in said
        assert not list(out.glob(".*"))
    before = shards(out)
    assert 1 <= len(before) < 15
    account = embed_many([folder], out, shard_size=2, jobs=1)
    assert account.complete
    after = shards(out)
    assert {name: after[name] for name in before} == before
    assert_equal_rows(out, model.embed(folder, cache=False, jobs=1))


def test_two_runs_at_once_in_one_folder(model, audio, tmp_path):
    accounts = []

    def run():
        accounts.append(embed_many([audio], tmp_path, shard_size=1, jobs=1))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [account.complete for account in accounts] == [True, True]
    assert_equal_rows(tmp_path, model.embed(audio, cache=False, jobs=1))


# --- a full disk -------------------------------------------------------------------------------


class Full:
    """Computes until the disk is full."""

    def __init__(self, job, free: int) -> None:
        from affectspace.scale.shards import Embedder

        self.embedder = Embedder(job.model, job.place)
        folder, self.free = self.embedder._folder, free
        write_file = folder.write

        def write(name: str, data: bytes) -> None:
            if name.startswith("part-"):
                self.free -= 1
                if self.free < 0:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            write_file(name, data)

        folder.write = write


def test_a_full_disk_is_said_and_nothing_is_half_written(audio, tmp_path, monkeypatch):
    from affectspace.scale.local import in_words

    def run(job, parts, *, jobs):
        full = Full(job, 1)
        for part in parts:
            try:
                yield full.embedder.compute(part)
            except OSError as error:
                raise AffectspaceError(in_words(error)) from None

    with monkeypatch.context() as patched:
        patched.setattr("affectspace.scale.run.run_local", run)
        with pytest.raises(AffectspaceError, match="can't be written: No space left on device"):
            embed_many([audio], tmp_path, shard_size=4)
    assert list(shards(tmp_path)) == ["part-00000.parquet"]
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith(".tmp")]
    assert embed_many([audio], tmp_path, shard_size=4, jobs=1).complete
