from __future__ import annotations

import numpy as np
import pytest
import torch

from affectspace.features.native.formants import (
    LOOKAHEAD,
    NEUTRAL_BANDWIDTH,
    NEUTRAL_FREQUENCY,
    Formants,
    formants,
    levinson,
    poles,
)
from affectspace.features.native.hops import RATE, cut
from affectspace.synthesis.tract import resonances
from affectspace.synthesis.vowels import VOICE_TYPES, synthesise_vowel

BANDWIDTHS = np.array([60.0, 90.0, 150.0, 200.0, 250.0, 300.0, 450.0])
UPPER = (3500.0, 4500.0, 5500.0, 6500.0)
VOWELS = {
    "i": (270.0, 2290.0, 3010.0),
    "a": (730.0, 1090.0, 2440.0),
    "u": (300.0, 870.0, 2240.0),
    "neutral": (500.0, 1500.0, 2500.0),
}


def vowel(name="a", to=None, *, scale=1.0, **settings):
    ends = scale * np.array([[*VOWELS[one], *UPPER] for one in (name, to or name)])
    return synthesise_vowel(
        np.minimum(ends, 7800), BANDWIDTHS, **{"pitch": (120.0, 100.0), **settings}
    )


def parts(found: Formants) -> list[np.ndarray]:
    return [
        np.asarray(each) for each in (found.frequency, found.bandwidth, found.level, found.found)
    ]


# truth


@pytest.mark.parametrize("voice", list(VOICE_TYPES))
@pytest.mark.parametrize(
    ("scale", "pitch"), [(1.0, (130.0, 100.0)), (1.15, (230.0, 190.0)), (1.3, (320.0, 270.0))]
)
@pytest.mark.parametrize("name", list(VOWELS))
def test_formants_of_a_steady_vowel(name, scale, pitch, voice):
    made = vowel(name, scale=scale, pitch=pitch, voice=VOICE_TYPES[voice], duration=0.3)
    found = formants(cut([made.samples]))
    error = np.abs(found.frequency - made.frequencies[:, :3])[4:-4]
    within = [max(60, 0.55 * pitch[0]), 70, 180 if voice == "breathy" else 80]
    assert np.all(np.median(error, axis=0) < within)  # a harmonic near the first draws it on
    assert found.found.all()


@pytest.mark.parametrize(("name", "to"), [("a", "i"), ("u", "neutral"), ("i", "u")])
def test_formants_follow_a_glide(name, to):
    made = vowel(name, to, duration=0.4)
    found = formants(cut([made.samples]))
    error = np.abs(found.frequency - made.frequencies[:, :3])[4:-4]
    assert np.all(np.median(error, axis=0) < 60)
    assert np.all(error.max(axis=0) < 100)
    jumps = np.abs(np.diff(found.frequency, axis=0))[4:-4]
    assert np.all(jumps.max(axis=0) < 60)


def test_wider_resonances_have_wider_bandwidths():
    medians = []
    for width in (60.0, 120.0, 240.0):
        centres = np.array([[500.0, 1500.0, 2500.0, 3500.0, 4500.0]])
        denominator = resonances(centres, np.full(5, width))[0]
        falling = np.convolve(denominator, [1, -np.exp(-2 * np.pi * 50 / RATE)])  # 6 dB per octave
        response = np.fft.irfft(1 / np.fft.rfft(falling, 32_000))[:4800]
        pulses = np.zeros(RATE)
        pulses[::100] = 1
        signal = 0.01 * np.convolve(pulses, response)[:RATE]
        found = formants(cut([signal.astype(np.float32)]))
        assert np.median(found.frequency, axis=0) == pytest.approx(centres[0, :3], abs=80)
        medians.append(np.median(found.bandwidth, axis=0))
        assert np.all(np.abs(np.log2(medians[-1] / width)) < 1.5)
    assert np.all(np.diff(medians, axis=0) > 0)


def test_levels_tell_how_far_peaks_stand_out():
    clear, steep = (
        formants(cut([vowel("neutral", voice=VOICE_TYPES[voice]).samples])).level[5:-5]
        for voice in ("pressed", "breathy")
    )
    assert np.all(clear[:, 0] > 0)  # the first formant is above the band's mean
    assert np.median(steep[:, 0] - steep[:, 1]) > 4 + np.median(clear[:, 0] - clear[:, 1])


# the numbers behind


def test_predictors_solve_the_normal_equations():
    rng = np.random.default_rng(0)
    signals = rng.standard_normal((20, 300)) * np.hanning(300)
    lags = np.array([[np.dot(s[: 300 - k], s[k:]) for k in range(11)] for s in signals]).T
    predictor, error = levinson(lags)
    for n in range(20):
        toeplitz = lags[np.abs(np.subtract.outer(np.arange(10), np.arange(10))), n]
        expected = -np.linalg.solve(toeplitz, lags[1:, n])
        assert predictor[1:, n] == pytest.approx(expected, abs=1e-10)
        assert error[n] == pytest.approx(np.dot(predictor[:, n], lags[:, n]))


