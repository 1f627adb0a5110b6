from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from affectspace.errors import AudioError
from affectspace.features.native import DELAY, DESCRIPTORS, Described, Stream, cut, describe
from affectspace.features.native.stream import describe_long
from voices import noise, voice

RATE = 16_000
SPEECH = np.concatenate(
    [
        *(np.zeros(8_000, np.float32), voice(1.3), noise(0.4), voice(2.0, pitch=210)),
        *(0.003 * noise(1.1, seed=1), voice(1.2, pitch=90), np.zeros(5_000, np.float32)),
    ]
)[:-37]


def through_stream(signal, sizes) -> Described:
    stream = Stream()
    parts, at = [], 0
    for size in [*sizes, len(signal)]:
        parts.append(stream.feed(signal[at : at + size]))
        at += size
        if at >= len(signal):
            break
    parts.append(stream.finish())
    return Described(*map(np.concatenate, zip(*parts, strict=True)))


def assert_same(found: Described, expected: Described) -> None:
    np.testing.assert_array_equal(found.voiced, expected.voiced)
    np.testing.assert_allclose(found.values, expected.values, rtol=1e-5, atol=1e-5)


@pytest.fixture(scope="module")
def whole() -> Described:
    return describe(cut([SPEECH]))


@pytest.mark.parametrize("size", [112, 160, 2_560, RATE, 60_000, len(SPEECH)])
def test_pieces_of_any_size_give_what_the_whole_does(whole, size):
    assert whole.voiced.any()
    assert not whole.voiced.all()
    assert_same(through_stream(SPEECH, [size] * (len(SPEECH) // size + 1)), whole)


def test_single_samples_give_what_the_whole_does():
    signal = SPEECH[6_000:15_000]
    assert_same(through_stream(signal, [1] * len(signal)), describe(cut([signal])))


@given(st.lists(st.integers(0, 30_000), max_size=30))
@settings(max_examples=10, deadline=None)
def test_random_pieces_give_what_the_whole_does(whole, sizes):
    assert_same(through_stream(SPEECH, sizes), whole)


@pytest.mark.parametrize("length", [160, 161, 3_200, 8_480, 8_479])
def test_short_signals_come_whole(length):
    signal = voice(1.0)[:length]
    assert_same(through_stream(signal, [100] * 200), describe(cut([signal])))


@pytest.mark.parametrize(
    "signal", [np.zeros(30_000, np.float32), noise(2.0), np.tile(voice(3.0, pitch=300), 5)]
)
def test_silence_noise_and_a_long_voice(signal):
    assert_same(through_stream(signal, [7_000] * 100), describe(cut([signal])))


def test_long_signals_are_described_part_by_part():
    signal = np.tile(SPEECH, 6)
    assert_same(describe_long(signal), describe(cut([signal])))


def test_less_than_a_hop_has_no_frame():
    stream = Stream()
    assert stream.feed(voice(0.1)[:159]).values.shape == (0, len(DESCRIPTORS))
    assert stream.finish().values.shape == (0, len(DESCRIPTORS))
    assert describe_long(voice(0.1)[:159]).voiced.shape == (0,)


def test_frames_come_within_the_delay_and_not_sooner_than_they_can():
    stream, told, latest, soonest = Stream(), 0, 0.0, 9.0
    for at in range(0, len(SPEECH), 160):
        new = len(stream.feed(SPEECH[at : at + 160]).voiced)
        if new:
            fed = min(at + 160, len(SPEECH)) / RATE
            centres = (np.arange(told, told + new) + 0.5) * 0.01
            latest, soonest = max(latest, fed - centres[0]), min(soonest, fed - centres[-1])
            told += new
    assert latest == pytest.approx(DELAY)
    assert round(DELAY, 6) == 0.545
    assert soonest == pytest.approx(DELAY - 0.15)


def test_what_is_fed_may_be_overwritten_afterwards(whole):
    stream, buffer, parts = Stream(), np.empty(320, np.float32), []
    for at in range(0, len(SPEECH), 320):
        size = len(SPEECH[at : at + 320])
        buffer[:size] = SPEECH[at : at + 320]
        parts.append(stream.feed(buffer[:size]))
        buffer[:] = np.nan
    parts.append(stream.finish())
    assert_same(Described(*map(np.concatenate, zip(*parts, strict=True))), whole)


def test_memory_does_not_grow_with_the_signal():
    stream, piece, held = Stream(), voice(1.0), []
    tracemalloc.start()
    try:
        for _ in range(4):
            for _ in range(5):
                stream.feed(piece)
            held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert max(held[1:]) < held[0] + 100_000
    assert max(held) < 3e6


def test_a_long_piece_is_taken_in_parts():
    signal = np.tile(voice(1.0), 60)
    tracemalloc.start()
    try:
        found = describe_long(signal)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak - found.values.nbytes < 20e6  # the whole at once holds 60


def test_torch_in_torch_out(whole):
    signal = torch.from_numpy(SPEECH)
    stream = Stream()
    parts = [stream.feed(signal[:50_000]), stream.feed(signal[50_000:]), stream.finish()]
    assert all(isinstance(part.values, torch.Tensor) for part in parts)
    found = torch.cat([part.values for part in parts]).numpy()
    expected = describe(cut([signal])).values.numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    assert torch.equal(torch.cat([part.voiced for part in parts]), torch.from_numpy(whole.voiced))


def test_a_stream_ends_once():
    with pytest.raises(AudioError, match="feed samples first"):
        Stream().finish()
    stream = Stream()
    stream.feed(voice(0.3))
    stream.finish()
    with pytest.raises(AudioError, match="begin another"):
        stream.feed(voice(0.3))
    with pytest.raises(AudioError, match="nothing to finish"):
        stream.finish()


def test_samples_in_channels_are_refused():
    with pytest.raises(AudioError, match=r"\(2, 160\)"):
        Stream().feed(np.zeros((2, 160), np.float32))
