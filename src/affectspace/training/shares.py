"""Shares of a training, each a batched pass; several in processes of their own."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from affectspace.model import AffectModel
from affectspace.processes import starting, stop, worker_context
from affectspace.training.batched import BatchedRuns
from affectspace.training.ratings import Ratings
from affectspace.training.recipe import Recipe, Run

MANY_FEATURES = 1000
"""With fewer, torch gets one thread: in steps so small its threads wait for each other."""


@dataclass(frozen=True)
class Share:
    """Runs that are trained together, and what they are trained on; see `train`."""

    x: npt.NDArray[np.float32]
    ratings: Ratings
    groups: npt.NDArray[np.int64] | None
    clean: npt.NDArray[np.int64] | None
    label_names: Sequence[str]
    runs: Sequence[Run]
    recipe: Recipe
    device: str


def train_share(share: Share, advance: Callable[[int], None]) -> list[AffectModel]:
    """Train the runs of a share in this process; `advance` hears of every run's every epoch."""
    with _threads(1 if share.x.shape[1] < MANY_FEATURES else torch.get_num_threads()):
        batched = BatchedRuns(
            share.x,
            share.ratings,
            share.groups,
            share.clean,
            label_names=share.label_names,
            runs=share.runs,
            recipe=share.recipe,
            device=torch.device(share.device),
        )
        batched.fit(advance)
        return batched.models()


def train_shares(
    shares: Sequence[Share], advance: Callable[[int], None], *, processes: int
) -> list[list[AffectModel]]:
    """Train shares in so many processes, this one among them, each one share after the other.

    Where a process dies, its shares are trained here after all.
    """
    mine, *others = [shares[first::processes] for first in range(min(processes, len(shares)))]
    workers = [Worker(pile, advance) for pile in others]

    def advance_all(done: int) -> None:
        advance(done)
        for worker in workers:
            worker.listen()

    try:
        piles = [_train_pile(mine, advance_all), *(worker.models() for worker in workers)]
        return [piles[i % len(piles)][i // len(piles)] for i in range(len(shares))]
    finally:
        for worker in workers:
            worker.stop()


def _train_pile(shares: Sequence[Share], advance: Callable[[int], None]) -> list[list[AffectModel]]:
    return [train_share(share, advance) for share in shares]


class Worker:
    """A process that trains some shares, one after the other."""

    def __init__(self, shares: Sequence[Share], advance: Callable[[int], None]) -> None:
        context = worker_context()
        self._shares, self._advance = shares, advance
        self._models: list[list[AffectModel]] | None = None
        self._connection, theirs = context.Pipe(duplex=False)
        self.process: BaseProcess = context.Process(  # type: ignore[attr-defined]
            target=_work, args=(theirs, shares), daemon=True
        )
        with starting():
            self.process.start()
        theirs.close()

    def listen(self) -> None:
        """Take what has come: epochs done, the models, or an error, which is raised."""
        with suppress(EOFError, OSError):
            while self._models is None and self._connection.poll():
                self._take(self._connection.recv())

    def models(self) -> list[list[AffectModel]]:
        """Wait for the models of each share."""
        with suppress(EOFError, OSError):
            while self._models is None:
                self._take(self._connection.recv())
        if self._models is None:
            self._models = _train_pile(self._shares, lambda _: None)
        return self._models

    def stop(self) -> None:
        """End the process, finished or not: one that is finished ends by itself."""
        self._connection.close()
        if self._models is None:
            stop(self.process)
        else:
            self.process.join()

    def _take(self, message: Any) -> None:
        if isinstance(message, Exception):
            raise message
        if isinstance(message, int):
            self._advance(message)
        else:
            self._models = message


def _work(connection: Connection[Any, Any], shares: Sequence[Share]) -> None:
    """Run in a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    with suppress(BrokenPipeError):
        try:
            connection.send(_train_pile(shares, connection.send))
        except Exception as error:  # raised again by the parent
            connection.send(error)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
