from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affectspace.audio import Status, read_audio
from affectspace.errors import TableError
from affectspace.segments import (
    Segmentation,
    segment,
    speech_probabilities,
    speech_spans,
    window_spans,
)
from affectspace.segments import spans as spans_module
from affectspace.tables import utterance_index
from voices import encoded, noise, spans_in, voice, write

SPEECH = Segmentation("speech")
LIMITS = {"shortest": 1.0, "longest": 8.0}


# --- settings --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("none", Segmentation()),
        (" Speech ", Segmentation("speech")),
        ("5", Segmentation("windows", 5.0, 5.0)),
        ("5:2.5", Segmentation("windows", 5.0, 2.5)),
        ("1:10", Segmentation("windows", 1.0, 10.0)),
    ],
)
def test_words_are_read_and_written(text, expected):
    assert Segmentation.parse(text) == expected
    assert Segmentation.parse(str(expected)) == expected


@pytest.mark.parametrize("text", ["", "words", "5:", ":2", "5:2:1", "five", "nan", "5;2"])
def test_what_is_no_segmentation(text):
    with pytest.raises(ValueError, match="'none', 'speech', SECONDS or SECONDS:HOP"):
        Segmentation.parse(text)


@pytest.mark.parametrize("text", ["0.2", "0", "-3", "inf", "3601"])
def test_windows_that_are_too_short_or_long(text):
    with pytest.raises(ValueError, match=r"longer than 0\.2 s and at most 3600 s"):
        Segmentation.parse(text)


@pytest.mark.parametrize("text", ["5:0", "5:-1", "5:0.01", "5:inf"])
def test_hops_that_are_too_short_or_long(text):
    with pytest.raises(ValueError, match="hop should be from"):
        Segmentation.parse(text)


def test_what_does_not_fit_together():
    with pytest.raises(ValueError, match="for windows"):
        Segmentation("speech", 5.0)
    with pytest.raises(ValueError, match="need their length"):
        Segmentation("windows")
    with pytest.raises(ValueError, match="kind should be"):
        Segmentation("pauses")


# --- windows ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("duration", "seconds", "hop", "expected"),
    [
        (10.0, 5.0, 5.0, [(0, 5), (5, 10)]),
        (12.4, 5.0, 5.0, [(0, 5), (5, 12.4)]),
        (12.5, 5.0, 5.0, [(0, 5), (5, 10), (10, 12.5)]),
        (3.0, 5.0, 5.0, [(0, 3)]),
        (9.0, 4.0, 2.0, [(0, 4), (2, 6), (4, 8), (6, 9)]),
        (8.1, 4.0, 2.0, [(0, 4), (2, 6), (4, 8), (6, 8.1)]),
        (10.0, 2.0, 4.0, [(0, 2), (4, 6), (8, 10)]),
        (10.5, 2.0, 5.0, [(0, 2), (5, 7)]),
        (11.0, 2.0, 5.0, [(0, 2), (5, 7), (10, 11)]),
        (0.9, 0.3, 0.3, [(0, 0.3), (0.3, 0.6), (0.6, 0.9)]),
    ],
)
def test_windows(duration, seconds, hop, expected):
    found = window_spans(duration, seconds, hop)
    np.testing.assert_allclose(found, expected, atol=1e-9)


@given(st.floats(0.01, 500), st.floats(0.21, 60), st.floats(0.05, 60))
@settings(max_examples=300, deadline=None)
def test_windows_cover_all_unless_they_are_to_leave_gaps(duration, seconds, hop):
    spans = window_spans(duration, seconds, hop)
    assert spans[0][0] == 0
    assert all(0 <= start < end <= duration for start, end in spans)
    assert all(end - start < 1.5 * seconds + 1e-5 for start, end in spans)
    assert all(end - start > seconds - 1e-5 for start, end in spans[:-1])
    for (start, end), (after, _) in itertools.pairwise(spans):
        assert after - start == pytest.approx(hop, abs=1e-5)
        assert after <= end + 1e-9 or hop > seconds
    if hop <= seconds:
        assert spans[-1][1] == duration


# --- speech, from probabilities --------------------------------------------------------------


def frames(*parts: tuple[float, float]) -> np.ndarray:
    """Probabilities from (seconds, value) pairs."""
    return np.concatenate([np.full(round(s / 0.032), value) for s, value in parts])


def times(*spans: tuple[float, float]) -> object:
    return [pytest.approx(span, abs=0.1) for span in spans]


