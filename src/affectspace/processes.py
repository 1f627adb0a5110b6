"""How worker processes start, and how many cores they take."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


_STARTING = threading.RLock()


def available_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def worker_context(*, preload: Sequence[str] = ()) -> BaseContext:
    """Return how to start processes; never a fork of this one, whose threads may hold locks.

    A fork server is preferred: a new worker shares its memory and starts in 10 ms.

    Args:
        preload: modules that the fork server imports once for all workers, if it's not up yet.
    """
    if "forkserver" in multiprocessing.get_all_start_methods():
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(preload))
        return context
    return multiprocessing.get_context("spawn")


def stop(process: BaseProcess, *, patience: float = 10.0) -> None:
    """Tell a process to end, and kill it where it doesn't: SIGTERM may come when it can't heed it.

    Args:
        process: that was started.
        patience: seconds that it has.
    """
    process.terminate()
    process.join(patience)
    if process.is_alive():
        process.kill()
        process.join()


@contextmanager
def one_thread_for_products() -> Iterator[None]:
    """Let NumPy's matrix products run in one thread.

    OpenBLAS splits a product of 128 rows up, whose parts then wait for one another: on a machine
    with other work, `native` took 5 times as long with two threads, in CPU time and on the wall.
    """
    with _products().limit(limits=1, user_api="blas"):
        yield


@cache
def _products() -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def starting() -> Iterator[None]:
    """What holds while a process starts: it gets no main module, and no Ctrl-C, then or later.

    The main module would be run again in the worker, and a script without
    `if __name__ == "__main__"` would do its work there once more. Workers need nothing of it.
    Threads take turns, or one would bring back what another hid. Ctrl-C is the parent's affair; it
    waits until the process, and the server that it is forked from, have been told to ignore it.
    """
    with _STARTING, _interrupts_held():
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Keep SIGINT from this thread, and for good from processes that it starts meanwhile."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # it would let SIGINT through again once it is up
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def call_apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a process of its own, so that what else goes on here isn't held up.

    Args:
        function: of a module; it and its arguments must pickle.
        arguments: what it gets.

    Returns:
        What it returns.

    Raises:
        Exception: what it raises.
        ChildProcessError: if the process ends without an answer.

    Examples:
        >>> call_apart(divmod, 7, 2)
        (3, 1)
    """
    context = worker_context()
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(  # type: ignore[attr-defined]
        target=_called, args=(theirs, function, arguments), daemon=True
    )
    with starting():
        process.start()
    theirs.close()
    try:
        returned, answer = ours.recv()
    except EOFError:
        raise ChildProcessError(f"the process that ran {function.__name__} ended") from None
    finally:
        ours.close()
        process.join()
    if not returned:
        raise answer
    return answer


def _called(connection: Connection[Any, Any], function: Any, arguments: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    with suppress(OSError, AttributeError):
        os.nice(10)  # whoever waits for the rest goes first
    try:
        answer = True, function(*arguments)
    except Exception as error:
        answer = False, error
    connection.send(answer)
