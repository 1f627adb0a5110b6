"""How a page gets at the recordings: their addresses beside it, or their sound within it."""

from __future__ import annotations

import base64
import io
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote_from_bytes

import numpy as np
import numpy.typing as npt
import pandas as pd
import soundfile
import soxr

from affectspace.audio import SAMPLING_RATE, checks, decode, names
from affectspace.errors import AudioError

logger = logging.getLogger(__name__)

BUDGET = 30_000_000
"""Characters of embedded sound in a page, about 50 minutes of speech; the rest isn't embedded."""

MEDIA_TYPE = "audio/ogg"
"""Ogg Vorbis at 16 kHz, mono: about 7 kB/s, a third of FLAC, and every current browser plays it."""

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
        Base64 of an Ogg Vorbis file per row; None where the recording can't be read, or where the
        budget was spent. Rows come in their order; one too large for what is left is skipped.
    """
    clips: list[str | None] = []
    for file, start, end in index:
        clip = None
        if budget > 0:
            clip = _clip(str(file), start, end, most=budget)
        budget -= len(clip or "")
        clips.append(clip)
    return clips


def _clip(file: str, start: pd.Timedelta, end: pd.Timedelta, *, most: int) -> str | None:
    try:
        with Path(names.locate(file)).open("rb") as opened:
            samples, rate = decode.decode(
                opened, start.total_seconds(), None if pd.isna(end) else end.total_seconds()
            )
        coded = base64.b64encode(encode(samples[:, 0], rate)).decode("ascii")
    except (AudioError, OSError) as error:
        logger.debug("%s isn't embedded: %s", file, error)
        return None
    return coded if len(coded) <= most else None


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
