"""Hops, descriptors side by side, and the features made of them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from affectspace.features.native import (
    DESCRIPTORS,
    FEATURES,
    cut,
    describe,
    features,
    shape,
    summarise,
    summary,
)
from affectspace.features.native import bands as bands_of
from affectspace.features.native import descriptors as module
from affectspace.features.native.formants import formants
from affectspace.features.native.hops import HOP, MARGIN, layout
from affectspace.features.native.pitch import voice as voice_of
from affectspace.features.native.quality import harmonics_to_noise, irregularity
from affectspace.synthesis import draw_speaker, synthesise_utterance
from voices import noise, voice

NAMES = [descriptor.name for descriptor in DESCRIPTORS]
RANDOM = np.random.default_rng(0)
SPEAKER = draw_speaker("a", "female", RANDOM)
SPEECH = [
    synthesise_utterance(4.0, 2.0, speaker=SPEAKER, seed=1, duration=1.9),
    np.concatenate([np.zeros(9_000, np.float32), voice(0.7, pitch=180), 0.02 * noise(0.4)]),
]


# hops


@pytest.mark.parametrize("length", [160, 161, 319, 320, 1_000, 5_555])
@pytest.mark.parametrize("size", [2, 160, 320, 384, 864, 1_600])
def test_frames_are_centred_in_their_hops(length, size):
    signals = [RANDOM.normal(size=n).astype(np.float32) for n in (length, 700)]
    hops = cut(signals)
    found = hops.frames(size)
    assert hops.counts == (length // HOP, 4)
    assert found.shape == (sum(hops.counts), size)
    row = 0
    for signal, count in zip(signals, hops.counts, strict=True):
        wide = np.concatenate([np.zeros(800), signal, np.zeros(1_600)])
        for k in range(count):
            first = 800 + k * HOP + HOP // 2 - size // 2
            np.testing.assert_array_equal(found[row], wide[first : first + size].astype("f4"))
            row += 1


def test_rows_lead_to_each_signals_frames():
    hops = cut([np.zeros(n, np.float32) for n in (320, 800, 170)])
    place, there = hops.rows()
    np.testing.assert_array_equal(place, [[0, 1, 1, 1, 1], [2, 3, 4, 5, 6], [7, 7, 7, 7, 7]])
    np.testing.assert_array_equal(there.sum(axis=1), [2, 5, 1])
    for one, other in zip(layout((2, 5, 1), hops.blocks).rows(), (place, there), strict=True):
        np.testing.assert_array_equal(one, other)


def test_signals_lie_further_apart_than_frames_reach():
    hops = cut([np.ones(320, np.float32), np.ones(321, np.float32)])
    assert hops.starts.tolist() == [MARGIN, MARGIN + 1, 3 * MARGIN + 2, 3 * MARGIN + 3]
    assert hops.blocks.sum() == 641


def test_hops_of_torch_are_torch():
    hops = cut([torch.ones(400), torch.ones(200)])
    assert isinstance(hops.frames(400), torch.Tensor)
    assert all(isinstance(part, torch.Tensor) for part in hops.rows())


# descriptors


@pytest.fixture(scope="module")
def described():
    return describe(cut(SPEECH))


def test_each_column_is_what_its_name_says(described):
    hops = cut(SPEECH)
    heard, power = voice_of(hops), shape.short_spectrum(hops)
    level = shape.decibels(power)
    band = bands_of.band_powers(power)
    band_level = shape.decibels(band)
    jitter, shimmer = irregularity(hops, heard)
    resonances = formants(hops, heard.voiced)
    loudness = bands_of.specific_loudness(band).sum(axis=1)
    known = np.where(resonances.found, 1, np.nan)
    voiced = np.where(heard.voiced, 1, np.nan)
    expected = {
        "mfcc3": bands_of.cepstra(band_level)[:, 2],
        "band7": band_level[:, 6] - band_level.mean(axis=1),
        "alpha_ratio": shape.alpha_ratio(power),
        "hammarberg_index": shape.hammarberg_index(power),
        "slope_500_1500": shape.slope(level, 500, 1_500),
        "entropy": shape.moments(level, power**0.5).entropy,
        "roll_off75": shape.roll_offs(power)[:, 2],
        "flux": shape.flux(power**0.5, hops),
        "loudness": loudness,
        "log_loudness": np.log(loudness),
        "periodicity": heard.strength,
        "pitch": voiced * 12 * np.log2(np.where(heard.voiced, heard.f0, 1) / 27.5),
        "harmonics_to_noise": voiced * harmonics_to_noise(heard),
        "log_jitter": np.log(jitter + 1e-3),
        "log_shimmer": np.log(shimmer + 2e-2),
        "formant2": known[:, 1] * resonances.frequency[:, 1],
        "log_bandwidth1": known[:, 0] * np.log(resonances.bandwidth[:, 0]),
        "formant_level3": known[:, 2] * resonances.level[:, 2],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(described.of(name), values, rtol=1e-4, atol=1e-4, err_msg=name)


def test_descriptors_are_in_order_and_named_once(described):
    assert len(set(NAMES)) == len(NAMES) == described.values.shape[1]
    assert described.values.dtype == np.float32
    assert described.voiced.dtype == bool
    assert all(re.fullmatch("[a-z0-9_]+", name) for name in NAMES)


def test_only_what_is_of_the_voice_has_gaps(described):
    unknown = np.isnan(described.values)
    for column, descriptor in enumerate(DESCRIPTORS):
        if descriptor.of_voice:
            assert unknown[~described.voiced, column].all(), descriptor.name
            assert unknown[described.voiced, column].mean() < 0.2, descriptor.name
        else:
            assert not unknown[:, column].any(), descriptor.name
    assert np.isfinite(described.values[~unknown]).all()


def test_short_spectra_in_blocks_are_those_of_the_whole(described, monkeypatch):
    for at_once in (7, 10_000):
        monkeypatch.setattr(module, "_AT_ONCE", at_once)
        found = describe(cut(SPEECH))
        np.testing.assert_allclose(found.values, described.values, rtol=1e-4, atol=1e-5)


def test_digital_silence_has_descriptors():
    found = describe(cut([np.zeros(3_200, np.float32)]))
    assert not found.voiced.any()
    assert np.isfinite(found.values[:, [not d.of_voice for d in DESCRIPTORS]]).all()


# features


def parts(values: dict[str, np.ndarray], voiced: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which frames are speech, and which are clearly voiced, frame by frame."""
    level = values["log_loudness"].astype(float) * 10 / (0.3 * np.log(10))
    loudest = np.quantile(level, 0.95)
    speech = np.array([one > loudest - summary.SPEECH for one in level])
    clear = np.array(
        [
            bool(voiced[t])
            and level[t] > loudest - summary.VOICED
            and values["periodicity"][t] >= summary.CLEARLY
            for t in range(len(level))
        ]
    )
    for more in (voiced, speech):
        clear = clear if clear.sum() >= summary.FEWEST else more
    return speech, clear


