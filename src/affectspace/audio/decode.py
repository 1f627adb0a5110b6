"""Bytes -> samples at their own rate, all channels. libsndfile first, PyAV for what it lacks."""

from __future__ import annotations

import io
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import IO, Protocol

import numpy as np
import soundfile
from numpy.typing import NDArray

from affectspace.audio.status import Status
from affectspace.errors import AudioError

LOWEST_RATE, HIGHEST_RATE = 8_000, 192_000  # Hz
ROUNDING = 0.02  # s; annotation tools round an end to after the last sample

Samples = NDArray[np.float32]

_READ_ON = 120.0  # s
_MUTING = threading.Lock()
_CUT_SHORT = re.compile(
    r"^\s*(?:data|SSND|Data Size)\s*: (\d+) \(should be ([1-9]\d*)\)", re.MULTILINE
)
_UNKNOWN_SIZE = 0x7FFFF000  # bytes; sox says this, ffmpeg 0xFFFFFFFF
_NO_DATA_CHUNK = 71  # libsndfile's code for a wav header that nothing follows


class Decoder(Protocol):
    """An open recording."""

    sampling_rate: int
    duration: float
    lacking: float

    def blocks(self, start: float, end: float | None, seconds: float | None) -> Iterator[Samples]:
        """Decode a span, in blocks of so many seconds, or in few large ones."""

    def close(self) -> None:
        """Let go of it."""


class AudioFile:
    """An audio file that stays open, so that its spans are read one after the other.

    Opening and seeking may be slow: libsndfile takes up to 1 s for a place in an mp3 of 3 h, and
    nothing for the next place behind it. The file is opened when the first span is read.

    Args:
        file: open for reading, seekable; it isn't closed.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._decoder: Decoder | None = None

    def __enter__(self) -> AudioFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free what decoding took; the next span opens the file again."""
        if self._decoder is not None:
            self._decoder.close()
        self._decoder = None

    def read(self, start: float = 0.0, end: float | None = None) -> tuple[Samples, int]:
        """Decode a span.

        A span from the start, and one of a format that libsndfile knows, is exact to the sample.
        Otherwise PyAV looks for the place by the file's own times: exact to 3 ms.

        Args:
            start: in seconds.
            end: in seconds; None is the end. It may be a little behind it: 20 ms, or 150 ms for
                PyAV, whose formats round their own duration.

        Returns:
            Samples, shape (n, channels), full scale at 1; and the sampling rate in Hz.

        Raises:
            AudioError: `unreadable`, `needs_av`, `empty`, `sampling_rate` or `bad_span`.
        """
        with self._opened() as decoder:
            parts = list(decoder.blocks(start, end, None))
            samples = parts[0] if len(parts) == 1 else np.concatenate(parts)
            return samples, decoder.sampling_rate

    def stream(
        self, start: float = 0.0, end: float | None = None, *, seconds: float
    ) -> tuple[int, Iterator[Samples]]:
        """Decode a span block by block; arguments and errors as for `read`.

        Returns:
            The sampling rate in Hz; and the blocks, each of shape (n, channels), with n up to what
            lasts `seconds`, never 0.
        """
        with self._opened() as decoder:
            rate = decoder.sampling_rate

        def blocks() -> Iterator[Samples]:
            with self._opened() as decoder:
                yield from decoder.blocks(start, end, seconds)

        return rate, blocks()

    def extent(self, start: float = 0.0, end: float | None = None) -> tuple[float, float]:
        """Return where a span starts and ends, in seconds, by the file's header; errors as above.

        Formats that PyAV reads may say up to 0.1 s more than there is.
        """
        with self._opened() as decoder:
            rate = decoder.sampling_rate
            first, last = span(round(decoder.duration * rate), rate, start, end)
            return first / rate, last / rate

    def lacking(self, end: float | None = None) -> float:
        """Return how much of a span the file lacks, though its header announces it, in seconds.

        So ends a download, or a recording, that was cut short. Known of WAV, AIFF and AU.

        Args:
            end: of the span, in seconds; None is the end.

        Returns:
            0 for whole files, for a span that ends before the file does, and for up to 20 ms.
        """
        with self._opened() as decoder:
            before = end is not None and end < decoder.duration - ROUNDING
            return 0.0 if before or decoder.lacking <= ROUNDING else decoder.lacking

    @contextmanager
    def _opened(self) -> Iterator[Decoder]:
        try:
            if self._decoder is None:
                self._decoder = _open(self._file)
                check_rate(self._decoder.sampling_rate)
            yield self._decoder
        except soundfile.LibsndfileError as error:
            self.close()
            raise _unreadable(error.error_string) from None
        except BaseException:  # whatever happened, the next span shall find a fresh decoder
            self.close()
            raise


def decode(file: IO[bytes], start: float = 0.0, end: float | None = None) -> tuple[Samples, int]:
    """Decode one span of a file; as `AudioFile.read`."""
    with AudioFile(file) as audio:
        return audio.read(start, end)


