"""How far speech stands out of noise, told from the recording alone."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from affectspace.audio import read_audio, spectra
from affectspace.audio.checks import level
from affectspace.audio.degrade import add_noise, mix_at
from affectspace.audio.noise import HIGHEST, LOWEST, signal_to_noise
from voices import noise, voice


def words(seconds: float = 3.0) -> np.ndarray:
    """A voice in the first half of every half second."""
    samples = voice(seconds)
    return np.where(np.arange(len(samples)) % 8000 < 4000, samples, 0).astype(np.float32)


def slow_signal_to_noise(samples: np.ndarray) -> float:
    """The same estimate, frame by frame and bin by bin."""
    window = np.sin(np.pi * np.arange(1, 513) / 513) ** 2
    frames = [samples[i : i + 512].astype(float) for i in range(0, len(samples) - 511, 512)]
    powers = [
        np.abs(np.fft.rfft((frame - frame.mean()) * window)) ** 2
        for frame in frames
        if np.mean(frame**2) > 2.0**-30
    ]
    if len(powers) < 31:
        return math.nan
    n, k = len(powers), len(powers) // 10
    share = sum(1 / (n - i) for i in range(k))
    floor = sum(sorted(power[b] for power in powers)[k - 1] / share for b in range(257))
    whole = sum(np.mean([power[b] for power in powers]) for b in range(257))
    decibels = 10 * math.log10(max(whole / floor - 1, 1e-10)) if floor else math.inf
    return min(max(decibels, -20.0), 60.0)


@pytest.mark.parametrize("snr", [25.0, 10.0, 0.0])
@pytest.mark.parametrize("seconds", [1.0, 2.6])
def test_it_is_that_of_a_slow_twin(seconds, snr):
    samples = mix_at(words(seconds), noise(seconds), snr)
    assert signal_to_noise(samples) == pytest.approx(slow_signal_to_noise(samples), abs=1e-6)


@pytest.mark.parametrize("snr", [20.0, 10.0, 0.0])
def test_a_known_noise_is_found(snr):
    speech = words(4.0)
    assert signal_to_noise(mix_at(speech, noise(4.0, seed=5), snr)) == pytest.approx(snr, abs=2.5)
    pink = add_noise(speech, snr, random=np.random.default_rng(0))
    # of this pink noise 45 % lies below 30 Hz, where the estimate doesn't look: 2.6 dB
    assert snr - 2.5 < signal_to_noise(pink) < snr + 2.6


def test_more_noise_gives_less():
    speech, hiss = words(), noise(3.0, seed=1)
    found = [signal_to_noise(mix_at(speech, hiss, snr)) for snr in range(30, -11, -5)]
    assert (np.diff(found) < -2).all()


def test_the_level_does_not_matter():
    samples = mix_at(words(), noise(3.0), 10.0)
    assert signal_to_noise(samples / 64) == pytest.approx(signal_to_noise(samples), abs=1e-3)


@pytest.mark.parametrize("pink", [False, True])
def test_noise_alone_is_at_the_lower_end(pink):
    found = signal_to_noise(noise(4.0, pink=pink))
    assert LOWEST <= found < -8


def test_the_upper_end():
    assert 50 < signal_to_noise(mix_at(words(), noise(3.0), 55.0)) < HIGHEST
    samples = np.tile(np.concatenate([voice(0.5), np.full(8000, 2.0**-14, np.float32)]), 3)
    assert signal_to_noise(samples) == HIGHEST  # an offset is no noise


def test_too_little_sound_has_no_answer():
    assert math.isnan(signal_to_noise(words(0.98)))
    assert not math.isnan(signal_to_noise(words(1.0) + noise(1.0) / 100))
    assert math.isnan(signal_to_noise(np.zeros(48_000, np.float32)))
    assert math.isnan(signal_to_noise(np.zeros(0, np.float32)))


def test_digital_silence_hides_no_noise():
    samples = mix_at(words(), noise(3.0), 10.0)
    silence = np.zeros(32_768, np.float32)
    padded = np.concatenate([silence, samples, silence])
    assert signal_to_noise(padded) == pytest.approx(signal_to_noise(samples), abs=0.5)


def test_a_held_vowel_counts_as_noise():
    assert signal_to_noise(voice(3.0)) < 12


def test_a_long_recording_is_sampled(monkeypatch):
    samples = mix_at(words(20.0), noise(20.0), 10.0)
    whole = signal_to_noise(samples)
    monkeypatch.setattr(spectra, "MOST", 200)
    assert signal_to_noise(samples) == pytest.approx(whole, abs=0.5)


def test_a_recording_carries_it():
    samples = mix_at(words(), noise(3.0), 5.0)
    assert level(samples) < 0
    assert read_audio((samples, 16_000)).snr == signal_to_noise(samples)


@pytest.mark.real
def test_noise_added_to_real_speech_is_found(data_root: Path):
    random = np.random.default_rng(0)
    for corpus in ("emodb", "emotale", "emovo", "ravdess"):
        files = sorted((data_root / "corpora" / corpus).rglob("*.flac"))[::40]
        clean = [read_audio(path).samples for path in files]
        assert np.median([signal_to_noise(x) for x in clean]) > 25, corpus
        noisy = [signal_to_noise(add_noise(x, 10.0, random=random)) for x in clean]
        assert np.abs(np.median(noisy) - 10) < 2, corpus
