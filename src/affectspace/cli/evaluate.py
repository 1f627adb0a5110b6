"""`affectspace evaluate`: ways of making a model, on languages left out, and with few labels."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from affectspace.cli import options
from affectspace.errors import needs_extra

if TYPE_CHECKING:
    from affectspace.study.recipes import ModelRecipe
    from affectspace.study.ways import Way

ALL, NONE = "all", "none"


def evaluate(
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write.")],
    source: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=PATH",
            help="A corpus; may be given several times. PATH is its folder, an utterance table, or "
            "a feature table.",
        ),
    ] = None,
    corpora: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="All corpora of `affectspace corpora list` in FOLDER/NAME."
        ),
    ] = None,
    recipe: Annotated[
        list[str] | None,
        typer.Option(
            help="A recipe of `affectspace train`; may be given several times. The first way is "
            "the one that the others are compared to: recipes, then models, then rivals."
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DIR|NAME",
            help="A ready model, as it is; may be given several times. Where it was trained on a "
            "target, a warning says so.",
        ),
    ] = None,
    rival: Annotated[
        list[str] | None,
        typer.Option(
            help="unsupervised, metric-act, metric-val, ridge, svr, mse, ccc, log-ratio or "
            "rank-n-contrast; may be given several times; all, or none.",
            show_default="all",
        ),
    ] = None,
    protocol: Annotated[
        list[int] | None,
        typer.Option(
            min=2,
            max=3,
            help="2: leave one language out; 3: few labels; may be given twice.",
            show_default="both",
        ),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A target to score on; may be given several times. A corpus in several languages "
            "has one in each, NAME-LANGUAGE, and NAME for the whole.",
            show_default="all rated corpora, by language and whole",
        ),
    ] = None,
    labels: options.Labels = None,
    features: Annotated[
        str | None,
        typer.Option(help=options.FEATURES_HELP, show_default="the recipe's; native for rivals"),
    ] = None,
    draws: Annotated[
        int, typer.Option(min=2, help="Of protocol 3: random halves of the speakers.")
    ] = 20,
    device: Annotated[str, typer.Option(help="Where torch computes: cpu or cuda.")] = "cpu",
    jobs: options.Jobs = None,
    cache: options.Cache = None,
    no_cache: options.NoCache = False,
) -> None:
    """Measure recipes and models on languages left out.

    Each rated corpus and language is left out in turn, and settings are chosen inside the others.
    Writes results.csv, comparison.csv, choices.csv, summary.md, figures (PNG), settings.json and a
    self-contained report.html. The summary goes to stdout.
    """
    with needs_extra("train", "affectspace evaluate"):
        from affectspace.report import evaluation as report
        from affectspace.study.evaluate import run_evaluation
        from affectspace.study.evaluated import Settings

        ways = _ways(recipe or [], model or [], rival or [ALL], features, device)
    with options.usage_errors():
        settings = Settings(
            protocols=tuple(dict.fromkeys(protocol or (2, 3))),
            targets=None if target is None else tuple(target),
            draws=draws,
        )
    found = run_evaluation(
        _corpora(source, corpora),
        ways,
        output=output,
        settings=settings,
        labels=labels,
        jobs=jobs,
        cache=options.cache_rule(cache, no_cache),
        progress=True,
    )
    for warning in found.warnings:
        typer.echo(f"note: {warning}", err=True)
    sys.stdout.write(report.markdown(found.results, found.comparison))
    typer.echo(f"Wrote {output / 'report.html'} and what it is made of.", err=True)


def _ways(
    recipes: list[str], models: list[str], rivals: list[str], features: str | None, device: str
) -> list[Way]:
    from affectspace.model import load_model
    from affectspace.study.recipes import RECIPES, ModelRecipe
    from affectspace.study.rivals import RIVALS
    from affectspace.study.rivals import rival as rival_way
    from affectspace.study.ways import ready_way, recipe_way

    def own(recipe: ModelRecipe) -> ModelRecipe:
        return recipe if features is None else replace(recipe, features=features)

    for name in recipes:
        if name not in RECIPES:
            raise typer.BadParameter(f"choose one of {', '.join(RECIPES)}", param_hint="--recipe")
    known = (*RIVALS, ALL, NONE)
    for name in rivals:
        if name not in known:
            raise typer.BadParameter(f"choose one of {', '.join(known)}", param_hint="--rival")
    if {ALL, NONE} & set(rivals) and len(rivals) > 1:
        raise typer.BadParameter("give all, none, or names", param_hint="--rival")
    chosen = {ALL: RIVALS, NONE: ()}.get(rivals[0], tuple(rivals))
    return [
        *(recipe_way(name, own(RECIPES[name]), device=device) for name in recipes),
        *(ready_way(name, load_model(name), features=features) for name in models),
        *(rival_way(name, own(ModelRecipe()), device=device) for name in chosen),
    ]


def _corpora(source: list[str] | None, folder: Path | None) -> dict[str, Path]:
    if (source is None) == (folder is None):
        raise typer.BadParameter("give corpora by --source, or a folder of them by --corpora")
    if source is not None:
        return options.named_paths(source, "--source")
    from affectspace import corpora

    assert folder is not None  # noqa: S101  (checked above)
    found = {name: folder / name for name in corpora.names() if (folder / name).is_dir()}
    if not found:
        raise typer.BadParameter(
            f"{folder} holds none of {', '.join(corpora.names())}", param_hint="--corpora"
        )
    return found
