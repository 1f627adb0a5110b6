"""`affectspace explore`: the affect plane of a collection, live, on this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from affectspace.cli import options
from affectspace.errors import TableError, needs_extra


def explore(
    inputs: options.Inputs,
    model: Annotated[
        str,
        typer.Option(
            metavar="NAME|DIR|hf:ORG/NAME",
            help="The model that embeds what isn't embedded yet, and what is dropped on the page.",
        ),
    ] = "default",
    study: Annotated[
        Path | None,
        typer.Option(
            metavar="STUDY_DIR",
            help="Write what is selected for rating into this study's folder.",
            show_default="download it",
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes one that is free.")] = 8490,
    jobs: options.Jobs = None,
    cache: options.Cache = None,
    no_cache: options.NoCache = False,
) -> None:
    """Look and listen around in a collection: search, filter, colour, lasso, play, drop a file.

    INPUT is an embedding table, as embed writes it, or what is to be embedded first. Prints an
    address with a token that this machine alone can open, and serves until it is stopped.
    """
    cache_rule = options.cache_rule(cache, no_cache)
    with needs_extra("annotate", "affectspace explore"):
        from affectspace.web.explore.collection import open_collection
        from affectspace.web.explore.serve import serve
        from affectspace.web.running import LOOPBACK, bind

    from affectspace.model import load_model

    def tell(link: str) -> None:
        typer.echo(link)
        sys.stdout.flush()
        typer.echo("Open it in a browser on this machine; stop with Ctrl-C.", err=True)

    with bind(LOOPBACK, port) as taken:  # before the work, which may be long
        loaded = load_model(model)
        collection = open_collection(inputs, loaded, jobs=jobs, cache=cache_rule, progress=True)
        table = collection.table
        scored = table["status"].astype(str).eq("ok")
        if not scored.any():
            messages = table["message"].dropna().astype(str) if "message" in table else ()
            first = next(iter(messages), "")
            raise TableError(f"none of {len(table)} rows has an estimate to show; first: {first}")
        typer.echo(f"{scored.sum()} of {len(table)} rows are scored", err=True)
        serve(collection, loaded, source=model, study=study, taken=taken, on_start=tell)
