"""Tables, lists and folders some rows at a time: the same as at once."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest

from affectspace.errors import TableError
from affectspace.tables import (
    TEXT_DTYPE,
    find_utterances,
    read_frame,
    same_file,
    stream_frames,
    stream_utterances,
    utterance_index,
    write_table,
)


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
@pytest.mark.parametrize("rows", [1, 3, 100])
def test_a_streamed_table_is_the_table(tmp_path, suffix, rows):
    index = utterance_index([f"{n}.wav" for n in range(7)], [0, 1, 2, 0, 0, 0, 0], [None] * 7)
    table = pd.DataFrame(
        {
            "speaker": ["01", "02", None, "1", "1", "x", "x"],
            "activation": [1, 2, np.nan, 3, 4, 5, 1],
            "take": range(7),
            "code": ["1", "2", "3", "four", "5", "6", "7"],
        },
        index,
    )
    path = tmp_path / f"t.{suffix}"
    write_table(table, path)
    whole = read_frame(path)
    frames = list(stream_frames(str(path), rows))
    assert max(map(len, frames)) <= rows
    pd.testing.assert_frame_equal(pd.concat(frames, ignore_index=True), whole)


def test_a_column_of_numbers_is_one_in_every_frame(tmp_path):
    (tmp_path / "t.csv").write_text("file,n,m,text\na,1,1,1\nb,2,,2\nc,3.5,2,x\n")
    for frame in stream_frames(str(tmp_path / "t.csv"), 1):
        assert frame.dtypes[["n", "m"]].tolist() == ["float64", "float64"]
        assert frame["text"].dtype == TEXT_DTYPE


@pytest.mark.parametrize("text", ["file;n\na;1\n", "file,n\na,1,5\n", "file,activation\na,high\n"])
def test_a_streamed_table_that_is_none_is_an_error(tmp_path, text):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(TableError, match=r"t\.csv"):
        list(stream_frames(str(tmp_path / "t.csv"), 10))
    with pytest.raises(TableError, match="does not exist"):
        list(stream_frames(str(tmp_path / "gone.csv"), 10))


def test_streamed_utterances_are_those_found_at_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b").mkdir()
    for name in ("a/z.wav", "a.wav", "a b/c.wav", "a/b/d.mp3", "a/.x.wav", "a-.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "a" / "loop").symlink_to(tmp_path / "a")
    (tmp_path / "l.txt").write_bytes("é.wav\r\n\r\na\r\n".encode("utf-16"))
    (tmp_path / "t.csv").write_text("file,n\nx.wav,1\ny.wav,2\n")
    inputs = [".", "l.txt", "t.csv"]
    streamed = pd.concat(stream_utterances(inputs, rows=2))
    below = sorted(str(path) for path in tmp_path.rglob("*") if path.suffix in (".wav", ".mp3"))
    names = [os.path.relpath(path) for path in below if "/." not in path and "loop" not in path]
    files = streamed.index.get_level_values("file").to_list()
    assert [os.path.normpath(file) for file in files[: len(names)]] == names
    assert files[len(names) :] == ["é.wav", "a/b/d.mp3", "a/z.wav", "x.wav", "y.wav"]
    once = find_utterances(inputs).index.get_level_values("file")
    assert list(dict.fromkeys(map(same_file, files))) == list(map(same_file, once))
