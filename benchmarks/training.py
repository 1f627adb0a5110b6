"""The paper's study, features given: 15 models in one pass, against one model at a time.

The rival is what the formulas suggest at first reading: an `nn.Module`, one model after the other,
the metric loss as a loop over the rows of the batch. It is timed over some steps and scaled up.
"""

from __future__ import annotations

import os
import resource
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import nn

from affectspace.evaluation.reproduction import PAPER_OBJECTIVES
from affectspace.model import OBJECTIVES
from affectspace.training import Recipe, Run, train
from benchmarks.loss import loop

FOLDS, ROWS, FEATURES = 5, 5531, 46
RIVAL_STEPS = 150


def data() -> tuple[np.ndarray, dict[str, np.ndarray], str]:
    """IEMOCAP's features where they are, else numbers of the same shape."""
    root = os.environ.get("AFFECTSPACE_DATA")
    if root is None:
        rng = np.random.default_rng(0)
        labels = {name: rng.uniform(1, 5, ROWS) for name in ("activation", "valence")}
        features = rng.normal(size=(ROWS, FEATURES)) + labels["activation"][:, None]
        return features.astype(np.float32), labels, "made-up numbers of IEMOCAP's shape"
    from affectspace.evaluation.reproduction import CLASSES
    from affectspace.study import Extraction, read_corpus

    path = Path(root) / "features" / "iemocap.parquet"
    corpus = read_corpus("iemocap", path, extraction=Extraction(features="egemaps-lld"))
    rows = corpus.table.rows
    used = rows["emotion"].isin(CLASSES["iemocap"]).to_numpy()
    labels = {name: rows.loc[used, name].to_numpy(float) for name in ("activation", "valence")}
    return corpus.table.values.to_numpy()[used], labels, "IEMOCAP, 46 descriptors"


def ours(features: np.ndarray, labels: dict[str, np.ndarray]) -> float:
    folds = np.arange(len(features)) % FOLDS
    runs = [
        Run(objective=OBJECTIVES[name], rows=np.flatnonzero(folds != fold), seed=fold)
        for fold in range(FOLDS)
        for name in PAPER_OBJECTIVES
    ]
    started = time.perf_counter()
    train(features, labels, runs, recipe=Recipe())
    return time.perf_counter() - started


def rival(features: np.ndarray, labels: dict[str, np.ndarray]) -> float:
    """Seconds of the whole study, from some steps of one metric and one unsupervised model."""
    torch.set_num_threads(1)
    x = torch.tensor((features - features.mean(0)) / features.std(0), dtype=torch.float32)
    y = torch.tensor(labels["activation"], dtype=torch.float32)
    rows = len(x) * (FOLDS - 1) // FOLDS
    steps = Recipe.epochs * -(-rows // Recipe.batch_size)
    total = 0.0
    for supervised, models in ((False, FOLDS), (True, 2 * FOLDS)):
        widths = (x.shape[1], 40, 20, 10, 2)
        encoder = nn.Sequential(*_layers(widths, relu=(0, 1, 2)))
        decoder = nn.Sequential(*_layers(widths[::-1], relu=(1,)))
        optimiser = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-4)
        times = []
        for _ in range(RIVAL_STEPS):
            started = time.perf_counter()
            batch = torch.randint(rows, (Recipe.batch_size,))
            z = encoder(x[batch] + torch.randn(Recipe.batch_size, x.shape[1]))
            loss = ((decoder(z) - x[batch]) ** 2).mean()
            if supervised:
                loss = loss + loop(z, y[batch])
            optimiser.zero_grad()
            loss.log().backward()
            optimiser.step()
            times.append(time.perf_counter() - started)
        total += models * steps * float(np.median(times))
    return total


def _layers(widths: tuple[int, ...], *, relu: tuple[int, ...]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for position, (inputs, outputs) in enumerate(pairwise(widths)):
        layers.append(nn.Linear(inputs, outputs))
        if position in relu:
            layers.append(nn.ReLU())
    return layers


def main() -> None:
    features, labels, name = data()
    print(f"{name}: {len(features)} rows, {FOLDS * len(PAPER_OBJECTIVES)} models, 100 epochs\n")
    seconds = ours(features, labels)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    slow = rival(features, labels)
    print(
        f"one batched pass                      {seconds:8.1f} s   (goal: at most 30 s on 2 cores)"
    )
    print(f"one model at a time, loss as a loop   {slow:8.1f} s   (from {RIVAL_STEPS} steps)")
    print(f"ratio                                 {slow / seconds:8.1f}     (goal: at least 20)")
    print(f"peak memory of the process            {peak:8.0f} MB  (goal: under 1,000 MB)")


if __name__ == "__main__":
    main()
