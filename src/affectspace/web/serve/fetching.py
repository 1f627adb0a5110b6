"""Recordings from elsewhere: only from hosts that were named, and never from inside by accident."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Collection
from typing import IO
from urllib.parse import SplitResult, urljoin, urlsplit

from affectspace.web.refusals import Refusal

CHUNK = 65_536
SILENCE = 10.0  # s without a byte
HOPS = 3
REDIRECTS = (301, 302, 303, 307, 308)
PORTS = {"http": 80, "https": 443}


def fetch(url: str, file: IO[bytes], *, hosts: Collection[str], most: int, seconds: float) -> int:
    """Download a file.

    A host is allowed by its name, `media.example.org`, with another port than the scheme's as
    `media.example.org:8443`. Where its name leads to an address that isn't public, that address, or
    a network with it, has to be named too: `10.0.0.7`, `10.0.0.0/24`. The address that was checked
    is the one that is asked. Each redirect is checked likewise.

    Args:
        url: begins with http:// or https://.
        file: written to.
        hosts: names, addresses and networks.
        most: bytes.
        seconds: that it may take.

    Returns:
        How many bytes came.

    Raises:
        Refusal: 403 where it isn't allowed, 413 where it's too large, 422 where it can't be had.
    """
    ends = time.monotonic() + seconds
    for _ in range(HOPS + 1):
        parts = _allowed(url, hosts)
        connection = _connected(parts, hosts)
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", path, headers={"User-Agent": "affectspace"})
            answer = connection.getresponse()
            if answer.status in REDIRECTS:
                url = urljoin(url, answer.headers.get("Location", ""))
                continue
            if answer.status != 200:
                raise _not_had(f"its server answered with {answer.status}")
            return _copied(answer, file, most=most, ends=ends)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _not_had(type(error).__name__) from None
        finally:
            connection.close()
    raise _not_had("it leads from one address to the next")


def _allowed(url: str, hosts: Collection[str]) -> SplitResult:
    """Check that an address may be asked."""
    try:
        parts = urlsplit(url)
        name, port = parts.hostname or "", parts.port
    except ValueError:
        raise Refusal(422, "invalid", "An address can't be read") from None
    if parts.scheme not in PORTS or not name or not url.isascii() or not url.isprintable():
        raise Refusal(422, "invalid", "An address should begin with http:// or https://")
    if " " in url or parts.username is not None or parts.password is not None:
        raise Refusal(422, "invalid", "An address should hold no blanks and no password")
    known = name if port in (None, PORTS[parts.scheme]) else f"{name}:{port}"
    if known not in hosts:
        raise Refusal(403, "bad_host_name", "Nothing is fetched from this host")
    return parts


def _connected(parts: SplitResult, hosts: Collection[str]) -> http.client.HTTPConnection:
    """Connect to the address that a host's name leads to, once it is checked."""
    name, port = str(parts.hostname), parts.port or PORTS[parts.scheme]
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise _not_had("there is no such host") from None
    addresses = [str(one[4][0]) for one in found]
    if not all(_is_reachable(address, hosts) for address in addresses):
        raise Refusal(403, "bad_host_name", "This host's address isn't public")
    connection: http.client.HTTPConnection
    try:
        plain = socket.create_connection((addresses[0], port), SILENCE)
        if parts.scheme == "https":
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(name, port, timeout=SILENCE)
            connection.sock = context.wrap_socket(plain, server_hostname=name)
        else:
            connection = http.client.HTTPConnection(name, port, timeout=SILENCE)
            connection.sock = plain
    except OSError as error:
        raise _not_had(type(error).__name__) from None
    return connection


def _is_reachable(address: str, hosts: Collection[str]) -> bool:
    """Tell whether an address is public, or was named."""
    found = ipaddress.ip_address(address.partition("%")[0])
    found = getattr(found, "ipv4_mapped", None) or found
    if found.is_global and not found.is_multicast:
        return True
    for host in hosts:
        try:
            if found in ipaddress.ip_network(host, strict=False):
                return True
        except ValueError:
            continue  # a name
    return False


def _copied(answer: http.client.HTTPResponse, file: IO[bytes], *, most: int, ends: float) -> int:
    taken = 0
    while part := answer.read1(CHUNK):
        taken += file.write(part)
        if taken > most:
            raise Refusal(413, "too_large", "What was fetched is larger than a request may be")
        if time.monotonic() > ends:
            raise _not_had("it took too long")
    return taken


def _not_had(reason: str) -> Refusal:
    return Refusal(422, "not_fetched", f"A recording can't be fetched: {reason}")
