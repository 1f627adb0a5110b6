"""The engine `ray`: one test starts it, which takes seconds; tests go to several processes."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import affectspace
from affectspace.errors import AffectspaceError, MissingExtraError
from affectspace.scale import embed_many
from affectspace.scale.cluster import Actor
from affectspace.scale.local import Job
from made_scale import DEADLY, archive, clip, deadly_model, recordings, shards
from voices import voice, write


@pytest.fixture
def ray(monkeypatch):
    found = pytest.importorskip("ray")
    here = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(here))  # for the models of the tests
    found.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield found
    found.shutdown()


def test_a_cluster_and_this_machine_write_equal_shards(ray, tmp_path, monkeypatch):
    folder = recordings(tmp_path / "audio", 6)
    (folder / "broken.wav").write_text("no audio")
    packed = archive(tmp_path / "t.tar", {"a.wav": clip(8), "a.json": b"{}", "b.wav": clip(9)})
    for engine in ("local", "ray"):
        out = tmp_path / engine
        account = embed_many([folder, packed], out, shard_size=2, jobs=2, engine=engine)
        assert account.complete
        assert account.statuses == {"ok": 8, "unreadable": 1}
    assert shards(tmp_path / "local") == shards(tmp_path / "ray")
    assert len(shards(tmp_path / "ray")) == 5

    # an actor that dies of a recording is started again, and the recording costs its row only
    write(folder / "v01.wav", voice(DEADLY))
    killer = deadly_model(tmp_path / "diary", times=99)
    out = tmp_path / "killed"
    assert embed_many([folder], out, shard_size=4, jobs=2, engine="ray", model=killer).complete
    found = pd.read_parquet(out)
    assert found["status"].value_counts().to_dict() == {"ok": 5, "unreadable": 1, "failed": 1}
    assert "the process died of it" in found["message"][found["status"] == "failed"].iloc[0]


def test_what_is_no_recordings_fault_comes_back_in_words(tmp_path):
    out = tmp_path / "out"
    embed_many([recordings(tmp_path / "audio", 2)], out, shard_size=1, jobs=1)

    def replies(job: Job) -> list:
        return [json.loads(reply) for reply in Actor(job)({"part": np.array([0, 1])})["reply"]]

    job = Job(affectspace.load_model(), str(out))
    assert [reply["part"] for reply in replies(job)] == [0, 1]
    (out / "part-00000.parquet").unlink()
    (out / "part-00000.parquet").mkdir()
    first, second = replies(job)
    assert first == "a shard can't be written: Is a directory"
    assert second["rows"] == 1
    said = replies(Job(affectspace.load_model(), str(tmp_path / "void")))
    assert said == [f"{tmp_path / 'void'} holds no plan"] * 2


def test_no_cluster_at_the_address(tmp_path):
    pytest.importorskip("ray")
    folder = recordings(tmp_path / "audio", 1)
    with pytest.raises(AffectspaceError, match=r"no Ray cluster at 127\.0\.0\.1:9: "):
        embed_many([folder], tmp_path / "out", engine="ray", address="127.0.0.1:9")


def test_without_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"\.\[ray\]"):
        embed_many([recordings(tmp_path / "audio", 1)], tmp_path / "out", engine="ray")
