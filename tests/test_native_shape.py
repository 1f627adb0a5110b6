"""The descriptors of short spectra against loops over bins, and on signals of known spectrum."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from affectspace.features.native import bands, shape
from affectspace.features.native.hops import RATE, cut
from affectspace.features.native.spectrum import frequencies, mel, power_spectrum
from voices import noise, voice

HERTZ = np.arange(257) * 31.25
SPECTRA = np.concatenate(
    [
        np.random.default_rng(0).gamma(1.0, 1e-4, (20, 257)),
        np.random.default_rng(1).gamma(0.5, 1.0, (20, 257)) * 10.0 ** (-HERTZ / 1_000),
    ]
).astype(np.float32)


def tone(hertz: float, seconds: float = 0.5, peak: float = 0.5) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    return (peak * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def inner(signal: np.ndarray) -> np.ndarray:
    return shape.short_spectrum(cut([signal]))[3:-3]


def _moments(power):
    return shape.moments(shape.decibels(power), power**0.5)


def between(lowest: float, highest: float) -> list[int]:
    return [k for k in range(257) if lowest <= HERTZ[k] <= highest]


# spectra


def test_spectra_are_those_of_the_definition():
    rng = np.random.default_rng(0)
    frames = rng.standard_normal((5, 100)).astype(np.float32)
    window = rng.uniform(0, 1, 100).astype(np.float32)
    found = power_spectrum(frames, window, 128)
    wave = np.exp(-2j * np.pi * np.outer(np.arange(100), np.arange(65)) / 128)
    np.testing.assert_allclose(found, np.abs((frames * window) @ wave) ** 2, rtol=1e-4, atol=1e-5)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(frequencies(128), np.arange(65) * 125.0)


def test_spectra_of_many_blocks_are_in_order():
    frames = np.random.default_rng(0).standard_normal((300, 400)).astype(np.float32)
    window = np.ones(400, np.float32)
    found = power_spectrum(frames, window, 512)
    np.testing.assert_allclose(found[77], power_spectrum(frames[77:78], window, 512)[0])
    np.testing.assert_allclose(found[-1], power_spectrum(frames[-1:], window, 512)[0])


def test_a_tone_has_its_power_at_its_frequency():
    power = inner(tone(1_000, peak=1.0))
    assert (power.argmax(axis=1) == 32).all()
    assert power.max() == pytest.approx(0.4, rel=0.1)
    assert power[:, 100:].max() < 1e-4


def test_the_power_of_noise_is_spread_over_the_bins():
    signal = noise(4.0)
    mean = inner(signal)[:, 1:-1].mean()
    assert mean == pytest.approx(2 * np.mean(signal**2) / shape.FRAME, rel=0.05)


def test_silence_has_a_flat_spectrum():
    power = shape.short_spectrum(cut([np.zeros(3_200, np.float32)]))
    np.testing.assert_array_equal(power, np.full((20, 257), np.float32(shape.FLOOR)))
    assert _moments(power).entropy == pytest.approx(1, abs=1e-5)
    assert shape.alpha_ratio(power) == pytest.approx(-6.0, abs=0.3)  # 1 kHz against 4
    assert shape.slope(shape.decibels(power), 0, 500) == pytest.approx(0, abs=1e-4)


# against loops


def test_alpha_ratio_and_hammarberg_index_by_bins():
    alpha, hammarberg = shape.alpha_ratio(SPECTRA), shape.hammarberg_index(SPECTRA)
    for row, power in enumerate(SPECTRA.astype(float)):
        low = sum(power[k] for k in between(50, 1_000))
        high = sum(power[k] for k in between(1_000, 5_000))
        assert alpha[row] == pytest.approx(10 * np.log10(low / high), abs=1e-4)
        low = max(power[k] for k in between(0, 2_000))
        high = max(power[k] for k in between(2_000, 5_000))
        assert hammarberg[row] == pytest.approx(10 * np.log10(low / high), abs=1e-4)


@pytest.mark.parametrize(("lowest", "highest"), [(0, 500), (500, 1_500), (1_500, 5_000)])
def test_slopes_are_those_of_a_regression(lowest, highest):
    level = shape.decibels(SPECTRA)
    found = shape.slope(level, lowest, highest)
    chosen = between(lowest, highest)
    for row in range(len(SPECTRA)):
        expected = np.polyfit(HERTZ[chosen] / 1_000, level[row, chosen].astype(float), 1)[0]
        assert found[row] == pytest.approx(expected, rel=1e-4, abs=1e-4)
    falling = np.tile((3.0 - 0.012 * HERTZ).astype(np.float32), (2, 1))
    assert shape.slope(falling, lowest, highest) == pytest.approx(-12, rel=1e-4)


def test_moments_by_bins():
    found = _moments(SPECTRA)
    for row, power in enumerate(SPECTRA.astype(float)):
        share = np.sqrt(power) / np.sqrt(power).sum()
        mean = sum(share * HERTZ)
        spread = np.sqrt(sum(share * (HERTZ - mean) ** 2))
        assert found.centroid[row] == pytest.approx(mean, rel=1e-5)
        assert found.spread[row] == pytest.approx(spread, rel=1e-5)
        third = sum(share * ((HERTZ - mean) / spread) ** 3)
        assert found.skewness[row] == pytest.approx(third, rel=1e-4, abs=1e-5)
        entropy = -sum(p * np.log(p) for p in share) / np.log(257)
        assert found.entropy[row] == pytest.approx(entropy, rel=1e-5)


def test_roll_offs_by_bins():
    found = shape.roll_offs(SPECTRA)
    assert (np.diff(found, axis=1) > 0).all()
    for row, power in enumerate(SPECTRA.astype(float)):
        for column, share in enumerate(shape.ROLL_OFFS):
            wanted, below, k = share * power.sum(), 0.0, 0
            while below + power[k] < wanted:
                below += power[k]
                k += 1
            expected = (k - 0.5 + (wanted - below) / power[k]) * 31.25
            assert found[row, column] == pytest.approx(expected, abs=0.3)


def test_flux_and_change_by_frames():
    magnitude = np.sqrt(SPECTRA)
    hops = cut([np.zeros(17 * 160, np.float32), np.zeros(23 * 160, np.float32)])
    flux, change = shape.flux(magnitude, hops), shape.change(magnitude, hops)
    for row in range(len(magnitude)):
        if row in (0, 17):  # the first of their signals
            assert flux[row] == change[row] == 0
            continue
        one, other = magnitude[row - 1].astype(float), magnitude[row].astype(float)
        expected = np.abs(other - one).sum() / ((one.sum() + other.sum()) / 2)
        assert flux[row] == pytest.approx(expected, rel=1e-4)
        assert change[row] == pytest.approx(np.sqrt(((other - one) ** 2).sum()), rel=1e-4)
    assert (flux <= 2).all()
    nothing_in_common = np.float32([[1, 1, 0, 0], [0, 0, 1, 1]])
    assert shape.flux(nothing_in_common, cut([np.zeros(320, np.float32)])).tolist() == [0, 2]


# signals of known spectrum


@pytest.mark.parametrize("hertz", [300, 1_234, 3_000])
def test_a_tone_is_where_it_is(hertz):
    power = inner(tone(hertz))
    assert shape.roll_offs(power)[:, 1] == pytest.approx(hertz, abs=20)
    assert (np.ptp(shape.roll_offs(power), axis=1) < 150).all()
    assert (_moments(power).entropy < 0.75).all()
    sign = 1 if hertz < 1_000 else -1
    assert (sign * shape.alpha_ratio(power) > 20).all()


def test_white_noise_is_level():
    power = inner(noise(8.0))
    level = shape.decibels(power)
    for lowest, highest in ((0, 500), (500, 1_500), (1_500, 5_000)):
        found = shape.slope(level, lowest, highest)
        assert np.mean(found) == pytest.approx(0, abs=4 * found.std() / np.sqrt(len(found) / 3))
    assert np.mean(shape.roll_offs(power), axis=0) == pytest.approx(
        8_000 * np.array(shape.ROLL_OFFS), rel=0.03
    )
    assert np.mean(_moments(power).centroid) == pytest.approx(4_000, rel=0.02)
    assert np.mean(_moments(power).skewness) == pytest.approx(0, abs=0.05)
    pink = shape.slope(shape.decibels(inner(noise(8.0, pink=True))), 500, 1_500)
    assert np.mean(pink) == pytest.approx(10 * np.log10(1 / 3), abs=0.5)  # 1 / f


# bands


def test_bands_are_triangles_on_the_mel_scale():
    power = np.eye(257, dtype=np.float32)
    weights = bands.band_powers(power)
    assert weights.shape == (257, 26)
    edges = np.linspace(mel(20), mel(8_000), 28)
    for k in range(257):
        at = mel(HERTZ[k])
        for j in range(26):
            low, middle, high = edges[j : j + 3]
            expected = max(0.0, min((at - low) / (middle - low), (high - at) / (high - middle)))
            assert weights[k, j] == pytest.approx(expected, abs=1e-5)
    assert (weights.sum(axis=0) > 0.2).all()  # every band has a bin
    np.testing.assert_allclose([mel(f) for f in bands.centres()], edges[1:-1])


def test_mel_is_the_scale_of_the_books():
    assert mel(0) == 0
    assert mel(1_000) == pytest.approx(1_000, abs=0.5)


def test_cepstra_are_the_cosine_transform():
    level = np.random.default_rng(0).normal(-60, 10, (4, 26)).astype(np.float32)
    found = bands.cepstra(level)
    for row in range(4):
        for k in range(1, 13):
            expected = np.sqrt(2 / 26) * sum(
                level[row, j] * np.cos(np.pi * k * (j + 0.5) / 26) for j in range(26)
            )
            assert found[row, k - 1] == pytest.approx(expected, abs=1e-3)
    np.testing.assert_allclose(bands.cepstra(level + 7), found, atol=1e-3)
    from scipy.fft import dct

    np.testing.assert_allclose(found, dct(level, norm="ortho", axis=1)[:, 1:13], atol=1e-3)


def test_ten_times_the_power_is_twice_as_loud():
    power = bands.band_powers(SPECTRA)
    one, ten = bands.specific_loudness(power), bands.specific_loudness(10 * power)
    np.testing.assert_allclose(ten / one, 10**0.3, rtol=1e-4)


def test_the_ear_hears_best_around_3_khz():
    heard = bands.specific_loudness(np.ones((1, 26), np.float32))[0]
    assert heard.max() == pytest.approx(1)
    assert 2_000 < bands.centres()[heard.argmax()] < 4_500
    assert (np.diff(heard)[: heard.argmax()] > 0).all()
    assert heard[0] < 0.3


# edges


def test_one_frame_is_enough():
    hops = cut([voice(0.1)[:160]])
    power = shape.short_spectrum(hops)
    assert power.shape == (1, 257)
    assert shape.flux(power, hops).tolist() == [0]
    assert np.isfinite(np.stack(_moments(power))).all()


@pytest.mark.parametrize("gain", [0.1, 0.5])
def test_shapes_do_not_depend_on_the_level(gain):
    one, other = SPECTRA, np.float32(gain**2) * SPECTRA
    hops = cut([np.zeros(160 * len(one), np.float32)])
    for shaped in (
        shape.alpha_ratio,
        shape.hammarberg_index,
        shape.roll_offs,
        lambda power: np.stack(_moments(power)),
        lambda power: shape.slope(shape.decibels(power), 500, 1_500),
        lambda power: shape.flux(np.sqrt(power), hops),
        lambda power: bands.cepstra(shape.decibels(bands.band_powers(power))),
    ):
        np.testing.assert_allclose(shaped(other), shaped(one), rtol=1e-3, atol=1e-3)


def test_torch_gives_what_numpy_gives():
    power, there = inner(voice(1.0)), torch.from_numpy(inner(voice(1.0)))
    for shaped in (
        shape.alpha_ratio,
        shape.hammarberg_index,
        shape.roll_offs,
        bands.band_powers,
    ):
        found = shaped(there)
        assert isinstance(found, torch.Tensor)
        np.testing.assert_allclose(found.numpy(), shaped(power), rtol=1e-4, atol=1e-3)
    for one, other in zip(_moments(power), _moments(there), strict=True):
        np.testing.assert_allclose(other.numpy(), one, rtol=1e-4, atol=1e-4)
