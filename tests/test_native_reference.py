"""Descriptors of `native` against openSMILE's on made speech, whose frames come 5 ms after ours."""

from __future__ import annotations

import numpy as np
import pytest

from affectspace.features.native import bands, shape
from affectspace.features.native.hops import cut
from affectspace.synthesis import Speaker, synthesise_utterance

opensmile = pytest.importorskip("opensmile")

SPEAKERS = (
    Speaker("anna", "female", f0=210.0, tract_scale=1.15),
    Speaker("bert", "male", f0=110.0, tract_scale=1.0),
)


def ours(samples):
    hops = cut([samples[80:]])
    power = shape.short_spectrum(hops)
    level = shape.decibels(power)
    powers = bands.band_powers(power)
    cepstra = bands.cepstra(shape.decibels(powers))
    return {
        "Loudness_sma3": bands.specific_loudness(powers).sum(axis=1),
        "alphaRatio_sma3": -shape.alpha_ratio(power),
        "hammarbergIndex_sma3": shape.hammarberg_index(power),
        "slope0-500_sma3": shape.slope(level, 0, 500),
        "slope500-1500_sma3": shape.slope(level, 500, 1500),
        "spectralFlux_sma3": shape.change(np.sqrt(power), hops),
        **{f"mfcc{k}_sma3": cepstra[:, k - 1] for k in (1, 2, 3, 4)},
    }


@pytest.fixture(scope="module")
def measured():
    smile = opensmile.Smile(
        opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.LowLevelDescriptors
    )
    pairs = []
    for seed, speaker in enumerate(SPEAKERS):
        samples = synthesise_utterance(3.5, 2.5, speaker=speaker, seed=seed)
        pairs.append((ours(samples), smile.process_signal(samples, 16_000)))
    return pairs


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("Loudness_sma3", 0.99),
        ("alphaRatio_sma3", 0.99),
        ("hammarbergIndex_sma3", 0.99),
        ("slope0-500_sma3", 0.95),  # openSMILE's slopes move with the level
        ("slope500-1500_sma3", 0.9),
        ("spectralFlux_sma3", 0.95),
        *((f"mfcc{k}_sma3", 0.99) for k in (1, 2, 3, 4)),
    ],
)
def test_descriptors_go_with_opensmiles(measured, name, least):
    both = []
    for here, there in measured:
        theirs = there[name].to_numpy()
        smooth = np.convolve(here[name], np.ones(3) / 3, "same")[: len(theirs)]
        both.append(np.stack([smooth, theirs])[:, 1:-1])
    assert np.corrcoef(np.concatenate(both, axis=1))[0, 1] > least


def test_the_change_of_a_spectrum_is_the_distance_from_the_last():
    rng = np.random.default_rng(0)
    signals = [(0.1 * rng.standard_normal(n)).astype(np.float32) for n in (1700, 3200)]
    hops = cut(signals)
    magnitude = np.sqrt(shape.short_spectrum(hops))
    change = shape.change(magnitude, hops)
    for k in range(sum(hops.counts)):
        first = k in (0, hops.counts[0])
        expected = 0.0 if first else np.linalg.norm(magnitude[k] - magnitude[k - 1])
        assert change[k] == pytest.approx(expected, rel=1e-4)
    louder = cut([2 * each for each in signals])
    doubled = shape.change(np.sqrt(shape.short_spectrum(louder)), louder)
    assert doubled == pytest.approx(2 * change, rel=1e-3)
