"""What the study lead's page asks for of the results: quality, and files to take away."""

from __future__ import annotations

import tempfile
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response

from affectspace.annotation.collected import FORMATS, write_collected
from affectspace.annotation.findings import Evidence, evidence_of, findings, state_of
from affectspace.processes import call_apart
from affectspace.web.annotate.lead import KIND, check_lead
from affectspace.web.annotate.service import Running
from affectspace.web.refusals import Refusal

MEDIA_TYPES = {
    ".csv": "text/csv; charset=utf-8",
    ".jsonl": "application/x-ndjson; charset=utf-8",
    ".parquet": "application/vnd.apache.parquet",
}

LONG = 2.0  # s
REST = 10
PATIENCE = 5.0  # s
MANY = 500  # ratings; the findings of fewer are there before a process is
NOTHING: dict[str, Any] = {"labels": [], "raters": [], "items": []}


class Findings:
    """The quality of a study's ratings, worked out once for each state of it, in a process apart.

    Where that takes longer than 2 s, it is worked out again after ten times as long at the soonest:
    raters are waiting for the same processor.

    Args:
        running: the study.
    """

    def __init__(self, running: Running) -> None:
        self._store = running.study.store
        self._lock = threading.Lock()
        self._state: tuple[Any, ...] | None = None
        self._found = NOTHING
        self._until = 0.0
        self._work: Future[None] | None = None

    def get(self) -> dict[str, Any]:
        """Return the findings; the last ones, with `working` true, where new ones take longer."""
        with self._lock:
            if self._work is None and time.monotonic() >= self._until:
                self._begin()
            work = self._work
        if work is not None:
            with suppress(TimeoutError):
                work.result(PATIENCE)
        return {**self._found, "working": work is not None and not work.done()}

    def _begin(self) -> None:
        """Have new findings worked out, if anything has changed."""
        with self._store.reading() as connection:
            state = state_of(connection)
            if state == self._state:
                return
            evidence = evidence_of(connection)
        self._work = Future()
        # not one of a pool's, which would hold up the end of the service
        threading.Thread(
            target=self._work_out, args=(self._work, state, evidence), daemon=True
        ).start()

    def _work_out(self, work: Future[None], state: tuple[Any, ...], evidence: Evidence) -> None:
        began = time.monotonic()
        try:
            apart = len(evidence.rows) > MANY
            found = call_apart(findings, evidence) if apart else findings(evidence)
        except Exception as error:
            with self._lock:
                self._work = None
            work.set_exception(error)
            return
        took = time.monotonic() - began
        with self._lock:
            self._found, self._state, self._work = found, state, None
            self._until = time.monotonic() + REST * took if took > LONG else 0.0
        work.set_result(None)


def add_results(app: FastAPI, running: Running) -> None:
    """Add the routes for quality and export."""
    quality = Findings(running)

    @app.get("/api/lead/quality", tags=[KIND])
    def found(request: Request) -> dict[str, Any]:
        """Tell how far raters agree, and how each does."""
        check_lead(running, request)
        return quality.get()

    @app.get("/api/lead/export/{name}", tags=[KIND])
    def export(name: str, request: Request) -> Response:
        """Give what was collected, as a file."""
        check_lead(running, request, csrf=False)
        if name not in FORMATS:
            raise Refusal(404, "not_found", "There is no such format")
        suffix = FORMATS[name].suffix
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / f"{name}{suffix}"
            write_collected(running.study, name, path, root=Path(scratch))
            content = path.read_bytes()
        headers = {"Content-Disposition": f'attachment; filename="{name}{suffix}"'}
        return Response(content, media_type=MEDIA_TYPES[suffix], headers=headers)
