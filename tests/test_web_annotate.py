"""The service of a rating study, asked as raters' pages ask it, and as strangers do."""

import io
import json
import re
import uuid

import pandas as pd
import pytest
import soundfile
import sqlalchemy as sa
from starlette.testclient import TestClient

from affectspace.annotation import schema
from affectspace.annotation.store import StorageError
from affectspace.web.annotate.serve import links_of
from affectspace.web.annotate.service import make_app, make_running
from affectspace.web.sessions import CSRF_HEADER, Sessions
from affectspace.web.tokens import Bearer, Keyring
from asked_study import BODIES, HERE, LEAD, RATER, Page, Served, code, count
from made_study import made_study, query


@pytest.fixture
def served(tmp_path):
    with made_study(tmp_path, items=6) as study:
        yield Served(study)


def test_a_rater_goes_from_link_to_done(served):
    anna = served.rater()
    session = anna.opened.json()
    assert session["rater"] == {"name": "Anna", "language": None}
    assert session["study"]["labels"] == ["activation", "valence"]
    assert session["progress"]["total"] == 6
    assert "en" in session["languages"]
    following = anna.next()
    for number in range(6):
        assert following["progress"]["done"] == number
        sound = anna.client.get(f"/{following['item']['audio']}")
        assert sound.headers["content-type"] == "audio/wav"
        assert soundfile.info(io.BytesIO(sound.content)).duration == following["item"]["seconds"]
        answer = anna.rate(following["item"]["assignment"]).json()
        assert answer["accepted"] is True
        following = answer["next"]
    assert following["done"] is True
    assert following["item"] is None
    assert anna.next() == following
    assert count(served) == 6


def test_nothing_that_a_rater_gets_says_which_file_it_is(served):
    anna = served.rater()
    heard = [anna.opened.text, anna.get("session").text]
    while (item := anna.next()["item"]) is not None:
        sound = anna.client.get(f"/{item['audio']}")
        answer = anna.rate(item["assignment"])
        heard += [
            json.dumps(item),
            str(sound.headers),
            sound.content.decode("latin-1"),
            answer.text,
        ]
    assert not re.search(r"anger_|\.wav", " ".join(heard).replace("audio/wav", ""))


def test_it_goes_by_the_name_in_its_links_and_by_those_that_are_added(served):
    named = make_app(make_running(served.study, "http://Box-7:8480"), hosts=("Added.example",))
    for name, status in [("Box-7", 200), ("added.example", 200), ("box-8", 421)]:
        assert TestClient(named, base_url=f"http://{name}:8480").get("/").status_code == status


def test_the_cookie_is_for_the_browser_alone(served):
    cookie = served.rater().opened.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/api/rater" in cookie
    assert "Secure" not in cookie  # it is http
    assert "Max-Age=2592000" in cookie


def test_behind_https_the_cookie_is_secure_and_the_link_public(tmp_path):
    with made_study(tmp_path) as study:
        running = make_running(study, "https://study.example/voices/")
        assert links_of(running).lead.startswith("https://study.example/voices/lead#lead.0.1.")
        client = TestClient(make_app(running), base_url="https://study.example")
        token = links_of(running).raters[0][1].partition("#")[2]
        answer = client.post("/api/rater/session", json={"token": token})
        assert "Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize("token", ["", "x", "rater.1.1." + "A" * 32, "é" * 10, "\ud800"])
def test_a_link_that_is_none_opens_nothing(served, token):
    client = TestClient(served.app, base_url=HERE)
    content = json.dumps({"token": token})
    headers = {"Content-Type": "application/json"}
    for kind in ("rater", "lead"):
        answer = client.post(f"/api/{kind}/session", content=content, headers=headers)
        assert answer.status_code in (403, 422)
        assert "set-cookie" not in answer.headers


def test_links_open_their_own_part_only(served):
    assert code(Page(served.app, served.links["Anna"], "lead").opened) == "bad_link"
    assert code(Page(served.app, served.lead_link, "rater").opened) == "bad_link"


@pytest.mark.parametrize("kind", ["rater", "lead"])
def test_without_a_session_there_is_nothing(served, kind):
    client = TestClient(served.app, base_url=HERE)
    for method, path in RATER if kind == "rater" else LEAD:
        answer = client.request(method, f"/api/{kind}/{path}", json=BODIES.get(path))
        assert (answer.status_code, code(answer)) == (401, "no_session"), path


