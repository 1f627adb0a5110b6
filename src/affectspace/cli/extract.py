"""`affectspace extract`: recordings in, a feature table out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from affectspace.cli import options
from affectspace.cli.summary import status_lines

if TYPE_CHECKING:
    import pandas as pd


def extract(
    inputs: options.Inputs,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Where to write: .parquet (has the contract) or .csv."),
    ],
    features: options.Features = "native",
    channel: options.ChannelRule = "first",
    level: options.LevelRule = "as-recorded",
    jobs: options.Jobs = None,
    cache: options.Cache = None,
    no_cache: options.NoCache = False,
) -> None:
    """Extract features from recordings.

    Each recording becomes a row with a status. Exit code 0 when at least one row has features.
    """
    from affectspace import tables
    from affectspace.features import extract as extract_features

    if output.suffix.lower() not in (".parquet", ".csv"):
        raise typer.BadParameter(f"{output} should end in .parquet or .csv", param_hint="--output")
    tables.check_writable(output)
    table = extract_features(
        tables.find_utterances(inputs, stdin=sys.stdin.buffer),
        features=features,
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


def summary(rows: pd.DataFrame, output: Path) -> str:
    """Say how many rows have which status, and why the first of each has it."""
    scored = int(rows["status"].eq("ok").sum())
    return "\n".join(
        [f"{scored} of {len(rows)} rows have features, in {output}", *status_lines(rows)]
    )
