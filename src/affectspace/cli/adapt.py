"""`affectspace adapt`: a model meets a new language."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from affectspace.cli import options
from affectspace.errors import needs_extra


def adapt(
    model: Annotated[str, typer.Argument(help="A model folder, or a name as embed takes it.")],
    data: Annotated[
        str,
        typer.Option(
            metavar="TABLE",
            help="An utterance table or feature table with ratings from 1 to 5, empty where "
            "unrated, and the column 'speaker' where known; or NAME=FOLDER, a corpus; or, without "
            "ratings, a folder of recordings.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The model folder to write.")],
    labels: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="A column of ratings, or LABEL=COLUMN where it has another name; may be given "
            "several times.",
            show_default="activation and valence, where they are there",
        ),
    ] = None,
    suggest: Annotated[
        int,
        typer.Option(
            min=0, help="Write so many utterances to rate next to suggestions.csv in the folder."
        ),
    ] = 0,
    goal: Annotated[
        str,
        typer.Option(
            help="agreement: estimates spread as ratings do (best CCC). error: they stay closer to "
            "the middle where ratings are uncertain (smallest error)."
        ),
    ] = "agreement",
    align: Annotated[
        bool,
        typer.Option(
            "--align",
            help="First put the estimates on the data's own scale, which needs no ratings; for "
            "recordings of one source that hold a usual mix, lively and calm, of several speakers.",
        ),
    ] = False,
    jobs: options.Jobs = None,
    cache: options.Cache = None,
    no_cache: options.NoCache = False,
) -> None:
    """Adapt a model to a new language, by a few rated utterances or by its recordings alone.

    5 ratings are enough to begin with, 50 to 100 do most of what can be done. What changes is
    decided by speakers that are left out; where they are met worse, the model stays as it was.
    What the change is expected to be worth goes to stderr, the path of the model to stdout.
    """
    with needs_extra("train", "affectspace adapt"):
        from affectspace.adapt import summary
        from affectspace.adapt.words import ENOUGH
        from affectspace.model.alignment import scale_of
        from affectspace.study.adaptation import SUGGESTIONS, adapt_model

    if goal not in ("agreement", "error"):
        raise typer.BadParameter("choose agreement or error", param_hint="--goal")
    name, separator, path = data.partition("=")
    written = adapt_model(
        model,
        path if separator else data,
        output=output,
        name=name if separator else None,
        columns=_columns(labels),
        suggestions=suggest,
        align=align,
        goal=goal,  # type: ignore[arg-type]  # checked above
        jobs=jobs,
        cache=options.cache_rule(cache, no_cache),
        progress=True,
    )
    for warning in written.warnings:
        typer.echo(f"note: {warning}", err=True)
    found = written.adaptation
    rated = max(choice.ratings for choice in found.choices.values())
    if align:
        typer.echo(f"The estimates were {scale_of(found.start)}, by no rating.", err=True)
    if align and rated >= ENOUGH:
        typer.echo(f"note: with {ENOUGH} ratings and more it is better not to align.", err=True)
    for line in summary(found) if rated or not align else ():
        typer.echo(line, err=True)
    if not (found.changed or align):
        typer.echo("No rating changed the model; it is written as it was.", err=True)
    if suggest and not len(written.suggestions):
        typer.echo("No row without ratings is left to suggest.", err=True)
    elif suggest:
        where = output / SUGGESTIONS
        typer.echo(f"{len(written.suggestions)} utterances to rate next: {where}", err=True)
    typer.echo(output)


def _columns(labels: list[str] | None) -> dict[str, str] | None:
    """Read texts of the form COLUMN or LABEL=COLUMN."""
    if not labels:
        return None
    pairs = [text.partition("=") for text in labels]
    return {label: column if separator else label for label, separator, column in pairs}
