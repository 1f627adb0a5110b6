"""What the service says of itself: metrics for Prometheus, and a line of JSON for each request.

Neither holds sound, names of recordings, addresses or tokens.
"""

from __future__ import annotations

import json
import logging
import re
import time
import traceback
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from affectspace.web.embedders import Embedders, Places

REQUEST_ID = "X-Request-ID"
METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "WEBSOCKET")
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
_LOG = logging.getLogger("affectspace.requests")


class Metrics:
    """What is counted, in a registry of its own.

    Args:
        embedders: the processes.
        requests: the places of requests to embed.
        streams: the places of streams.
    """

    def __init__(self, embedders: Embedders, requests: Places, streams: Places) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "affectspace_requests",
            "Answers, by route, method and status.",
            ("route", "method", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "affectspace_request_seconds",
            "From the first byte to the last, by route.",
            ("route",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._rows = Counter(
            "affectspace_rows", "Rows, by status.", ("status",), registry=self.registry
        )
        self._sound = Counter(
            "affectspace_audio_seconds", "Seconds of sound scored.", registry=self.registry
        )
        self.registry.register(_Live(embedders, requests, streams))

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def embedded(self, statuses: Mapping[str, int], seconds: float) -> None:
        """Count rows by their status, and the seconds of sound in those that were scored."""
        for status, count in statuses.items():
            self._rows.labels(status).inc(count)
        self._sound.inc(seconds)


class _Live(Collector):
    """What is true at the moment of asking."""

    def __init__(self, embedders: Embedders, requests: Places, streams: Places) -> None:
        self._embedders, self._requests, self._streams = embedders, requests, streams

    def collect(self) -> Iterator[Metric]:
        """Look."""
        gauges = {
            "affectspace_requests_in_flight": ("Requests to embed in hand.", self._requests.taken),
            "affectspace_requests_most": ("Requests that may be in hand.", self._requests.most),
            "affectspace_streams_open": ("Streams that are open.", self._streams.taken),
            "affectspace_queue": ("Tasks that wait for a process.", self._embedders.waiting),
            "affectspace_workers": ("Processes there should be.", self._embedders.workers),
            "affectspace_workers_ready": ("Processes that are ready.", self._embedders.ready),
        }
        for name, (words, value) in gauges.items():
            yield GaugeMetricFamily(name, words, value)
        yield CounterMetricFamily(
            "affectspace_worker_restarts",
            "Processes that took the place of another.",
            self._embedders.restarts,
        )


class Watch:
    """The middleware: the outermost, so that it sees refusals too.

    Args:
        app: the service behind it.
        metrics: where it counts.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, and say what came of it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(REQUEST_ID, "")
        identity = given if _ID.fullmatch(given) else uuid.uuid4().hex
        started, taken, status = time.perf_counter(), 0, 0

        async def receiving() -> Message:
            nonlocal taken, status
            message = await receive()
            taken += len(message.get("body") or message.get("bytes") or b"")
            if message["type"] == "websocket.disconnect":
                status = status or message.get("code", 1005)
            return message

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = identity
            elif message["type"] == "websocket.close":
                status = message.get("code", 1000)
            await send(message)

        scope.setdefault("state", {})
        try:
            await self._app(scope, receiving, sending)
        finally:
            self._told(scope, identity, status, time.perf_counter() - started, taken)

    def _told(self, scope: Scope, identity: str, status: int, seconds: float, taken: int) -> None:
        route = getattr(scope.get("route"), "path", "none")
        method = scope.get("method", "WEBSOCKET")
        method = method if method in METHODS else "other"
        self._metrics.answered(route, method, status, seconds)
        line = {
            "method": method,
            "route": route,
            "status": status,
            "seconds": round(seconds, 4),
            "bytes": taken,
            "rows": scope["state"].get("rows", 0),
            "request": identity,
        }
        _LOG.info("request", extra={"line": line})


class JsonLines(logging.Formatter):
    """Writes each record as an object on a line; of an error where it was, never its words."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "line", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["at"] = "".join(traceback.format_tb(record.exc_info[2]))
        return json.dumps(line, default=str)


def log_json() -> None:
    """Have every log record of this process go to stderr as a line of JSON."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    _LOG.setLevel(logging.INFO)
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # it quotes what it can't read
