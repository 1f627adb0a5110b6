"""An application with its guards, its errors in words, and its packaged files."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from affectspace.web.files import PackagedFile, answer_file, packaged
from affectspace.web.guard import Guard, Rules
from affectspace.web.refusals import answer_refusals

NOTHING = "This is an affectspace service. To take part, open your personal link.\n"


def make_service(
    title: str,
    *,
    rules: Rules,
    pages: Collection[str],
    beside: Mapping[str, PackagedFile] | None = None,
) -> FastAPI:
    """Make an application that serves packaged pages; routes of its own are added to it.

    It serves no listing and no description of itself. Pages are what they are in the package:
    what varies they fetch.

    Args:
        title: of the service.
        rules: what the guard lets through.
        pages: names of the pages `NAME.html` that are served at `/NAME`.
        beside: further files, by their names below `static/` (with it).

    Returns:
        The application; `/static/...` serves the packaged files, `/healthz` says that it runs.
    """
    app = FastAPI(title=title, openapi_url=None, docs_url=None, redoc_url=None)
    app.add_middleware(Guard, rules=rules)
    answer_refusals(app)
    files = packaged() | dict(beside or {})

    @app.get("/", include_in_schema=False)
    async def root(request: Request) -> Response:
        if "index.html" in files:
            return files["index.html"].answer(request)
        return PlainTextResponse(NOTHING)

    @app.get("/healthz", include_in_schema=False)
    async def health() -> Response:
        return JSONResponse({"ok": True})

    @app.get("/static/{name:path}", include_in_schema=False)
    async def static(name: str, request: Request) -> Response:
        return answer_file(files, f"static/{name}", request)

    def add_page(page: str) -> None:
        @app.get(f"/{page}", include_in_schema=False)
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
