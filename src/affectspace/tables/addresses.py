"""Folders and patterns at an address, as fsspec lists them: object storage, archives, the web."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from affectspace.audio.sources import load_fsspec
from affectspace.errors import TableError
from affectspace.tables.labels import AUDIO_SUFFIXES


def files_at(address: str) -> Iterator[str]:
    """Yield the addresses of the recordings that an address stands for.

    Args:
        address: of a file, which comes back as it is and may not be there; of a folder, searched to
            the bottom, hidden files and folders left out; or a pattern with `*` or `[`.

    Raises:
        MissingExtraError: without the extra `remote`.
        TableError: when a folder or a pattern can't be listed.
    """
    pattern = any(mark in address for mark in "*[")  # a ? begins a query
    known = bool(PurePosixPath(address).suffix) and not address.endswith("/")
    if not pattern and (known or "::" in address):  # a look there only where the name leaves it
        yield address
        return
    fsspec = load_fsspec("Listing an address")
    try:
        fs, path = fsspec.core.url_to_fs(address)
        if pattern:
            yield from map(fs.unstrip_protocol, sorted(fs.glob(path)))
        elif fs.isdir(path):
            yield from _audio_below(fs, path.rstrip("/"))
        else:
            yield address
    except (ImportError, ValueError, OSError) as error:
        raise TableError(f"{address} can't be listed: {error}") from None


def _audio_below(fs: Any, folder: str) -> Iterator[str]:
    for where, folders, names in fs.walk(folder):
        folders_kept = sorted(name for name in folders if not name.startswith("."))
        folders.clear()
        for name in sorted(names):
            if not name.startswith(".") and PurePosixPath(name).suffix.lower() in AUDIO_SUFFIXES:
                yield fs.unstrip_protocol(f"{where}/{name}")
        for name in folders_kept:
            yield from _audio_below(fs, f"{where}/{name}")
