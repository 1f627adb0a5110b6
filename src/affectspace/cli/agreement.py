"""`affectspace agreement`: how far raters agree, and the gold standard of their ratings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from affectspace.cli.readable import printable


def agreement(
    tables: Annotated[
        list[str],
        typer.Argument(
            metavar="TABLE",
            show_default=False,
            help="Ratings (.csv, .parquet, .jsonl): a row per rating (file, rater, label, value, "
            "or file, rater, activation, valence), a column per rater (activation_anna, ...), or a "
            "file per rater (file, activation, valence). Or NAME=FOLDER, a corpus.",
        ),
    ],
    labels: Annotated[
        list[str] | None,
        typer.Option(
            "--label",
            help="A label to tell about; may be given several times. Where each column of the "
            "table is a rater, what they rated.",
            show_default="all",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="All statistics, a row each, to a .csv, .json or .parquet file."
        ),
    ] = None,
    gold: Annotated[
        Path | None,
        typer.Option(
            help="The gold standard with all ratings, an utterance table for `adapt --data` "
            "(.csv, .parquet, .jsonl)."
        ),
    ] = None,
    label_file: Annotated[
        Path | None,
        typer.Option(help="The gold standard as file name, activation, valence (.csv)."),
    ] = None,
    estimator: Annotated[
        str,
        typer.Option(help="mean, or ewe: each rater weighs as much as they agree with the others."),
    ] = "mean",
    audio: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER|TABLE",
            help="The recordings: --gold then names their paths, and those not rated too.",
        ),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(
            metavar="CODE",
            help="The language of the recordings, for --gold, where no table says it; `evaluate` "
            "needs it.",
        ),
    ] = None,
    resamples: Annotated[
        int, typer.Option(min=0, help="Drawn sets of items, for the intervals.")
    ] = 1000,
    seed: Annotated[int, typer.Option(help="Of the draws.")] = 0,
) -> None:
    """Say how far raters agree, and make a gold standard of their ratings.

    Intraclass correlations, Krippendorff's alpha, correlations of pairs, and each rater's ways, for
    activation, valence and other labels rated from 1 to 5. Ratings may be missing.
    """
    from affectspace.annotation.assess import assess
    from affectspace.annotation.gold import ESTIMATORS
    from affectspace.annotation.words import summary

    if estimator not in ESTIMATORS:
        raise typer.BadParameter("choose mean or ewe", param_hint="--estimator")
    for option, value in (("--audio", audio), ("--language", language)):
        if value is not None and gold is None:
            raise typer.BadParameter("it is for --gold, which is missing", param_hint=option)
    found = assess(
        tables,
        labels=labels,
        statistics=output,
        gold=gold,
        label_file=label_file,
        recordings=audio,
        language=language,
        estimator=estimator,
        resamples=resamples,
        seed=seed,
    )
    for number, one in enumerate(found):
        for line in ([""] if number else []) + summary(one):
            typer.echo(printable(line))
    for path in (output, gold, label_file):
        if path is not None:
            typer.echo(f"written: {path}", err=True)
