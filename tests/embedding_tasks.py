"""What tests have embedding processes do, beside embedding; and a wait for what they become."""

import os
import signal
import time

from affectspace.errors import TableError


def wait_for(true, *, seconds=30):
    """Wait until something is so; fail where it doesn't become so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never became so"
        time.sleep(0.01)


def name_of(model, *arguments):
    return (model.name, os.getpid(), *arguments)


def held(_):
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def die(model):
    os.kill(os.getpid(), signal.SIGKILL)


def hang(model):
    time.sleep(60)


def fail(model):
    raise ZeroDivisionError("se" + "cret.wav")


def refuse(model):
    raise TableError("no")


def hang_on(model, *anything):
    hang(model)


def die_on(model, *anything):
    die(model)