@pytest.mark.parametrize("number", [0, 1])
def test_statistics_frame_by_frame(number):
    found = dict(zip([f.name for f in FEATURES], features(SPEECH)[number], strict=True))
    own = describe(cut([SPEECH[number]]))
    values = dict(zip(NAMES, own.values.T, strict=True))
    speech, clear = parts(values, own.voiced)
    assert 20 < clear.sum() < len(clear)
    checked = 0
    for name, row in values.items():
        for part, mask in (("speech", speech), ("voiced", clear)):
            chosen = mask & np.isfinite(row)
            prefix = "pitch" if name == "pitch" else f"{name}_{part}"
            if f"{prefix}_mean" not in found or (name == "pitch" and part == "speech"):
                continue
            three = chosen[:-2] & chosen[1:-1] & chosen[2:]
            expected = {
                "mean": row[chosen].mean(),
                "sd": row[chosen].std(),
                "change": np.abs(row[2:] - row[:-2])[three].mean(),
            }
            for statistic, value in expected.items():
                if f"{prefix}_{statistic}" in found:
                    got = found[f"{prefix}_{statistic}"]
                    assert got == pytest.approx(value, rel=1e-4, abs=1e-4), (name, statistic)
                    checked += 1
    for share in (10, 20, 50, 80, 90):
        expected = np.quantile(values["pitch"][clear], share / 100)
        assert found[f"pitch_p{share}"] == pytest.approx(expected, rel=1e-5)
    assert found["pitch_range80"] == pytest.approx(found["pitch_p90"] - found["pitch_p10"])
    assert found["pitch_range60"] == pytest.approx(found["pitch_p80"] - found["pitch_p20"])
    for share in (20, 50, 80, 95):
        expected = np.quantile(values["log_loudness"][speech], share / 100)
        assert found[f"log_loudness_speech_p{share}"] == pytest.approx(expected, rel=1e-5)
    assert checked > 170
    span = np.flatnonzero(speech)
    length = span[-1] - span[0] + 1
    inside = clear & (np.arange(len(clear)) >= span[0]) & (np.arange(len(clear)) <= span[-1])
    assert found["speech_portion"] == pytest.approx(speech.sum() / length)
    assert found["voiced_portion"] == pytest.approx(inside.sum() / length)
    begins = np.diff(speech.astype(int), prepend=0) == 1
    assert found["speech_rate"] == pytest.approx(begins.sum() / (length / 100), rel=1e-5)


