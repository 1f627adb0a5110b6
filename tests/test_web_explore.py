"""The service of an embedded collection, asked as its page does, and as strangers do."""

import contextlib
import io
import json
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from starlette.testclient import TestClient

from affectspace.annotation.study import Wishes, prepare_study
from affectspace.errors import ModelError, TableError
from affectspace.model import load_model
from affectspace.tables import read_table, utterance_index, write_table
from affectspace.web.embedders import BusyError
from affectspace.web.explore import landing, service
from affectspace.web.explore.collection import Collection, open_collection
from affectspace.web.explore.landing import Lander, land
from affectspace.web.sessions import CSRF_HEADER
from affectspace.web.tokens import Bearer
from embedding_tasks import wait_for
from explored import HERE, Page, Still, code, made_collection, made_exploring
from voices import in_bytes, noise, voice, write

ASKED = [
    *(("GET", "session"), ("GET", "collection"), ("GET", "audio/0"), ("POST", "landing")),
    *(("POST", "selection"), ("POST", "annotate")),
]


@pytest.fixture(scope="module")
def model():
    return load_model("default")


@pytest.fixture(scope="module")
def lander():
    lander = Lander("default")
    yield lander
    lander.close()


@pytest.fixture
def collection(tmp_path):
    return made_collection(tmp_path / "speech", 8)


@pytest.fixture
def page(collection, lander):
    return Page(made_exploring(collection, lander=lander))


def test_the_link_opens_the_collection(page, collection):
    about = page.opened.json()["about"]
    assert about["model"]["name"] == "affectspace-default"
    assert (about["study"], about["same_model"]) == (False, None)
    data = page.get("collection").json()
    assert data["rows"] == 8
    assert data["audio"] == "serve"
    columns = {column["name"]: column for column in data["columns"]}
    assert columns["activation"]["values"] == pytest.approx(collection.table["activation"], 1e-5)
    assert page.get("session").json() == page.opened.json()


def test_without_a_session_there_is_nothing(page):
    stranger = TestClient(page.app, base_url=HERE)
    for method, path in ASKED:
        body = {"rows": [0]} if path in ("selection", "annotate") else None
        answer = stranger.request(method, f"/api/explore/{path}", json=body)
        assert (answer.status_code, code(answer)) == (401, "no_session"), path
    for path in ("/", "/docs", "/openapi.json", "/static/", "/static/report/", "/speech"):
        answer = stranger.get(path)
        assert "speaker" not in answer.text
        assert answer.status_code == (200 if path == "/" else 404)


def test_links_of_others_open_nothing(page):
    keyring = page.exploring.keyring
    other = made_exploring(page.exploring.collection).link.partition("#")[2]  # of another run
    bearers = [Bearer("explore", 1, 1), Bearer("explore", 0, 2), Bearer("rater", 0, 1)]
    stranger = TestClient(page.app, base_url=HERE)
    for token in (*map(keyring.link, bearers), other, "", "x", "é"):
        answer = stranger.post("/api/explore/session", json={"token": token})
        assert (answer.status_code, code(answer)) == (403, "bad_link")
        assert "set-cookie" not in answer.headers


def test_other_sites_and_other_names_are_turned_away(page):
    rows = {"rows": [0]}
    del page.client.headers[CSRF_HEADER]
    for path in ("selection", "annotate"):
        assert code(page.send(path, rows)) == "bad_csrf"
    assert code(page.land(b"x")) == "bad_csrf"
    own = {CSRF_HEADER: page.csrf}
    foreign = page.send("selection", rows, headers={**own, "Origin": "http://evil.example"})
    assert code(foreign) == "bad_origin"
    named = page.get("collection", headers={"Host": "evil.example:8490"})
    assert (named.status_code, code(named)) == (421, "bad_host")
    cookie = page.opened.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", "Path=/api/explore"))


