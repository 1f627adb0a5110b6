"""A function in a process of its own: its answer, its error, its death."""

import os

import pytest

from affectspace.errors import TableError
from affectspace.processes import call_apart
from embedding_tasks import die, refuse


def test_the_answer_comes_from_another_process():
    assert call_apart(os.getpid) != os.getpid()
    assert call_apart(sorted, [3, 1, 2]) == [1, 2, 3]


def test_an_error_comes_back():
    with pytest.raises(TableError, match="no"):
        call_apart(refuse, None)


def test_a_death_is_an_error():
    with pytest.raises(ChildProcessError, match="die"):
        call_apart(die, None)
