"""Clients of a served model, which runs in a process of its own: polite, too many, broken."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

import psutil

PATIENCE = 90.0  # s, for an answer
LINGER = 1.5  # s, for one to bytes that may be no request


class Memory(NamedTuple):
    """What is resident, in MB: of the service's own process, and of a worker at most."""

    service: float
    worker: float


@dataclass
class Served:
    """A model that is served by the command itself.

    Attributes:
        process: the service's own.
        host: of its address.
        port: likewise.
    """

    process: subprocess.Popen[str]
    host: str
    port: int

    def get(self, path: str) -> tuple[int, str]:
        """Ask for something."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def workers(self) -> list[psutil.Process]:
        """The processes that embed: those that hold the most, as many as there are."""
        wanted = json.loads(self.get("/healthz")[1])["workers"]["wanted"]
        below = psutil.Process(self.process.pid).children(recursive=True)
        return sorted(below, key=lambda one: -one.memory_info().rss)[:wanted]

    def cpu(self) -> tuple[float, float]:
        """Seconds of processor time so far: of the service's own process, and of the others."""
        own = psutil.Process(self.process.pid)
        spent = [one.cpu_times() for one in (own, *own.children(recursive=True))]
        first, *others = [times.user + times.system for times in spent]
        return first, sum(others)

    def memory(self, workers: Sequence[psutil.Process]) -> Memory:
        """Look at what is resident now."""
        held = [0.0]
        for worker in workers:
            with suppress(psutil.Error):
                held.append(worker.memory_info().rss)
        own = psutil.Process(self.process.pid).memory_info().rss
        return Memory(own / 1e6, max(held) / 1e6)


@contextmanager
def served(*options: str) -> Iterator[Served]:
    """Serve the default model while the block lasts, all processes ready."""
    command = [sys.executable, "-c", "from affectspace.cli import main; main()", "serve"]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(
            [*command, "--port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            env=environment,
        ) as process,
    ):
        assert process.stdout is not None
        try:
            parts = urlsplit(process.stdout.readline().strip())
            if parts.port is None:
                said.seek(0)
                raise SystemExit(f"affectspace serve failed:\n{said.read()}")
            service = Served(process, str(parts.hostname), parts.port)
            _wait_until_ready(service)
            yield service
        finally:
            process.terminate()
            process.wait(30)


def _wait_until_ready(service: Served) -> None:
    for _ in range(600):
        workers = json.loads(service.get("/healthz")[1])["workers"]
        if workers["ready"] == workers["wanted"]:
            return
        time.sleep(0.1)
    raise SystemExit("the processes don't become ready")


