from __future__ import annotations

import numpy as np
import pytest
import torch

from affectspace.features.native.hops import cut
from affectspace.features.native.pitch import voice
from affectspace.features.native.quality import (
    cepstral_prominence,
    harmonics_to_noise,
    irregularity,
)
from made_periods import RATE, harmonics, noisy, pulses
from voices import noise
from voices import voice as buzz

SECONDS = 2.0
INNER = slice(10, -10)


def steady(hertz: float) -> np.ndarray:
    return harmonics(np.full(round(SECONDS * RATE), hertz), -6 * np.log2(np.arange(1, 60)))


def below_4khz(count: int) -> np.ndarray:
    """Make white noise up to 3 kHz, falling off to 4 kHz; mean square 1."""
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(count))
    hertz = np.fft.rfftfreq(count, 1 / RATE)
    made = np.fft.irfft(spectrum * np.clip((4000 - hertz) / 1000, 0, 1) ** 0.5, count)
    return made / made.std()


@pytest.mark.parametrize("ratio", [0, 5, 10, 15, 20, 25])
@pytest.mark.parametrize("hertz", [80, 120, 200, 350])
def test_harmonics_to_noise_is_the_ratio_that_was_mixed(hertz, ratio):
    signal = steady(hertz)
    added = below_4khz(len(signal)) * np.sqrt(np.mean(signal**2) / 10 ** (ratio / 10))
    found = harmonics_to_noise(voice(cut([(signal + added).astype(np.float32)])))
    # the part of the noise between 3 and 4 kHz is heard less; the window holds few periods
    assert np.median(found[INNER]) == pytest.approx(ratio, abs=1.5)


def test_harmonics_to_noise_is_within_its_range():
    for signal in (steady(200), noise(1.0), np.zeros(RATE, np.float32)):
        found = harmonics_to_noise(voice(cut([signal])))
        assert found.dtype == np.float32
        assert (found >= -20).all()
        assert (found <= 40).all()


def made(hertz: float, *, jitter: float = 0.0, shimmer: float = 0.0, seed: int = 0):
    """Return a voice with irregular periods, and its jitter (share) and shimmer (dB)."""
    random = np.random.default_rng(seed)
    count = int(SECONDS * hertz) - 2
    periods = (1 + jitter * random.standard_normal(count)) / hertz
    levels = shimmer * random.standard_normal(count)
    signal = pulses(np.cumsum(periods), SECONDS, 10 ** (levels / 20))
    return signal, np.abs(np.diff(periods)).mean() * hertz, np.abs(np.diff(levels)).mean()


def measured(signal: np.ndarray) -> tuple[float, float]:
    hops = cut([signal])
    return tuple(np.nanmean(values[INNER]) for values in irregularity(hops, voice(hops)))


@pytest.mark.parametrize("hertz", [80, 120, 200, 350])
def test_a_regular_voice_has_neither_jitter_nor_shimmer(hertz):
    jitter, shimmer = measured(made(hertz)[0])
    assert jitter < 0.0005
    assert shimmer < 0.08


@pytest.mark.parametrize("amount", [0.003, 0.01, 0.02])
@pytest.mark.parametrize("hertz", [80, 120, 200, 350])
def test_jitter_is_what_was_put_in(hertz, amount):
    signal, expected, _ = made(hertz, jitter=amount)
    for heard in (signal, noisy(signal, 30)):
        assert 0.7 * expected < measured(heard)[0] < 1.1 * expected


@pytest.mark.parametrize("amount", [0.3, 0.6])
@pytest.mark.parametrize("hertz", [80, 120, 200])
def test_shimmer_is_what_was_put_in(hertz, amount):
    signal, _, expected = made(hertz, shimmer=amount)
    jitter, shimmer = measured(signal)
    assert 0.8 * expected < shimmer < 1.2 * expected
    assert jitter < 0.0005


