"""Feature tables for the tests: made-up values that follow made-up ratings."""

from __future__ import annotations

import numpy as np
import pandas as pd

from affectspace.features import FeatureSpec, FeatureTable
from affectspace.tables import utterance_index

SPEC = FeatureSpec("made", "none", "1", features=("a", "b", "c", "d", "e", "f"))


def feature_table(
    name: str = "made",
    n: int = 60,
    *,
    spec: FeatureSpec = SPEC,
    speakers: int = 6,
    emotions: tuple[str, ...] = ("anger", "neutral", "sadness"),
    seed: int = 0,
    **columns: object,
) -> FeatureTable:
    """Make a corpus in which every speaker has every emotion; `columns` replace those of `rows`."""
    rng = np.random.default_rng(seed)
    activation, valence = rng.uniform(1, 5, (2, n)).round(1)
    directions = np.random.default_rng(99).normal(size=(2, len(spec.features)))
    values = activation[:, None] * directions[0] + 0.5 * valence[:, None] * directions[1]
    values += rng.normal(size=values.shape)
    index = utterance_index([f"{name}{i}.wav" for i in range(n)])
    rows = {
        "speaker": [f"{name}-{i % speakers}" for i in range(n)],
        "emotion": [emotions[i // speakers % len(emotions)] for i in range(n)],
        "activation": activation,
        "valence": valence,
        "status": "ok",
    }
    return FeatureTable(
        spec,
        pd.DataFrame(values.astype(np.float32), index, list(spec.features)),
        pd.DataFrame(rows | columns, index=index),
    )
