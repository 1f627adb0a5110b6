from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from affectspace import corpora
from affectspace.corpora import Corpus, Download
from affectspace.corpora import fetch as fetching
from affectspace.errors import CorpusError


class Server(ThreadingHTTPServer):
    """Serves `files` and counts requests; what is in `cut` ends after half its bytes, once."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.cut: set[str] = set()
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name = self.path.lstrip("/")
        self.server.asked.append(name)
        if name not in self.server.files:
            self.send_error(404)
            return
        content = self.server.files[name]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if name in self.server.cut:
            self.server.cut.remove(name)
            content = content[: len(content) // 2]
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as serving:
        thread = threading.Thread(target=serving.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield serving
        serving.shutdown()
        thread.join()


def zipped(*names: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name in names:
            file.writestr(name, b"RIFF" * 100_000)
    return archive.getvalue()


def corpus_with(**download: str | None) -> Corpus:
    file = Download(url="https://example.org/x/emodb.zip", file_name="emodb.zip", **download)
    return dataclasses.replace(corpora.get("emodb"), downloads=(file,))


ARCHIVE = zipped("wav/03a01Fa.wav", "wav/08a01Na.wav")
MD5 = f"md5:{hashlib.md5(ARCHIVE).hexdigest()}"  # noqa: S324


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_fetch_checks_unpacks_and_reads(server: Server, tmp_path: Path) -> None:
    server.files["emodb.zip"] = ARCHIVE
    corpus = corpus_with(hash=MD5)
    fetched = fetching.fetch_corpus(corpus, tmp_path / "new", mirror=server.url)
    assert fetched == [fetching.Fetched(tmp_path / "new/emodb", MD5, verified=True)]
    assert len(corpora.read("emodb", fetched[0].path)) == 2
    again = fetching.fetch_corpus(corpus, tmp_path / "new", mirror=f"{server.url}/")
    assert again == fetched
    assert server.asked == ["emodb.zip"]
    assert left(tmp_path / "new") == ["emodb", "emodb.zip"]


def test_the_bar_shows_the_whole_file(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.files["emodb.zip"] = ARCHIVE
    fetching.fetch_corpus(corpus_with(hash=MD5), tmp_path, mirror=server.url)
    out, err = capsys.readouterr()
    assert out == ""
    total = len(ARCHIVE) // 1000
    assert f"{total}/{total}" in err
    fetching.fetch_corpus(
        corpus_with(hash=MD5), tmp_path / "2", mirror=server.url, show_progress=False
    )
    assert capsys.readouterr().err == ""


def test_a_wrong_hash_keeps_nothing(server: Server, tmp_path: Path) -> None:
    server.files["emodb.zip"] = ARCHIVE + b"!"
    with pytest.raises(CorpusError, match="is not the published file, and nothing was kept"):
        fetching.fetch_corpus(corpus_with(hash=MD5), tmp_path, mirror=server.url)
    assert left(tmp_path) == []


def test_an_interrupted_download_is_repeated(server: Server, tmp_path: Path) -> None:
    server.files["emodb.zip"] = ARCHIVE
    server.cut.add("emodb.zip")
    with pytest.raises(CorpusError, match="Try again later"):
        fetching.fetch_corpus(corpus_with(hash=MD5), tmp_path, mirror=server.url)
    assert left(tmp_path) == []
    fetching.fetch_corpus(corpus_with(hash=MD5), tmp_path, mirror=server.url)
    assert left(tmp_path) == ["emodb", "emodb.zip"]


def test_an_archive_that_was_damaged_on_disk_is_replaced(server: Server, tmp_path: Path) -> None:
    server.files["emodb.zip"] = ARCHIVE
    (tmp_path / "emodb.zip").write_bytes(ARCHIVE[:100])
    fetching.fetch_corpus(corpus_with(hash=MD5), tmp_path, mirror=server.url)
    assert (tmp_path / "emodb.zip").read_bytes() == ARCHIVE


def test_404_and_no_server(server: Server, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"emodb\.zip can't be downloaded: 404"):
        fetching.fetch_corpus(corpus_with(hash=MD5), tmp_path, mirror=server.url)
    with pytest.raises(CorpusError, match="can't be downloaded"):
        fetching.fetch_corpus(corpus_with(hash=MD5), tmp_path, mirror="http://127.0.0.1:9")
    assert left(tmp_path) == []


def test_a_folder_that_cannot_be_made(server: Server, tmp_path: Path) -> None:
    server.files["emodb.zip"] = ARCHIVE
    (tmp_path / "file").touch()
    with pytest.raises(CorpusError, match="can't be written"):
        fetching.fetch_corpus(corpus_with(hash=MD5), tmp_path / "file", mirror=server.url)


def test_unverified_only_when_allowed(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.files["emodb.zip"] = ARCHIVE
    with pytest.raises(CorpusError, match=r"nobody published a hash.*--allow-unverified"):
        fetching.fetch_corpus(corpus_with(), tmp_path, mirror=server.url)
    assert server.asked == []
    fetched = fetching.fetch_corpus(
        corpus_with(), tmp_path, mirror=server.url, allow_unverified=True
    )
    digest = f"sha256:{hashlib.sha256(ARCHIVE).hexdigest()}"
    assert fetched == [fetching.Fetched(tmp_path / "emodb", digest, verified=False)]
    assert f"is unverified; its hash is {digest}" in caplog.text


def test_the_hash_is_asked_from_the_record(server: Server, tmp_path: Path) -> None:
    server.files["emodb.zip"] = ARCHIVE
    corpus = corpus_with(checksums="https://zenodo.org/api/records/123")
    record = {"files": [{"key": "emodb.zip", "checksum": MD5}]}
    server.files["123"] = json.dumps(record).encode()
    fetched = fetching.fetch_corpus(corpus, tmp_path, mirror=server.url)
    assert fetched[0] == fetching.Fetched(tmp_path / "emodb", MD5, verified=True)
    assert server.asked == ["123", "emodb.zip"]


@pytest.mark.parametrize("record", ["no json", "[]", '{"files": []}', '{"files": [{"key": 1}]}'])
def test_a_record_without_the_hash_stops_it(server: Server, tmp_path: Path, record: str) -> None:
    server.files["123"] = record.encode()
    corpus = corpus_with(checksums="https://zenodo.org/api/records/123")
    with pytest.raises(CorpusError, match=r"gives no hash of emodb\.zip"):
        fetching.fetch_corpus(corpus, tmp_path, mirror=server.url)
    assert left(tmp_path) == []


@pytest.mark.parametrize("name", ["../evil.wav", "/evil.wav", "a/../../evil", "..\\evil", "C:/e"])
def test_archives_cannot_write_outside(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.zip").write_bytes(zipped("fine.wav", name))
    with pytest.raises(CorpusError, match="would write outside its folder"):
        fetching.unpack(tmp_path / "a.zip", tmp_path / "to", mark="x")
    assert left(tmp_path) == ["a.zip"]


def test_broken_archives_leave_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(ARCHIVE[: len(ARCHIVE) // 2])
    with pytest.raises(CorpusError, match="can't be unpacked"):
        fetching.unpack(tmp_path / "a.zip", tmp_path / "to", mark="x")
    assert left(tmp_path) == ["a.zip"]


def test_a_users_folder_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(ARCHIVE)
    (tmp_path / "to").mkdir()
    (tmp_path / "to/mine.txt").touch()
    with pytest.raises(CorpusError, match="is there already and was not unpacked from"):
        fetching.unpack(tmp_path / "a.zip", tmp_path / "to", mark="x")
    assert left(tmp_path / "to") == ["mine.txt"]


def test_labels_are_checked_one_by_one(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = b"filename,activation,valence\n03a01Fa.wav,3,3\n"
    right = f"sha256:{hashlib.sha256(text).hexdigest()}"
    labels = tuple(dataclasses.replace(label, hash=right) for label in fetching.LABELS)
    monkeypatch.setattr(fetching, "LABELS", labels)
    server.files |= {label.file_name: text for label in labels[:3]}
    with pytest.raises(CorpusError, match=r"URDU\.csv can't be downloaded: 404"):
        fetching.fetch_labels(tmp_path, mirror=server.url)
    server.files["URDU.csv"] = text
    fetched = fetching.fetch_labels(tmp_path, mirror=server.url)
    assert [file.path.name for file in fetched] == [label.file_name for label in labels]
    assert all(file.verified for file in fetched)
    assert server.asked.count("AESD.csv") == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("iemocap", "needs a signed licence. Apply with the release form at https://sail.usc.edu"),
        ("msp_improv", "needs a signed licence. Apply"),
        ("emovo", "has no address to download from"),
    ],
)
def test_closed_corpora_say_where_to_go(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        fetching.fetch_corpus(corpora.get(name), tmp_path)


@pytest.mark.real
def test_published_label_hashes(data_root: Path) -> None:
    for label in fetching.LABELS:
        content = (data_root / "labels" / "dtu" / label.file_name).read_bytes()
        assert label.hash == f"sha256:{hashlib.sha256(content).hexdigest()}"
