"""`affectspace reproduce`: the study of the paper, from paths to tables, figures and a report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from affectspace.cli import options
from affectspace.errors import needs_extra


def reproduce(
    source: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=PATH",
            help="The corpus to train on. PATH is its folder, an utterance table, or a feature "
            "table (CSV or Parquet).",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write.")],
    target: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=PATH", help="A corpus to test on; may be given several times."),
    ] = None,
    labels: options.Labels = None,
    features: options.Features = "egemaps",
    objective: Annotated[
        list[str] | None,
        typer.Option(
            help="unsupervised, metric-act, metric-val or joint; may be given several times.",
            show_default="the paper's three",
        ),
    ] = None,
    recipe: Annotated[
        list[str] | None,
        typer.Option(
            help="published, or default: the package's recipe beside the published one, which is "
            "always there, on the same folds and compared; may be given several times.",
            show_default="published",
        ),
    ] = None,
    folds: Annotated[int, typer.Option(min=2, help="Folds of the source corpus.")] = 5,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each fold.")] = 1,
    split: Annotated[
        str,
        typer.Option(
            help="class: folds stratified by class, as published, which share speakers; speaker: "
            "folds without shared speakers."
        ),
    ] = "class",
    transductive: Annotated[
        bool,
        typer.Option(
            "--transductive", help="Standardise each target by its own statistics, and say so."
        ),
    ] = False,
    epochs: options.Epochs = 100,
    learning_rate: options.LearningRate = 1e-4,
    batch_size: options.BatchSize = 64,
    noise: options.Noise = 1.0,
    clip: options.Clip = None,
    patience: options.Patience = None,
    channel: options.ChannelRule = "first",
    level: options.LevelRule = "as-recorded",
    jobs: options.Jobs = None,
    cache: options.Cache = None,
    no_cache: options.NoCache = False,
) -> None:
    """Run the paper's study: train on one corpus, test on others.

    The default features are openSMILE's, which need the extra opensmile; --features native needs
    none.

    Writes table1 and table2 (CSV and Markdown), figure3 (PNG and SVG), loss curves, intervals,
    results.parquet, embeddings.parquet, config.json and a self-contained report.html. Table 2 goes
    to stdout, and with a further recipe the comparison, which is also written as comparison (CSV
    and Markdown). The training options are those of the published recipe.
    """
    with needs_extra("train", "affectspace reproduce"):
        from affectspace.evaluation.reproduction import PAPER_OBJECTIVES, Protocol
        from affectspace.report import study as report
        from affectspace.study import Extraction, run_study
        from affectspace.study.recipes import SINGLE_SOURCE
        from affectspace.training import Recipe

    names = [name for name in dict.fromkeys(recipe or []) if name != "published"]
    if not set(names) <= set(SINGLE_SOURCE):
        raise typer.BadParameter(
            f"choose among published, {', '.join(SINGLE_SOURCE)}", param_hint="--recipe"
        )
    sources = list(options.named_paths(source, "--source").items())
    if len(sources) != 1:
        raise typer.BadParameter("the study trains on one corpus", param_hint="--source")
    with options.usage_errors():
        protocol = Protocol(
            objectives=tuple(dict.fromkeys(objective or PAPER_OBJECTIVES)),
            folds=folds,
            seeds=seeds,
            split=split,
            transductive=transductive,
            recipe=Recipe(
                epochs=epochs,
                learning_rate=learning_rate,
                batch_size=batch_size,
                noise=noise,
                clip=clip,
                patience=patience,
            ),
        )
    found = run_study(
        sources[0],
        options.named_paths(target or [], "--target"),
        output=output,
        labels=labels,
        extraction=Extraction(
            features=features,
            channel=options.channel_rule(channel),
            level=level,
            jobs=jobs,
            cache=options.cache_rule(cache, no_cache),
        ),
        protocol=protocol,
        recipes={name: SINGLE_SOURCE[name] for name in names},
        progress=True,
    )
    for warning in found.warnings:
        typer.echo(f"note: {warning}", err=True)
    sys.stdout.write(
        report.markdown(
            report.wide_table(report.table2(found.results)), title="Table 2", notes=[report.STAR]
        )
    )
    if len(found.comparison):
        sys.stdout.write("\n" + report.comparison_markdown(found.results, found.comparison))
    typer.echo(f"Wrote {output / 'report.html'} and what it is made of.", err=True)
