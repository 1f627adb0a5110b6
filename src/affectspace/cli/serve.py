"""`affectspace serve`: a model as an HTTP service."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from affectspace.cli import options
from affectspace.errors import needs_extra
from affectspace.web.serve.settings import Limits, Place

LIMITS, PLACE = Limits(), Place()


def serve(
    model: options.Model = "default",
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes that embed.", show_default="one per core"),
    ] = None,
    segment: Annotated[
        str,
        typer.Option(
            metavar="none|speech|SECONDS[:HOP]",
            help="What becomes a row where a request doesn't say.",
        ),
    ] = "none",
    host: Annotated[
        str,
        typer.Option(
            help="Listen on this address; the default is this machine alone, any other needs a "
            "token.",
        ),
    ] = PLACE.host,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="0 takes one that is free.")
    ] = PLACE.port,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="What all must send as 'Authorization: Bearer TOKEN'.",
            show_default="AFFECTSPACE_TOKEN",
        ),
    ] = None,
    token: Annotated[str | None, typer.Option(envvar="AFFECTSPACE_TOKEN", hidden=True)] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A further name that the service goes by."),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL", help="Another site, https://..., whose pages may use the service."
        ),
    ] = None,
    allow_urls: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST",
            help="Fetch recordings from this host, HOST or HOST:PORT, when asked to; where its "
            "address isn't public, name that too (10.0.0.0/24).",
            show_default="none",
        ),
    ] = None,
    max_bytes: Annotated[int, typer.Option(min=1024, help="Of a request.")] = LIMITS.max_bytes,
    max_seconds: Annotated[
        float, typer.Option(min=1, help="Of sound in a request, all recordings together.")
    ] = LIMITS.max_seconds,
    max_files: Annotated[int, typer.Option(min=1, help="In a request.")] = LIMITS.max_files,
    timeout: Annotated[
        float,
        typer.Option(min=0.1, help="Seconds to receive a request, to wait, and to work on it."),
    ] = LIMITS.timeout,
    concurrency: Annotated[
        int, typer.Option(min=1, help="Requests in hand at once; more are told to come again.")
    ] = LIMITS.concurrency,
    rate: Annotated[
        float,
        typer.Option(
            min=0, help="Requests a second from one address.", show_default="0, any number"
        ),
    ] = LIMITS.rate,
    streams: Annotated[int, typer.Option(min=0, help="Open at once.")] = LIMITS.streams,
    stream_seconds: Annotated[
        float, typer.Option(min=2, help="Of sound in a stream.")
    ] = LIMITS.stream_seconds,
    idle: Annotated[
        float, typer.Option(min=0.1, help="Seconds after which a silent stream is closed.")
    ] = LIMITS.idle,
    grace: Annotated[
        float, typer.Option(min=0, help="Seconds to end what has begun, when stopped.")
    ] = LIMITS.grace,
) -> None:
    """Serve a model over HTTP: recordings in, rows out; a stream with a row per second; a page.

    Prints its address, and serves until it is stopped. Logs are lines of JSON on stderr. Nothing
    that is sent to it is stored. GET /openapi.json describes it.
    """
    with needs_extra("serve", "affectspace serve"):
        import python_multipart  # noqa: F401
        import websockets  # noqa: F401

        from affectspace.web.serve import serve as serving
        from affectspace.web.serve.watch import log_json

    from affectspace.processes import available_cores
    from affectspace.segments import Segmentation

    with options.usage_errors():
        segmentation = Segmentation.parse(segment)
    limits = Limits(
        max_bytes=max_bytes,
        max_seconds=max_seconds,
        max_files=max_files,
        timeout=timeout,
        concurrency=concurrency,
        rate=rate,
        streams=streams,
        stream_seconds=stream_seconds,
        idle=idle,
        grace=grace,
    )
    place = Place(
        host,
        port,
        tuple(allow_host or ()),
        tuple(allow_origin or ()),
        serving.read_token(token_file, token),
    )
    log_json()

    def tell(address: str) -> None:
        typer.echo(address)
        sys.stdout.flush()

    serving.serve(
        model,
        place,
        limits,
        workers=workers or available_cores(),
        hosts=tuple(allow_urls or ()),
        segment=str(segmentation),
        on_start=tell,
    )
