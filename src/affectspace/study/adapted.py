"""Protocol 3 for one way and target: its estimates after few labels, by what adapts it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from threadpoolctl import threadpool_limits

from affectspace.adapt import adapt
from affectspace.evaluation.few_labels import (
    Adapter,
    adapted_scores,
    draws,
    half_sample_interval,
    ridge_correction,
)
from affectspace.evaluation.results import Result, Setting
from affectspace.evaluation.rows import IntArray, speaker_codes
from affectspace.evaluation.transfer import LABELS
from affectspace.model import AffectModel
from affectspace.report.evaluation import few_labels_metric
from affectspace.study.material import Material
from affectspace.study.selection import Task
from affectspace.study.ways import Completed, Scorer

CLIP = 4.0
"""Standardised features that a ridge correction sees are clipped to plus and minus this."""


def score_few_labels(
    scorer: Scorer,
    material: Material,
    task: Task,
    *,
    setting: Setting,
    sizes: Sequence[int],
    count: int,
    seed: int = 0,
) -> list[Result]:
    """CCC of a way's estimates on a target, after each number of labels.

    A model that estimates both labels itself is adapted by
    [`adapt`][affectspace.adapt.adapt]; any other scorer by
    [`ridge_correction`][affectspace.evaluation.few_labels.ridge_correction].

    Args:
        scorer: made for the target.
        material: what it's from.
        task: the target; its rows that are rated for both labels take part.
        setting: what the results are filed under.
        sizes: how many labelled utterances.
        count: how many random halves.
        seed: of the halves and the utterances drawn.
    """
    rated = task.rows & material.rows[list(LABELS)].notna().all(axis=1).to_numpy()
    if not rated.any():
        return []
    rows, features = material.rows[rated], material.as_recorded[rated]
    ratings, speakers = rows[list(LABELS)], rows["speaker"].to_numpy(dtype=object)
    model = scorer.scorer if isinstance(scorer, Completed) and not scorer.planes else scorer
    if isinstance(model, AffectModel):
        adapter = _by_model(model, features, ratings, speakers)
    else:
        standardised = _standardised(features, material, task)
        estimates = scorer.predict(features).set_axis(rows.index)
        adapter = ridge_correction(standardised, estimates, ratings, speakers)
    splits = draws(speakers, count=count, seed=seed)
    n_speakers = speaker_codes(speakers)[1]
    with threadpool_limits(1):  # on matrices so small threads wait for each other: 4 times as long
        found = adapted_scores(adapter, ratings, splits, sizes=sizes)
    return [
        _result(values, n, label, setting, len(rows), n_speakers)
        for (n, label), values in found.items()
    ]


def _result(
    values: npt.NDArray[np.float64], n: int, label: str, setting: Setting, rows: int, speakers: int
) -> Result:
    low, high = half_sample_interval(values, speakers=speakers)
    return Result(
        setting=replace(setting, transductive=n > 0),
        label=label,
        metric=few_labels_metric(n),
        value=float(values.mean()),
        low=low,
        high=high,
        n=rows,
        speakers=speakers,
    )


def _by_model(
    model: AffectModel,
    features: npt.NDArray[np.float32],
    ratings: pd.DataFrame,
    speakers: npt.NDArray[np.object_],
) -> Adapter:
    def adapter(labelled: IntArray) -> pd.DataFrame:
        adapted = model
        if len(labelled):
            known, who = ratings.iloc[labelled], speakers[labelled]
            told = features[labelled]
            adapted = adapt(model, told, known, speakers=who, resamples=0).model
        return adapted.predict(features)

    return adapter


def _standardised(
    features: npt.NDArray[np.float32], material: Material, task: Task
) -> npt.NDArray[np.float64]:
    """The target's features in units of its sources' deviation, clipped."""
    met = ~material.rows["source"].isin(task.gone).to_numpy() & ~task.rows
    sources = material.as_recorded[met] if met.any() else features
    mean, scale = sources.mean(axis=0), sources.std(axis=0)
    x: npt.NDArray[np.float64] = (features - mean) / np.where(scale > 0, scale, 1)
    return x.clip(-CLIP, CLIP).astype(np.float64)
