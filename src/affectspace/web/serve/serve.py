"""The service on an address, until it is stopped."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from affectspace.errors import ServiceError
from affectspace.model import load_model
from affectspace.model.contract import adopt
from affectspace.model.embed import facts
from affectspace.web.embedders import Embedders
from affectspace.web.running import bind, is_loopback, run, url_of
from affectspace.web.serve.service import Service, make_app
from affectspace.web.serve.settings import Limits, Place

TOKEN = re.compile(r"[\w.~-]{16,256}", re.ASCII)
"""Of a token: what a header and the name of a WebSocket's protocol hold alike."""
SPARE = 64  # connections beside those that are worked on: refusals, metrics, what is kept alive


def serve(
    model: str,
    place: Place,
    limits: Limits,
    *,
    workers: int,
    hosts: tuple[str, ...] = (),
    segment: str = "none",
    on_start: Callable[[str], None],
) -> None:
    """Serve a model until SIGINT or SIGTERM.

    Args:
        model: its name, folder or source, as [`load_model`][affectspace.load_model] takes.
        place: where, and for whom.
        limits: how much is taken.
        workers: processes that embed.
        hosts: that recordings may be fetched from.
        segment: what becomes a row where a request doesn't say.
        on_start: called with the address, once it is answered.

    Raises:
        ServiceError: if the address can't be had, or others could reach it without a token.
        ModelError: if there is no such model.
    """
    check_token(place)
    taken = bind(place.host, place.port)
    try:
        loaded = adopt(load_model(model))
    except BaseException:
        taken.close()
        raise
    embedders = Embedders(model, workers=workers, patience=limits.timeout)
    service = Service(embedders, limits, place, dict(facts(loaded)), hosts, segment)
    address = url_of(taken, place.host)
    run(
        make_app(service),
        taken,
        on_start=lambda: on_start(address),
        stopping=limits.grace,
        sockets="websockets-sansio",
        connections=8 * (limits.concurrency + limits.streams) + SPARE,
    )


def check_token(place: Place) -> None:
    """Check that nobody else can ask without a token.

    Raises:
        ServiceError: if they could, or the token isn't one.
    """
    if place.token is None:
        if not is_loopback(place.host):
            raise ServiceError(
                f"others can reach {place.host}, so the service needs a token: write one into a "
                "file and name it with --token-file, or set AFFECTSPACE_TOKEN; or leave --host out"
            )
    elif not TOKEN.fullmatch(place.token):
        raise ServiceError(
            "a token has 16 to 256 letters, digits, '.', '_', '~' and '-'; make one with: "
            'python -c "import secrets; print(secrets.token_urlsafe(32))"'
        )


def read_token(path: Path | None, given: str | None) -> str | None:
    """Return the token: what a file holds, or what was given; None where there is neither.

    Raises:
        ServiceError: if the file can't be read.
    """
    if path is None:
        return (given or "").strip() or None
    try:
        return path.read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        raise ServiceError(f"the token can't be read from {path}: {error}") from None
