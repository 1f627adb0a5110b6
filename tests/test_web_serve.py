"""The service that embeds: what it answers, and that it is what the command gives."""

import csv
import io
import json

import pytest
from numpy.testing import assert_equal

from affectspace.model import load_model
from served_model import HERE, asking, code, expected, made_service
from voices import in_bytes, noise, voice, write

EMBED = "/v1/embed"


@pytest.fixture(scope="module")
def model():
    return load_model("default")


@pytest.fixture(scope="module")
def client():
    with asking(made_service()) as client:
        yield client


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Recordings of every kind: two that are scored, and what can't be."""
    folder = tmp_path_factory.mktemp("sent")
    write(folder / "voice.wav", voice(2.0))
    write(folder / "stereo 44.flac", voice(1.5, 44_100, pitch=200))
    write(folder / "silence.wav", 0 * voice(1.0))
    write(folder / "noise.wav", noise(1.0))
    write(folder / "short.wav", voice(0.1))
    write(folder / "clipped.wav", (50 * voice(1.0)).clip(-1, 1))
    (folder / "words.wav").write_bytes(b"these are words, and no sound" * 9)
    (folder / "empty.wav").write_bytes(b"")
    whole = (folder / "voice.wav").read_bytes()
    (folder / "cut.wav").write_bytes(whole[:20_000])
    write(folder / "long é.ogg", voice(9.0, pitch=150))
    return sorted(folder.iterdir())


def form(paths):
    return [("files", (path.name, path.read_bytes(), "audio/wav")) for path in paths]


@pytest.mark.parametrize("segment", ["none", "speech", "2", "2:0.5"])
def test_rows_are_those_of_the_command(client, model, paths, segment):
    answer = client.post(EMBED, params={"segment": segment}, files=form(paths))
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert_equal(found["rows"], expected(model, paths, segment=segment))
    assert found["model"]["segment"] == segment
    assert found["model"]["name"] == model.name
    if segment == "none":
        assert len({row["status"] for row in found["rows"]}) > 5
        assert {row["file"] for row in found["rows"]} == {path.name for path in paths}


@pytest.mark.parametrize("channel", ["first", "mean", "7"])
def test_a_channel_may_be_named(client, model, paths, channel):
    rule = int(channel) if channel.isdecimal() else channel
    answer = client.post(EMBED, params={"channel": channel}, files=form(paths[:3]))
    assert_equal(answer.json()["rows"], expected(model, paths[:3], channel=rule))


def test_a_recording_may_be_the_whole_body(client, model, paths):
    path = next(path for path in paths if path.name == "voice.wav")
    for options in (
        {"params": {"name": "voice.wav"}},
        {"headers": {"Content-Disposition": 'attachment; filename="voice.wav"'}},
        {"headers": {"Content-Disposition": "attachment; filename*=UTF-8''voice.wav"}},
    ):
        headers = {"Content-Type": "audio/wav", **options.pop("headers", {})}
        answer = client.post(EMBED, content=path.read_bytes(), headers=headers, **options)
        assert_equal(answer.json()["rows"], expected(model, [path]))
    headers = {"Content-Type": "application/octet-stream"}
    answer = client.post(EMBED, content=path.read_bytes(), headers=headers)
    assert answer.json()["rows"][0]["file"] == "recording"


def test_other_forms_hold_the_same_rows(client, paths):
    rows = client.post(EMBED, files=form(paths)).json()["rows"]
    lines = client.post(EMBED, files=form(paths), headers={"Accept": "application/x-ndjson"})
    assert lines.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line) for line in lines.text.splitlines()] == rows
    table = client.post(EMBED, files=form(paths), headers={"Accept": "text/csv"})
    assert table.headers["content-type"].startswith("text/csv")
    found = list(csv.DictReader(io.StringIO(table.text)))
    assert [row["file"] for row in found] == [row["file"] for row in rows]
    assert [row["status"] for row in found] == [row["status"] for row in rows]
    assert [float(row["activation"] or "nan") for row in found] == pytest.approx(
        [row["activation"] or float("nan") for row in rows], nan_ok=True
    )


