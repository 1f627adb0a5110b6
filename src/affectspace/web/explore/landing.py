"""Where a recording lands: one that is handed over is embedded in a process of its own.

A decoder that fails on a hostile file takes only that process along, and a request that takes long
holds up no other. Nothing is written to disk.
"""

from __future__ import annotations

import io
import logging
import math
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from affectspace.audio import AudioFile, Status
from affectspace.errors import AffectspaceError, AudioError
from affectspace.model import AffectModel, Caution, load_model
from affectspace.processes import main_hidden, worker_context

LONGEST = 120.0  # s; more is no utterance, and a mean over it says little
MOST_CHANNELS = 8
SOURCE_LIMIT = 25 * 2**20  # bytes of a file
PATIENCE = 120.0  # s, from a cold start, on a slow machine
WAITING = 4  # requests at once, the one that is worked on among them

_LOG = logging.getLogger(__name__)
_OUTSIDE = ("truncated",)


class BusyError(AffectspaceError):
    """Too many recordings wait already."""


class LandingError(AffectspaceError):
    """A recording that could not be embedded, for a reason that isn't one of its own statuses."""


def land(model: AffectModel, content: bytes) -> dict[str, Any]:
    """Embed a recording that is in memory.

    Args:
        model: embeds it.
        content: the bytes of an audio file.

    Returns:
        The row of an embedding table, by column, with None for NaN; `caution` is a list of words,
        and `meanings` says what they mean. A file that can't be scored has its status and message.

    Raises:
        LandingError: when it is too long.
    """
    try:
        with AudioFile(io.BytesIO(content)) as audio:
            begin, stop = audio.extent()
            if stop - begin > LONGEST:
                raise LandingError(
                    f"This recording lasts {stop - begin:.0f} s, and more than {LONGEST:.0f} s "
                    "isn't taken here: `affectspace embed --segment speech` cuts it into spans"
                )
            samples, rate = audio.read(0.0, stop)
    except AudioError as error:
        return {"status": str(error.status), "message": str(error), "caution": [], "meanings": {}}
    table = model.embed((samples[:, :MOST_CHANNELS].T, rate), jobs=1, cache=False)
    return _plain({str(name): value for name, value in table.iloc[0].items()})


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    words = [word for word in str(row.pop("caution", "")).split(";") if word]
    plain: dict[str, Any] = {}
    for name, value in row.items():
        if name in _OUTSIDE:
            continue
        number = isinstance(value, float) or hasattr(value, "dtype")
        plain[name] = (float(value) if math.isfinite(value) else None) if number else str(value)
    meanings = {word: Caution(word).sentence for word in words}
    return {**plain, "caution": words, "meanings": meanings}


class Lander:
    """Embeds one recording after the other in a worker process, which starts with the first.

    Args:
        model: the model's name, folder or source, as [`load_model`][affectspace.load_model] takes.
        patience: seconds that one recording may take.
    """

    def __init__(self, model: str, *, patience: float = PATIENCE) -> None:
        self._model, self._patience = model, patience
        self._places = threading.BoundedSemaphore(WAITING)
        self._turn = threading.Lock()
        self._process: BaseProcess | None = None
        self._connection: Connection[Any, Any] | None = None

    def land(self, content: bytes) -> dict[str, Any]:
        """Return what [`land`][affectspace.web.explore.landing.land] returns.

        Raises:
            BusyError: when several wait already.
            LandingError: when the recording is too long, takes too long, or ends the process.
        """
        if not self._places.acquire(blocking=False):
            raise BusyError("Several recordings are being embedded already; wait a moment")
        try:
            with self._turn:
                return self._ask(content)
        finally:
            self._places.release()

    def close(self) -> None:
        """End the process."""
        with self._turn:
            self._stop()

    def _ask(self, content: bytes) -> dict[str, Any]:
        try:
            connection = self._started()
            connection.send_bytes(content)
            if not connection.poll(self._patience):
                self._stop()
                raise LandingError(f"This took longer than {self._patience:.0f} s, and was stopped")
            answer: dict[str, Any] | AffectspaceError = connection.recv()
        except (EOFError, OSError):
            self._stop()
            raise LandingError(f"{Status.UNREADABLE.sentence}: reading it failed badly") from None
        if isinstance(answer, AffectspaceError):
            raise answer
        return answer

    def _started(self) -> Connection[Any, Any]:
        if self._process is None or self._connection is None or not self._process.is_alive():
            self._stop()
            context = worker_context()
            ours, theirs = context.Pipe()
            process: BaseProcess = context.Process(  # type: ignore[attr-defined]
                target=_serve, args=(theirs, self._model), daemon=True
            )
            with main_hidden():
                process.start()
            theirs.close()
            self._process, self._connection = process, ours
        return self._connection

    def _stop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            self._process.kill()
            self._process.join()
        self._process = self._connection = None


def _serve(connection: Connection[Any, Any], name: str) -> None:
    """Embed what comes, until nobody asks any more."""
    with suppress(EOFError, OSError, KeyboardInterrupt):
        model = load_model(name)
        while True:
            content = connection.recv_bytes()
            answer: dict[str, Any] | AffectspaceError
            try:
                answer = land(model, content)
            except AffectspaceError as error:
                answer = error
            except Exception:
                _LOG.exception("a recording can't be embedded")
                answer = LandingError(
                    "This recording can't be embedded; the service's log says why"
                )
            connection.send(answer)
