"""Recordings from elsewhere: named hosts alone, never inside by accident, bounded."""

import http.server
import io
import socket
import threading
import time
from contextlib import contextmanager

import pytest

from affectspace.errors import ServiceError
from affectspace.web.refusals import Refusal
from affectspace.web.serve import fetching
from affectspace.web.serve.fetching import fetch
from affectspace.web.serve.settings import Limits
from served_model import asking, made_service
from voices import in_bytes, voice

HOME = "127.0.0.1"


class Files(http.server.BaseHTTPRequestHandler):
    """Serves a voice, redirects, trouble."""

    asked: list

    def do_GET(self):
        self.asked.append(self.path)
        kind = self.path.strip("/").partition("?")[0]
        if kind == "voice.wav":
            self._answer(200, in_bytes(voice(1.0)))
        elif kind == "there":
            self._answer(302, b"", Location="/voice.wav")
        elif kind == "inside":
            self._answer(302, b"", Location="http://localhost:1/secret")
        elif kind == "local":
            self._answer(302, b"", Location="file:///etc/passwd")
        elif kind == "round":
            self._answer(302, b"", Location="/round")
        elif kind == "drip":
            self.send_response(200)
            self.end_headers()
            for _ in range(30):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.1)
        else:
            self._answer(404, b"none")

    def _answer(self, status, content, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *anything):
        pass


@contextmanager
def files():
    handler = type("Handler", (Files,), {"asked": []})
    with http.server.ThreadingHTTPServer((HOME, 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        server.asked, server.host = handler.asked, f"{HOME}:{server.server_port}"
        server.url = f"http://{server.host}"
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def elsewhere():
    with files() as server:
        yield server


def had(url, *hosts, most=10**6, seconds=20):
    file = io.BytesIO()
    size = fetch(url, file, hosts=hosts, most=most, seconds=seconds)
    assert size == len(file.getvalue())
    return file.getvalue()


def refused(url, *hosts, **options):
    with pytest.raises(Refusal) as raised:
        had(url, *hosts, **options)
    return raised.value.status_code, raised.value.code


def test_a_file_comes_from_a_host_that_was_named_and_its_address_too(elsewhere):
    content = in_bytes(voice(1.0))
    for hosts in ((elsewhere.host, HOME), (elsewhere.host, "127.0.0.0/8"), (elsewhere.host,)):
        assert had(f"{elsewhere.url}/voice.wav?x=1", *hosts) == content
    assert elsewhere.asked[-1] == "/voice.wav?x=1"
    assert had(f"{elsewhere.url}/there", elsewhere.host, HOME) == content


def test_what_was_not_named_is_not_asked(elsewhere):
    before = len(elsewhere.asked)
    url = f"{elsewhere.url}/voice.wav"
    for hosts in ((), ("example.org",), (HOME,), ("127.0.0.0/8",), (f"{HOME}:1",)):
        assert refused(url, *hosts) == (403, "bad_host_name")
    port = elsewhere.server_port
    url, name = f"http://localhost:{port}/voice.wav", f"localhost:{port}"
    for hosts in ((name,), (name, f"{HOME}:1", "[::1]:1")):  # its address isn't public
        assert refused(url, *hosts) == (403, "bad_host_name")
    assert len(elsewhere.asked) == before


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "172.16.0.1", "0.0.0.0"),  # noqa: S104
        *("::1", "fd00::1", "fe80::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "100.64.0.1"),
        *("224.0.0.1", "ff02::1"),
    ],
)
def test_a_public_name_does_not_lead_inside(monkeypatch, address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    both = [(family, socket.SOCK_STREAM, 6, "", (one, 80)) for one in ("93.184.215.14", address)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    monkeypatch.setattr(socket, "create_connection", None)
    assert refused("http://media.example/x.wav", "media.example") == (403, "bad_host_name")


def test_the_address_that_was_checked_is_the_one_that_is_asked(monkeypatch, elsewhere):
    asked = []

    def lookup(name, port, **_):
        asked.append(name)
        inside = HOME if len(asked) == 1 else "10.0.0.1"  # as an evil name server would
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (inside, port))]

    with monkeypatch.context() as patch:
        connect = socket.create_connection
        patch.setattr(socket, "getaddrinfo", lookup)

        def to_the_checked(address, timeout):
            patch.undo()
            return connect(address, timeout)

        patch.setattr(socket, "create_connection", to_the_checked)
        port = elsewhere.server_port
        url = f"http://media.example:{port}/voice.wav"
        assert had(url, f"media.example:{port}", HOME) == in_bytes(voice(1.0))
    assert asked == ["media.example"]


def led_to(*addresses):
    return lambda *_, **__: [(0, socket.SOCK_STREAM, 6, "", (one, 80)) for one in addresses]


