"""The study of the paper as one call: inputs in, a folder of tables, figures and a report out."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

import affectspace
from affectspace import plots
from affectspace.evaluation import write_results
from affectspace.evaluation.reproduction import Protocol, Reproduction, Trained, reproduce
from affectspace.report import study as report
from affectspace.study.inputs import Corpus, Extraction, read_corpora
from affectspace.study.recipes import ModelRecipe
from affectspace.study.single import further_model
from affectspace.tables import filled_at_once

FEATURES = "egemaps"
"""The feature set that the study takes where none is named; it needs the extra `opensmile`."""

PACKAGES = ("numpy", "opensmile", "pandas", "scikit-learn", "scipy", "soundfile", "soxr", "torch")
"""The packages whose versions a result depends on, as far as they are installed."""


def run_study(
    source: tuple[str, str | Path],
    targets: Mapping[str, str | Path],
    *,
    output: str | Path,
    labels: str | Path | None = None,
    extraction: Extraction | None = None,
    protocol: Protocol | None = None,
    recipes: Mapping[str, ModelRecipe] | None = None,
    notice: str = "",
    progress: bool = False,
) -> Reproduction:
    """Train on a source corpus, test on transfer corpora, and write everything down.

    Args:
        source: name and path of the corpus to train on; a path as in
            [`read_corpus`][affectspace.study.inputs.read_corpus].
        targets: names and paths of the corpora to test on.
        output: the folder to write. It is filled at the end, so that a run that fails leaves it as
            it was; files of the same names are replaced.
        labels: ratings that came apart, see `read_corpus`.
        extraction: the feature set, and how to extract it; None for `egemaps`.
        protocol: the settings of the study; None for the paper's.
        recipes: further recipes by name, to compare with the published one on the same folds; each
            is a model `OBJECTIVE (NAME)` in all tables. See
            [`SINGLE_SOURCE`][affectspace.study.recipes.SINGLE_SOURCE] and
            [`fit_to_one_corpus`][affectspace.study.single.fit_to_one_corpus].
        notice: a banner for the report and the figures, for instance that the data is synthetic.
        progress: show progress bars on stderr.

    Returns:
        Results, embeddings, models and warnings.

    Raises:
        AffectspaceError: if an input can't be used, see `read_corpus` and
            [`reproduce`][affectspace.evaluation.reproduction.reproduce].
    """
    extraction = extraction or Extraction(features=FEATURES)
    protocol = protocol or Protocol()
    corpora = read_corpora(
        [source, *targets.items()], extraction=extraction, labels=labels, progress=progress
    )
    source_name = next(iter(corpora))
    tables = {name: corpus.table for name, corpus in corpora.items()}
    recipes = {f"{one.objective} ({name})": one for name, one in (recipes or {}).items()}
    further = {name: further_model(one, progress=progress) for name, one in recipes.items()}
    with filled_at_once(Path(output)) as folder:  # a folder that can't be written fails early
        found = reproduce(
            source_name, tables, protocol=protocol, further=further, progress=progress
        )
        config = _config(corpora, extraction, protocol, recipes, labels=labels, notice=notice)
        _write(folder, found, corpora, config, notice)
    return found


def _write(
    folder: Path,
    found: Reproduction,
    corpora: Mapping[str, Corpus],
    config: Mapping[str, Any],
    notice: str,
) -> None:
    results = found.results
    write_results(results, folder / "results.parquet")
    found.embeddings.to_parquet(folder / "embeddings.parquet")
    (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    titles = {
        "table1": f"Table 1: {config['source']}, held-out folds: embedding differences on labels",
        "table2": "Table 2: adjusted R² of the label on the embedding",
    }
    notes = [text for text in (notice, report.STAR, *found.warnings) if text]
    for name, table in (
        ("table1", report.table1(results)),
        ("table2", report.table2(results)),
    ):
        table.to_csv(folder / f"{name}.csv", index=False)
        text = report.markdown(report.wide_table(table), title=titles[name], notes=notes)
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    if len(found.comparison):
        found.comparison.to_csv(folder / "comparison.csv", index=False)
        text = report.comparison_markdown(results, found.comparison)
        (folder / "comparison.md").write_text(text, encoding="utf-8")
    figure3 = plots.figure3(found.embeddings, title=notice)
    losses = plots.loss_curves(history(found.trained), title=notice)
    intervals = plots.intervals(results[results["protocol"] == "reproduction"], title=notice)
    for suffix in ("png", "svg"):
        figure3.savefig(folder / f"figure3.{suffix}", dpi=200)
    losses.savefig(folder / "loss.png", dpi=150)
    intervals.savefig(folder / "intervals.png", dpi=150)
    page = report.study_page(
        results,
        comparison=found.comparison,
        figures={
            "Table 2 with 95 % intervals over speakers, mean over folds.": intervals,
            "Figure 3: the latent space of each corpus (columns) under each model (rows), "
            "coloured by activation. First fold; the source's held-out rows. The axes span the "
            "middle 99 % of the points; the others are drawn on the border.": figure3,
            "The loss and its parts during training; a line per fold.": losses,
        },
        inputs=pd.DataFrame(
            [corpus.summary() | {"used": found.used[name]} for name, corpus in corpora.items()]
        ),
        config=config,
        warnings=found.warnings,
        notice=notice,
    )
    (folder / "report.html").write_text(page, encoding="utf-8")


def history(trained: Sequence[Trained]) -> pd.DataFrame:
    """The histories of all models below each other: `model, seed, fold, epoch`, and the terms."""
    return pd.concat(
        one.model.history.assign(model=one.objective, seed=one.seed, fold=one.fold)
        for one in trained
    )


def _config(
    corpora: Mapping[str, Corpus],
    extraction: Extraction,
    protocol: Protocol,
    recipes: Mapping[str, ModelRecipe],
    *,
    labels: str | Path | None,
    notice: str,
) -> dict[str, Any]:
    source, *targets = corpora
    return {
        "source": source,
        "targets": targets,
        "notice": notice,
        "extraction": asdict(extraction),
        "protocol": asdict(protocol),
        "recipes": {name: asdict(recipe) for name, recipe in recipes.items()},
        "labels": None if labels is None else str(labels),
        "inputs": {
            name: {"path": str(corpus.path), "sha256": corpus.digest}
            for name, corpus in corpora.items()
        },
        "feature_spec": json.loads(corpora[source].table.spec.to_json()),
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """The versions that a result depends on."""
    found = {"python": platform.python_version(), "affectspace": affectspace.__version__}
    for package in PACKAGES:
        with suppress(metadata.PackageNotFoundError):  # one of an extra that nothing needed
            found[package] = metadata.version(package)
    return found
