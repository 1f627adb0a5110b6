"""Many models, shared out to the cores, each share in one batched pass."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from affectspace.features import FeatureSpec
from affectspace.model import AffectModel
from affectspace.progress import progress_bar
from affectspace.training.batched import BatchedRuns, split, stream_key
from affectspace.training.recipe import Recipe, Run


def train(
    features: npt.ArrayLike,
    labels: Mapping[str, npt.ArrayLike],
    runs: Sequence[Run],
    *,
    recipe: Recipe | None = None,
    groups: npt.ArrayLike | None = None,
    feature_names: Sequence[str] | None = None,
    spec: FeatureSpec | None = None,
    device: str = "cpu",
    progress: bool = False,
) -> list[AffectModel]:
    """Train one model per run, all in one batched pass.

    Each model is standardised by the mean and deviation of its own training rows. A row without a
    label (NaN) counts in the reconstruction only.

    Args:
        features: shape `(n, f)`, finite.
        labels: ratings by name, each of shape `(n,)`, NaN where unlabelled; whatever the runs'
            objectives name must be there.
        runs: the models to train.
        recipe: how; None for the published recipe.
        groups: shape `(n,)`, any hashable values; pairs of the metric loss are formed within a
            group only (say a corpus). None: all rows are one group.
        feature_names: kept in the models.
        spec: the feature contract, kept in the models.
        device: where torch computes. Random numbers are always drawn on the CPU, so that a seed
            means the same everywhere.
        progress: show a progress bar on stderr.

    Returns:
        The models, in the order of the runs.

    Raises:
        ValueError: if features are not finite or not of shape `(n, f)`, a label is missing,
            infinite or of another length, or a run has no rows.

    Examples:
        >>> from affectspace.model import OBJECTIVES
        >>> x = np.random.default_rng(0).normal(size=(80, 5))
        >>> run = Run(objective=OBJECTIVES["metric-act"], rows=np.arange(60))
        >>> (model,) = train(x, {"activation": x[:, 0]}, [run], recipe=Recipe(epochs=2))
        >>> model.encode(x).shape
        (80, 2)
    """
    recipe = recipe or Recipe()
    x = _checked_features(features)
    names = sorted({label for run in runs for label in run.objective.axes})
    y = _checked_labels(labels, names, len(x))
    codes = None if groups is None else pd.factorize(np.asarray(groups))[0]
    for run in runs:
        if len(run.rows) == 0:
            raise ValueError("a run needs at least one training row")

    shares = _shares(runs, recipe)
    stop = threading.Event()
    names_kept = None if feature_names is None else tuple(feature_names)
    models: dict[int, AffectModel] = {}
    with (
        progress_bar(
            recipe.epochs * len(runs), "Training", unit="epochs", show=progress
        ) as advance,
        _intra_op_threads(1),
        ThreadPoolExecutor(len(shares)) as workers,
    ):

        def fit(share: list[int]) -> list[AffectModel]:
            chosen = [runs[i] for i in share]
            batched = BatchedRuns(
                x,
                y,
                codes,
                label_names=names,
                runs=chosen,
                recipe=recipe,
                device=torch.device(device),
            )
            batched.fit(stop, advance)
            return batched.models()

        try:
            for share, fitted in zip(shares, workers.map(fit, shares), strict=True):
                models.update(zip(share, fitted, strict=True))
        finally:
            stop.set()  # an interrupt, or an error in one share, ends the others too
    return [replace(models[i], feature_names=names_kept, spec=spec) for i in range(len(runs))]


def _checked_features(features: npt.ArrayLike) -> npt.NDArray[np.float32]:
    x = np.asarray(features, dtype=np.float32)
    if x.ndim != 2 or 0 in x.shape:
        raise ValueError(f"features must have shape (n, f), with no side empty, not {x.shape}")
    if not np.isfinite(x).all():
        rows = int((~np.isfinite(x)).any(axis=1).sum())
        raise ValueError(f"{rows} rows of the features are not finite; leave them out")
    return x


def _checked_labels(
    labels: Mapping[str, npt.ArrayLike], names: Sequence[str], n: int
) -> npt.NDArray[np.float32]:
    missing = [name for name in names if name not in labels]
    if missing:
        raise ValueError(f"the objectives need labels {missing}, but only {sorted(labels)} came")
    y = np.full((n, len(names)), np.nan, dtype=np.float32)
    for column, name in enumerate(names):
        values = np.asarray(labels[name], dtype=np.float32)
        if values.shape != (n,):
            raise ValueError(f"label {name!r} has shape {values.shape}, expected ({n},)")
        if np.isinf(values).any():
            raise ValueError(f"label {name!r} has infinite values; NaN is 'unlabelled'")
        y[:, column] = values
    return y


def _shares(runs: Sequence[Run], recipe: Recipe) -> list[list[int]]:
    """Positions of the runs that one worker trains together, for all workers.

    A share holds whole streams (runs with the same rows and seed), all with the same number of
    batches per epoch. Cores are used by several shares, not by torch's own threads: their barriers
    made training 20 times slower on a machine with other work.
    """
    by_batches: dict[int, dict[tuple[bytes, int], list[int]]] = {}
    for i, run in enumerate(runs):
        batches = math.ceil(len(split(run, recipe)[0]) / recipe.batch_size)
        by_batches.setdefault(batches, {}).setdefault(stream_key(run), []).append(i)
    shares: list[list[int]] = []
    for streams in by_batches.values():
        size = math.ceil(len(streams) / (os.cpu_count() or 1))
        ordered = list(streams.values())
        parts = (ordered[i : i + size] for i in range(0, len(ordered), size))
        shares.extend([i for stream in part for i in stream] for part in parts)
    return shares


@contextmanager
def _intra_op_threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
