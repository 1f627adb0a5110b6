"""`affectspace train`: one model on whole corpora, as a model folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from affectspace.cli import options
from affectspace.errors import train_extra


def train(
    source: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=PATH",
            help="A corpus to train on; may be given several times. PATH is its folder, an "
            "utterance table, or a feature table.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The model folder to write.")],
    objective: Annotated[
        str, typer.Option(help="unsupervised, metric-act, metric-val or joint.")
    ] = "joint",
    labels: options.Labels = None,
    features: options.Features = "egemaps",
    seed: Annotated[int, typer.Option(min=0, help="Of weights, noise and order of rows.")] = 0,
    epochs: options.Epochs = 100,
    learning_rate: options.LearningRate = 1e-4,
    batch_size: options.BatchSize = 64,
    noise: options.Noise = 1.0,
    clip: options.Clip = None,
    patience: options.Patience = None,
    device: Annotated[str, typer.Option(help="Where torch computes: cpu or cuda.")] = "cpu",
    channel: options.ChannelRule = "first",
    level: options.LevelRule = "as-recorded",
    jobs: options.Jobs = None,
    cache: options.Cache = None,
    no_cache: options.NoCache = False,
) -> None:
    """Train one model on all rows of the given corpora.

    Pairs are compared within a corpus only, so rating habits and channels do not leak. Corpora
    without ratings help the reconstruction. The path of the model goes to stdout.
    """
    with train_extra("affectspace train"):
        from affectspace.model import OBJECTIVES
        from affectspace.study import Extraction, train_model
        from affectspace.training import Recipe

    if objective not in OBJECTIVES:
        raise typer.BadParameter(f"choose one of {', '.join(OBJECTIVES)}", param_hint="--objective")
    with options.usage_errors():
        recipe = Recipe(
            epochs=epochs,
            learning_rate=learning_rate,
            batch_size=batch_size,
            noise=noise,
            clip=clip,
            patience=patience,
        )
    model = train_model(
        options.named_paths(source, "--source"),
        output=output,
        objective=objective,
        labels=labels,
        extraction=Extraction(
            features=features,
            channel=options.channel_rule(channel),
            level=level,
            jobs=jobs,
            cache=options.cache_rule(cache, no_cache),
        ),
        recipe=recipe,
        seed=seed,
        device=device,
        progress=True,
    )
    last = model.history.iloc[-1]
    typer.echo(
        f"Trained on {model.record['rows']} rows: L_rec {last['reconstruction']:.3f}, "
        f"L_res {last['residual']:.3f}, slope {last['slope']:.2f}.",
        err=True,
    )
    typer.echo(output)
