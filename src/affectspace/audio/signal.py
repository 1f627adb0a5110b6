"""`read_audio`: file, bytes or array -> `Signal`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import IO, Any, Literal

import numpy as np
import soxr
from numpy.typing import NDArray

from affectspace.audio import checks, decode, voicing
from affectspace.audio.bandwidth import BAND_LIMITED_BELOW, bandwidth
from affectspace.audio.noise import signal_to_noise
from affectspace.audio.sources import InMemory, open_bytes
from affectspace.audio.spectra import Spectra
from affectspace.audio.status import Status
from affectspace.errors import AudioError

SAMPLING_RATE = 16_000
"""Of every signal, in Hz. Native 44.1 kHz against 16 kHz changes over half of the 88 eGeMAPS."""

MOST_CHANNELS = 64
"""Where an array has more rows than that, and fewer columns, it was meant the other way round."""

RULES = 4
"""Counts the versions of how audio is read and checked; caches of other versions aren't used."""

Channel = Literal["first", "mean"] | int
File = str | os.PathLike[str] | bytes | IO[bytes] | decode.AudioFile
Source = File | InMemory
Seconds = float | timedelta | np.timedelta64 | None


@dataclass(frozen=True, eq=False)
class Signal:
    """A recording that passed every check, and what was measured on the way.

    Attributes:
        samples: shape (n,), float32, mono, 16 kHz, in [-1, 32767/32768].
        source_sampling_rate: of the recording, in Hz.
        channels: how many the recording has.
        duration: in seconds.
        level: root mean square in dB of full scale.
        clipped_share: share of the recording's samples at full scale, 0 to 0.1.
        voiced_share: share of the signal that is voiced, 0 to 1.
        bandwidth: the frequency up to which there is sound, in Hz, up to 8000.
        snr: level of the speech over that of steady noise, in dB, -20 to 60; NaN with less than 1 s
            of sound. See [`signal_to_noise`][affectspace.audio.noise.signal_to_noise].
        truncated: how much is missing behind the end by the file's header, in seconds; 0 for a
            whole file.
    """

    samples: NDArray[np.float32]
    source_sampling_rate: int
    channels: int
    duration: float
    level: float
    clipped_share: float
    voiced_share: float
    bandwidth: float
    snr: float
    truncated: float = 0.0

    @property
    def band_limited(self) -> bool:
        """Whether the upper band is empty, as in telephone speech: bandwidth below 5 kHz."""
        return self.bandwidth < BAND_LIMITED_BELOW


def read_audio(
    source: Source, *, channel: Channel = "first", start: Seconds = None, end: Seconds = None
) -> Signal:
    """Read a recording, or a span of one, as a checked mono signal at 16 kHz.

    WAV (8 to 32 bit, float), FLAC, OGG, MP3 and the rest of what libsndfile knows; M4A, MP4, WebM
    with the extra `av`. The content counts, not the file's name. Only the span is read from a file.

    Args:
        source: a path; an address such as `s3://bucket/a.wav` (extra `remote`); a file's bytes; a
            file open for reading bytes, or an `AudioFile` of it; or an array with its sampling rate
            in Hz, shape (n,) or (channels, n), floats with full scale at 1 or integers with full
            scale at the end of their type.
        channel: `first`; `mean` of all channels; or a channel's number, from 0.
        start: where to start, in seconds or as a timedelta. None and NaT are the start.
        end: where to end, likewise; it may be up to 20 ms behind the last sample.

    Returns:
        The signal.

    Raises:
        AudioError: with the first of the reasons in
            [`Status`][affectspace.audio.Status] that holds.

    Examples:
        >>> time = np.arange(32000) / 32000
        >>> signal = read_audio((0.5 * np.sin(2 * np.pi * 150 * time), 32000))
        >>> signal.samples.shape, round(signal.level, 1), signal.band_limited
        ((16000,), -9.0, True)
    """
    check_channel(channel)
    begin, stop = in_seconds(start) or 0.0, in_seconds(end)
    if isinstance(source, tuple):
        return _signal(*from_array(*source, begin, stop), channel)
    with opened(source) as file:
        signal = _signal(*file.read(begin, stop), channel)
        return replace(signal, truncated=file.lacking(stop))