def test_a_raters_session_is_none_of_the_leads(served):
    anna = served.rater()
    cookie = anna.opened.headers["set-cookie"].partition(";")[0]
    lead_name = served.lead().opened.headers["set-cookie"].partition("=")[0]
    forged = f"{lead_name}={cookie.partition('=')[2]}"
    client = TestClient(served.app, base_url=HERE, headers={"Cookie": forged})
    for method, path in LEAD:
        answer = client.request(method, f"/api/lead/{path}", json=BODIES.get(path))
        assert code(answer) == "no_session", path


@pytest.mark.parametrize("kind", ["rater", "lead"])
def test_without_the_pages_token_nothing_changes_and_nothing_is_told(served, kind):
    page = served.rater() if kind == "rater" else served.lead()
    page.client.headers[CSRF_HEADER] = served.rater("Bo").client.headers[CSRF_HEADER]
    before = query(served.study, sa.select(schema.study.c.settings))
    for method, path in RATER if kind == "rater" else LEAD:
        if path.startswith(("session", "audio", "export")):
            continue
        answer = page.client.request(method, f"/api/{kind}/{path}", json=BODIES.get(path))
        assert code(answer) == "bad_csrf", path
    assert query(served.study, sa.select(schema.study.c.settings)) == before


def test_a_second_link_in_one_browser_takes_over_and_the_first_window_finds_out(served):
    anna = served.rater()
    item = anna.next()["item"]["assignment"]
    token = served.links["Bo"].partition("#")[2]
    anna.client.post("/api/rater/session", json={"token": token})
    assert code(anna.rate(item)) == "bad_csrf"
    assert count(served) == 0


def test_a_lead_and_a_rater_share_a_browser(served):
    anna = served.rater()
    token = served.lead_link.partition("#")[2]
    lead = anna.client.post("/api/lead/session", json={"token": token}).json()
    assert anna.rate().status_code == 200
    headers = {CSRF_HEADER: lead["csrf"]}
    assert anna.client.get("/api/lead/progress", headers=headers).json()["ratings"] == 1


def test_two_windows_of_one_rater_are_told_of_each_other(served):
    first, second = served.rater(), served.rater()
    item = first.next()["item"]["assignment"]
    assert second.next()["item"]["assignment"] == item
    assert first.rate(item).status_code == 200
    answer = second.rate(item, activation=1.0)
    assert (answer.status_code, code(answer)) == (409, "already_rated")
    assert answer.json()["next"] == first.next()
    assert count(served) == 1


def test_a_retry_gets_the_same_answer(served):
    anna = served.rater()
    item, key = anna.next()["item"]["assignment"], str(uuid.uuid4())
    first, again = anna.rate(item, key=key), anna.rate(item, key=key)
    assert first.json() == again.json()
    assert code(anna.rate(item, key=key, valence=5)) == "key_reused"
    assert count(served) == 1


def test_undo_gives_the_item_back_with_what_was_said(served):
    anna = served.rater()
    item = anna.next()["item"]["assignment"]
    done = anna.rate(item, comment="hm").json()["next"]["progress"]
    assert done["can_undo"] == item
    for _ in range(2):
        back = anna.send("undo", {"assignment": item}).json()
        assert back["item"]["assignment"] == item
        assert back["item"]["restored"] == {
            "activation": 3.5,
            "valence": 2.0,
            "dominance": None,
            "category": None,
            "cannot_judge": False,
            "comment": "hm",
        }
        assert back["progress"]["can_undo"] is None
    assert anna.next() == back
    assert anna.rate(item).json()["next"]["item"]["restored"] is None
    answer = anna.send("undo", {"assignment": "unknown"})
    assert code(answer) == "not_found"
    anna.send("undo", {"assignment": item})
    anna.rate(item)
    answer = anna.send("undo", {"assignment": anna.next()["item"]["assignment"]})
    assert (code(answer), answer.json()["next"]) == ("cannot_undo", anna.next())


