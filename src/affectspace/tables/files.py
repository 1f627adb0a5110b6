"""Writing files: found unusable before the work, written all or nothing after it."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from affectspace.errors import TableError


@contextlib.contextmanager
def replaced_at_once(path: str | Path) -> Iterator[Path]:
    """Give a path beside `path` to write to, and move it to `path` when all went well.

    Args:
        path: the file to write or replace. Its folder is made if need be.

    Yields:
        A path in the same folder. After an error it is gone and `path` is as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = _beside(path)
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


@contextlib.contextmanager
def filled_at_once(folder: str | Path) -> Iterator[Path]:
    """Give a folder to write in; its files move to `folder` when all of them are written.

    Args:
        folder: made if need be. Other files in it stay, files of the same names are replaced.

    Yields:
        An empty folder inside. After an error it is gone and nothing has moved.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".partial-") as beside:
        yield Path(beside)
        for path in sorted(Path(beside).iterdir()):
            shutil.move(path, folder / path.name)


def check_writable(path: str | Path) -> None:
    """Check that a file can be written, before the work of which it will hold the outcome.

    Makes its folder if need be, and tries a file beside it.

    Args:
        path: the file; what it holds stays as it is.

    Raises:
        TableError: when it is a folder, or can't be written.
    """
    path = Path(path)
    if path.is_dir():
        raise TableError(f"{path} is a folder; name a file to write")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = _beside(path)
        beside.touch()
        beside.unlink()
    except OSError as error:
        raise TableError(f"{path} can't be written: {error.strerror or error}") from None


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
