"""Archives in WebDataset's layout: tars of recordings, read once from start to end."""

from __future__ import annotations

import gzip
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import PurePosixPath
from typing import IO, Any, NamedTuple

from affectspace.audio import Status
from affectspace.audio.sources import open_bytes
from affectspace.tables import AUDIO_SUFFIXES

BLOCK_BYTES = 64 * 2**20  # of recordings that are held at once
BLOCK_ROWS = 1000
_End: type[Exception] = tarfile.EOFHeaderError  # type: ignore[attr-defined]
_DAMAGE = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError)


class Member(NamedTuple):
    """A recording in an archive.

    Attributes:
        name: its path in the archive.
        data: its bytes.
        json: the text of the `.json` that belongs to it, None where there is none.
    """

    name: str
    data: bytes
    json: str | None


class Archive:
    """A tar, plain or with gzip.

    What belongs together has one path up to the first dot of the name and lies side by side, as
    WebDataset has it. Hidden files, folders and links are passed over.

    Args:
        place: a path or an address.

    Attributes:
        members: how many recordings were read so far.
        duplicates: how many were left out, as one of the same name came before.
        status: of the archive itself: `ok`, or why it couldn't be read, or not to its end.
        message: the same in words.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        self._names: set[str] = set()
        self.members = 0
        self.duplicates = 0
        self.status = Status.OK
        self.message = ""

    def blocks(self) -> Iterator[list[Member]]:
        """Yield all recordings that can be read, as many at once as memory allows."""
        block: list[Member] = []
        size = 0
        for member in self._read():
            if block and (size + len(member.data) > BLOCK_BYTES or len(block) == BLOCK_ROWS):
                yield block
                block, size = [], 0
            block.append(member)
            size += len(member.data)
        if block:
            yield block

    def _read(self) -> Iterator[Member]:
        for _, files in groupby(self._files(), lambda file: _key(file[0])):
            yield from self._sample(list(files))
        if self.status == Status.OK and not self.members:
            self.status, self.message = Status.EMPTY, "the archive holds no recording"

    def _files(self) -> Iterator[tuple[str, bytes]]:
        """Yield the files, up to where the archive is damaged."""
        try:
            with open_bytes(self._place) as file, _opened(file, self._place) as archive:
                yield from _contents(archive)
                if not getattr(archive, "ended", False):
                    raise tarfile.ReadError("the end is missing")
        except FileNotFoundError:
            self.status, self.message = Status.MISSING, Status.MISSING.sentence
        except _DAMAGE as error:
            self.status = Status.UNREADABLE
            self.message = f"the archive can't be read to its end: {error}"

    def _sample(self, files: list[tuple[str, bytes]]) -> Iterator[Member]:
        texts = [data for name, data in files if _suffix(name) == ".json"]
        text = texts[0].decode("utf-8", "replace") if texts else None
        for name, data in files:
            if _suffix(name) not in AUDIO_SUFFIXES:
                continue
            if name in self._names:
                self.duplicates += 1
                continue
            self._names.add(name)
            self.members += 1
            yield Member(name, data, text)


class _Header(tarfile.TarInfo):
    """Notices the block of zeros at the end, without which `tarfile` ends in silence too."""

    @classmethod
    def fromtarfile(cls, tarfile: Any) -> _Header:
        try:
            return super().fromtarfile(tarfile)
        except _End:
            tarfile.ended = True
            raise


@contextmanager
def _opened(file: IO[bytes], place: str) -> Iterator[tarfile.TarFile]:
    packed = place.lower().endswith("gz")
    with (
        gzip.open(file) if packed else file as plain,
        tarfile.open(fileobj=plain, mode="r|", tarinfo=_Header) as archive,
    ):
        yield archive


def _contents(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for member in archive:
        hidden = PurePosixPath(member.name).name.startswith(".")
        if member.isfile() and not hidden and _suffix(member.name) in (*AUDIO_SUFFIXES, ".json"):
            opened = archive.extractfile(member)
            yield member.name, b"" if opened is None else opened.read()
        archive.members = []  # type: ignore[attr-defined]  # else it remembers all


def _key(name: str) -> str:
    path = PurePosixPath(name)
    return str(path.with_name(path.name.partition(".")[0]))


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()
