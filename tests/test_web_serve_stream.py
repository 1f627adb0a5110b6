"""A stream: the rows of `embed --segment WINDOW:1`, as they come; limits; who may open one."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

import embedding_tasks as tasks
from affectspace.model import load_model
from affectspace.segments import window_spans
from affectspace.web.embedders import Embedders
from affectspace.web.serve.settings import Limits
from affectspace.web.serve.stream import Windows
from served_model import HERE, TOKEN, asking, assert_same, expected, made_service
from voices import voice, write

STREAM = "ws://127.0.0.1:8000/v1/stream"
END = json.dumps({"end": True})


@pytest.fixture(scope="module")
def model():
    return load_model("default")


@pytest.fixture(scope="module")
def embedders():
    made = Embedders("default")
    close, made.close = made.close, lambda: None
    yield made
    close()


@pytest.fixture(scope="module")
def client(embedders):
    with asking(made_service(embedders=embedders)) as client:
        yield client


def limited(embedders, **limits):
    return asking(made_service(embedders=embedders, limits=Limits(**limits)))


def pcm(samples):
    return (samples * 32767).round().astype("<i2").tobytes()


def told(socket, key):
    """The content of the next message, which has to be of this kind."""
    message = json.loads(socket.receive_text())
    assert list(message) == [key], message
    return message[key]


def streamed(client, content, *, step, query=""):
    """All that comes back for a stream that is sent in parts of `step` bytes."""
    with client.websocket_connect(f"{STREAM}{query}") as socket:
        ready = told(socket, "ready")
        for first in range(0, len(content), step):
            socket.send_bytes(content[first : first + step])
        socket.send_text(END)
        rows = []
        while True:
            message = json.loads(socket.receive_text())
            if "row" not in message:
                break
            rows.append(message["row"])
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_text()
        assert closed.value.code == 1000
    return ready, rows, message["summary"]


def sound(rate, seconds):
    """A voice, silence, and a voice again: windows of several statuses."""
    silence = np.zeros(int(rate * 3.2), np.float32)
    return np.concatenate([voice(3.7, rate), silence, voice(2.0, rate, pitch=220)])[
        : round(seconds * rate)
    ]


@pytest.mark.parametrize(
    ("rate", "window", "seconds"),
    [(16_000, 4, 8.9), (44_100, 2.5, 8.0), (8_000, 2, 6.3), (16_000, 4, 2.2), (16_000, 3, 3.0)],
)
def test_rows_are_those_of_windows_of_the_recording(client, model, tmp_path, rate, window, seconds):
    samples = sound(rate, seconds)
    path = tmp_path / "stream"
    write(path, samples, rate, format="WAV", subtype="PCM_16")
    content = path.read_bytes()[44:]
    ready, rows, summary = streamed(
        client, content, step=7_002, query=f"?sampling_rate={rate}&window={window}"
    )
    known = expected(model, [path], segment=f"{window}:1")
    for row in known:
        row["message"] = row["message"].removeprefix("stream: ")
    assert_same(rows, known)
    assert (ready["window"], ready["hop"], ready["model"]["name"]) == (window, 1, model.name)
    scored = sum(row["status"] == "ok" for row in rows)
    assert summary == {"rows": len(rows), "scored": scored, "seconds": seconds, "complete": True}
    assert scored


def test_rows_come_as_soon_as_their_window_is_whole(client):
    content = pcm(voice(4.0))
    with client.websocket_connect(f"{STREAM}?window=2&name=mine") as socket:
        told(socket, "ready")
        socket.send_bytes(content[: 2 * 32_000])
        row = told(socket, "row")
        assert (row["file"], row["start"], row["end"], row["status"]) == ("mine", 0, 2, "ok")
        socket.send_bytes(content[2 * 32_000 : 2 * 48_000])
        assert told(socket, "row")["end"] == 3


def test_a_stream_without_sound_ends_without_a_row(client):
    _, rows, summary = streamed(client, b"", step=1)
    assert (rows, summary["rows"], summary["seconds"]) == ([], 0, 0)


@settings(max_examples=60, deadline=None)
@given(
    frames=st.integers(0, 3_000),
    window=st.sampled_from([2.0, 2.5, 3.3, 7.0]),
    steps=st.lists(st.integers(1, 900), min_size=1, max_size=5),
)
def test_windows_are_those_of_the_whole_however_it_comes(frames, window, steps):
    rate = 100
    content = np.arange(frames, dtype="<i2").tobytes()
    windows, found, place, turn = Windows(rate, window), [], 0, 0
    while place < len(content):
        size = 2 * steps[turn % len(steps)]
        windows.add(content[place : place + size])
        place, turn = place + size, turn + 1
        found += windows.complete()
        assert len(windows._held) <= 2 * (window * rate + max(steps)) + 2
    found += windows.rest()
    spans = window_spans(frames / rate, window, 1.0) if frames else []
    assert [(start, end) for _, start, end in found] == spans
    for samples, start, end in found:
        assert samples == content[2 * round(start * rate) : 2 * round(end * rate)]


@pytest.mark.parametrize(
    "query",
    [
        *("?sampling_rate=7999", "?sampling_rate=96000", "?sampling_rate=x"),
        *("?sampling_rate=16000.5", "?window=1.9", "?window=31", "?window=nan", "?window="),
        *("?windw=4", "?window=4&segment=none"),
    ],
)
def test_settings_that_cannot_be_are_422(client, query):
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        client.websocket_connect(f"{STREAM}{query}"),
    ):
        pass
    assert refused.value.status_code == 422
    assert refused.value.json()["error"]["code"] == "invalid"
    assert client.service.streams.taken == 0


@pytest.mark.parametrize("message", ["", "x", "{", '{"end": false}', "[" * 5_000, "null", b"odd"])
def test_messages_that_are_none_close_the_stream(client, message):
    with client.websocket_connect(STREAM) as socket:
        told(socket, "ready")
        (socket.send_bytes if isinstance(message, bytes) else socket.send_text)(message)
        assert told(socket, "error")["code"] == "invalid"
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_text()
    assert closed.value.code == 1003


def test_an_idle_stream_is_closed(embedders):
    with limited(embedders, idle=0.1) as client, client.websocket_connect(STREAM) as socket:
        told(socket, "ready")
        assert told(socket, "error")["code"] == "idle"
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_text()
        assert closed.value.code == 1008


def test_a_long_stream_ends_with_its_summary(embedders):
    query = f"{STREAM}?window=2"
    with limited(embedders, stream_seconds=3) as client, client.websocket_connect(query) as socket:
        told(socket, "ready")
        socket.send_bytes(pcm(voice(8.0)))
        assert [told(socket, "row")["end"] for _ in range(2)] == [2, 3]
        summary = told(socket, "summary")
    assert (summary["rows"], summary["seconds"], summary["complete"]) == (2, 3, False)


def test_more_streams_than_it_takes_are_503(embedders):
    with limited(embedders, streams=1) as client:
        with client.websocket_connect(STREAM) as socket:
            told(socket, "ready")
            with (
                pytest.raises(WebSocketDenialResponse) as refused,
                client.websocket_connect(STREAM),
            ):
                pass
            assert refused.value.status_code == 503
            assert refused.value.headers["Retry-After"]
            assert "affectspace_streams_open 1.0" in client.get("/metrics").text
        with client.websocket_connect(STREAM) as socket:
            told(socket, "ready")


def test_a_window_that_kills_its_process_ends_the_stream_in_words(embedders, monkeypatch):
    monkeypatch.setattr("affectspace.web.serve.stream.embed_window", tasks.die_on)
    with limited(embedders) as client, client.websocket_connect(f"{STREAM}?window=2") as socket:
        told(socket, "ready")
        socket.send_bytes(pcm(voice(2.0)))
        assert told(socket, "error")["code"] == "not_embedded"
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_text()
        assert closed.value.code == 1011


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, None),
        ({"Origin": HERE}, None),
        ({"Origin": "https://lab.example"}, None),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example"}, 421),
    ],
)
def test_pages_of_other_sites_open_no_stream(embedders, headers, status):
    with asking(made_service(embedders=embedders, origins=("https://lab.example",))) as client:
        if status is None:
            with client.websocket_connect(STREAM, headers=headers) as socket:
                told(socket, "ready")
            return
        with (
            pytest.raises(WebSocketDenialResponse) as refused,
            client.websocket_connect(STREAM, headers=headers),
        ):
            pass
        assert refused.value.status_code == status


def test_a_token_comes_in_a_header_or_as_the_name_of_a_protocol(embedders):
    with asking(made_service(embedders=embedders, token=TOKEN)) as client:
        for wrong in ({}, {"subprotocols": ["affectspace.v1", f"bearer.{TOKEN}x"]}):
            with (
                pytest.raises(WebSocketDenialResponse) as refused,
                client.websocket_connect(STREAM, **wrong),
            ):
                pass
            assert refused.value.status_code == 401
        header = {"headers": {"Authorization": f"Bearer {TOKEN}"}}
        protocol = {"subprotocols": ["affectspace.v1", f"bearer.{TOKEN}"]}
        for right, accepted in ((header, None), (protocol, "affectspace.v1")):
            with client.websocket_connect(STREAM, **right) as socket:
                assert socket.accepted_subprotocol == accepted
                told(socket, "ready")


def test_one_that_goes_away_gives_its_place_back(client):
    for _ in range(20):
        with client.websocket_connect(STREAM) as socket:
            told(socket, "ready")
            socket.send_bytes(pcm(voice(0.5)))
    tasks.wait_for(lambda: client.service.streams.taken == 0)
