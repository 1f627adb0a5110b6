from __future__ import annotations

import numpy as np
import pytest
import torch

from affectspace.features.native import pitch
from affectspace.features.native.hops import cut
from affectspace.features.native.pitch import Voice, voice
from made_periods import RATE, at_frames, harmonics, noisy, pulse_times, pulses
from voices import noise
from voices import voice as buzz

SECONDS = 1.5
TIME = np.arange(round(SECONDS * RATE)) / RATE
FALLING = -9.0 * np.log2(np.arange(1, 60))  # dB of the harmonics
CONTOURS = {
    "rises by an octave and a half": 100 * 3 ** (TIME / SECONDS),
    "falls by two octaves": 320 * 0.25 ** (TIME / SECONDS),
    "vibrato of a semitone": 220 * 2 ** (np.sin(2 * np.pi * 5 * TIME) / 12),
    "slow and wide": 180 * 2 ** (0.5 * np.sin(2 * np.pi * TIME)),
}


def steady(hertz: float) -> np.ndarray:
    return np.full(len(TIME), float(hertz))


def heard(signal: np.ndarray) -> Voice:
    return voice(cut([signal]))


def errors(signal: np.ndarray, f0: np.ndarray) -> tuple[float, float]:
    """Return the share of frames that are voiced, and the worst error of these, ends left out."""
    found, true = heard(signal).f0[3:-3], at_frames(f0)[3:-3]
    voiced = found > 0
    return voiced.mean(), np.abs(found[voiced] / true[voiced] - 1).max()


# --- known pitch ------------------------------------------------------------------------------


@pytest.mark.parametrize(("ratio", "bound"), [(None, 0.002), (20, 0.005), (10, 0.02)])
@pytest.mark.parametrize("hertz", [60, 83, 120, 210, 333, 500])
def test_a_steady_voice_has_its_pitch(hertz, ratio, bound):
    f0 = steady(hertz)
    for signal in (harmonics(f0, FALLING), pulses(pulse_times(f0), SECONDS)):
        if ratio is not None:
            signal = noisy(signal, ratio)
        share, worst = errors(signal, f0)
        assert share > 0.98
        assert worst < bound


@pytest.mark.parametrize("hertz", [56, 590])
def test_the_lowest_and_the_highest_voice_are_heard(hertz):
    f0 = steady(hertz)
    for signal in (harmonics(f0, FALLING), pulses(pulse_times(f0), SECONDS)):
        share, worst = errors(noisy(signal, 20), f0)
        assert share > 0.98
        assert worst < 0.005


@pytest.mark.parametrize("ratio", [None, 20, 10])
@pytest.mark.parametrize("name", CONTOURS)
def test_a_moving_voice_is_followed(name, ratio):
    f0 = CONTOURS[name]
    for signal in (harmonics(f0, FALLING), pulses(pulse_times(f0), SECONDS)):
        if ratio is not None:
            signal = noisy(signal, ratio)
        share, worst = errors(signal, f0)
        assert share > 0.98
        assert worst < 0.02


def test_a_weak_fundamental_is_no_octave():
    f0 = steady(130)
    for number in (1, 2):
        levels = FALLING.copy()
        levels[number - 1] -= 30
        assert errors(harmonics(f0, levels), f0)[1] < 0.002


