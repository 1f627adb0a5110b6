"""Recordings in; what moved their estimates out, a row for every utterance, none lost."""

from __future__ import annotations

import os
from typing import Literal, get_args

import numpy as np
import pandas as pd

from affectspace.explain.attribution import reasons
from affectspace.features import FeatureTable, extract, registry
from affectspace.model import AffectModel
from affectspace.model.cautions import cautions
from affectspace.model.contract import adopt

Usual = Literal["training", "input"]


def explain_recordings(
    model: AffectModel,
    utterances: pd.DataFrame,
    *,
    usual: Usual = "training",
    jobs: int | None = None,
    cache: str | os.PathLike[str] | bool | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Say of each utterance what moved its estimates away from what is usual.

    Args:
        model: the model; its features are extracted.
        utterances: the utterance table, as
            [`find_utterances`][affectspace.tables.find_utterances] gives it.
        usual: `training`: the mean training utterance; `input`: the mean of these utterances,
            which says how one differs from the others.
        jobs: worker processes; None is one per core.
        cache: the folder of the feature cache; None is `AFFECTSPACE_CACHE` or the platform's place
            for caches; False is no cache.
        progress: show a progress bar on stderr.

    Returns:
        The columns of [`reasons`][affectspace.explain.attribution.reasons], then `status`,
        `message`, `caution` (words of [`Caution`][affectspace.model.Caution], joined by `;`) and
        the columns that came in, with `input_` before a name that is one of these.

    Raises:
        ContractError: if the model has no feature contract, or this installation can't meet it.
        TableError: if the table has another index.
        ValueError: if `usual` is something else.
    """
    if usual not in get_args(Usual):
        raise ValueError(f"usual should be one of {', '.join(get_args(Usual))}, and is {usual!r}")
    model = adopt(model)
    assert model.spec is not None  # noqa: S101  (adopt has refused models without a contract)
    features = extract(
        utterances[[]],
        features=registry.installed(model.spec),
        jobs=jobs,
        cache=cache,
        progress=progress,
    )
    reference = _mean(model, features) if usual == "input" and features.ok.any() else None
    told = reasons(model, features, reference=reference)
    words = features.rows[["status", "message"]].copy()
    doubts = features.rows.assign(unusualness=model.unusualness(features))
    words["caution"] = cautions(doubts, model.calibration, features.ok)
    ours = pd.concat([told, words], axis="columns")
    return pd.concat([ours, _passed_on(utterances, ours)], axis="columns")


def _mean(
    model: AffectModel, features: FeatureTable
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The mean utterance, of features clipped as the model does, in their own units."""
    standardised = model.standardise(features)[features.ok]
    mean: np.ndarray[tuple[int], np.dtype[np.float64]] = (
        standardised.mean(axis=0) * model.scale + model.mean
    )
    return mean


def _passed_on(utterances: pd.DataFrame, ours: pd.DataFrame) -> pd.DataFrame:
    names = [f"input_{name}" if name in ours else str(name) for name in utterances.columns]
    return utterances.set_axis(names, axis="columns").set_axis(ours.index)