def test_a_pause_is_measured():
    signal = np.concatenate([voice(0.8), np.zeros(8_000, np.float32), voice(0.8)])
    found = dict(zip([f.name for f in FEATURES], features([signal])[0], strict=True))
    assert found["pause_mean_length"] == pytest.approx(0.5, abs=0.05)
    assert found["pause_sd_length"] == 0
    assert found["speech_rate"] == pytest.approx(2 / 2.1, abs=0.05)
    assert found["speech_mean_length"] == pytest.approx(0.8, abs=0.05)
    assert found["unvoiced_mean_length"] == pytest.approx(0.5, abs=0.07)
    assert found["voiced_portion"] == pytest.approx(1.6 / 2.1, abs=0.06)


def test_the_pitch_is_the_voices():
    found = dict(
        zip([f.name for f in FEATURES], features([voice(2.0, pitch=150.0)])[0], strict=True)
    )
    assert found["pitch_p50"] == pytest.approx(12 * np.log2(150 / 27.5), abs=0.4)
    assert 2.2 < found["pitch_range80"] < 3.6  # it moves by 10 % up and down, twice a second
    rates = [found[f"pitch_swing_{r:g}"] for r in summary.RATES]
    assert summary.RATES[int(np.argmax(rates))] == 2


def test_loudness_swings_as_it_is_modulated():
    signal = voice(3.0)
    time = np.arange(len(signal)) / 16_000
    signal = (signal * (1 - 0.9 * np.cos(2 * np.pi * 5 * time)) / 2).astype(np.float32)
    found = dict(zip([f.name for f in FEATURES], features([signal])[0], strict=True))
    rates = [found[f"loudness_swing_{r:g}"] for r in summary.RATES]
    assert summary.RATES[int(np.argmax(rates))] == 5
    assert found["swell_rate"] == pytest.approx(5, abs=0.5)


def test_descriptors_at_once_or_one_by_one(described, monkeypatch):
    hops = cut(SPEECH)
    whole = summarise(described, hops)
    monkeypatch.setattr(summary, "_AT_ONCE", 1)
    np.testing.assert_array_equal(summarise(described, hops), whole)


def test_what_is_of_the_voice_is_0_without_one():
    hops = cut([noise(1.0)])
    found = summarise(describe(hops), hops)[0]
    assert np.isfinite(found).all()
    for feature, value in zip(FEATURES, found, strict=True):
        if feature.family in ("pitch", "formants") and "swing" not in feature.name:
            assert value == 0, feature.name


def test_features_are_named_once_and_know_what_they_are():
    names = [feature.name for feature in FEATURES]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9_.]+", name) for name in names)
    loud = {feature.name for feature in FEATURES if feature.depends_on_level}
    assert "loudness_speech_mean" in loud
    assert "log_loudness_speech_sd" not in loud
    assert not {name for name in loud if name.startswith(("mfcc", "pitch", "formant", "swell"))}


def test_the_page_lists_every_descriptor():
    page = Path(__file__).parents[1] / "docs" / "features.md"
    text = page.read_text(encoding="utf-8")
    assert f"{len(FEATURES)} features" in text
    assert f"{len(DESCRIPTORS)} descriptors" in text
    section = text.partition("### Descriptors")[2].partition("\n### ")[0]
    listed = [line.split("|")[1:-1] for line in section.splitlines() if line.startswith("| `")]
    found = {}
    for names, family, unit, level, frames, _ in listed:
        for name in spelt_out(names):
            found[name] = tuple(cell.strip() for cell in (family, unit, level, frames))
    expected = {
        d.name: (
            d.family,
            d.unit,
            "yes" if d.depends_on_level else "",
            "voiced" if d.of_voice else "all",
        )
        for d in DESCRIPTORS
    }
    assert found == expected


def spelt_out(names: str) -> list[str]:
    """`a`, `b1` .. `b3` -> a, b1, b2, b3."""
    found = []
    for part in names.split(","):
        ends = re.findall("`([^`]+)`", part)
        if len(ends) == 2:
            stem, first = re.fullmatch(r"(.*?)(\d+)", ends[0]).groups()
            last = ends[1].removeprefix(stem)
            found += [f"{stem}{number}" for number in range(int(first), int(last) + 1)]
        else:
            found += ends
    return found
