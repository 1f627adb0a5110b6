"""What an evaluation is asked and what it found, and the folder that holds both."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from affectspace import plots
from affectspace.evaluation import few_labels
from affectspace.features import FeatureSpec
from affectspace.report import evaluation as report
from affectspace.study.inputs import Corpus
from affectspace.study.languages import PROTOCOL
from affectspace.study.run import versions
from affectspace.study.ways import Way

FEW_LABELS = "few-labels"
"""Protocol 3 in the results table."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is evaluated.

    Attributes:
        protocols: 2, leave one language out; 3, few labels.
        targets: names of the targets; None for all that the corpora hold.
        sizes: of protocol 3: how many labelled utterances.
        draws: of protocol 3: how often speakers are split and utterances drawn.
        seed: of these draws.
    """

    protocols: tuple[int, ...] = (2, 3)
    targets: tuple[str, ...] | None = None
    sizes: tuple[int, ...] = few_labels.SIZES
    draws: int = few_labels.DRAWS
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what there isn't."""
        if not self.protocols or set(self.protocols) - {2, 3}:
            raise ValueError(f"protocols must be 2, 3 or both, not {self.protocols}")
        if self.draws < 2 or min(self.sizes, default=0) < 0:
            raise ValueError("draws must be at least 2, and sizes at least 0")


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What was found.

    Attributes:
        results: the results table, both protocols.
        comparison: see [`differences`][affectspace.evaluation.paired.differences].
        choices: `model, target, choice`, and for each of its settings a row with `setting` and
            `inner`, its score inside the sources; NaN where there was nothing to choose.
        warnings: what may make figures too good.
    """

    results: pd.DataFrame
    comparison: pd.DataFrame
    choices: pd.DataFrame
    warnings: list[str]


def configuration(
    corpora: Mapping[str, Corpus],
    ways: Sequence[Way],
    settings: Settings,
    found: Evaluation,
    specs: Mapping[str, FeatureSpec],
    *,
    labels: str | Path | None,
    notice: str,
) -> dict[str, Any]:
    """Everything that is needed to get the same figures again."""
    chosen = found.choices.drop_duplicates(["model", "target"])
    return {
        "settings": asdict(settings),
        "ways": {
            way.name: {
                "choices": list(way.choices),
                "recipe": None if way.model else asdict(way.recipe),
                "model": None if way.model is None else way.model.source,
            }
            for way in ways
        },
        "chosen": {
            way: dict(zip(part["target"], part["choice"], strict=True))
            for way, part in chosen.groupby("model", sort=False)
        },
        "notice": notice,
        "labels": None if labels is None else str(labels),
        "inputs": {
            name: {"path": str(corpus.path), "sha256": corpus.digest}
            for name, corpus in corpora.items()
        },
        "features": {name: spec.hash for name, spec in specs.items()},
        "versions": versions(),
    }


def write_evaluation(
    folder: Path,
    found: Evaluation,
    corpora: Mapping[str, Corpus],
    config: Mapping[str, Any],
    notice: str,
) -> None:
    """Write tables, figures and the report into an empty folder."""
    found.results.to_csv(folder / "results.csv", index=False)
    found.comparison.to_csv(folder / "comparison.csv", index=False)
    found.choices.to_csv(folder / "choices.csv", index=False)
    (folder / "settings.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    text = report.markdown(found.results, found.comparison, warnings=found.warnings, notice=notice)
    (folder / "summary.md").write_text(text, encoding="utf-8")
    figures = {}
    if (found.results["protocol"] == PROTOCOL).any():
        figures["transfer"] = plots.transfer(
            found.results[found.results["protocol"] == PROTOCOL], title=notice
        )
    if (found.results["protocol"] == FEW_LABELS).any():
        few = report.few_labels_long(found.results)
        figures["few-labels"] = plots.few_labels(few, title=notice)
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.png", dpi=150)
    page = report.evaluation_page(
        found.results,
        found.comparison,
        choices=found.choices,
        figures=figures,
        inputs=pd.DataFrame([corpus.summary() for corpus in corpora.values()]),
        config=config,
        warnings=found.warnings,
        notice=notice,
    )
    (folder / "report.html").write_text(page, encoding="utf-8")
