from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from affectspace import corpora
from affectspace.audio import Status, read_audio
from affectspace.errors import AudioError
from affectspace.features import backend
from affectspace.features.native import DESCRIPTORS, FEATURES, cut, describe, features, shape
from affectspace.features.native import batch as module
from affectspace.synthesis import draw_speaker, synthesise_utterance
from voices import noise, voice

NAMES = [feature.name for feature in FEATURES]


def utterance(seed: int, seconds: float) -> np.ndarray:
    random = np.random.default_rng(seed)
    speaker = draw_speaker(str(seed), "female" if seed % 2 else "male", random)
    return synthesise_utterance(
        *random.uniform(1.5, 4.5, 2), speaker=speaker, seed=seed, duration=seconds
    )


SPEECH = [utterance(seed, 0.6 + 0.37 * seed) for seed in range(8)]


@pytest.fixture(scope="module")
def alone() -> np.ndarray:
    return np.concatenate([features([signal]) for signal in SPEECH])


def away(found: np.ndarray, expected: np.ndarray, spread: np.ndarray) -> float:
    """Return the largest difference, relative to the value or to the feature's spread."""
    assert np.isfinite(found).all()
    return float((np.abs(found - expected) / np.maximum(np.abs(expected), spread)).max())


def test_a_batch_gives_what_each_gives_alone(alone):
    assert alone.shape == (len(SPEECH), len(FEATURES))
    assert alone.dtype == np.float32
    assert away(features(SPEECH), alone, alone.std(axis=0) + 1e-3) < 1e-5


@given(st.permutations(range(8)), st.integers(1, 8), st.integers(0, 40))
@settings(max_examples=12, deadline=None)
def test_company_and_order_change_nothing(alone, order, count, shortest):
    chosen = list(order[:count])
    company = [voice(0.2 + 0.11 * shortest, pitch=170), noise(0.3), np.zeros(100, np.float32)]
    found = features([company[0], *(SPEECH[number] for number in chosen), *company[1:]])
    assert away(found[1 : count + 1], alone[chosen], alone.std(axis=0) + 1e-3) < 1e-5


def test_groups_are_bounded_and_hold_each_signal_once():
    counts = [300, 0, 20, 7_000, 320, 300, 10, 2_000]
    groups = list(module._groups(counts, 1_000))
    assert sorted(number for group in groups for number in group) == [0, 2, 3, 4, 5, 6, 7]
    for group in groups:
        longest = max(counts[number] for number in group)
        assert len(group) == 1 or len(group) * longest <= 1_000


def test_what_is_described_part_by_part_has_the_same_features(alone, monkeypatch):
    monkeypatch.setattr(module, "_AT_ONCE", 100)
    assert away(features(SPEECH), alone, alone.std(axis=0) + 1e-3) < 1e-5


def test_memory_is_bounded():
    signals = [voice(2.0)] * 60
    features(signals[:1])
    tracemalloc.start()
    try:
        features(signals)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 80e6  # all at once takes 120


def test_unvoiced_and_tiny_signals_have_no_features(alone):
    silence = np.zeros(16_000, np.float32)
    found = features([silence, SPEECH[0], noise(1.0), SPEECH[0][:159], SPEECH[0][:0]])
    assert np.isnan(found[[0, 2, 3, 4]]).all()
    assert away(found[1:2], alone[:1], alone.std(axis=0) + 1e-3) < 1e-5
    assert np.isnan(features([silence[:100]])).all()


def test_impossible_input_is_refused():
    with pytest.raises(AudioError, match="no signals"):
        features([])
    with pytest.raises(AudioError, match=r"\(2, 8000\)"):
        features([np.zeros((2, 8_000), np.float32)])


def test_the_backend_gives_the_same_and_refuses_unvoiced_signals(alone):
    native = backend("native")
    np.testing.assert_array_equal(native(SPEECH[3]), alone[3])
    assert native.spec.features == tuple(NAMES)
    for unvoiced in (noise(1.0), np.zeros(16_000, np.float32)):
        with pytest.raises(AudioError, match="no frame has a pitch") as caught:
            native(unvoiced)
        assert caught.value.status == Status.UNVOICED


