"""The set `native` as a backend: its values are pinned, and it stands alone."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest

from affectspace.audio import Status
from affectspace.errors import AudioError
from affectspace.features import Backend, backend, spec
from affectspace.features.native.backend import VERSION
from affectspace.features.native.summary import FEATURES
from affectspace.model.probe import probe_signal
from voices import noise, voice

PINNED = {
    "mfcc1_voiced_mean": 54.418,
    "mfcc7_voiced_sd": 4.01189,
    "band3_voiced_mean": 5.34644,
    "band20_voiced_change": 1.04373,
    "alpha_ratio_voiced_mean": 7.20735,
    "slope_500_1500_voiced_mean": -13.2834,
    "centroid_voiced_mean": 1243.43,
    "entropy_voiced_mean": 0.76427,
    "roll_off75_voiced_sd": 98.7843,
    "flux_voiced_mean": 0.257528,
    "loudness_speech_mean": 0.835666,
    "log_loudness_speech_p80": -0.0261861,
    "periodicity_speech_mean": 0.971108,
    "cepstral_prominence_speech_mean": 30.464,
    "harmonics_to_noise_voiced_mean": 18.7939,
    "log_jitter_voiced_mean": -5.1761,
    "log_shimmer_voiced_sd": 0.887551,
    "h1_h2_voiced_mean": -0.93494,
    "h1_a3_voiced_mean": 6.11401,
    "formant1_voiced_mean": 712.646,
    "formant2_voiced_sd": 105.055,
    "log_bandwidth1_voiced_mean": 4.97963,
    "formant_level2_voiced_mean": 6.25513,
    "pitch_mean": 29.9659,
    "pitch_range80": 8.49508,
    "pitch_change": 0.161229,
    "speech_mean_length": 0.25,
    "voiced_rate": 2.28571,
    "swell_rate": 2.28571,
    "swell_rise": 0.0748051,
    "log_loudness_swing_4": -0.935046,
    "loudness_swing_8": -1.86043,
    "pitch_swing_0.5": 5.52759,
}
"""Some features of the probe signal in version 1, one or more of every kind of descriptor."""


def test_values_are_those_of_this_version():
    compute = backend("native")
    found = dict(zip(compute.spec.features, compute(probe_signal()).tolist(), strict=True))
    apart = {
        name: f"{found[name]:.6g} was {value:.6g}"
        for name, value in PINNED.items()
        if found[name] != pytest.approx(value, rel=5e-4, abs=2e-4)
    }
    assert VERSION == "1", "pin the values of the new version here"
    assert not apart, (
        f"features have other values: {apart}. Models and caches know the set by its version: "
        "raise VERSION in features/native/backend.py, train the shipped model anew, and pin these"
    )


def test_each_kind_of_feature_is_pinned():
    families = {feature.name: feature.family for feature in FEATURES}
    assert {families[name] for name in PINNED} == set(families.values())


def test_the_contract_names_the_set_and_its_own_version():
    contract = spec("native")
    assert (contract.backend, contract.backend_version) == ("affectspace native", VERSION)
    assert contract.features == tuple(feature.name for feature in FEATURES)


def test_it_pickles_and_gives_the_same_again():
    compute = backend("native", level="rms:-20")
    assert isinstance(compute, Backend)
    again = pickle.loads(pickle.dumps(compute))  # noqa: S301
    assert again.spec == compute.spec
    found = compute(voice())
    assert (found.dtype, found.shape) == (np.float32, (len(FEATURES),))
    np.testing.assert_array_equal(again(voice()), found)


def test_a_signal_without_pitch_is_unvoiced():
    with pytest.raises(AudioError, match="no frame has a pitch") as found:
        backend("native")(noise(1.0))
    assert found.value.status == Status.UNVOICED


def test_it_loads_nothing_but_numpy():
    """Nor do the names of all sets, or the comparison of a contract with what is installed."""
    code = (
        "import sys, numpy; from affectspace import features; from affectspace.features import "
        "registry; compute = features.backend('native'); features.names();"
        "assert registry.installed(compute.spec).spec == compute.spec;"
        "compute(numpy.sin(numpy.arange(16000, dtype='f4') * 0.05));"
        "print({'opensmile', 'pandas', 'scipy', 'torch'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout == "set()\n"
