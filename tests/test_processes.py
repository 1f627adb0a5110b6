"""A function in a process of its own: its answer, its error, its death."""

import os
import signal
import sys
import threading
import time

import pytest

from affectspace.errors import TableError
from affectspace.processes import call_apart, starting, stop, worker_context
from embedding_tasks import die, held, refuse


def test_the_answer_comes_from_another_process():
    assert call_apart(os.getpid) != os.getpid()
    assert call_apart(sorted, [3, 1, 2]) == [1, 2, 3]


def test_an_error_comes_back():
    with pytest.raises(TableError, match="no"):
        call_apart(refuse, None)


def test_a_death_is_an_error():
    with pytest.raises(ChildProcessError, match="die"):
        call_apart(die, None)


def test_threads_that_hide_the_main_module_bring_it_back():
    before = sys.modules["__main__"]

    def hide():
        for _ in range(20):
            with starting():
                time.sleep(0.0005)

    threads = [threading.Thread(target=hide) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sys.modules["__main__"] is before


@pytest.fixture
def heeded():
    """Heed Ctrl-C, which a shell's jobs in the background don't from the start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeded")
def test_ctrl_c_never_reaches_a_process_and_reaches_this_one_again():
    assert call_apart(held, None)
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012  (it comes when it may)
        with starting():
            signal.raise_signal(signal.SIGINT)
            begun = True
        pytest.fail("Ctrl-C was lost")
    assert begun
    assert not held(None)


@pytest.mark.parametrize("stubborn", [False, True])
def test_a_process_is_told_to_end_and_killed_where_it_does_not(stubborn):
    process = worker_context().Process(target=time.sleep, args=(600,), daemon=True)
    with starting():
        process.start()
    if stubborn:
        os.kill(process.pid, signal.SIGSTOP)  # SIGTERM waits until it goes on
    stop(process, patience=0.3 if stubborn else 60.0)
    assert not process.is_alive()
    assert process.exitcode in (
        (-signal.SIGTERM, -signal.SIGKILL) if stubborn else (-signal.SIGTERM,)
    )
