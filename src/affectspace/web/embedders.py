"""Processes that embed what is handed over, each with the model in its memory.

A decoder that fails on a hostile file takes only its process along, and one that takes too long is
ended with it; another process takes its place. Nothing is written to disk.
"""

from __future__ import annotations

import logging
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from queue import SimpleQueue
from typing import Any, Literal

import numpy as np

from affectspace.audio import SAMPLING_RATE, Status
from affectspace.errors import AffectspaceError
from affectspace.model import AffectModel, load_model
from affectspace.processes import one_thread_for_products, starting, worker_context

PATIENCE = 120.0  # s, for one task
STARTING = 120.0  # s, on a slow machine; an encoder of several GB takes its time

Reason = Literal["failed", "timeout", "too_long"]

_LOG = logging.getLogger(__name__)
_PRELOADED = ("affectspace.model.embed", "affectspace.web.serve.jobs", "soxr")


class BusyError(AffectspaceError):
    """Too many wait already."""


class NotEmbeddedError(AffectspaceError):
    """A recording that could not be embedded, for a reason that isn't one of its own statuses.

    Attributes:
        reason: `failed`, `timeout` or `too_long`.
    """

    def __init__(self, message: str, reason: Reason = "failed") -> None:
        super().__init__(message)
        self.reason = reason

    def __reduce__(self) -> tuple[type[NotEmbeddedError], tuple[str, Reason]]:
        """Keep the reason when the error comes back from a worker process."""
        return type(self), (str(self), self.reason)


class Places:
    """So many at once, and no more: what is over it is turned away before it takes memory.

    Args:
        most: how many.
        message: what the others are told.

    Examples:
        >>> places = Places(1, "full")
        >>> with places.one():
        ...     places.taken
        1
    """

    def __init__(self, most: int, message: str) -> None:
        self.most, self.taken = most, 0
        self._message = message
        self._lock = threading.Lock()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Take a place while the block lasts.

        Raises:
            BusyError: when there is none.
        """
        with self._lock:
            if self.taken >= self.most:
                raise BusyError(self._message)
            self.taken += 1
        try:
            yield
        finally:
            with self._lock:
                self.taken -= 1


class Embedders:
    """Several processes that do one task after the other; they start with `start`, or when needed.

    Args:
        model: the model's name, folder or source, as [`load_model`][affectspace.load_model] takes.
        workers: how many.
        patience: seconds that one task may take.
    """

    def __init__(self, model: str, *, workers: int = 1, patience: float = PATIENCE) -> None:
        self.patience = patience
        self._workers = [_Worker(model) for _ in range(workers)]
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="embedder")
        self._starting: list[Future[None]] = []
        self._begun = self._asked = 0
        self._counting = threading.Lock()

    @property
    def workers(self) -> int:
        """How many processes there should be."""
        return len(self._workers)

    @property
    def waiting(self) -> int:
        """How many tasks wait for a process."""
        return self._asked - self._begun

    @property
    def ready(self) -> int:
        """How many have their model loaded, and live."""
        return sum(worker.is_ready() for worker in self._workers)

    @property
    def restarts(self) -> int:
        """How many processes took the place of another."""
        return sum(max(0, worker.starts - 1) for worker in self._workers)

    def start(self) -> None:
        """Start those that aren't up, and return before they are ready."""
        if all(one.done() for one in self._starting):
            self._starting = [
                self._threads.submit(self._with_one, _Worker.make_ready) for _ in self._workers
            ]
            for one in self._starting:
                one.add_done_callback(_told)

    def submit(
        self, function: Callable[..., Any], arguments: Callable[[], tuple[Any, ...]]
    ) -> Future[Any]:
        """Have a process call a function with the model and further arguments.

        Args:
            function: a function of a module; gets the model first, then the arguments.
            arguments: makes them, once a process is free: so what waits needs no memory.

        Returns:
            What the function returns; or an `AffectspaceError` that it raised, `NotEmbeddedError`
            where it took too long, or ended the process.
        """

        def ask(worker: _Worker) -> Any:
            self._count(begun=1)
            try:
                return worker.ask(function, arguments(), self.patience)
            finally:
                self._count(begun=-1)

        self._count(asked=1)
        future = self._threads.submit(self._with_one, ask)
        future.add_done_callback(lambda _: self._count(asked=-1))
        return future

    def close(self) -> None:
        """End all processes, whatever they do."""
        for worker in self._workers:
            worker.close()
        self._threads.shutdown(cancel_futures=True)

    def _count(self, *, asked: int = 0, begun: int = 0) -> None:
        with self._counting:
            self._asked += asked
            self._begun += begun

    def _with_one(self, task: Callable[[_Worker], Any]) -> Any:
        worker = self._idle.get()  # there is one: as many threads as processes
        try:
            return task(worker)
        finally:
            self._idle.put(worker)


