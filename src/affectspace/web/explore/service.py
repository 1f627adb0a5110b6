"""The application of an embedded collection."""

from __future__ import annotations

import datetime
import json
import secrets
import shlex
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic import Field
from starlette.datastructures import Headers

from affectspace.audio import AudioFile
from affectspace.audio.names import locate
from affectspace.errors import AudioError
from affectspace.model.alignment import THE_MODELS
from affectspace.report.embedding import SHARED
from affectspace.web.annotate.bodies import Body, LinkBody
from affectspace.web.embedders import BusyError, NotEmbeddedError
from affectspace.web.explore.collection import (
    SELECTIONS,
    Collection,
    page_json,
    ratable,
    selected_csv,
    write_selection,
)
from affectspace.web.explore.landing import SOURCE_LIMIT, Lander
from affectspace.web.files import PackagedFile, packaged
from affectspace.web.guard import Rules
from affectspace.web.refusals import Refusal
from affectspace.web.service import make_service
from affectspace.web.sessions import Sessions, bad_link
from affectspace.web.sound import WavCache, answer_range
from affectspace.web.tokens import Bearer, Keyring

KIND = PAGE = "explore"
PLAYED = 600.0  # s; of a row that lasts longer, its beginning
MOST_ROWS = 1_000_000
ROWS_LIMIT = 8 * 2**20  # bytes of a request that names rows
SCRIPTS = "static/report/"


class RowsBody(Body):
    """The rows that are selected, by their numbers."""

    rows: Annotated[
        list[Annotated[int, Field(ge=0, lt=MOST_ROWS)]], Field(min_length=1, max_length=MOST_ROWS)
    ]


@dataclass
class Exploring:
    """A collection that is being served.

    Attributes:
        collection: what is explored.
        address: of the service, without a slash at its end.
        lander: embeds what is dropped on the plane.
        model: facts on the lander's model.
        study: the folder that selections are written into; None where they are only downloaded.
        keyring: signs link and session, with a secret that ends with the process.
        sessions: who asks.
        sounds: what was played last.
    """

    collection: Collection
    address: str
    lander: Lander
    model: dict[str, Any]
    study: Path | None = None
    keyring: Keyring = field(default_factory=lambda: Keyring(secrets.token_bytes(32)))
    sounds: WavCache = field(default_factory=WavCache)
    sessions: Sessions = field(init=False)

    def __post_init__(self) -> None:
        self.sessions = Sessions(self.keyring, secure=False)

    @property
    def link(self) -> str:
        """The address that opens the page."""
        return f"{self.address}/{PAGE}#{self.keyring.link(Bearer(KIND, 0, 1))}"


def make_app(exploring: Exploring) -> FastAPI:
    """Return the application of a collection."""

    def who(headers: Headers) -> str | None:
        return exploring.sessions.asker(headers.get("cookie", ""))

    api = f"/api/{KIND}"
    rules = Rules(
        naming="",  # it is this machine's alone
        who=who,
        larger={
            f"{api}/landing": SOURCE_LIMIT,
            f"{api}/selection": ROWS_LIMIT,
            f"{api}/annotate": ROWS_LIMIT,
        },
    )
    app = make_service("affectspace explore", rules=rules, pages=(PAGE,), beside=report_files())
    app.router.lifespan_context = _closing(exploring)
    _add_session(app, exploring)
    _add_rows(app, exploring)
    _add_selection(app, exploring)
    _add_landing(app, exploring)
    return app


def report_files() -> dict[str, PackagedFile]:
    """Return the scripts and styles that this page shares with the report of a collection."""
    templates = resources.files("affectspace") / "templates"
    with resources.as_file(templates) as folder:
        found = packaged(folder)
    return {f"{SCRIPTS}{name}": found[name] for name in SHARED}


def _closing(exploring: Exploring) -> Any:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(exploring.lander.close)

    return lifespan


def _add_session(app: FastAPI, exploring: Exploring) -> None:
    sessions = exploring.sessions
    about = {
        "made_by": exploring.collection.made_by,
        "model": exploring.model,
        "same_model": _is_same(exploring.collection.made_by, exploring.model),
        "same_scale": _scale(exploring.collection.made_by) == _scale(exploring.model),
        "study": exploring.study is not None,
    }

    @app.post(f"/api/{KIND}/session", tags=[KIND])
    def open_session(body: LinkBody, request: Request, response: Response) -> dict[str, Any]:
        """Exchange the link that the command printed for a session."""
        bearer = sessions.link(body.token, KIND)
        if bearer != Bearer(KIND, 0, 1):
            raise bad_link()
        return {"csrf": sessions.open(request, response, bearer), "about": about}

    @app.get(f"/api/{KIND}/session", tags=[KIND])
    def session(request: Request) -> dict[str, Any]:
        """Tell what is explored."""
        sessions.of(request, KIND, csrf=False)
        return {"csrf": sessions.csrf(request, KIND), "about": about}