def test_the_usual_port_may_be_said_and_names_have_no_case(monkeypatch):
    asked = []

    def connect(address, timeout):
        asked.append(address)
        raise OSError

    monkeypatch.setattr(socket, "create_connection", connect)
    for url, host, address, port in [
        ("https://media.example/x", "media.example:443", "93.184.215.14", 443),
        ("http://media.example:80/x", "Media.Example", "93.184.215.14", 80),
        ("http://[fd00::7]:8080/x", "[FD00::7]:8080", "fd00::7", 8080),
        ("http://10.0.0.7:8080/x", "10.0.0.7:8080", "10.0.0.7", 8080),
    ]:
        monkeypatch.setattr(socket, "getaddrinfo", led_to(address))
        fetching.check_hosts([host])
        assert refused(url, host) == (422, "not_fetched")
        assert asked.pop() == (address, port)
    assert refused("http://media.example/x", "media.example:443") == (403, "bad_host_name")


@pytest.mark.parametrize(
    "host",
    [
        *("https://media.example", "media.example/x", "*.example", "", "a b", "media.example:"),
        *("media.example:x", "media.example:99999", "10.0.0.0/24:80", "u@media.example"),
        *("fd00::7:8080x", "media.example:080"),
    ],
)
def test_what_is_no_host_is_refused_at_the_start(host):
    with pytest.raises(ServiceError, match=r"media\.example\.org:8443"):
        fetching.check_hosts([host])


def test_a_name_that_leads_inside_is_refused_at_the_start(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", led_to("93.184.215.14", "10.0.0.7"))
    for hosts in (["files.lan"], ["files.lan:8080"], ["files.lan:8080", "10.0.0.7:1"]):
        with pytest.raises(ServiceError, match=r"--allow-urls 10\.0\.0\.7"):
            fetching.check_hosts(hosts)
    for address in ("10.0.0.7", "10.0.0.7:8080", "10.0.0.0/24"):
        fetching.check_hosts(["files.lan:8080", address])
    monkeypatch.undo()
    fetching.check_hosts(["no-such-host.invalid:8080"])


def test_a_redirect_leads_nowhere_else(elsewhere):
    hosts = (elsewhere.host, HOME)
    assert refused(f"{elsewhere.url}/inside", *hosts) == (403, "bad_host_name")
    assert refused(f"{elsewhere.url}/local", *hosts) == (422, "invalid")
    assert refused(f"{elsewhere.url}/round", *hosts) == (422, "not_fetched")
    assert elsewhere.asked.count("/round") == fetching.HOPS + 1


def test_what_cannot_be_had_is_said_in_words(elsewhere, monkeypatch):
    hosts = (elsewhere.host, HOME)
    assert refused(f"{elsewhere.url}/none", *hosts) == (422, "not_fetched")
    assert refused(f"{elsewhere.url}/voice.wav", *hosts, most=1_000) == (413, "too_large")
    assert refused(f"{elsewhere.url}/drip", *hosts, seconds=0.3) == (422, "not_fetched")
    assert refused(f"http://{HOME}:1/x", f"{HOME}:1", HOME) == (422, "not_fetched")
    assert refused("http://no-such-host.invalid/x", "no-such-host.invalid")[0] == 422
    assert refused(f"https://{elsewhere.host}/x", *hosts) == (422, "not_fetched")  # no TLS there


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "ftp://example.org/x", "example.org", "http://", "http://[::1"),
        *("http://example.org:x/", "http://user:password@example.org/", "http://example.org/a b"),
        *("http://example.org/\r\nX: y", "http://exämple.org/", "gopher://example.org"),
    ],
)
def test_addresses_that_are_none_are_422(url):
    assert refused(url, "example.org") == (422, "invalid")


def test_the_service_embeds_what_it_fetches(elsewhere):
    url = f"{elsewhere.url}/voice.wav"
    service = made_service(hosts=(elsewhere.host, HOME), limits=Limits(max_files=2))
    with asking(service) as client:
        answer = client.post("/v1/embed", json={"urls": [url]})
        (row,) = answer.json()["rows"]
        assert (row["file"], row["status"], row["duration"]) == (url, "ok", 1.0)
        for body, status in [
            ({"urls": [f"{elsewhere.url}/none"]}, 422),
            ({"urls": ["http://example.org/x.wav"]}, 403),
            ({"urls": [url] * 3}, 413),
            ({"urls": [url] * 2}, 422),  # rows would be of one name
            ({"urls": []}, 422),
            ({"urls": url}, 422),
            ({"urls": [url], "x": 1}, 422),
            ([], 422),
            ({"urls": ["x" * 1_000] * 100}, 413),
        ]:
            assert client.post("/v1/embed", json=body).status_code == status, body
