"""Everything that a model's axes are found to mean, in tables and in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from affectspace.errors import needs_extra
from affectspace.explain.axes import Axis, axes_of, family_changes, walk
from affectspace.explain.criteria import BOTH, LISTENERS, MODEL, STANDARD, VERDICTS, Criteria
from affectspace.features import FeatureTable
from affectspace.model import AffectModel

if TYPE_CHECKING:
    from affectspace.explain.speech import Speech


WORTH_SAYING = 0.1
"""The mean correlation from which on a family is named in a sentence."""


@dataclass(frozen=True, eq=False)
class Findings:
    """What was found.

    Attributes:
        axes: the model's.
        criteria: how languages were compared.
        walked: see [`walk`][affectspace.explain.axes.walk].
        languages: a row per language: `language, corpora, rows, speakers, rated`.
        followed: see [`follow`][affectspace.explain.correlations.follow].
        across: see [`across_languages`][affectspace.explain.correlations.across_languages].
        compared: see [`compare_languages`][affectspace.explain.meaning.compare_languages].
        differences: see [`family_differences`][affectspace.explain.meaning.family_differences].

    Without speech, all but the first three are empty tables.
    """

    axes: Sequence[Axis]
    criteria: Criteria
    walked: pd.DataFrame
    languages: pd.DataFrame = field(default_factory=pd.DataFrame)
    followed: pd.DataFrame = field(default_factory=pd.DataFrame)
    across: pd.DataFrame = field(default_factory=pd.DataFrame)
    compared: pd.DataFrame = field(default_factory=pd.DataFrame)
    differences: pd.DataFrame = field(default_factory=pd.DataFrame)

    def sentences(self, axis: str) -> list[str]:
        """What was found about one axis, in words."""
        found = [_of_walk(self.walked, axis)]
        if len(self.across):
            found += [_of_correlations(self.across, axis, of) for of in (MODEL, LISTENERS)]
        if len(self.compared):
            found += [_of_comparison(self.compared, axis, of) for of in (MODEL, LISTENERS, BOTH)]
        return [sentence for sentence in found if sentence]


def explain_axes(
    model: AffectModel,
    tables: Mapping[str, FeatureTable] | None = None,
    *,
    criteria: Criteria = STANDARD,
) -> Findings:
    """Find out what the axes of a model mean.

    Args:
        model: the model.
        tables: corpora by name, features of the model's contract; None: walk along the axes only.
        criteria: how languages are compared, and how often speakers are drawn.

    Raises:
        ContractError: if features are of another contract.
        MissingExtraError: if there are tables, but not the extra `train`.
        TableError: if no row has features.
    """
    axes = axes_of(model)
    if not tables:
        return Findings(axes, criteria, pd.concat([walk(model, axis) for axis in axes]))
    with needs_extra("train", "what axes follow in speech"):
        from affectspace.explain.correlations import across_languages, follow
        from affectspace.explain.meaning import compare_languages, family_differences
        from affectspace.explain.speech import gather, resampling_of
    speech = gather(model, tables)
    embeddings = np.concatenate([model.encode(table) for table in tables.values()])
    followed = follow(speech, resampling=resampling_of(criteria))
    return Findings(
        axes=axes,
        criteria=criteria,
        walked=pd.concat([walk(model, axis, embeddings) for axis in axes], ignore_index=True),
        languages=_languages(speech),
        followed=followed,
        across=across_languages(followed),
        compared=compare_languages(speech, criteria),
        differences=family_differences(speech, criteria),
    )


def _languages(speech: Speech) -> pd.DataFrame:
    rows = []
    for one in speech.languages:
        rated = [one.known(target).sum() for target in one.targets if target.of == LISTENERS]
        corpora, speakers = ", ".join(one.corpora), len(np.unique(one.speakers))
        rows.append((one.name, corpora, len(one.columns), speakers, max(rated, default=0)))
    return pd.DataFrame(rows, columns=["language", "corpora", "rows", "speakers", "rated"])


def _of_walk(walked: pd.DataFrame, axis: str) -> str:
    one = walked[walked["axis"] == axis]
    found = family_changes(one).sort_values("score", key=np.abs, ascending=False)
    said = [word for word in found["words"] if word]
    first, last = one["place"].iloc[0], one["place"].iloc[-1]
    heard = ", ".join(said) if said else "nothing that has a word changes by much"
    return f"Walking from {first:.2f} to {last:.2f}: {heard}."


def _of_correlations(across: pd.DataFrame, axis: str, of: str) -> str:
    mine = across[(across["axis"] == axis) & (across["of"] == of) & (across["kind"] == "family")]
    if not len(mine):
        return ""
    mine = mine.sort_values(["clear", "mean"], key=np.abs, ascending=False)
    most = mine[
        (2 * mine["clear"] > mine["languages"])
        & (mine["against"] == 0)
        & (mine["mean"].abs() >= WORTH_SAYING)
    ]
    torn = mine[(mine["clear"] > 0) & (mine["against"] > 0)]
    subject = "The model's reading" if of == MODEL else "Listeners' ratings"
    verb = "goes" if of == MODEL else "go"
    text = f"{subject} {verb} with no family in most languages"
    if len(most):
        count = most["languages"].max()
        text = f"{subject} {verb} with {_listed(most)}, of {count} languages"
    return text + (f"; to different sides with {', '.join(torn['name'])}." if len(torn) else ".")


def _of_comparison(compared: pd.DataFrame, axis: str, of: str) -> str:
    mine = compared[(compared["axis"] == axis) & (compared["compared"] == of)]
    if not len(mine):
        return ""
    claim = {
        MODEL: "The model's reading means the same in two languages",
        LISTENERS: "Listeners follow the same in two languages",
        BOTH: "The model follows what listeners follow in a language",
    }[of]
    counts = mine["verdict"].value_counts()
    shares = ", ".join(f"{word} {counts.get(word, 0)}" for word in VERDICTS)
    return f"{claim}: {shares}, of {len(mine)} compared."


def _listed(rows: pd.DataFrame) -> str:
    return ", ".join(
        f"{row['name']} (mean r {row['mean']:+.2f}, clear in {row['clear']})"
        for row in rows.to_dict("records")
    )
