"""What a rater's page asks for."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from affectspace.annotation import submission
from affectspace.annotation.assignment import Done, Given, give_next, how_far, in_hand
from affectspace.annotation.raters import Rater, change_rater, find_rater
from affectspace.annotation.schema import assignments, items
from affectspace.annotation.settings import (
    COMMENT_LIMIT,
    HIGH,
    LOW,
    STEP,
    StudySettings,
    plain_text,
)
from affectspace.annotation.store import read_settings
from affectspace.annotation.submission import Rating, RatingError
from affectspace.errors import AudioError
from affectspace.web.annotate.bodies import LanguageBody, LinkBody, RatingBody, UndoBody
from affectspace.web.annotate.service import Running, refusal_of
from affectspace.web.refusals import Refusal
from affectspace.web.sessions import bad_link
from affectspace.web.sound import answer_range
from affectspace.web.tokens import Bearer

KIND = "rater"
RESTORED = ("activation", "valence", "dominance", "category", "cannot_judge", "comment")


def add_rater_routes(app: FastAPI, running: Running) -> None:
    """Add the routes below `/api/rater`."""
    _add_sessions(app, running)
    _add_items(app, running)


def _add_sessions(app: FastAPI, running: Running) -> None:
    """Who rates: a session is opened, told, changed and left."""
    store, sessions = running.study.store, running.sessions

    @app.post("/api/rater/session", tags=[KIND])
    def open_session(body: LinkBody, request: Request, response: Response) -> dict[str, Any]:
        """Exchange a personal link for a session."""
        bearer = sessions.link(body.token, KIND)
        with store.reading() as connection:
            rater = rater_of(connection, bearer)
            if rater is None:
                raise bad_link()
            answer = _session(connection, rater, running)
        return {"csrf": sessions.open(request, response, bearer), **answer}

    @app.get("/api/rater/session", tags=[KIND])
    def session(request: Request) -> dict[str, Any]:
        """Tell who rates, what is asked, and how far it is."""
        bearer = sessions.of(request, KIND, csrf=False)
        with store.reading() as connection:
            answer = _session(connection, known(connection, bearer), running)
        return {"csrf": sessions.csrf(request, KIND), **answer}

    @app.post("/api/rater/language", tags=[KIND])
    def language(body: LanguageBody, request: Request) -> dict[str, str]:
        """Store the rater's choice of language."""
        bearer = sessions.of(request, KIND)
        if body.language not in running.languages:
            raise Refusal(422, "invalid", f"there are no words in {body.language!r}")
        with store.writing() as connection:
            change_rater(connection, known(connection, bearer), language=body.language)
        return {"language": body.language}

    @app.post("/api/rater/leave", tags=[KIND])
    def leave(request: Request, response: Response) -> dict[str, bool]:
        """End the session in this browser."""
        sessions.of(request, KIND)
        sessions.close(request, response, KIND)
        return {"left": True}


def _add_items(app: FastAPI, running: Running) -> None:
    """What is rated: items are given, heard and rated, and the last rating is taken back."""
    store, sessions = running.study.store, running.sessions

    @app.get("/api/rater/next", tags=[KIND])
    def next_item(request: Request) -> dict[str, Any]:
        """Give the item in hand, or the next one."""
        bearer = sessions.of(request, KIND)
        with store.reading() as connection:
            rater = known(connection, bearer)
            if given := in_hand(connection, rater.id):
                done = how_far(connection, rater, read_settings(connection))
                return _next(connection, rater, given, done)
        return _give(running, bearer)

    @app.post("/api/rater/ratings", tags=[KIND])
    def rate(body: RatingBody, request: Request) -> Any:
        """Store a rating; the answer comes once it is on disk."""
        bearer = sessions.of(request, KIND)
        rating = Rating(**body.model_dump(exclude={"assignment", "key"}))
        try:
            with store.writing() as connection:
                rater, settings = known(connection, bearer), read_settings(connection)
                accepted = submission.submit(
                    connection, rater, body.assignment, body.key, rating, settings
                )
                given, done = give_next(connection, rater, settings)
                following = _next(connection, rater, given, done)
        except RatingError as error:
            return _refused(running, bearer, error)
        reference = None
        if accepted.activation is not None or accepted.valence is not None:
            reference = {"activation": accepted.activation, "valence": accepted.valence}
        return {
            "accepted": True,
            "assignment": accepted.public,
            "reference": reference,
            "next": following,
        }

    @app.post("/api/rater/undo", tags=[KIND])
    def undo(body: UndoBody, request: Request) -> Any:
        """Take the last rating back."""
        bearer = sessions.of(request, KIND)
        try:
            with store.writing() as connection:
                rater, settings = known(connection, bearer), read_settings(connection)
                submission.undo(connection, rater, body.assignment)
                given, done = give_next(connection, rater, settings)
                return _next(connection, rater, given, done)
        except RatingError as error:
            return _refused(running, bearer, error)

    @app.get("/api/rater/audio/{assignment}", tags=[KIND])
    def audio(assignment: str, request: Request) -> Response:
        """Give the sound of one of the rater's own items."""
        bearer = sessions.of(request, KIND, csrf=False)
        with store.reading() as connection:
            rater = known(connection, bearer)
            found = connection.execute(
                sa.select(items.c.file, items.c.start, items.c.end)
                .join(assignments, assignments.c.item_id == items.c.id)
                .where(
                    assignments.c.public == plain_text(assignment),
                    assignments.c.rater_id == rater.id,
                )
            ).first()
        return sound_of(running, found, request, tag=assignment)


