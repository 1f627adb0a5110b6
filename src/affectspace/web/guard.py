"""What every request passes before the service sees it, and every answer before a browser does.

A WebSocket passes the same, and is refused with an HTTP answer before it opens.

Hosts: a page of somebody else's whose name is made to point at this machine (DNS rebinding) asks
under its own name, and is turned away. Addresses in digits can't be rebound and pass.
"""

from __future__ import annotations

import hmac
import ipaddress
import logging
import math
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from affectspace.web.limits import RateLimit
from affectspace.web.refusals import Refusal, refused, unforeseen

_LOG = logging.getLogger(__name__)

CONTENT_SECURITY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "media-src 'self' blob:; connect-src 'self'; font-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Robots-Tag": "noindex, nofollow",
}
LOCAL_NAMES = ("localhost",)
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
BODY_LIMIT = 65_536  # bytes
HEADER_BYTES = 32_768  # of path, query and headers together
MOST_DIGITS = 15  # of a length
BEARER_PROTOCOL = "bearer."
"""A browser's WebSocket can't send headers of its own, but names of protocols: one is the token."""


@dataclass(frozen=True)
class Rules:
    """What a service lets through.

    Attributes:
        hosts: names that it is called by, beside localhost and addresses in digits.
        naming: the option that adds one; empty where there is none.
        origins: where pages may be from beside the address that was asked, such as
            `https://study.example.org` where a proxy stands in between.
        body_limit: bytes that a request may hold.
        larger: other limits, by path.
        unlimited: beginnings of paths that may be asked as often as one likes.
        token: what all must show who ask for anything that isn't public; None asks for none.
        public: paths that need no token; those that end in `/` stand for all below them.
        known: the rate of those whom `who` knows, each for himself.
        strangers: the rate of all others, by their address.
        who: tells who asks; None is a stranger.
        clock: seconds, on a clock that never goes back.
    """

    hosts: Collection[str] = ()
    naming: str = "--allow-host"
    origins: Collection[str] = ()
    body_limit: int = BODY_LIMIT
    larger: Mapping[str, int] = field(default_factory=dict)
    unlimited: tuple[str, ...] = ("/static/",)
    token: str | None = field(default=None, repr=False)
    public: tuple[str, ...] = ("/", "/healthz", "/static/")
    known: RateLimit = field(default_factory=lambda: RateLimit(per_second=30, burst=120))
    strangers: RateLimit = field(default_factory=lambda: RateLimit(per_second=10, burst=120))
    who: Callable[[Headers], str | None] = lambda headers: None  # noqa: ARG005
    clock: Callable[[], float] = time.monotonic


class Guard:
    """The middleware.

    Args:
        app: the service behind it.
        rules: what it lets through.
    """

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app = app
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through, or answer it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        path, is_socket = scope["path"], scope["type"] == "websocket"

        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            if message["type"] == "websocket.accept":
                begun = True
            elif message["type"] in ("http.response.start", "websocket.http.response.start"):
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            self._check(scope, Headers(scope=scope))
            limit = self._rules.larger.get(path, self._rules.body_limit)
            # the size of a message is the server's affair, and of many the route's
            receiving = receive if is_socket else _limited(receive, limit)
            await self._app(scope, receiving, sending)
        except Refusal as refusal:
            await refused(refusal)(scope, receive, sending)
        except Exception:  # here and not further out, where an answer would lack its headers
            _LOG.exception("%s %s failed", scope.get("method", "WebSocket"), path)
            if begun:
                raise
            await refused(unforeseen())(scope, receive, sending)

    def _check(self, scope: Scope, headers: Headers) -> None:
        size = sum(len(name) + len(value) for name, value in scope["headers"])
        if size + len(scope["path"]) + len(scope.get("query_string", b"")) > HEADER_BYTES:
            message = f"Address and headers take more than {HEADER_BYTES} bytes"
            raise Refusal(431, "too_large", message, headers={"Connection": "close"})
        host = headers.get("host", "")
        if not is_host(host, self._rules.hosts):
            raise self._bad_host()
        # a browser opens other sites' WebSockets without asking: they have no method that is safe
        if scope.get("method") not in SAFE_METHODS and not self._is_own(headers, host):
            raise Refusal(403, "bad_origin", "This request comes from another site's page")
        if not scope["path"].startswith(self._rules.unlimited):
            self._check_rate(scope, headers)
        self._check_token(scope, headers)
        length = headers.get("content-length", "0")
        limit = self._rules.larger.get(scope["path"], self._rules.body_limit)
        if not length.isdecimal() or len(length) > MOST_DIGITS or int(length) > limit:
            raise _too_large(limit)

    def _bad_host(self) -> Refusal:
        message = "This service doesn't go by that name: ask for it by the address that it printed"
        if self._rules.naming:
            message += f", or have it started with {self._rules.naming} NAME"
        return Refusal(421, "bad_host", message)

    def _check_token(self, scope: Scope, headers: Headers) -> None:
        path, token = scope["path"], self._rules.token
        below = tuple(name for name in self._rules.public if name != "/" and name.endswith("/"))
        if token is None or path in self._rules.public or path.startswith(below):
            return
        if not any(hmac.compare_digest(shown, token.encode()) for shown in _shown(scope, headers)):
            message = "This service asks for a token: send the header 'Authorization: Bearer TOKEN'"
            raise Refusal(401, "no_token", message, headers={"WWW-Authenticate": "Bearer"})

    def _is_own(self, headers: Headers, host: str) -> bool:
        """Tell whether the page that sends this is the service's own, or no page at all."""
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return False
        origin = headers.get("origin")
        if origin is None or origin in self._rules.origins:
            return True
        return urlsplit(origin).netloc.lower() == host.lower()

    def _check_rate(self, scope: Scope, headers: Headers) -> None:
        who, client = self._rules.who(headers), scope.get("client")
        limit = self._rules.strangers if who is None else self._rules.known
        wait = limit.wait(who or (client[0] if client else ""), now=self._rules.clock())
        if wait:
            seconds = str(math.ceil(wait))
            raise Refusal(
                429,
                "too_many",
                "Too many requests; wait a little",
                headers={"Retry-After": seconds},
            )


def is_host(host: str, names: Collection[str]) -> bool:
    """Tell whether a request's Host header is one of ours: a name, or an address in digits.

    Examples:
        >>> is_host("127.0.0.1:8480", ()), is_host("[::1]:8480", ()), is_host("localhost", ())
        (True, True, True)
        >>> is_host("evil.example:8480", ()), is_host("study.example", ["study.example"])
        (False, True)
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name in LOCAL_NAMES or name in (one.lower() for one in names):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _shown(scope: Scope, headers: Headers) -> list[bytes]:
    """Return the tokens that a request shows."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    shown = [token.strip()] if scheme.lower() == "bearer" else []
    shown += [
        protocol.removeprefix(BEARER_PROTOCOL)
        for protocol in scope.get("subprotocols", ())
        if protocol.startswith(BEARER_PROTOCOL)
    ]
    return [one.encode("utf-8", "surrogateescape") for one in shown]


def _limited(receive: Receive, limit: int) -> Receive:
    """Stop reading a body that grows over the limit, whatever its header said."""
    taken = 0

    async def receiving() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > limit:
            raise _too_large(limit)
        return message

    return receiving


def _too_large(limit: int) -> Refusal:
    message = f"The request is larger than the {limit} bytes that are taken here"
    return Refusal(413, "too_large", message, headers={"Connection": "close"})