@dataclass
class Heard:
    """What clients were answered.

    Attributes:
        statuses: how often each; 0 is no answer.
        seconds: of each answer with 200.
        told: of the answers with 503, how many said when to come again.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    told: int = 0


def request_of(clip: bytes) -> bytes:
    """Return a request with a recording, as it goes over the wire."""
    head = f"POST /v1/embed HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(clip)}\r\n"
    return f"{head}Content-Type: audio/wav\r\n\r\n".encode() + clip


async def ask_for(
    service: Served, request: bytes, *, clients: int, seconds: float, pause: float = 0.0
) -> Heard:
    """Have so many clients ask, each as soon as it was answered.

    Args:
        service: that is asked.
        request: the bytes.
        clients: how many at once.
        seconds: for how long.
        pause: in seconds, after a refusal; a client that heeds Retry-After waits far longer.
    """
    heard, ends = Heard(), time.perf_counter() + seconds

    async def client() -> None:
        while time.perf_counter() < ends:
            started = time.perf_counter()
            status, head = await exchange(service, request)
            heard.statuses[status] += 1
            if status == 200:
                heard.seconds.append(time.perf_counter() - started)
            else:
                heard.told += status == 503 and b"retry-after" in head.lower()
                await asyncio.sleep(pause)

    await asyncio.gather(*(client() for _ in range(clients)))
    return heard


async def exchange(
    service: Served, content: bytes, *, patience: float = PATIENCE
) -> tuple[int, bytes]:
    """Send bytes over a connection of their own; return the status that came, and the head.

    Args:
        service: that is asked.
        content: the bytes.
        patience: seconds to wait for an answer.
    """
    writer = None
    try:
        async with asyncio.timeout(patience):
            reader, writer = await asyncio.open_connection(service.host, service.port)
            with suppress(OSError):  # it may answer, and close, before all was sent
                writer.write(content)
                await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
            length = [line for line in head.lower().split(b"\r\n") if b"content-length:" in line]
            if length:
                await reader.readexactly(int(length[0].partition(b":")[2]))
            return int(head.split(None, 2)[1]), head
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return 0, b""
    finally:
        if writer is not None:
            writer.close()


def broken(clip: bytes, rng: random.Random) -> bytes:
    """Return bytes that are no proper request with a recording, in one of many ways."""
    kinds = (_wrong_length, _bad_sound, _bad_form, _mutated)
    number = rng.randrange(len(kinds) + 2)
    if number < len(kinds):
        return kinds[number](clip, rng)
    return _random_bytes(rng) if number == len(kinds) else _odd_head(rng)


def _random_bytes(rng: random.Random) -> bytes:
    return rng.randbytes(rng.randrange(1, 2_000)) + rng.choice((b"", b"\r\n\r\n"))


def _odd_head(rng: random.Random) -> bytes:
    method = rng.choice(("POST", "GET", "PUT", "P\x00ST", "OPTIONS", "x" * 300))
    path = rng.choice(
        (
            *("/v1/embed?segment=" + "9" * 50, "/v1/embed?channel=%ff", "/%2e%2e/etc/passwd"),
            *("*", "http://evil.example/", "/v1/stream", "/metrics", "/v1/embed?" + "a=b&" * 900),
        )
    )
    lines = rng.choices(
        (
            *("Host: 127.0.0.1", "Host: evil.example", "Host:", "Host: \xff", "Content-Length: -1"),
            *(
                "Content-Length: 99999999999",
                "Content-Type: multipart/form-data",
                "X: " + "y" * 9000,
            ),
            *("Transfer-Encoding: chunked", "Transfer-Encoding: gzip", "Expect: 100-continue"),
            *("Content-Encoding: br", "Upgrade: websocket", "Connection: Upgrade", ": empty"),
            *("Sec-WebSocket-Key: x", "Authorization: Bearer \xff", "Origin: null", "no colon"),
            *("Content-Type: audio/\xff", "Accept: text/csv", "Cookie: " + "a=b;" * 500),
        ),
        k=rng.randrange(6),
    )
    return f"{method} {path} HTTP/1.{rng.randrange(3)}\r\n".encode("latin-1") + (
        "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + rng.randbytes(rng.randrange(200))
    )


def _wrong_length(clip: bytes, rng: random.Random) -> bytes:
    part = clip[: rng.randrange(2_000)]
    stated = max(0, len(part) + rng.choice((-500, -1, 1, 10_000)))
    head = f"POST /v1/embed HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {stated}\r\n"
    return f"{head}Content-Type: audio/wav\r\n\r\n".encode() + part


def _bad_sound(clip: bytes, rng: random.Random) -> bytes:
    sound = bytearray(clip[: rng.randrange(len(clip))])
    for _ in range(rng.randrange(1, 12)):
        if sound:
            place = rng.randrange(min(len(sound), 60) if rng.random() < 0.7 else len(sound))
            sound[place] = rng.randrange(256)
    start = rng.choice(
        (b"", b"fLaC", b"OggS", b"ID3\x03", b"\x00\x00\x00\x18ftyp", b"\x1aE\xdf\xa3")
    )
    return request_of(start + bytes(sound))


def _bad_form(clip: bytes, rng: random.Random) -> bytes:
    parts = rng.choices(
        (
            *(b"--x\r\n", b"--x--\r\n", b"--x", b"\r\n\r\n", b"\r\n", clip[:300], b"\xff" * 40),
            b'Content-Disposition: form-data; name="files"; filename="a.wav"\r\n',
            b'Content-Disposition: form-data; name="files"; filename="' + b"a" * 5_000 + b'"\r\n',
            *(
                b"Content-Disposition: form-data\r\n",
                b"Content-Type: audio/wav\r\n",
                b"a: b\r\n" * 50,
            ),
        ),
        k=rng.randrange(1, 14),
    )
    body = b"".join(parts)
    boundary = rng.choice(("x", "x", "x", "", "y" * 100))
    head = f"POST /v1/embed HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Content-Type: multipart/form-data; boundary={boundary}\r\n\r\n".encode() + body


def _mutated(clip: bytes, rng: random.Random) -> bytes:
    request = bytearray(request_of(clip[:5_000]))
    for _ in range(rng.randrange(1, 6)):
        place = rng.randrange(120)
        if rng.random() < 0.5:
            request[place] = rng.randrange(256)
        else:
            del request[place : place + rng.randrange(1, 5)]
    return bytes(request)
