"""What the API owes to any client of HTTP: HEAD, OPTIONS, 404 and 405, 304, and pages of other origins."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
import pytest

from artstore import errors
from artstore.http import Reply, create_app, endpoint
from artstore.http import app as http_app
from artstore.http.app import ArtStoreApp
from artstore.security import Principal, Scope
from tests.support.gateway import call

PAGE = "https://app.example"
THING = "/things/7f1d7b5e-1c1f-4b62-9d8c-3f1f0e7f9a11"
ROUTE = "/things/{file_id}"


class Thing(msgspec.Struct):
    name: str


class Wish(msgspec.Struct, forbid_unknown_fields=True):
    hours: Annotated[int, msgspec.Meta(ge=0)] = 24


@endpoint("GET", ROUTE, scope=Scope.FILES_READ, summary="Show", etag=True)
def show_thing(file_id: UUID) -> Reply[Thing]:
    return Reply(Thing(str(file_id)), {"ETag": '"7"', "Cache-Control": "private, no-cache"})


@endpoint("GET", "/list", scope=None, summary="List", etag=True)
def list_things() -> list[Thing]:
    return [Thing("a")]


@endpoint("POST", "/wishes", scope=None, summary="Wish")
def wish(body: Wish) -> Wish:
    if body.hours == 99:
        raise errors.RateLimited("too many", retry_after=3)
    return body


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> ArtStoreApp:
    monkeypatch.setenv("ARTSTORE_PREFIX", "test")
    allow(monkeypatch, "*")
    reader = Principal("sa_1", "robot", frozenset({Scope.FILES_READ}))
    elsewhere = {ROUTE: ["PATCH"], "/elsewhere": ["POST"]}
    return create_app(
        "test-methods", (show_thing, list_things, wish), lambda _token: reader, elsewhere=lambda: elsewhere
    )


def allow(monkeypatch: pytest.MonkeyPatch, origins: str) -> None:
    monkeypatch.setenv("ARTSTORE_ALLOWED_ORIGINS", origins)
    http_app.cors_policy.cache_clear()


def test_head_is_get_without_its_body(app: ArtStoreApp) -> None:
    shown, head = (call(app, method, THING, ROUTE, token="t") for method in ("GET", "HEAD"))
    assert shown.text
    assert (head.status, head.text) == (200, "")
    assert head.headers == shown.headers


def test_head_of_an_error_has_no_body_either(app: ArtStoreApp) -> None:
    answer = call(app, "HEAD", THING, ROUTE)
    assert (answer.status, answer.text) == (401, "")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/list", "GET, HEAD, OPTIONS"),
        ("HEAD", "/wishes", "OPTIONS, POST"),
        ("PUT", ROUTE, "GET, HEAD, OPTIONS, PATCH"),
        ("GET", "/elsewhere", "OPTIONS, POST"),
    ],
)
def test_another_method_is_405_and_the_right_ones_are_named(
    app: ArtStoreApp, method: str, path: str, allowed: str
) -> None:
    answer = call(app, method, path)
    assert (answer.status, answer.headers["Allow"]) == (405, allowed)
    if method != "HEAD":
        assert answer.json["code"] == "method_not_allowed"
        assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_an_unknown_path_is_404(app: ArtStoreApp, method: str) -> None:
    answer = call(app, method, "/api/v2/nothing", "/{proxy+}")
    assert (answer.status, answer.json["code"]) == (404, "path_not_found")
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_options_names_the_methods_and_asks_for_no_token(app: ArtStoreApp) -> None:
    answer = call(app, "OPTIONS", THING, ROUTE)
    assert (answer.status, answer.text, answer.headers["Allow"]) == (204, "", "GET, HEAD, OPTIONS, PATCH")
    assert "Access-Control-Allow-Methods" not in answer.headers


@pytest.mark.parametrize("path", [ROUTE, "/list", "/elsewhere", "/{proxy+}"])
def test_a_preflight_permits_what_a_page_needs_to_ask_and_to_read_that_it_asked_wrongly(
    app: ArtStoreApp, path: str
) -> None:
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "PATCH"}
    answer = call(app, "OPTIONS", path, headers=asked)
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "PATCH" in answer.headers["Access-Control-Allow-Methods"].split(", ")
    permitted = answer.headers["Access-Control-Allow-Headers"].lower().split(", ")
    assert {"authorization", "content-type", "if-match", "if-none-match", "idempotency-key"} <= set(permitted)
    assert int(answer.headers["Access-Control-Max-Age"]) > 0


@pytest.mark.parametrize(
    ("path", "status"), [("/list", 200), ("/nowhere", 404), (THING, 401), ("/wishes", 405)], ids=str
)
def test_a_page_of_another_origin_may_read_every_answer(app: ArtStoreApp, path: str, status: int) -> None:
    answer = call(app, "GET", path, ROUTE if path == THING else path, headers={"Origin": PAGE})
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (status, "*")
    exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"ETag", "Location", "X-Request-Id", "Retry-After", "Allow", "RateLimit-Limit"} <= set(exposed)
    assert answer.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize(
    ("origins", "origin", "allowed"),
    [
        ("https://a.example,https://b.example", "https://b.example", True),
        ("https://a.example", "https://a.example.evil.example", False),
        ("https://a.example", "https://aXexample", False),
        ("https://a.example", "http://a.example", False),
        ("https://*.example", "https://app.example", True),
        ("https://*.example", "https://app.example.org", False),
        ("", "https://a.example", False),
    ],
)
def test_only_the_origins_of_the_deployment_are_allowed(
    app: ArtStoreApp, monkeypatch: pytest.MonkeyPatch, origins: str, origin: str, allowed: bool
) -> None:
    allow(monkeypatch, origins)
    answer = call(app, "GET", "/list", headers={"Origin": origin})
    assert answer.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
    assert answer.headers["Vary"] == "Origin"


def test_who_is_not_a_browser_is_told_nothing_of_origins(app: ArtStoreApp) -> None:
    assert not [name for name in call(app, "GET", "/list").headers if name.startswith("Access-Control-")]


@pytest.mark.parametrize("known", ['"7"', 'W/"7"', '"1", W/"7"', "*", ' "7" '])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_the_client_has_is_not_sent_again(app: ArtStoreApp, method: str, known: str) -> None:
    answer = call(app, method, THING, ROUTE, token="t", headers={"If-None-Match": known})
    assert (answer.status, answer.text) == (304, "")
    assert answer.headers["ETag"] == '"7"'
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert "Content-Type" not in answer.headers


@pytest.mark.parametrize("known", ['"6"', "7", '"7', "", '"7" "8"'])
def test_what_it_has_not_is_sent(app: ArtStoreApp, known: str) -> None:
    assert call(app, "GET", THING, ROUTE, token="t", headers={"If-None-Match": known}).status == 200


def test_an_answer_without_a_tag_of_its_own_gets_one_of_its_body(app: ArtStoreApp) -> None:
    etag = call(app, "GET", "/list").headers["ETag"]
    assert call(app, "GET", "/list", headers={"If-None-Match": etag}).status == 304
    assert etag.startswith('"')


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "application/json"}, {"Content-Type": "text/plain"}])
def test_a_body_of_optional_members_may_be_left_out(app: ArtStoreApp, headers: dict[str, str]) -> None:
    assert call(app, "POST", "/wishes", body="", headers=headers).json == {"hours": 24}


def test_a_body_that_is_there_keeps_to_its_rules(app: ArtStoreApp) -> None:
    assert call(app, "POST", "/wishes", body="{}").status == 415
    assert call(app, "POST", "/wishes", payload=None, body="null", headers={}).status == 415
    blank = call(app, "POST", "/wishes", body=" \n", headers={"Content-Type": "application/json"})
    assert (blank.status, blank.json["code"]) == (400, "malformed_json")
    answer = call(app, "POST", "/wishes", payload={"hours": -1})
    assert (answer.status, answer.json["detail"]) == (400, "hours must be at least 0")
