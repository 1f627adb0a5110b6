"""`affectspace extract`: recordings in, a feature table out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from affectspace import features
from affectspace.audio import Status
from affectspace.cli import options
from affectspace.errors import TableError
from affectspace.tables import AUDIO_SUFFIXES, read_table, utterance_index

TABLE_SUFFIXES = (".csv", ".parquet")


def extract(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT...",
            help="Audio files; folders, searched to the bottom; utterance tables (CSV or Parquet "
            "with a column 'file', relative to the table's own folder).",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Where to write: .parquet (has the contract) or .csv."),
    ],
    features_name: Annotated[
        str, typer.Option("--features", help=f"One of {', '.join(features.names())}.")
    ] = "egemaps",
    channel: options.ChannelRule = "first",
    level: options.LevelRule = "as-recorded",
    jobs: options.Jobs = None,
    cache: options.Cache = None,
    no_cache: options.NoCache = False,
) -> None:
    """Extract features from recordings.

    Each recording becomes a row with a status. Exit code 0 when at least one row has features.
    """
    if output.suffix.lower() not in TABLE_SUFFIXES:
        raise typer.BadParameter(f"{output} should end in .parquet or .csv", param_hint="--output")
    table = features.extract(
        utterances(inputs),
        features=features_name,
        channel=options.channel_rule(channel),
        level=level,
        jobs=jobs,
        cache=options.cache_rule(cache, no_cache),
        progress=True,
    )
    table.write(output)
    typer.echo(summary(table.rows, output), err=True)
    if not table.ok.any():
        raise typer.Exit(1)


def utterances(inputs: list[Path]) -> pd.DataFrame:
    """Return the utterances that the inputs stand for, in their order; a folder's by path.

    Args:
        inputs: audio files, folders and utterance tables. What doesn't exist counts as a file.

    Returns:
        The utterance table.

    Raises:
        TableError: when a folder holds no audio, or a table can't be read.
    """
    return pd.concat([_utterances(path) for path in inputs])


def summary(rows: pd.DataFrame, output: Path) -> str:
    """Say how many rows have which status, and why the first of each has it."""
    counts = rows["status"].value_counts()
    lines = [f"{counts.get(Status.OK, 0)} of {len(rows)} rows have features, in {output}"]
    for status, count in counts.drop(Status.OK, errors="ignore").items():
        first = rows.index[rows["status"] == status][0][0]
        lines.append(f"  {count} {status} ({Status(str(status)).sentence}), first {first}")
    return "\n".join(lines)


def _utterances(path: Path) -> pd.DataFrame:
    if path.is_dir():
        files = sorted(
            str(file)
            for file in path.rglob("*")
            if file.suffix.lower() in AUDIO_SUFFIXES and file.is_file()
        )
        if not files:
            raise TableError(f"{path} holds no audio: nothing ends in {', '.join(AUDIO_SUFFIXES)}")
        return pd.DataFrame(index=utterance_index(files))
    if path.suffix.lower() in TABLE_SUFFIXES:
        return read_table(path, resolve=True)
    return pd.DataFrame(index=utterance_index([str(path)]))
