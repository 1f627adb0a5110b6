"""`affectspace corpora`: which corpora there are, how to get them, and reading them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import pandas as pd

    from affectspace.corpora.base import Corpus

app = typer.Typer(
    help="Which corpora there are, how to get them, and reading them into an utterance table.",
    no_args_is_help=True,
)

_NAME_HELP = "Name of the corpus, as `affectspace corpora list` gives it."


@app.command("list", short_help="List all corpora.")
def list_corpora() -> None:
    """List all corpora: language, size, where ratings come from, how to get it, licence.

    The names are those that other commands take, for instance `--source emodb=FOLDER`; `affectspace
    corpora show NAME` tells more of one.
    """
    from affectspace import corpora

    rows = [("NAME", "TITLE", "LANGUAGE", "UTTERANCES", "SPEAKERS", "RATINGS", "FETCH", "LICENCE")]
    for corpus in map(corpora.get, corpora.names()):
        ratings = corpus.label_file or ("own" if corpus.rated else "none")
        size = (str(corpus.utterances), str(corpus.speakers))
        fetch = _fetchable(corpus)
        languages = ",".join(corpus.languages)
        licence = corpus.licence.partition(";")[0]
        rows.append((corpus.name, corpus.title, languages, *size, ratings, fetch, licence))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


@app.command(short_help="Licence, citation, and how to get a corpus.")
def show(name: Annotated[str, typer.Argument(help=_NAME_HELP)]) -> None:
    """Show a corpus: licence, citation, how to get it, and the folder that `read` expects."""
    from affectspace import corpora

    corpus = corpora.get(name)
    ratings = "its own" if corpus.rated else "none"
    if corpus.label_file:
        ratings = f"the paper's label file {corpus.label_file} (affectspace corpora fetch labels)"
    words = ", ".join(f"{code} {word}" for code, word in corpus.emotions.items())
    for label, text in (
        ("title", corpus.title),
        ("languages", ", ".join(corpus.languages)),
        ("size", f"{corpus.utterances} utterances, {corpus.speakers} speakers"),
        ("emotions", words),
        ("ratings", ratings),
        ("licence", corpus.licence),
        ("citation", corpus.citation),
        ("homepage", corpus.homepage),
        ("get it", corpus.how or _fetch_command(corpus)),
        *(("download", f"{file.url} ({file.note})") for file in corpus.downloads),
    ):
        typer.echo(f"{label + ':':<11}{text}")
    typer.echo("layout:" + corpus.layout.rstrip().replace("\n", "\n  "))


@app.command(short_help="A corpus as an utterance table.")
def read(
    name: Annotated[str, typer.Argument(help=_NAME_HELP)],
    root: Annotated[Path, typer.Argument(help="The corpus's folder, or one around it.")],
    labels: Annotated[
        Path | None,
        typer.Option(
            help="Ratings to add: a CSV with a file column and activation, valence or dominance; "
            "or the folder of the paper's label files, from which the corpus's own is taken."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Write to this .csv or .parquet file instead of CSV to stdout."
        ),
    ] = None,
) -> None:
    """Read a corpus's folder into an utterance table: one row per recording, no audio opened.

    Columns: corpus, language, speaker, gender, age, emotion, intensity, sentence, activation,
    valence, dominance (1 to 5), and what else the corpus tells. Unknown is empty.

    Example: affectspace corpora read emodb ./emodb --labels ./labels -o emodb.csv
    """
    from affectspace import corpora, tables

    table = corpora.read(name, root, labels)
    if output is None:
        typer.echo(tables.csv_text(table), nl=False)
    else:
        tables.write_table(table, output)
    typer.echo(_summary(table), err=True)
    if output is not None:
        typer.echo(f"written to {output}", err=True)


@app.command(short_help="Download a corpus that has an open address.")
def fetch(
    name: Annotated[str, typer.Argument(help=_NAME_HELP + " Or `labels`: the paper's ratings.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to download to.")] = Path(
        "corpora"
    ),
    mirror: Annotated[
        str | None,
        typer.Option(
            help="Address of a folder that holds the same files, used instead of the published one."
        ),
    ] = None,
    allow_unverified: Annotated[
        bool,
        typer.Option(
            "--allow-unverified", help="Take files of which nobody published a hash to check."
        ),
    ] = False,
) -> None:
    """Download a corpus that has an open address, check its hash, unpack it; or the label files.

    A file that is there with the right hash isn't downloaded again. Licensed corpora can't be
    fetched: this says where to apply. Prints the path of what is there now.

    Example: affectspace corpora fetch ravdess --output ./corpora
    """
    from affectspace import corpora
    from affectspace.corpora.fetch import fetch_corpus, fetch_labels

    if name == "labels":
        fetched = fetch_labels(output, mirror=mirror)
    else:
        corpus = corpora.get(name)
        fetched = fetch_corpus(corpus, output, mirror=mirror, allow_unverified=allow_unverified)
        typer.echo(f"licence: {corpus.licence}\nplease cite: {corpus.citation}", err=True)
    for file in fetched:
        state = "verified" if file.verified else "UNVERIFIED: no hash is published"
        typer.echo(f"{file.path.name}: {file.hash} {state}", err=True)
        typer.echo(str(file.path))


def _fetchable(corpus: Corpus) -> str:
    if corpus.licensed:
        return "apply"
    if not corpus.downloads:
        return "by hand"
    return "yes" if all(file.verifiable for file in corpus.downloads) else "unverified"


def _fetch_command(corpus: Corpus) -> str:
    flag = "" if _fetchable(corpus) == "yes" else " --allow-unverified"
    return f"affectspace corpora fetch {corpus.name}{flag}"


def _summary(table: pd.DataFrame) -> str:
    """Say in one line what a table holds."""
    emotions = table["emotion"].value_counts()
    words = ", ".join(f"{count} {word}" for word, count in emotions.items()) or "no emotions"
    rated = ", ".join(f"{table[r].notna().sum()} {r}" for r in ("activation", "valence"))
    return f"{len(table)} rows, {table['speaker'].nunique()} speakers; {words}; rated: {rated}"