def test_voice_begins_and_ends_where_it_does():
    signal = np.concatenate(
        [np.zeros(RATE // 2), pulses(pulse_times(steady(150)), SECONDS), np.zeros(RATE // 2)]
    )
    signal += 1e-3 * np.random.default_rng(0).standard_normal(len(signal))
    voiced = heard(signal.astype(np.float32)).voiced
    assert np.abs(np.flatnonzero(voiced)[[0, -1]] - [50, 199]).max() <= 2
    assert voiced[50:200].mean() > 0.98


# --- what is no voice -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "signal",
    [np.zeros(16_000, np.float32), np.full(16_000, 0.5, np.float32), np.zeros(160, np.float32)],
    ids=["silence", "constant", "one hop"],
)
def test_silence_is_unvoiced(signal):
    found = heard(signal)
    inner = slice(3, -3) if len(signal) > 160 else slice(None)
    assert not found.voiced[inner].any()
    assert (found.f0[inner] == 0).all()
    for values in (found.f0, found.strength, found.power):
        assert values.dtype == np.float32
        assert np.isfinite(values).all()


@pytest.mark.parametrize("pink", [False, True])
def test_noise_is_unvoiced(pink):
    found = heard(noise(5.0, pink=pink))
    assert found.voiced.mean() < 0.03
    assert found.strength.mean() < 0.45


def test_a_constant_changes_nothing():
    signal = buzz(1.0)
    plain, shifted = heard(signal), heard(signal + np.float32(0.2))
    inner = slice(5, -5)  # at an end, a constant begins
    np.testing.assert_array_equal(plain.voiced[inner], shifted.voiced[inner])
    np.testing.assert_allclose(plain.f0[inner], shifted.f0[inner], rtol=1e-3)


def test_what_is_far_below_the_loudest_around_is_no_voice():
    loud, soft = buzz(1.0), buzz(3.2) * np.float32(0.005)
    voiced = heard(np.concatenate([loud, soft])).voiced
    assert voiced[:98].all()
    assert not voiced[103:270].any()
    assert voiced[300:410].all()  # by then, the loud is forgotten


@pytest.mark.parametrize("seconds", [0.01, 0.03, 0.2])
def test_a_short_signal_has_a_frame_per_hop(seconds):
    found = heard(buzz(1.0)[: round(seconds * RATE)])
    count = round(seconds * 100)
    assert found.f0.shape == found.voiced.shape == found.strength.shape == (count,)
    assert found.power.shape == (count, pitch.BINS)
    if seconds == 0.2:
        assert found.voiced[2:-2].all()


# --- the same by any way ----------------------------------------------------------------------


def assert_same(one: Voice, other: Voice, tolerance: float) -> None:
    np.testing.assert_array_equal(np.asarray(one.voiced), np.asarray(other.voiced))
    np.testing.assert_allclose(np.asarray(one.f0), np.asarray(other.f0), rtol=tolerance)
    np.testing.assert_allclose(np.asarray(one.strength), np.asarray(other.strength), atol=tolerance)


@pytest.mark.parametrize("gain", [0.1, 0.5])
def test_gain_changes_nothing(gain):
    signal = np.concatenate([buzz(1.0), noise(0.5), buzz(0.7, pitch=240)])
    assert_same(heard(signal), heard(signal * np.float32(gain)), 1e-3)


def test_a_signal_is_heard_alone_as_in_a_batch():
    signals = [buzz(1.0), noise(0.3), buzz(0.333, pitch=240), np.zeros(160, np.float32), buzz(2.5)]
    together, at = voice(cut(signals)), 0
    for signal in signals:
        alone = heard(signal)
        count = alone.f0.shape[0]
        part = Voice(*(values[at : at + count] for values in together))
        assert_same(alone, part, 1e-5)
        np.testing.assert_allclose(alone.power, part.power, rtol=1e-5, atol=1e-8)
        at += count
    assert at == together.f0.shape[0]


def test_torch_hears_what_numpy_hears():
    signals = [np.concatenate([buzz(1.0), noise(0.5), buzz(0.7, pitch=240)]), buzz(0.3)]
    found = voice(cut([torch.from_numpy(signal) for signal in signals]))
    assert all(isinstance(values, torch.Tensor) for values in found)
    assert found.f0.dtype == torch.float32
    assert_same(voice(cut(signals)), found, 1e-3)


def test_a_decision_depends_on_what_is_near_alone():
    """What the docstring of the module says that a stream may rely on."""
    parts = [buzz(1.3), noise(0.4), buzz(1.1, pitch=230), np.zeros(4_000, np.float32)]
    signal = np.concatenate([parts[i % 4] * np.float32(1 - 0.1 * i) for i in range(8)])
    hops = cut([signal])
    whole, known = voice(hops), pitch.candidates(hops)
    first = pitch.BLOCK * 9
    decided = first + 208  # the first block that a slice from here on decides alike
    for end in (decided + 160, whole.f0.shape[0]):
        piece = pitch.Candidates(*(values[first:end] for values in known))
        found = pitch.track(piece, cut([signal[first * 160 : end * 160]]))
        settled = slice(decided, end - 34 if end < whole.f0.shape[0] else end)
        settled = slice(decided, decided + (settled.stop - decided) // 16 * 16)
        inside = slice(settled.start - first, settled.stop - first)
        np.testing.assert_array_equal(found.f0[inside], whole.f0[settled])


# --- slow twins -------------------------------------------------------------------------------


def test_the_path_is_the_best_of_all_by_viterbi():
    random = np.random.default_rng(3)
    counts = (37, 1, 64, 16)
    local = random.uniform(0, 1, (sum(counts), 6)).astype(np.float32)
    octaves = random.uniform(5.8, 9.2, local.shape).astype(np.float32)
    found = pitch._best(local, octaves, counts)
    at = 0
    for count in counts:
        part = slice(at, at + count)
        expected = viterbi_in_blocks(local[part], octaves[part])
        np.testing.assert_array_equal(found[part], expected)
        at += count


def viterbi_in_blocks(local: np.ndarray, octaves: np.ndarray) -> list[int]:
    path: list[int] = []
    for first in range(0, len(local), pitch.BLOCK):
        start = max(first - pitch.ASIDE, 0)
        whole = viterbi(*(x[start : first + pitch.BLOCK + pitch.ASIDE] for x in (local, octaves)))
        path += whole[first - start :][: pitch.BLOCK]
    return path


def viterbi(local: np.ndarray, octaves: np.ndarray) -> list[int]:
    def cost(frame: int, before: int, state: int) -> float:
        if before == 0 or state == 0:
            return 0.0 if before == state else pitch._TURN
        return pitch._JUMP * abs(float(octaves[frame, state]) - float(octaves[frame - 1, before]))

    best, back = [float(x) for x in local[0]], []
    for frame in range(1, len(local)):
        ways = [[best[b] - cost(frame, b, s) for b in range(6)] for s in range(6)]
        back.append([int(np.argmax(way)) for way in ways])
        best = [max(way) + float(x) for way, x in zip(ways, local[frame], strict=True)]
    path = [int(np.argmax(best))]
    for step in reversed(back):
        path.insert(0, step[path[0]])
    return path


def test_the_loudest_around_is_that_of_a_loop():
    random = np.random.default_rng(4)
    signals = [random.standard_normal(160 * count).astype(np.float32) for count in (300, 1, 40)]
    hops = cut(signals)
    level = random.uniform(0, 1, hops.starts.shape[0]).astype(np.float32)
    found, at = pitch._loudest(level, *hops.rows()), 0
    for count in hops.counts:
        own = level[at : at + count]
        for frame in range(count):
            around = own[max(frame - pitch.BEFORE, 0) : frame + pitch.AFTER + 1]
            assert found[at + frame] == around.max()
        at += count


def test_strength_is_the_autocorrelation_at_the_period():
    signal = noisy(harmonics(steady(160), FALLING), 12)
    found = heard(signal)
    window = np.hanning(pitch.WINDOW + 2)[1:-1]
    for frame in (20, 75, 120):
        middle = frame * 160 + 80
        part = signal[middle - pitch.WINDOW // 2 : middle + pitch.WINDOW // 2] * window
        spectrum = np.abs(np.fft.rfft(part, 1 << 14)) ** 2
        hertz = np.fft.rfftfreq(1 << 14, 1 / RATE)
        weights = spectrum * np.clip((4000 - hertz) / 1000, 0, 1) * (hertz > 40)
        phase = 2 * np.pi * hertz / found.f0[frame]
        shape = np.abs(np.fft.rfft(window, 1 << 14)) ** 2
        taper = np.sum(shape * np.cos(phase)) / np.sum(shape)
        expected = np.sum(weights * np.cos(phase)) / np.sum(weights) / taper
        assert found.strength[frame] == pytest.approx(expected, abs=0.005)
