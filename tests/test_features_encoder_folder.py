"""Folders that hold no encoder, or none that can be used."""

from __future__ import annotations

import json

import pytest
import transformers

from affectspace.errors import ContractError
from affectspace.features import backend
from made_encoders import change, save_encoder


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("AFFECTSPACE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def small(tmp_path):
    return save_encoder(tmp_path / "small")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model_type": "bert"}, "of the type 'bert'; speech encoders are wav2vec2, hubert"),
        ({"model_type": ["x"]}, "speech encoders are"),
        ({"hidden_size": "16"}, "should say num_hidden_layers and hidden_size"),
        ({"model_type": "whisper"}, "should say encoder_layers and d_model"),
    ],
)
def test_other_models_are_refused(small, settings, message):
    change(small / "config.json", **settings)
    with pytest.raises(ContractError, match=message):
        backend(f"hf:{small}")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sampling_rate": 8_000}, "wants signals of 8000 Hz; ours have 16000 Hz"),
        ({"feature_extractor_type": "SeamlessM4TFeatureExtractor"}, "should have a Wav2Vec2Fea"),
    ],
)
def test_other_feature_extractors_are_refused(small, settings, message):
    change(small / "preprocessor_config.json", **settings)
    with pytest.raises(ContractError, match=message):
        backend(f"hf:{small}")


def test_a_whisper_with_the_extractor_of_another_is_refused(tmp_path):
    folder = save_encoder(tmp_path / "whisper", "whisper")
    transformers.WhisperFeatureExtractor(feature_size=10).save_pretrained(folder)
    with pytest.raises(ContractError, match="that of another model"):
        backend(f"hf:{folder}")


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json"])
@pytest.mark.parametrize("content", [None, "{", "[1]"])
def test_missing_and_broken_settings(small, name, content):
    (small / name).unlink()
    if content is not None:
        (small / name).write_text(content)
    with pytest.raises(ContractError, match=f"{name}.*can't be read|has no {name}|no settings"):
        backend(f"hf:{small}")


@pytest.mark.parametrize("shard", ["../small/model.safetensors", "none.safetensors", "m.bin"])
def test_an_index_of_files_that_are_not_there(small, shard):
    (small / "model.safetensors").rename(small / "m.bin")
    (small / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"w": shard}}))
    with pytest.raises(ContractError, match="which isn't there"):
        backend(f"hf:{small}")


@pytest.mark.parametrize("name", ["hf:", "hf:/no/such/folder", "hf:./none:3", "hf:a b/c", "hf:x"])
def test_names_that_lead_nowhere(name):
    with pytest.raises(ContractError, match=r"should be hf:|there is no folder"):
        backend(name)
