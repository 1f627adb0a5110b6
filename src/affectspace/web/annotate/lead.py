"""What the study lead's page asks for."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa
from fastapi import FastAPI, Request
from fastapi.responses import Response

from affectspace.annotation import material, overview, schema
from affectspace.annotation.assignment import release
from affectspace.annotation.collected import FORMATS
from affectspace.annotation.raters import Rater, add_rater, all_raters, change_rater, find_rater
from affectspace.annotation.settings import StudySettings, plain_text
from affectspace.annotation.store import read_settings, write_settings
from affectspace.errors import TableError
from affectspace.tables import read_table
from affectspace.web.annotate.bodies import (
    AssignmentBody,
    LinkBody,
    NewRaterBody,
    RaterBody,
    RoundBody,
    StudyBody,
)
from affectspace.web.annotate.rater import sound_of, study_facts
from affectspace.web.annotate.service import Running
from affectspace.web.refusals import Refusal
from affectspace.web.sessions import bad_link
from affectspace.web.tokens import Bearer

KIND = "lead"
HANDED_OUT = ("raters_per_item", "items_per_rater", "repeat_share", "repeat_distance")


def add_lead(app: FastAPI, running: Running) -> None:
    """Add the routes below `/api/lead`."""
    _add_session(app, running)
    _add_study(app, running)
    _add_raters(app, running)


def check_lead(running: Running, request: Request, *, csrf: bool = True) -> None:
    """Check that the study lead asks.

    Raises:
        Refusal: otherwise.
    """
    bearer = running.sessions.of(request, KIND, csrf=csrf)
    with running.study.store.reading() as connection:
        if not _is_current(connection, bearer):
            raise Refusal(401, "no_session", "This link is no longer valid; the command prints one")


def lead_generation(connection: sa.Connection) -> int:
    """Return the generation of the study lead's link."""
    return int(connection.execute(sa.select(schema.study.c.lead_generation)).scalar_one())


def _add_session(app: FastAPI, running: Running) -> None:
    store, sessions = running.study.store, running.sessions
    formats = [{"name": name, "title": form.title} for name, form in FORMATS.items()]
    further = {"languages": running.languages, "formats": formats}

    @app.post("/api/lead/session", tags=[KIND])
    def open_session(body: LinkBody, request: Request, response: Response) -> dict[str, Any]:
        """Exchange the lead's link for a session."""
        bearer = sessions.link(body.token, KIND)
        with store.reading() as connection:
            if not _is_current(connection, bearer):
                raise bad_link()
            facts = _facts(read_settings(connection))
        csrf = sessions.open(request, response, bearer)
        return {"csrf": csrf, "study": facts, **further}

    @app.get("/api/lead/session", tags=[KIND])
    def session(request: Request) -> dict[str, Any]:
        """Tell what the study is."""
        check_lead(running, request, csrf=False)
        with store.reading() as connection:
            facts = _facts(read_settings(connection))
        csrf = sessions.csrf(request, KIND)
        return {"csrf": csrf, "study": facts, **further}

    @app.post("/api/lead/leave", tags=[KIND])
    def leave(request: Request, response: Response) -> dict[str, bool]:
        """End the session in this browser."""
        check_lead(running, request)
        sessions.close(request, response, KIND)
        return {"left": True}


def _add_study(app: FastAPI, running: Running) -> None:
    store = running.study.store

    @app.get("/api/lead/progress", tags=[KIND])
    def progress(request: Request) -> dict[str, Any]:
        """Count what is done."""
        check_lead(running, request)
        with store.reading() as connection:
            counts = overview.progress(connection)
        return {**counts, "in_words": overview.in_words(counts)}

    @app.put("/api/lead/study", tags=[KIND])
    def study(body: StudyBody, request: Request) -> dict[str, Any]:
        """Change what raters are shown and asked."""
        check_lead(running, request)
        changes = body.model_dump()
        for name in ("title", "instructions"):
            changes[name] = plain_text(changes[name])
        changes["categories"] = tuple(plain_text(word).strip() for word in body.categories)
        return {"study": _facts(_change(running, changes))}

    @app.get("/api/lead/assignment", tags=[KIND])
    def assignment(request: Request) -> dict[str, Any]:
        """Tell how items are handed out."""
        check_lead(running, request)
        with store.reading() as connection:
            return _assignment(connection, read_settings(connection))

    @app.put("/api/lead/assignment", tags=[KIND])
    def change_assignment(body: AssignmentBody, request: Request) -> dict[str, Any]:
        """Change how items are handed out, from the next one on."""
        check_lead(running, request)
        settings = _change(running, body.model_dump())
        with store.reading() as connection:
            return _assignment(connection, settings)

    @app.post("/api/lead/rounds", tags=[KIND], status_code=201)
    def open_round(body: RoundBody, request: Request) -> dict[str, Any]:
        """Have only these items rated from now on."""
        check_lead(running, request)
        table = _table(body.table)
        with store.writing() as connection:
            chosen = material.match_items(connection, table, [running.study.audio])
            material.open_round(connection, chosen)
            return _assignment(connection, read_settings(connection))

    @app.get("/api/lead/audio/{item}", tags=[KIND])
    def audio(item: int, request: Request) -> Response:
        """Give the sound of an item."""
        check_lead(running, request, csrf=False)
        columns = schema.items.c.file, schema.items.c.start, schema.items.c.end
        with store.reading() as connection:
            found = connection.execute(
                sa.select(*columns).where(schema.items.c.id == min(max(item, 0), 2**31 - 1))
            ).first()
        return sound_of(running, found, request, tag=f"item {item}")