def test_what_becomes_a_row_may_be_set_for_all(model, paths):
    with asking(made_service(segment="2")) as client:
        rows = client.post(EMBED, files=form(paths[:2])).json()["rows"]
        assert_equal(rows, expected(model, paths[:2], segment="2"))


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("../../etc/passwd", "../../etc/passwd"),
        ("<img src=x>.wav", "<img src=x>.wav"),
        ("http://10.0.0.1/x.wav", "http://10.0.0.1/x.wav"),
        ("zip://x::file:///etc/passwd", "zip://x::file:///etc/passwd"),
        ("-", "-"),
        ("a\x07b.wav", "a b.wav"),
        ("x" * 500, "x" * 255),
        (" ", "recording"),
    ],
)
def test_a_name_is_a_name_and_nothing_else(client, name, called):
    headers = {"Content-Type": "audio/wav"}
    answer = client.post(
        EMBED, content=in_bytes(voice(1.0)), params={"name": name}, headers=headers
    )
    (row,) = answer.json()["rows"]
    assert (row["status"], row["file"]) == ("ok", called)


def test_nothing_that_is_sent_is_stored(client, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("affectspace.web.serve.uploads.SPOOLED", 1000)
    content = in_bytes(voice(2.0))
    assert client.post(EMBED, files={"files": ("a.wav", content)}).status_code == 200
    headers = {"Content-Type": "audio/wav"}
    assert client.post(EMBED, content=content, headers=headers).status_code == 200
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize(
    ("options", "status", "word"),
    [
        ({"params": {"segment": "x"}}, 422, "invalid"),
        ({"params": {"segment": "0.1"}}, 422, "invalid"),
        ({"params": {"channel": "left"}}, 422, "invalid"),
        ({"files": [("a", ("x.wav", b"1")), ("b", ("x.wav", b"2"))]}, 422, "same_name"),
        ({"files": {"a": ("x.wav", b"1")}, "data": {"segment": "2"}}, 422, "invalid"),
        ({"data": {"segment": "2"}}, 415, "bad_type"),
        ({"content": b"", "headers": {"Content-Type": "audio/wav"}}, 422, "invalid"),
        ({"content": b"x"}, 415, "bad_type"),
        ({"content": b"x", "headers": {"Content-Type": "text/plain"}}, 415, "bad_type"),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400, "invalid"),
        (
            {"content": b"x", "headers": {"Content-Type": "audio/wav", "Content-Encoding": "gzip"}},
            415,
            "bad_type",
        ),
        ({"json": {"urls": ["https://example.org/a.wav"]}}, 403, "no_links"),
    ],
)
def test_what_is_wrong_is_said_in_words(client, options, status, word):
    if not {"content", "files", "data", "json"} & set(options):
        options = {**options, "content": b"x", "headers": {"Content-Type": "audio/wav"}}
    answer = client.post(EMBED, **options)
    assert (answer.status_code, code(answer)) == (status, word), answer.text
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("query", ["?segmnt=speech", "?segment=2&segmnt=", "?%C3%A9=1"])
def test_a_parameter_that_is_not_known_is_named_with_those_that_are(client, query):
    headers = {"Content-Type": "audio/wav"}
    answer = client.post(f"{EMBED}{query}", content=in_bytes(voice(1.0)), headers=headers)
    assert (answer.status_code, code(answer)) == (422, "invalid")
    name = "é" if "C3" in query else "segmnt"
    detail = answer.json()["error"]["details"][0]
    assert detail["field"] == name
    assert repr(name) in detail["message"]
    assert "segment, channel, name" in detail["message"]


def test_only_its_own_pages_may_ask(client):
    headers = {"Origin": "https://evil.example", "Content-Type": "audio/wav"}
    assert client.post(EMBED, content=b"x", headers=headers).status_code == 403
    headers["Origin"] = HERE
    assert client.post(EMBED, content=b"x", headers=headers).status_code == 200


def test_the_page_alone_may_hear_the_microphone(client):
    page = client.get("/")
    assert "microphone=(self)" in page.headers["Permissions-Policy"]
    assert "camera=()" in page.headers["Permissions-Policy"]
    for path in ("/healthz", "/static/base.css", "/rate", "/nothing"):
        assert "microphone=()" in client.get(path).headers["Permissions-Policy"]
