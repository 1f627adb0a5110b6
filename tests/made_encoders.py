"""Tiny speech encoders with random weights, as `transformers` saves them."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import torch
import transformers

LAYERS, WIDTH = 3, 16
WHISPER_SECONDS = 2  # instead of 30

_WAVE = {
    "hidden_size": WIDTH,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "conv_dim": (8, 8, 8),
    "conv_stride": (5, 4, 2),
    "conv_kernel": (10, 8, 4),
    "num_feat_extract_layers": 3,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
}
_WHISPER = {
    "d_model": WIDTH,
    "encoder_layers": LAYERS,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 24,
    "num_mel_bins": 10,
    "max_source_positions": 50 * WHISPER_SECONDS,
    "vocab_size": 50,
    "pad_token_id": 1,
    "bos_token_id": 1,
    "eos_token_id": 1,
    "decoder_start_token_id": 1,
}
KINDS = {"wav2vec2": "Wav2Vec2", "hubert": "Hubert", "wavlm": "WavLM", "whisper": "Whisper"}


def save_encoder(
    folder: Path, kind: str = "wav2vec2", *, seed: int = 0, normalised: bool = False, head: str = ""
) -> Path:
    """Save an encoder.

    Args:
        folder: where.
        kind: one of `KINDS`.
        seed: of the weights.
        normalised: whether it has the larger models' normalisations, of signal and layers.
        head: of a task, for instance `ForCTC`; without, the model alone.
    """
    name = KINDS[kind]
    if kind == "whisper":
        sizes = _WHISPER
        extractor = transformers.WhisperFeatureExtractor(
            feature_size=10, chunk_length=WHISPER_SECONDS
        )
    else:
        norm = "layer" if normalised else "group"
        sizes = {**_WAVE, "do_stable_layer_norm": normalised, "feat_extract_norm": norm}
        extractor = transformers.Wav2Vec2FeatureExtractor(
            do_normalize=normalised, return_attention_mask=normalised
        )
    config = getattr(transformers, f"{name}Config")(**sizes)
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        model = getattr(transformers, f"{name}{head or 'Model'}")(config)
        for parameter in model.parameters():  # as saved, many are 0 or 1
            parameter.data += 0.05 * torch.randn_like(parameter)
        model.save_pretrained(folder)
    extractor.save_pretrained(folder)
    return folder


def change(path: Path, **settings: object) -> None:
    """Change settings of a JSON file."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))


def states_of(folder: Path, kind: str, samples: np.ndarray) -> torch.Tensor:
    """Compute all hidden states with `transformers` alone, shape (layers + 1, frames, width)."""
    model = getattr(transformers, f"{KINDS[kind]}Model").from_pretrained(folder)
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    inputs = extractor(samples, sampling_rate=16_000, return_tensors="pt")
    with torch.no_grad():
        if kind == "whisper":
            found = model.encoder(inputs.input_features, output_hidden_states=True)
            frames = int(np.ceil(len(samples) / 320))  # one each 20 ms
        else:
            found = model(**inputs, output_hidden_states=True)
            frames = None
    states = torch.cat([*found.hidden_states[:-1], found.last_hidden_state])
    return states[:, :frames]
