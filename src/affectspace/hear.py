"""The functions of the HEAR benchmark over a model, so that its tools can evaluate our embedding.

HEAR 2021 NeurIPS Challenge, common API: https://hearbenchmark.com/hear-api.html. The embedding is
z. NumPy in, NumPy out; a torch tensor in, a torch tensor out, on its device, without importing
torch here.

What can't be scored (silence, noise, less than 0.2 s) gets the embedding of the mean training
utterance, since the API knows no missing value; how many did is a warning in the log.

Examples:
    >>> import numpy as np
    >>> hush = np.zeros((2, 16000), np.float32)
    >>> model = load_model()  # doctest: +SKIP
    >>> get_scene_embeddings(hush, model).shape  # doctest: +SKIP
    (2, 2)
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affectspace.audio import SAMPLING_RATE
from affectspace.model import AffectModel
from affectspace.model import load_model as load_affect_model

_LOG = logging.getLogger(__name__)

Array = NDArray[np.float32]


@dataclass(frozen=True)
class HearModel:
    """A model as HEAR's tools expect it.

    Attributes:
        model: the model itself.
        window: of timestamp embeddings, in s.
        hop: from one timestamp to the next, in s.
    """

    model: AffectModel
    window: float = 1.0
    hop: float = 0.25

    def __post_init__(self) -> None:
        if not (self.window > 0 and self.hop > 0):
            raise ValueError(f"window and hop should be above 0, not {self.window}, {self.hop}")

    @property
    def sample_rate(self) -> int:
        """Of the audio that the functions take, in Hz."""
        return SAMPLING_RATE

    @property
    def scene_embedding_size(self) -> int:
        """The dimensions of z."""
        return self.model.architecture.n_latent

    @property
    def timestamp_embedding_size(self) -> int:
        """The dimensions of z."""
        return self.model.architecture.n_latent


def load_model(
    model_file_path: str | Path = "", *, window: float = 1.0, hop: float = 0.25
) -> HearModel:
    """Load a model.

    Args:
        model_file_path: what [`affectspace.load_model`][affectspace.model.load_model] takes; empty
            is the default model.
        window: of timestamp embeddings, in s. Shorter than the training utterances, the embedding
            gets rough.
        hop: from one timestamp to the next, in s.

    Raises:
        ModelError: if there is no such model.
        ValueError: if window or hop isn't above 0.
    """
    return HearModel(load_affect_model(str(model_file_path) or "default"), window, hop)


def get_scene_embeddings(audio: Any, model: HearModel) -> Any:
    """Embed each sound as a whole.

    Args:
        audio: shape (n_sounds, n_samples), 16 kHz, in [-1, 1]; NumPy or torch.
        model: from [`load_model`][affectspace.hear.load_model].

    Returns:
        Shape (n_sounds, scene_embedding_size), float32, never NaN; of the kind that came.

    Raises:
        ValueError: if the audio has another shape.
    """
    return _as_came(audio, _embedded(list(_sounds(audio)), model))


def get_timestamp_embeddings(audio: Any, model: HearModel) -> tuple[Any, Any]:
    """Embed windows of each sound, centred on regular timestamps.

    The first timestamp is 0, the last at most the sound's end. A window is cut where the sound
    ends, so those at its ends are up to half as long.

    Args:
        audio: shape (n_sounds, n_samples), 16 kHz, in [-1, 1]; NumPy or torch.
        model: from [`load_model`][affectspace.hear.load_model].

    Returns:
        Embeddings, shape (n_sounds, n_timestamps, timestamp_embedding_size), never NaN; and the
        timestamps in milliseconds, shape (n_sounds, n_timestamps); float32, of the kind that came.

    Raises:
        ValueError: if the audio has another shape.
    """
    sounds = _sounds(audio)
    hop, half = (model.sample_rate * seconds for seconds in (model.hop, model.window / 2))
    centres = np.arange(int(sounds.shape[1] / hop) + 1) * hop
    spans = [(max(0, round(centre - half)), round(centre + half)) for centre in centres]
    windows = [sound[first:last] for sound in sounds for first, last in spans]
    z = _embedded(windows, model).reshape(len(sounds), len(centres), -1)
    milliseconds = (1000 / model.sample_rate * centres).astype(np.float32)
    return _as_came(audio, z), _as_came(audio, np.tile(milliseconds, (len(sounds), 1)))


def _embedded(sounds: Sequence[Array], model: HearModel) -> Array:
    """The embedding of each sound, (n, d), or of the mean training utterance for want of one."""
    affect = model.model
    latent = [f"z{i + 1}" for i in range(affect.architecture.n_latent)]
    table = affect.embed([(sound, model.sample_rate) for sound in sounds])
    z = table[latent].to_numpy(np.float32, copy=True)
    missing = np.isnan(z).any(axis=1)
    if missing.any():
        counts = table["status"][missing].value_counts()
        reasons = ", ".join(f"{count} {status}" for status, count in counts.items())
        _LOG.warning(
            "%d of %d sounds can't be scored (%s) and get the embedding of the mean",
            *(missing.sum(), len(z), reasons),
        )
        z[missing] = affect.encode(affect.mean[None])[0]
    return z


def _sounds(audio: Any) -> Array:
    """The audio as an array, (n_sounds, n_samples)."""
    array = audio.detach().float().cpu().numpy() if _is_tensor(audio) else audio
    sounds = np.asarray(array, dtype=np.float32)
    if sounds.ndim != 2:
        raise ValueError(f"audio should have the shape (n_sounds, n_samples), not {sounds.shape}")
    return sounds


def _as_came(audio: Any, values: Array) -> Any:
    """Values as a tensor beside the audio, or as they are."""
    return audio.detach().float().new_tensor(values) if _is_tensor(audio) else values


def _is_tensor(audio: Any) -> bool:
    return hasattr(audio, "new_tensor")
