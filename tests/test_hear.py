"""The HEAR functions: shapes, timestamps, no NaN, NumPy and torch alike."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from affectspace import hear
from affectspace.errors import ModelError
from affectspace.model import save_model
from made_speech_model import speech_model
from voices import voice


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return hear.load_model(save_model(speech_model(), tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def audio() -> np.ndarray:
    return np.stack([voice(1.1, pitch=pitch) for pitch in (110, 200)])


def z_of(samples: np.ndarray) -> np.ndarray:
    table = speech_model().embed((samples, 16_000))
    return table[["z1", "z2"]].to_numpy("float32")[0]


def mean_z() -> np.ndarray:
    model = speech_model()
    return model.encode(model.mean[None]).astype("float32")[0]


def test_a_model_says_what_it_takes_and_gives(model):
    assert (model.sample_rate, model.scene_embedding_size) == (16_000, 2)
    assert model.timestamp_embedding_size == 2


def test_scenes_are_the_embedding(model, audio):
    found = hear.get_scene_embeddings(audio, model)
    assert (found.shape, found.dtype) == ((2, 2), np.float32)
    np.testing.assert_array_equal(found, [z_of(sound) for sound in audio])


def test_timestamps_are_regular_and_windows_centred(model, audio):
    found, times = hear.get_timestamp_embeddings(audio, model)
    assert (found.shape, found.dtype) == ((2, 5, 2), np.float32)
    np.testing.assert_array_equal(times, [[0, 250, 500, 750, 1000]] * 2)
    for s, sound in enumerate(audio):
        for t, time in enumerate(times[s]):
            first, last = (round((time + half) * 16) for half in (-500, 500))
            np.testing.assert_array_equal(found[s, t], z_of(sound[max(first, 0) : last]))


def test_window_and_hop_can_be_chosen(tmp_path, audio):
    folder = save_model(speech_model(), tmp_path)
    model = hear.load_model(folder, window=0.6, hop=0.4)
    found, times = hear.get_timestamp_embeddings(audio[:1], model)
    np.testing.assert_array_equal(times, [[0, 400, 800]])
    np.testing.assert_array_equal(found[0, 1], z_of(audio[0, 1600:11200]))
    with pytest.raises(ValueError, match="above 0"):
        hear.load_model(folder, hop=0)


def test_silence_gets_the_mean_and_never_nan(model, audio, caplog):
    sounds = np.stack([audio[0], np.zeros_like(audio[0])])
    found = hear.get_scene_embeddings(sounds, model)
    np.testing.assert_array_equal(found, [z_of(audio[0]), mean_z()])
    assert "1 of 2 sounds can't be scored (1 silent)" in caplog.text
    stamps, _ = hear.get_timestamp_embeddings(sounds, model)
    assert np.isfinite(stamps).all()
    np.testing.assert_array_equal(stamps[1], [mean_z()] * 5)


def test_the_shortest_sounds(model):
    found, times = hear.get_timestamp_embeddings(np.zeros((1, 100)), model)
    assert (found.shape, times.tolist()) == ((1, 1, 2), [[0.0]])
    assert hear.get_scene_embeddings(np.zeros((0, 16_000)), model).shape == (0, 2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_a_tensor_in_is_a_tensor_out(model, audio, dtype):
    tensor = torch.tensor(audio, dtype=dtype).requires_grad_()
    scenes = hear.get_scene_embeddings(tensor, model)
    stamps, times = hear.get_timestamp_embeddings(tensor, model)
    for found in (scenes, stamps, times):
        assert isinstance(found, torch.Tensor)
        assert (found.dtype, found.requires_grad) == (torch.float32, False)
    as_numpy = tensor.detach().float().numpy()
    np.testing.assert_array_equal(scenes, hear.get_scene_embeddings(as_numpy, model))


def test_other_shapes_are_refused(model):
    with pytest.raises(ValueError, match=r"\(n_sounds, n_samples\), not \(3,\)"):
        hear.get_scene_embeddings(np.zeros(3), model)


def test_an_unknown_model():
    with pytest.raises(ModelError, match="no model 'nowhere/near'"):
        hear.load_model("nowhere/near")