def test_what_is_wrong_is_said_by_field(served):
    anna = served.rater()
    for said, field in (
        ({"activation": None}, "activation"),
        ({"valence": 2.2}, "valence"),
        ({"valence": "2"}, "valence"),
        ({"replays": -1}, "replays"),
        ({"surprise": 1}, "surprise"),
        ({"comment": "x" * 2001}, "comment"),
        ({"cannot_judge": True}, "activation"),
        ({"key": "x"}, "key"),
    ):
        answer = anna.rate(**said)
        assert (answer.status_code, code(answer)) == (422, "invalid")
        assert answer.json()["error"]["details"][0]["field"] == field
    assert anna.rate(activation=None, valence=None, cannot_judge=True).status_code == 200


def test_sound_is_ones_own_and_can_be_asked_for_in_parts(served):
    anna, bo = served.rater(), served.rater("Bo")
    url = anna.next()["item"]["audio"]
    whole = anna.client.get(f"/{url}")
    part = anna.client.get(f"/{url}", headers={"Range": "bytes=4-9"})
    assert (part.status_code, part.content) == (206, whole.content[4:10])
    assert bo.client.get(f"/{url}").status_code == 404
    for name in ("x", "..%2f..%2fsecret", "%00", "1"):
        assert anna.get(f"audio/{name}").status_code == 404


def test_a_recording_that_is_gone_is_said_in_words(served):
    anna = served.rater()
    url = anna.next()["item"]["audio"]
    for file in served.study.audio.iterdir():
        file.unlink()
    answer = anna.client.get(f"/{url}")
    assert (answer.status_code, code(answer)) == (404, "not_found")
    assert str(served.study.audio) not in answer.text


def test_language_is_a_raters_choice_of_those_there_are(served):
    anna = served.rater()
    assert anna.send("language", {"language": "de"}).json() == {"language": "de"}
    assert anna.get("session").json()["rater"]["language"] == "de"
    for wrong in ("xx", "../de", "DE"):
        assert code(anna.send("language", {"language": wrong})) == "invalid"


def test_who_leaves_is_gone(served):
    anna = served.rater()
    assert anna.send("leave").json() == {"left": True}
    assert code(anna.get("next")) == "no_session"


def test_practice_tells_what_others_said(tmp_path):
    audio = tmp_path / "practice.csv"
    with made_study(tmp_path / "a", items=2) as study:
        names = [study.file("anger_000.wav")]
        pd.DataFrame({"file": names, "activation": [4.0], "valence": [1.5]}).to_csv(audio)
    wishes = {"practice": [str(audio)]}
    with made_study(tmp_path / "b", items=2, wishes=wishes) as study:
        anna = Served(study).rater()
        following = anna.next()
        assert following["item"]["practice"] is True
        assert following["progress"]["practice_total"] == 1
        answer = anna.rate(following["item"]["assignment"]).json()
        assert answer["reference"] == {"activation": 4.0, "valence": 1.5}
        answer = anna.rate(answer["next"]["item"]["assignment"]).json()
        assert answer["reference"] is None


@pytest.mark.parametrize(("word", "status"), [("disk_full", 507), ("busy", 503)])
def test_a_full_or_busy_disk_is_said_and_the_rating_can_be_sent_again(
    served, monkeypatch, word, status
):
    anna = served.rater()
    item, key = anna.next()["item"]["assignment"], str(uuid.uuid4())

    def fail(*_):
        raise StorageError(word, "in words")

    with monkeypatch.context() as patch:
        patch.setattr("affectspace.web.annotate.rater.submission.submit", fail)
        answer = anna.rate(item, key=key)
    assert (answer.status_code, code(answer)) == (status, word)
    assert int(answer.headers["retry-after"]) > 0
    assert anna.rate(item, key=key).status_code == 200


def test_who_asks_is_known_by_the_cookie_alone():
    keyring = Keyring(b"a" * 32)
    sessions = Sessions(keyring, secure=False, clock=lambda: 1000.0)
    cookie = keyring.session(Bearer("rater", 7, 1), now=1000.0)
    assert sessions.asker(f"{sessions._name('rater')}={cookie}") == "rater 7"
    assert sessions.asker(f"other={cookie}") is None
    assert sessions.asker("\x00;=;") is None
    another = Sessions(Keyring(b"b" * 32), secure=False)
    assert another._name("rater") != sessions._name("rater")  # two studies on one machine
