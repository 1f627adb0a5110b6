"""Tasks through several processes, such that not even a crash of one of them ends the run."""

from __future__ import annotations

import os
import signal
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from affectspace.audio import Status
from affectspace.errors import AffectspaceError
from affectspace.features.work import (
    IN_MEMORY,
    Compute,
    Reply,
    Result,
    Task,
    memory_of,
    only,
    work,
)
from affectspace.processes import (
    available_cores,
    one_thread_for_products,
    starting,
    stop,
    worker_context,
)

CHUNK = 32  # tasks that a worker gets at once, fewer towards the end
TRIES = 2  # a worker may have been killed for a reason that isn't the file's

Known = Sequence[frozenset[bytes]] | None
Owed = tuple[int, int]
"""Slot and part of a result that isn't there yet."""


def run_here(tasks: Sequence[Task], compute: Compute, known: Known) -> Iterator[Reply]:
    """Do all tasks in this process; arguments and replies as for `run_in_processes`."""
    with one_thread_for_products():
        for replies in work(tasks, compute, known):
            yield from replies


def run_in_processes(
    tasks: Sequence[Task], compute: Compute, known: Known, jobs: int
) -> Iterator[Reply]:
    """Do all tasks in worker processes.

    When a worker dies that was computing spans together, each is computed alone; a span whose
    worker dies then is tried once more; when that dies too, its status is `failed`.

    Args:
        tasks: the files and spans.
        compute: what is done with each span; it must pickle.
        known: the keys that the cache has of each part, or None.
        jobs: the number of processes.

    Yields:
        One reply per span and part, in no particular order.

    Raises:
        AffectspaceError: when worker processes don't even start.
    """
    todo = deque(tasks)
    tries: Counter[Owed] = Counter()
    count = min(jobs, len(tasks))
    start = partial(_start, compute, known, threads=max(1, available_cores() // max(1, count)))
    workers = [start() for _ in range(count)]
    try:
        while workers:
            for connection in wait([worker.connection for worker in workers]):
                worker = next(one for one in workers if one.connection is connection)
                try:
                    reply: list[Reply] | None = worker.connection.recv()
                except (EOFError, OSError):
                    workers.remove(worker)
                    yield from _bury(worker, todo, tries, together=compute.together)
                    if todo:
                        workers.append(start())
                    continue
                if reply is not None:
                    for one in reply:
                        worker.pending.remove((one.slot, one.part))
                    yield from reply
                elif not worker.feed(todo, len(workers)):
                    workers.remove(worker)
                    worker.stop()
    finally:
        for worker in workers:
            worker.stop(now=True)


@dataclass(eq=False)
class _Worker:
    """A process, and what it still owes."""

    process: BaseProcess
    connection: Connection[Any, Any]
    ready: bool = False
    chunk: list[Task] = field(default_factory=list)
    pending: list[Owed] = field(default_factory=list)

    def feed(self, todo: deque[Task], workers: int) -> bool:
        """Hand over the next tasks; False when there are none."""
        self.ready = True
        size = max(1, min(CHUNK, len(todo) // (4 * workers)))
        self.chunk, memory = [], 0
        while todo and len(self.chunk) < size and memory < IN_MEMORY:
            if self.chunk and todo[0].alone != self.chunk[0].alone:
                break
            self.chunk.append(todo.popleft())
            memory += memory_of(self.chunk[-1].source)
        self.pending = [
            (span.slot, part) for task in self.chunk for span in task.spans for part in span.parts
        ]
        if not self.chunk:
            return False
        with suppress(OSError):  # a dead one is noticed when its answer is read
            self.connection.send(self.chunk)
        return True

    def stop(self, *, now: bool = False) -> None:
        """End the process: when it sees the pipe close, or at once."""
        self.connection.close()
        if now:
            stop(self.process)
        self.process.join()

    def owed(self) -> list[Task]:
        """Return what is left of the chunk."""
        owed: dict[int, list[int]] = {}
        for slot, part in self.pending:
            owed.setdefault(slot, []).append(part)
        return [task for task in (only(task, owed) for task in self.chunk) if task.spans]


def _bury(
    worker: _Worker, todo: deque[Task], tries: Counter[Owed], *, together: bool
) -> Iterator[Reply]:
    """Give back what a dead worker owed; the span that it was at is suspect, if that is known."""
    worker.stop()
    code = worker.process.exitcode
    if not worker.ready:
        raise AffectspaceError(
            f"the worker processes can't start (exit code {code}); jobs=1 needs none"
        )
    owed = worker.owed()
    if not owed:  # it died between two chunks
        return
    if together and not owed[0].alone and sum(len(task.spans) for task in owed) > 1:
        todo.extendleft(task._replace(alone=True) for task in reversed(owed))
        return
    first, *others = owed
    span, *rest = first.spans
    part, *further = span.parts
    rest = [span._replace(parts=tuple(further)), *rest] if further else rest
    tries[span.slot, part] += 1
    todo.extendleft(reversed([first._replace(spans=tuple(rest)), *others] if rest else others))
    if tries[span.slot, part] < TRIES:
        todo.appendleft(first._replace(spans=(span._replace(parts=(part,)),)))
        return
    how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
    message = f"{Status.FAILED.sentence}: the process died of it, {TRIES} times ({how})"
    yield Reply(span.slot, part, None, Result(Status.FAILED, message))


def _start(compute: Compute, known: Known, *, threads: int) -> _Worker:
    context = worker_context(preload=(__name__, "soxr"))
    ours, theirs = context.Pipe()
    process: BaseProcess = context.Process(  # type: ignore[attr-defined]
        target=_serve, args=(theirs, compute, known, threads), daemon=True
    )
    with starting():
        process.start()
    theirs.close()
    return _Worker(process, ours)


def _serve(connection: Connection[Any, Any], compute: Compute, known: Known, threads: int) -> None:
    """Run in a worker: say that it wants work, do what comes, until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))  # torch reads it when it's first used
    with suppress(EOFError, OSError), one_thread_for_products():
        while True:
            connection.send(None)
            for replies in work(connection.recv(), compute, known):
                connection.send(replies)
