"""Runs from and to addresses: object storage, the web, memory."""

from __future__ import annotations

import http.server
import threading
from functools import partial

import fsspec
import pandas as pd
import pytest

import affectspace
from affectspace.errors import AffectspaceError, TableError
from affectspace.scale import embed_many, open_folder
from affectspace.tables import stream_utterances
from made_scale import archive, clip, recordings


def files_of(tables) -> list[str]:
    return [file for table in tables for file in table.index.get_level_values("file")]


@pytest.fixture
def storage(monkeypatch):
    """A bucket in a server of this process."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "FSSPEC_S3_ENDPOINT_URL": f"http://{host}:{port}",
    }.items():
        monkeypatch.setenv(name, value)
    fsspec.config.set_conf_env(fsspec.config.conf)
    fs = fsspec.filesystem("s3")
    fs.mkdir("bucket")
    yield fs
    fsspec.config.conf.pop("s3", None)
    fsspec.spec.AbstractFileSystem.clear_instance_cache()
    server.stop()


def test_object_storage_in_and_out(storage, tmp_path):
    folder = recordings(tmp_path / "audio", 5)
    for path in folder.iterdir():
        storage.put_file(str(path), f"bucket/in/{path.name}")
    tar = archive(tmp_path / "t.tar", {"a.wav": clip(6), "b.wav": clip(7)})
    storage.put_file(str(tar), "bucket/packed/t.tar")
    storage.pipe_file("bucket/in/more.csv", b"file,take\nv00.wav,1\ngone.wav,2\n")
    inputs = ["s3://bucket/in/more.csv", "s3://bucket/in/", "s3://bucket/packed/*.tar"]
    account = embed_many(inputs, "s3://bucket/out", shard_size=2, jobs=1)
    assert account.complete
    assert (account.planned, account.members, account.duplicates) == (6, 2, 1)
    assert account.statuses == {"ok": 7, "missing": 1}
    names = open_folder("s3://bucket/out").names()
    assert names == {*(f"part-{n:05d}.parquet" for n in range(4)), "_manifest.json"}
    found = pd.read_parquet("bucket/out", filesystem=storage)
    expected = affectspace.load_model().embed(folder, cache=False, jobs=1)
    inside = found[found.index.get_level_values("file").str.contains("in/v")].sort_index()
    pd.testing.assert_frame_equal(
        inside[expected.columns].reset_index(drop=True), expected.reset_index(drop=True)
    )
    # a shard that is gone, and one that is cut short
    storage.rm("bucket/out/part-00000.parquet")
    data = storage.cat_file("bucket/out/part-00001.parquet")
    storage.pipe_file("bucket/out/part-00001.parquet", data[:-100])
    again = embed_many(inputs, "s3://bucket/out", shard_size=2, jobs=1)
    assert again.complete
    assert again.parts == account.parts


def test_folders_and_patterns_at_an_address():
    memory = fsspec.filesystem("memory")
    names = ("b.wav", "a.FLAC", "x.txt", ".hidden.wav", "below/c.mp3", ".git/d.wav")
    for name in names:
        memory.pipe_file(f"/listed/{name}", b"")
    memory.pipe_file("/listed/list.txt", b"b.wav\nmemory://listed/below\n")
    below = "memory:///listed/below/c.mp3"
    a, b = "memory:///listed/a.FLAC", "memory:///listed/b.wav"
    assert files_of(stream_utterances(["memory://listed/"])) == [a, b, below]
    assert files_of(stream_utterances(["memory://listed/*.wav"])) == [
        "memory:///listed/.hidden.wav",
        b,
    ]
    assert files_of(stream_utterances(["memory://listed/list.txt"])) == [
        "memory://listed/b.wav",
        below,
    ]
    assert files_of(stream_utterances(["memory://gone/a.wav"])) == ["memory://gone/a.wav"]
    with pytest.raises(TableError, match="can't be listed"):
        list(stream_utterances(["nonsense://bucket/"]))


def test_recordings_from_the_web(tmp_path):
    folder = recordings(tmp_path / "audio", 2)
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    handler.func.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        root = f"http://127.0.0.1:{server.server_port}"
        files = [f"{root}/v00.wav", f"{root}/v01.wav?token=1", f"{root}/gone.wav"]
        account = embed_many(files, tmp_path / "out", jobs=1)
        server.shutdown()
    assert account.statuses == {"ok": 2, "missing": 1}


def test_an_output_of_an_unknown_kind():
    with pytest.raises(AffectspaceError, match="can't be written to"):
        open_folder("nonsense://bucket/run")