def test_sound_is_of_rows_alone_and_cut_to_their_spans(tmp_path, lander, monkeypatch):
    long = write(tmp_path / "long.wav", voice(3.0))
    whole = made_collection(tmp_path / "speech", 5, sounds=1).table
    files = [whole.index[0][0], long, long, long, str(tmp_path / "missing.wav")]
    starts = pd.to_timedelta([0, 0.5, 0, 9, 0], unit="s")
    ends = pd.to_timedelta([None, 1.25, None, 10, None], unit="s")
    page = Page(
        made_exploring(Collection(whole.set_axis(utterance_index(files, starts, ends)), {}))
    )
    monkeypatch.setattr(service, "PLAYED", 2.0)

    def seconds(row):
        sound = page.get(f"audio/{row}")
        assert sound.headers["content-type"] == "audio/wav"
        return soundfile.info(io.BytesIO(sound.content)).duration

    assert [seconds(row) for row in range(3)] == [0.6, 0.75, 2.0]
    part = page.get("audio/1", headers={"Range": "bytes=0-43"})
    assert (part.status_code, len(part.content)) == (206, 44)
    for row in (3, 4, 5, -1, 10**30):
        assert page.get(f"audio/{row}").status_code == 404, row
    for path in ("x", "0.5", "1e3", "..%2f..%2fetc%2fpasswd", "../../etc/passwd", "0/x", "%00"):
        assert page.get(f"audio/{path}").status_code in (404, 422), path


@pytest.mark.parametrize(
    "body",
    [
        *({}, {"rows": []}, {"rows": [-1]}, {"rows": [8]}, {"rows": ["0"]}, {"rows": [0.5]}),
        *({"rows": [True]}, {"rows": None}, {"rows": 0}, {"rows": [10**40]}, [0], None),
        {"rows": [0], "study": "elsewhere"},
    ],
)
def test_rows_that_are_none_are_refused(page, body):
    for path in ("selection", "annotate"):
        answer = page.send(path, body)
        assert (answer.status_code, code(answer)) == (422, "invalid")


def test_a_selection_is_the_table_as_it_is(page, collection, tmp_path):
    answer = page.send("selection", {"rows": [5, 1, 5, 0]}).json()
    (tmp_path / answer["name"]).write_text(answer["content"])
    again = read_table(tmp_path / answer["name"])
    expected = collection.table.iloc[[0, 1, 5]]
    pd.testing.assert_index_equal(again.index, expected.index)
    assert again["activation"].to_numpy() == pytest.approx(expected["activation"])
    assert list(again.columns) == list(expected.columns)


def test_text_that_no_encoding_holds_ends_nothing(collection, lander):
    collection.table["speaker"] = pd.Series("half a pair: \ud800", collection.table.index, object)
    page = Page(made_exploring(collection, lander=lander))
    assert page.get("collection").status_code == 200
    assert "\ud800" in page.send("selection", {"rows": [0]}).json()["content"]


def test_what_is_to_be_rated_is_downloaded_without_estimates(page, tmp_path):
    answer = page.send("annotate", {"rows": [1, 3]}).json()
    assert answer["rows"] == 2
    assert answer["command"] == "affectspace annotate STUDY_DIR --audio to-rate.csv"
    assert "written" not in answer
    table = pd.read_csv(io.StringIO(answer["content"]))
    assert list(table.columns) == ["file", "start", "end"]


def test_a_study_goes_on_with_what_was_written_into_its_folder(collection, lander, tmp_path):
    study = tmp_path / "my study"
    page = Page(made_exploring(collection, study=study, lander=lander))
    assert page.opened.json()["about"]["study"] is True
    answers = [page.send("annotate", {"rows": rows}).json() for rows in ([0, 1, 2], [0, 3])]
    assert "content" not in answers[0]
    assert len({answer["written"] for answer in answers}) == 2
    written = study / answers[0]["written"]
    assert answers[0]["command"] == f"affectspace annotate '{study}' --audio '{written}'"
    table = read_table(written)
    assert list(table.columns) == []
    assert list(table.index) == list(collection.table.index[:3])
    for answer, items in zip(answers, (3, 4), strict=True):
        wishes = Wishes(audio=[str(study / answer["written"])], raters=["Anna"])
        opened = prepare_study(study, wishes)
        with opened.store.reading() as connection:
            found = connection.exec_driver_sql("SELECT COUNT(*) FROM items").scalar()
        opened.store.close()
        assert found == items


