"""Where a recording's bytes come from: a path, an address, memory."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any, NamedTuple

from numpy.typing import NDArray

from affectspace.audio.names import is_address, locate
from affectspace.audio.status import Status
from affectspace.errors import AudioError, MissingExtraError

InMemory = tuple[NDArray[Any], int]
"""Samples, shape (n,) or (channels, n), and their sampling rate in Hz; see `read_audio`."""


class Content(NamedTuple):
    """A recording's file in memory.

    Attributes:
        name: what it is called in tables.
        data: the file's bytes, of any format that files may have.
    """

    name: str
    data: bytes


@contextmanager
def open_bytes(source: str | bytes) -> Iterator[IO[bytes]]:
    """Open a path, an address or a file's bytes for reading.

    Args:
        source: a path or an address as tables have it, or the bytes themselves.

    Yields:
        What can be read and sought.

    Raises:
        FileNotFoundError: when there is none.
        OSError: when it can't be opened; of addresses whatever the storage's package raises.
    """
    if isinstance(source, bytes):
        yield io.BytesIO(source)
    elif is_address(source):
        storage, path = load_fsspec().url_to_fs(source)  # an archive closes when it is let go of
        with storage.open(path, "rb") as opened:
            yield opened
    else:
        with open(locate(source), "rb") as opened:  # noqa: PTH123  (a Path costs more than it gives)
            yield opened


def check_schemes(files: Iterable[str]) -> None:
    """Check that the addresses among files can be opened here.

    Raises:
        MissingExtraError: without fsspec.
        AudioError: when a scheme isn't known, or its package isn't installed.
    """
    parts = {part for file in files if is_address(file) for part in file.split("::")}
    for scheme in {part.partition("://")[0] for part in parts if is_address(part)}:
        fsspec = load_fsspec()
        try:
            fsspec.get_filesystem_class(scheme)
        except (ImportError, ValueError) as error:
            raise AudioError(Status.UNREADABLE, f"{scheme}:// can't be opened: {error}") from None


def load_fsspec(purpose: str = "Reading from an address") -> Any:
    """Import fsspec.

    Raises:
        MissingExtraError: without the extra `remote`.
    """
    try:
        import fsspec
    except ImportError:
        raise MissingExtraError("fsspec", "remote", purpose) from None
    return fsspec
