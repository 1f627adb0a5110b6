"""What the service takes, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass

MEGABYTE = 2**20


@dataclass(frozen=True)
class Limits:
    """How much the service takes; each with the status that answers what is over it.

    Attributes:
        max_bytes: of a request's body, and of what is downloaded for one; 413.
        max_seconds: of a request's recordings together; 413.
        max_files: in a request; 413.
        timeout: seconds that a body may take to come (408), a request may wait for a process (503),
            and one may work on it (504).
        concurrency: requests that are received, wait or are worked on, at once; 503.
        rate: requests a second from one address, in bursts of four times as many; 429. 0 is any.
        streams: open at once; 503.
        stream_seconds: of sound in a stream, which then ends with its summary.
        idle: seconds without a message after which a stream is closed; 1008.
        grace: seconds that what has begun gets to end, once the service is asked to stop.
    """

    max_bytes: int = 64 * MEGABYTE
    max_seconds: float = 600.0
    max_files: int = 64
    timeout: float = 60.0
    concurrency: int = 32
    rate: float = 0.0
    streams: int = 8
    stream_seconds: float = 3_600.0
    idle: float = 30.0
    grace: float = 10.0


@dataclass(frozen=True)
class Place:
    """Where the service is, and who may ask.

    Attributes:
        host: the address of this machine that is listened on.
        port: 0 is any that is free.
        names: further names that it goes by.
        origins: where pages that open streams may be from, beside its own.
        token: what all must show; None asks for none, which only loopback may do.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    names: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    token: str | None = None
