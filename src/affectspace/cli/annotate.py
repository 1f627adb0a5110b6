"""`affectspace annotate`: a rating study on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from affectspace.errors import needs_extra

if TYPE_CHECKING:
    from affectspace.annotation.folder import StudyFolder
    from affectspace.web.annotate.serve import Links, Place

STUDY, MATERIAL, ASKED, HANDED_OUT, PLACE = (
    "The study",
    "What is rated",
    "What raters are asked",
    "Who rates what",
    "Where it is served",
)


def annotate(
    study: Annotated[
        Path,
        typer.Argument(
            metavar="STUDY_DIR",
            help="The study's folder: made at first, and opened again where it is there.",
            show_default=False,
        ),
    ],
    audio: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FOLDER|TABLE",
            help="What is to be rated, when a study begins or is to grow: folders, files, or "
            "tables as embed takes them; may be given several times.",
        ),
    ] = None,
    copy: Annotated[
        bool, typer.Option("--copy-audio", help="Copy the recordings into the study's folder.")
    ] = False,
    keep_unusable: Annotated[
        bool,
        typer.Option(
            "--keep-unusable",
            help="Have rated what is silent, clipped, unvoiced or too short, too; otherwise it is "
            "left out, as what can't be played is, and stderr says so.",
        ),
    ] = False,
    practice: Annotated[
        list[str] | None,
        typer.Option(
            metavar="N|FOLDER|TABLE",
            help="Items to practise on first, whose ratings don't count: so many of the "
            "recordings, or others. A table's activation and valence are shown afterwards.",
            show_default="none",
        ),
    ] = None,
    items: Annotated[
        str | None,
        typer.Option(
            metavar="TABLE",
            help="Only these items are rated from now on, such as the suggestions.csv of adapt.",
        ),
    ] = None,
    rater: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A rater, who gets a link; may be given several times."),
    ] = None,
    raters_per_item: Annotated[
        int | None,
        typer.Option(
            min=1, help="So many raters for each item.", show_default="all rate everything"
        ),
    ] = None,
    items_per_rater: Annotated[
        int | None,
        typer.Option(min=1, help="The most items for one rater.", show_default="no bound"),
    ] = None,
    repeats: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Share of items that come again, hidden.", show_default="0.1"
        ),
    ] = None,
    repeat_distance: Annotated[
        int | None,
        typer.Option(min=1, help="Ratings between an item and its repeat.", show_default="20"),
    ] = None,
    title: Annotated[str | None, typer.Option(help="The study's title.")] = None,
    instructions: Annotated[
        Path | None, typer.Option(help="A text file with words to the raters.")
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(help="Of the pages: de, en, ...", show_default="the browser's"),
    ] = None,
    dominance: Annotated[
        str | None, typer.Option(help="off, optional or required.", show_default="off")
    ] = None,
    category: Annotated[
        str | None, typer.Option(help="off, optional or required.", show_default="off")
    ] = None,
    categories: Annotated[
        str | None,
        typer.Option(help="The categories, by commas.", show_default="anger, disgust, ..."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of the orders.", show_default="0")
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="AFFECTSPACE_DATABASE",
            help="Keep the ratings in PostgreSQL: postgresql://USER@HOST/NAME.",
            show_default="in the folder",
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Listen on this address; the default is this machine alone.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes one that is free.")] = 8480,
    public_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="What people open, where a proxy stands before it."),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A further name that the service goes by."),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write what was collected, while it may be running, and end."
        ),
    ] = None,
    export_format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="Of --export: table (gold standard and raters), ratings (every one), agreement, "
            "labels (the paper's), log.",
            show_default="table, or log for .jsonl",
        ),
    ] = None,
    backup: Annotated[
        Path | None,
        typer.Option(metavar="ZIP", help="Write a backup, while it may be running, and end."),
    ] = None,
    no_serve: Annotated[
        bool, typer.Option("--no-serve", help="Make or change the study, and end.")
    ] = False,
) -> None:
    """Run a rating study on this machine: raters listen, and say how it sounds.

    Prints the links of the study lead and of the raters, and serves until it is stopped. All
    ratings are in STUDY_DIR; the same command without further options goes on with it.
    """
    with needs_extra("annotate", "affectspace annotate"):
        from affectspace.annotation.collected import write_collected
        from affectspace.annotation.folder import back_up, open_folder
        from affectspace.annotation.overview import in_words, progress
        from affectspace.annotation.study import Wishes, prepare_study
        from affectspace.web.annotate.serve import Place, serve, take

    if backup is not None or export is not None:
        opened = open_folder(study, database=database)
        try:
            if export is not None:
                write_collected(opened, _format(export, export_format), export)
                typer.echo(export)
            if backup is not None:
                back_up(opened, backup)
                typer.echo(backup)
        finally:
            opened.store.close()
        return
    counted = [text for text in practice or [] if text.isdecimal()]
    wishes = Wishes(
        audio=audio or [],
        practice=[text for text in practice or [] if not text.isdecimal()],
        practice_count=sum(map(int, counted)),
        only=items,
        raters=rater or [],
        copy=copy,
        keep_unusable=keep_unusable,
        database=database,
        progress=True,
    )
    changes: dict[str, Any] = {
        "title": title,
        "instructions": None if instructions is None else instructions.read_text("utf-8"),
        "language": language,
        "dominance": dominance,
        "category": category,
        "categories": categories and tuple(word.strip() for word in categories.split(",")),
        "raters_per_item": raters_per_item,
        "items_per_rater": items_per_rater,
        "repeat_share": repeats,
        "repeat_distance": repeat_distance,
        "seed": seed,
    }
    given = {name: value for name, value in changes.items() if value is not None}

    def prepared() -> StudyFolder:
        made = prepare_study(study, wishes, changes=given)
        with made.store.reading() as connection:
            typer.echo(in_words(progress(connection)), err=True)
        return made

    if no_serve:
        prepared().store.close()
        typer.echo(study)
        return
    place = Place(host, port, public_url, tuple(allow_host or ()))
    with take(place) as taken:  # before the work, which may be long
        opened = prepared()
        try:
            serve(opened, place, taken, on_start=lambda links: _tell(links, place))
        finally:
            opened.store.close()


def _format(path: Path, name: str | None) -> str:
    """Which of the formats: the one that is named, or the suffix's own."""
    suffix = path.suffix.lower()
    if name is None:
        return {".jsonl": "log", ".parquet": "table-parquet"}.get(suffix, "table")
    return f"{name}-parquet" if (name, suffix) == ("table", ".parquet") else name


def _tell(links: Links, place: Place) -> None:
    from affectspace.web.annotate.serve import is_open_to_others

    if is_open_to_others(place) and place.public_url is None:
        typer.echo(
            "Others can reach this address, and nothing is encrypted on the way: use it in a "
            "network that you trust, or put a proxy with TLS before it (--public-url).",
            err=True,
        )
    typer.echo(f"study lead\t{links.lead}")
    for name, link in links.raters:
        typer.echo(f"{name}\t{link}")
    if not links.raters:
        typer.echo("There are no raters yet: add them on the lead's page.", err=True)
    typer.echo("Stop it with Ctrl-C; the same command goes on with it.", err=True)
