"""The application: recordings in, rows out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Annotated, Any, cast

from fastapi import Depends, FastAPI, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from fastapi.security import HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from affectspace.audio import Channel
from affectspace.errors import AffectspaceError
from affectspace.segments import Segmentation
from affectspace.web.embedders import BusyError, Embedders, NotEmbeddedError, Places
from affectspace.web.files import packaged
from affectspace.web.guard import HEADERS, Rules
from affectspace.web.limits import RateLimit
from affectspace.web.refusals import Refusal
from affectspace.web.serve.answers import Answer, Health, Links, refusals
from affectspace.web.serve.jobs import Embedded, Form, embed_contents
from affectspace.web.serve.settings import Limits, Place
from affectspace.web.serve.uploads import received
from affectspace.web.serve.watch import Metrics, Watch
from affectspace.web.service import make_service

EMBED = "/v1/embed"
PARAMETERS = ("segment", "channel", "name")
PAGE = "live"
COME_AGAIN = "2"  # s
FORMS = ("application/json", "text/csv", "application/x-ndjson")
BURSTS = 4  # seconds' worth of requests at once
EVERYWHERE = (401, 421, 429, 431)
BEARER = Depends(HTTPBearer(auto_error=False, description="What --token-file holds."))
"""For the description alone: the guard has looked at the token by then."""
BODIES = {
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "required": ["files"],
            "additionalProperties": False,
            "properties": {
                "files": {
                    "type": "array",
                    "minItems": 1,
                    "items": {"type": "string", "format": "binary"},
                }
            },
        }
    },
    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
    "audio/*": {"schema": {"type": "string", "format": "binary"}},
    "application/json": {"schema": Links.model_json_schema()},
}


@dataclass
class Service:
    """What is being served.

    Attributes:
        embedders: do the work.
        limits: how much is taken.
        place: where, and for whom.
        model: facts on the model.
        hosts: that recordings may be fetched from; none means that nothing is.
        segment: what becomes a row where a request doesn't say.
        requests: the places of requests to embed.
        streams: the places of streams.
        metrics: what is counted.
    """

    embedders: Embedders
    limits: Limits
    place: Place
    model: dict[str, Any]
    hosts: tuple[str, ...] = ()
    segment: str = "none"
    requests: Places = field(init=False)
    streams: Places = field(init=False)
    metrics: Metrics = field(init=False)

    @property
    def secured(self) -> list[Any]:
        """What routes depend on that ask for a token."""
        return [] if self.place.token is None else [BEARER]

    def __post_init__(self) -> None:
        message = "As many requests as this service takes are in hand; come again a little later"
        self.requests = Places(self.limits.concurrency, message)
        message = "As many streams as this service takes are open; come again later"
        self.streams = Places(self.limits.streams, message)
        self.metrics = Metrics(self.embedders, self.requests, self.streams)


def make_app(service: Service) -> FastAPI:
    """Return the application."""
    from affectspace.web.serve.stream import add_stream

    limits, place = service.limits, service.place
    rate = limits.rate or 1e9
    rules = Rules(
        hosts=place.names,
        origins=place.origins,
        larger={EMBED: limits.max_bytes},
        strangers=RateLimit(per_second=rate, burst=BURSTS * rate),
        token=place.token,
    )

    def health() -> dict[str, Any]:
        ready, wanted = service.embedders.ready, service.embedders.workers
        if ready < wanted:  # a proxy that is told of it sends no request that would start one
            service.embedders.start()
        return {"ok": ready > 0, "workers": {"wanted": wanted, "ready": ready}}

    app = make_service(
        "affectspace serve",
        rules=rules,
        pages=(),
        beside={"index.html": _page()},
        described=True,
        health=health,
        health_responses={
            200: {"model": Health},
            503: {"model": Health, "description": "No process is ready, or not yet."},
            **refusals(421, 429, 431),
        },
    )
    app.add_middleware(Watch, metrics=service.metrics)
    app.router.lifespan_context = _running(service)
    _add_embed(app, service)
    _add_metrics(app, service)
    add_stream(app, service)
    return app


def _page() -> Any:
    """Return the page, which alone may hear the microphone."""
    allowed = HEADERS["Permissions-Policy"].replace("microphone=()", "microphone=(self)")
    return replace(packaged()[f"{PAGE}.html"], headers={"Permissions-Policy": allowed})


def _running(service: Service) -> Any:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(service.embedders.start)
        yield
        await run_in_threadpool(service.embedders.close)

    return lifespan


def _add_metrics(app: FastAPI, service: Service) -> None:
    @app.get(
        "/metrics",
        tags=["service"],
        dependencies=service.secured,
        response_class=Response,
        responses={
            200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
            **refusals(*EVERYWHERE),
        },
    )
    def metrics() -> Response:
        """Give counts and gauges to Prometheus."""
        return Response(generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST)


def _add_embed(app: FastAPI, service: Service) -> None:
    limits = service.limits

    @app.post(
        EMBED,
        tags=["embed"],
        dependencies=service.secured,
        response_class=Response,
        responses={
            200: {
                "model": Answer,
                "description": "A row per recording or segment; what can't be scored says why.",
                "content": {form: {"schema": {"type": "string"}} for form in FORMS[1:]},
            },
            **refusals(400, 403, 408, 413, 415, 422, 503, 504, *EVERYWHERE),
        },
        openapi_extra={"requestBody": {"required": True, "content": BODIES}},
    )
    async def embed(
        request: Request,
        segment: Annotated[
            str | None,
            Query(description="What becomes a row: none, speech, SECONDS or SECONDS:HOP."),
        ] = None,
        channel: Annotated[
            str | None,
            Query(description="first, mean, or a number from 0; without it the model's own rule."),
        ] = None,
        name: Annotated[  # noqa: ARG001  (read with the body, which alone has one)
            str | None, Query(description="Of the recording, where the body is nothing else.")
        ] = None,
    ) -> Response:
        """Estimate activation and valence of recordings, and place them in the affect space."""
        check_known(request.query_params, PARAMETERS)
        settings = (_segment(segment or service.segment), _channel(channel), _form(request))
        with refusing(), service.requests.one():
            async with received(request, limits, service.hosts) as uploads:
                embedded: Embedded = await worked_on(
                    partial(
                        service.embedders.submit,
                        embed_contents,
                        lambda: (
                            [upload.content() for upload in uploads],
                            *settings,
                            limits.max_seconds,
                        ),
                    ),
                    request,
                    limits,
                )
        service.metrics.embedded(embedded.statuses, embedded.seconds)
        request.state.rows = sum(embedded.statuses.values())
        return Response(embedded.body, media_type=settings[2])


@contextmanager
def refusing() -> Iterator[None]:
    """Turn what goes wrong with embedding into refusals."""
    try:
        yield
    except BusyError as error:
        raise busy(str(error)) from None
    except NotEmbeddedError as error:
        status = {"timeout": 504, "too_long": 413}.get(error.reason, 422)
        code = error.reason if error.reason != "failed" else "not_embedded"
        raise Refusal(status, code, str(error)) from None
    except AffectspaceError as error:
        raise Refusal(422, "not_embedded", str(error)) from None


def check_known(asked: Iterable[str], known: tuple[str, ...]) -> None:
    """Check the names of an address's parameters: one that is misspelt would change nothing.

    Raises:
        Refusal: 422, with the first that isn't known, and those that are.
    """
    for name in asked:
        if name not in known:
            names = ", ".join(known)
            raise _invalid(name[:80], f"there is no parameter {name[:80]!r}; there are {names}")


def busy(message: str) -> Refusal:
    """Return the answer to one too many."""
    headers = {"Retry-After": COME_AGAIN, "Connection": "close"}  # what follows isn't read
    return Refusal(503, "busy", message, headers=headers)


async def worked_on(submit: Callable[[], Future[Any]], request: Request, limits: Limits) -> Any:
    """Wait for a task; it is given up where nobody waits for it, or it waits too long.

    Args:
        submit: hands it over.
        request: whose body has been read.
        limits: of the service.

    Raises:
        Refusal: where it was given up.
        AffectspaceError: that it raised.
    """
    future = submit()
    waiting = asyncio.wrap_future(future)
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait(
            {waiting, leaving}, timeout=limits.timeout, return_when=asyncio.FIRST_COMPLETED
        )
        if not waiting.done() and future.cancel():
            if leaving.done():
                raise Refusal(400, "broken_off", "Whoever asked has gone")
            raise busy("The recordings waited too long for their turn; come again a little later")
        return await waiting
    finally:
        leaving.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _segment(text: str) -> str:
    try:
        return str(Segmentation.parse(text))
    except ValueError as error:
        raise _invalid("segment", str(error)) from None


def _channel(text: str | None) -> Channel | None:
    if text is None or text in ("first", "mean"):
        return cast("Channel | None", text)
    if text.isascii() and text.isdecimal() and len(text) <= 3:
        return int(text)
    raise _invalid("channel", "channel should be first, mean, or a number from 0 to 999")


def _form(request: Request) -> Form:
    """Choose by the header Accept, JSON unless another is asked for by name."""
    accepted = request.headers.get("accept", "").lower()
    asked = [part.partition(";")[0].strip() for part in accepted.split(",")]
    return cast("Form", next((name for name in asked if name in FORMS), FORMS[0]))


def _invalid(name: str, message: str) -> Refusal:
    refusal = Refusal(422, "invalid", message)
    refusal.details = [{"field": name, "message": message}]
    return refusal
