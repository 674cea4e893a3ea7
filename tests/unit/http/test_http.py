"""One endpoint decorator, one shape of error, one log line."""

from __future__ import annotations

import itertools
import json
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
import pytest

from artstore import errors
from artstore.http import Redirect, Refusal, Reply, create_app, endpoint
from artstore.http.app import ArtStoreApp
from artstore.security import Principal, Scope
from tests.support.gateway import call

SECRET_TOKEN = "a-token-that-must-not-be-logged"
_NUMBERS = itertools.count()
FILE_ID = "7f1d7b5e-1c1f-4b62-9d8c-3f1f0e7f9a11"


class Thing(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    size: Annotated[int, msgspec.Meta(ge=0)] = 0


class Page(msgspec.Struct, forbid_unknown_fields=True):
    limit: Annotated[int, msgspec.Meta(le=10)] = 5
    since: Annotated[datetime, msgspec.Meta(tz=True)] | None = msgspec.field(default=None, name="from")


@endpoint("POST", "/things", scope=Scope.FILES_WRITE, status=201, summary="Make")
def make_thing(body: Thing, caller: Principal) -> Reply[Thing]:
    if body.name == "boom":
        raise RuntimeError(f"internal address 10.0.0.1 {SECRET_TOKEN}")
    if body.name == "taken":
        raise errors.Conflict("the name is taken", code="name_taken")
    return Reply(Thing(caller.client_id, body.size), {"Location": "/things/1"})


@endpoint("GET", "/things/{file_id}", scope=Scope.FILES_READ, summary="Show")
def show_thing(file_id: UUID, query: Page) -> Thing:
    return Thing(str(file_id), query.limit)


@endpoint("GET", "/elsewhere", scope=None, status=307, summary="Go")
def go_elsewhere() -> Redirect:
    return Redirect("https://example.com/x")


@endpoint("GET", "/down", scope=None, summary="Down")
def be_down() -> Thing:
    raise errors.Unavailable("the table store does not answer") from ConnectionError("10.0.0.9:8000 refused")


def authenticate(token: str) -> Principal:
    if token != SECRET_TOKEN:
        raise errors.Unauthenticated("no", code="invalid_token")
    return Principal("sa_1", "robot", frozenset({Scope.FILES_WRITE}))


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> ArtStoreApp:
    monkeypatch.setenv("ARTSTORE_PREFIX", "test")
    service = f"test-{next(_NUMBERS)}"  # a logger of its own, so that it writes to this test's stdout
    return create_app(service, (make_thing, show_thing, go_elsewhere, be_down), authenticate)


def test_whoever_wants_to_know_is_told_of_every_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARTSTORE_PREFIX", "test")
    told: list[Refusal] = []
    app = create_app("test-refusals", (make_thing, show_thing), authenticate, told.append)
    call(app, "POST", "/things", token=SECRET_TOKEN, payload={"name": "a"})
    call(app, "GET", f"/things/{FILE_ID}", "/things/{file_id}", token=SECRET_TOKEN)
    call(app, "GET", f"/things/{FILE_ID}", "/things/{file_id}", token="another")
    assert [(each.operation, each.client_id, each.error.code) for each in told] == [
        ("show_thing", "sa_1", "insufficient_scope"),
        ("show_thing", None, "invalid_token"),
    ]


def test_a_valid_request_reaches_the_handler_with_its_model_and_caller(app: ArtStoreApp) -> None:
    answer = call(app, "POST", "/things", payload={"name": "x", "size": 3}, token=SECRET_TOKEN)
    assert (answer.status, answer.json) == (201, {"name": "sa_1", "size": 3})
    assert answer.headers["Location"] == "/things/1"
    assert answer.headers["X-Request-Id"] == "req-1"


@pytest.mark.parametrize(
    ("payload", "code", "field"),
    [
        ({"name": 5}, "invalid_body", "name"),
        ({"name": "x", "size": -1}, "invalid_body", "size"),
        ({"size": 1}, "invalid_body", "name"),
        ({"name": "x", "extra": 1}, "invalid_body", "extra"),
        ([], "invalid_body", None),
    ],
)
def test_a_body_that_breaks_its_model_is_400_and_names_the_field(
    app: ArtStoreApp, payload: object, code: str, field: str | None
) -> None:
    answer = call(app, "POST", "/things", payload=payload, token=SECRET_TOKEN)
    assert answer.status == 400
    assert answer.json["code"] == code
    assert answer.json.get("field") == field


@pytest.mark.parametrize("body", ["", "{", "nul", '{"name": "\ud800"}', '{"name": "\\ud800"}'])
def test_a_body_that_is_not_json_is_400(app: ArtStoreApp, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = call(app, "POST", "/things", body=body, headers=headers, token=SECRET_TOKEN)
    assert (answer.status, answer.json["code"]) == (400, "malformed_json")


def test_another_content_type_is_415(app: ArtStoreApp) -> None:
    answer = call(app, "POST", "/things", body="<a/>", headers={"Content-Type": "text/xml"}, token=SECRET_TOKEN)
    assert (answer.status, answer.json["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("url", "code"),
    [
        (f"/things/{FILE_ID}?limit=11", "invalid_parameter"),
        (f"/things/{FILE_ID}?limit=x", "invalid_parameter"),
        (f"/things/{FILE_ID}?limit=1&limit=2", "invalid_parameter"),
        (f"/things/{FILE_ID}?unknown=1", "invalid_parameter"),
        (f"/things/{FILE_ID}?from=null", "invalid_parameter"),
        (f"/things/{FILE_ID}?from=0.5", "invalid_parameter"),
        (f"/things/{FILE_ID}?from=1700000000", "invalid_parameter"),
        ("/things/not-a-uuid", "invalid_parameter"),
    ],
)
def test_wrong_parameters_are_400(app: ArtStoreApp, url: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Principal("sa_1", "robot", frozenset({Scope.FILES_READ}))
    monkeypatch.setattr(app, "_authenticate", lambda _token: reader)
    answer = call(app, "GET", url, "/things/{file_id}", token=SECRET_TOKEN)
    assert (answer.status, answer.json["code"]) == (400, code)


def test_no_token_is_401_with_a_bare_challenge(app: ArtStoreApp) -> None:
    answer = call(app, "POST", "/things", payload={"name": "x"})
    assert (answer.status, answer.json["code"]) == (401, "missing_token")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="artstore"'


def test_a_bad_token_is_401_invalid_token(app: ArtStoreApp) -> None:
    answer = call(app, "POST", "/things", payload={"name": "x"}, token="other")
    assert answer.status == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_a_missing_scope_is_403_and_names_it(app: ArtStoreApp) -> None:
    answer = call(app, "GET", f"/things/{FILE_ID}", "/things/{file_id}", token=SECRET_TOKEN)
    assert (answer.status, answer.json["code"]) == (403, "insufficient_scope")
    assert 'scope="files:read"' in answer.headers["WWW-Authenticate"]


def test_the_token_is_checked_before_the_body_is_read(app: ArtStoreApp) -> None:
    assert call(app, "POST", "/things", body="{", token="other").status == 401


def test_an_error_of_the_domain_keeps_its_code(app: ArtStoreApp) -> None:
    answer = call(app, "POST", "/things", payload={"name": "taken"}, token=SECRET_TOKEN)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "the name is taken",
        "code": "name_taken",
        "request_id": "req-1",
    }


def test_an_unexpected_error_says_nothing_of_its_cause_and_everything_to_the_log(
    app: ArtStoreApp, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = call(app, "POST", "/things", payload={"name": "boom"}, token=SECRET_TOKEN)
    assert (answer.status, answer.json["code"]) == (500, "internal_error")
    assert "10.0.0.1" not in answer.text
    line = log_lines(capsys)[0]
    assert line["level"] == "ERROR"
    assert line["request_id"] == answer.json["request_id"]
    assert "RuntimeError" in line["exception"]


def test_a_dependency_that_is_down_is_503_without_its_address(
    app: ArtStoreApp, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = call(app, "GET", "/down")
    assert (answer.status, answer.json["code"], answer.headers["Retry-After"]) == (503, "unavailable", "1")
    assert "10.0.0.9" not in answer.text
    assert "10.0.0.9" in log_lines(capsys)[0]["exception"]


def test_a_redirect_is_not_cached(app: ArtStoreApp) -> None:
    answer = call(app, "GET", "/elsewhere")
    assert (answer.status, answer.headers["Location"]) == (307, "https://example.com/x")
    assert answer.headers["Cache-Control"] == "no-store"


def test_each_request_writes_one_log_line_and_one_metric_line(
    app: ArtStoreApp, capsys: pytest.CaptureFixture[str]
) -> None:
    call(app, "POST", "/things", payload={"name": "x"}, token=SECRET_TOKEN)
    lines = log_lines(capsys)
    request, metrics = lines
    assert {name: request[name] for name in ("request_id", "client_id", "operation", "status", "path")} == {
        "request_id": "req-1",
        "client_id": "sa_1",
        "operation": "make_thing",
        "status": 201,
        "path": "/things",
    }
    assert request["milliseconds"] >= 0
    assert metrics["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "ArtStore"
    assert (metrics["deployment"], metrics["operation"], metrics["Requests"]) == ("test", "make_thing", [1.0])


def test_no_log_line_holds_the_token(app: ArtStoreApp, capsys: pytest.CaptureFixture[str]) -> None:
    call(app, "POST", "/things", payload={"name": "x"}, token=SECRET_TOKEN)
    call(app, "GET", f"/things/{FILE_ID}", "/things/{file_id}", token=SECRET_TOKEN)
    call(app, "POST", "/things", payload={"name": "x"}, token=SECRET_TOKEN + "x")
    assert SECRET_TOKEN not in capsys.readouterr().out


def test_an_endpoint_whose_path_and_parameters_differ_is_refused_at_import() -> None:
    with pytest.raises(TypeError, match="its parameters and the names in"):

        @endpoint("GET", "/things/{thing_id}", scope=None, summary="Show")
        def show(file_id: UUID) -> Thing:
            return Thing(str(file_id))


def log_lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]
