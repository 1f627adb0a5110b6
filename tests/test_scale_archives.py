"""Archives in WebDataset's layout, whole and damaged, alone and in runs."""

from __future__ import annotations

import gzip
import json

import fsspec
import pandas as pd
import pytest

import affectspace
from affectspace.audio import Status
from affectspace.scale import archives, embed_many
from affectspace.scale.archives import Archive
from made_scale import archive, assert_equal_rows, clip, recordings


def members(tar: Archive) -> list[archives.Member]:
    return [member for block in tar.blocks() for member in block]


def test_recordings_with_what_belongs_to_them(tmp_path):
    files = {
        "a/000.json": b'{"take": 1,  "who": "\xc3\xa9"}',
        "a/000.wav": b"zero",
        "a/000.cls": b"3",
        "a/001.seg.FLAC": b"one",
        "a/002.mp3": b"two",
        "a/002.json": b"not json",
        "a/._002.mp3": b"resource fork",
        "b/000.wav": b"of another folder",
        "readme.txt": b"",
    }
    tar = Archive(str(archive(tmp_path / "t.tar", files)))
    assert members(tar) == [
        ("a/000.wav", b"zero", '{"take": 1,  "who": "é"}'),
        ("a/001.seg.FLAC", b"one", None),
        ("a/002.mp3", b"two", "not json"),
        ("b/000.wav", b"of another folder", None),
    ]
    assert (tar.members, tar.duplicates, tar.status) == (4, 0, Status.OK)


def test_a_name_that_comes_twice_comes_once(tmp_path):
    tar = Archive(str(archive(tmp_path / "t.tgz", {"a.wav": b"1", "b.wav": b"2", "a.wav#": b"3"})))
    assert members(tar) == [("a.wav", b"1", None), ("b.wav", b"2", None)]
    assert tar.duplicates == 1


def test_blocks_are_bounded(tmp_path, monkeypatch):
    tar = archive(tmp_path / "t.tar", {f"{n}.wav": b"x" * 100 for n in range(7)})
    monkeypatch.setattr(archives, "BLOCK_BYTES", 250)
    assert [len(block) for block in Archive(str(tar)).blocks()] == [2, 2, 2, 1]
    monkeypatch.setattr(archives, "BLOCK_ROWS", 1)
    assert [len(block) for block in Archive(str(tar)).blocks()] == [1] * 7


@pytest.mark.parametrize("packed", [False, True])
def test_wherever_an_archive_is_cut_what_is_whole_is_read(tmp_path, packed):
    files = {f"{n}.wav": bytes([n]) * 700 for n in range(3)}
    plain = archive(tmp_path / "whole.tar", files).read_bytes()
    path = tmp_path / ("cut.tar.gz" if packed else "cut.tar")
    for end in range(0, 3 * 1536 + 1, 256):  # a header and two blocks each, then zeros
        data = plain[:end]
        path.write_bytes(gzip.compress(data)[:-4] if packed else data)
        tar = Archive(str(path))
        whole = (end + 1536 - 512 - 700) // 1536  # a member's padding may be missing
        assert len(members(tar)) in ({0, whole} if packed else {whole})
        assert tar.status == Status.UNREADABLE
        assert "can't be read to its end" in tar.message


def test_a_damaged_header_is_not_taken_for_the_end(tmp_path):
    path = archive(tmp_path / "t.tar", {f"{n}.wav": b"x" * 700 for n in range(3)})
    data = bytearray(path.read_bytes())
    data[1536 + 100] ^= 255  # the mode of the second one; its checksum is wrong now
    path.write_bytes(data)
    tar = Archive(str(path))
    assert [member.name for member in members(tar)] == ["0.wav"]
    assert tar.status == Status.UNREADABLE


@pytest.mark.parametrize(
    ("content", "status"), [(None, "missing"), (b"no tar at all" * 99, "unreadable")]
)
def test_no_archive(tmp_path, content, status):
    if content:
        (tmp_path / "t.tar").write_bytes(content)
    tar = Archive(str(tmp_path / "t.tar"))
    assert members(tar) == []
    assert tar.status == status


