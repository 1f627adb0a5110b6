"""`affectspace explore`: a collection served by the command, to this machine alone."""

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from affectspace.cli import app
from affectspace.errors import ServiceError, TableError
from affectspace.tables import write_table
from affectspace.web.running import bind
from explored import made_collection
from voices import voice, write

RUN = "from affectspace.cli import main; main()"


def invoke(*arguments):
    return CliRunner().invoke(app, ["explore", *map(str, arguments)])


def begin(*arguments):
    command = [sys.executable, "-c", RUN, "explore", *map(str, arguments), "--port", "0"]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )


def ask(url, *, body=None, headers=()):
    content = None if body is None else json.dumps(body).encode()
    kind = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, content, {**kind, **dict(headers)})  # noqa: S310
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        return answer.headers, answer.read()


def test_it_prints_an_address_and_stops_when_asked(tmp_path):
    table = made_collection(tmp_path / "speech", 12, failed=0.2).table
    write_table(table, tmp_path / "embedding.csv")
    with begin(tmp_path / "embedding.csv", "--study", tmp_path / "study") as process:
        try:
            link = process.stdout.readline().strip()
            parts = urlsplit(link)
            assert (parts.hostname, parts.path) == ("127.0.0.1", "/explore")
            base = f"http://127.0.0.1:{parts.port}"
            headers, page = ask(f"{base}/explore")
            assert b"<script>" not in page
            assert "script-src 'self'" in headers["Content-Security-Policy"]
            with pytest.raises(urllib.error.HTTPError, match="401"):
                ask(f"{base}/api/explore/collection")
            token = {"token": parts.fragment}
            headers, opened = ask(f"{base}/api/explore/session", body=token)
            assert json.loads(opened)["about"]["study"] is True
            cookie = headers["Set-Cookie"].partition(";")[0]
            _, rows = ask(f"{base}/api/explore/collection", headers={"Cookie": cookie})
            assert json.loads(rows)["rows"] == 12
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        said = process.stderr.read()
    scored = int(table["status"].eq("ok").sum())
    assert f"{scored} of 12 rows are scored" in said
    assert "Traceback" not in said


def test_a_folder_is_embedded_first(tmp_path, monkeypatch):
    write(tmp_path / "a.wav", voice(1.0))
    found = {}

    def serve(collection, model, **given):
        found.update(given, table=collection.table)
        given["on_start"]("http://127.0.0.1:1/explore#token")

    monkeypatch.setattr("affectspace.web.explore.serve.serve", serve)
    result = invoke(tmp_path, "--no-cache", "--jobs", 1, "--port", 0)
    assert result.exit_code == 0, result.output
    assert result.stdout == "http://127.0.0.1:1/explore#token\n"
    assert "1 of 1 rows are scored" in result.stderr
    assert list(found["table"]["status"]) == ["ok"]
    assert (found["study"], found["source"]) == (None, "default")


def test_the_port_is_tried_before_anything_is_embedded(tmp_path):
    with bind("127.0.0.1", 0) as taken:
        result = invoke(tmp_path, "--port", taken.getsockname()[1])
    assert isinstance(result.exception, ServiceError)
    assert "--port" in str(result.exception)


def test_what_is_not_there_is_said_in_words(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        assert isinstance(invoke(path, "--port", 0).exception, TableError)


def test_a_missing_extra_is_named(tmp_path):
    program = (
        "import sys; sys.modules['fastapi'] = None; sys.argv = ['affectspace', 'explore', '.']; "
        "from affectspace.cli import main; main()"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.returncode == 1
    assert "-c constraints.txt '.[annotate]'" in ended.stderr
