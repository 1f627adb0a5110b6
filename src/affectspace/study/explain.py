"""From corpora on disk to what the axes of a model mean in their speech."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from affectspace import plots
from affectspace.explain import Criteria, Findings, explain_axes
from affectspace.explain.criteria import STANDARD
from affectspace.features import FeatureSpec
from affectspace.features.encoder import PREFIX
from affectspace.model import AffectModel
from affectspace.model.contract import adopt
from affectspace.study.inputs import Corpus, Extraction, read_corpora


@dataclass(frozen=True, eq=False)
class Explained:
    """What the axes mean, and in which speech.

    Attributes:
        findings: what was found.
        corpora: the corpora, by name.
        warnings: sentences on what the figures can't be taken for.
    """

    findings: Findings
    corpora: Mapping[str, Corpus]
    warnings: tuple[str, ...]


def explain_corpora(
    model: AffectModel,
    sources: Mapping[str, str | Path],
    *,
    labels: str | Path | None = None,
    encoder: str | None = None,
    criteria: Criteria = STANDARD,
    jobs: int | None = None,
    cache: str | bool | None = None,
    progress: bool = False,
) -> Explained:
    """Find out what the axes of a model mean in the speech of some corpora.

    Args:
        model: the model; its features are extracted where they aren't there yet.
        sources: names and paths, see [`read_corpus`][affectspace.study.inputs.read_corpus].
        labels: ratings that came apart, see `read_corpus`.
        encoder: the folder or name of the speech encoder that the model's features come from, if
            they come from one.
        criteria: how languages are compared.
        jobs: worker processes of the extraction; None is one per core.
        cache: folder of the feature cache; None is the platform's; False is no cache.
        progress: show progress bars on stderr.

    Raises:
        AffectspaceError: if the model has no contract that can be met here, or an input can't be
            used.
    """
    model = adopt(model)
    assert model.spec is not None  # noqa: S101  (adopt has refused models without a contract)
    extraction = Extraction(
        features=_named(model.spec, encoder),
        channel=model.spec.channel,
        level=model.spec.level,
        jobs=jobs,
        cache=cache,
    )
    corpora = read_corpora(sources.items(), extraction=extraction, labels=labels, progress=progress)
    tables = {name: corpus.table for name, corpus in corpora.items()}
    findings = explain_axes(model, tables, criteria=criteria)
    return Explained(findings, corpora, _warnings(model, findings, corpora))


def write_figures(folder: Path, findings: Findings) -> None:
    """Draw `walk.png`, and with speech `correlations.png` and `meaning.png`."""
    plots.axis_walk(findings.walked).savefig(folder / "walk.png", dpi=150)
    if len(findings.followed):
        plots.axis_correlations(findings.followed).savefig(folder / "correlations.png", dpi=150)
    if len(findings.compared):
        figure = plots.axis_meanings(findings.compared, margin=findings.criteria.margin)
        figure.savefig(folder / "meaning.png", dpi=150)


def _named(spec: FeatureSpec, encoder: str | None) -> str:
    """The model's features as a user names them: an encoder by its place and layer."""
    if encoder is None:
        return spec.name
    return "+".join(
        f"{PREFIX}{encoder}:{part.rpartition(':')[2]}" if part.startswith(PREFIX) else part
        for part in spec.name.split("+")
    )


def _warnings(
    model: AffectModel, findings: Findings, corpora: Mapping[str, Corpus]
) -> tuple[str, ...]:
    found = []
    trained = model.record.get("sources")
    if isinstance(trained, Mapping) and (heard := [name for name in corpora if name in trained]):
        found.append(
            f"The model was trained on {', '.join(heard)}: how well it follows the listeners there "
            "says little on speech that it hasn't heard."
        )
    few = findings.languages[findings.languages["speakers"] < findings.criteria.speakers]
    if len(few):
        found.append(
            f"Too few speakers to compare: {', '.join(few['language'])}, fewer than "
            f"{findings.criteria.speakers}."
        )
    if not len(findings.compared):
        found.append("There is nothing to compare: a second language, or ratings, would be needed.")
    return tuple(found)
