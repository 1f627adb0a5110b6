"""Degradations do what they say, the same way in every run."""

from dataclasses import replace

import numpy as np
import pytest

from affectspace.audio.checks import level
from affectspace.audio.degrade import Degradation, add_noise, amplify, mp3, telephone
from affectspace.features.degraded import Degraded
from affectspace.features.spec import level_rule
from backends import Fake
from voices import voice


def spectrum(samples):
    return np.abs(np.fft.rfft(samples)) ** 2, np.fft.rfftfreq(len(samples), 1 / 16_000)


@pytest.mark.parametrize("db", [-20.0, -3.0, 5.0])
def test_gain_moves_the_level(db):
    speech = voice() / 4
    assert level(amplify(speech, db)) - level(speech) == pytest.approx(db, abs=0.01)


def test_too_much_gain_is_clipped():
    loud = amplify(voice(), 30)
    assert loud.max() == np.float32(32767 / 32768)
    assert loud.min() == -1


@pytest.mark.parametrize("snr", [0.0, 20.0])
def test_noise_is_pink_and_as_loud_as_said(snr):
    speech = voice(4.0)
    noise = add_noise(speech, snr, random=np.random.default_rng(0)) - speech
    assert level(speech) - level(noise) == pytest.approx(snr, abs=0.1)
    power, hertz = spectrum(noise)
    octaves = [power[(hertz >= f) & (hertz < 2 * f)].sum() for f in (200, 800, 3200)]
    assert np.ptp(10 * np.log10(octaves)) < 1.5  # pink: the same power in every octave


def test_a_telephone_lets_300_to_3400_hz_pass():
    speech = np.random.default_rng(0).normal(scale=0.1, size=32_000).astype(np.float32)
    heard = telephone(speech)
    assert heard.shape == speech.shape
    assert heard.dtype == np.float32
    before, hertz = spectrum(speech)
    after, _ = spectrum(heard)
    inside = (hertz > 500) & (hertz < 3000)
    outside = (hertz < 150) | (hertz > 4300)
    assert 10 * np.log10(after[inside].sum() / before[inside].sum()) == pytest.approx(0, abs=0.5)
    assert 10 * np.log10(after[outside].sum() / before[outside].sum()) < -25


def test_mp3_stays_near_the_signal():
    speech = voice(2.0)
    coded = mp3(speech)
    assert coded.shape == speech.shape
    delay = np.argmax(np.correlate(coded[4000:28000], speech[5000:20000], "valid")) - 1000
    start, stop = 8000, 24_000
    moved = coded[start + delay : stop + delay]
    assert np.corrcoef(moved, speech[start:stop])[0, 1] > 0.95


def test_the_draw_depends_on_the_recording_and_the_seed_only():
    one, other = voice(seed=1), voice(seed=2)
    worse = Degradation(gain=(-20, 10), snr=(0, 25), codecs=("telephone", "mp3"), seed=3)
    np.testing.assert_array_equal(worse(one), worse(one.copy()))
    gain = Degradation(gain=(-20, -1))
    drawn = [level(gain(x)) - level(x) for x in (one, other)]
    drawn.append(level(replace(gain, seed=1)(one)) - level(one))
    assert len(set(np.round(drawn, 3))) == 3
    assert all(-20 <= db <= -1 for db in drawn)


def test_features_are_those_of_the_degraded_signal_under_another_contract():
    plain, quieter = Fake(), Degradation(gain=(-20, -20))
    worse = Degraded(plain, quieter)
    speech = voice()
    np.testing.assert_allclose(worse(speech), plain(quieter(speech)))
    assert worse(speech)[1] == pytest.approx(plain(speech)[1] / 10, rel=1e-4)
    assert worse.spec.hash != plain.spec.hash
    assert worse.spec.hash != Degraded(plain, replace(quieter, seed=1)).spec.hash
    assert worse.spec.features == plain.spec.features


def test_a_level_rule_holds_after_the_degradation():
    spec = replace(Fake().spec, level=level_rule("rms:-30"))
    worse = Degraded(Fake(spec=spec), Degradation(gain=(-12, -12)))
    same = Degraded(Fake(spec=spec), Degradation(gain=(0, 0)))
    np.testing.assert_allclose(worse(voice()), same(voice()), rtol=1e-4)
