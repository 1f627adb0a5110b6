"""The application of a rating study."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers

from affectspace.annotation.folder import StudyFolder
from affectspace.annotation.raters import NameTakenError, Rater
from affectspace.annotation.store import StorageError
from affectspace.annotation.submission import RatingError
from affectspace.errors import StudyError, TableError
from affectspace.web.guard import Rules
from affectspace.web.refusals import Refusal, refused
from affectspace.web.service import make_service, wording_languages
from affectspace.web.sessions import Sessions
from affectspace.web.sound import WavCache
from affectspace.web.tokens import Bearer, Keyring, read_secret

LEAD_PAGE, RATER_PAGE = "lead", "rate"
TABLE_LIMIT = 2_200_000  # bytes of the request with a table of 2 MB
STATUSES = {
    "invalid": 422,
    "not_found": 404,
    "already_rated": 409,
    "key_reused": 409,
    "not_in_hand": 409,
    "cannot_undo": 409,
}


@dataclass
class Running:
    """A study that is being served.

    Attributes:
        study: the study.
        address: of the service, as people reach it, without a slash at its end.
        keyring: signs links and sessions.
        sessions: who asks.
        sounds: what was played last.
        languages: that the pages have words in.
    """

    study: StudyFolder
    address: str
    keyring: Keyring
    sessions: Sessions
    sounds: WavCache = field(default_factory=WavCache)
    languages: list[str] = field(default_factory=wording_languages)

    def rater_link(self, rater: Rater) -> str:
        """Return a rater's personal link."""
        token = self.keyring.link(Bearer("rater", rater.id, rater.generation))
        return f"{self.address}/{RATER_PAGE}#{token}"

    def lead_link(self, generation: int) -> str:
        """Return the study lead's link."""
        return f"{self.address}/{LEAD_PAGE}#{self.keyring.link(Bearer('lead', 0, generation))}"


def make_running(study: StudyFolder, address: str) -> Running:
    """Return a study with what serving it takes.

    Args:
        study: the study.
        address: of the service, as people reach it: `https://study.example.org`.
    """
    secret = read_secret(study.secret)
    keyring = Keyring(secret)
    sessions = Sessions(keyring, secure=address.startswith("https:"))
    return Running(study, address.rstrip("/"), keyring, sessions)


def make_app(running: Running, *, hosts: tuple[str, ...] = ()) -> FastAPI:
    """Return the application of a study.

    Args:
        running: the study.
        hosts: further names that the service goes by.
    """
    from affectspace.web.annotate.lead import add_lead
    from affectspace.web.annotate.rater import add_rater_routes
    from affectspace.web.annotate.results import add_results

    own = urlsplit(running.address)

    def who(headers: Headers) -> str | None:
        return running.sessions.asker(headers.get("cookie", ""))

    rules = Rules(
        hosts=(own.hostname or "", *hosts),
        origins=(f"{own.scheme}://{own.netloc}",),
        larger={"/api/lead/rounds": TABLE_LIMIT},
        who=who,
    )
    app = make_service("affectspace annotate", rules=rules, pages=(RATER_PAGE, LEAD_PAGE))
    app.add_exception_handler(StudyError, _study_error)
    app.add_exception_handler(TableError, _study_error)
    add_rater_routes(app, running)
    add_lead(app, running)
    add_results(app, running)
    return app


def refusal_of(error: Exception) -> Refusal:
    """Return the answer that an error of a study comes to."""
    message = str(error)
    if isinstance(error, RatingError):
        refusal = Refusal(STATUSES[error.code], error.code, message)
        if error.field:
            refusal.details = [{"field": error.field, "message": message}]
        return refusal
    if isinstance(error, StorageError):
        status = 507 if error.code == "disk_full" else 503
        return Refusal(status, error.code, message, headers={"Retry-After": "5"})
    if isinstance(error, NameTakenError):
        return Refusal(409, "name_taken", message)
    return Refusal(422, "invalid", message)


async def _study_error(_: Request, error: Exception) -> JSONResponse:
    return refused(refusal_of(error))