def test_speech_is_padded_and_pauses_part_it():
    found = speech_spans(frames((1, 0), (2, 1), (1, 0), (2, 1), (1, 0)), **LIMITS)
    assert found == times((0.9, 3.1), (3.9, 6.1))


def test_near_speech_is_joined_unless_it_gets_too_long():
    spoken = frames((1, 0), (2, 1), (0.4, 0), (2, 1), (0.3, 0), (2, 1), (1, 0))
    assert speech_spans(spoken, **LIMITS) == times((0.9, 7.8))
    assert speech_spans(spoken, shortest=1, longest=5) == times((0.9, 3.1), (3.3, 7.8))
    assert speech_spans(spoken, shortest=1, longest=3) == times((0.9, 3.1), (3.3, 5.5), (5.6, 7.8))


def test_short_speech_is_joined_from_farther_away_or_stays():
    spoken = frames((1, 0), (0.5, 1), (0.8, 0), (3, 1), (3, 0), (0.5, 1), (1, 0))
    assert speech_spans(spoken, **LIMITS) == times((0.9, 5.4), (8.2, 8.9))
    assert speech_spans(spoken, shortest=0.2, longest=8) == times(
        (0.9, 1.6), (2.2, 5.4), (8.2, 8.9)
    )


def test_hysteresis_clicks_and_gaps():
    wavering = frames((1, 0), (1, 0.9), (1, 0.4), (1, 0.9), (1, 0.34), (1, 0.49), (1, 0))
    assert speech_spans(wavering, **LIMITS) == times((0.9, 4.1))
    assert speech_spans(frames((1, 0), (0.2, 1), (1, 0)), **LIMITS) == []
    assert speech_spans(frames((1, 0), (1, 1), (0.06, 0), (1, 1), (1, 0)), **LIMITS) == times(
        (0.9, 3.2)
    )


def test_long_speech_is_cut_where_it_is_weakest():
    spoken = np.full(round(12 / 0.032), 0.99)
    spoken[round(6.9 / 0.032)] = 0.6
    (first, second) = speech_spans(spoken, **LIMITS)
    assert first[1] == second[0] == pytest.approx(6.9, abs=0.1)
    even = speech_spans(np.ones(round(20 / 0.032)), **LIMITS)
    assert [end - start for start, end in even] == pytest.approx([20 / 3] * 3, abs=0.1)


def test_edges_of_speech_spans():
    assert speech_spans([], **LIMITS) == []
    assert speech_spans(np.zeros(100), **LIMITS) == []
    assert speech_spans(np.ones(100), **LIMITS) == [(0, 3.2)]
    assert speech_spans(np.ones(100), **LIMITS, duration=3.19) == [(0, 3.19)]
    for shortest, longest in ((2, 1), (-1, 3), (0, 0.1), (0, math.inf), (math.nan, 3)):
        with pytest.raises(ValueError, match="shortest <= longest"):
            speech_spans(np.ones(100), shortest=shortest, longest=longest)


probabilities = st.one_of(
    st.lists(st.floats(0, 1), max_size=300),
    st.lists(
        st.tuples(st.integers(1, 80), st.sampled_from([0.0, 0.1, 0.34, 0.4, 0.6, 1.0])), max_size=12
    ).map(lambda parts: [value for count, value in parts for _ in range(count)]),
)


@given(probabilities, st.floats(0, 3), st.floats(0.2, 12), st.floats(0, 0.031))
@settings(max_examples=400, deadline=None)
def test_spans_are_in_order_apart_inside_and_short_enough(values, shortest, longest, missing):
    duration = max(0.0, len(values) * 0.032 - missing)
    shortest = min(shortest, longest)
    spans = speech_spans(values, shortest=shortest, longest=longest, duration=duration)
    assert all(0 <= start < end <= duration for start, end in spans)
    assert all(end - start <= longest + 1e-9 for start, end in spans)
    assert all(end <= after for (_, end), (after, _) in itertools.pairwise(spans))
    held = np.zeros(len(values) + 1, bool)
    for start, end in spans:
        held[round(start / 0.032) : math.ceil(round(end / 0.032, 6))] = True
    assert held[:-1][slow_speech(values)].all()  # no speech is lost


def slow_speech(values: list[float]) -> np.ndarray:
    """Which frames are speech, by a machine that looks at one after the other."""
    speech = np.zeros(len(values), bool)
    speaking, start, below = False, 0, []
    for i, value in enumerate([*values, 0, 0, 0]):
        if not speaking:
            if value >= 0.5:
                speaking, start, below = True, i, []
            continue
        if value >= 0.5 and len(below) and i - below[0] >= 3:
            if below[0] - start >= 8:
                speech[start : below[0]] = True
            start, below = i, []
        elif value >= 0.5:
            below = []
        elif value < 0.35:
            below.append(i)
    if speaking:
        end = below[0] if below else len(values)
        if end - start >= 8:
            speech[start:end] = True
    return speech


