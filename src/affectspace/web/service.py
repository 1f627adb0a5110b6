"""An application with its guards, its errors in words, and its packaged files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

import affectspace
from affectspace.web.files import PackagedFile, answer_file, packaged
from affectspace.web.guard import Guard, Rules
from affectspace.web.refusals import answer_refusals

READ = ["GET", "HEAD"]  # what is read may be asked about without its body
NOTHING = "This is an affectspace service. To take part, open your personal link.\n"


def make_service(
    title: str,
    *,
    rules: Rules,
    pages: Collection[str],
    beside: Mapping[str, PackagedFile] | None = None,
    described: bool = False,
    health: Callable[[], Mapping[str, Any]] = lambda: {"ok": True},
    health_responses: dict[int | str, dict[str, Any]] | None = None,
) -> FastAPI:
    """Make an application that serves packaged pages; routes of its own are added to it.

    It serves no listing, and no description of itself unless it's for programs. Pages are what they
    are in the package: what varies they fetch.

    Args:
        title: of the service.
        rules: what the guard lets through.
        pages: names of the pages `NAME.html` that are served at `/NAME`.
        beside: further files, by their names below `static/` (with it).
        described: whether `/openapi.json` says what it takes and answers.
        health: what `/healthz` says, with status 503 unless its `ok` is true.
        health_responses: what its answers are, for the description.

    Returns:
        The application; `/static/...` serves the packaged files, `/healthz` says that it runs.
    """
    app = FastAPI(
        title=title,
        version=affectspace.__version__,
        openapi_url="/openapi.json" if described else None,
        docs_url=None,  # which would be fetched from elsewhere
        redoc_url=None,
    )
    app.add_middleware(Guard, rules=rules)
    answer_refusals(app)
    files = packaged() | dict(beside or {})

    @app.api_route("/", methods=READ, include_in_schema=False)
    async def root(request: Request) -> Response:
        if "index.html" in files:
            return files["index.html"].answer(request)
        return PlainTextResponse(NOTHING)

    @app.head("/healthz", include_in_schema=False)
    @app.get("/healthz", include_in_schema=described, responses=health_responses, tags=["service"])
    async def healthy() -> Response:
        """Say whether the service can do its work."""
        found = dict(health())
        return JSONResponse(found, 200 if found["ok"] else 503)

    @app.api_route("/static/{name:path}", methods=READ, include_in_schema=False)
    async def static(name: str, request: Request) -> Response:
        return answer_file(files, f"static/{name}", request)

    def add_page(page: str) -> None:
        @app.api_route(f"/{page}", methods=READ, include_in_schema=False)
        async def served(request: Request) -> Response:
            return answer_file(files, f"{page}.html", request)

    for page in pages:
        add_page(page)
    return app


def wording_languages() -> list[str]:
    """Return the languages that pages have words in, by their codes; English is the reference."""
    prefix, suffix = "static/wording/", ".json"
    return sorted(
        name.removeprefix(prefix).removesuffix(suffix)
        for name in packaged()
        if name.startswith(prefix)
    )
