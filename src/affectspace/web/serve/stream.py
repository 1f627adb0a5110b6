"""A stream: sound in, a row per second out, over a WebSocket.

In come binary messages of 16-bit little-endian mono samples, and `{"end": true}`. Out come objects
with one key: `ready` (what was agreed), `row`, `summary` at the end, or `error` before it closes.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from fastapi import FastAPI
from starlette.datastructures import QueryParams
from starlette.websockets import WebSocket, WebSocketDisconnect

from affectspace.segments import window_spans
from affectspace.web.embedders import NotEmbeddedError
from affectspace.web.refusals import Refusal
from affectspace.web.running import MESSAGE_BYTES
from affectspace.web.serve.jobs import embed_window
from affectspace.web.serve.service import Service, check_known, refusing
from affectspace.web.serve.uploads import clean_name

STREAM = "/v1/stream"
PARAMETERS = ("sampling_rate", "window", "name")
PROTOCOL = "affectspace.v1"
HOP = 1.0  # s
WINDOW, SHORTEST, LONGEST = 4.0, 2.0, 30.0  # s; below twice the hop the last row would differ
SLOWEST, FASTEST = 8_000, 48_000  # Hz
SAMPLE = 2  # bytes

_NORMAL, _UNSUPPORTED, _POLICY, _FAILED = 1000, 1003, 1008, 1011


class Window(NamedTuple):
    """A window that is to be embedded: its samples; start and end in seconds."""

    samples: bytes
    start: float
    end: float


class Windows:
    """Cuts what comes, little by little, into the windows that `embed --segment WINDOW:1` has.

    It holds no more than a window and what came last.

    Args:
        sampling_rate: in Hz.
        seconds: the length of a window, at least twice the hop.

    Examples:
        >>> windows = Windows(8000, 2.0)
        >>> windows.add(bytes(2 * 8000 * 3))
        >>> [(start, end) for _, start, end in windows.complete()]
        [(0.0, 2.0), (1.0, 3.0)]
        >>> windows.add(bytes(2 * 4000))
        >>> [(start, end) for _, start, end in windows.rest()]
        [(2.0, 3.5)]
    """

    def __init__(self, sampling_rate: int, seconds: float) -> None:
        self._rate, self._seconds = sampling_rate, seconds
        self._held = bytearray()
        self._first = self._given = 0
        self.frames = 0

    @property
    def duration(self) -> float:
        """Of all that came, in seconds."""
        return self.frames / self._rate

    def add(self, samples: bytes) -> None:
        """Take whole samples."""
        self._held += samples
        self.frames += len(samples) // SAMPLE

    def complete(self) -> Iterator[Window]:
        """Give the windows that are whole by now, each once."""
        while self._given * HOP + self._seconds <= self.duration + 1e-9:
            start = self._given * HOP
            window = self._cut(start, min(start + self._seconds, self.duration))
            self._given += 1
            self._forget()
            yield window

    def rest(self) -> Iterator[Window]:
        """Give what is left at the end: the last window, where it is a shorter one."""
        if self.frames:
            spans = window_spans(self.duration, self._seconds, HOP)
            for start, end in spans[self._given :]:
                self._given += 1
                yield self._cut(start, end)

    def _cut(self, start: float, end: float) -> Window:
        first, last = (round(time * self._rate) - self._first for time in (start, end))
        return Window(bytes(self._held[first * SAMPLE : last * SAMPLE]), start, end)

    def _forget(self) -> None:
        next_first = round(self._given * HOP * self._rate)
        del self._held[: (next_first - self._first) * SAMPLE]
        self._first = next_first


@dataclass(frozen=True)
class Asked:
    """What a stream is asked to be: sampling rate in Hz, window in s, and its name."""

    sampling_rate: int
    window: float
    name: str


class _EndedError(Exception):
    """The stream ends here; with an error that is told, or without a word."""

    def __init__(self, code: int, word: str = "", message: str = "") -> None:
        super().__init__(message)
        self.code, self.word = code, word


def add_stream(app: FastAPI, service: Service) -> None:
    """Add the route."""

    @app.websocket(STREAM)
    async def stream(socket: WebSocket) -> None:
        asked = read_settings(socket.query_params)
        with refusing(), service.streams.one():
            await _Stream(socket, service, asked).run()


def read_settings(query: QueryParams) -> Asked:
    """Read a stream's settings.

    Raises:
        Refusal: 422, where one can't be, or isn't known.
    """
    check_known(query, PARAMETERS)
    rate = _number(query, "sampling_rate", 16_000.0, SLOWEST, FASTEST)
    if rate != int(rate):
        raise Refusal(422, "invalid", "sampling_rate should be a whole number")
    window = _number(query, "window", WINDOW, SHORTEST, LONGEST)
    return Asked(int(rate), window, clean_name(query.get("name", "stream")))


def _number(query: QueryParams, name: str, default: float, low: float, high: float) -> float:
    try:
        value = float(query.get(name, default))
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise Refusal(422, "invalid", f"{name} should be a number from {low:g} to {high:g}")
    return value


class _Stream:
    """One stream; nothing of it is read while a window is worked on, so a fast sender waits."""

    def __init__(self, socket: WebSocket, service: Service, asked: Asked) -> None:
        self._socket, self._service, self._asked = socket, service, asked
        self._windows = Windows(asked.sampling_rate, asked.window)
        self._most = round(service.limits.stream_seconds * asked.sampling_rate)
        self._rows = self._scored = 0

    async def run(self) -> None:
        protocols = self._socket.scope.get("subprotocols", ())
        await self._socket.accept(subprotocol=PROTOCOL if PROTOCOL in protocols else None)
        try:
            await self._tell("ready", self._agreed())
            while not await self._heard():
                for window in self._windows.complete():
                    await self._embed(window)
            for windows in (self._windows.complete(), self._windows.rest()):
                for window in windows:
                    await self._embed(window)
            await self._tell("summary", self._summary())
            await self._socket.close(_NORMAL)
        except _EndedError as ended:
            if ended.word:
                await self._tell("error", {"code": ended.word, "message": str(ended)})
            await self._socket.close(ended.code)
        except (WebSocketDisconnect, TimeoutError, OSError):
            pass  # it has gone, or takes nothing any more

    async def _heard(self) -> bool:
        """Take the next message; return whether it was the last."""
        idle = self._service.limits.idle
        try:
            message = await asyncio.wait_for(self._socket.receive(), idle)
        except TimeoutError:
            raise _EndedError(_POLICY, "idle", f"Nothing came for {idle:g} s") from None
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        samples, text = message.get("bytes"), message.get("text")
        if samples is None:
            if _is_end(text):
                return True
            words = 'A message should be samples, or the text {"end": true}'
            raise _EndedError(_UNSUPPORTED, "invalid", words)
        if len(samples) % SAMPLE:
            words = "A message should hold whole samples of two bytes each"
            raise _EndedError(_UNSUPPORTED, "invalid", words)
        left = (self._most - self._windows.frames) * SAMPLE
        self._windows.add(samples[:left])
        return self._windows.frames >= self._most

    async def _embed(self, window: Window) -> None:
        service, asked = self._service, self._asked
        arguments = (asked.name, window.samples, asked.sampling_rate, window.start, window.end)
        try:
            future = service.embedders.submit(embed_window, lambda: arguments)
            row: dict[str, Any] = await asyncio.wrap_future(future)
        except NotEmbeddedError as error:
            raise _EndedError(_FAILED, "not_embedded", str(error)) from None
        is_scored = row["status"] == "ok"
        self._rows += 1
        self._scored += is_scored
        self._socket.scope["state"]["rows"] = self._rows
        sound = window.end - window.start if is_scored else 0.0
        service.metrics.embedded({row["status"]: 1}, sound)
        await self._tell("row", row)

    async def _tell(self, key: str, content: dict[str, Any]) -> None:
        """Send, unless nobody takes it: then the stream ends."""
        text = json.dumps({key: content}, default=str)
        await asyncio.wait_for(self._socket.send_text(text), self._service.limits.idle)

    def _agreed(self) -> dict[str, Any]:
        asked, limits = self._asked, self._service.limits
        return {
            "sampling_rate": asked.sampling_rate,
            "window": asked.window,
            "hop": HOP,
            "max_seconds": limits.stream_seconds,
            "max_message_bytes": MESSAGE_BYTES,
            "model": self._service.model,
        }

    def _summary(self) -> dict[str, Any]:
        return {
            "rows": self._rows,
            "scored": self._scored,
            "seconds": self._windows.duration,
            "complete": self._windows.frames < self._most,
        }


def _is_end(text: str | None) -> bool:
    try:
        return bool(json.loads(text or "") == {"end": True})
    except (ValueError, RecursionError):
        return False
