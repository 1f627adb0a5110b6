"""What a worker does with one recording: read and hash it once, then compute each span."""

from __future__ import annotations

import functools
import hashlib
import io
import os
import struct
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from affectspace.audio import AudioFile, Signal, Status, read_audio, scale_to_level
from affectspace.audio.names import is_address
from affectspace.audio.sources import InMemory, open_bytes
from affectspace.errors import AudioError
from affectspace.features.backend import Backend

IN_MEMORY = 64 * 2**20  # bytes; longer files are hashed from disk, then read span by span
WHOLE = -1  # in place of an end


class Span(NamedTuple):
    """Part of a file: where its result belongs, and where it starts and ends, in ns."""

    slot: int
    start: int
    end: int


Source = str | bytes | InMemory
"""Where a recording is: a path or an address, a file's bytes, or samples with their rate."""


def memory_of(source: Source) -> int:
    """Return how many bytes of memory a recording takes before it is read."""
    if isinstance(source, str):
        return 0
    return len(source) if isinstance(source, bytes) else source[0].nbytes


class Task(NamedTuple):
    """A recording and the spans of it that are wanted."""

    source: Source
    spans: tuple[Span, ...]


class Result(NamedTuple):
    """What came of one span; measures are NaN, and `values` None, where there is no answer."""

    status: str
    message: str = ""
    duration: float = float("nan")
    level: float = float("nan")
    clipped_share: float = float("nan")
    voiced_share: float = float("nan")
    bandwidth: float = float("nan")
    snr: float = float("nan")
    truncated: float = float("nan")
    values: NDArray[np.float32] | None = None


class Reply(NamedTuple):
    """A result under its slot.

    `key` is that of the cache, None where the result shouldn't be cached. `result` is None where
    the cache has it.
    """

    slot: int
    key: bytes | None
    result: Result | None


# The C library maps what is larger than 128 kB anew each time, and unmaps it, until it has freed
# something large. Without this, extracting `native` takes 8,000 page faults for 25 recordings, not
# 5, and some 7 % more CPU time.
np.empty(16 * 2**20, np.uint8)

Compute = Callable[[AudioFile | InMemory, Span], Result]
"""What is done with each span. It never raises, and it pickles, for worker processes."""

# They depend on more than the file's content, or may go away with the next version of a library
_NOT_CACHED = (Status.MISSING, Status.NEEDS_AV, Status.UNREADABLE, Status.FAILED)


def work(task: Task, compute: Compute, known: frozenset[bytes] | None) -> Iterator[Reply]:
    """Do one task.

    Args:
        task: the recording and its spans.
        compute: what is done with each span.
        known: the keys that the cache has; None where there is no cache, which saves the hashing.

    Yields:
        One reply per span, in order.
    """
    left = deque(task.spans)
    try:
        with _taken_in(task.source, hashed=known is not None) as (recording, digest):
            while left:
                span = left[0]
                key = digest and cache_key(digest, span)
                result = None if key and known and key in known else compute(recording, span)
                passing = result is not None and result.status in _NOT_CACHED
                left.popleft()
                yield Reply(span.slot, None if passing else key, result)
    except Exception as error:  # every kind of storage has errors of its own
        for span in left:
            yield Reply(span.slot, None, _unread(error))


def features_of(source: AudioFile | InMemory, span: Span, *, backend: Backend) -> Result:
    """Check a span and compute its features; whatever goes wrong becomes a status."""
    spec = backend.spec
    try:
        start, end = seconds(span)
        signal = read_audio(source, channel=spec.channel, start=start, end=end)
        samples = signal.samples
        if spec.target_level is not None:
            samples = scale_to_level(samples, spec.target_level)
        values = np.asarray(backend(samples), np.float32)
    except Exception as error:  # one file never ends the run
        return result_of(error)
    if values.shape != (len(spec.features),):
        return Result(
            Status.FAILED,
            f"{Status.FAILED.sentence}: expected {len(spec.features)} features, got {values.shape}",
        )
    bad = np.count_nonzero(~np.isfinite(values))
    if bad:
        return _result(signal, Status.NOT_FINITE, f"{bad} of {len(values)} features aren't finite")
    return _result(signal, Status.OK, values=values)


def seconds(span: Span) -> tuple[float, float | None]:
    """Return where a span starts and ends, in seconds; None is the end of the file."""
    return span.start * 1e-9, None if span.end == WHOLE else span.end * 1e-9


def result_of(error: Exception) -> Result:
    """Say what went wrong as a result."""
    if isinstance(error, AudioError):
        return Result(error.status, str(error))
    return Result(Status.FAILED, f"{Status.FAILED.sentence}: {type(error).__name__}: {error}")


def cache_key(digest: bytes, span: Span) -> bytes:
    """Return the 16 bytes under which a span of a content is cached."""
    return hashlib.blake2b(
        digest + struct.pack("<qq", span.start, span.end), digest_size=16
    ).digest()


def _result(
    signal: Signal, status: Status, message: str = "", values: NDArray[np.float32] | None = None
) -> Result:
    return Result(
        status,
        message,
        signal.duration,
        signal.level,
        signal.clipped_share,
        signal.voiced_share,
        signal.bandwidth,
        signal.snr,
        signal.truncated,
        values,
    )


def _unread(error: Exception) -> Result:
    """Say what came of a recording that can't even be opened."""
    if isinstance(error, FileNotFoundError):
        return Result(Status.MISSING, Status.MISSING.sentence)
    if isinstance(error, OSError) and error.strerror:
        return Result(Status.UNREADABLE, error.strerror)
    return Result(Status.UNREADABLE, f"{type(error).__name__}: {error}")


@contextmanager
def _taken_in(source: Source, *, hashed: bool) -> Iterator[tuple[AudioFile | InMemory, bytes]]:
    """Open a recording, in memory unless it is long, and give its digest; empty where it has none.

    Samples have none, and neither has what is long and far away.
    """
    if isinstance(source, tuple):
        yield source, b""
        return
    with open_bytes(source) as opened:
        file, digest = opened, b""
        if opened.seek(0, io.SEEK_END) > IN_MEMORY:
            if hashed and isinstance(source, str) and not is_address(source):
                about = os.fstat(opened.fileno())
                digest = _digest_of(source, about.st_ino, about.st_size, about.st_mtime_ns)
        else:
            opened.seek(0)
            data = opened.read()
            file = io.BytesIO(data)
            digest = hashlib.blake2b(data).digest() if hashed else b""
        with AudioFile(file) as audio:
            yield audio, digest


@functools.lru_cache(maxsize=8)
def _digest_of(path: str, *_: int) -> bytes:
    """Hash a long file, once for all its tasks: 0.5 s for the 345 MB of 3 h.

    The numbers tell whether it is still the same file.
    """
    with open(path, "rb") as file:  # noqa: PTH123
        return hashlib.file_digest(file, hashlib.blake2b).digest()