def test_an_archive_without_recordings_says_so(tmp_path):
    tar = Archive(str(archive(tmp_path / "t.tar", {"readme.txt": b"no"})))
    assert (members(tar), tar.status) == ([], Status.EMPTY)


def test_a_run_over_archives_is_one_over_their_files(tmp_path):
    folder = recordings(tmp_path / "audio", 4)
    files = {f"s/{path.name}": path.read_bytes() for path in sorted(folder.iterdir())}
    files["s/v03.json"] = json.dumps({"text": "four"}).encode()
    whole = archive(tmp_path / "whole.tar", files)
    data = archive(tmp_path / "cut.tar", {"a.wav": clip(5), "b.wav": clip(6)}).read_bytes()
    (tmp_path / "cut.tar").write_bytes(data[: len(data) // 2])
    (tmp_path / "in.csv").write_text("file,language,json\nwhole.tar,da,mine\ncut.tar,,\n")
    out = tmp_path / "out"
    account = embed_many(
        [tmp_path / "in.csv", tmp_path / "gone.tar", folder], out, shard_size=3, jobs=1
    )
    assert account.complete
    assert (account.inputs, account.planned, account.members, account.rows) == (7, 4, 5, 11)
    table = pd.read_parquet(out)
    inside = table[table.index.get_level_values("file").str.contains(f"::{whole}", regex=False)]
    expected = affectspace.load_model().embed(folder, cache=False, jobs=1)
    pd.testing.assert_frame_equal(
        inside[expected.columns].reset_index(drop=True), expected.reset_index(drop=True)
    )
    assert inside["language"].tolist() == ["da"] * 4
    assert inside["json"].tolist()[3] == '{"text": "four"}'
    assert inside["json"].isna().sum() == 3
    assert inside["input_json"].tolist() == ["mine"] * 4
    first = inside.index[0][0]
    assert first == f"tar://s/v00.wav::{whole}"
    with fsspec.open(first) as file:
        assert file.read() == files["s/v00.wav"]
    rest = table[table["status"] != "ok"]
    assert [row[0] for row in rest.index] == [str(tmp_path / f"{x}.tar") for x in ("cut", "gone")]
    assert rest["status"].tolist() == ["unreadable", "missing"]
    assert "can't be read to its end: unexpected end of data" in rest["message"].iloc[0]


def test_segments_of_recordings_in_an_archive(tmp_path):
    path = archive(tmp_path / "t.tar", {"a.wav": clip(1, 0.6), "b.wav": b"no audio"})
    account = embed_many([path], tmp_path / "out", segment="0.3", jobs=1)
    assert account.complete
    found = pd.read_parquet(tmp_path / "out").reset_index()
    assert found["file"].tolist() == [f"tar://{m}.wav::{path}" for m in "aab"]
    assert found["start"].dt.total_seconds().tolist() == [0, 0.3, 0]
    assert found["status"].tolist() == ["ok", "ok", "unreadable"]


def test_blocks_do_not_show_in_the_rows(tmp_path, monkeypatch):
    path = archive(tmp_path / "t.tar", {f"{n}.wav": clip(n) for n in range(5)})
    whole = Archive(str(path))
    monkeypatch.setattr(archives, "BLOCK_ROWS", 2)
    assert [len(block) for block in Archive(str(path)).blocks()] == [2, 2, 1]
    assert members(Archive(str(path))) == members(whole)
    embed_many([path], tmp_path / "out", jobs=1)
    folder = tmp_path / "files"
    folder.mkdir()
    for n in range(5):
        (folder / f"{n}.wav").write_bytes(clip(n))
    expected = affectspace.load_model().embed(folder, cache=False, jobs=1)
    names = [f"tar://{n}.wav::{path}" for n in range(5)]
    expected.index = expected.index.set_levels(names, level="file")
    expected["json"] = None
    assert_equal_rows(tmp_path / "out", expected.astype({"json": "str"}))
