from __future__ import annotations

import io

import numpy as np
import pytest
import soxr

from affectspace.audio import AudioFile, Status, extent, read_audio, stream_audio
from affectspace.errors import AudioError
from voices import encoded, in_bytes, noise, voice

AV_FORMATS = [("mp4", "aac"), ("adts", "aac"), ("webm", "libopus"), ("matroska", "aac")]


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    """20 s in which no two places are alike."""
    return voice(20.0) * np.linspace(0.2, 1, 320_000, dtype=np.float32) + 0.1 * noise(20.0)


def together(source: object, **options: object) -> np.ndarray:
    return np.concatenate(list(stream_audio(source, **options)))


def lag(found: np.ndarray, expected: np.ndarray, most: int = 160) -> int:
    """By how many samples `found` is late; both mono at 16 kHz."""
    middle = found[most : min(len(found), len(expected)) - most]
    scores = [
        np.dot(middle, expected[most + shift : most + shift + len(middle)])
        for shift in range(-most, most + 1)
    ]
    return most - int(np.argmax(scores))


# --- blocks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("file_format", ["WAV", "FLAC", "OGG", "MP3"])
@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_blocks_together_are_the_signal(file_format, rate):
    data = in_bytes(voice(3.0, rate), rate, format=file_format)
    expected = read_audio(data).samples
    for seconds in (0.1, 0.7, 10.0):
        samples = together(data, block_seconds=seconds)
        assert samples.dtype == np.float32
        assert abs(len(samples) - len(expected)) <= 1
        np.testing.assert_allclose(samples[: len(expected)], expected[: len(samples)], atol=1e-4)


@pytest.mark.parametrize(("container", "codec"), AV_FORMATS)
def test_blocks_of_what_pyav_reads(container, codec, speech):
    wide = soxr.resample(speech, 16_000, 48_000)
    data = encoded(np.stack([wide, wide]), 48_000, container, codec)
    expected = read_audio(data).samples
    blocks = list(stream_audio(data, block_seconds=1.0))
    assert max(map(len, blocks)) < 2 * 16_000
    np.testing.assert_allclose(np.concatenate(blocks), expected, atol=1e-4)


def test_blocks_of_a_span_and_a_channel():
    pair = np.stack([voice(3.0), voice(3.0, pitch=200)], axis=1)
    data = in_bytes(pair, subtype="FLOAT")
    for channel in ("first", 1, "mean"):
        part = read_audio(data, channel=channel, start=0.5, end=2.25).samples
        np.testing.assert_array_equal(
            together(data, channel=channel, start=0.5, end=2.25, block_seconds=0.3), part
        )


def test_blocks_are_clipped_and_may_cancel():
    loud = np.clip(voice(1.0, 44_100) * 2.4, -1, 1)
    assert together(in_bytes(loud, 44_100, subtype="FLOAT")).max() <= 32767 / 32768
    pair = np.stack([voice(), -voice()], axis=1)
    assert not together(in_bytes(pair, subtype="FLOAT"), channel="mean").any()


def test_what_can_not_be_streamed(tmp_path):
    samples = voice()
    samples[9000] = np.nan
    for status, source in (
        (Status.MISSING, tmp_path / "no.wav"),
        (Status.UNREADABLE, b"not audio " * 100),
        (Status.EMPTY, in_bytes(np.zeros(0))),
        (Status.NOT_FINITE, in_bytes(samples, subtype="FLOAT")),
        (Status.SAMPLING_RATE, in_bytes(voice(1.0, 4000), 4000)),
    ):
        with pytest.raises(AudioError) as caught:
            list(stream_audio(source, block_seconds=0.1))
        assert caught.value.status == status
    with pytest.raises(AudioError, match="of 1 s"):
        list(stream_audio(in_bytes(voice()), start=0.5, end=1.5))
    with pytest.raises(ValueError, match="channel should be"):
        list(stream_audio(in_bytes(voice()), channel="left"))


# --- spans -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("container", "codec"), AV_FORMATS)
@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_a_span_far_into_what_pyav_reads_is_found(container, codec, rate, speech):
    data = encoded(soxr.resample(speech, 16_000, rate)[None], rate, container, codec)
    whole = read_audio(data).samples
    with AudioFile(io.BytesIO(data)) as file:
        for start, end in ((15.3, 17.05), (12.0, 13.0), (10.01, 11.0), (3.0, 4.5), (18.0, None)):
            part = read_audio(file, start=start, end=end)
            expected = whole[round(start * 16_000) :][: len(part.samples)]
            assert part.duration == pytest.approx((end or len(whole) / 16_000) - start, abs=0.003)
            assert abs(lag(part.samples, expected)) <= 48


