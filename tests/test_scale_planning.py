"""Plans: streamed, without duplicates, the same whatever the batches."""

from __future__ import annotations

import itertools
import json
import os

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import affectspace
from affectspace.audio.names import is_archive
from affectspace.errors import AffectspaceError
from affectspace.scale import open_folder, planning, read_plan
from affectspace.scale.plan import PLAN, PlannedRows
from affectspace.scale.planning import make_plan, wait_for_plan
from affectspace.tables import find_utterances, utterance_index

SETTINGS = {"segment": "none", "channel": "first", "inputs": []}


def planned(folder, inputs, *, size=10, **options):
    plan = make_plan(open_folder(folder), {**SETTINGS, "shard size": size}, {}, inputs, **options)
    return plan, PlannedRows(open_folder(folder), plan)


def all_rows(plan, rows) -> pd.DataFrame:
    return pa.concat_tables([rows.part(n) for n in range(plan.parts)]).to_pandas()


def test_rows_are_those_of_find_utterances_in_their_order(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    os.makedirs("audio/below")  # noqa: PTH103
    for name in ("b.wav", "below/c.flac", "below.wav", "a.mp3", "below/.hidden.wav", "x.txt"):
        (tmp_path / "audio" / name).touch()
    (tmp_path / "list.txt").write_text("audio\nnew.wav\n./audio/a.mp3\n")
    (tmp_path / "t.csv").write_text("file,start,end\nnew.wav,,\nnew.wav,1,2.5\nnew.wav,1.0,2.5\n")
    inputs = ["list.txt", "t.csv", "audio", "é.wav"]
    plan, rows = planned(tmp_path / "out", inputs, size=3)
    expected = find_utterances(inputs)
    found = all_rows(plan, rows).set_index(["file", "start", "end"])
    assert found.index.equals(expected.index)
    assert (plan.rows, plan.parts, plan.duplicates) == (7, 3, 7)
    assert [rows.count(n) for n in range(3)] == [3, 3, 1]


def test_what_comes_twice_is_told_as_by_a_set(tmp_path, monkeypatch):
    monkeypatch.setattr(planning, "BATCH", 7)
    dice = np.random.default_rng(0)
    files = [f"{dice.choice(['', './', 'x/../'])}{dice.integers(60)}.wav" for _ in range(500)]
    (tmp_path / "list.txt").write_text("\n".join(files))
    plan, rows = planned(tmp_path / "out", [tmp_path / "list.txt"], size=10)
    seen: dict[str, str] = {}
    for file in files:
        seen.setdefault(os.path.normpath(file), file)
    names = [os.path.relpath(name, tmp_path) for name in all_rows(plan, rows)["file"]]
    assert names == [os.path.normpath(file) for file in seen.values()]
    assert plan.duplicates == 500 - len(seen)


def test_inputs_are_streamed(tmp_path, monkeypatch):
    """What was read is on disk before the next is asked for."""
    asked = []

    def tables(inputs, *, stdin, rows):
        for number in itertools.count():
            if number == 20:
                return
            asked.append(number)
            staged = list(tmp_path.glob("out/.scratch-*/staged.arrow"))
            assert not number or staged
            yield pd.DataFrame(index=utterance_index([f"{number}-{n}.wav" for n in range(rows)]))

    monkeypatch.setattr(planning, "stream_utterances", tables)
    monkeypatch.setattr(planning, "BATCH", 50)
    counted = []
    plan, rows = planned(tmp_path / "out", [], size=64, advance=counted.append)
    assert (plan.rows, plan.parts, sum(counted), asked[-1]) == (1000, 16, 1000, 19)
    assert rows.count(15) == 1000 - 15 * 64
    assert not list(tmp_path.glob("out/.scratch-*"))


def test_the_same_inputs_make_the_same_plan(tmp_path, monkeypatch):
    (tmp_path / "t.csv").write_text("file,n\n" + "".join(f"{n}.wav,{n}\n" for n in range(30)))
    first, _ = planned(tmp_path / "one", [tmp_path / "t.csv"])
    second, _ = planned(tmp_path / "two", [tmp_path / "t.csv"])
    assert first == second
    assert first.hash == second.hash
    third, _ = planned(tmp_path / "two", [tmp_path / "else.wav"])  # another run was quicker
    assert third == second
    assert read_plan(open_folder(tmp_path / "one")) == first


def test_archives_are_parts_of_their_own(tmp_path):
    inputs = ["a.wav", "s.tar", "b.wav", "t.TAR.gz", "c.wav", "s3://x/u.tgz"]
    plan, rows = planned(tmp_path, inputs, size=2)
    parts = [rows.part(n)["file"].to_pylist() for n in range(plan.parts)]
    assert parts == [["s.tar"], ["t.TAR.gz"], ["s3://x/u.tgz"], ["a.wav", "b.wav"], ["c.wav"]]
    assert (plan.archives, plan.rows) == (3, 3)
    assert not is_archive("tar.wav")


def test_a_plan_of_another_version_or_damaged(tmp_path):
    planned(tmp_path, ["a.wav"])
    found = json.loads((tmp_path / PLAN).read_text())
    (tmp_path / PLAN).write_text(json.dumps({**found, "format": 99}))
    with pytest.raises(AffectspaceError, match="another version"):
        read_plan(open_folder(tmp_path))
    (tmp_path / PLAN).write_text("{")
    with pytest.raises(AffectspaceError, match="damaged"):
        read_plan(open_folder(tmp_path))


def test_settings_know_the_model_and_the_content_of_tables(tmp_path):
    model = affectspace.load_model()
    (tmp_path / "t.csv").write_text("file\na.wav\n")

    def settings(loaded=model):
        options = {"segment": "none", "channel": "first", "shard_size": 5}
        return planning.settings_of(loaded, [tmp_path / "t.csv", "-", "s3://x/t.csv"], **options)

    before = settings()
    assert before == settings()
    assert before["inputs"][1:] == ["-", "s3://x/t.csv"]
    (tmp_path / "t.csv").write_text("file\nb.wav\n")
    assert settings()["inputs"] != before["inputs"]
    from dataclasses import replace

    other = settings(replace(model, offsets={**model.offsets, "valence": 2.5}))
    assert other["model hash"] != before["model hash"]


def test_one_run_plans_and_others_wait(tmp_path, monkeypatch):
    folder = open_folder(tmp_path)
    assert wait_for_plan(folder) is None  # nobody is at it
    looks = []

    def sleep(_: float) -> None:
        looks.append((tmp_path / planning.PLANNING).read_bytes())
        if len(looks) == 3:
            planned(tmp_path, ["a.wav"])

    monkeypatch.setattr("affectspace.scale.planning.time.sleep", sleep)
    folder.write(planning.PLANNING, b"another run")
    assert wait_for_plan(folder) == read_plan(folder)
    assert looks == [b"another run"] * 3
    assert not (tmp_path / planning.PLANNING).exists()


def test_a_run_that_died_while_planning_is_not_waited_for(tmp_path, monkeypatch):
    folder = open_folder(tmp_path)
    clock = itertools.count(0, 25.0)
    monkeypatch.setattr("affectspace.scale.planning.time.monotonic", lambda: next(clock))
    monkeypatch.setattr("affectspace.scale.planning.time.sleep", lambda _: None)
    folder.write(planning.PLANNING, b"dead")
    assert wait_for_plan(folder) is None
    assert next(clock) > planning.PATIENCE_SECONDS


def test_a_planning_run_shows_that_it_lives(tmp_path, monkeypatch):
    monkeypatch.setattr(planning, "BATCH", 2)
    monkeypatch.setattr(planning, "BEAT_SECONDS", 0.0)
    beats = []

    def advance(_: int) -> None:
        beats.append((tmp_path / planning.PLANNING).read_bytes())

    (tmp_path / "list.txt").write_text("\n".join(f"{n}.wav" for n in range(8)))
    planned(tmp_path, [tmp_path / "list.txt"], advance=advance)
    assert len(set(beats)) == 4
    assert not (tmp_path / planning.PLANNING).exists()
