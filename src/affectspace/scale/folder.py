"""The folder of a run's output: on disk, or at an address as fsspec opens it."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Protocol

from affectspace.audio.names import is_address
from affectspace.audio.sources import load_fsspec
from affectspace.errors import AffectspaceError
from affectspace.tables import replaced_at_once

STALE_SECONDS = 3600.0  # after which a file that was never finished is removed


class Folder(Protocol):
    """Files by name; a name may have folders before it, with `/`.

    Attributes:
        place: the folder, in words that [`open_folder`][affectspace.scale.folder.open_folder]
            takes, in whatever process.
    """

    place: str

    def names(self, below: str = "") -> set[str]:
        """Return the names of the files in the folder `below`; none where there is none."""

    def others(self) -> set[str]:
        """Return the names of files and folders that no run has made here."""

    def exists(self, name: str) -> bool:
        """Tell whether there is a file of this name."""

    def open(self, name: str) -> IO[bytes]:
        """Open a file for reading, from any position.

        Raises:
            FileNotFoundError: when there is none.
        """

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole or not at all, in place of one that is there."""

    def upload(self, name: str, path: Path) -> None:
        """Move a file from this machine's disk here, whole or not at all."""

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""

    def scratch(self) -> contextlib.AbstractContextManager[Path]:
        """Give a folder on this machine's disk, which is gone at the end."""

    def tidy(self) -> None:
        """Remove what runs that were killed have left half-written."""


def open_folder(place: str | os.PathLike[str]) -> Folder:
    """Open an output folder; it may not be there yet.

    Args:
        place: a path, or an address such as `s3://bucket/run`.

    Raises:
        MissingExtraError: for an address, without the extra `remote`.
        AffectspaceError: for an address of a scheme that isn't known here.
    """
    text = os.fspath(place)
    return AddressFolder(text) if is_address(text) else DiskFolder(text)


class DiskFolder:
    """A folder on a disk, maybe one that many machines share."""

    def __init__(self, place: str) -> None:
        self.place = os.path.abspath(place)  # noqa: PTH100  (links stay as they are)
        self._path = Path(self.place)

    def names(self, below: str = "") -> set[str]:
        try:
            with os.scandir(self._path / below) as entries:
                return {e.name for e in entries if e.is_file() and not e.name.startswith(".")}
        except FileNotFoundError:
            return set()

    def others(self) -> set[str]:
        try:
            names = {path.name for path in self._path.iterdir()}
        except FileNotFoundError:
            return set()
        except NotADirectoryError:
            raise AffectspaceError(f"{self.place} is a file; name a folder") from None
        return {name for name in names if not name.startswith((".", "_"))}

    def exists(self, name: str) -> bool:
        return (self._path / name).is_file()

    def open(self, name: str) -> IO[bytes]:
        return (self._path / name).open("rb")

    def write(self, name: str, data: bytes) -> None:
        with replaced_at_once(self._path / name) as beside:
            beside.write_bytes(data)

    def upload(self, name: str, path: Path) -> None:
        (self._path / name).parent.mkdir(parents=True, exist_ok=True)
        path.replace(self._path / name)  # the scratch is on the same disk

    def remove(self, name: str) -> None:
        (self._path / name).unlink(missing_ok=True)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        self._path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".scratch-", dir=self._path) as path:
            yield Path(path)

    def tidy(self) -> None:
        before = time.time() - STALE_SECONDS
        for path in [*self._path.glob(".*.tmp"), *self._path.glob("*/.*.tmp")]:
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < before:
                    path.unlink()


class AddressFolder:
    """A folder in object storage, or whatever else fsspec writes to.

    A file is written by a single put, so that none is seen half-written.
    """

    def __init__(self, place: str) -> None:
        fsspec = load_fsspec("Writing to an address")
        self.place = place.rstrip("/")
        try:
            fs, path = fsspec.core.url_to_fs(self.place)
        except (ImportError, ValueError) as error:
            raise AffectspaceError(f"{place} can't be written to: {error}") from None
        self._fs: Any = fs
        self._path = str(path).rstrip("/")

    def names(self, below: str = "") -> set[str]:
        self._fs.invalidate_cache()  # other processes write too
        try:
            found = self._fs.ls(self._at(below), detail=True)
        except FileNotFoundError:
            return set()
        return {one["name"].rpartition("/")[2] for one in found if one["type"] == "file"}

    def others(self) -> set[str]:
        try:
            names = {path.rstrip("/").rpartition("/")[2] for path in self._fs.ls(self._path, False)}
        except FileNotFoundError:
            return set()
        return {name for name in names if name and not name.startswith((".", "_"))}

    def exists(self, name: str) -> bool:
        self._fs.invalidate_cache()
        return bool(self._fs.exists(self._at(name)))

    def open(self, name: str) -> IO[bytes]:
        self._fs.invalidate_cache()
        opened: IO[bytes] = self._fs.open(self._at(name), "rb")
        return opened

    def write(self, name: str, data: bytes) -> None:
        self._fs.pipe_file(self._at(name), data)

    def upload(self, name: str, path: Path) -> None:
        self._fs.put_file(str(path), self._at(name))

    def remove(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._fs.rm_file(self._at(name))

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="affectspace-") as path:
            yield Path(path)

    def tidy(self) -> None:
        pass  # what isn't written whole isn't there

    def _at(self, name: str) -> str:
        return f"{self._path}/{name}" if name else self._path
