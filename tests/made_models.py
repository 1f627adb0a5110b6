"""Models for the tests, with the weights of a fresh network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import torch

from affectspace.autoencoder import Autoencoder
from affectspace.model import OBJECTIVES, AffectModel, Architecture, Calibration, CollectionScale
from made_features import SPEC

FEATURES = len(SPEC.features)
SIZES = Architecture(n_features=FEATURES)
CALIBRATION = Calibration(
    0.9,
    {"activation": (-1.25, 1.0), "valence": (-2.0, 1.5)},
    np.array([0.1, 0.4, 0.5, 0.9, 3.0]),
    (0.5, 12.0),
)
ALIGNABLE = replace(
    CALIBRATION,
    collections={
        "activation": CollectionScale(2.8, 0.2, 0.03, 0.4, 3.1, 0.7, (-1.0, 1.2)),
        "valence": CollectionScale(2.6, 0.1, 0.02, 0.3, 2.7, 0.3, (-1.4, 1.3)),
    },
)
"""The same, of a model that can be aligned with a collection."""


def network(architecture: Architecture = SIZES, seed: int = 0) -> Autoencoder:
    """Make the torch network whose weights `made_model` has."""
    return Autoencoder(architecture, generators=[torch.Generator().manual_seed(seed)])


def made_model(
    objective: str = "joint", architecture: Architecture = SIZES, **changes: object
) -> AffectModel:
    """Make a model with the weights of a fresh network."""
    tensors = network(architecture).tensors()
    weights = {name: tensor.detach().numpy().copy() for name, tensor in tensors.items()}
    weights = {k: w[0] if k.endswith("bias") else w for k, w in weights.items()}
    rng = np.random.default_rng(0)
    model = AffectModel(
        architecture=architecture,
        objective=OBJECTIVES[objective],
        weights=weights,
        mean=rng.normal(size=architecture.n_features),
        scale=rng.uniform(0.5, 2, architecture.n_features),
        offsets=dict.fromkeys(OBJECTIVES[objective].axes, 3.0),
        feature_names=SPEC.features,
        spec=SPEC,
        record={"seed": 4, "recipe": {"hidden": [40, 20, 10]}},
        history=pd.DataFrame({"epoch": [1, 2], "loss": [0.9, 0.4], "slope": [0.1, 0.8]}),
    )
    return replace(model, **changes)
