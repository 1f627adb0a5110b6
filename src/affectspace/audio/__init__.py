"""File, bytes or array -> checked signal, mono float32 at 16 kHz; what is wrong with it, in words.

`read_audio` reads, picks a channel, resamples, clips and checks; `stream_audio` does so block by
block, for recordings of any length. What can't be used raises an
[`AudioError`][affectspace.errors.AudioError] whose `status` is one of a closed list, `Status`.
"""

from affectspace.audio.bandwidth import BAND_LIMITED_BELOW
from affectspace.audio.checks import scale_to_level
from affectspace.audio.decode import AudioFile
from affectspace.audio.signal import RULES, SAMPLING_RATE, Channel, Signal, read_audio
from affectspace.audio.sources import Content
from affectspace.audio.status import Status
from affectspace.audio.stream import extent, stream_audio

__all__ = [
    "BAND_LIMITED_BELOW",
    "RULES",
    "SAMPLING_RATE",
    "AudioFile",
    "Channel",
    "Content",
    "Signal",
    "Status",
    "extent",
    "read_audio",
    "scale_to_level",
    "stream_audio",
]
