"""A small stand-in for the Hugging Face hub: the few addresses that a download asks for."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What the hub holds, and what was asked of it.

    Attributes:
        files: of the one repository there is, `org/name`, at `COMMIT`, `main` and `v1`.
        sizes: what the hub claims of a file, where that isn't the truth.
        asked: method and path of each request.
        address: of the server.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    address: str = ""

    def downloaded(self) -> list[str]:
        """Return the files whose content was sent, as often as it was."""
        return [ask.rpartition("/")[2] for ask in self.asked if ask.startswith("GET /org/name/")]

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body."""
        api = "/api/models/org/name"
        if path in (api, *(f"{api}/revision/{name}" for name in ("main", "v1", COMMIT))):
            siblings = [{"rfilename": n, "size": self._size(n), "blobId": n} for n in self.files]
            about = {"id": "org/name", "sha": COMMIT, "siblings": siblings, "private": False}
            return 200, {"Content-Type": "application/json"}, json.dumps(about).encode()
        if path == f"{api}/tree/{COMMIT}":
            tree = [
                {"type": "file", "path": n, "size": self._size(n), "oid": _oid(d)}
                for n, d in self.files.items()
            ]
            return 200, {"Content-Type": "application/json"}, json.dumps(tree).encode()
        name = path.removeprefix(f"/org/name/resolve/{COMMIT}/")
        if name in self.files:
            data = self.files[name]
            headers = {"ETag": f'"{_oid(data)}"', "X-Repo-Commit": COMMIT}
            return 200, headers, data
        missing = "RevisionNotFound" if path.startswith(api) else "RepoNotFound"
        return 404, {"X-Error-Code": missing, "X-Error-Message": "not here"}, b"{}"

    def _size(self, name: str) -> int:
        return self.sizes.get(name, len(self.files[name]))


@contextmanager
def hub(folder: Path) -> Iterator[Hub]:
    """Serve a folder's files as the repository `org/name` while the context lasts."""
    served = Hub({path.name: path.read_bytes() for path in folder.iterdir()})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            served.asked.append(f"{self.command} {path}")
            status, headers, body = served.answer(path)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()


def _oid(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()  # noqa: S324