def _add_rows(app: FastAPI, exploring: Exploring) -> None:
    collection, sessions = exploring.collection, exploring.sessions
    rows = page_json(collection)

    @app.get(f"/api/{KIND}/collection", tags=[KIND])
    def whole(request: Request) -> Response:
        """Give all rows, as columns."""
        sessions.of(request, KIND, csrf=False)
        return Response(rows, media_type="application/json")

    @app.get(f"/api/{KIND}/audio/{{row}}", tags=[KIND])
    def audio(row: int, request: Request) -> Response:
        """Give the sound of a row."""
        sessions.of(request, KIND, csrf=False)
        span = collection.span(row)
        if span is None:
            raise Refusal(404, "not_found", "There is no such row")
        try:
            wav = exploring.sounds.get(*_playable(*span))
        except (AudioError, OSError, ValueError):
            raise Refusal(404, "not_found", "This recording can't be read") from None
        return answer_range(wav, request.headers.get("range"), tag=f"row {row}")


def _playable(file: str, start: float, end: float | None) -> tuple[str, float, float | None]:
    """Return a span, cut to what may be played."""
    if end is None:
        with open(locate(file), "rb") as opened, AudioFile(opened) as audio:  # noqa: PTH123
            first, last = audio.extent(start, None)
        if last - first <= PLAYED:
            return file, start, None
        end = last
    return file, start, min(end, start + PLAYED)


def _add_selection(app: FastAPI, exploring: Exploring) -> None:
    collection, sessions = exploring.collection, exploring.sessions

    def rows_of(body: RowsBody) -> Sequence[int]:
        rows = np.unique(body.rows)
        if rows[-1] >= len(collection.table):
            raise Refusal(422, "invalid", f"there are {len(collection.table)} rows")
        found: Sequence[int] = rows.tolist()
        return found

    @app.post(f"/api/{KIND}/selection", tags=[KIND])
    def selection(body: RowsBody, request: Request) -> Response:
        """Give rows with all of their columns, as CSV."""
        sessions.of(request, KIND)
        content = selected_csv(collection, rows_of(body))
        answer = {"name": "selection.csv", "content": content}
        return Response(json.dumps(answer), media_type="application/json")  # ASCII: no text fails

    @app.post(f"/api/{KIND}/annotate", tags=[KIND])
    def annotate(body: RowsBody, request: Request) -> dict[str, Any]:
        """Make a table of what is to be rated; say how to go on with it."""
        sessions.of(request, KIND)
        rows = rows_of(body)
        table = ratable(collection, rows)
        if not len(table):
            raise Refusal(422, "invalid", "No selected row has the status ok: nothing can be rated")
        if exploring.study is None:
            name = "to-rate.csv"
            answer = {
                "name": name,
                "content": str(table.to_csv()),
                "command": _command("STUDY_DIR", name),
            }
        else:
            now = datetime.datetime.now(datetime.UTC)
            try:
                path = write_selection(table, exploring.study, now=now)
            except OSError as error:
                reason = error.strerror or "the disk refused"
                message = f"The table can't be written into the study's folder: {reason}"
                raise Refusal(507, "not_written", message) from None
            written = f"{SELECTIONS}/{path.name}"
            answer = {"written": written, "command": _command(str(exploring.study), str(path))}
        return {"rows": len(table), "left_out": len(rows) - len(table), **answer}


def _command(study: str, table: str) -> str:
    return f"affectspace annotate {shlex.quote(study)} --audio {shlex.quote(table)}"


def _add_landing(app: FastAPI, exploring: Exploring) -> None:
    binary = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}

    @app.post(
        f"/api/{KIND}/landing",
        tags=[KIND],
        openapi_extra={"requestBody": {"required": True, "content": binary}},
    )
    async def landing(request: Request) -> dict[str, Any]:
        """Embed a recording, and keep nothing of it."""
        exploring.sessions.of(request, KIND)
        content = await request.body()
        if not content:
            raise Refusal(422, "invalid", "The file is empty")
        try:
            return await run_in_threadpool(exploring.lander.land, content)
        except BusyError as error:
            raise Refusal(429, "busy", str(error), headers={"Retry-After": "2"}) from None
        except NotEmbeddedError as error:
            raise Refusal(422, "not_embedded", str(error)) from None


def _is_same(made_by: dict[str, Any], model: dict[str, Any]) -> bool | None:
    """Tell whether a table and the lander have one model; None where the table doesn't say."""
    if not made_by:
        return None
    return all(made_by.get(name) == model.get(name) for name in ("name", "version", "contract"))


def _scale(facts: dict[str, Any]) -> str:
    """On whose scale a model's estimates are; tables of before don't say, and were on its own."""
    return str(facts.get("scale", THE_MODELS))
