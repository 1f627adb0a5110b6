"""Why this estimate? The difference from what is usual, as a sum over features and families.

The attributions are integrated gradients from a reference to the utterance.[^1] The network is
piecewise linear, so they are exact (see
[`mean_gradient`][affectspace.model.gradients.mean_gradient]): they add up to the utterance's
estimate minus the reference's, and a feature that doesn't differ from the reference gets 0. They
say what moved *the model*, not what moved a listener, and not what would happen if the speaker
changed one feature alone: features go together, and the model shares their effect out.

[^1]: Sundararajan, M., Taly, A., Yan, Q. (2017). Axiomatic attribution for deep networks. ICML.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectspace.explain.axes import feature_names
from affectspace.explain.families import FAMILIES, Word
from affectspace.explain.vocabulary import directions, families_of, membership, words
from affectspace.features import FeatureTable
from affectspace.model import LABEL_SCALE, AffectModel

Array = npt.NDArray[np.float64]
Features = npt.ArrayLike | pd.DataFrame | FeatureTable

WORTH_SAYING = 0.1
"""The share of all that moved an estimate, to either side, from which on a family is named."""

MOST_SAID = 4
"""Families that a sentence names."""

LIMIT = "limit"
"""Stands among the families for what the end of the scale took away."""

_SHOWN = 0.005  # rating units that two decimals show

_BLOCK = 2**23
"""Attributions held at once where only their sums are kept: 64 MB."""


@dataclass(frozen=True, eq=False)
class Attribution:
    """What made up the estimates of some utterances.

    Attributes:
        labels: k labels.
        features: f names.
        values: what each feature added to each estimate, in rating units, shape (n, k, f).
        deviations: how far each feature lies from the reference, in deviations of the training
            rows, clipped as the model clips, shape (n, f).
        estimates: in rating units, not limited to 1 to 5, shape (n, k).
        usual: the reference's estimates, shape (n, k).
    """

    labels: tuple[str, ...]
    features: tuple[str, ...]
    values: Array
    deviations: Array
    estimates: Array
    usual: Array

    @cached_property
    def words(self) -> list[Word]:
        """The features in words."""
        return words(self.features)

    @property
    def families(self) -> list[str]:
        """The names of the features' families, m of them."""
        return [family.name for family in families_of(self.words)]

    def by_family(self) -> Array:
        """What each family added to each estimate, shape (n, k, m)."""
        return self.values @ membership(self.words)

    def family_scores(self) -> Array:
        """How far each family lies from the reference, in deviations, shape (n, m).

        The mean over its features that have a direction, with their signs; NaN without any.
        """
        return self.deviations @ directions(self.words)


def attribute(
    model: AffectModel, features: Features, *, reference: npt.ArrayLike | None = None
) -> Attribution:
    """Split each estimate into what each feature added to it.

    Args:
        model: the model.
        features: n rows, as all of the model's methods take them. A row with a NaN comes back as
            NaN.
        reference: features of what is usual, in their own units, shape (f,) or (n, f); None is the
            mean training row.

    Returns:
        Attributions whose sum over the features is the estimate minus the reference's.

    Raises:
        ContractError: if the features are of another contract, or have other names.
    """
    usual = np.atleast_2d(model.mean if reference is None else np.asarray(reference, float))
    values = model.gradient(features, reference=usual)
    standardised = model.standardise(features)
    deviations = standardised - model.standardise(usual)
    values *= deviations[:, None, :]
    known = np.asarray(np.isfinite(standardised).all(axis=1))
    estimates = model.predict(features).to_numpy()
    return Attribution(
        labels=model.labels,
        features=tuple(feature_names(model)),
        values=values,
        deviations=np.where(known[:, None], deviations, np.nan),
        estimates=estimates,
        usual=np.broadcast_to(model.predict(usual).to_numpy(), estimates.shape),
    )


