"""The command `affectspace`: one module per subcommand, each a thin wrapper of one function.

stdout is data, stderr is talk. Exit codes: 0 done, 1 an error said in words (an
[`AffectspaceError`][affectspace.errors.AffectspaceError]) or nothing could be done, 2 wrong usage,
130 interrupted.
"""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer

import affectspace
from affectspace.cli import (
    adapt,
    agreement,
    annotate,
    corpora,
    demo,
    embed,
    evaluate,
    explain,
    explore,
    extract,
    model,
    reproduce,
    serve,
    train,
)
from affectspace.errors import AffectspaceError

app = typer.Typer(
    name="affectspace",
    help="A continuous affect space (activation and valence) for speech, in any language.",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help, paragraphs reflowed, in half of the time
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("embed", short_help="Recordings in; activation, valence and embedding out.")(
    embed.embed
)
app.command("demo", short_help="Try it on speech that the package makes itself.")(demo.demo)
app.command("reproduce")(reproduce.reproduce)
app.command("extract")(extract.extract)
app.command("train")(train.train)
app.command("adapt", short_help="A few ratings of a new language in; a better model out.")(
    adapt.adapt
)
app.command("annotate", short_help="A rating study: pages for raters and the study lead.")(
    annotate.annotate
)
app.command("agreement", short_help="How far raters agree, and their gold standard.")(
    agreement.agreement
)
app.command("evaluate")(evaluate.evaluate)
app.command("explain", short_help="What axes mean, and why an estimate came out as it did.")(
    explain.explain
)
app.command("explore", short_help="A collection's affect plane, live: filter, lasso, play, drop.")(
    explore.explore
)
app.command("serve", short_help="A model as an HTTP service: recordings in, rows out.")(serve.serve)
app.add_typer(corpora.app, name="corpora", short_help="List, show, read and fetch corpora.")
app.add_typer(model.app, name="model", short_help="Show, check and export models.")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(affectspace.__version__)
        raise typer.Exit


@app.callback()
def _common(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more on stderr.")] = False,
    version: Annotated[  # noqa: ARG001  (typer reads it)
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )


def main() -> None:
    """Run the command line; an expected error becomes one line on stderr, exit code 1."""
    try:
        app()
    except (AffectspaceError, OSError) as error:
        typer.echo(f"affectspace: {error}", err=True)
        raise SystemExit(1) from None
