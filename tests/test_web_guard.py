"""What every service shares: hosts, origins, sizes, rates, links, sessions, files, sound."""

import io
import os
import socket
import stat

import numpy as np
import pytest
import soundfile
from fastapi import Request
from pydantic import BaseModel
from starlette.testclient import TestClient

from affectspace.errors import AudioError, ServiceError
from affectspace.web import files, limits, running, tokens
from affectspace.web.guard import HEADERS, Rules, is_host
from affectspace.web.limits import RateLimit
from affectspace.web.refusals import Refusal
from affectspace.web.service import make_service
from affectspace.web.sound import WavCache, answer_range, as_wav
from affectspace.web.tokens import Bearer, Keyring, read_secret

HERE = "http://127.0.0.1:8480"


class Text(BaseModel):
    text: str


def client(rules=None, **options):
    app = make_service("test", rules=rules or Rules(), pages=["nothing"])

    @app.post("/api/echo")
    async def echo(body: Text) -> dict[str, str]:
        return {"text": body.text}

    @app.get("/api/fail")
    def fail(request: Request) -> None:
        raise ZeroDivisionError("a secret")

    return TestClient(app, base_url=HERE, raise_server_exceptions=False, **options)


def code(answer):
    return answer.json()["error"]["code"]


@pytest.mark.parametrize("path", ["/", "/healthz", "/static/none.js", "/api/fail", "/nothing"])
def test_every_answer_forbids_what_it_can(path):
    answer = client().get(path)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    policy = HEADERS["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "server" not in answer.headers


def test_it_lists_and_describes_nothing():
    for path in ("/docs", "/redoc", "/openapi.json", "/static/", "/static", "/static/wording"):
        assert client().get(path).status_code == 404
    assert "personal link" in client().get("/").text


@pytest.mark.parametrize(
    "path",
    [
        *("../service.py", "%2e%2e/service.py", "..%2fservice.py", "%2e%2e%2f%2e%2e%2fcli.py"),
        *("/etc/passwd", "%2fetc%2fpasswd", "rate.js%00.css", "....//service.py", "..\\guard.py"),
    ],
)
def test_no_path_leads_out_of_the_packaged_files(path):
    assert client().get(f"/static/{path}").status_code in (404, 405)


def test_packaged_files_are_a_list_with_types_and_tags(tmp_path):
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "a.js").write_text("1")
    (tmp_path / "static" / "secret.py").write_text("1")
    found = files.packaged(tmp_path)
    assert list(found) == ["static/a.js"]
    assert found["static/a.js"].media_type.startswith("text/javascript")


def test_a_browser_that_has_a_file_is_not_sent_it_again():
    page = client().get("/static/rate.css")
    assert page.status_code == 200
    assert "css" in page.headers["content-type"]
    again = client().get("/static/rate.css", headers={"If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["/", "/healthz", "/static/rate.css", "/rate"])
def test_what_is_read_may_be_asked_about_without_its_body(path):
    app = make_service("test", rules=Rules(), pages=["rate"])
    asking = TestClient(app, base_url=HERE)
    read, asked = asking.get(path), asking.head(path)
    assert (asked.status_code, asked.content) == (read.status_code, b"") == (200, b"")
    assert asked.headers == read.headers


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8480", "127.0.0.1.evil.example", ""]
)
def test_a_name_that_is_not_ours_is_turned_away(host):
    answer = client().get("/healthz", headers={"Host": host})
    assert (answer.status_code, code(answer)) == (421, "bad_host")
    assert "--allow-host NAME" in answer.json()["error"]["message"]
    unnamed = client(Rules(naming="")).get("/healthz", headers={"Host": host})
    assert "printed" in unnamed.json()["error"]["message"]
    assert "--" not in unnamed.json()["error"]["message"]


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:80", "192.168.1.7:8480"])
def test_this_machine_and_addresses_in_digits_pass(host):
    assert client().get("/healthz", headers={"Host": host}).status_code == 200


def test_further_names_pass_where_they_are_given():
    rules = Rules(hosts=("STUDY.example",))
    assert client(rules).get("/healthz", headers={"Host": "Study.Example"}).status_code == 200
    assert not is_host("[::1", ())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": HERE}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:9999"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": HERE}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": HERE}, 200),
    ],
)
def test_only_own_pages_change_anything(headers, status):
    answer = client().post("/api/echo", json={"text": "x"}, headers=headers)
    assert answer.status_code == status
    assert status == 200 or code(answer) == "bad_origin"


