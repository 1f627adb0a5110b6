"""`affectspace explain`: what the axes of a model mean, and why recordings got their estimates."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast, get_args

import typer

from affectspace.cli import options
from affectspace.cli.readable import printable
from affectspace.cli.summary import caution_lines, status_lines
from affectspace.errors import needs_extra

if TYPE_CHECKING:
    import pandas as pd

    from affectspace.explain import Findings

Usual = Literal["training", "input"]


def explain(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[INPUT]...",
            show_default=False,
            help="Recordings to explain one by one: files, folders, tables and lists, as embed "
            "takes them.",
        ),
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=PATH",
            help="A corpus in whose speech the axes are explained; may be given several times. "
            "PATH is its folder, an utterance table, or a feature table.",
        ),
    ] = None,
    corpora: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="All corpora that are there, each at FOLDER/NAME."),
    ] = None,
    labels: options.Labels = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="The folder to write: tables, figures and explain.html.",
            show_default="text on stdout",
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write the page alone, or elsewhere.")
    ] = None,
    model: options.Model = "default",
    encoder: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|ORG/NAME[@REVISION]",
            help="The speech encoder that the model's features come from.",
            show_default=False,
        ),
    ] = None,
    usual: Annotated[
        str,
        typer.Option(
            metavar="|".join(get_args(Usual)),
            help="What recordings are held against: the mean training utterance, or the mean of "
            "the recordings themselves.",
        ),
    ] = "training",
    resamples: Annotated[
        int, typer.Option(min=100, help="How often speakers are drawn for an interval.")
    ] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws.")] = 0,
    jobs: options.Jobs = None,
    cache: options.Cache = None,
    no_cache: options.NoCache = False,
) -> None:
    """Say what a model's axes mean in acoustic words, and why recordings got their estimates.

    Without INPUT and corpora: what changes along each axis. With corpora: what each axis follows in
    each language, whether it means the same in two of them, and where they differ. With INPUT: what
    made up the estimate of each recording.
    """
    sources = _sources(source, corpora)
    _check_usage(usual, report)
    cache_rule = options.cache_rule(cache, no_cache)
    from affectspace import tables
    from affectspace.explain import Criteria, explain_axes, explain_recordings
    from affectspace.model import load_model

    if report is not None:
        tables.check_writable(report)
    if output is not None:
        tables.check_writable(output / "explain.json")
    loaded = load_model(model)
    if encoder is not None:
        options.name_encoder(encoder, loaded)
    told = findings = None
    warnings: tuple[str, ...] = ()
    if inputs:
        told = explain_recordings(
            loaded,
            tables.find_utterances(inputs, stdin=sys.stdin.buffer),
            usual=cast("Usual", usual),
            jobs=jobs,
            cache=cache_rule,
            progress=True,
        )
    if sources:
        with needs_extra("train", "affectspace explain with corpora"):
            from affectspace.study.explain import explain_corpora
        explained = explain_corpora(
            loaded,
            sources,
            labels=labels,
            encoder=encoder,
            criteria=Criteria(resamples=resamples, seed=seed),
            jobs=jobs,
            cache=cache_rule,
            progress=True,
        )
        findings, warnings = explained.findings, explained.warnings
    elif not inputs:
        findings = explain_axes(loaded)
    settings = {
        "inputs": _shortened(inputs or []),
        "corpora": {name: str(path) for name, path in sources.items()},
        "labels": None if labels is None else str(labels),
        "usual": usual,
        "resamples": resamples,
        "seed": seed,
    }
    from affectspace.model.embed import facts

    made: dict[str, Any] = {
        "model": facts(loaded),
        "findings": findings,
        "told": told,
        "settings": settings,
        "warnings": warnings,
    }
    _write(made, output, report)
    _say(made, output, report)
    if told is not None and not told["status"].eq("ok").any():
        raise typer.Exit(1)


def lines(told: pd.DataFrame) -> Iterator[str]:
    """Lay reasons out for people.

    Args:
        told: from [`explain_recordings`][affectspace.explain.recordings.explain_recordings].

    Yields:
        For each row its file (and from when to when, in s, where it's a part), then a line per
        label: the estimate, the usual one, and why; or the reason why there is no estimate.
    """
    from affectspace.report.explain import labels_of

    labels = labels_of(told)
    width = max(map(len, labels), default=0)
    for (file, start, end), row in zip(told.index, told.to_dict("records"), strict=True):
        part = "" if end != end and start.value == 0 else f" from {start.total_seconds():g} s"
        part += "" if end != end else f" to {end.total_seconds():g} s"
        doubts = f" ({row['caution'].replace(';', ', ')})" if row["caution"] else ""
        yield printable(file) + part + doubts
        if row["status"] != "ok":
            yield f"  {row['status']}: {printable(row['message'])}"
            continue
        for label in labels:
            estimate, usual = row[label], row[f"usual_{label}"]
            yield f"  {label:{width}} {estimate:5.2f}, usual {usual:.2f}: {row[f'why_{label}']}"


def _shortened(inputs: list[str]) -> list[str]:
    """A shell's pattern may give thousands."""
    most = 10
    return inputs if len(inputs) <= most else [*inputs[:most], f"and {len(inputs) - most} more"]


def _sources(source: list[str] | None, corpora: Path | None) -> dict[str, Path]:
    if source and corpora is not None:
        raise typer.BadParameter("give corpora by --source, or all by --corpora")
    if corpora is None:
        return options.named_paths(source or [], "--source")
    from affectspace import corpora as known

    found = {name: corpora / name for name in known.names() if (corpora / name).is_dir()}
    if not found:
        raise typer.BadParameter(
            f"{corpora} has none of the folders {', '.join(known.names())}",
            param_hint="--corpora",
        )
    return found


def _check_usage(usual: str, report: Path | None) -> None:
    """Find wrong usage before anything is loaded."""
    if usual not in get_args(Usual):
        raise typer.BadParameter(
            f"choose one of {', '.join(get_args(Usual))}", param_hint="--usual"
        )
    if report is not None and report.suffix.lower() not in (".html", ".htm"):
        raise typer.BadParameter(f"{report} should end in .html", param_hint="--report")


def _write(made: Mapping[str, Any], output: Path | None, report: Path | None) -> None:
    """Write the page and the folder, each all or nothing."""
    if output is None and report is None:
        return
    from affectspace.report.explain import explanation_page, write_explanation
    from affectspace.tables import filled_at_once, replaced_at_once

    text = explanation_page(**made).encode("utf-8", errors="replace")
    if output is not None:
        with filled_at_once(output) as folder:
            write_explanation(folder, **made)
            if report is None:
                (folder / "explain.html").write_bytes(text)
            if made["findings"] is not None and len(made["findings"].followed):
                from affectspace.study.explain import write_figures

                write_figures(folder, made["findings"])
    if report is not None:
        with replaced_at_once(report) as beside:
            beside.write_bytes(text)


def _say(made: Mapping[str, Any], output: Path | None, report: Path | None) -> None:
    """Data on stdout, talk on stderr."""
    from affectspace.report.explain import explanation_markdown, named_model

    findings: Findings | None = made["findings"]
    told: pd.DataFrame | None = made["told"]
    name = named_model(made["model"])
    if output is None and report is None:
        if findings is not None:
            typer.echo(
                explanation_markdown(findings, model=name, warnings=made["warnings"]), nl=False
            )
        for line in [] if told is None else lines(told):
            typer.echo(line)
    else:
        for warning in made["warnings"]:
            typer.echo(f"note: {warning}", err=True)
    if told is not None:
        scored = int(told["status"].eq("ok").sum())
        typer.echo(f"{scored} of {len(told)} rows explained by the model {name}", err=True)
        for line in status_lines(told) + caution_lines(told):
            typer.echo(line, err=True)
    if output is not None:
        typer.echo(f"Written to {output}", err=True)
    if report is not None or output is not None:
        typer.echo(f"Open {report or cast('Path', output) / 'explain.html'} in a browser", err=True)
