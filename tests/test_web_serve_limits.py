"""What the service doesn't take, each with its status; who may ask; and what it says of itself."""

import contextlib
import json
import logging
import re
import threading

import numpy as np
import pytest
from starlette.testclient import TestClient

import embedding_tasks as tasks
from affectspace.errors import ServiceError
from affectspace.web.embedders import Embedders
from affectspace.web.serve import jobs
from affectspace.web.serve import serve as serving
from affectspace.web.serve.serve import check_token, read_token
from affectspace.web.serve.service import make_app
from affectspace.web.serve.settings import Limits, Place
from affectspace.web.serve.watch import JsonLines
from embedding_tasks import wait_for
from served_model import HERE, TOKEN, asking, code, made_service
from voices import in_bytes, voice

EMBED = "/v1/embed"
WAV = {"Content-Type": "audio/wav"}


@pytest.fixture(scope="module")
def embedders():
    """Processes that several services of these tests share; `close` is for their end alone."""
    made = Embedders("default")
    close, made.close = made.close, lambda: None
    yield made
    close()


@contextlib.contextmanager
def limited(embedders, **limits):
    """A client of a service whose processes are up again, whatever the test before did to them."""
    with asking(made_service(embedders=embedders, limits=Limits(**limits))) as client:
        wait_for(lambda: embedders.ready == embedders.workers)
        yield client


def send(client, content=b"x", **options):
    return client.post(EMBED, content=content, headers=WAV, **options)


def test_too_many_bytes_are_413_whether_announced_or_not(embedders):
    with limited(embedders, max_bytes=5_000) as client:
        assert send(client, bytes(5_000)).status_code == 200
        for content in (bytes(5_001), iter([bytes(4_000), bytes(4_000)])):
            answer = send(client, content)
            assert (answer.status_code, code(answer)) == (413, "too_large")
        files = [("files", (f"{n}.wav", bytes(2_000))) for n in range(3)]
        assert client.post(EMBED, files=files).status_code == 413
        assert client.service.requests.taken == 0


def test_too_many_files_are_413(embedders):
    with limited(embedders, max_files=2) as client:
        files = [("files", (f"{n}.wav", b"x")) for n in range(3)]
        answer = client.post(EMBED, files=files)
        assert (answer.status_code, code(answer)) == (413, "too_many_files")
        assert client.post(EMBED, files=files[:2]).status_code == 200


def test_too_long_recordings_are_413_alone_or_together(embedders, monkeypatch):
    with limited(embedders, max_seconds=3) as client:
        assert send(client, in_bytes(voice(3.0))).status_code == 200
        answer = send(client, in_bytes(voice(3.1)))
        assert (answer.status_code, code(answer)) == (413, "too_long")
        assert "3 s" in answer.json()["error"]["message"]
        files = [("files", (f"{n}.wav", in_bytes(voice(1.6)))) for n in range(2)]
        assert code(client.post(EMBED, files=files)) == "too_long"


def test_a_recording_that_would_fill_the_memory_is_413():
    quiet = in_bytes(np.zeros((16_000 * 4, 8), np.float32), format="FLAC")
    content = jobs.Content("quiet.flac", quiet)
    jobs.check_extent([content], 600)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "MOST_VALUES", 16_000 * 4 * 8 - 1)
        with pytest.raises(jobs.NotEmbeddedError) as raised:
            jobs.check_extent([content], 600)
    assert raised.value.reason == "too_long"


def test_a_recording_that_takes_too_long_is_504(embedders, monkeypatch):
    with limited(embedders) as client:
        assert send(client).status_code == 200
        monkeypatch.setattr("affectspace.web.serve.service.embed_contents", tasks.hang_on)
        monkeypatch.setattr(embedders, "patience", 0.1)
        answer = send(client)
        assert (answer.status_code, code(answer)) == (504, "timeout")
        assert client.service.requests.taken == 0


def test_a_recording_that_kills_its_process_is_422_and_the_next_is_taken(embedders, monkeypatch):
    with limited(embedders) as client:
        assert send(client).status_code == 200
        with monkeypatch.context() as patch:
            patch.setattr("affectspace.web.serve.service.embed_contents", tasks.die_on)
            answer = send(client)
        assert (answer.status_code, code(answer)) == (422, "not_embedded")
        assert send(client, in_bytes(voice(1.0))).json()["rows"][0]["status"] == "ok"
        assert "affectspace_worker_restarts_total" in client.get("/metrics").text