def test_the_page_behind_a_proxy_is_an_own_page():
    rules = Rules(hosts=("study.example",), origins=("https://study.example",))
    headers = {"Host": "127.0.0.1:8480", "Origin": "https://study.example"}
    assert client(rules).post("/api/echo", json={"text": "x"}, headers=headers).status_code == 200


@pytest.mark.parametrize("known", [True, False])
def test_a_body_has_a_bound_whether_it_says_its_length_or_not(known):
    content = b'{"text": "' + b"x" * 70_000 + b'"}'
    sent = content if known else iter([content[:40_000], content[40_000:]])
    headers = {"Content-Type": "application/json"}
    answer = client().post("/api/echo", content=sent, headers=headers)
    assert (answer.status_code, code(answer)) == (413, "too_large")


def test_a_path_may_have_another_bound():
    larger = Rules(larger={"/api/echo": 100_000})
    answer = client(larger).post("/api/echo", json={"text": "x" * 70_000})
    assert answer.status_code == 200


def test_large_headers_are_refused():
    answer = client().get("/healthz", headers={"x": "x" * 40_000})
    assert (answer.status_code, code(answer)) == (431, "too_large")
    assert client().get(f"/healthz?{'x' * 40_000}").status_code == 431


@pytest.mark.parametrize("length", ["-1", "x", "9" * 400])
def test_a_length_that_is_none_is_refused(length):
    headers = {"Content-Length": length, "Content-Type": "application/json"}
    answer = client().post("/api/echo", content=b"{}", headers=headers)
    assert answer.status_code == 413