def test_rows_that_are_not_ok_are_not_rated(collection, lander):
    collection.table.loc[collection.table.index[:2], "status"] = ["missing", "silent"]
    page = Page(made_exploring(collection, lander=lander))
    answer = page.send("annotate", {"rows": [0, 1, 2]}).json()
    assert (answer["rows"], answer["left_out"]) == (1, 2)
    assert "status ok" in page.send("annotate", {"rows": [0, 1]}).json()["error"]["message"]


def test_a_folder_that_cannot_be_written_is_said_in_words(collection, lander, tmp_path):
    (tmp_path / "study").write_text("a file")
    page = Page(made_exploring(collection, study=tmp_path / "study", lander=lander))
    answer = page.send("annotate", {"rows": [0]})
    assert (answer.status_code, code(answer)) == (507, "not_written")
    assert str(tmp_path) not in answer.text


def test_a_dropped_recording_lands_where_embed_puts_it(page, model):
    content = in_bytes(voice(1.5, pitch=180))
    row = page.land(content).json()
    twin = model.embed(soundfile.read(io.BytesIO(content), dtype="float32")).iloc[0]
    assert row["status"] == "ok"
    for name in ("activation", "activation_low", "activation_high", "valence", "z1", "z2"):
        assert row[name] == pytest.approx(twin[name], abs=1e-4), name
    assert row["caution"] == [word for word in twin["caution"].split(";") if word]
    assert set(row["meanings"]) == set(row["caution"])
    assert "truncated" not in row


@pytest.mark.parametrize(
    ("content", "status"),
    [
        *((b"not audio at all", "unreadable"), (b"RIFF" + bytes(60), "unreadable")),
        *((in_bytes(voice(0.1)), "too_short"), (in_bytes(np.zeros(16_000)), "silent")),
        *((in_bytes(noise(1.0)), "unvoiced"), (in_bytes(voice(0.5), 4000), "sampling_rate")),
        (in_bytes(voice(0.5))[:30], "empty"),
    ],
)
def test_a_bad_file_is_answered_in_words(page, content, status):
    answer = page.land(content)
    assert answer.status_code == 200
    row = answer.json()
    assert row["status"] == status
    assert row["message"]
    assert row.get("activation") is None


def test_what_is_too_large_too_long_or_empty_is_refused(page, monkeypatch):
    assert code(page.land(b"")) == "invalid"
    assert page.land(bytes(landing.SOURCE_LIMIT + 1)).status_code == 413
    parts = (bytes(2**20) for _ in range(26))  # without a length in its header
    assert page.land(parts).status_code == 413
    long = in_bytes(np.zeros(8000 * 121), 8000)
    answer = page.land(long)
    assert (answer.status_code, code(answer)) == (422, "not_embedded")
    assert "120 s" in answer.json()["error"]["message"]


