"""Options that several commands share, and how their texts are read."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from affectspace.audio import Channel
    from affectspace.model import AffectModel

Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT",
        show_default=False,
        help="Audio files; folders, searched to the bottom; utterance tables (.csv, .parquet or "
        ".jsonl with a column 'file', and 'start' and 'end' where a row is a part of a file); "
        "lists (.txt, one file per line); '-' for a list on stdin. Tables and lists name files "
        "relative to themselves.",
    ),
]
Model = Annotated[
    str,
    typer.Option(
        metavar="NAME|DIR|hf:ORG/NAME",
        help="A model that comes with the package, a model folder, or one on the Hugging Face hub.",
    ),
]
FEATURES_HELP = (
    "The feature set: native; egemaps, compare, egemaps-lld (openSMILE's; extra opensmile); "
    "hf:PATH_OR_ID[:LAYER], a speech encoder in a folder or on the Hugging Face hub (wav2vec 2.0, "
    "HuBERT, WavLM, Whisper; extra ssl); or several joined by +."
)
CHANNEL_HELP = "first, mean of all, or a channel's number from 0."
LEVEL_HELP = "as-recorded, or rms:LEVEL to scale each signal to a level in dBFS."
EPOCHS_HELP = "Passes over the training rows."
LEARNING_RATE_HELP = "Adam's step."
BATCH_SIZE_HELP = "Rows per step."
NOISE_HELP = "Deviation of the noise on the input."
CLIP_HELP = "Clip standardised features at this."

Labels = Annotated[
    Path | None,
    typer.Option(
        help="Ratings: the folder of the paper's label files (affectspace corpora fetch labels), "
        "or a CSV. A corpus that has no file there keeps its own."
    ),
]
Features = Annotated[str, typer.Option(help=FEATURES_HELP)]
ChannelRule = Annotated[str, typer.Option("--channel", help=CHANNEL_HELP)]
LevelRule = Annotated[
    str,
    typer.Option("--level", help=LEVEL_HELP),
]
Jobs = Annotated[
    int | None, typer.Option(min=1, help="Worker processes.", show_default="one per core")
]
Cache = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the feature cache.",
        show_default="AFFECTSPACE_CACHE, or the platform's place",
    ),
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Use no cache.")]
Epochs = Annotated[int, typer.Option(min=1, help=EPOCHS_HELP)]
LearningRate = Annotated[float, typer.Option(help=LEARNING_RATE_HELP)]
BatchSize = Annotated[int, typer.Option(min=1, help=BATCH_SIZE_HELP)]
Noise = Annotated[float, typer.Option(min=0, help=NOISE_HELP)]
Clip = Annotated[
    float | None,
    typer.Option(help=CLIP_HELP, show_default="not clipped"),
]
Patience = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Stop a model when its loss on held-out rows has not fallen for so many epochs.",
        show_default="train all epochs",
    ),
]


def named_paths(values: list[str], option: str) -> dict[str, Path]:
    """Read texts of the form NAME=PATH.

    Raises:
        typer.BadParameter: if one has another form, or a name comes twice.
    """
    paths: dict[str, Path] = {}
    for value in values:
        name, separator, path = value.partition("=")
        if not (name and separator and path):
            raise typer.BadParameter(f"{value!r} should be NAME=PATH", param_hint=option)
        if name in paths:
            raise typer.BadParameter(f"{name!r} comes twice", param_hint=option)
        paths[name] = Path(path).expanduser()
    return paths


def channel_rule(text: str) -> Channel:
    """Read a channel rule: `first`, `mean`, or a number.

    Raises:
        typer.BadParameter: if it is none of them.
    """
    if text in ("first", "mean"):
        return text  # type: ignore[return-value]
    if text.isdecimal():
        return int(text)
    raise typer.BadParameter(f"{text!r} should be first, mean, or a number", param_hint="--channel")


def cache_rule(cache: Path | None, no_cache: bool) -> str | bool | None:
    """The `cache` argument of the extraction from its two options.

    Raises:
        typer.BadParameter: if both are given.
    """
    if no_cache and cache is not None:
        raise typer.BadParameter("give --cache or --no-cache", param_hint="--cache")
    return False if no_cache else None if cache is None else str(cache)


def name_encoder(encoder: str, model: AffectModel) -> None:
    """Make a speech encoder known here, unless the model doesn't hear it.

    Args:
        encoder: a folder, or `ORG/NAME` or `ORG/NAME@REVISION` on the hub.
        model: the model that shall hear it.

    Raises:
        typer.BadParameter: if the model hears none, or a repository of another name; nothing is
            downloaded then.
    """
    from affectspace import features
    from affectspace.features.registry import encoders_of

    name = model.name or model.source or "given"
    parts = [] if model.spec is None else encoders_of(model.spec.name)
    heard = [part.removeprefix("hf:").partition(":")[0] for part in parts]
    if not heard:
        raise typer.BadParameter(
            f"the model {name} hears no speech encoder", param_hint="--encoder"
        )
    repository = encoder.partition("@")[0]
    on_hub = repository.count("/") == 1 and not Path(encoder).expanduser().exists()
    lasts = [one.rpartition("/")[2] for one in heard]
    if on_hub and repository.rpartition("/")[2].partition(":")[0] not in lasts:
        raise typer.BadParameter(
            f"the model {name} hears {' and '.join(heard)}, not {repository}",
            param_hint="--encoder",
        )
    features.spec(f"hf:{encoder}")  # from now on it is known


@contextmanager
def usage_errors() -> Iterator[None]:
    """Turn a `ValueError` about a setting into wrong usage, exit code 2."""
    try:
        yield
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


class _Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a run as Ctrl-C does."""


@contextmanager
def stopped_in_words(words: str) -> Iterator[None]:
    """Stop cleanly at Ctrl-C and SIGTERM, and say how to go on.

    Args:
        words: are written on stderr, behind "Stopped.".

    Raises:
        typer.Exit: 130, or 143 after SIGTERM.
    """
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    except KeyboardInterrupt as stop:
        typer.echo(f"Stopped. {words}", err=True)
        raise typer.Exit(143 if isinstance(stop, _Terminated) else 130) from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(*_: object) -> NoReturn:
    raise _Terminated