@given(probabilities)
@settings(max_examples=200, deadline=None)
def test_speech_is_that_of_a_slow_twin(values):
    found = np.zeros(len(values), bool)
    for start, end in spans_module._runs(np.array(values, float)):
        found[start:end] = True
    np.testing.assert_array_equal(found, slow_speech(values))


# --- speech, by the detector -----------------------------------------------------------------


def test_probabilities_do_not_depend_on_the_blocks():
    samples = np.concatenate([noise(1.0), voice(2.0), np.zeros(16_100, np.float32)])
    whole = speech_probabilities([samples])
    assert whole.shape == (math.ceil(len(samples) / 512),)
    for size in (100, 512, 7000):
        blocks = (samples[i : i + size] for i in range(0, len(samples), size))
        np.testing.assert_array_equal(speech_probabilities(blocks), whole)
    assert speech_probabilities([]).shape == (0,)


def test_noise_and_silence_are_no_speech():
    for samples in (np.zeros(80_000, np.float32), noise(5.0), noise(5.0, pink=True), noise(0.01)):
        assert spans_in(samples, SPEECH, **LIMITS) == []


def test_windows_of_samples():
    assert spans_in(voice(3.0), Segmentation("windows", 2.0, 1.0), **LIMITS) == [(0, 2), (1, 3)]


# --- tables ----------------------------------------------------------------------------------


@pytest.fixture
def detected(monkeypatch):
    """Stand in for the detector: what is loud is speech. Only in this process."""

    class Loudness:
        def reset(self):
            pass

        def process(self, frame):
            return float(np.abs(np.frombuffer(frame, np.float32)).mean() > 1e-3)

    monkeypatch.setattr("affectspace.segments.speech._detector", Loudness)


def talk(*parts: float) -> np.ndarray:
    """Speech and silence by turns, silence first, each so many seconds."""
    return np.concatenate(
        [
            voice(seconds, seed=i) if i % 2 else np.zeros(round(seconds * 16_000), np.float32)
            for i, seconds in enumerate(parts)
        ]
    )


def rows(table: pd.DataFrame) -> list[tuple[str, float, float]]:
    return [
        (Path(file).name, start.total_seconds(), end.total_seconds())
        for file, start, end in table.index
    ]


def test_spans_come_in_order_with_the_columns_of_their_row(tmp_path, detected):
    two = write(tmp_path / "two.wav", talk(1, 2, 2, 3, 1))
    one = write(tmp_path / "one.wav", talk(0.5, 2, 0.5))
    silent = write(tmp_path / "silent.wav", talk(3))
    index = utterance_index([two, silent, one, two], [0, 0, 0, 4], [None, None, None, 7.5])
    table = pd.DataFrame({"speaker": list("abcd"), "status": 1}, index=index)
    spans, rejected = segment(table, SPEECH, **LIMITS, jobs=1, cache=False)
    assert [name for name, *_ in rows(spans)] == ["two.wav", "two.wav", "one.wav", "two.wav"]
    expected = [(0.9, 3.1), (4.9, 8.1), (0.4, 2.6), (4.9, 7.5)]
    np.testing.assert_allclose([row[1:] for row in rows(spans)], expected, atol=0.07)
    assert spans["speaker"].to_list() == list("aacd")
    assert spans.dtypes.equals(table.dtypes)
    assert rows(rejected)[0][0] == "silent.wav"
    assert rejected["status"].to_list() == ["no_speech"]
    assert rejected["message"].to_list() == ["nothing sounds like speech"]
    assert rejected["speaker"].to_list() == ["b"]


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("word", ["speech", "1", "1:0.5"])
def test_no_file_ends_the_run(tmp_path, jobs, word):
    text = tmp_path / "text.wav"
    text.write_text("no audio " * 100)
    files = [
        str(tmp_path / "missing.wav"),
        str(text),
        write(tmp_path / "empty.wav", np.zeros(0)),
        write(tmp_path / "slow.wav", voice(1.0, 4_000), 4_000),
        str(tmp_path),
    ]
    index = utterance_index(
        [*files, write(tmp_path / "short.wav", voice(1.0))], None, [None] * 5 + [9]
    )
    spans, rejected = segment(
        pd.DataFrame(index=index), Segmentation.parse(word), **LIMITS, jobs=jobs, cache=False
    )
    from affectspace.features import extract

    given = extract(pd.DataFrame(index=index), jobs=1, cache=False).rows
    assert len(spans) == 0
    pd.testing.assert_index_equal(rejected.index, index)
    assert rejected["status"].to_list() == given["status"].to_list()
    assert rejected["message"].to_list() == given["message"].to_list()
    assert rejected["status"].to_list() == [
        "missing",
        "unreadable",
        "empty",
        "sampling_rate",
        "unreadable",
        "bad_span",
    ]