def test_more_than_it_takes_at_once_are_503_and_told_when_to_come_again(embedders):
    with limited(embedders, concurrency=1) as client:
        with client.service.requests.one():
            answer = send(client)
            assert (answer.status_code, code(answer)) == (503, "busy")
            assert int(answer.headers["Retry-After"]) > 0
            assert client.get("/healthz").status_code == 200
        assert send(client).status_code == 200


def test_what_waits_too_long_for_a_process_is_503(embedders):
    with limited(embedders, timeout=1) as client:
        assert send(client).status_code == 200
        hanging = embedders.submit(tasks.hang, tuple)
        answer = send(client)
        assert (answer.status_code, code(answer)) == (503, "busy")
        assert embedders.waiting == 0
        embedders._workers[0].process.kill()
        assert hanging.exception(20)


def test_too_many_requests_of_one_address_are_429(embedders):
    with limited(embedders, rate=0.01) as client:
        statuses = [client.get("/metrics").status_code for _ in range(3)]
        assert statuses[-1] == 429
    with limited(embedders, rate=1) as client:
        answers = [client.get("/metrics") for _ in range(20)]
        assert answers[0].status_code == 200
        assert (answers[-1].status_code, code(answers[-1])) == (429, "too_many")
        assert int(answers[-1].headers["Retry-After"]) > 0


def test_with_a_token_all_but_page_and_health_ask_for_it(embedders):
    with asking(made_service(embedders=embedders, token=TOKEN)) as client:
        for path in ("/", "/static/base.css"):
            assert client.get(path).status_code == 200
        assert client.get("/healthz").status_code in (200, 503)
        asked = [("GET", "/metrics"), ("GET", "/openapi.json"), ("POST", EMBED), ("GET", "/x")]
        wrong = [
            *({}, {"Authorization": TOKEN}, {"Authorization": f"Basic {TOKEN}"}),
            *({"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": "Bearer "}),
            {"Authorization": b"Bearer \xff\xfe"},
        ]
        for method, path in asked:
            for headers in wrong:
                answer = client.request(method, path, headers=headers)
                assert (answer.status_code, code(answer)) == (401, "no_token")
                assert answer.headers["WWW-Authenticate"] == "Bearer"
        right = {"Authorization": f"bearer  {TOKEN}"}
        assert client.get("/metrics", headers=right).status_code == 200
        assert client.post(EMBED, content=b"x", headers={**WAV, **right}).status_code == 200


def test_without_a_token_it_is_served_to_this_machine_alone():
    check_token(Place())
    check_token(Place(host="0.0.0.0", token=TOKEN))  # noqa: S104
    for host in ("0.0.0.0", "192.168.1.7", "::", "example.org"):  # noqa: S104
        with pytest.raises(ServiceError, match="--token-file"):
            check_token(Place(host=host))
    for token in ("short", "with blanks in it, many", "é" * 20):
        with pytest.raises(ServiceError, match="letters"):
            check_token(Place(token=token))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "localhost"])  # noqa: S104
def test_it_goes_by_the_name_that_it_prints(monkeypatch, host):
    monkeypatch.setattr("socket.gethostname", lambda: "Box-7")
    told, asked = [], []

    def run(app, taken, *, on_start, **_):
        taken.close()
        on_start()
        urls = (told[0], "http://added.example", "http://box-8")
        asked.extend(TestClient(app, base_url=url).get("/").status_code for url in urls)

    monkeypatch.setattr(serving, "run", run)
    place = Place(host, 0, names=("added.example",), token=TOKEN)
    serving.serve("default", place, Limits(), workers=1, on_start=told.append)
    assert told[0].startswith("http://localhost:" if host == "localhost" else "http://Box-7:")
    assert asked == [200, 200, 421]


def test_a_token_comes_from_a_file_or_the_environment(tmp_path):
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    assert read_token(tmp_path / "token", "another") == TOKEN
    assert read_token(None, f" {TOKEN}") == TOKEN
    assert read_token(None, None) is read_token(None, "") is None
    with pytest.raises(ServiceError, match="can't be read"):
        read_token(tmp_path / "none", None)


def test_health_says_how_many_processes_are_ready():
    embedders = Embedders("default", workers=2)
    with asking(made_service(embedders=embedders)) as client:
        wait_for(lambda: embedders.ready == 2)
        answer = client.get("/healthz")
        assert answer.json() == {"ok": True, "workers": {"wanted": 2, "ready": 2}}
        for worker in embedders._workers:
            worker.process.kill()
        wait_for(lambda: embedders.ready == 0)
        answer = client.get("/healthz")
        assert (answer.status_code, answer.json()["ok"]) == (503, False)
        wait_for(lambda: client.get("/healthz").json()["workers"]["ready"] == 2)  # by itself
        assert embedders.restarts == 2


