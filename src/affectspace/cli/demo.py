"""`affectspace demo`: try the package without data, on speech that it makes itself."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from affectspace.errors import needs_extra

NOTICE = (
    "Synthetic speech: signals from a source-filter model. Nobody speaks here, and no number on "
    "this page says anything about people."
)
STUDY_NOTICE = (
    "Synthetic corpora: signals from a source-filter model. No person spoke or rated them."
)


def demo(
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The folder to write.",
            show_default="demo; with --study demo/study",
        ),
    ] = None,
    study: Annotated[
        bool,
        typer.Option(
            "--study",
            help="Run the paper's study on three synthetic corpora instead; needs the extras train "
            "and opensmile.",
        ),
    ] = False,
    model: Annotated[
        str, typer.Option(metavar="NAME|DIR|hf:ORG/NAME", help="The model that embeds.")
    ] = "default",
    seed: Annotated[int, typer.Option(min=0, help="Of the synthetic speech.")] = 0,
) -> None:
    """Embed speech that the package makes itself: a table, and a page to look and listen around in.

    There are clips in three made-up languages, a recording of a minute with pauses, and a file that
    is broken. Nobody speaks in them: the demonstration shows how the software works, and its
    figures say nothing about real speech.
    """
    if study:
        _study(output or Path("demo/study"), seed)
    else:
        _embed(output or Path("demo"), model, seed)


def _embed(output: Path, model: str, seed: int) -> None:
    from affectspace.cli.embed import summary, write, write_report
    from affectspace.model import adopt, load_model
    from affectspace.synthesis import write_recordings
    from affectspace.tables import find_utterances

    loaded = adopt(load_model(model))  # it may need an extra: said before the work
    recordings = write_recordings(output / "speech", seed=seed, show_progress=True)
    found, report = str(output / "embedding.csv"), output / "report.html"
    table = loaded.embed(
        find_utterances([recordings]), segment="speech", cache=False, progress=True
    )
    write(table, found)
    write_report(report, table, [str(recordings)], notice=NOTICE)
    typer.echo(summary(table, loaded, output=found, report=report), err=True)
    command = f"affectspace embed {recordings} --segment speech -o {found} --report {report}"
    typer.echo(f"The same by hand: {command}\n\n{NOTICE}", err=True)


def _study(output: Path, seed: int) -> None:
    from affectspace import features

    with needs_extra("train", "affectspace demo --study"):
        from affectspace.evaluation.reproduction import PAPER_OBJECTIVES, Protocol
        from affectspace.report import study as report
        from affectspace.study import Extraction, run_study
        from affectspace.study.run import FEATURES
        from affectspace.synthesis import write_corpora
        from affectspace.training import Recipe

    features.spec(FEATURES)  # it may need an extra: said before the work, not after it
    # An epoch of 192 rows has 3 steps, one of IEMOCAP 70: the published 100 epochs of small steps
    # would leave the networks where they began.
    recipe = Recipe(learning_rate=1e-3, epochs=200)
    folders = write_corpora(output / "corpora", seed=seed, show_progress=True)
    tables = {name: folder / "utterances.csv" for name, folder in folders.items()}
    source = next(iter(tables))
    found = run_study(
        (source, tables.pop(source)),
        tables,
        output=output,
        extraction=Extraction(features=FEATURES, cache=str(output / "cache")),
        protocol=Protocol(objectives=(*PAPER_OBJECTIVES, "joint"), recipe=recipe),
        notice=STUDY_NOTICE,
        progress=True,
    )
    table = report.wide_table(report.table2(found.results))
    sys.stdout.write(report.markdown(table, title="Table 2", notes=[STUDY_NOTICE, report.STAR]))
    typer.echo(f"Open {output / 'report.html'} in a browser.", err=True)