def test_only_what_is_needed_is_decoded(speech, monkeypatch):
    from affectspace.audio import containers

    data = encoded(speech[None], 16_000, "mp4", "aac")
    decoded = []
    numbered = containers.Container._numbered

    def counting(self, frames, position):
        for place, samples in numbered(self, frames, position):
            decoded.append(len(samples))
            yield place, samples

    monkeypatch.setattr(containers.Container, "_numbered", counting)
    read_audio(data, start=15.0, end=16.0)
    assert 16_000 <= sum(decoded) < 3 * 16_000


def test_where_seeking_fails_all_is_decoded(speech, monkeypatch):
    from affectspace.audio import containers

    data = encoded(speech[None], 16_000, "mp4", "aac")
    expected = read_audio(data).samples[15 * 16_000 : 16 * 16_000]
    monkeypatch.setattr(containers.Container, "_sought", lambda *_: (iter(()), None))
    np.testing.assert_array_equal(read_audio(data, start=15.0, end=16.0).samples, expected)


@pytest.mark.parametrize(("start", "end"), [(-1.0, 2.0), (3.0, 3.0), (19.0, 20.5), (25.0, None)])
def test_a_span_outside_of_what_pyav_reads(start, end, speech):
    data = encoded(speech[None], 16_000, "mp4", "aac")
    with pytest.raises(AudioError) as caught:
        read_audio(data, start=start, end=end)
    assert caught.value.status == Status.BAD_SPAN


def test_a_file_stays_open_from_span_to_span(monkeypatch):
    from affectspace.audio import decode

    openings = []
    opening = decode._open
    monkeypatch.setattr(decode, "_open", lambda file: openings.append(1) or opening(file))
    samples = voice(3.0)
    with AudioFile(io.BytesIO(in_bytes(samples, subtype="FLOAT"))) as file:
        for start in (2.0, 0.0, 1.0, 1.5):
            part = read_audio(file, start=start, end=start + 0.5).samples
            np.testing.assert_array_equal(part, samples[int(start * 16_000) :][:8_000])
        assert len(openings) == 1
        with pytest.raises(AudioError):  # and none is the worse for an error
            read_audio(file, start=5.0)
        assert read_audio(file).duration == 3.0


@pytest.mark.parametrize("read_on", [0.0, 2.0, 120.0])
def test_an_mp3_is_read_here_and_there_exactly_and_silently(read_on, speech, monkeypatch, capfd):
    from affectspace.audio import decode

    monkeypatch.setattr(decode, "_READ_ON", read_on)
    data = in_bytes(speech, format="MP3")
    whole = read_audio(data).samples
    with AudioFile(io.BytesIO(data)) as file:
        for start in (15.0, 0.0, 5.25, 7.0, 18.5, 18.0, 0.5):
            part = read_audio(file, start=start, end=start + 1).samples
            expected = whole[int(start * 16_000) :][:16_000]
            np.testing.assert_allclose(part, expected, atol=1e-4)
    assert capfd.readouterr().err == ""


# --- extent ----------------------------------------------------------------------------------


@pytest.mark.parametrize("file_format", ["WAV", "FLAC", "OGG", "MP3"])
def test_extent_by_the_header(file_format):
    data = in_bytes(voice(3.0), format=file_format)
    assert extent(data) == (0, 3)
    assert extent(data, start=0.5, end=3.015) == (0.5, 3)
    with pytest.raises(AudioError, match="of 3 s"):
        extent(data, start=4)


@pytest.mark.parametrize(("container", "codec"), AV_FORMATS)
def test_extent_of_what_pyav_reads(container, codec, speech):
    data = encoded(speech[None], 16_000, container, codec)
    start, end = extent(data, start=1.0)
    there = len(read_audio(data).samples) / 16_000
    assert start == 1
    assert there - 0.05 <= end <= there + 0.15
    part = read_audio(data, start=15.0, end=end)
    assert part.duration == pytest.approx(min(end, there) - 15, abs=0.003)


def test_extent_without_a_duration_in_the_header(speech):
    import av

    class Pipe(io.RawIOBase):
        """Can't be sought in, so that the muxer never writes the duration, as in browsers."""

        def __init__(self):
            self.data = b""

        def writable(self):
            return True

        def write(self, data):
            self.data += bytes(data)
            return len(data)

    pipe = Pipe()
    with av.open(pipe, "w", format="webm") as out:
        stream = out.add_stream("libopus", rate=48_000)
        stream.layout = "mono"
        wide = soxr.resample(speech, 16_000, 48_000)
        frame = av.AudioFrame.from_ndarray(wide[None], format="fltp", layout="mono")
        frame.rate = 48_000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            out.mux(packet)
    assert extent(pipe.data)[1] == pytest.approx(20, abs=0.1)
    assert read_audio(pipe.data, start=15.0, end=16.0).duration == 1