def _add_raters(app: FastAPI, running: Running) -> None:
    store = running.study.store

    def shown(rater: Rater) -> dict[str, Any]:
        return {
            "id": rater.id,
            "name": rater.name,
            "language": rater.language,
            "active": rater.active,
            "link": running.rater_link(rater),
        }

    @app.get("/api/lead/raters", tags=[KIND])
    def raters(request: Request) -> dict[str, Any]:
        """Name all raters, with their links."""
        check_lead(running, request)
        with store.reading() as connection:
            return {"raters": [shown(rater) for rater in all_raters(connection)]}

    @app.post("/api/lead/raters", tags=[KIND], status_code=201)
    def add(body: NewRaterBody, request: Request) -> dict[str, Any]:
        """Add a rater."""
        check_lead(running, request)
        _check_language(running, body.language)
        with store.writing() as connection:
            return shown(add_rater(connection, body.name, language=body.language))

    @app.patch("/api/lead/raters/{number}", tags=[KIND])
    def change(number: int, body: RaterBody, request: Request) -> dict[str, Any]:
        """Change a rater; one who is closed gives back what is in hand."""
        check_lead(running, request)
        changes = body.changes()
        _check_language(running, changes.get("language"))
        with store.writing() as connection:
            rater = change_rater(connection, _known(connection, number), **changes)
            if not rater.active:
                release(connection, rater.id)
        return shown(rater)

    @app.post("/api/lead/raters/{number}/link", tags=[KIND])
    def new_link(number: int, request: Request) -> dict[str, Any]:
        """Give a rater another link; the old one and its sessions end."""
        check_lead(running, request)
        with store.writing() as connection:
            rater = _known(connection, number)
            rater = change_rater(connection, rater, generation=rater.generation + 1)
        return shown(rater)


def _is_current(connection: sa.Connection, bearer: Bearer) -> bool:
    return bearer.generation == lead_generation(connection)


def _facts(settings: StudySettings) -> dict[str, Any]:
    handed_out = {name: getattr(settings, name) for name in HANDED_OUT}
    return {**study_facts(settings), "language": settings.language, **handed_out}


def _assignment(connection: sa.Connection, settings: StudySettings) -> dict[str, Any]:
    handed_out = {name: getattr(settings, name) for name in HANDED_OUT}
    return {**handed_out, "rounds": overview.opened_rounds(connection)}


def _change(running: Running, changes: dict[str, Any]) -> StudySettings:
    _check_language(running, changes.get("language"))
    with running.study.store.writing() as connection:
        settings = read_settings(connection).changed(**changes)
        write_settings(connection, settings)
    return settings


def _check_language(running: Running, language: str | None) -> None:
    if language is not None and language not in running.languages:
        raise Refusal(422, "invalid", f"there are no words in {language!r}")


def _known(connection: sa.Connection, number: int) -> Rater:
    rater = find_rater(connection, min(max(number, 0), 2**31 - 1))
    if rater is None:
        raise Refusal(404, "not_found", "There is no such rater")
    return rater


def _table(text: str) -> pd.DataFrame:
    """Read a table that was sent as text."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "table.csv"
        path.write_text(plain_text(text), encoding="utf-8")
        try:
            return read_table(path)
        except TableError as error:
            raise TableError(str(error).replace(str(path), "this table")) from None
