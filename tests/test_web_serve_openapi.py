"""The service's own description: all of it true, whatever is asked."""

import warnings

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from embedding_tasks import wait_for
from served_model import HERE, TOKEN, asking, made_service
from test_web_annotate_openapi import EXAMPLES
from voices import in_bytes, voice

schemathesis = pytest.importorskip("schemathesis")

BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def client():
    with asking(made_service(token=TOKEN)) as client:
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        wait_for(lambda: client.get("/healthz").status_code == 200)  # 503 until a process is up
        yield client


@pytest.fixture(scope="module")
def described(client):
    """The description as it is served."""
    schema = client.get("/openapi.json")
    assert schema.status_code == 200
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return schemathesis.openapi.from_dict(schema.json())


def checked(client, case):
    """Ask what a case says; everything about the answer has to be described."""
    told = case.as_transport_kwargs(base_url=HERE)
    headers = {name: str(value) for name, value in (told.get("headers") or {}).items()}
    headers = {k: v for k, v in headers.items() if k.isascii() and v.isascii() and v.isprintable()}
    headers.pop("Authorization", None)  # the client's own is right, and what is made up is not
    keep = {name: told[name] for name in ("json", "files", "params") if told.get(name)}
    content = told.get("data")
    if isinstance(content, bytes):
        keep["content"] = content
    elif content:
        keep["data"] = content
    try:
        answer = client.request(told["method"], told["url"], headers=headers, **keep)
    except (UnicodeEncodeError, TypeError, ValueError):  # the client's own
        return None
    answer.request._content = b""  # a form is sent piece by piece; schemathesis looks at the whole
    case.operation.validate_response(answer)  # type and content
    assert str(answer.status_code) in case.operation.responses.status_codes
    assert answer.status_code < 500, (told, answer.text)
    return answer.status_code


def test_every_answer_is_as_it_is_described(client, described):
    operations = {found.ok().label: found.ok() for found in described.get_all_operations()}
    assert set(operations) == {"GET /healthz", "GET /metrics", "POST /v1/embed"}
    seen = set()
    for operation in operations.values():

        @BOUNDED
        @given(case=operation.as_strategy())
        def ask(case):
            seen.add(checked(client, case))

        ask()
    assert {200, 422} <= seen, seen


def test_a_scored_row_is_as_it_is_described(client, described):
    operation = described["/v1/embed"]["POST"]
    files = [("files", ("a.wav", in_bytes(voice(1.0)))), ("files", ("b.wav", b"none"))]
    answer = client.post("/v1/embed", files=files)
    assert [row["status"] for row in answer.json()["rows"]] == ["ok", "unreadable"]
    answer.request._content = b""
    operation.validate_response(answer)
    schema = client.get("/openapi.json").json()["components"]["schemas"]["Row"]
    undescribed = set(answer.json()["rows"][0]) - set(schema["properties"])
    assert undescribed == {"z1", "z2"}  # as many as the model has dimensions
    assert set(schema["properties"]) <= set(answer.json()["rows"][0])


def test_every_refusal_is_described_and_every_description_is_meant(client):
    found = client.get("/openapi.json").json()["paths"]["/v1/embed"]["post"]
    assert set(found["responses"]) == {
        *("200", "400", "401", "403", "408", "413", "415", "421", "422", "429", "431"),
        *("503", "504"),
    }
    assert set(found["requestBody"]["content"]) == {
        *("multipart/form-data", "application/octet-stream", "audio/*", "application/json"),
    }


def test_the_token_is_described_where_it_is_asked_for(client):
    def secured(schema):
        return {
            path
            for path, found in schema["paths"].items()
            for one in found.values()
            if one.get("security")
        }

    schema = client.get("/openapi.json").json()
    (scheme,) = schema["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    assert secured(schema) == {"/metrics", "/v1/embed"}
    for path in schema["paths"]:
        status = client.get(path, headers={"Authorization": ""}).status_code
        assert (status == 401) == (path in secured(schema))
    with asking(made_service()) as open_to_all:
        schema = open_to_all.get("/openapi.json").json()
    assert "securitySchemes" not in schema["components"]
    assert not secured(schema)


BITS = st.sampled_from(
    [
        *(b"--x", b"--x--", b"\r\n", b"\n", b'Content-Disposition: form-data; name="files"'),
        *(b'; filename="a.wav"', b"Content-Type: audio/wav", b"RIFF\x24\x00\x00\x00WAVEfmt "),
        *(b"\xff" * 9, b"\x00", b"=", b":", b"Content-Transfer-Encoding: base64"),
    ]
)


@BOUNDED
@given(parts=st.lists(BITS | st.binary(max_size=40), max_size=12))
def any_form(client, parts):
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = client.post("/v1/embed", content=b"".join(parts), headers=headers)
    assert answer.status_code in (200, 400, 413, 422), answer.text


def test_no_form_makes_the_service_fail(client):
    any_form(client)
