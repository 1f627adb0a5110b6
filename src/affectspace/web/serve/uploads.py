"""What comes in a request's body: recordings, kept out of memory until they are worked on."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from affectspace.audio import Content
from affectspace.audio.names import table_name
from affectspace.web.refusals import Refusal
from affectspace.web.serve.answers import Links
from affectspace.web.serve.fetching import fetch
from affectspace.web.serve.settings import MEGABYTE, Limits

SPOOLED = MEGABYTE  # what is larger waits on disk
LINKS_BYTES = 65_536
NAME_LENGTH = 255
UNNAMED = "recording"
RAW = ("application/octet-stream", "application/ogg")

_FILENAME = re.compile(r"""filename\*?\s*=\s*(?:UTF-8'[\w-]*')?"?([^";]+)"?""", re.IGNORECASE)


@dataclass(frozen=True)
class Upload:
    """A recording that came, and waits.

    Attributes:
        name: what its rows are called.
        file: its bytes, in memory or on disk; gone when it is closed.
    """

    name: str
    file: IO[bytes]

    def content(self) -> Content:
        """Return it in memory."""
        self.file.seek(0)
        return Content(self.name, self.file.read())


@asynccontextmanager
async def received(
    request: Request, limits: Limits, hosts: tuple[str, ...]
) -> AsyncIterator[list[Upload]]:
    """Receive a request's recordings; they are gone when the block ends.

    Args:
        request: its body is a form with files, an audio file, or JSON with addresses.
        limits: of the service.
        hosts: that may be fetched from.

    Yields:
        The recordings, with names that differ.

    Raises:
        Refusal: when they can't be had.
    """
    uploads: list[Upload] = []
    try:
        try:
            async with asyncio.timeout(limits.timeout):
                await _receive(request, limits, hosts, uploads)
        except TimeoutError:
            message = f"The request took longer than {limits.timeout:g} s to come"
            raise Refusal(408, "too_slow", message, headers={"Connection": "close"}) from None
        except ClientDisconnect:
            raise Refusal(400, "broken_off", "The request broke off") from None
        _check_names([upload.name for upload in uploads])
        yield uploads
    finally:
        for upload in uploads:
            upload.file.close()


async def _receive(
    request: Request, limits: Limits, hosts: tuple[str, ...], uploads: list[Upload]
) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refusal(415, "bad_type", "The body should come as it is, without Content-Encoding")
    if kind == "multipart/form-data":
        uploads += await _form(request, limits)
    elif kind == "application/json":
        await _linked(request, limits, hosts, uploads)
    elif kind in RAW or kind.startswith(("audio/", "video/")):
        uploads.append(await _raw(request))
    else:
        raise Refusal(
            415,
            "bad_type",
            "The body should be multipart/form-data with files, an audio file (audio/..., "
            f"application/octet-stream), or application/json with addresses, not {kind[:80]!r}",
        )


async def _form(request: Request, limits: Limits) -> list[Upload]:
    try:
        form = await request.form(max_files=limits.max_files, max_fields=1, max_part_size=1024)
    except HTTPException as error:
        if "Too many files" not in str(error.detail):
            raise
        raise _too_many(limits) from None
    files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
    if not files or len(files) < len(form.multi_items()):
        await form.close()
        message = "The form should hold files and nothing else; settings go into the address"
        raise Refusal(422, "invalid", message)
    return [
        Upload(clean_name(file.filename, number if len(files) > 1 else None), file.file)
        for number, file in enumerate(files, 1)
    ]


async def _raw(request: Request) -> Upload:
    found = _FILENAME.search(request.headers.get("content-disposition", ""))
    name = request.query_params.get("name") or (found[1] if found else "")
    file = UploadFile(SpooledTemporaryFile(SPOOLED))  # type: ignore[arg-type]  # noqa: SIM115
    try:
        async for part in request.stream():
            await file.write(part)
        if not file.file.tell():
            raise Refusal(422, "invalid", "The body is empty")
    except BaseException:
        await file.close()
        raise
    return Upload(clean_name(name), file.file)


async def _linked(
    request: Request, limits: Limits, hosts: tuple[str, ...], uploads: list[Upload]
) -> None:
    if not hosts:
        raise Refusal(403, "no_links", "This service fetches nothing; send the recording itself")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LINKS_BYTES:
            raise Refusal(413, "too_large", f"Addresses may take {LINKS_BYTES} bytes")
    try:
        links = Links.model_validate_json(body)
    except ValidationError as error:
        refusal = Refusal(422, "invalid", 'The body should be {"urls": ["https://...", ...]}')
        refusal.details = [
            {"field": ".".join(map(str, one["loc"])), "message": one["msg"]}
            for one in error.errors()
        ]
        raise refusal from None
    if len(links.urls) > limits.max_files:
        raise _too_many(limits)
    left = limits.max_bytes
    for url in links.urls:
        file = SpooledTemporaryFile(SPOOLED)  # noqa: SIM115
        uploads.append(Upload(table_name(url), file))
        left -= await run_in_threadpool(
            fetch, url, file, hosts=hosts, most=left, seconds=limits.timeout
        )


def clean_name(name: str | None, number: int | None = None) -> str:
    r"""Return a recording's name without what no table can hold.

    Examples:
        >>> clean_name("a\n b.wav"), clean_name(""), clean_name(None, 2)
        ('a  b.wav', 'recording', 'recording-2')
    """
    text = "".join(c if c.isprintable() else " " for c in table_name(name or ""))
    text = text.strip()[:NAME_LENGTH].strip()
    return text or (UNNAMED if number is None else f"{UNNAMED}-{number}")


def _check_names(names: list[str]) -> None:
    twice = len(names) - len(set(names))
    if twice:
        message = "Two recordings have one name, and rows are told apart by it"
        raise Refusal(422, "same_name", message)


def _too_many(limits: Limits) -> Refusal:
    message = f"A request may bring {limits.max_files} recordings"
    return Refusal(413, "too_many_files", message, headers={"Connection": "close"})
