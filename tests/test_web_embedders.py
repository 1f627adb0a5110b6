"""Processes that embed: one after the other, killed, too slow, started anew, stopped."""

import os
import signal
import threading

import pytest

import embedding_tasks as tasks
from affectspace.errors import TableError
from affectspace.web.embedders import BusyError, Embedders, NotEmbeddedError, Places, _answer
from embedding_tasks import wait_for


@pytest.fixture
def embedders():
    made = Embedders("default")
    yield made
    made.close()


def ask(embedders, function, *arguments):
    return embedders.submit(function, lambda: arguments).result(60)


def test_a_process_is_kept_and_given_what_it_is_asked(embedders):
    assert embedders.ready == 0
    name, first, *given = ask(embedders, tasks.name_of, b"x", 3)
    assert name
    assert given == [b"x", 3]
    assert ask(embedders, tasks.name_of)[1] == first != os.getpid()
    assert (embedders.ready, embedders.restarts) == (1, 0)


def test_several_work_at_once():
    embedders = Embedders("default", workers=2)
    try:
        embedders.start()
        wait_for(lambda: embedders.ready == 2)
        first = embedders.submit(tasks.hang, tuple)
        assert len({ask(embedders, tasks.name_of)[1] for _ in range(3)}) == 1
        assert not first.done()
    finally:
        embedders.close()
    assert isinstance(first.exception(20), NotEmbeddedError)
    assert embedders.ready == 0


def test_what_kills_a_process_is_refused_and_another_takes_its_place(embedders):
    first = ask(embedders, tasks.name_of)[1]
    with pytest.raises(NotEmbeddedError, match="failed badly") as raised:
        ask(embedders, tasks.die)
    assert raised.value.reason == "failed"
    wait_for(lambda: embedders.ready == 1)
    assert ask(embedders, tasks.name_of)[1] != first
    assert embedders.restarts == 1


def test_a_process_that_died_unasked_costs_no_request(embedders):
    first = ask(embedders, tasks.name_of)[1]
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: embedders.ready == 0)
    assert ask(embedders, tasks.name_of)[1] != first


def test_what_takes_too_long_is_stopped(embedders):
    ask(embedders, tasks.name_of)
    embedders.patience = 0.05
    with pytest.raises(NotEmbeddedError, match=r"longer than 0\.05 s") as raised:
        ask(embedders, tasks.hang)
    assert raised.value.reason == "timeout"
    embedders.patience = 60
    assert ask(embedders, tasks.name_of)


def test_errors_come_back_in_words_and_unforeseen_ones_without_theirs(embedders, caplog):
    with pytest.raises(TableError, match="no"):
        ask(embedders, tasks.refuse)
    with pytest.raises(NotEmbeddedError, match="log says why"):
        ask(embedders, tasks.fail)
    assert embedders.restarts == 0
    assert isinstance(_answer(tasks.fail, None, ()), NotEmbeddedError)  # as the process does
    assert "ZeroDivisionError" in caplog.text
    assert "secret" not in caplog.text


def test_a_model_that_cannot_be_loaded_is_logged(caplog):
    embedders = Embedders("no-such-model")
    try:
        embedders.start()
        wait_for(lambda: "no-such-model" in caplog.text)
        assert embedders.ready == 0
    finally:
        embedders.close()


def test_what_waits_makes_its_arguments_when_it_is_its_turn(embedders):
    ask(embedders, tasks.name_of)
    made = threading.Event()
    embedders.patience = 0.5
    hanging = embedders.submit(tasks.hang, tuple)
    waiting = embedders.submit(tasks.name_of, lambda: (made.set(),))
    assert not made.is_set()
    assert hanging.exception(20)
    embedders.patience = 60
    assert waiting.result(20)
    assert made.is_set()


def test_places_are_given_back_whatever_happens():
    places = Places(2, "full")
    with places.one(), places.one(), pytest.raises(BusyError, match="full"), places.one():
        pass
    with pytest.raises(ZeroDivisionError), places.one():
        tasks.fail(None)
    assert places.taken == 0
