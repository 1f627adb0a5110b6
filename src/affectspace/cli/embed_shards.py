"""`affectspace embed -o FOLDER/`: recordings in; a folder of Parquet shards out."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, cast

import typer

from affectspace.cli import options
from affectspace.cli.summary import word_lines

if TYPE_CHECKING:
    from affectspace.audio import Channel
    from affectspace.scale import Account

ENGINES = ("local", "ray")
SHARD_SIZE = 10_000

ShardSize = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="ROWS",
        help="With a folder as output: rows of the input per shard.",
        show_default=f"{SHARD_SIZE}",
    ),
]
EngineName = Annotated[
    str | None,
    typer.Option(
        "--engine",
        metavar="|".join(ENGINES),
        help="With a folder as output: what computes. ray is a cluster (extra ray).",
        show_default="local",
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT|auto",
        help="The Ray cluster's address.",
        show_default="a cluster of this machine alone",
    ),
]
Share = Annotated[
    str | None,
    typer.Option(
        metavar="I/N",
        help="With a folder as output: do the I-th of N shares of it, as one job of an array.",
        show_default="all",
    ),
]
RetryFailed = Annotated[
    bool,
    typer.Option(
        "--retry-failed",
        help="With a folder as output: try rows again that were missing, unreadable or failed.",
    ),
]


class Wanted(NamedTuple):
    """The options of a folder of shards, as they were given."""

    shard_size: int | None
    engine: str | None
    address: str | None
    share: str | None
    retry_failed: bool


def is_folder(output: str) -> bool:
    """Tell whether an output is a folder of shards: it ends in a slash, or has no suffix.

    Examples:
        >>> [is_folder(output) for output in ("out/", "out", "s3://bucket/run.1/", "out.csv", "-")]
        [True, True, True, False, False]
    """
    return output != "-" and (output.endswith("/") or not Path(output).suffix)


def refuse(given: Mapping[str, Any], why: str) -> None:
    """Refuse options that don't go with the output.

    Raises:
        typer.BadParameter: if one of them was given.
    """
    for option, value in given.items():
        if value:
            raise typer.BadParameter(why, param_hint=option)


def embed_shards(
    inputs: list[str],
    output: str,
    *,
    model: str,
    encoder: str | None,
    segment: str,
    channel: Channel | None,
    jobs: int | None,
    wanted: Wanted,
    refused: Mapping[str, Any],
) -> None:
    """Embed into a folder, and say what came of it."""
    refuse(refused, "doesn't go with a folder of shards")
    engine = wanted.engine or "local"
    if engine not in ENGINES:
        raise typer.BadParameter(f"choose one of {', '.join(ENGINES)}", param_hint="--engine")
    if wanted.address is not None and engine != "ray":
        raise typer.BadParameter("goes with --engine ray", param_hint="--address")
    share = _share(wanted.share)
    from affectspace.segments import Segmentation

    with options.usage_errors():
        segmentation = Segmentation.parse(segment)
    from affectspace.model import load_model
    from affectspace.scale import embed_many

    if encoder is not None:
        options.name_encoder(encoder, load_model(model))
    with options.stopped_in_words(
        f"The shards in {output} are whole; run the same command again to go on."
    ):
        account = embed_many(
            inputs,
            output,
            model=model,
            segment=segmentation,
            channel=channel,
            shard_size=wanted.shard_size or SHARD_SIZE,
            engine=cast("Any", engine),
            address=wanted.address,
            share=share,
            retry_failed=wanted.retry_failed,
            jobs=jobs,
            progress=True,
            stdin=sys.stdin.buffer,
        )
    typer.echo(summary(account, output, share), err=True)
    if not account.scored or _given_up(account, share):
        raise typer.Exit(1)


def summary(account: Account, output: str, share: tuple[int, int]) -> str:
    """Say how many rows were scored, and whether all are accounted for."""
    from affectspace.audio import Status
    from affectspace.model import Caution

    lines = [f"{account.scored:,} of {account.rows:,} rows scored"]
    lines += word_lines(Status, account.statuses, account.first)
    if doubts := word_lines(Caution, account.cautions, account.first):
        lines += ["Scored with caution:", *doubts]
    if account.duplicates:
        lines.append(f"{account.duplicates:,} rows came before and are left out")
    if account.complete:
        archives = account.inputs - account.planned
        inside = f" and {account.members:,} recordings in {archives:,} archives" * (archives > 0)
        lines.append(
            f"Reconciled: all {account.planned:,} planned rows{inside} are accounted for exactly "
            f"once, in {len(account.parts):,} shard{'s' * (len(account.parts) != 1)}"
        )
    elif not _given_up(account, share):
        lines.append(f"{len(account.wrong):,} shards are left to the other shares")
    else:
        number, why = next(iter(account.wrong.items()))
        lines.append(
            f"Not reconciled: {len(account.wrong):,} shards are missing or damaged, first "
            f"{number}: {why}. Run the same command again"
        )
    lines.append(f"Written to {output}")
    return "\n".join(lines)


def _given_up(account: Account, share: tuple[int, int]) -> bool:
    """Whether a part of this share has no sound shard."""
    which, shares = share
    return any(number % shares == which - 1 for number in account.wrong)


def _share(text: str | None) -> tuple[int, int]:
    which, slash, shares = (text or "1/1").partition("/")
    if not (slash and which.isdecimal() and shares.isdecimal() and 1 <= int(which) <= int(shares)):
        raise typer.BadParameter(
            f"{text!r} should be I/N with I from 1 to N, such as 3/32", param_hint="--share"
        )
    return int(which), int(shares)