def _told(starting: Future[None]) -> None:
    error = None if starting.cancelled() else starting.exception()
    if error is not None:
        _LOG.error("a process that embeds can't start: %s: %s", type(error).__name__, error)


class _Worker:
    """A process, and the next one in its place; asked by one thread at a time."""

    def __init__(self, model: str) -> None:
        self.starts = 0
        self.process: BaseProcess | None = None
        self._model = model
        self._connection: Connection[Any, Any] | None = None
        self._loaded = self._closed = False
        self._lock = threading.Lock()  # of process and connection, which `close` takes away

    def is_ready(self) -> bool:
        """Tell, from any thread, whether it could do something now."""
        with self._lock, suppress(OSError):
            if self.process is not None and self._connection is not None:
                return self.process.is_alive() and (self._loaded or self._connection.poll())
        return False

    def make_ready(self) -> None:
        """Start the process if need be, and wait until its model is loaded."""
        connection = self._running()
        if self._loaded:
            return
        if not connection.poll(STARTING):
            raise TimeoutError
        error = connection.recv()
        if error is not None:
            raise error
        self._loaded = True

    def ask(self, function: Callable[..., Any], arguments: tuple[Any, ...], patience: float) -> Any:
        """Return what the process answers; see `Embedders.submit`."""
        try:
            self.make_ready()
            connection = self._running()
            connection.send((function, arguments))
            if not connection.poll(patience):
                raise TimeoutError
            answer = connection.recv()
        except TimeoutError:
            self._replace()
            message = f"This took longer than {patience:g} s, and was stopped"
            raise NotEmbeddedError(message, "timeout") from None
        except (EOFError, OSError):
            self._replace()
            message = f"{Status.UNREADABLE.sentence}: reading it failed badly"
            raise NotEmbeddedError(message) from None
        if isinstance(answer, AffectspaceError):
            raise answer
        return answer

    def close(self) -> None:
        """End the process for good; a thread that waits for its answer sees its pipe end."""
        with self._lock:
            self._closed = True
            if self.process is not None:
                self.process.kill()
                self.process.join()

    def _running(self) -> Connection[Any, Any]:
        with self._lock:
            if self.process is None or self._connection is None or not self.process.is_alive():
                self._stop()
                self._start()
            assert self._connection is not None  # noqa: S101  (just started)
            return self._connection

    def _replace(self) -> None:
        with self._lock:
            self._stop()
            if not self._closed:
                self._start()

    def _start(self) -> None:
        if self._closed:
            raise EOFError
        context = worker_context(preload=_PRELOADED)
        ours, theirs = context.Pipe()
        process: BaseProcess = context.Process(  # type: ignore[attr-defined]
            target=_serve, args=(theirs, self._model), daemon=True
        )
        with starting():
            process.start()
        theirs.close()
        self.starts += 1
        self.process, self._connection = process, ours

    def _stop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self.process is not None:
            self.process.kill()
            self.process.join()
        self.process, self._connection, self._loaded = None, None, False


def _serve(connection: Connection[Any, Any], name: str) -> None:
    """Run in the process: load the model, say so, and do what comes until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    with suppress(EOFError, OSError), one_thread_for_products():  # each process is a core's worth
        try:
            model = load_model(name)
            _rehearse(model)
        except AffectspaceError as error:
            connection.send(error)
            return
        connection.send(None)
        while True:
            function, arguments = connection.recv()
            connection.send(_answer(function, model, arguments))
            del arguments  # a recording may be large, and the next may be long in coming


def _answer(function: Callable[..., Any], model: AffectModel, arguments: tuple[Any, ...]) -> Any:
    try:
        return function(model, *arguments)
    except AffectspaceError as error:
        return error
    except Exception as error:
        # where, but not what: the message may quote the recording's name
        where = "".join(traceback.format_tb(error.__traceback__))
        _LOG.error("a recording can't be embedded: %s at\n%s", type(error).__name__, where)
        return NotEmbeddedError("This recording can't be embedded; the service's log says why")


def _rehearse(model: AffectModel) -> None:
    """Embed something short, so that the first recording finds everything loaded."""
    time = np.arange(SAMPLING_RATE) / SAMPLING_RATE
    buzz = (0.1 * np.sign(np.sin(2 * np.pi * 120 * time))).astype(np.float32)
    model.embed((buzz, SAMPLING_RATE), jobs=1, cache=False)
