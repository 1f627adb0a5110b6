"""`affectspace demo`: the study on synthetic corpora; needs no data."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from affectspace.errors import train_extra

NOTICE = "Synthetic corpora: signals from a source-filter model. No person spoke or rated them."


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write.")] = Path(
        "demo"
    ),
    seed: Annotated[int, typer.Option(min=0, help="Of the synthetic corpora.")] = 0,
) -> None:
    """Synthesise three small corpora and run the paper's study on them.

    Shows what `affectspace reproduce` does, on a machine without data. The figures say nothing
    about real speech. Table 2 goes to stdout.
    """
    with train_extra("affectspace demo"):
        from affectspace.evaluation.reproduction import PAPER_OBJECTIVES, Protocol
        from affectspace.report import study as report
        from affectspace.study import Extraction, run_study
        from affectspace.synthesis import write_corpora
        from affectspace.training import Recipe

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
        extraction=Extraction(cache=str(output / "cache")),
        protocol=Protocol(objectives=(*PAPER_OBJECTIVES, "joint"), recipe=recipe),
        notice=NOTICE,
        progress=True,
    )
    table = report.wide_table(report.table2(found.results))
    sys.stdout.write(report.markdown(table, title="Table 2", notes=[NOTICE, report.STAR]))
    typer.echo(f"Open {output / 'report.html'} in a browser.", err=True)
