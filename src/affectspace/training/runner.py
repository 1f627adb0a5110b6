"""Many models in batched passes, on all cores where that pays."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from affectspace.errors import DeviceError
from affectspace.features import FeatureSpec
from affectspace.model import AffectModel
from affectspace.processes import available_cores
from affectspace.progress import progress_bar
from affectspace.training.batched import split, stream_key
from affectspace.training.ratings import ratings_of
from affectspace.training.recipe import Recipe, Run
from affectspace.training.shares import Share, train_share, train_shares

WORTH_PROCESSES = 2_000_000
"""From so many rows seen (rows x epochs x runs), some 8 s, further processes pay: each takes some
3 s to load torch. Threads don't: torch's own wait for each other in steps this small (on a busy
machine 2 took 20 times as long as 1), and Python's take turns."""


def train(
    features: npt.ArrayLike,
    labels: Mapping[str, npt.ArrayLike],
    runs: Sequence[Run],
    *,
    recipe: Recipe | None = None,
    groups: npt.ArrayLike | None = None,
    clean: npt.ArrayLike | None = None,
    feature_names: Sequence[str] | None = None,
    spec: FeatureSpec | None = None,
    device: str = "cpu",
    progress: bool = False,
) -> list[AffectModel]:
    """Train one model per run: batched, and long work on all cores.

    Each model is standardised by the mean and deviation of its own training rows. A row without a
    label (NaN) counts in the reconstruction only. What is trained together, and with it the last
    digits of the weights, depends on the number of cores.

    Args:
        features: shape `(n, f)`, finite.
        labels: ratings by name, each of shape `(n,)`, NaN where unlabelled; whatever the runs'
            objectives name must be there, or among the run's own labels.
        runs: the models to train.
        recipe: how; None for the published recipe.
        groups: shape `(n,)`, any hashable values; pairs of the metric loss are formed within a
            group only (say a corpus). None: all rows are one group.
        clean: shape `(n,)`, the position of the row that each row is rebuilt as, say a recording's
            own where the row is of a degraded copy. None: each row is rebuilt as itself.
        feature_names: kept in the models.
        spec: the feature contract, kept in the models.
        device: where torch computes. Random numbers are always drawn on the CPU, so that a seed
            means the same everywhere.
        progress: show a progress bar on stderr.

    Returns:
        The models, in the order of the runs.

    Raises:
        ValueError: if features are not finite or not of shape `(n, f)`, a label is missing,
            infinite or of another length, a weight is below 0 or not finite, `clean` names no row,
            or a run has no rows.
        DeviceError: if there is no such device.
        TrainingError: if a loss was not finite.

    Examples:
        >>> from affectspace.model import OBJECTIVES
        >>> x = np.random.default_rng(0).normal(size=(80, 5))
        >>> run = Run(objective=OBJECTIVES["metric-act"], rows=np.arange(60))
        >>> (model,) = train(x, {"activation": x[:, 0]}, [run], recipe=Recipe(epochs=2))
        >>> model.encode(x).shape
        (80, 2)
    """
    recipe = recipe or Recipe()
    check_device(device)
    x = _checked_features(features)
    names = sorted({label for run in runs for label in run.objective.axes})
    codes = None if groups is None else pd.factorize(np.asarray(groups))[0]
    targets = None if clean is None else _checked_positions(clean, len(x))
    if any(len(run.rows) == 0 for run in runs):
        raise ValueError("a run needs at least one training row")
    work = recipe.epochs * sum(len(run.rows) for run in runs)
    processes = available_cores() if device == "cpu" and work >= WORTH_PROCESSES else 1
    positions = _shared_out(runs, recipe, processes)
    parts = [[runs[i] for i in own] for own in positions]
    heard = [ratings_of(part, labels, names, len(x)) for part in parts]
    shares = [
        Share(x, ratings, codes, targets, names, part, recipe, device)
        for part, ratings in zip(parts, heard, strict=True)
    ]
    kept = None if feature_names is None else tuple(feature_names)
    models: dict[int, AffectModel] = {}
    total = recipe.epochs * len(runs)
    with progress_bar(total, "Training", unit="epochs", show=progress) as advance:
        for part, fitted in zip(positions, _train(shares, processes, advance), strict=True):
            models.update(zip(part, fitted, strict=True))
    return [replace(models[i], feature_names=kept, spec=spec) for i in range(len(runs))]


def check_device(device: str) -> None:
    """Check that torch can compute there.

    Raises:
        DeviceError: if it can't.
    """
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise DeviceError(f"there is no device {device!r} here ({reason}); use 'cpu'") from None


def _train(
    shares: Sequence[Share], processes: int, advance: Callable[[int], None]
) -> list[list[AffectModel]]:
    if processes == 1:
        return [train_share(share, advance) for share in shares]
    return train_shares(shares, advance, processes=processes)


def _shared_out(runs: Sequence[Run], recipe: Recipe, processes: int) -> list[list[int]]:
    """Positions of the runs that are trained together, for all passes and processes.

    All runs of a share have as many batches per epoch; runs of a stream are neighbours.
    """
    passes: dict[int, dict[tuple[bytes, int], list[int]]] = {}
    for i, run in enumerate(runs):
        batches = math.ceil(len(split(run, recipe)[0]) / recipe.batch_size)
        passes.setdefault(batches, {}).setdefault(stream_key(run), []).append(i)
    shares: list[list[int]] = []
    for streams in passes.values():
        ordered = [i for stream in streams.values() for i in stream]
        size = math.ceil(len(ordered) / processes)
        shares += [ordered[first : first + size] for first in range(0, len(ordered), size)]
    return shares


def _checked_features(features: npt.ArrayLike) -> npt.NDArray[np.float32]:
    x = np.asarray(features, dtype=np.float32)
    if x.ndim != 2 or 0 in x.shape:
        raise ValueError(f"features must have shape (n, f), with no side empty, not {x.shape}")
    if not np.isfinite(x).all():
        rows = int((~np.isfinite(x)).any(axis=1).sum())
        raise ValueError(f"{rows} rows of the features are not finite; leave them out")
    return x


def _checked_positions(clean: npt.ArrayLike, n: int) -> npt.NDArray[np.int64]:
    positions = np.asarray(clean)
    whole = positions.dtype.kind in "iu" and positions.shape == (n,)
    if not whole or not 0 <= positions.min() <= positions.max() < n:
        raise ValueError(f"clean should hold {n} positions of rows, from 0 to {n - 1}")
    return positions.astype(np.int64)