def test_rates_are_bound_for_each_and_pages_are_free():
    rules = Rules(strangers=RateLimit(per_second=0.001, burst=2), clock=lambda: 0.0)
    asking = client(rules)
    answers = [asking.get("/healthz") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert asking.get("/static/none.js").status_code == 404
    rules = Rules(strangers=RateLimit(per_second=1, burst=1), who=lambda headers: headers.get("x"))
    asking = client(rules)
    assert [asking.get("/healthz", headers={"x": str(n)}).status_code for n in range(5)] == [
        200
    ] * 5


def test_a_rate_forgets_who_has_all_requests_back(monkeypatch):
    monkeypatch.setattr(limits, "REMEMBERED", 3)
    limit = RateLimit(per_second=1, burst=2)
    for number in range(4):
        limit.wait(str(number), now=number * 10.0)
    assert len(limit._left) == 1
    for number in range(20):
        limit.wait(f"all at once {number}", now=31.0)
    assert len(limit._left) <= 4


def test_an_unforeseen_error_says_nothing_of_itself():
    answer = client().get("/api/fail")
    assert (answer.status_code, code(answer)) == (500, "internal")
    assert "secret" not in answer.text


def test_wrong_bodies_are_told_in_words():
    answer = client().post("/api/echo", json={})
    assert answer.json()["error"]["details"][0]["field"] == "text"
    answer = client().post("/api/echo", content=b"{", headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    answer = client().put("/api/echo", json={})
    assert (answer.status_code, code(answer)) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"
    assert Refusal(404, "not_found", "x").details == []


def test_a_link_opens_for_its_bearer_only():
    keyring, other = Keyring(b"a" * 32), Keyring(b"b" * 32)
    bearer = Bearer("rater", 12, 3)
    token = keyring.link(bearer)
    assert keyring.read_link(token) == bearer
    assert other.read_link(token) is None
    for wrong in (token[:-1], token + "A", token.replace(".3.", ".4."), "", "x", token + "\n", "é"):
        assert keyring.read_link(wrong) is None
    assert len({keyring.link(Bearer("rater", 1, n)) for n in range(50)}) == 50
    with pytest.raises(ValueError, match="16 bytes"):
        Keyring(b"short")


def test_a_session_ends_and_belongs_to_its_secret():
    keyring = Keyring(b"a" * 32)
    bearer = Bearer("lead", 0, 1)
    cookie = keyring.session(bearer, now=1000.0)
    assert keyring.read_session(cookie, now=1001.0) == bearer
    assert keyring.read_session(cookie, now=1000.0 + tokens.SESSION_SECONDS) is None
    assert Keyring(b"b" * 32).read_session(cookie, now=1001.0) is None
    assert keyring.read_session(keyring.link(bearer), now=1.0) is None
    assert keyring.read_link(cookie) is None
    another = keyring.session(bearer, now=1000.0)
    assert another != cookie
    assert keyring.is_csrf(keyring.csrf(cookie), cookie)
    assert not keyring.is_csrf(keyring.csrf(another), cookie)
    assert not keyring.is_csrf("é", cookie)


def test_a_secret_is_made_once_and_for_its_owner(tmp_path):
    secret = read_secret(tmp_path / "secret")
    assert len(secret) == 32
    assert read_secret(tmp_path / "secret") == secret
    assert stat.S_IMODE(os.stat(tmp_path / "secret").st_mode) == 0o600  # noqa: PTH116


def made(folder, name, *, channels=1, rate=16_000, **options):
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (rate, channels))
    soundfile.write(folder / name, samples, rate, **options)
    return folder / name


@pytest.mark.parametrize(
    ("name", "channels", "heard"),
    [("a.wav", 1, 1), ("b.flac", 2, 2), ("c.ogg", 1, 1), ("d.wav", 6, 1)],
)
def test_any_format_is_sent_as_plain_wav(tmp_path, name, channels, heard):
    content = as_wav(made(tmp_path, name, channels=channels, rate=22_050))
    info = soundfile.info(io.BytesIO(content))
    assert (info.format, info.subtype, info.samplerate) == ("WAV", "PCM_16", 22_050)
    assert (info.channels, info.frames) == (heard, 22_050)


def test_a_span_is_cut_out_and_tags_stay_behind(tmp_path):
    path = tmp_path / "tagged.wav"
    with soundfile.SoundFile(path, "w", 16_000, 1) as file:
        file.title = "ANGRY SPEAKER"
        file.write(np.linspace(-1, 1, 16_000))
    assert b"ANGRY" in path.read_bytes()
    content = as_wav(path, 0.25, 0.5)
    assert b"ANGRY" not in content
    samples, _ = soundfile.read(io.BytesIO(content))
    assert samples == pytest.approx(np.linspace(-1, 1, 16_000)[4000:8000], abs=2**-14)


def test_samples_beyond_full_scale_are_clipped_not_wrapped(tmp_path):
    soundfile.write(tmp_path / "loud.wav", np.full(100, 1.5), 16_000, subtype="FLOAT")
    samples, _ = soundfile.read(io.BytesIO(as_wav(tmp_path / "loud.wav")))
    assert samples == pytest.approx(1.0, abs=2**-14)


def test_the_cache_keeps_within_its_bound_and_sees_changes(tmp_path):
    first, second = made(tmp_path, "1.wav"), made(tmp_path, "2.wav")
    cache = WavCache(limit=40_000)  # one of them
    wav = cache.get(str(first))
    assert cache.get(str(first)) is wav
    cache.get(str(second))
    assert cache.get(str(first)) is not wav
    soundfile.write(first, np.zeros(100), 16_000)
    assert len(cache.get(str(first))) < len(wav)
    (tmp_path / "x.wav").write_bytes(b"nothing")
    with pytest.raises(AudioError):
        cache.get(str(tmp_path / "x.wav"))


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        (None, 200, slice(None)),
        ("bytes=0-", 206, slice(0, None)),
        ("bytes=10-19", 206, slice(10, 20)),
        ("bytes=90-1000", 206, slice(90, None)),
        ("bytes=-5", 206, slice(95, None)),
        ("bytes=-500", 206, slice(0, None)),
        ("bytes=100-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=20-10", 200, slice(None)),
        ("bytes=0-1,5-6", 200, slice(None)),
        ("bytes=-", 200, slice(None)),
        ("bytes=" + "9" * 5000 + "-", 200, slice(None)),
        ("items=1-2", 200, slice(None)),
    ],
)
def test_ranges_are_answered_as_http_has_it(asked, status, part):
    content = bytes(range(100))
    answer = answer_range(content, asked, tag="t")
    assert answer.status_code == status
    assert answer.headers["accept-ranges"] == "bytes"
    if part is None:
        assert answer.headers["content-range"] == "bytes */100"
        return
    assert answer.body == content[part]
    if status == 206:
        first, last, _ = part.indices(100)
        assert answer.headers["content-range"] == f"bytes {first}-{last - 1}/100"


def test_an_address_that_is_taken_is_said_in_words():
    with running.bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        assert running.url_of(taken, "127.0.0.1") == f"http://127.0.0.1:{port}"
        with pytest.raises(ServiceError, match=f"port {port} .* --port"):
            running.bind("127.0.0.1", port)
    with pytest.raises(ServiceError, match=r"no\.such\.host\.invalid"):
        running.bind("no.such.host.invalid", 0)
    assert not running.is_loopback("example.org")
    with running.bind("0.0.0.0", 0) as taken:  # noqa: S104
        assert socket.gethostname() in running.url_of(taken, "0.0.0.0")  # noqa: S104
