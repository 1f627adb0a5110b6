"""Audio as every browser plays it, and nothing but audio: plain WAV, without tags or names.

Files aren't sent as they are: some formats no browser plays, and the tags of others may hold the
very name or label that a listener mustn't see.
"""

from __future__ import annotations

import io
import os
import re
import threading
from collections import OrderedDict

import numpy as np
import soundfile
from fastapi.responses import Response

from affectspace.audio import AudioFile
from affectspace.audio.names import locate

KEPT_BYTES = 64 * 2**20
MEDIA_TYPE = "audio/wav"

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


def as_wav(file: str | os.PathLike[str], start: float = 0.0, end: float | None = None) -> bytes:
    """Return a span of a recording as a WAV file of 16 bit, at its own rate.

    Args:
        file: the recording, of any format that the package reads.
        start: in seconds.
        end: in seconds; None is the recording's.

    Returns:
        One or two channels; of more, their mean. Samples beyond full scale are clipped.

    Raises:
        AudioError: when the recording can't be read or has no such span.
        OSError: when it can't be opened.
    """
    with open(locate(os.fspath(file)), "rb") as opened, AudioFile(opened) as audio:  # noqa: PTH123
        samples, rate = audio.read(start, end)
    if samples.shape[1] > 2:
        samples = samples.mean(axis=1, keepdims=True)
    written = io.BytesIO()
    highest = 1 - 2.0**-15
    soundfile.write(written, np.clip(samples, -1, highest), rate, format="WAV", subtype="PCM_16")
    return written.getvalue()


class WavCache:
    """The WAV files that were asked for last, within a bound of memory; for many threads.

    Args:
        limit: bytes.
    """

    def __init__(self, limit: int = KEPT_BYTES) -> None:
        self._limit = limit
        self._kept: OrderedDict[tuple[object, ...], bytes] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def get(self, file: str, start: float = 0.0, end: float | None = None) -> bytes:
        """Return what `as_wav` returns, made anew where the file has changed."""
        found = os.stat(locate(file))  # noqa: PTH116
        key = (file, start, end, found.st_mtime_ns, found.st_size)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        wav = as_wav(file, start, end)
        with self._lock:
            if key not in self._kept and len(wav) <= self._limit:
                self._kept[key] = wav
                self._size += len(wav)
            while self._size > self._limit:
                self._size -= len(self._kept.popitem(last=False)[1])
        return wav


def answer_range(content: bytes, asked: str | None, *, tag: str | None = None) -> Response:
    """Return audio, or the part of it that a player asks for.

    Args:
        content: the WAV file.
        asked: the header Range. What isn't one range of bytes is passed over, as HTTP allows.
        tag: what tells this sound from another, for the header ETag.

    Returns:
        200 with all of it, 206 with the part, or 416 where there is no such part.
    """
    size = len(content)
    headers = {"Accept-Ranges": "bytes", "Cache-Control": "private, max-age=600"}
    if tag:
        headers["ETag"] = f'"{tag}"'
    found = _RANGE.fullmatch(asked.strip()) if asked else None
    if not found or not (found[1] or found[2]):
        return Response(content, media_type=MEDIA_TYPE, headers=headers)
    if found[1]:
        first, last = int(found[1]), min(int(found[2]) if found[2] else size - 1, size - 1)
    else:
        first, last = max(size - int(found[2]), 0), size - 1
    if found[1] and found[2] and int(found[2]) < int(found[1]):  # no range at all
        return Response(content, media_type=MEDIA_TYPE, headers=headers)
    if first >= size:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return Response(content[first : last + 1], 206, media_type=MEDIA_TYPE, headers=headers)
