"""Features in words: every name of our sets, and whether signals bear the directions out."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.signal import lfilter

from affectspace.audio import read_audio
from affectspace.explain.families import FAMILIES
from affectspace.explain.vocabulary import directions, families_of, membership, words
from affectspace.features import backend, spec
from affectspace.features.native.summary import FEATURES
from voices import noise, voice

SETS = ("native", "egemaps", "egemaps-lld", "compare")
DIRECTED = {
    *("pitch", "pitch variation", "loudness", "loudness variation"),
    *("tempo", "voice quality", "spectral balance", "formants"),
}


@pytest.mark.parametrize("name", SETS)
def test_every_feature_of_our_sets_has_words(name):
    known = words(spec(name).features)
    assert [word.feature for word in known] == list(spec(name).features)
    assert not [word for word in known if word.family == "other"]
    assert len({word.text for word in known}) == len(known)
    assert all("{" not in word.text for word in known)
    assert {word.family for word in known} <= set(FAMILIES)


@pytest.mark.parametrize("name", ["native", "egemaps"])
def test_all_families_but_the_last_are_there_and_most_have_a_direction(name):
    known = words(spec(name).features)
    names = [family.name for family in families_of(known)]
    own = {"timbre variation"} if name == "native" else set()
    assert names == [name for name in FAMILIES if name in {*DIRECTED, "timbre", *own}]
    scored = np.isfinite(directions(known)).all(axis=0)
    assert {name for name, has in zip(names, scored, strict=True) if has} == DIRECTED | own


@pytest.mark.parametrize("name", SETS)
def test_a_composite_has_the_words_of_its_parts(name):
    plain, prefixed = words(spec(name).features), words(f"{name}:{f}" for f in spec(name).features)
    assert [word[1:] for word in prefixed] == [word[1:] for word in plain]
    assert prefixed[0].feature == f"{name}:{plain[0].feature}"


@pytest.mark.parametrize(
    ("feature", "family", "text", "unit", "sign"),
    [
        (
            *("F0semitoneFrom27.5Hz_sma3nz_meanRisingSlope", "pitch variation"),
            *("mean rising slope of pitch", "semitones/s", 1),
        ),
        (
            *("hammarbergIndexUV_sma3nz_amean", "spectral balance"),
            *("mean Hammarberg index in unvoiced parts", "dB", -1),
        ),
        ("alphaRatioV_sma3nz_stddevNorm", "spectral balance", None, "", 0),
        ("slopeV500-1500_sma3nz_amean", "spectral balance", None, "dB/Hz", 1),
        ("F2bandwidth_sma3nz_amean", "formants", "mean F2 bandwidth", "Hz", 0),
        ("MeanUnvoicedSegmentLength", "tempo", "mean length of unvoiced segments", "s", -1),
        ("F0final_sma_quartile3", "pitch", "upper quartile of pitch", "Hz", 1),
        ("F0final_sma_de_amean", "pitch variation", "mean change of pitch", "", 0),
        ("F0final_sma_ff0_meanSegLen", "tempo", "voiced segments: meanSegLen", "", 0),
        ("audSpec_Rfilt_sma[3]_lpc1", "spectral balance", "lpc1 of auditory band 3", "", 0),
        ("pcm_RMSenergy_sma_stddev", "loudness variation", "deviation of energy", "", 1),
        ("mfcc_sma_de[12]_range", "timbre", "range of change of MFCC 12", "", 0),
        ("roll_off90_voiced_mean", "spectral balance", None, "Hz", 1),
        (
            *("alpha_ratio_voiced_mean", "spectral balance"),
            *("mean alpha ratio (low over high) in voiced parts", "dB", -1),
        ),
        ("centroid_voiced_sd", "timbre variation", None, "Hz", 1),
        ("flux_voiced_mean", "timbre variation", None, "", 1),
        ("pitch_p10", "pitch", "pitch, 10th percentile", "semitones above 27.5 Hz", 1),
        ("pitch_change", "pitch variation", "mean change of pitch", "semitones per 20 ms", 1),
        ("log_loudness_speech_p95", "loudness", "loudness (log) in speech, 95th percentile", "", 1),
        ("loudness_voiced_sd", "loudness variation", None, "", 1),
        ("log_bandwidth2_voiced_mean", "formants", "mean F2 bandwidth (log)", "", 0),
        ("pause_mean_length", "tempo", "mean length of pauses", "s", -1),
        ("pitch_swing_1.5", "pitch variation", "swing of pitch at 1.5 Hz", "", 0),
        (
            "band1_voiced_mean",
            "spectral balance",
            "mean level at 90 Hz in voiced parts",
            "dB",
            0,
        ),
        ("Loudness_sma3_std", "loudness variation", "deviation of loudness", "", 1),
    ],
)
def test_words_of_single_features(feature, family, text, unit, sign):
    (word,) = words([feature])
    assert (word.family, word.unit, word.sign) == (family, unit, sign)
    assert text is None or word.text == text


def test_units_of_native_features_are_those_of_its_own_tables():
    by_name = {feature.name: feature for feature in FEATURES}
    for word in words(by_name):
        feature = by_name[word.feature]
        plain = word.unit.partition(" above ")[0].removesuffix(" per 20 ms")
        if feature.name.endswith("_rate"):
            assert word.unit == "1/s"
        elif feature.family != "timing" or feature.unit:
            assert plain == feature.unit


@pytest.mark.parametrize(
    "name", ["dim0", "hf:wavlm-base:7", "", ":", "a_sma_b", "Größe", "x_sma3_"]
)
def test_other_names_stay_as_they_are(name):
    assert words([name])[0][:4] == (name, "other", name, "")


def test_membership_and_directions_of_no_features():
    assert membership([]).shape == (0, 0)
    assert directions([]).shape == (0, 0)


def test_scores_are_means_of_signed_features():
    known = words(["loudness_sma3_amean", "loudness_sma3_percentile50.0", "dim0", "dim1"])
    np.testing.assert_array_equal(membership(known), [[1, 0], [1, 0], [0, 1], [0, 1]])
    np.testing.assert_array_equal(
        directions(known), [[0.5, np.nan], [0.5, np.nan], [0, np.nan], [0, np.nan]]
    )


def rough(samples):
    """Pulses of uneven height, and breath."""
    rng = np.random.default_rng(0)
    steps = np.repeat(rng.uniform(0.4, 1.0, len(samples) // 80 + 1), 80)[: len(samples)]
    return samples * steps + 0.15 * noise(len(samples) / 16_000)


def bright(samples):
    """Raise what is high."""
    raised = lfilter([1, -0.85], [1], samples)
    return raised * samples.std() / raised.std()


def syllables(seconds, per_second):
    """A voice that comes and goes."""
    time = np.arange(round(seconds * 16_000)) / 16_000
    return voice(seconds) * (np.sin(np.pi * per_second * time) ** 2 > 0.3)


PLAIN = voice(3.0, pitch=150)
CHANGES = {
    "pitch": (voice(3.0, pitch=230), PLAIN),
    "pitch variation": (
        np.concatenate([voice(1.0, pitch=p) for p in (110, 260, 130)]),
        np.concatenate([voice(1.0, pitch=p) for p in (150, 155, 150)]),
    ),
    "loudness": (PLAIN, 0.2 * PLAIN),
    "loudness variation": (PLAIN * np.repeat([1, 0.1] * 15, 1600), 0.5 * PLAIN),
    "tempo": (syllables(4.0, 5.0), syllables(4.0, 2.0)),
    "voice quality": (rough(PLAIN), PLAIN),
    "spectral balance": (bright(PLAIN), PLAIN),
    "timbre variation": (np.where(np.arange(48_000) // 2_000 % 2, bright(PLAIN), PLAIN), PLAIN),
}


@cache
def scale(name):
    """The deviation of each feature over a few voices, as a model's training rows give it."""
    rows = [
        gain * voice(2.0, pitch=pitch, seed=seed)
        for seed, (pitch, gain) in enumerate([(100, 1), (180, 0.3), (250, 0.6), (140, 0.1)])
    ]
    rows += [rough(rows[0]), bright(rows[1]), syllables(2.0, 4.0)]
    return features(name, rows).std(axis=0) + 1e-9


def features(name, signals):
    compute = backend(name)
    return np.array([compute(read_audio((np.float32(one), 16_000)).samples) for one in signals])


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("family", CHANGES)
def test_signals_bear_the_directions_out(name, family):
    known = words(spec(name).features)
    names = [one.name for one in families_of(known)]
    if family not in names or np.isnan(directions(known)[0, names.index(family)]):
        assert name != "native"
        assert family == "timbre variation" or (name, family) in {
            ("egemaps-lld", "tempo"),
            ("compare", "tempo"),
        }
        return
    more, less = features(name, CHANGES[family])
    apart = np.clip((more - less) / scale(name), -4, 4) @ directions(known)
    assert apart[names.index(family)] > 0.25
    assert FAMILIES[family].word(apart[names.index(family)]) == FAMILIES[family].more