def test_nothing_of_a_dropped_recording_is_stored(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert page.land(in_bytes(voice(1.0))).json()["status"] == "ok"
    assert sorted(tmp_path.rglob("*")) == before


def test_other_requests_go_on_while_one_lands(collection):
    still = Still()
    with Page(made_exploring(collection, lander=still)).client as client:
        answers = []
        thread = threading.Thread(
            target=lambda: answers.append(client.post("/api/explore/landing", content=b"x"))
        )
        thread.start()
        assert still.asked.wait(20)
        assert client.get("/api/explore/collection").status_code == 200
        assert answers == []
        still.go.set()
        thread.join(20)
        assert answers[0].json() == {"status": "ok"}


def test_a_model_that_is_none_is_an_error_in_words():
    lander = Lander("no-such-model")
    try:
        with pytest.raises(ModelError, match="no-such-model"):
            lander.land(b"x")
    finally:
        lander.close()


def test_only_so_many_wait_for_the_lander(lander):
    with contextlib.ExitStack() as stack:
        for _ in range(landing.WAITING):
            stack.enter_context(lander.places.one())
        with pytest.raises(BusyError, match="wait"):
            lander.land(b"x")


def test_a_busy_lander_asks_to_come_again(collection, monkeypatch):
    busy = Still()
    monkeypatch.setattr(busy, "land", lambda content: (_ for _ in ()).throw(BusyError("wait")))
    answer = Page(made_exploring(collection, lander=busy)).land(b"x")
    assert (answer.status_code, code(answer)) == (429, "busy")
    assert answer.headers["retry-after"]


def test_many_channels_are_no_trouble(model):
    row = land(model, in_bytes(np.tile(voice(1.0)[:, None], (1, 12))))
    assert row["status"] == "ok"


def test_what_the_report_shares_is_served_and_nothing_else_of_it(page):
    client = TestClient(page.app, base_url=HERE)
    html = client.get("/explore").text
    assert "<script>" not in html
    assert "style=" not in html
    for name in service.SHARED:
        answer = client.get(f"/static/report/{name}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].split(";")[0] in ("text/css", "text/javascript")
    for name in ("study.html", "embedding.html", "model_card.md", "../cli/__init__.py"):
        assert client.get(f"/static/report/{name}").status_code == 404


def test_the_models_of_table_and_lander_are_compared(collection, model):
    known = {"name": model.name, "version": model.version, "contract": model.spec.hash}
    scale = "aligned with 12 rows (01234567)"
    aligned = {**known, "scale": scale}
    for made_by, same, same_scale in (
        ({}, None, True),
        (known, True, True),
        ({**known, "version": "0"}, False, True),
        (aligned, True, False),
    ):
        exploring = made_exploring(Collection(collection.table, made_by), lander=Still())
        about = Page(exploring).opened.json()["about"]
        assert about["same_model"] is same
        assert about["same_scale"] is same_scale


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_an_embedding_table_is_taken_as_it_is(tmp_path, model, monkeypatch, suffix):
    speech = tmp_path / "speech"
    speech.mkdir()
    write(speech / "a.wav", voice(1.0))
    monkeypatch.chdir(tmp_path)
    table = model.embed("speech")
    path = tmp_path / f"elsewhere/embedding{suffix}"
    write_table(table, path)
    if suffix != ".parquet":
        path.with_name(f"{path.name}.json").write_text(json.dumps(table.attrs["affectspace"]))
    found = open_collection([str(path)], model)
    assert found.made_by == table.attrs["affectspace"]
    assert found.table.index[0][0] == str(speech / "a.wav")  # as it was given, from this folder
    assert found.table["activation"].iloc[0] == pytest.approx(table["activation"].iloc[0])
    assert found.span(0) == (str(speech / "a.wav"), 0.0, None)
    assert found.span(1) is None


def test_a_folder_or_a_table_of_utterances_is_embedded(tmp_path, model):
    write(tmp_path / "a.wav", voice(1.0))
    (tmp_path / "b.wav").write_bytes(b"none")
    (tmp_path / "rated.csv").write_text("file,activation\na.wav,4.5\nb.wav,2\n")
    for inputs in ([str(tmp_path)], [str(tmp_path / "rated.csv")]):
        found = open_collection(inputs, model, jobs=1, cache=False)
        assert list(found.table["status"]) == ["ok", "unreadable"]
        assert found.made_by["name"] == model.name
        assert all(Path(file).is_absolute() for file in found.table.index.get_level_values("file"))
    assert list(found.table["input_activation"]) == [4.5, 2.0]
    with pytest.raises(TableError):
        open_collection([str(tmp_path / "none.csv")], model)


def test_a_record_beside_a_table_that_is_none_is_passed_over(tmp_path, model):
    table = made_collection(tmp_path / "speech", 3).table
    write_table(table, tmp_path / "x.csv")
    for text in ("{", "[1]", '"x"'):
        (tmp_path / "x.csv.json").write_text(text)
        assert open_collection([str(tmp_path / "x.csv")], model).made_by == {}


def test_a_stopped_service_ends_its_process(collection):
    lander = Lander("default")
    with Page(made_exploring(collection, lander=lander)).client:
        lander.embedders.start()
        wait_for(lambda: lander.embedders.ready == 1)
    wait_for(lambda: lander.embedders.ready == 0)
