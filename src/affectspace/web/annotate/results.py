"""What the study lead's page asks for of the results: quality, and files to take away."""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response

from affectspace.annotation.collected import FORMATS, write_collected
from affectspace.annotation.findings import findings, state_of
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


class Findings:
    """The quality of a study's ratings, worked out once for each state of it.

    Where that takes longer than 2 s, it is worked out again after ten times as long at the soonest:
    raters are waiting for the same processor.

    Args:
        running: the study.
    """

    def __init__(self, running: Running) -> None:
        self._store = running.study.store
        self._lock = threading.Lock()
        self._state: tuple[Any, ...] | None = None
        self._found: dict[str, Any] = {}
        self._until = 0.0

    def get(self) -> dict[str, Any]:
        """Return the findings; whoever asks while they are worked out waits for the same ones."""
        with self._lock:
            began = time.monotonic()
            if began < self._until:
                return self._found
            with self._store.reading() as connection:
                state = state_of(connection)
                if state != self._state:
                    self._found = findings(connection)
                    self._state = state
            took = time.monotonic() - began
            self._until = time.monotonic() + REST * took if took > LONG else 0.0
            return self._found


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
