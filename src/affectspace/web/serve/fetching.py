"""Recordings from elsewhere: only from hosts that were named, and never from inside by accident."""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Collection
from typing import IO, NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

from affectspace.errors import ServiceError
from affectspace.web.refusals import Refusal

CHUNK = 65_536
SILENCE = 10.0  # s without a byte
HOPS = 3
REDIRECTS = (301, 302, 303, 307, 308)
PORTS = {"http": 80, "https": 443}
NAME = re.compile(r"[a-z0-9._:-]+")  # an address of IPv6 too


class Named(NamedTuple):
    """A host that may be asked.

    Attributes:
        name: as it stands in an address, in small letters.
        network: what it is in digits; None where it is a name.
        port: None stands for the scheme's own.
    """

    name: str
    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None
    port: int | None


def read_host(text: str) -> Named:
    """Read a host that was named.

    Raises:
        ServiceError: if it is none.

    Examples:
        >>> read_host("Media.Example.org:8443")
        Named(name='media.example.org', network=None, port=8443)
        >>> read_host("[fd00::7]:80")
        Named(name='fd00::7', network=IPv6Network('fd00::7/128'), port=80)
    """
    network = _network(text)
    if network is not None:
        return Named(text.lower(), network, None)
    try:
        parts = urlsplit(f"//{text}")
        name, port = parts.hostname or "", parts.port
    except ValueError:
        name, port = "", None
    if not NAME.fullmatch(name) or text.lower() not in _written(name, port):
        raise ServiceError(
            f"recordings can't be fetched from {text!r}: --allow-urls takes a host as "
            "media.example.org, media.example.org:8443, 10.0.0.7, 10.0.0.7:8080 or [fd00::7]:8080, "
            "or a network as 10.0.0.0/24"
        )
    return Named(name, _network(name), port)


def _written(name: str, port: int | None) -> tuple[str, ...]:
    end = "" if port is None else f":{port}"
    return (f"[{name}]{end}",) if ":" in name else (f"{name}{end}",)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None  # a name


def check_hosts(hosts: Collection[str]) -> None:
    """Check that what is named can be fetched from, as far as name servers know by now.

    Raises:
        ServiceError: if one is no host, or leads to an address that isn't public and wasn't named.
    """
    named = [read_host(host) for host in hosts]
    for one in named:
        ports = list(PORTS.values()) if one.port is None else [one.port]
        try:
            found = [] if one.network else socket.getaddrinfo(one.name, ports[0])
        except (OSError, UnicodeError):
            continue  # it may be known later
        for address in (str(each[4][0]) for each in found):
            if not any(_is_reachable(address, port, named) for port in ports):
                raise ServiceError(
                    f"{one.name} leads to {address}, which isn't public: name that address or a "
                    f"network with it as well, --allow-urls {address}"
                )


def fetch(url: str, file: IO[bytes], *, hosts: Collection[str], most: int, seconds: float) -> int:
    """Download a file.

    A host is allowed by its name, `media.example.org`, with another port than the scheme's as
    `media.example.org:8443`, or in digits, `10.0.0.7:8080`. Where its name leads to an address that
    isn't public, that address, or a network with it, has to be named too: `10.0.0.7`,
    `10.0.0.7:8080`, `10.0.0.0/24`. The address that was checked is the one that is asked. Each
    redirect is checked likewise.

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
    named = [read_host(host) for host in hosts]
    for _ in range(HOPS + 1):
        parts = _allowed(url, named)
        connection = _connected(parts, named)
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


def _allowed(url: str, named: Collection[Named]) -> SplitResult:
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
    usual = PORTS[parts.scheme]
    if (name, port or usual) not in [(one.name, one.port or usual) for one in named]:
        raise Refusal(403, "bad_host_name", "Nothing is fetched from this host")
    return parts


def _connected(parts: SplitResult, named: Collection[Named]) -> http.client.HTTPConnection:
    """Connect to the address that a host's name leads to, once it is checked."""
    name, port = str(parts.hostname), parts.port or PORTS[parts.scheme]
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise _not_had("there is no such host") from None
    addresses = [str(one[4][0]) for one in found]
    if not all(_is_reachable(address, port, named) for address in addresses):
        message = "This host's address isn't public, and wasn't named with --allow-urls"
        raise Refusal(403, "bad_host_name", message)
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


def _is_reachable(address: str, port: int, named: Collection[Named]) -> bool:
    """Tell whether an address is public, or was named."""
    found = ipaddress.ip_address(address.partition("%")[0])
    found = getattr(found, "ipv4_mapped", None) or found
    if found.is_global and not found.is_multicast:
        return True
    return any(
        one.network is not None and found in one.network and one.port in (None, port)
        for one in named
    )


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
