"""`affectspace embed`: recordings in; activation, valence and embedding out."""

from __future__ import annotations

import json
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast, get_args

import typer

from affectspace.cli import embed_shards as shards
from affectspace.cli import options
from affectspace.cli.readable import readable
from affectspace.cli.summary import caution_lines, status_lines

if TYPE_CHECKING:
    import pandas as pd

    from affectspace.model import AffectModel

STDOUT = "-"
Audio = Literal["none", "link", "embed"]


def embed(
    inputs: options.Inputs,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE|FOLDER",
            help="Where to write: .csv, .parquet or .jsonl; '-' is CSV on stdout; a name without "
            "suffix, or with a slash behind, is a folder of shards, for collections of any size.",
            show_default="a table for people on stdout",
        ),
    ] = None,
    model: options.Model = "default",
    encoder: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|ORG/NAME[@REVISION]",
            help="The speech encoder that the model's features come from, if it was never used "
            "here: a folder, or one on the Hugging Face hub.",
            show_default=False,
        ),
    ] = None,
    segment: Annotated[
        str,
        typer.Option(
            metavar="none|speech|SECONDS[:HOP]",
            help="What becomes a row: a whole recording, each span of speech in it, or windows.",
        ),
    ] = "none",
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="Write a page to look and listen around in."),
    ] = None,
    report_audio: Annotated[
        str,
        typer.Option(
            metavar="|".join(get_args(Audio)),
            help="The page's sound: none, linked to where the recordings lie, or inside the page.",
        ),
    ] = "link",
    channel: Annotated[
        str | None,
        typer.Option(
            help="first, mean of all, or a channel's number from 0.",
            show_default="the model's own rule",
        ),
    ] = None,
    align: Annotated[
        bool,
        typer.Option(
            "--align",
            help="Put the estimates on the recordings' own scale: for those of one source that "
            "hold a usual mix, lively and calm, of several speakers; never for a selection.",
        ),
    ] = False,
    jobs: options.Jobs = None,
    cache: options.Cache = None,
    no_cache: options.NoCache = False,
    shard_size: shards.ShardSize = None,
    engine: shards.EngineName = None,
    address: shards.Address = None,
    share: shards.Share = None,
    retry_failed: shards.RetryFailed = False,
) -> None:
    """Estimate activation and valence of recordings, and place them in the affect space.

    Each recording, or segment, becomes a row; one that can't be scored says why. Features are
    cached by content, so a run that was interrupted goes on where it was; a folder of shards needs
    no cache for that. Exit code 0 when at least one row was scored.
    """
    channel_rule = None if channel is None else options.channel_rule(channel)
    if output is not None and shards.is_folder(output):
        shards.embed_shards(
            inputs,
            output,
            model=model,
            encoder=encoder,
            segment=segment,
            channel=channel_rule,
            jobs=jobs,
            wanted=shards.Wanted(shard_size, engine, address, share, retry_failed),
            refused={"--report": report, "--cache": cache, "--align": align},
        )
        return
    shards.refuse(
        {
            "--shard-size": shard_size,
            "--engine": engine,
            "--address": address,
            "--share": share,
            "--retry-failed": retry_failed,
        },
        "goes with a folder of shards: -o FOLDER/",
    )
    audio = _check_usage(inputs, output, report, report_audio)
    cache_rule = options.cache_rule(cache, no_cache)
    from affectspace.segments import Segmentation

    with options.usage_errors():
        segmentation = Segmentation.parse(segment)

    from affectspace import tables
    from affectspace.model import load_model

    for path in (output, report):
        if path not in (None, STDOUT):
            tables.check_writable(str(path))
    loaded = load_model(model)
    if encoder is not None:
        options.name_encoder(encoder, loaded)
    kept = "Nothing was kept" if cache_rule is False else "Run the same command again to go on"
    with options.stopped_in_words(f"{kept}."):
        table = loaded.embed(
            tables.find_utterances(inputs, stdin=sys.stdin.buffer),
            segment=segmentation,
            channel=channel_rule,
            align=align,
            jobs=jobs,
            cache=cache_rule,
            progress=True,
        )
    write(table, output)
    if report is not None:
        write_report(report, table, inputs, audio=audio)
    typer.echo(summary(table, loaded, output=output, report=report), err=True)
    if not table["status"].eq("ok").any():
        raise typer.Exit(1)


