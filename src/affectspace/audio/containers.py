"""What PyAV reads: m4a, mp4, webm and others, span by span, without decoding all before it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from affectspace.audio.decode import bad_span
from affectspace.audio.status import Status
from affectspace.errors import AudioError

FROM_THE_START = 10.0  # s; a span that starts earlier is decoded from there, exact to the sample
RUN_UP = 1.0  # s decoded before a span; Opus needs 0.08, AAC two frames
ROUNDING = 0.15  # s; by which formats say more than there is: AAC counts its padding

_WITHOUT_DURATION = ("aac", "amr")  # where PyAV guesses it from the rate of the first packets

Samples = NDArray[np.float32]


class Container:
    """The first audio stream of a file.

    Args:
        file: open for reading, seekable.

    Raises:
        AudioError: `needs_av` or `unreadable`.
    """

    lacking = 0.0  # s; such formats announce no length that could be held against them

    def __init__(self, file: IO[bytes]) -> None:
        try:
            import av
        except ImportError:
            raise AudioError(Status.NEEDS_AV, Status.NEEDS_AV.sentence) from None
        self._av: Any = av
        self._file = file
        self._seeking: Any = None
        with self._errors(), self._fresh() as container:
            stream = container.streams.audio[0]
            self.sampling_rate = int(stream.rate)
            # what counts as 0 s is the first sample, whatever time the file gives it
            first = next(container.decode(stream), None)
            self._origin = 0.0 if first is None or first.pts is None else _time(first)
            self.duration = _duration(container, stream)

    def blocks(self, start: float, end: float | None, seconds: float | None) -> Iterator[Samples]:
        """Decode a span in blocks of so many seconds, or at once; see `AudioFile`."""
        if start < 0 or (end is not None and end <= start):
            raise bad_span(start, end or self.duration, self.duration)
        size = None if seconds is None else max(1, round(seconds * self.sampling_rate))
        with self._errors():
            yield from _regrouped(self._span(start, end), size)

    def close(self) -> None:
        """Let go of the file."""
        if self._seeking is not None:
            self._seeking.close()
        self._seeking = None

    def _span(self, start: float, end: float | None) -> Iterator[Samples]:
        """Yield what there is between two times, as it comes."""
        rate = self.sampling_rate
        first = round(start * rate)
        last = None if end is None else round(end * rate)
        position = 0
        for position, samples in self._placed(start):
            part = samples[max(0, first - position) : None if last is None else last - position]
            position += len(samples)
            if len(part):
                yield part
            if last is not None and position >= last:
                return
        if position == 0:
            raise AudioError(Status.EMPTY, Status.EMPTY.sentence)
        if position <= first or (last is not None and position < last - ROUNDING * rate):
            raise bad_span(start, end or position / rate, position / rate)

    def _placed(self, start: float) -> Iterator[tuple[int, Samples]]:
        """Yield decoded samples from before `start` on, with the number of the first of each."""
        if start >= FROM_THE_START:
            frames, position = self._sought(start - RUN_UP)
            if position is not None and position <= start * self.sampling_rate:
                yield from self._numbered(frames, position)
                return
        with self._fresh() as container:  # also where a format can't be sought in
            yield from self._numbered(container.decode(container.streams.audio[0]), 0)

    def _sought(self, time: float) -> tuple[Iterator[Any], int | None]:
        """Seek; return the frames from there, and the number of the first sample if it's known."""
        if self._seeking is None:
            self._file.seek(0)
            self._seeking = self._av.open(self._file, "r")
        stream = self._seeking.streams.audio[0]
        self._seeking.seek(int((time + self._origin) / stream.time_base), stream=stream)
        frames = self._seeking.decode(stream)
        first = next(frames, None)
        if first is None or first.pts is None:
            return frames, None
        number = round((_time(first) - self._origin) * self.sampling_rate)

        def again() -> Iterator[Any]:
            yield first
            yield from frames

        return again(), number

    def _numbered(self, frames: Iterator[Any], position: int) -> Iterator[tuple[int, Samples]]:
        """Turn frames, the first at a position, into samples of shape (n, channels)."""
        resampler: Any = None
        for frame in frames:
            if resampler is None:
                resampler = self._av.AudioResampler(
                    format="fltp", layout=frame.layout, rate=self.sampling_rate
                )
            for out in resampler.resample(frame):
                samples = out.to_ndarray().T.astype(np.float32, copy=False)
                yield position, samples
                position += len(samples)
        for out in [] if resampler is None else resampler.resample(None):
            samples = out.to_ndarray().T.astype(np.float32, copy=False)
            yield position, samples
            position += len(samples)

    @contextmanager
    def _fresh(self) -> Iterator[Any]:
        """Open the file anew: only so is a format's own padding left out at the start."""
        self.close()  # two that read from one file would disturb each other
        self._file.seek(0)
        with self._av.open(self._file, "r") as container:
            if not container.streams.audio:
                raise ValueError("there is no audio stream")
            yield container

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except AudioError:
            raise
        except (self._av.error.FFmpegError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise AudioError(Status.UNREADABLE, f"{Status.UNREADABLE.sentence}: {reason}") from None


def _time(frame: Any) -> float:
    return float(frame.pts * frame.time_base)


def _duration(container: Any, stream: Any) -> float:
    """Return the duration by the header, or by the packets where the header has none."""
    if container.format.name not in _WITHOUT_DURATION:
        if stream.duration is not None:
            return float(stream.duration * stream.time_base)
        if container.duration is not None:  # unlike in what browsers record
            return float(container.duration) / 1e6
    container.seek(0)
    ends = [
        (packet.pts + (packet.duration or 0)) * stream.time_base
        for packet in container.demux(stream)
        if packet.pts is not None
    ]
    return float(max(ends, default=0))


def _regrouped(parts: Iterator[Samples], size: int | None) -> Iterator[Samples]:
    """Gather small arrays into ones of `size` rows, or into a single one."""
    held: list[Samples] = []
    count = 0
    for part in parts:
        held.append(part)
        count += len(part)
        while size is not None and count >= size:
            whole = np.concatenate(held)
            yield whole[:size]
            held, count = [whole[size:]], count - size
    if count:
        yield np.concatenate(held)