def test_unvoiced_frames_have_no_jitter_and_no_shimmer():
    hops = cut([np.concatenate([buzz(0.5), noise(0.5)]), np.zeros(8_000, np.float32)])
    found = voice(hops)
    jitter, shimmer = irregularity(hops, found)
    assert found.voiced.any()
    np.testing.assert_array_equal(np.isnan(jitter), ~found.voiced)
    assert np.isnan(shimmer[~found.voiced]).all()
    assert ((shimmer >= 0) & (shimmer <= 4.08))[np.isfinite(shimmer)].all()
    assert ((jitter >= 0) & (jitter <= 0.19))[found.voiced].all()


def test_where_nothing_is_voiced_all_is_nan():
    hops = cut([np.zeros(160, np.float32)])
    assert all(np.isnan(values).all() for values in irregularity(hops, voice(hops)))


@pytest.mark.parametrize("hertz", [80, 150, 300, 450])
def test_a_clear_voice_stands_out_in_the_cepstrum_and_noise_does_not(hertz):
    levels = -9 * np.log2(np.arange(1, 60))
    clear = harmonics(np.full(round(SECONDS * RATE), float(hertz)), levels)
    heights = [
        float(np.median(cepstral_prominence(voice(cut([noisy(clear, ratio)])))[INNER]))
        for ratio in (40, 30, 20, 10, 0)
    ]
    assert heights == sorted(heights, reverse=True)
    assert heights[0] - heights[-1] > 8
    assert 13 < cepstral_prominence(voice(cut([noise(2.0)]))).mean() < 16


def test_the_prominence_is_that_of_a_fitted_line():
    found = voice(cut([buzz(0.5)]))
    values = cepstral_prominence(found)
    milliseconds = np.arange(512) / 8
    for frame in (3, 20, 44):
        decibels = 10 * np.log10(found.power[frame, :257].astype(np.float64) + 1e-12)
        cepstrum = np.fft.ifft(np.concatenate([decibels, decibels[-2:0:-1]])).real
        level = 20 * np.log10(np.abs(cepstrum) + 1e-6)
        fitted = (milliseconds >= 1) & (milliseconds < 32)
        line = np.polyval(np.polyfit(milliseconds[fitted], level[fitted], 1), milliseconds)
        searched = (milliseconds >= 2) & (milliseconds <= 16.7)
        assert values[frame] == pytest.approx((level - line)[searched].max(), abs=0.01)


def test_silence_has_no_prominence():
    found = cepstral_prominence(voice(cut([np.zeros(8_000, np.float32)])))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, 0, atol=1e-3)


def both(signals: list) -> list:
    hops = cut(signals)
    found = voice(hops)
    return [harmonics_to_noise(found), *irregularity(hops, found), cepstral_prominence(found)]


SCALES = (20, 1, 1, 20)
SIGNALS = [np.concatenate([buzz(1.0), noise(0.3)]), made(150, jitter=0.01, shimmer=0.3)[0]]


@pytest.mark.parametrize("gain", [0.1, 0.5])
def test_gain_changes_nothing(gain):
    louder = both([signal * np.float32(gain) for signal in SIGNALS])
    for one, other, scale in zip(both(SIGNALS), louder, SCALES, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3 * scale)


def test_a_signal_gives_alone_what_it_gives_in_a_batch():
    together = both(SIGNALS)
    alone = [both([signal]) for signal in SIGNALS]
    for values, parts in zip(together, zip(*alone, strict=True), strict=True):
        np.testing.assert_allclose(values, np.concatenate(parts), rtol=1e-5, atol=1e-5)


def test_torch_gives_what_numpy_gives():
    found = both([torch.from_numpy(signal) for signal in SIGNALS])
    for one, other, scale in zip(both(SIGNALS), found, SCALES, strict=True):
        assert isinstance(other, torch.Tensor)
        np.testing.assert_allclose(one, other.numpy(), atol=1e-3 * scale)