def check_channel(channel: Channel) -> None:
    """Check that a channel rule is one.

    Raises:
        ValueError: when it isn't `first`, `mean` or a number from 0.
    """
    is_number = isinstance(channel, int) and not isinstance(channel, bool) and channel >= 0
    if not (is_number or channel in ("first", "mean")):
        raise ValueError(
            f"channel should be 'first', 'mean' or a number from 0, and is {channel!r}"
        )


@contextmanager
def opened(source: File) -> Iterator[decode.AudioFile]:
    """Open a file to read from; every error that comes of it names the path, where there is one.

    Args:
        source: a path, an address, bytes, a file open for reading bytes, or an `AudioFile`, which
            stays open.

    Yields:
        The file.

    Raises:
        AudioError: whatever comes up while it is open.
    """
    if isinstance(source, decode.AudioFile):
        yield source
        return
    if not isinstance(source, str | os.PathLike):
        with decode.AudioFile(decode.as_file(source)) as audio:
            yield audio
        return
    path = os.fspath(source)
    try:
        with open_bytes(path) as file, decode.AudioFile(file) as audio:
            yield audio
    except FileNotFoundError:
        raise AudioError(Status.MISSING, f"{path}: {Status.MISSING.sentence}") from None
    except OSError as error:
        reason = f"{path}: {Status.UNREADABLE.sentence}: {error.strerror or error}"
        raise AudioError(Status.UNREADABLE, reason) from None
    except AudioError as error:
        raise AudioError(error.status, f"{path}: {error}") from None


def _signal(samples: NDArray[np.float32], rate: int, channel: Channel) -> Signal:
    """Turn decoded samples, shape (n, channels), into a signal."""
    checks.check_length(len(samples), rate)
    mono = checks.mix(samples, channel)
    _check_sound(mono, samples.shape[1])
    clipped_share = checks.clipped_share(mono)
    if rate != SAMPLING_RATE:
        mono = soxr.resample(mono, rate, SAMPLING_RATE, quality="HQ")
    mono = checks.clip(mono)
    voiced_share, spectra = voicing.voiced_share(mono), Spectra(mono)
    return Signal(
        samples=mono,
        source_sampling_rate=rate,
        channels=samples.shape[1],
        duration=len(samples) / rate,
        level=checks.level(mono),
        clipped_share=clipped_share,
        voiced_share=voiced_share,
        bandwidth=bandwidth(spectra),
        snr=signal_to_noise(spectra),
    )


def _check_sound(mono: NDArray[np.float32], channels: int) -> None:
    try:
        checks.check_sound(mono)
    except AudioError as error:
        if channels == 1:
            raise
        hint = f"{error}, in the channel that was read; the recording has {channels}"
        raise AudioError(error.status, hint) from None


def from_array(
    values: NDArray[Any], rate: int, start: float, end: float | None
) -> tuple[NDArray[np.float32], int]:
    """Return a span of an array as samples, shape (n, channels), full scale at 1; and its rate."""
    array = np.asarray(values)
    if array.ndim not in (1, 2):
        raise ValueError(f"an array of samples has shape (n,) or (channels, n), not {array.shape}")
    if array.ndim == 2 and array.shape[1] <= MOST_CHANNELS < array.shape[0]:
        raise ValueError(
            f"an array of samples has shape (n,) or (channels, n); {array.shape} looks like "
            "(n, channels), as soundfile gives it: transpose it"
        )
    if array.dtype.kind not in "fiu":
        raise ValueError(f"samples should be floats or integers, not {array.dtype}")
    decode.check_rate(rate)
    first, last = decode.span(array.shape[-1], rate, start, end)
    array = array[..., first:last]
    if array.dtype.kind == "u":
        middle = np.iinfo(array.dtype).max // 2 + 1
        array = (array.astype(np.float64) - middle) / middle
    elif array.dtype.kind == "i":
        array = array / -float(np.iinfo(array.dtype).min)
    with np.errstate(over="ignore"):  # what float32 can't hold becomes infinite, and is reported
        return np.atleast_2d(array).T.astype(np.float32), int(rate)


def in_seconds(time: Seconds) -> float | None:
    """Return a time in seconds; None for None, NaT and NaN."""
    if time is None or time != time:  # NaT and NaN differ from themselves
        return None
    if isinstance(time, np.timedelta64):
        return float(time / np.timedelta64(1, "ns")) * 1e-9
    return time.total_seconds() if isinstance(time, timedelta) else float(time)
