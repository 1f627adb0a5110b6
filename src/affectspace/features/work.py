"""What a worker does with recordings: read and hash each once, then compute its spans."""

from __future__ import annotations

import functools
import hashlib
import io
import os
import struct
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from affectspace.audio import AudioFile, Channel, Signal, Status, read_audio, scale_to_level
from affectspace.audio.names import is_address
from affectspace.audio.sources import InMemory, open_bytes
from affectspace.errors import AudioError
from affectspace.features.backend import Backend

IN_MEMORY = 64 * 2**20  # bytes; longer files are hashed from disk, then read span by span
WHOLE = -1  # in place of an end
TOGETHER, TOGETHER_SAMPLES = 20, 60 * 16_000  # spans, and samples, that are computed at once


class Span(NamedTuple):
    """Part of a file: where its results belong, where it starts and ends, in ns, and what of."""

    slot: int
    start: int
    end: int
    parts: tuple[int, ...] = (0,)


Source = str | bytes | InMemory
"""Where a recording is: a path or an address, a file's bytes, or samples with their rate."""


def memory_of(source: Source) -> int:
    """Return how many bytes of memory a recording takes before it is read."""
    if isinstance(source, str):
        return 0
    return len(source) if isinstance(source, bytes) else source[0].nbytes


class Task(NamedTuple):
    """A recording and the spans of it that are wanted.

    `alone` is for spans of which one may have ended a process: they are computed one by one.
    """

    source: Source
    spans: tuple[Span, ...]
    alone: bool = False


def only(task: Task, wanted: Mapping[int, Sequence[int]]) -> Task:
    """Return a task with those spans and parts that are wanted, by slot."""
    spans = (span._replace(parts=tuple(wanted.get(span.slot, ()))) for span in task.spans)
    return task._replace(spans=tuple(span for span in spans if span.parts))


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
    """A result under its slot and part.

    `key` is that of the cache, None where the result shouldn't be cached. `result` is None where
    the cache has it.
    """

    slot: int
    part: int
    key: bytes | None
    result: Result | None


# The C library maps what is larger than 128 kB anew each time, and unmaps it, until it has freed
# something large. Without this, extracting `native` takes 8,000 page faults for 25 recordings, not
# 5, and some 7 % more CPU time.
np.empty(16 * 2**20, np.uint8)


Recording = AudioFile | InMemory


class Compute(NamedTuple):
    """What is done with each span; it pickles, for worker processes.

    Attributes:
        read: turns a span into a signal that `backends` work on, or into the result, where that is
            the end of it. It never raises.
        backends: what computes the features of a signal, a part each. All of one channel and level
            rule.
    """

    read: Callable[[Recording, Span], Signal | Result]
    backends: tuple[Backend, ...] = ()

    @property
    def together(self) -> bool:
        """Whether several spans are read before any is computed.

        Reading one between two runs of openSMILE takes longer, as the processor's caches hold
        nothing of what reading needs; and some sets compute several at once.
        """
        return bool(self.backends)


# They depend on more than the file's content, or may go away with the next version of a library
_NOT_CACHED = (Status.MISSING, Status.NEEDS_AV, Status.UNREADABLE, Status.FAILED)


def work(
    tasks: Iterable[Task], compute: Compute, known: Sequence[frozenset[bytes]] | None
) -> Iterator[list[Reply]]:
    """Do tasks, several spans at once, unless a task is to be done alone.

    Args:
        tasks: the recordings and their spans.
        compute: what is done with each span.
        known: the keys that the cache has of each part; None where there is no cache, which saves
            the hashing.

    Yields:
        One reply per span and part, as they come. Of a task that is done alone, in order.
    """
    gathered = _Gathered(compute)
    for task in tasks:
        yield from _of_task(task, compute, known, gathered)
    yield from gathered.computed()


