r"""File names in tables, and files on disk that are spelt a little differently.

A table's text is UTF-8, a file name on Linux is bytes: what isn't UTF-8 stands in a table with its
bytes as `\xe9`. And macOS writes accents in two characters where most others write one.

A name with a scheme in front, such as `s3://bucket/a.wav`, is an address: it stays as it is.
"""

from __future__ import annotations

import os
import re
import unicodedata

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://")
_ARCHIVES = (".tar", ".tar.gz", ".tgz")
_BYTE = re.compile(rb"\\x([0-9a-f]{2})")


def table_name(file: str | os.PathLike[str]) -> str:
    r"""Return a path as a table can hold it; the same text unless it isn't UTF-8.

    Examples:
        >>> table_name("caf\udce9.wav"), table_name("café.wav")
        ('caf\\xe9.wav', 'café.wav')
    """
    text = os.fspath(file)
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def is_address(file: str) -> bool:
    """Tell whether a name in a table is an address as fsspec opens it, not a path.

    Examples:
        >>> is_address("s3://bucket/a.wav"), is_address("tar://a.wav::b.tar"), is_address("a.wav")
        (True, True, False)
    """
    return _ADDRESS.match(file) is not None


def is_archive(file: str) -> bool:
    """Tell whether a file is a tar of recordings, by its name.

    Examples:
        >>> is_archive("s3://bucket/shard.TAR"), is_archive("a.tar.gz"), is_archive("a.wav")
        (True, True, False)
    """
    return file.lower().endswith(_ARCHIVES)


def absolute(file: str) -> str:
    """Return what a name in a table stands for, from whatever folder: a path, or an address."""
    return file if is_address(file) else os.path.abspath(locate(file))  # noqa: PTH100


def locate(file: str) -> str:
    r"""Return the path of the file that a name in a table stands for.

    Where there is no file of that very name, its folders and itself are looked for with their
    accents in one character or in two, and with `\xe9` for a byte that isn't UTF-8.

    Args:
        file: a path as tables have it.

    Returns:
        The path on disk; `file` itself where nothing is found.
    """
    if (file.isascii() and "\\x" not in file) or os.path.lexists(file):
        return file
    found, parts = "", file.split(os.sep)  # noqa: PTH206  (keeps the text as it is)
    for position, part in enumerate(parts):
        stem = found + os.sep if position else ""
        spelt = next((one for one in _spellings(part) if os.path.lexists(stem + one)), None)
        if spelt is None and part:
            return file
        found = stem + (spelt or "")
    return found


def _spellings(name: str) -> list[str]:
    composed = unicodedata.normalize("NFC", name)
    decomposed = unicodedata.normalize("NFD", name)
    raw = _BYTE.sub(lambda byte: bytes([int(byte[1], 16)]), name.encode("utf-8", "surrogateescape"))
    return [name, composed, decomposed, raw.decode("utf-8", "surrogateescape")]