def test_windows_of_files_and_spans(tmp_path):
    path = write(tmp_path / "a.wav", voice(7.0, 8_000), 8_000)
    m4a = tmp_path / "b.m4a"
    m4a.write_bytes(encoded(voice(3.0)[None], 16_000, "mp4", "aac"))
    index = utterance_index([path, path, str(m4a)], [0, 1.5, 0], [None, 4.0, None])
    spans, rejected = segment(
        pd.DataFrame(index=index), Segmentation.parse("2"), **LIMITS, jobs=1, cache=False
    )
    found = rows(spans)
    assert found[:5] == [
        ("a.wav", 0, 2),
        ("a.wav", 2, 4),
        ("a.wav", 4, 6),
        ("a.wav", 6, 7),
        ("a.wav", 1.5, 4),
    ]
    assert [row[:2] for row in found[5:]] == [("b.m4a", 0), ("b.m4a", 2)]
    assert len(rejected) == 0
    for file, start, end in spans.index:  # and what is cut can be read
        assert read_audio(file, start=start, end=end).duration <= 2.5


def test_nothing_to_cut(tmp_path):
    path = write(tmp_path / "a.wav", voice(1.0))
    table = pd.DataFrame({"speaker": ["a"]}, index=utterance_index([path]))
    spans, rejected = segment(table, Segmentation(), **LIMITS)
    pd.testing.assert_frame_equal(spans, table)
    assert list(rejected.columns) == ["speaker", "status", "message"]
    assert len(rejected) == 0
    for word in ("none", "speech", "3"):
        spans, rejected = segment([], Segmentation.parse(word), **LIMITS, cache=False)
        assert (len(spans), len(rejected)) == (0, 0)
        assert spans.index.names == ["file", "start", "end"]


def test_mistakes_of_the_caller():
    with pytest.raises(TableError, match="file, start, end"):
        segment(pd.DataFrame({"file": ["a.wav"]}), SPEECH, **LIMITS)
    with pytest.raises(ValueError, match="shortest <= longest"):
        segment(["a.wav"], SPEECH, shortest=3, longest=1, cache=False)
    with pytest.raises(ValueError, match="at least 1"):
        segment(["a.wav"], SPEECH, **LIMITS, jobs=0, cache=False)
    with pytest.raises(ValueError, match="channel should be"):
        segment(["a.wav"], SPEECH, **LIMITS, channel="left", cache=False)


def test_what_was_found_is_kept_by_content_and_channel(tmp_path, detected, monkeypatch):
    path = write(tmp_path / "a.wav", np.stack([talk(1, 2, 1), talk(2, 1.5, 0.5)], axis=1))
    first, _ = segment([path], SPEECH, **LIMITS, jobs=1, cache=tmp_path / "c")
    second, _ = segment([path], SPEECH, **LIMITS, channel=1, jobs=1, cache=tmp_path / "c")
    assert rows(first) != rows(second)

    def refuse():
        raise AssertionError("detected again")

    monkeypatch.setattr("affectspace.segments.speech._detector", refuse)
    again, _ = segment([path], SPEECH, **LIMITS, jobs=1, cache=tmp_path / "c")
    pd.testing.assert_frame_equal(again, first)
    # other limits need no new search
    finer, _ = segment([path], SPEECH, shortest=0.5, longest=1, jobs=1, cache=tmp_path / "c")
    assert len(finer) == 3
    _, rejected = segment([path], SPEECH, **LIMITS, jobs=1, cache=False)
    assert rejected["status"].to_list() == [Status.FAILED]


def test_processes_find_what_one_process_finds(tmp_path):
    paths = [
        write(tmp_path / f"{i}.wav", np.concatenate([voice(3.0, pitch=100 + 20 * i), noise(1)]))
        for i in range(6)
    ]
    here = segment(paths, SPEECH, **LIMITS, jobs=1, cache=False)
    there = segment(paths, SPEECH, **LIMITS, jobs=2, cache=False)
    for one, other in zip(here, there, strict=True):
        pd.testing.assert_frame_equal(one, other)


