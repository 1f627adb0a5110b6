"""`affectspace train`: one model on whole corpora, as a model folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from affectspace.cli import options
from affectspace.errors import needs_extra

_BY_RECIPE = "the recipe's"


def train(
    output: Annotated[Path, typer.Option("--output", "-o", help="The model folder to write.")],
    source: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=PATH",
            help="A corpus to train on; may be given several times. PATH is its folder, an "
            "utterance table, or a feature table.",
        ),
    ] = None,
    corpora: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Train on the recipe's own corpora, each at FOLDER/NAME."
        ),
    ] = None,
    recipe: Annotated[
        str,
        typer.Option(
            help="published: as in the paper. default: as the default model, with degraded copies, "
            "and calibrated on languages left out; needs openSMILE for that. whisper: as the "
            "second model that comes with the package, which hears a speech encoder; needs the "
            "extra ssl."
        ),
    ] = "published",
    objective: Annotated[
        str | None,
        typer.Option(
            help="unsupervised, metric-act, metric-val or joint.", show_default=_BY_RECIPE
        ),
    ] = None,
    labels: options.Labels = None,
    features: Annotated[
        str | None, typer.Option(help=options.FEATURES_HELP, show_default=_BY_RECIPE)
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Of weights, noise and order of rows.", show_default=_BY_RECIPE),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help=options.EPOCHS_HELP, show_default=_BY_RECIPE)
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help=options.LEARNING_RATE_HELP, show_default=_BY_RECIPE)
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help=options.BATCH_SIZE_HELP, show_default=_BY_RECIPE)
    ] = None,
    noise: Annotated[
        float | None, typer.Option(min=0, help=options.NOISE_HELP, show_default=_BY_RECIPE)
    ] = None,
    clip: Annotated[
        float | None, typer.Option(help=options.CLIP_HELP, show_default=_BY_RECIPE)
    ] = None,
    patience: options.Patience = None,
    device: Annotated[str, typer.Option(help="Where torch computes: cpu or cuda.")] = "cpu",
    channel: Annotated[
        str | None, typer.Option(help=options.CHANNEL_HELP, show_default=_BY_RECIPE)
    ] = None,
    level: Annotated[
        str | None, typer.Option(help=options.LEVEL_HELP, show_default=_BY_RECIPE)
    ] = None,
    jobs: options.Jobs = None,
    cache: options.Cache = None,
    no_cache: options.NoCache = False,
) -> None:
    """Train one model on all rows of the given corpora.

    Pairs are compared within a corpus only, so rating habits and channels do not leak. Corpora
    without ratings help the reconstruction. The path of the model goes to stdout.
    """
    with needs_extra("train", "affectspace train"):
        from affectspace.model import OBJECTIVES
        from affectspace.study import train_model
        from affectspace.study.recipes import RECIPES

    if recipe not in RECIPES:
        raise typer.BadParameter(f"choose one of {', '.join(RECIPES)}", param_hint="--recipe")
    if objective is not None and objective not in OBJECTIVES:
        raise typer.BadParameter(f"choose one of {', '.join(OBJECTIVES)}", param_hint="--objective")
    known = RECIPES[recipe]
    with options.usage_errors():
        training = replace(
            known.training,
            **_given(
                epochs=epochs,
                learning_rate=learning_rate,
                batch_size=batch_size,
                noise=noise,
                clip=clip,
                patience=patience,
            ),
        )
    rule = None if channel is None else options.channel_rule(channel)
    own = _given(objective=objective, features=features, channel=rule, level=level, seed=seed)
    model = train_model(
        _sources(source, corpora, known.sources),
        output=output,
        recipe=replace(known, training=training, **own),
        labels=labels,
        jobs=jobs,
        cache=options.cache_rule(cache, no_cache),
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


def _given(**settings: Any) -> dict[str, Any]:
    """The settings that were given; the others stay the recipe's."""
    return {name: value for name, value in settings.items() if value is not None}


def _sources(
    source: list[str] | None, corpora: Path | None, names: tuple[str, ...]
) -> dict[str, Path]:
    if (source is None) == (corpora is None):
        raise typer.BadParameter("give corpora by --source, or all by --corpora")
    if source is not None:
        return options.named_paths(source, "--source")
    if not names:
        raise typer.BadParameter(
            "this recipe names no corpora; give them by --source", param_hint="--corpora"
        )
    assert corpora is not None  # noqa: S101  (checked above)
    return {name: corpora / name for name in names}
