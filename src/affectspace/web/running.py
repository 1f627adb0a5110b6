"""Runs an application with uvicorn, on an address known before, until it is asked to stop."""

from __future__ import annotations

import ipaddress
import socket
import sys
from collections.abc import Callable

from fastapi import FastAPI

from affectspace.errors import StudyError

LOOPBACK = "127.0.0.1"
STOPPING_SECONDS = 5
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
        StudyError: when it is taken, or not this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        taken = socket.socket(family, kind, protocol)
    except OSError as error:
        raise StudyError(f"the address {host} can't be used: {error}") from None
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
        taken.listen(128)
    except OSError as error:
        taken.close()
        raise StudyError(
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


def run(app: FastAPI, taken: socket.socket, *, on_start: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM; requests that have begun get a few seconds to end.

    Args:
        app: the application.
        taken: from `bind`; closed at the end.
        on_start: called once requests are answered.
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
        timeout_graceful_shutdown=STOPPING_SECONDS,
        timeout_keep_alive=30,
        ws="none",
    )
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCHING_SECONDS)
    try:
        Server(config).run(sockets=[taken])
    except KeyboardInterrupt:
        pass  # uvicorn raises it again once all has ended as it should
    finally:
        sys.setswitchinterval(before)
        taken.close()