def _of_task(
    task: Task,
    compute: Compute,
    known: Sequence[frozenset[bytes]] | None,
    gathered: _Gathered,
) -> Iterator[list[Reply]]:
    left = deque(task.spans)
    alone = task.alone or not compute.together
    try:
        with _taken_in(task.source, hashed=known is not None) as (recording, digest):
            while left:
                span, key = left[0], cache_key(digest, left[0]) if digest else None
                had = [part for part in span.parts if key and known and key in known[part]]
                wanted = [part for part in span.parts if part not in had]
                heard = compute.read(recording, span) if wanted else None
                left.popleft()
                if had:
                    yield [Reply(span.slot, part, key, None) for part in had]
                if isinstance(heard, Result):
                    yield [_reply(span.slot, part, key, heard) for part in wanted]
                elif heard is not None:
                    gathered.take(_Heard(span.slot, wanted, key, heard))
                    if alone or gathered.full:
                        yield from gathered.computed()
    except Exception as error:  # every kind of storage has errors of its own
        result = _unread(error)
        for span in left:
            yield [Reply(span.slot, part, None, result) for part in span.parts]


class _Heard(NamedTuple):
    """A signal whose features are wanted."""

    slot: int
    parts: list[int]
    key: bytes | None
    signal: Signal


class _Gathered:
    """Signals that wait to be computed together: up to 20, or a minute."""

    def __init__(self, compute: Compute) -> None:
        self._backends = compute.backends
        self._waiting: list[_Heard] = []

    def take(self, heard: _Heard) -> None:
        self._waiting.append(heard)

    @property
    def full(self) -> bool:
        samples = sum(len(heard.signal.samples) for heard in self._waiting)
        return len(self._waiting) >= TOGETHER or samples >= TOGETHER_SAMPLES

    def computed(self) -> Iterator[list[Reply]]:
        """Compute what waits, part by part, and let go of it."""
        waiting, self._waiting = self._waiting, []
        for part, backend in enumerate(self._backends):
            some = [heard for heard in waiting if part in heard.parts]
            if len(some) > 1 and hasattr(backend, "many"):
                results = features_of([heard.signal for heard in some], backend)
                yield [
                    _reply(heard.slot, part, heard.key, result)
                    for heard, result in zip(some, results, strict=True)
                ]
                continue
            for heard in some:
                (result,) = features_of([heard.signal], backend)
                yield [_reply(heard.slot, part, heard.key, result)]


def _reply(slot: int, part: int, key: bytes | None, result: Result) -> Reply:
    return Reply(slot, part, None if result.status in _NOT_CACHED else key, result)


def read_span(recording: Recording, span: Span, *, channel: Channel) -> Signal | Result:
    """Read and check a span; whatever goes wrong becomes a status."""
    try:
        start, end = seconds(span)
        return read_audio(recording, channel=channel, start=start, end=end)
    except Exception as error:  # one file never ends the run
        return result_of(error)


def features_of(signals: Sequence[Signal], backend: Backend) -> list[Result]:
    """Compute the features of signals; whatever goes wrong becomes the status of one of them."""
    level = backend.spec.target_level
    samples = [
        signal.samples if level is None else scale_to_level(signal.samples, level)
        for signal in signals
    ]
    found: list[Any] = [None] * len(signals)
    if len(signals) > 1:
        wanted = (len(signals), len(backend.spec.features))
        with suppress(Exception):  # each is asked alone, and says what is wrong with it
            values = np.asarray(backend.many(samples), np.float32)  # type: ignore[attr-defined]
            if values.shape == wanted:
                found = [row if np.isfinite(row).all() else None for row in values]
    return [
        _alone(signal, one, backend) if row is None else _result(signal, Status.OK, values=row)
        for signal, one, row in zip(signals, samples, found, strict=True)
    ]


def _alone(signal: Signal, samples: NDArray[np.float32], backend: Backend) -> Result:
    spec = backend.spec
    try:
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
    beneath = error.__cause__  # fsspec says of a host that doesn't answer that there's no file
    if isinstance(beneath, OSError) and not isinstance(beneath, FileNotFoundError):
        return Result(Status.UNREADABLE, f"{type(beneath).__name__}: {beneath}")
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
