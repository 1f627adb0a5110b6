"""How a page gets at the recordings: their addresses beside it, or their sound within it."""

from __future__ import annotations

import base64
import io
import logging
import os
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from urllib.parse import quote_from_bytes

import numpy as np
import numpy.typing as npt
import pandas as pd
import soundfile
import soxr

from affectspace.audio import SAMPLING_RATE, AudioFile, checks, names
from affectspace.errors import AudioError

logger = logging.getLogger(__name__)

BUDGET = 30_000_000
"""Characters of embedded sound in a page, about 50 minutes of speech; the rest isn't embedded."""

MEDIA_TYPE = "audio/ogg"
"""Ogg Vorbis at 16 kHz, mono: about 7 kB/s, a third of FLAC, and every current browser plays it."""

LONGEST = 600.0
"""Seconds. A longer row isn't embedded: it alone would take a fifth of the budget."""

_MISFITS = 20  # clips encoded in vain before the budget counts as spent
_BLOCK = 16_000  # libsndfile's Vorbis encoder overflows its stack on very long writes


def folder_addresses(folders: Sequence[str], *, page_folder: str | Path | None) -> list[str]:
    """The address of each folder, percent-encoded, as a page would link to it.

    Args:
        folders: absolute, or relative to the working directory.
        page_folder: where the page will stand; None: unknown, so that addresses are absolute.

    Returns:
        Relative addresses where page and folder share more than the root of the file system, so
        that both can be moved together; else `file:///...`. Each ends in a slash, or is empty.

    Examples:
        >>> folder_addresses(["/data/my speech", "/data", "/mnt/x"], page_folder="/data")
        ['my%20speech/', '', 'file:///mnt/x/']
    """
    page = None if page_folder is None else _absolute(page_folder)
    return [_address(_absolute(folder), page) for folder in folders]


def odd_addresses(files: Sequence[str], *, page_folder: str | Path | None) -> dict[int, str]:
    r"""Addresses of files that are spelt on disk in another way than in the table.

    Args:
        files: as the table names them.
        page_folder: as for [`folder_addresses`][affectspace.report.listening.folder_addresses].

    Returns:
        By position: the address of each file whose accents or bytes differ; see
        [`locate`][affectspace.audio.names.locate].
    """
    page = None if page_folder is None else _absolute(page_folder)
    found = {i: names.locate(file) for i, file in enumerate(files)}
    return {
        i: _address(_absolute(path), page).removesuffix("/")
        for i, path in found.items()
        if path != files[i]
    }


def _address(path: str, page: str | None) -> str:
    if page is not None and os.path.commonpath([path, page]) != os.sep:
        relative = os.path.relpath(path, page)
        return "" if relative == "." else _quoted(relative) + "/"
    return "file://" + _quoted(path).rstrip("/") + "/"


def _absolute(path: str | Path) -> str:
    """From the root, symbolic links kept: the browser goes by the path that it was given."""
    return os.path.abspath(path)  # noqa: PTH100  (resolve would follow the links)


def _quoted(path: str) -> str:
    """Percent-encoded. A colon too: before the first slash it would end a scheme."""
    return quote_from_bytes(os.fsencode(path), safe="/")


def embedded_clips(index: pd.MultiIndex, *, budget: int = BUDGET) -> list[str | None]:
    """The sound of each row, as far as the budget goes.

    Args:
        index: of the embedding table: `file`, `start`, `end`.
        budget: in characters of the page.

    Returns:
        Base64 of an Ogg Vorbis file per row; None where the recording can't be read, is longer than
        `LONGEST`, or where the budget is spent. Rows come in their order; one that is too large for
        what is left is skipped, and after some of these the rest isn't tried.
    """
    clips: list[str | None] = []
    misfits = 0
    for file, rows in groupby(index, key=lambda row: str(row[0])):
        spans = [(start, end) for _, start, end in rows]
        found: list[str | None] = []
        if misfits < _MISFITS and budget > 0:
            for clip in _clips(file, spans):
                fits = clip is not None and len(clip) <= budget
                found.append(clip if fits else None)
                budget -= len(found[-1] or "")
                misfits += clip is not None and not fits
                if misfits == _MISFITS or budget <= 0:
                    break
        clips += found + [None] * (len(spans) - len(found))
    return clips


def _clips(file: str, spans: Sequence[tuple[pd.Timedelta, pd.Timedelta]]) -> Iterator[str | None]:
    """The sound of spans of one file, which stays open meanwhile; none where it can't be read."""
    try:
        with Path(names.locate(file)).open("rb") as opened, AudioFile(opened) as audio:
            for start, end in spans:
                yield _clip(audio, start, end)
    except OSError as error:
        logger.debug("%s isn't embedded: %s", file, error)


def _clip(audio: AudioFile, start: pd.Timedelta, end: pd.Timedelta) -> str | None:
    first, last = start.total_seconds(), None if pd.isna(end) else end.total_seconds()
    try:
        begin, stop = audio.extent(first, last)
        if stop - begin > LONGEST:
            return None
        samples, rate = audio.read(first, last)
    except AudioError as error:
        logger.debug("a span isn't embedded: %s", error)
        return None
    return base64.b64encode(encode(samples[:, 0], rate)).decode("ascii")


def encode(samples: npt.NDArray[np.float32], sampling_rate: int) -> bytes:
    """One channel as Ogg Vorbis at 16 kHz.

    Args:
        samples: shape (n,), full scale at 1.
        sampling_rate: in Hz.

    Returns:
        A file's bytes.
    """
    if sampling_rate != SAMPLING_RATE:
        samples = soxr.resample(samples, sampling_rate, SAMPLING_RATE)
    samples = checks.clip(np.nan_to_num(samples))
    buffer = io.BytesIO()
    with soundfile.SoundFile(
        buffer, "w", SAMPLING_RATE, 1, format="OGG", subtype="VORBIS"
    ) as sound:
        for first in range(0, len(samples), _BLOCK):
            sound.write(samples[first : first + _BLOCK])
    return buffer.getvalue()
