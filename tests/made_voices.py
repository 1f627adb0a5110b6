"""Speech of several languages for the tests: features that follow activation, or don't; a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from affectspace.features import FeatureSpec, FeatureTable
from affectspace.model import OBJECTIVES, AffectModel, Architecture
from affectspace.tables import utterance_index

FEATURES = (
    *("F0semitoneFrom27.5Hz_sma3nz_amean", "F0semitoneFrom27.5Hz_sma3nz_percentile50.0"),
    *("loudness_sma3_amean", "loudness_sma3_percentile50.0", "loudness_sma3_stddevNorm"),
    *("VoicedSegmentsPerSec", "MeanVoicedSegmentLengthSec", "jitterLocal_sma3nz_amean"),
    *("HNRdBACF_sma3nz_amean", "alphaRatioV_sma3nz_amean", "hammarbergIndexV_sma3nz_amean"),
    *("F1frequency_sma3nz_amean", "mfcc1_sma3_amean", "mfcc2_sma3_amean"),
)
SPEC = FeatureSpec("acoustic", "none", "1", features=FEATURES)
LOUD = {"loudness_sma3_amean": 1.0, "loudness_sma3_percentile50.0": 1.0}
HIGH = {
    "F0semitoneFrom27.5Hz_sma3nz_amean": 1.0,
    "F0semitoneFrom27.5Hz_sma3nz_percentile50.0": 1.0,
}


def direction(weights: Mapping[str, float]) -> np.ndarray:
    """Weights of all features, in order, from those of some."""
    return np.array([weights.get(name, 0.0) for name in FEATURES])


def linear_model(
    activation: Mapping[str, float] = LOUD, valence: Mapping[str, float] = HIGH, **changes: object
) -> AffectModel:
    """Make a model whose axes are the means of some features, in deviations.

    Its decoder is the transpose; its clip is 4; activation is 3 + axis, valence 3 + axis / 2.
    """
    encoder = np.column_stack([direction(activation), direction(valence)])
    encoder /= np.maximum(np.abs(encoder).sum(axis=0), 1)
    settings = {
        "architecture": Architecture(len(FEATURES), hidden=(), decoder_relu=()),
        "objective": OBJECTIVES["joint"],
        "weights": {
            "encoder.0.weight": encoder.astype(np.float32),
            "encoder.0.bias": np.zeros(2, np.float32),
            "decoder.0.weight": np.linalg.pinv(encoder).astype(np.float32),
            "decoder.0.bias": np.zeros(len(FEATURES), np.float32),
        },
        "mean": np.linspace(-2, 2, len(FEATURES)),
        "scale": np.linspace(0.5, 3, len(FEATURES)),
        "clip": 4.0,
        "gains": {"activation": 1.0, "valence": 0.5},
        "offsets": {"activation": 3.0, "valence": 3.0},
        "feature_names": FEATURES,
        "spec": SPEC,
    }
    return AffectModel(**{**settings, **changes})


def speech(
    language: str | Sequence[str] = "aa",
    *,
    follows: Mapping[str, float] = LOUD,
    valence_follows: Mapping[str, float] | None = None,
    n: int = 240,
    speakers: int = 12,
    seed: int = 0,
    noise: float = 1.0,
    rated: bool = True,
    shift: float = 0.0,
    prefix: str = "s",
) -> FeatureTable:
    """Make rated utterances whose features follow their activation, and maybe their valence.

    Features come in the units of `linear_model`. Each speaker has a voice of their own.
    """
    rng = np.random.default_rng(seed)
    model = linear_model()
    activation, valence = rng.uniform(1, 5, (2, n))
    who = np.arange(n) % speakers
    deviations = rng.normal(0, noise, (n, len(FEATURES)))
    deviations += 0.3 * rng.normal(size=(speakers, len(FEATURES)))[who]
    deviations += (activation - 3)[:, None] * direction(follows)
    deviations += (valence - 3)[:, None] * direction(valence_follows or {})
    values = deviations * model.scale + model.mean + shift
    languages = [language] * n if isinstance(language, str) else np.resize(list(language), n)
    name = languages[0]
    index = utterance_index([f"{name}{seed}-{i}.wav" for i in range(n)])
    rows = pd.DataFrame(
        {
            "language": languages,
            "speaker": [f"{prefix}{i}" for i in who],
            "activation": activation if rated else np.nan,
            "valence": valence if rated else np.nan,
            "status": "ok",
        },
        index=index,
    )
    frame = pd.DataFrame(values.astype(np.float32), index, list(FEATURES))
    return FeatureTable(SPEC, frame, rows)
