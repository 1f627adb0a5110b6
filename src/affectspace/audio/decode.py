"""Bytes -> samples at their own rate, all channels. libsndfile first, PyAV for what it lacks."""

from __future__ import annotations

import io
from typing import IO

import numpy as np
import soundfile
from numpy.typing import NDArray

from affectspace.audio.status import Status
from affectspace.errors import AudioError

LOWEST_RATE, HIGHEST_RATE = 8_000, 192_000  # Hz
ROUNDING = 0.02  # s; annotation tools round an end to after the last sample

_NO_DATA_CHUNK = 71  # libsndfile's code for a wav header that nothing follows


def decode(
    file: IO[bytes], start: float = 0.0, end: float | None = None
) -> tuple[NDArray[np.float32], int]:
    """Decode a span of an audio file.

    Args:
        file: open for reading, seekable.
        start: where the span starts, in seconds.
        end: where it ends, in seconds; None is the end of the file.

    Returns:
        Samples, shape (n, channels), full scale at 1; and the sampling rate in Hz.

    Raises:
        AudioError: `unreadable`, `needs_av`, `empty`, `sampling_rate` or `bad_span`.
    """
    if str(getattr(file, "name", "")).lower().endswith(".raw"):
        file = io.BytesIO(file.read())  # soundfile goes by the name here
    try:
        with soundfile.SoundFile(file) as sound:
            check_rate(sound.samplerate)
            first, last = span(sound.frames, sound.samplerate, start, end)
            sound.seek(first)
            return sound.read(last - first, dtype="float32", always_2d=True), sound.samplerate
    except soundfile.LibsndfileError as error:
        return _decode_rest(file, start, end, error)


def check_rate(sampling_rate: int) -> None:
    """Check that a sampling rate is one that speech is recorded at.

    Raises:
        AudioError: `sampling_rate`.
    """
    if not LOWEST_RATE <= sampling_rate <= HIGHEST_RATE:
        raise AudioError(
            Status.SAMPLING_RATE, f"{Status.SAMPLING_RATE.sentence}: it is {sampling_rate} Hz"
        )


def span(frames: int, sampling_rate: int, start: float, end: float | None) -> tuple[int, int]:
    """Turn a span in seconds into one in frames.

    Args:
        frames: the recording's length.
        sampling_rate: in Hz.
        start: in seconds.
        end: in seconds; None is the end. It may be up to 20 ms behind it.

    Returns:
        First frame, and the one after the last.

    Raises:
        AudioError: `empty` or `bad_span`.

    Examples:
        >>> span(16000, 16000, 0.25, 0.5)
        (4000, 8000)
    """
    if frames <= 0:
        raise AudioError(Status.EMPTY, Status.EMPTY.sentence)
    duration = frames / sampling_rate
    until = duration if end is None else end
    if not (0 <= start < until <= duration + ROUNDING and start < duration):
        raise AudioError(
            Status.BAD_SPAN,
            f"{Status.BAD_SPAN.sentence}: {start:g} to {until:g} s of {duration:g} s",
        )
    return round(start * sampling_rate), min(round(until * sampling_rate), frames)


def _decode_rest(
    file: IO[bytes], start: float, end: float | None, error: soundfile.LibsndfileError
) -> tuple[NDArray[np.float32], int]:
    """Decode what libsndfile can't, or say why it can't be."""
    file.seek(0)
    head = file.read(16)
    file.seek(0)
    if not head or error.code == _NO_DATA_CHUNK:
        raise AudioError(Status.EMPTY, Status.EMPTY.sentence) from None
    if not _is_for_av(head):
        raise AudioError(
            Status.UNREADABLE, f"{Status.UNREADABLE.sentence}: {error.error_string}"
        ) from None
    try:
        import av
    except ImportError:
        raise AudioError(Status.NEEDS_AV, Status.NEEDS_AV.sentence) from None
    try:
        samples, rate = _decode_av(file)
    except (av.error.FFmpegError, ValueError) as failure:
        raise AudioError(Status.UNREADABLE, f"{Status.UNREADABLE.sentence}: {failure}") from None
    check_rate(rate)
    first, last = span(len(samples), rate, start, end)
    return samples[first:last], rate


def _is_for_av(head: bytes) -> bool:
    """Tell by the first bytes, never the name: mp4 and m4a, webm, AAC, AMR, Windows media, AVI."""
    return (
        head[4:8] == b"ftyp"
        or head[:4] in (b"\x1aE\xdf\xa3", b"#!AM", b"0&\xb2u")
        or (head[:1] == b"\xff" and head[1:2] in (b"\xf1", b"\xf9"))
        or head[:4] + head[8:12] == b"RIFFAVI "
    )


def _decode_av(file: IO[bytes]) -> tuple[NDArray[np.float32], int]:
    """Decode the first audio stream from its start; seeking isn't exact to the sample there."""
    import av

    with av.open(file, "r") as container:
        if not container.streams.audio:
            raise ValueError("there is no audio stream")
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp", layout=stream.layout, rate=stream.rate)
        parts = [
            out.to_ndarray().T
            for frame in [*container.decode(stream), None]
            for out in resampler.resample(frame)
        ]
        if not parts:
            raise AudioError(Status.EMPTY, Status.EMPTY.sentence)
        return np.concatenate(parts).astype(np.float32, copy=False), int(stream.rate)


def as_file(source: bytes | IO[bytes]) -> IO[bytes]:
    """Return bytes as a file, and a file as it is."""
    return io.BytesIO(source) if isinstance(source, bytes) else source