@pytest.mark.parametrize("length", [3_200, 3_333, 5_000])
def test_a_fifth_of_a_second_has_finite_features(length):
    for signal in (voice(1.0)[:length], np.concatenate([noise(0.14), voice(1.0)])[:length]):
        assert np.isfinite(features([signal])).all()


def test_a_few_voiced_frames_suffice():
    signal = 0.001 * noise(1.0)
    signal[8_000:8_900] += voice(1.0, pitch=200)[3_000:3_900]
    assert 0 < describe(cut([signal])).voiced.sum() < 12
    assert np.isfinite(features([signal])).all()


NOISY = [signal + 0.2 * noise(len(signal) / 16_000, seed=5)[: len(signal)] for signal in SPEECH]


def with_gain(gain: float) -> list[np.ndarray]:
    return [np.float32(gain) * signal for signal in NOISY]


@pytest.mark.parametrize(("gain", "floor", "most"), [(0.1, 0.01, 5e-3), (0.5, 1, 5e-2)])
def test_gain_changes_nothing_that_is_not_marked(monkeypatch, gain, floor, most):
    loud = features(NOISY)
    monkeypatch.setattr(shape, "FLOOR", floor * shape.FLOOR)  # it doesn't change with the signal
    error = np.abs(features(with_gain(gain)) - loud)
    error /= np.maximum(np.abs(loud), loud.std(axis=0) + 1e-3)
    marked = np.array([feature.depends_on_level for feature in FEATURES])
    assert not {NAMES[column] for column in np.flatnonzero((error > most).any(axis=0) & ~marked)}
    assert (error.max(axis=0)[marked] > 0.02).all()


@pytest.mark.parametrize(("gain", "floor", "most"), [(0.1, 0.01, 5e-3), (0.5, 1, 5e-2)])
def test_gain_changes_no_descriptor_that_is_not_marked(monkeypatch, gain, floor, most):
    loud = describe(cut(NOISY)).values
    monkeypatch.setattr(shape, "FLOOR", floor * shape.FLOOR)
    error = np.abs(describe(cut(with_gain(gain))).values - loud) / np.nanstd(loud, axis=0)
    for column, descriptor in enumerate(DESCRIPTORS):
        half, nearly_all = np.nanquantile(error[:, column], [0.5, 0.99])
        if descriptor.depends_on_level:
            assert half > 0.02, descriptor.name
        else:
            assert half < 1e-3, descriptor.name
            assert nearly_all < most, descriptor.name


# torch


def agree(signals: list[np.ndarray], device: str = "cpu") -> None:
    """Hold torch to NumPy: features to 1e-3, descriptors too, but for one value in 100,000."""
    there = [torch.from_numpy(signal).to(device) for signal in signals]
    expected, found = features(signals), features(there)
    assert found.device.type == device
    assert away(found.cpu().numpy(), expected, expected.std(axis=0) + 1e-3) < 1e-3
    ours, theirs = describe(cut(signals)), describe(cut(there))
    np.testing.assert_array_equal(theirs.voiced.cpu().numpy(), ours.voiced)
    values = theirs.values.cpu().numpy()
    np.testing.assert_array_equal(np.isnan(values), np.isnan(ours.values))
    spread = np.nanstd(ours.values, axis=0)
    error = np.abs(values - ours.values) / np.maximum(np.abs(ours.values), spread)
    assert np.nanmean(error > 1e-3) < 1e-5
    assert np.nanmax(error) < 0.05


def test_torch_agrees_on_made_speech():
    agree(SPEECH)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_a_gpu_agrees_on_made_speech():
    agree(SPEECH, "cuda")


def recordings(root: Path, corpus: str) -> list[np.ndarray]:
    files = sorted(set(corpora.read(corpus, root / "corpora" / corpus).index.get_level_values(0)))
    return [read_audio(file).samples for file in files[:: len(files) // 12][:12]]


@pytest.mark.real
@pytest.mark.parametrize("corpus", ["emodb", "urdu", "emotale"])
def test_real_speech_agrees_alone_in_a_batch_and_on_torch(data_root, corpus):
    signals = recordings(data_root, corpus)
    one_by_one = np.concatenate([features([signal]) for signal in signals])
    assert away(features(signals), one_by_one, one_by_one.std(axis=0) + 1e-3) < 1e-5
    agree(signals)
    if torch.cuda.is_available():
        agree(signals, "cuda")