# --- chunks ----------------------------------------------------------------------------------


@pytest.fixture
def short_chunks(monkeypatch):
    """Let recordings be long from 3 s on, in chunks of 2.016 s."""
    from affectspace.segments import chunks

    monkeypatch.setattr(chunks, "SMALL", 0)
    monkeypatch.setattr(chunks, "CHUNK_FRAMES", 63)
    monkeypatch.setattr(chunks, "_CHUNK", 2_016_000_000)
    return chunks


def test_chunks_cover_a_row_and_none_is_short(tmp_path, short_chunks):
    path = write(tmp_path / "a.wav", voice(9.5))
    index = utterance_index([path] * 4, [0, 1, 0, 9], [None, 8, 2.9, None])
    parts, owners = short_chunks.chunked(index, {})
    assert owners.tolist() == [0] * 5 + [1] * 3 + [2, 3]
    for row in range(4):
        mine = parts[owners == row]
        starts, ends = mine.get_level_values("start"), mine.get_level_values("end")
        assert starts[0] == index.get_level_values("start")[row]
        assert str(ends[-1]) == str(index.get_level_values("end")[row])
        assert (starts[1:] == ends[:-1]).all()
        assert {round(gap.total_seconds(), 3) for gap in (ends - starts)[:-1]} <= {2.016}


@pytest.mark.parametrize("file_format", ["wav", "flac", "m4a"])
def test_chunks_together_give_what_the_whole_gives(tmp_path, detected, short_chunks, file_format):
    samples = talk(1, 2, 1.7, 3, 1, 1.5, 2, 4, 1)
    path = str(tmp_path / f"a.{file_format}")
    if file_format == "m4a":
        Path(path).write_bytes(encoded(samples[None], 16_000, "mp4", "aac"))
    else:
        write(Path(path), samples)
    index = utterance_index([path] * 3, [0, 3, 0], [None, 12, None])
    table = pd.DataFrame({"speaker": list("abc")}, index=index)
    found, _ = segment(table.iloc[:2], SPEECH, **LIMITS, jobs=1, cache=tmp_path / "c")
    again, _ = segment(table.iloc[:2], SPEECH, **LIMITS, jobs=1, cache=tmp_path / "c")
    pd.testing.assert_frame_equal(found, again)
    short_chunks.SMALL = 10**9
    whole, _ = segment(table.iloc[:2], SPEECH, **LIMITS, jobs=1, cache=False)
    assert len(found) > 5
    np.testing.assert_allclose(
        [row[1:] for row in rows(found)], [row[1:] for row in rows(whole)], atol=0.033
    )


def test_rows_that_come_twice_and_rows_without_an_answer_in_chunks(tmp_path, short_chunks):
    path = write(tmp_path / "a.wav", voice(9.0))
    broken = voice(9.0)
    broken[100_000] = np.nan
    bad = write(tmp_path / "b.wav", broken, subtype="FLOAT")
    index = utterance_index([path, bad, path, path], None, [20, None, None, None])
    _, rejected = segment(pd.DataFrame(index=index), SPEECH, **LIMITS, jobs=1, cache=tmp_path / "c")
    reasons = dict(zip(rejected.index.get_level_values("end"), rejected["message"], strict=True))
    assert rejected["status"].to_list()[:2] == ["bad_span", "not_finite"]
    assert reasons[pd.Timedelta("20s")].endswith("0 to 20 s of 9 s")


# --- real recordings -------------------------------------------------------------------------


@pytest.mark.real
def test_speech_between_pauses_is_found(data_root: Path):
    paths = sorted((data_root / "corpora" / "emodb").rglob("*.flac"))[::12]
    rng = np.random.default_rng(0)
    parts, spoken, position = [], [], 0
    for path in paths:
        for samples, is_speech in (
            ((3e-4 * rng.standard_normal(24_000)).astype(np.float32), False),
            (read_audio(path).samples, True),
        ):
            parts.append(samples)
            if is_speech:
                spoken.append((position / 16_000, (position + len(samples)) / 16_000))
            position += len(samples)
    found = spans_in(np.concatenate(parts), SPEECH, shortest=1, longest=15)
    grid = np.arange(0, position / 16_000, 0.01)
    inside = [
        np.any([(a <= grid) & (grid < b) for a, b in spans], axis=0) for spans in (spoken, found)
    ]
    assert (inside[0] == inside[1]).mean() > 0.95
    hits = [sum(a < (c + d) / 2 < b for a, b in found) for c, d in spoken]
    assert np.mean(np.array(hits) == 1) > 0.97