def test_poles_are_the_roots_of_the_polynomial():
    predictor = []
    rng = np.random.default_rng(1)
    for real in (0, 0, 2):  # a third of frames have a pair of real ones
        for _ in range(40):
            count = 5 - real // 2
            angles = np.pi * (np.arange(count) + rng.uniform(0.25, 0.75, count)) / count
            root = rng.uniform(0.75, 0.99, count) * np.exp(1j * angles)
            rest = rng.uniform(0.1, 0.9, real) * (1, -1)[:real]
            predictor.append(np.poly([*root, *root.conj(), *rest]).real)
    z, moved = poles(np.array(predictor).T)
    settled = moved < 0.03
    assert settled.mean() > 0.8
    for n in np.flatnonzero(settled):
        root = np.roots(predictor[n])
        root = root[root.imag > 1e-9]
        found = z[z[:, n].imag > 1e-9, n]
        distance = np.abs(found[:, None] - root).min(axis=1)
        assert np.median(distance) < 1e-5
        assert distance.max() < 0.01  # 20 Hz
        assert len(found) == len(root)


# properties


@pytest.mark.parametrize("gain", [0.5, 0.1, 0.01])
def test_gain_does_not_matter(gain):
    samples = vowel("a", "i", voice=VOICE_TYPES["breathy"]).samples
    one, other = (formants(cut([each])) for each in (samples, np.float32(gain) * samples))
    for left, right in zip(parts(one), parts(other), strict=True):
        assert right == pytest.approx(left, rel=1e-3)


def test_alone_or_in_a_batch():
    signals = [
        vowel("a", "u").samples,
        np.zeros(3200, np.float32),
        (0.1 * np.random.default_rng(0).standard_normal(4999)).astype(np.float32),
        vowel("i", duration=0.2, pitch=(250.0, 200.0)).samples,
    ]
    together = parts(formants(cut(signals)))
    alone = [parts(formants(cut([each]))) for each in signals]
    for number, all_frames in enumerate(together):
        expected = np.concatenate([one[number] for one in alone])
        assert all_frames == pytest.approx(expected, rel=1e-5, abs=1e-4)


def test_numpy_and_torch_agree():
    signals = [vowel("a", "i").samples, vowel("u", pitch=(250.0, 240.0)).samples]
    voiced = np.arange(100) % 25 < 18
    ours = formants(cut(signals), voiced)
    theirs = formants(cut([torch.from_numpy(each) for each in signals]), torch.from_numpy(voiced))
    assert isinstance(theirs.frequency, torch.Tensor)
    for one, other in zip(parts(ours), parts(theirs), strict=True):
        assert other.dtype == one.dtype
        assert other == pytest.approx(one, rel=1e-3, abs=1e-3)


def test_only_voiced_frames_are_looked_at():
    samples = vowel("a").samples
    voiced = np.zeros(50, bool)
    voiced[10:30] = True
    found = formants(cut([samples]), voiced)
    everywhere = formants(cut([samples]))
    assert np.array_equal(found.found, np.repeat(voiced[:, None], 3, axis=1))
    assert np.allclose(found.frequency[~voiced], NEUTRAL_FREQUENCY)
    assert np.allclose(found.bandwidth[~voiced], NEUTRAL_BANDWIDTH)
    assert not found.level[~voiced].any()
    assert found.frequency[12:28] == pytest.approx(everywhere.frequency[12:28], rel=1e-5)
    nothing = formants(cut([samples]), np.zeros(50, bool))
    assert not nothing.found.any()
    assert np.allclose(nothing.frequency, NEUTRAL_FREQUENCY)


def test_no_more_of_the_signal_is_needed_than_is_said():
    samples = vowel("a", "i").samples
    whole = formants(cut([samples]))
    for frame in (7, 23):
        end = round(((frame + 0.5) * 0.01 + LOOKAHEAD) * RATE)
        rest = samples.copy()
        rest[end:] = 0.3
        heard = formants(cut([rest]))
        for one, other in zip(parts(whole), parts(heard), strict=True):
            assert other[: frame + 1] == pytest.approx(one[: frame + 1], rel=1e-5)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(3200),
        np.full(3200, 0.5),
        np.eye(1, 3200, 1600)[0],
        np.sign(np.sin(np.arange(3200))),
        np.random.default_rng(0).standard_normal(3200) * 0.1,
        np.random.default_rng(0).standard_normal(3200) * 1e-5,
        0.5 * np.sin(2 * np.pi * 1000 * np.arange(3200) / RATE),
        vowel("a").samples[:3200],
        vowel("a").samples[:160],
    ],
    ids=["zeros", "constant", "click", "clipped", "noise", "faint", "tone", "short", "one hop"],
)
def test_there_is_a_number_for_everything(samples):
    found = formants(cut([samples.astype(np.float32)]))
    frequency, bandwidth, level, seen = parts(found)
    assert frequency.shape == (len(samples) // 160, 3)
    for each in (frequency, bandwidth, level):
        assert each.dtype == np.float32
        assert np.isfinite(each).all()
    assert frequency.min() >= 60
    assert frequency.max() <= 5500
    assert bandwidth.min() > 9.9
    assert np.all(np.diff(frequency, axis=1) > 0)
    assert np.allclose(frequency[~seen], np.tile(NEUTRAL_FREQUENCY, (len(seen), 1))[~seen])