def rater_of(connection: sa.Connection, bearer: Bearer) -> Rater | None:
    """Return the rater of a session or link; None where the link is void by now."""
    rater = find_rater(connection, bearer.number)
    return rater if rater is not None and rater.generation == bearer.generation else None


def known(connection: sa.Connection, bearer: Bearer) -> Rater:
    """Return the rater of a session.

    Raises:
        Refusal: `no_session` where the link is void by now, `rater_closed`.
    """
    rater = rater_of(connection, bearer)
    if rater is None:
        raise Refusal(401, "no_session", "This link is no longer valid; ask for a new one")
    if not rater.active:
        raise Refusal(403, "rater_closed", "Your part in this study is closed")
    return rater


def study_facts(settings: StudySettings) -> dict[str, Any]:
    """Return what pages must know of a study."""
    return {
        "title": settings.title,
        "instructions": settings.instructions,
        "scale": {"low": LOW, "high": HIGH, "step": STEP},
        "labels": list(settings.labels),
        "dominance": settings.dominance,
        "category": settings.category,
        "categories": list(settings.categories),
        "comment": settings.comment,
        "comment_limit": COMMENT_LIMIT,
        "cannot_judge": settings.cannot_judge,
        "must_hear": settings.must_hear,
    }


def sound_of(running: Running, found: Any, request: Request, *, tag: str) -> Response:
    """Return an item's sound, or the part of it that a player asks for.

    Raises:
        Refusal: where there is no such item, or its recording is gone.
    """
    if found is None:
        raise Refusal(404, "not_found", "There is no such item")
    try:
        wav = running.sounds.get(running.study.file(found.file), found.start, found.end)
    except (AudioError, OSError):
        raise Refusal(404, "not_found", "This recording can't be read any more") from None
    return answer_range(wav, request.headers.get("range"), tag=tag)


def _session(connection: sa.Connection, rater: Rater, running: Running) -> dict[str, Any]:
    settings = read_settings(connection)
    return {
        "rater": {"name": rater.name, "language": rater.language or settings.language},
        "languages": running.languages,
        "study": study_facts(settings),
        "progress": _progress(
            submission.last_event(connection, rater), how_far(connection, rater, settings)
        ),
    }


def _give(running: Running, bearer: Bearer) -> dict[str, Any]:
    with running.study.store.writing() as connection:
        rater, settings = known(connection, bearer), read_settings(connection)
        given, done = give_next(connection, rater, settings)
        return _next(connection, rater, given, done)


def _next(
    connection: sa.Connection, rater: Rater, given: Given | None, done: Done
) -> dict[str, Any]:
    last = submission.last_event(connection, rater)
    item = None
    if given is not None:
        said = last.said if last.undone == given.public else None
        item = {
            "assignment": given.public,
            "practice": given.practice,
            "audio": f"api/rater/audio/{given.public}",
            "seconds": round(given.seconds, 3),
            "restored": said and {name: said[name] for name in RESTORED},
        }
    return {"done": given is None, "item": item, "progress": _progress(last, done)}


def _progress(last: submission.LastEvent, done: Done) -> dict[str, Any]:
    return {
        "done": done.rated,
        "total": done.total,
        "practice_done": done.practice_rated,
        "practice_total": done.practice_total,
        "can_undo": last.can_undo,
    }


def _refused(running: Running, bearer: Bearer, error: RatingError) -> JSONResponse:
    """Refuse, and where the page is behind, tell it what is next."""
    refusal = refusal_of(error)
    if error.code in ("already_rated", "not_in_hand", "cannot_undo"):
        refusal.beside = {"next": _give(running, bearer)}
    raise refusal
