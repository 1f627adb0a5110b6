"""`stream_audio`: a recording of any length as 16 kHz mono blocks, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import soxr
from numpy.typing import NDArray

from affectspace.audio import checks
from affectspace.audio.decode import span
from affectspace.audio.signal import (
    SAMPLING_RATE,
    Channel,
    Seconds,
    Source,
    check_channel,
    from_array,
    in_seconds,
    opened,
)

BLOCK_SECONDS = 10.0


def stream_audio(
    source: Source,
    *,
    channel: Channel = "first",
    start: Seconds = None,
    end: Seconds = None,
    block_seconds: float = BLOCK_SECONDS,
) -> Iterator[NDArray[np.float32]]:
    """Read a recording, or a span of one, block by block, as mono at 16 kHz.

    Put together, the blocks are the samples that
    [`read_audio`][affectspace.audio.read_audio] gives, up to rounding. What needs the whole
    recording is not checked: level, clipping, voice, and whether channels cancel in their mean.

    Args:
        source: as `read_audio` takes it.
        channel: `first`; `mean` of all channels; or a channel's number, from 0.
        start: where to start, in seconds or as a timedelta. None and NaT are the start.
        end: where to end, likewise.
        block_seconds: how much is decoded at once.

    Yields:
        Blocks of shape (n,), float32 in [-1, 32767/32768], n > 0 but otherwise any.

    Raises:
        AudioError: when the recording can't be read, as soon as that is known. So an end behind the
            last sample may be reported after the last block.

    Examples:
        >>> import io, soundfile
        >>> file = io.BytesIO()
        >>> soundfile.write(file, np.zeros(8000), 8000, format="WAV")
        >>> sum(len(block) for block in stream_audio(file, block_seconds=0.1))
        16000
    """
    check_channel(channel)
    begin, stop = in_seconds(start) or 0.0, in_seconds(end)
    if isinstance(source, tuple):
        samples, rate = from_array(*source, begin, stop)
        yield from _mono([samples], rate, channel)
        return
    with opened(source) as file:
        rate, blocks = file.stream(begin, stop, seconds=block_seconds)
        yield from _mono(blocks, rate, channel)


def _mono(
    blocks: Iterable[NDArray[np.float32]], rate: int, channel: Channel
) -> Iterator[NDArray[np.float32]]:
    """Turn decoded blocks, shape (n, channels), into mono ones at 16 kHz."""
    resampler = (
        None
        if rate == SAMPLING_RATE
        else soxr.ResampleStream(rate, SAMPLING_RATE, 1, dtype="float32", quality="HQ")
    )
    for block in blocks:
        mono = checks.mix(block, channel, may_cancel=True) if len(block) else block[:, 0]
        if resampler is not None:
            mono = resampler.resample_chunk(mono)
        if len(mono):
            yield checks.clip(mono)
    if resampler is not None:
        rest = resampler.resample_chunk(np.zeros(0, np.float32), last=True)
        if len(rest):
            yield checks.clip(rest)


def extent(source: Source, *, start: Seconds = None, end: Seconds = None) -> tuple[float, float]:
    """Return where a span of a recording starts and ends, by the file's header.

    Args:
        source: as `read_audio` takes it.
        start: in seconds or as a timedelta. None and NaT are the start.
        end: likewise; None and NaT are the end of the recording.

    Returns:
        Both in seconds. For formats that PyAV reads the end may be 0.1 s behind the last sample.

    Raises:
        AudioError: when the recording can't be read, or has no such span.
    """
    begin, stop = in_seconds(start) or 0.0, in_seconds(end)
    if isinstance(source, tuple):
        samples, rate = source
        first, last = span(np.shape(samples)[-1], rate, begin, stop)
        return first / rate, last / rate
    with opened(source) as file:
        return file.extent(begin, stop)
