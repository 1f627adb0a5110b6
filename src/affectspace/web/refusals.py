"""What a service answers when it doesn't do as asked: a status, a code word, and a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

CODES = {
    400: ("invalid", "The request can't be read."),
    404: ("not_found", "There is nothing here."),
    405: ("method_not_allowed", "This address doesn't take such a request."),
    413: ("too_large", "The request is larger than this service takes."),
    422: ("invalid", "Something in the request isn't as it should be."),
}
"""Code words and sentences for statuses that come without their own."""


class Refusal(HTTPException):
    """An answer that says no; raised anywhere below a route.

    Args:
        status: the HTTP status, 400 or above.
        code: a word for programs; pages translate it.
        message: a sentence for people.
        headers: further headers of the answer.
        beside: what else the answer holds, beside the key `error`.

    Attributes:
        details: what is wrong in the request, as objects with `field` and `message`.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        beside: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(status, message, dict(headers or {}))
        self.code = code
        self.beside = dict(beside or {})
        self.details: list[dict[str, str]] = []


def refused(refusal: Refusal) -> JSONResponse:
    """Return the answer that a refusal stands for."""
    error: dict[str, Any] = {"code": refusal.code, "message": refusal.detail}
    if refusal.details:
        error["details"] = refusal.details
    return JSONResponse(
        {"error": error, **refusal.beside}, refusal.status_code, headers=refusal.headers
    )


def unforeseen() -> Refusal:
    """Return the answer to an error that nobody foresaw."""
    return Refusal(500, "internal", "Something went wrong on this side; its log says what")


def answer_refusals(app: FastAPI) -> None:
    """Have an application answer every refusal in the same form."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)


async def _http(_: Request, error: Exception) -> JSONResponse:
    if isinstance(error, Refusal):
        return refused(error)
    status = getattr(error, "status_code", 400)
    code, message = CODES.get(status, ("invalid", "This can't be done."))
    return refused(Refusal(status, code, message, headers=getattr(error, "headers", None)))


async def _validation(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  (registered for it only)
    details = [
        {"field": ".".join(str(part) for part in one["loc"][1:]), "message": str(one["msg"])}
        for one in error.errors()
    ]
    code, message = CODES[422]
    return JSONResponse({"error": {"code": code, "message": message, "details": details}}, 422)