def summary(
    table: pd.DataFrame, model: AffectModel, *, output: str | None, report: Path | None
) -> str:
    """Say how many rows were scored, what is doubtful, by which model, and where it all is."""
    from affectspace.model.alignment import THE_MODELS

    facts = table.attrs["affectspace"]
    name = " ".join(filter(None, (facts["name"] or facts["source"], facts["version"])))
    scored = int(table["status"].eq("ok").sum())
    lines = [f"{scored} of {len(table)} rows scored by the model {name}", *status_lines(table)]
    if doubts := caution_lines(table):
        lines += ["Scored with caution:", *doubts]
    if scored and facts["scale"] != THE_MODELS:
        lines.append(f"The estimates are {facts['scale']}: compare them within that collection")
    if output is None and scored:
        lines.append(_legend(model))
    elif output not in (None, STDOUT):
        lines.append(f"Written to {output}")
    if report is not None:
        lines.append(f"Open {report} in a browser")
    return "\n".join(lines)


def _legend(model: AffectModel) -> str:
    legend = "Activation and valence go from 1 to 5, 3 is neutral"
    if model.calibration is None:
        return f"{legend}. The model has no intervals."
    return f"{legend}; in brackets their {100 * model.calibration.coverage:.0f} % intervals."


def _check_usage(
    inputs: list[str], output: str | None, report: Path | None, report_audio: str
) -> Audio:
    """Find wrong usage before anything is loaded.

    Returns:
        The page's sound, checked.

    Raises:
        typer.BadParameter: if there is any.
    """
    from affectspace.audio.names import is_archive

    suffixes = (".csv", ".parquet", ".jsonl")
    if output is not None and "://" in output:
        raise typer.BadParameter(
            f"at an address only folders are written: {output}/", param_hint="--output"
        )
    if output not in (None, STDOUT) and Path(str(output)).suffix.lower() not in suffixes:
        raise typer.BadParameter(
            f"{output} should end in .csv, .parquet, .jsonl or, as a folder, in a slash; or be '-'",
            param_hint="--output",
        )
    if report is not None and report.suffix.lower() not in (".html", ".htm"):
        raise typer.BadParameter(f"{report} should end in .html", param_hint="--report")
    if report_audio not in get_args(Audio):
        raise typer.BadParameter(
            f"choose one of {', '.join(get_args(Audio))}", param_hint="--report-audio"
        )
    for path in inputs:
        if is_archive(path):
            raise typer.BadParameter(
                f"{path}: archives go with a folder as output, as in -o FOLDER/",
                param_hint="--output",
            )
        if output is not None and path != STDOUT and Path(path).resolve() == Path(output).resolve():
            raise typer.BadParameter(f"{output} is an input", param_hint="--output")
    return cast("Audio", report_audio)


def write(table: pd.DataFrame, output: str | None) -> None:
    """Write the table where it belongs; beside CSV and JSON lines, what made it."""
    from affectspace.tables import csv_text, replaced_at_once, write_table

    if output == STDOUT:
        typer.echo(csv_text(table), nl=False)
    elif output is None:
        size = shutil.get_terminal_size() if sys.stdout.isatty() else None
        for line in readable(table, width=size and size.columns):
            typer.echo(line)
    else:
        with ExitStack() as stack:
            if not output.lower().endswith(".parquet"):  # which keeps it itself
                beside = stack.enter_context(replaced_at_once(f"{output}.json"))
                beside.write_text(json.dumps(table.attrs["affectspace"], indent=2) + "\n", "utf-8")
            write_table(table, output)


def write_report(
    report: Path,
    table: pd.DataFrame,
    inputs: list[str],
    *,
    audio: Audio = "link",
    notice: str = "",
) -> None:
    """Write the page of an embedding table, with what made it."""
    from affectspace.report.embedding import write_embedding_page

    made_by = dict(table.attrs["affectspace"])
    settings = {name: made_by.pop(name) for name in ("segment", "channel")}
    write_embedding_page(
        report,
        table,
        model=made_by,
        settings={"inputs": inputs, **settings},
        notice=notice,
        audio=audio,
    )
