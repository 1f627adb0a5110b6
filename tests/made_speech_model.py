"""A model that takes real features of the tests' voices, with the weights of a fresh network."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from affectspace.audio import read_audio
from affectspace.features import backend
from affectspace.model import AffectModel, Architecture, Calibration, CollectionScale
from made_models import made_model
from voices import voice


@cache
def speech_model(features: str = "egemaps-lld", level: str = "as-recorded") -> AffectModel:
    """Make a model whose training recordings were voices of 0.4 to 2 s."""
    compute = backend(features, level=level)
    voices = [voice(0.4 + 0.2 * i, pitch=90 + 20 * i, seed=i) for i in range(9)]
    rows = np.array([compute(read_audio((one, 16_000)).samples) for one in voices], float)
    model = made_model(
        architecture=Architecture(n_features=rows.shape[1]),
        mean=rows.mean(axis=0),
        scale=rows.std(axis=0) + 1e-6,
        clip=4.0,
        feature_names=compute.spec.features,
        spec=compute.spec,
        name="voices",
        version="1",
    )
    errors = np.sort(model.reconstruction_error(rows))
    intervals = {"activation": (-1.0, 1.25), "valence": (-1.5, 1.5)}
    scale = CollectionScale(3.0, 0.6, 0.3, 0.3, 3.2, 0.5, (-0.9, 0.9))
    collections = dict.fromkeys(intervals, scale)
    return replace(model, calibration=Calibration(0.9, intervals, errors, (0.4, 2.0), collections))
