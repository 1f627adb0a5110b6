"""Runs an application with uvicorn, on an address known before, until it is asked to stop."""

from __future__ import annotations

import ipaddress
import math
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from fastapi import FastAPI

from affectspace.errors import ServiceError
from affectspace.web.guard import HEADER_BYTES

LOOPBACK = "127.0.0.1"
STOPPING_SECONDS = 5
MESSAGE_BYTES = 262_144  # of a WebSocket's message
SWITCHING_SECONDS = 0.0005
"""How soon a thread that has waited for the disk goes on; with Python's own 5 ms, a transaction of
fifteen statements waits for other threads for longer than it works."""


def is_loopback(host: str) -> bool:
    """Tell whether an address is reached from this machine only.

    Examples:
        >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0")
        (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bind(host: str, port: int) -> socket.socket:
    """Take an address, so that it can be printed before the service runs.

    Args:
        host: an address or name of this machine.
        port: 0 takes any that is free.

    Raises:
        ServiceError: when it is taken, or not this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        taken = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ServiceError(f"the address {host} can't be used: {error}") from None
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
        taken.listen(128)
    except OSError as error:
        taken.close()
        raise ServiceError(
            f"port {port} of {host} can't be used: {error.strerror or error}; "
            "name another with --port, or --port 0 for any that is free"
        ) from None
    return taken


def url_of(taken: socket.socket, host: str) -> str:
    """Return the address as a browser takes it, without a slash at its end."""
    port = taken.getsockname()[1]
    if host in ("0.0.0.0", "::"):  # noqa: S104  (only read)
        host = socket.gethostname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run(
    app: FastAPI,
    taken: socket.socket,
    *,
    on_start: Callable[[], None],
    stopping: float = STOPPING_SECONDS,
    sockets: Literal["none", "websockets-sansio"] = "none",
    connections: int | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; requests that have begun get a few seconds to end.

    Args:
        app: the application.
        taken: from `bind`; closed at the end.
        on_start: called once requests are answered.
        stopping: seconds that requests get to end.
        sockets: what speaks WebSocket, if any.
        connections: the most at once; others are answered with 503. None is no bound.

    Raises:
        SystemExit: with 0 after a SIGTERM, once all has ended as it should.
    """
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            if self.started:
                on_start()

    config = uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=math.ceil(stopping),
        timeout_keep_alive=30,
        http="h11",  # the one that bounds headers
        h11_max_incomplete_event_size=HEADER_BYTES,
        limit_concurrency=connections,
        ws=sockets,
        ws_max_size=MESSAGE_BYTES,
        ws_per_message_deflate=False,  # a little that is sent could become very much
    )
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCHING_SECONDS)
    try:
        with _left_when_terminated():
            Server(config).run(sockets=[taken])
    except KeyboardInterrupt:
        pass  # uvicorn raises it again once all has ended as it should
    finally:
        sys.setswitchinterval(before)
        taken.close()


@contextmanager
def _left_when_terminated() -> Iterator[None]:
    """Have SIGTERM, which uvicorn raises again at the end, leave with exit code 0."""

    def leave(*_: Any) -> None:
        raise SystemExit(0)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
