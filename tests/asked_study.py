"""A rating study's service, and browsers without pictures that ask it as its pages do."""

import uuid

import sqlalchemy as sa
from starlette.testclient import TestClient

from affectspace.annotation import schema
from affectspace.web.annotate.serve import links_of
from affectspace.web.annotate.service import make_app, make_running
from affectspace.web.sessions import CSRF_HEADER
from made_study import query

HERE = "http://127.0.0.1:8480"


class Page:
    """A browser with one link opened."""

    def __init__(self, app, link, kind="rater"):
        self.client = TestClient(app, base_url=HERE, raise_server_exceptions=False)
        self.kind, self.token = kind, link.partition("#")[2]
        self.opened = self.client.post(f"/api/{kind}/session", json={"token": self.token})
        if self.opened.status_code == 200:
            self.client.headers[CSRF_HEADER] = self.opened.json()["csrf"]

    def get(self, path, **options):
        return self.client.get(f"/api/{self.kind}/{path}", **options)

    def send(self, path, body=None, *, method="POST", **options):
        return self.client.request(method, f"/api/{self.kind}/{path}", json=body or {}, **options)

    def next(self):
        return self.get("next").json()

    def rate(self, assignment=None, **said):
        body = {"activation": 3.5, "valence": 2, "key": str(uuid.uuid4()), **said}
        return self.send(
            "ratings", {"assignment": assignment or self.next()["item"]["assignment"], **body}
        )


class Served:
    def __init__(self, study):
        self.study = study
        self.running = make_running(study, HERE)
        self.app = make_app(self.running)
        links = links_of(self.running)
        self.lead_link, self.links = links.lead, dict(links.raters)

    def rater(self, name="Anna"):
        return Page(self.app, self.links[name])

    def lead(self):
        return Page(self.app, self.lead_link, "lead")


def code(answer):
    return answer.json()["error"]["code"]


def count(served):
    return query(served.study, sa.select(sa.func.count()).select_from(schema.ratings))[0][0]


RATER = [
    *(("GET", "next"), ("POST", "ratings"), ("POST", "undo"), ("POST", "language")),
    *(("POST", "leave"), ("GET", "session"), ("GET", "audio/x")),
]
LEAD = [
    *(("GET", "session"), ("GET", "progress"), ("GET", "quality"), ("GET", "raters")),
    *(("POST", "raters"), ("PATCH", "raters/1"), ("POST", "raters/1/link"), ("GET", "assignment")),
    *(("PUT", "assignment"), ("POST", "rounds"), ("PUT", "study"), ("GET", "export/table")),
    *(("GET", "audio/1"), ("POST", "leave")),
]
BODIES = {
    "ratings": {"assignment": "x", "key": "x" * 20},
    "undo": {"assignment": "x"},
    "language": {"language": "en"},
    "raters": {"name": "C"},
    "raters/1": {},
    "assignment": {
        "raters_per_item": None,
        "items_per_rater": None,
        "repeat_share": 0.0,
        "repeat_distance": 1,
    },
    "rounds": {"table": "file\na"},
    "study": {
        "title": "T",
        "instructions": "",
        "language": "de",
        "dominance": "required",
        "category": "optional",
        "categories": ["joy", "anger"],
        "comment": True,
        "cannot_judge": False,
        "must_hear": False,
    },
}
