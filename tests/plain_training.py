"""One model at a time, trained by a plain loop."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import nn


class PlainAutoencoder(nn.Module):
    """The published network, spelled out."""

    def __init__(self, features, generator):
        super().__init__()
        widths = (features, 40, 20, 10, 2, 10, 20, 40, features)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        for layer in self.layers:
            bound = layer.in_features**-0.5
            weight = torch.rand(layer.in_features, layer.out_features, generator=generator)
            bias = torch.rand(1, layer.out_features, generator=generator)
            layer.weight.data = ((2 * weight - 1) * bound).T
            layer.bias.data = ((2 * bias - 1) * bound)[0]

    def forward(self, x):
        e1, e2, e3, e4, d1, d2, d3, d4 = self.layers
        z = e4(e3(e2(e1(x).relu()).relu()).relu())
        return z, d4(d3(d2(d1(z)).relu()))


def trained_plainly(x, labels, rows, *, recipe, seed, shaped):
    """Train one model as `train` does.

    Args:
        shaped: takes a batch's embeddings, labels by name, and positions in `x`; gives what is
            added to the reconstruction. None: nothing is.

    Returns:
        Embedding and standardised reconstruction of all rows.
    """
    state = np.random.SeedSequence(seed).generate_state(2, dtype=np.uint64) >> np.uint64(1)
    start, batches = (torch.Generator().manual_seed(int(s)) for s in state)
    network = PlainAutoencoder(x.shape[1], start)
    optimiser = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)
    inside = x[rows]
    standardised = torch.tensor((inside - inside.mean(0)) / inside.std(0), dtype=torch.float32)
    y = {k: torch.tensor(v[rows], dtype=torch.float32) for k, v in labels.items()}
    for _ in range(recipe.epochs):
        order = torch.randperm(len(rows), generator=batches)
        noise = torch.randn(len(rows), x.shape[1], generator=batches)
        for i in range(0, len(rows), recipe.batch_size):
            part = order[i : i + recipe.batch_size]
            clean = standardised[part]
            z, rebuilt = network(clean + noise[i : i + recipe.batch_size])
            loss = ((rebuilt - clean) ** 2).mean()
            if shaped is not None:
                loss = (loss + shaped(z, {k: v[part] for k, v in y.items()}, rows[part])).log()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    with torch.no_grad():
        found = network(torch.tensor((x - inside.mean(0)) / inside.std(0)).float())
    return [part.numpy() for part in found]
