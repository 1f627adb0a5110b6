"""Packaged pages and what they are made of: a list read once; nothing else is served."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import Request
from fastapi.responses import Response

from affectspace.web.refusals import Refusal

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
PAGES = Path(__file__).parent / "pages"


@dataclass(frozen=True)
class PackagedFile:
    """A file as it is sent.

    Attributes:
        content: its bytes.
        media_type: what it is.
        tag: by which a browser knows that it has it already.
        headers: further ones of the answer.
    """

    content: bytes
    media_type: str
    tag: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def answer(self, request: Request) -> Response:
        """Return it, or word that the browser has it already."""
        headers = {"Cache-Control": "no-cache", "ETag": self.tag, **self.headers}
        if request.headers.get("if-none-match") == self.tag:
            return Response(status_code=304, headers=headers)
        return Response(self.content, media_type=self.media_type, headers=headers)


def packaged(folder: str | Path = PAGES) -> dict[str, PackagedFile]:
    """Read every file of a known type in a folder, by its path from there, with `/`."""
    folder = Path(folder)
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix in MEDIA_TYPES and path.is_file():
            content = path.read_bytes()
            tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
            name = path.relative_to(folder).as_posix()
            found[name] = PackagedFile(content, MEDIA_TYPES[path.suffix], tag)
    return found


def answer_file(files: dict[str, PackagedFile], name: str, request: Request) -> Response:
    """Return a packaged file.

    Raises:
        Refusal: 404 where there is none of that name.
    """
    if name not in files:
        raise Refusal(404, "not_found", "There is nothing here")
    return files[name].answer(request)
