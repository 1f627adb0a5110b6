"""Links that can't be guessed, and sessions, both signed with the secret of a folder.

Nothing of them is stored: a link is a kind, a number, a generation and a signature, and ends when
the generation moves on. So links outlast a restart, can be shown again, and a copy of a database
alone opens nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path

SECRET_BYTES = 32
SIGNATURE_BYTES = 24
SESSION_SECONDS = 30 * 24 * 3600

_LINK = re.compile(r"([a-z]{1,20})\.(\d{1,9})\.(\d{1,9})\.([\w-]{32})", re.ASCII)
_SESSION = re.compile(
    r"([a-z]{1,20})\.(\d{1,9})\.(\d{1,9})\.(\d{1,12})\.([\w-]{22})\.([\w-]{32})", re.ASCII
)


@dataclass(frozen=True)
class Bearer:
    """Whom a link or a session stands for.

    Attributes:
        kind: a word, such as `rater` or `lead`.
        number: which of that kind.
        generation: of the link; an older one than the current is void.
    """

    kind: str
    number: int
    generation: int


def read_secret(path: str | Path) -> bytes:
    """Return a folder's secret; made, readable by its owner only, where there is none.

    Raises:
        OSError: when it can't be read or written.
    """
    path = Path(path)
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return bytes.fromhex(path.read_text(encoding="ascii").strip())
    with os.fdopen(file, "w", encoding="ascii") as writing:
        made = secrets.token_bytes(SECRET_BYTES)
        writing.write(made.hex() + "\n")
        writing.flush()
        os.fsync(writing.fileno())
    return made


class Keyring:
    """Makes and reads links and sessions.

    Args:
        secret: at least 16 bytes.

    Examples:
        >>> keyring = Keyring(bytes(32))
        >>> token = keyring.link(Bearer("rater", 3, 1))
        >>> token[:10], keyring.read_link(token)
        ('rater.3.1.', Bearer(kind='rater', number=3, generation=1))
        >>> keyring.read_link(token.replace("rater.3", "rater.4")) is None
        True
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) < 16:
            raise ValueError(f"a secret has at least 16 bytes, this one {len(secret)}")
        self._secret = secret

    def link(self, bearer: Bearer) -> str:
        """Return the token of a personal link: letters, digits, `.`, `_` and `-`."""
        text = f"{bearer.kind}.{bearer.number}.{bearer.generation}"
        return f"{text}.{self._sign('link', text)}"

    def read_link(self, token: str) -> Bearer | None:
        """Return whom a link stands for; None where it isn't one of ours."""
        found = _LINK.fullmatch(token)
        text = token.rpartition(".")[0]
        if not found or not hmac.compare_digest(found[4], self._sign("link", text)):
            return None
        return Bearer(found[1], int(found[2]), int(found[3]))

    def session(self, bearer: Bearer, *, now: float) -> str:
        """Return a new session's cookie.

        Args:
            bearer: whom it stands for.
            now: seconds since 1970; it ends 30 days later.
        """
        nonce = secrets.token_urlsafe(16)
        ends = int(now) + SESSION_SECONDS
        text = f"{bearer.kind}.{bearer.number}.{bearer.generation}.{ends}.{nonce}"
        return f"{text}.{self._sign('session', text)}"

    def read_session(self, cookie: str, *, now: float) -> Bearer | None:
        """Return whom a session stands for; None where it is over, or not one of ours."""
        found = _SESSION.fullmatch(cookie)
        text = cookie.rpartition(".")[0]
        if not found or not hmac.compare_digest(found[6], self._sign("session", text)):
            return None
        return Bearer(found[1], int(found[2]), int(found[3])) if now < int(found[4]) else None

    def csrf(self, cookie: str) -> str:
        """Return what a page must send beside a session's cookie."""
        return self._sign("csrf", cookie)

    def is_csrf(self, token: str, cookie: str) -> bool:
        """Tell whether a page sent what belongs to its session."""
        return hmac.compare_digest(token.encode(), self.csrf(cookie).encode())

    def _sign(self, purpose: str, text: str) -> str:
        digest = hmac.digest(self._secret, f"{purpose}:{text}".encode(), hashlib.sha256)
        return urlsafe_b64encode(digest[:SIGNATURE_BYTES]).decode("ascii")
