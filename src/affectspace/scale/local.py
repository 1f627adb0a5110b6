"""The local engine: worker processes on this machine, each of which takes whole parts."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from affectspace.errors import AffectspaceError
from affectspace.model import AffectModel
from affectspace.processes import (
    available_cores,
    one_thread_for_products,
    starting,
    stop,
    worker_context,
)
from affectspace.scale.shards import Embedder, Record

TRIES = 10
"""How many workers may die of a part before it is given up. From the second on its recordings have
processes of their own, so that what still kills a worker comes from outside."""
STARTS = 5
"""How many workers may die before they take a part."""

_START = -1  # in place of a part's number

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """What a worker needs to know: the arguments of `Embedder`."""

    model: AffectModel
    place: str
    retry_failed: bool = False

    def embedder(self) -> Embedder:
        """Load what computing needs."""
        return Embedder(self.model, self.place, retry_failed=self.retry_failed)


def run_local(job: Job, parts: Iterable[int], *, jobs: int | None = None) -> Iterator[Record]:
    """Compute parts in worker processes.

    Args:
        job: what workers need.
        parts: the numbers of the parts.
        jobs: how many workers; None is one per core.

    Yields:
        The record of each part that has its shard, in no particular order. A part that workers
        keep dying of is left out, and the log says so.

    Raises:
        AffectspaceError: when a worker meets an error that isn't a recording's: a disk that is
            full, a package that is missing; or when workers can't start.
    """
    todo = deque(parts)
    deaths: Counter[int] = Counter()
    count = min(jobs or available_cores(), len(todo))
    workers = [_start(job, count) for _ in range(count)]
    try:
        while workers:
            for connection in wait([worker.connection for worker in workers]):
                worker = next(one for one in workers if one.connection is connection)
                try:
                    reply = worker.connection.recv()
                except (EOFError, OSError):
                    workers.remove(worker)
                    _bury(worker, todo, deaths)
                    if todo:
                        workers.append(_start(job, count))
                    continue
                if isinstance(reply, str):
                    raise AffectspaceError(reply)
                if reply is not None:
                    yield reply
                worker.part = todo.popleft() if todo else None
                worker.ready = True
                with suppress(OSError):  # a dead one is noticed when its answer is read
                    worker.connection.send(worker.part)
                if worker.part is None:
                    workers.remove(worker)
                    worker.process.join()
    finally:
        for worker in workers:
            worker.process.terminate()  # all at once, before the first is waited for
        for worker in workers:
            stop(worker.process)


@dataclass(eq=False)
class _Worker:
    process: BaseProcess
    connection: Connection[Any, Any]
    ready: bool = False
    part: int | None = None


def _bury(worker: _Worker, todo: deque[int], deaths: Counter[int]) -> None:
    """Give back what a dead worker was at."""
    worker.process.join()
    code = worker.process.exitcode
    if not worker.ready:
        deaths[_START] += 1
        if deaths[_START] == STARTS:
            raise AffectspaceError(f"the worker processes can't start (exit code {code})")
        return
    if worker.part is None:
        return
    deaths[worker.part] += 1
    how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
    if deaths[worker.part] < TRIES:
        _LOG.info("a worker died of part %d (%s): it is tried again", worker.part, how)
        todo.appendleft(worker.part)
    else:
        _LOG.warning("part %d is given up: %d workers died of it (%s)", worker.part, TRIES, how)


def _start(job: Job, count: int) -> _Worker:
    context = worker_context(preload=(__name__, "soxr"))
    ours, theirs = context.Pipe()
    threads = max(1, available_cores() // max(1, count))
    process: BaseProcess = context.Process(  # type: ignore[attr-defined]
        target=_serve, args=(theirs, job, dict(os.environ), threads)
    )
    with starting():
        process.start()
    theirs.close()
    return _Worker(process, ours)


def _serve(
    connection: Connection[Any, Any], job: Job, environment: dict[str, str], threads: int
) -> None:
    """Run in a worker: say that it wants work, do what comes, until told that there is none."""
    os.environ.update(environment)  # the fork server's is that of its start
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))  # torch reads it when it's first used
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and leave nothing half-written
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, OSError), one_thread_for_products():
        reply: Record | str | None = None
        try:
            embedder = job.embedder()
        except Exception as error:
            reply = in_words(error)
        while True:
            connection.send(reply)
            part = connection.recv()
            if part is None:
                return
            try:
                reply = embedder.compute(part)
            except Exception as error:
                reply = in_words(error)


def in_words(error: Exception) -> str:
    """Say what ended a part that isn't a recording's fault."""
    if isinstance(error, AffectspaceError):
        return str(error)
    if isinstance(error, OSError):
        return f"a shard can't be written: {error.strerror or error}"
    return f"a part can't be computed: {type(error).__name__}: {error}"


def _end_with_parent() -> None:
    """End this process when the one that started it is gone, however that ended."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