def reasons(
    model: AffectModel, features: FeatureTable, *, reference: npt.ArrayLike | None = None
) -> pd.DataFrame:
    """Say for each utterance what moved its estimates, by family and in words.

    Works in bounded memory, whatever the number of rows.

    Args:
        model: the model.
        features: the utterances.
        reference: as for [`attribute`][affectspace.explain.attribution.attribute].

    Returns:
        Under the utterance index, in order, for each label: `activation` (limited to 1 to 5, as
        everywhere), `usual_activation` (the reference's), `pitch_in_activation`,
        `loudness_in_activation`, ... (what each family added), `limit_in_activation` (what the end
        of the scale took away; 0 for most; with the reference's they all add up to it) and
        `why_activation` (in words). NaN and empty where there are no features.

    Raises:
        ContractError: if the features are of another contract, or have other names.
    """
    matrix = features.values
    usual = None if reference is None else np.atleast_2d(np.asarray(reference, float))
    step = max(1, _BLOCK // (matrix.shape[1] * max(1, len(model.labels))))
    parts = []
    for i in range(0, max(len(matrix), 1), step):
        own = usual if usual is None or len(usual) == 1 else usual[i : i + step]
        block = FeatureTable(
            features.spec, matrix.iloc[i : i + step], features.rows.iloc[i : i + step]
        )
        parts.append(_told(attribute(model, block, reference=own)))
    return pd.concat(parts, ignore_index=True).set_axis(matrix.index)


def _told(found: Attribution) -> pd.DataFrame:
    added, scores = found.by_family(), found.family_scores()
    columns: dict[str, object] = {}
    for k, label in enumerate(found.labels):
        estimate, usual = found.estimates[:, k], found.usual[:, k]
        limit = _limited(estimate) - estimate - (_limited(usual) - usual)
        columns[label] = _limited(estimate)
        columns[f"usual_{label}"] = _limited(usual)
        for m, family in enumerate(found.families):
            columns[part_name(family, label)] = added[:, k, m]
        columns[part_name(LIMIT, label)] = limit
        columns[f"why_{label}"] = [
            sentence(found.families, *row) + _cut(taken)
            for *row, taken in zip(added[:, k], scores, limit, strict=True)
        ]
    return pd.DataFrame(columns)


def _limited(ratings: Array) -> Array:
    return np.clip(ratings, *LABEL_SCALE)


def _cut(limit: float) -> str:
    return f", end of the scale {limit:+.2f}" if abs(limit) >= _SHOWN else ""


def part_name(family: str, label: str) -> str:
    """The column of what a family added to an estimate.

    Not `activation_pitch`: in an utterance table that would be a rater's own activation.

    Examples:
        >>> part_name("voice quality", "activation")
        'voice_quality_in_activation'
    """
    return f"{family.replace(' ', '_')}_in_{label}"


def sentence(families: Sequence[str], added: Array, scores: Array) -> str:
    """What moved one estimate, in words, the largest part first.

    Args:
        families: their names, m of them.
        added: what each added, in rating units, shape (m,).
        scores: how far each lies from the usual, in deviations, shape (m,); NaN: no direction.

    Returns:
        The families that are worth saying, `MOST_SAID` at most, and the rest in one number. Empty
        where the estimate is unknown.

    Examples:
        >>> sentence(["pitch", "loudness", "tempo"], np.array([0.31, 0.62, 0.04]),
        ...          np.array([0.9, 1.4, 0.1]))
        'louder +0.62, higher pitch +0.31, rest +0.04'
    """
    if not np.isfinite(added).all():
        return ""
    size = np.abs(added)
    order = np.argsort(-size, kind="stable")[:MOST_SAID]
    said = [i for i in order if size[i] >= max(WORTH_SAYING * size.sum(), _SHOWN)]
    parts = [
        f"{FAMILIES[families[i]].word(scores[i]) or families[i]} {added[i]:+.2f}" for i in said
    ]
    rest = added.sum() - added[said].sum()
    if not parts:
        return "as usual"
    return ", ".join(parts) + (f", rest {rest:+.2f}" if abs(rest) >= _SHOWN else "")
