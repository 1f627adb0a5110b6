"""What a worker does with one file: read and hash it once, then compute each span."""

from __future__ import annotations

import functools
import hashlib
import io
import os
import struct
from collections.abc import Callable, Iterator
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from affectspace.audio import AudioFile, Signal, Status, read_audio, scale_to_level
from affectspace.errors import AudioError
from affectspace.features.backend import Backend

IN_MEMORY = 64 * 2**20  # bytes; longer files are hashed from disk, then read span by span
WHOLE = -1  # in place of an end


class Span(NamedTuple):
    """Part of a file: where its result belongs, and where it starts and ends, in ns."""

    slot: int
    start: int
    end: int


class Task(NamedTuple):
    """A file and the spans of it that are wanted."""

    path: str
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

Compute = Callable[[AudioFile, Span], Result]
"""What is done with each span. It never raises, and it pickles, for worker processes."""

# They depend on more than the file's content, or may go away with the next version of a library
_NOT_CACHED = (Status.MISSING, Status.NEEDS_AV, Status.UNREADABLE, Status.FAILED)


def work(task: Task, compute: Compute, known: frozenset[bytes] | None) -> Iterator[Reply]:
    """Do one task.

    Args:
        task: the file and its spans.
        compute: what is done with each span.
        known: the keys that the cache has; None where there is no cache, which saves the hashing.

    Yields:
        One reply per span, in order.
    """
    try:
        with open(task.path, "rb") as opened:  # noqa: PTH123  (a Path costs more than it gives)
            file, digest = _take_in(opened, hashed=known is not None)
            with AudioFile(file) as audio:
                for span in task.spans:
                    key = digest and cache_key(digest, span)
                    if key and known and key in known:
                        yield Reply(span.slot, key, None)
                        continue
                    result = compute(audio, span)
                    yield Reply(span.slot, None if result.status in _NOT_CACHED else key, result)
    except OSError as error:
        status = Status.MISSING if isinstance(error, FileNotFoundError) else Status.UNREADABLE
        message = status.sentence if status is Status.MISSING else f"{error.strerror or error}"
        for span in task.spans:
            yield Reply(span.slot, None, Result(status, message))


def features_of(
    source: AudioFile | tuple[NDArray[Any], int], span: Span, *, backend: Backend
) -> Result:
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


def _take_in(file: io.BufferedReader, *, hashed: bool) -> tuple[IO[bytes], bytes]:
    """Return a file to decode from, in memory unless it is long, and its digest (empty if not)."""
    if file.seek(0, io.SEEK_END) > IN_MEMORY:
        about = os.fstat(file.fileno())
        known = (file.name, about.st_ino, about.st_size, about.st_mtime_ns)
        return file, _digest_of(*known) if hashed else b""
    file.seek(0)
    data = file.read()
    return io.BytesIO(data), hashlib.blake2b(data).digest() if hashed else b""


@functools.lru_cache(maxsize=8)
def _digest_of(path: str, *_: int) -> bytes:
    """Hash a long file, once for all its tasks: 0.5 s for the 345 MB of 3 h.

    The numbers tell whether it is still the same file.
    """
    with open(path, "rb") as file:  # noqa: PTH123
        return hashlib.file_digest(file, hashlib.blake2b).digest()
