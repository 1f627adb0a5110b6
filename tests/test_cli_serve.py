"""`affectspace serve` as a process of its own: address, stop, logs, sockets."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from typer.testing import CliRunner
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from affectspace.cli import app
from affectspace.errors import ModelError, ServiceError
from affectspace.web.running import bind
from embedding_tasks import wait_for
from voices import in_bytes, voice

RUN = "from affectspace.cli import main; main()"
TOKEN = "a-token-of-this-test"  # noqa: S105


class Running:
    """The process, its address, and what it said at the end."""

    def __init__(self, process):
        self.process = process
        self.url = process.stdout.readline().strip()
        parts = urlsplit(self.url)
        self.address = (parts.hostname, parts.port)
        self.said = ""

    def embed(self, content, **options):
        headers = {"Content-Type": "audio/wav", **options.pop("headers", {})}
        return httpx.post(
            f"{self.url}/v1/embed", content=content, headers=headers, timeout=60, **options
        )

    def raw(self, content, *, wait=20):
        """What comes back for bytes that no client would send."""
        with socket.create_connection(self.address, wait) as connection:
            connection.sendall(content)
            found = b""
            while part := connection.recv(65_536):
                found += part
            return found

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(30)

    def lines(self):
        return [json.loads(line) for line in self.said.splitlines()]


@contextmanager
def running(*arguments, **environment):
    command = [sys.executable, "-c", RUN, "serve", "--port", "0", "--workers", "1", *arguments]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    ) as process:
        service = None
        try:
            service = Running(process)
            yield service
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(30)
            if service is not None:
                service.said = process.stderr.read()


def test_it_embeds_says_so_in_json_and_stops_with_all_it_began():
    with running() as service:
        assert service.url.startswith("http://127.0.0.1:")
        answer = service.embed(in_bytes(voice(1.0)), params={"name": "secret.wav"})
        assert answer.json()["rows"][0]["status"] == "ok"
        assert httpx.get(f"{service.url}/healthz").json()["ok"] is True
        workers = psutil.Process(service.process.pid).children(recursive=True)
        assert workers
        assert service.stop() == 0
        _, alive = psutil.wait_procs(workers, timeout=20)
        assert alive == []
    lines = service.lines()
    assert [line["route"] for line in lines] == ["/v1/embed", "/healthz"]
    assert lines[0]["rows"] == 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", lines[0]["time"])
    assert "secret" not in service.said


def test_what_has_begun_is_ended_and_nothing_new_is_taken():
    with running() as service:
        assert service.embed(in_bytes(voice(1.0))).status_code == 200
        found = []
        long = in_bytes(voice(60.0))
        thread = threading.Thread(target=lambda: found.append(service.embed(long)))
        thread.start()
        wait_for(lambda: "in_flight 1.0" in httpx.get(f"{service.url}/metrics").text)
        service.process.send_signal(signal.SIGTERM)
        wait_for(lambda: not_taken(service.address))
        thread.join(30)
        assert found[0].status_code == 200
        assert service.process.wait(30) == 0


def not_taken(address):
    try:
        with socket.create_connection(address, 5):
            return False
    except OSError:
        return True


def test_what_does_not_end_in_time_is_broken_off():
    with running("--grace", "1") as service:
        assert service.embed(in_bytes(voice(1.0))).status_code == 200
        with socket.create_connection(service.address, 20) as connection:
            connection.sendall(head("Content-Length: 100\r\nContent-Type: audio/wav\r\n") + b"x")
            wait_for(lambda: "in_flight 1.0" in httpx.get(f"{service.url}/metrics").text)
            started = time.monotonic()
            assert service.stop() == 0
            assert time.monotonic() - started < 20


def test_with_ctrl_c_it_stops_likewise():
    with running() as service:
        assert service.stop(signal.SIGINT) == 0
    assert "Traceback" not in service.said


def head(headers="", *, method="POST", path="/v1/embed"):
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n".encode()


def test_no_bytes_on_the_wire_make_it_fail():
    wav = "Content-Type: audio/wav\r\nConnection: close\r\n"
    with running("--timeout", "4") as service:
        for content, status in [
            (b"\x00\xff" * 100 + b"\r\n\r\n", b"400"),
            (b"GET / HTTP/1.1\r\n\r\n", b"400"),
            (head(f"X: {'x' * 40_000}\r\n"), b"431"),
            (head(f"{wav}Content-Length: x\r\n"), b"400"),
            (head(f"{wav}Content-Length: {'9' * 30}\r\n"), b"400"),
            (head(f"{wav}Content-Length: {'9' * 12}\r\n"), b"413"),
            (head(f"{wav}Content-Length: 100\r\n") + b"too little", b"408"),
            (head(f"{wav}Transfer-Encoding: chunked\r\n") + b"zz\r\n", b"400"),
            (head(f"{wav}Content-Length: 3\r\n") + b"abc", b"200"),
        ]:
            found = service.raw(content)
            assert found[9:12] == status, (content[:200], found[:300])
        with socket.create_connection(service.address, 20) as connection:  # breaks off
            connection.sendall(head(f"{wav}Content-Length: 100\r\n") + b"x")
        assert service.embed(in_bytes(voice(1.0))).json()["rows"][0]["status"] == "ok"
        assert service.stop() == 0
    statuses = [line.get("status", 0) for line in service.lines()]
    assert max(statuses) < 500
    assert "Traceback" not in service.said


def test_a_token_is_asked_for_where_there_is_one(tmp_path):
    with running(AFFECTSPACE_TOKEN=TOKEN) as service:
        content = in_bytes(voice(1.0))
        assert service.embed(content).status_code == 401
        right = {"Authorization": f"Bearer {TOKEN}"}
        assert service.embed(content, headers=right).status_code == 200
        stream = f"{service.url.replace('http', 'ws')}/v1/stream"
        with pytest.raises(InvalidStatus) as refused, connect(stream):
            pass
        assert refused.value.response.status_code == 401
        with connect(stream, additional_headers=right) as socket:
            assert "ready" in json.loads(socket.recv())
    assert TOKEN not in service.said


def test_a_stream_over_a_real_socket(tmp_path):
    samples = (voice(5.5) * 32767).astype("<i2").tobytes()
    with running("--stream-seconds", "60") as service:
        with connect(f"{service.url.replace('http', 'ws')}/v1/stream?window=3") as socket:
            assert json.loads(socket.recv())["ready"]["window"] == 3
            for first in range(0, len(samples), 3_200):
                socket.send(samples[first : first + 3_200])
            socket.send(json.dumps({"end": True}))
            messages = [json.loads(message) for message in socket]
        ends = [message["row"]["end"] for message in messages[:-1]]
        assert ends == [3, 4, 5, 5.5]
        assert messages[-1]["summary"]["complete"] is True
        with connect(f"{service.url.replace('http', 'ws')}/v1/stream") as socket:
            socket.recv()
            socket.send(bytes(300_000))  # larger than a message may be
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv()
            assert closed.value.rcvd.code == 1009
        with connect(f"{service.url.replace('http', 'ws')}/v1/stream") as socket:
            socket.recv()
            assert service.stop() == 0
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv()
            assert closed.value.rcvd.code == 1012


def test_the_port_is_tried_before_the_model_is_loaded(monkeypatch):
    monkeypatch.setattr("affectspace.web.serve.serve.load_model", None)
    with bind("127.0.0.1", 0) as taken:
        result = CliRunner().invoke(app, ["serve", "--port", str(taken.getsockname()[1])])
    assert isinstance(result.exception, ServiceError)
    assert "--port" in str(result.exception)


def test_what_cannot_be_is_said_before_it_serves():
    runner = CliRunner()
    result = runner.invoke(app, ["serve", "--port", "0", "--model", "no-such-model"])
    assert isinstance(result.exception, ModelError)
    result = runner.invoke(app, ["serve", "--host", "0.0.0.0"], env={"AFFECTSPACE_TOKEN": ""})  # noqa: S104
    assert isinstance(result.exception, ServiceError)
    assert runner.invoke(app, ["serve", "--segment", "x"]).exit_code == 2


@pytest.mark.parametrize("package", ["fastapi", "prometheus_client", "websockets"])
def test_a_missing_extra_is_named(package):
    program = (
        f"import sys; sys.modules['{package}'] = None; sys.argv = ['affectspace', 'serve']; {RUN}"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.returncode == 1
    assert "[serve]" in ended.stderr