def test_health_is_503_until_a_process_is_ready():
    embedders = Embedders("default")
    asking = TestClient(make_app(made_service(embedders=embedders)), base_url=HERE)
    try:
        assert asking.get("/healthz").status_code == 503
        wait_for(lambda: asking.get("/healthz").status_code == 200)
    finally:
        embedders.close()


def values(text, name):
    """The samples of a metric, by their labels."""
    pattern = rf"^{name}(\{{[^}}]*\}})? ([\d.e+]+)$"
    return {labels: float(value) for labels, value in re.findall(pattern, text, re.MULTILINE)}


def test_metrics_count_what_happened_without_names(embedders):
    with limited(embedders, concurrency=3) as client:
        files = [("files", ("secret-a.wav", in_bytes(voice(2.0)))), ("files", ("secret-b", b"x"))]
        assert client.post(EMBED, files=files).status_code == 200
        client.get("/secret-path")
        client.request("SECRET", "/metrics")
        text = client.get("/metrics").text
        assert values(text, "affectspace_rows_total") == {
            '{status="ok"}': 1,
            '{status="unreadable"}': 1,
        }
        assert values(text, "affectspace_audio_seconds_total")[""] == pytest.approx(2.0)
        requests = values(text, "affectspace_requests_total")
        assert requests['{method="POST",route="/v1/embed",status="200"}'] == 1
        assert requests['{method="GET",route="none",status="404"}'] == 1
        assert requests['{method="other",route="/metrics",status="405"}'] == 1
        counts = values(text, "affectspace_request_seconds_count")
        assert counts['{route="/v1/embed"}'] == 1
        assert values(text, "affectspace_requests_in_flight")[""] == 0
        assert values(text, "affectspace_requests_most")[""] == 3
        assert values(text, "affectspace_workers_ready")[""] == 1
        assert "secret" not in text.lower()


def test_each_request_is_a_line_of_json_without_names_or_tokens(embedders, caplog):
    caplog.set_level(logging.INFO, logger="affectspace.requests")
    headers = {"Authorization": f"Bearer {TOKEN}", "X-Request-ID": "mine-1"}
    with asking(made_service(embedders=embedders, token=TOKEN)) as client:
        content = in_bytes(voice(1.0))
        files = {"files": ("secret.wav", content)}
        answer = client.post(EMBED, files=files, headers=headers)
        assert answer.headers["X-Request-ID"] == "mine-1"
        other = client.get("/metrics?secret=1", headers={"X-Request-ID": "not one\n"[:7] + "!"})
        assert re.fullmatch(r"[0-9a-f]{32}", other.headers["X-Request-ID"])
    lines = [JsonLines().format(record) for record in caplog.records if hasattr(record, "line")]
    first, second = (json.loads(line) for line in lines)
    assert {key: first[key] for key in ("method", "route", "status", "rows", "request")} == {
        "method": "POST",
        "route": EMBED,
        "status": 200,
        "rows": 1,
        "request": "mine-1",
    }
    assert first["bytes"] > len(content)
    assert first["seconds"] > 0
    assert second["status"] == 401
    assert not any("secret" in line or TOKEN in line for line in lines)


def test_an_error_is_logged_with_its_place_and_without_its_words():
    try:
        raise ZeroDivisionError("se" + "cret.wav")
    except ZeroDivisionError as error:
        info = (type(error), error, error.__traceback__)
    record = logging.LogRecord("x", logging.ERROR, "x", 1, "it %s", ("failed",), info)
    line = json.loads(JsonLines().format(record))
    assert (line["message"], line["error"], line["level"]) == (
        "it failed",
        "ZeroDivisionError",
        "error",
    )
    assert "test_web_serve_limits" in line["at"]
    assert "secret.wav" not in json.dumps(line)


def test_several_ask_at_once_and_each_gets_its_own(embedders):
    found = {}
    with limited(embedders) as client:

        def ask(number):
            content = in_bytes(voice(1.0 + number / 10))
            answer = send(client, content, params={"name": f"{number}.wav"})
            found[number] = answer.json()["rows"][0]

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    for number, row in found.items():
        assert (row["file"], row["duration"]) == (f"{number}.wav", 1.0 + number / 10)
    assert len(found) == 6