def check_rate(sampling_rate: int) -> None:
    """Check that a sampling rate is one that speech is recorded at.

    Raises:
        AudioError: `sampling_rate`.
    """
    if not LOWEST_RATE <= sampling_rate <= HIGHEST_RATE:
        raise AudioError(
            Status.SAMPLING_RATE,
            f"the sampling rate is {Status.SAMPLING_RATE.sentence}: it is {sampling_rate} Hz",
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
        raise bad_span(start, until, duration)
    return round(start * sampling_rate), min(round(until * sampling_rate), frames)


def bad_span(start: float, end: float, duration: float) -> AudioError:
    """Return the error for a span that doesn't fit; all in seconds."""
    return AudioError(
        Status.BAD_SPAN, f"{Status.BAD_SPAN.sentence}: {start:g} to {end:g} s of {duration:g} s"
    )


class _SoundFile:
    """What libsndfile reads."""

    def __init__(self, file: IO[bytes]) -> None:
        self._sound = _Unmoved(file)
        self.sampling_rate: int = self._sound.samplerate
        self.duration: float = self._sound.frames / self.sampling_rate
        self.lacking = self.duration * _announced_too_much(self._sound.extra_info)

    def blocks(self, start: float, end: float | None, seconds: float | None) -> Iterator[Samples]:
        sound, rate = self._sound, self.sampling_rate
        first, last = span(sound.frames, rate, start, end)
        size = last - first if seconds is None else round(seconds * rate)
        for position in range(first, max(last, first + 1), max(size, 1)):
            if sound.tell() != position:
                self._go_to(position)
            wanted = min(size, last - position)
            samples = _read(sound, wanted)
            if len(samples) or position == first:
                yield samples
            if len(samples) < wanted:  # the file ends before its header says so
                return

    def close(self) -> None:
        self._sound.close()

    def _go_to(self, position: int) -> None:
        """Seek; in an mp3 rather read on, if it isn't far, and seek without a word.

        After each seek libmpg123 writes on stderr that what lies before it is missing, though what
        comes out is right. It reads 60 s in 30 ms.
        """
        sound = self._sound
        if sound.format != "MP3":
            sound.seek(position)
            return
        to_skip = position - sound.tell()
        if not 0 <= to_skip <= _READ_ON * self.sampling_rate:
            with _stderr_muted():
                to_skip = min(self.sampling_rate, position)
                sound.seek(position - to_skip)
                sound.read(min(1_000, to_skip))
        while (to_skip := position - sound.tell()) > 0:
            if len(sound.read(min(to_skip, 1_000_000), dtype="float32")) == 0:
                return


def _read(sound: soundfile.SoundFile, wanted: int) -> Samples:
    """Read samples, full scale at 1; those of 16 bits are divided here, 3 times as fast."""
    if sound.subtype != "PCM_16":
        return np.asarray(sound.read(wanted, dtype="float32", always_2d=True))
    whole = sound.read(wanted, dtype="int16", always_2d=True)
    return np.asarray(np.multiply(whole, np.float32(2.0**-15), dtype=np.float32))


def _announced_too_much(log: str) -> float:
    """Tell from libsndfile's log what share of the samples there are the file lacks.

    Programs that write to a pipe announce about 2 or 4 GB, as they can't know.
    """
    found = _CUT_SHORT.search(log)
    if found is None:
        return 0.0
    announced, there = map(int, found.groups())
    return announced / there - 1 if there < announced < _UNKNOWN_SIZE else 0.0


class _Unmoved(soundfile.SoundFile):  # type: ignore[misc]
    """Stays where a read ended; soundfile seeks there once more, and seeking isn't silent."""

    def seekable(self) -> bool:
        return False


@contextmanager
def _stderr_muted() -> Iterator[None]:
    """Keep a C library from writing on stderr; what other threads write meanwhile is lost too."""
    with _MUTING:
        try:
            kept = os.dup(2)
        except OSError:  # there is none
            yield
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)


def _open(file: IO[bytes]) -> Decoder:
    """Open a recording, or say why it can't be."""
    file.seek(0)
    if str(getattr(file, "name", "")).lower().endswith(".raw"):
        file = io.BytesIO(file.read())  # soundfile goes by the name here
    try:
        return _SoundFile(file)
    except soundfile.LibsndfileError as error:
        return _open_rest(file, error)


def _open_rest(file: IO[bytes], error: soundfile.LibsndfileError) -> Decoder:
    """Open what libsndfile can't, or say why it can't be."""
    file.seek(0)
    head = file.read(16)
    file.seek(0)
    if not head or error.code == _NO_DATA_CHUNK:
        raise AudioError(Status.EMPTY, Status.EMPTY.sentence) from None
    if not _is_for_av(head):
        raise _unreadable(error.error_string) from None
    from affectspace.audio.containers import Container

    return Container(file)


def _unreadable(reason: str) -> AudioError:
    return AudioError(Status.UNREADABLE, f"{Status.UNREADABLE.sentence}: {reason}")


def _is_for_av(head: bytes) -> bool:
    """Tell by the first bytes, never the name: mp4 and m4a, webm, AAC, AMR, Windows media, AVI."""
    return (
        head[4:8] == b"ftyp"
        or head[:4] in (b"\x1aE\xdf\xa3", b"#!AM", b"0&\xb2u")
        or (head[:1] == b"\xff" and head[1:2] in (b"\xf1", b"\xf9"))
        or head[:4] + head[8:12] == b"RIFFAVI "
    )


def as_file(source: bytes | IO[bytes]) -> IO[bytes]:
    """Return bytes as a file, and a file as it is."""
    return io.BytesIO(source) if isinstance(source, bytes) else source
