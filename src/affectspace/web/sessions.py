"""Who asks: cookies of raters, of the study lead and of who explores, and what pages send beside.

Each has cookies of its own, so that a lead can try a rater's link in the same browser. A
page sends its token with every request: so it finds out that another link was opened meanwhile,
and another site's page, which knows no token, can do nothing.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie

from fastapi import Request
from fastapi.responses import Response

from affectspace.web.refusals import Refusal
from affectspace.web.tokens import SESSION_SECONDS, Bearer, Keyring

CSRF_HEADER = "X-CSRF-Token"
KINDS = ("rater", "lead", "explore")


class Sessions:
    """Reads and sets cookies.

    Args:
        keyring: signs them.
        secure: whether browsers may send them over https only.
        clock: seconds since 1970.
    """

    def __init__(
        self, keyring: Keyring, *, secure: bool, clock: Callable[[], float] = time.time
    ) -> None:
        self._keyring, self._secure, self._clock = keyring, secure, clock
        # browsers keep one jar for all ports of a machine, and two studies may run on it
        self._study = hashlib.sha256(keyring.csrf("name of cookies").encode()).hexdigest()[:12]

    def open(self, request: Request, response: Response, bearer: Bearer) -> str:
        """Begin a session; return what the page must send beside its cookie."""
        cookie = self._keyring.session(bearer, now=self._clock())
        response.set_cookie(
            self._name(bearer.kind),
            cookie,
            max_age=SESSION_SECONDS,
            path=_path(request, bearer.kind),
            secure=self._secure,
            httponly=True,
            samesite="strict",
        )
        return self._keyring.csrf(cookie)

    def close(self, request: Request, response: Response, kind: str) -> None:
        """End a session in this browser."""
        response.delete_cookie(
            self._name(kind),
            path=_path(request, kind),
            secure=self._secure,
            httponly=True,
            samesite="strict",
        )

    def link(self, token: str, kind: str) -> Bearer:
        """Return whom a link stands for.

        Raises:
            Refusal: `bad_link`.
        """
        bearer = self._keyring.read_link(token)
        if bearer is None or bearer.kind != kind:
            raise bad_link()
        return bearer

    def of(self, request: Request, kind: str, *, csrf: bool = True) -> Bearer:
        """Return whose session a request belongs to.

        Args:
            request: the request.
            kind: one of `KINDS`.
            csrf: whether it has to bring the page's token.

        Raises:
            Refusal: `no_session` or `bad_csrf`.
        """
        cookie = request.cookies.get(self._name(kind), "")
        bearer = self._keyring.read_session(cookie, now=self._clock())
        if bearer is None or bearer.kind != kind:
            raise Refusal(401, "no_session", "Open your personal link to begin")
        if csrf and not self._keyring.is_csrf(request.headers.get(CSRF_HEADER, ""), cookie):
            raise Refusal(403, "bad_csrf", "Another link was opened in this browser; load anew")
        return bearer

    def csrf(self, request: Request, kind: str) -> str:
        """Return what the page of a session must send beside its cookie."""
        return self._keyring.csrf(request.cookies.get(self._name(kind), ""))

    def asker(self, cookies: str) -> str | None:
        """Tell by the header Cookie who asks, for the rate limit; None is a stranger."""
        try:
            found = SimpleCookie(cookies)
        except CookieError:
            return None
        for kind in KINDS:
            cookie = found.get(self._name(kind))
            bearer = cookie and self._keyring.read_session(cookie.value, now=self._clock())
            if bearer:
                return f"{bearer.kind} {bearer.number}"
        return None

    def _name(self, kind: str) -> str:
        return f"affectspace_{kind}_{self._study}"


def bad_link() -> Refusal:
    """Return the answer to a link that isn't one, or no longer."""
    return Refusal(403, "bad_link", "This link isn't valid, or no longer; ask for a new one")


def _path(request: Request, kind: str) -> str:
    return f"{request.scope.get('root_path', '')}/api/{kind}"
