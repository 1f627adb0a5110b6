"""The service of a rating study, asked as the study lead's page asks it."""

import io

import pandas as pd
import pytest
import sqlalchemy as sa

from affectspace.annotation import schema
from affectspace.web.annotate import results
from asked_study import BODIES, Page, Served, code
from embedding_tasks import wait_for
from made_study import made_study


@pytest.fixture
def served(tmp_path):
    with made_study(tmp_path, items=6) as study:
        yield Served(study)


def test_a_rater_who_is_closed_can_do_nothing_until_opened_again(served):
    anna, lead = served.rater(), served.lead()
    item = anna.next()["item"]["assignment"]
    lead.send("raters/1", {"active": False}, method="PATCH")
    assert code(anna.rate(item)) == code(anna.get("next")) == "rater_closed"
    lead.send("raters/1", {"active": True}, method="PATCH")
    assert anna.rate().status_code == 200


def test_a_new_link_ends_the_old_one_and_its_sessions(served):
    anna, lead = served.rater(), served.lead()
    link = lead.send("raters/1/link").json()["link"]
    assert code(anna.get("next")) == "no_session"
    assert code(served.rater().opened) == "bad_link"
    assert Page(served.app, link).rate().status_code == 200


def test_the_lead_adds_raters_whose_links_work(served):
    lead = served.lead()
    added = lead.send("raters", {"name": "<b>Zoë</b>", "language": "ur"})
    assert added.status_code == 201
    assert added.json()["name"] == "<b>Zoë</b>"
    page = Page(served.app, added.json()["link"])
    assert page.opened.json()["rater"]["language"] == "ur"
    assert [rater["name"] for rater in lead.get("raters").json()["raters"]][-1] == "<b>Zoë</b>"
    assert code(lead.send("raters", {"name": "anna"})) == "name_taken"
    for wrong in ({"name": "  "}, {"name": "sd"}, {"name": "D", "language": "xx"}, {}):
        assert code(lead.send("raters", wrong)) == "invalid"
    for number in (99, 10**30, -1):
        assert lead.send(f"raters/{number}", {}, method="PATCH").status_code == 404
    changed = lead.send("raters/1", {"language": None, "name": "Ann"}, method="PATCH")
    assert changed.json()["name"] == "Ann"


def test_the_lead_changes_what_is_asked_and_handed_out(served):
    anna, lead = served.rater(), served.lead()
    changed = lead.send("study", BODIES["study"], method="PUT").json()["study"]
    assert changed["labels"] == ["activation", "valence", "dominance"]
    assert code(anna.rate()) == "invalid"
    assert anna.rate(dominance=3, category="joy").status_code == 200
    wrong = BODIES["study"] | {"categories": []}
    assert code(lead.send("study", wrong, method="PUT")) == "invalid"
    handed = {"raters_per_item": 1, "items_per_rater": 2, "repeat_share": 0.5, "repeat_distance": 3}
    answer = lead.send("assignment", handed, method="PUT").json()
    assert {name: answer[name] for name in handed} == handed
    assert lead.get("assignment").json() == answer
    assert lead.get("session").json()["study"]["raters_per_item"] == 1


def test_the_lead_opens_a_round_by_a_table(served):
    lead = served.lead()
    answer = lead.send("rounds", {"table": "file,start\nanger_002.wav,0\n"})
    assert answer.status_code == 201
    assert [one["items"] for one in answer.json()["rounds"]] == [6, 1]
    assert lead.get("progress").json()["open_items"] == 1
    for wrong in (
        "",
        "x",
        "file\nother.wav\n",
        "file\n\x00\n",
        "a,b\n1\n",
        "file\n../../etc/passwd",
    ):
        answer = lead.send("rounds", {"table": wrong})
        assert (answer.status_code, code(answer)) == (422, "invalid"), wrong
        assert "table.csv" not in answer.text
    large = {"table": "file\n" + "x" * 2_300_000}
    assert code(lead.send("rounds", large)) == "too_large"


def test_the_lead_sees_progress_quality_and_hears_items(served):
    lead = served.lead()
    assert lead.get("quality").json()["labels"][0]["alpha"] is None
    for name in ("Anna", "Bo"):
        page = served.rater(name)
        while (item := page.next()["item"]) is not None:
            page.rate(item["assignment"], activation=len(item["assignment"]) % 4 + 1)
    progress = lead.get("progress").json()
    assert (progress["ratings"], progress["expected"]) == (12, 12)
    assert progress["coverage"] == [{"ratings": 2, "items": 6}]
    assert [rater["done"] for rater in progress["raters"]] == [6, 6]
    quality = lead.get("quality").json()
    assert [rater["notes"] for rater in quality["raters"]] == [["few"], ["few"]]
    assert lead.get("quality").json() == quality
    assert lead.get(f"audio/{quality['items'][0]['item']}").status_code == 200
    assert lead.get("audio/999999999999999999999").status_code == 404


def test_quality_that_takes_long_is_worked_out_apart_and_nobody_waits(served, monkeypatch):
    monkeypatch.setattr(results, "MANY", 0)
    lead, page = served.lead(), served.rater()
    while (item := page.next()["item"]) is not None:
        page.rate(item["assignment"], activation=len(item["assignment"]) % 4 + 1)
    with monkeypatch.context() as patch:
        patch.setattr(results, "PATIENCE", 0)
        first = lead.get("quality").json()
    assert first == {"labels": [], "raters": [], "items": [], "working": True}
    wait_for(lambda: not lead.get("quality").json()["working"])
    found = lead.get("quality").json()
    assert [rater["name"] for rater in found["raters"]] == ["Anna", "Bo"]
    monkeypatch.setattr(results, "call_apart", None)  # nothing has changed, so nothing is called
    assert lead.get("quality").json() == found


def test_quality_that_cannot_be_worked_out_is_an_error_and_tried_again(served, monkeypatch):
    lead = served.lead()
    with monkeypatch.context() as patch:
        patch.setattr(results, "findings", None)
        assert lead.get("quality").status_code == 500
    assert lead.get("quality").json()["working"] is False


def test_the_lead_takes_the_results_away(served):
    anna, lead = served.rater(), served.lead()
    assert code(lead.get("export/table")) == "invalid"
    assert lead.get("export/../secret").status_code == 404
    anna.rate(comment="=HYPERLINK()")
    names = [one["name"] for one in lead.opened.json()["formats"]]
    assert {"table", "ratings", "labels", "log"} <= set(names)
    table = lead.get("export/table")
    assert table.headers["content-disposition"] == 'attachment; filename="table.csv"'
    frame = pd.read_csv(io.BytesIO(table.content))
    assert frame["activation"].dropna().tolist() == [3.5]
    assert set(frame["file"]) == {f"anger_{number:03d}.wav" for number in range(6)}
    ratings = pd.read_csv(io.BytesIO(lead.get("export/ratings").content))
    assert ratings["comment"].tolist() == ["'=HYPERLINK()"]
    assert code(lead.get("export/agreement")) == "invalid"  # only one has rated


def test_an_old_lead_link_is_void_once_the_generation_moves_on(served):
    lead = served.lead()
    with served.study.store.writing() as connection:
        connection.execute(sa.update(schema.study).values(lead_generation=2))
    assert code(lead.get("progress")) == "no_session"
    assert code(served.lead().opened) == "bad_link"
