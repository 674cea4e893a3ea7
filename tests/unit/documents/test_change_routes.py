"""Changes over HTTP: preconditions, scopes, media types, and what is answered."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from artstore.http import create_app
from artstore.http.app import ArtStoreApp
from artstore.security import Principal, Scope
from functions.upload.documents import dependencies
from functions.upload.documents.routes import ENDPOINTS
from tests.support.changing.desk import KEPT, Desk
from tests.support.gateway import Answer, call

ALL = "all"
FILE = "/api/v1/files/{file_id}"
EVERYTHING = frozenset({Scope.FILES_READ, Scope.FILES_WRITE, Scope.FILES_DELETE, Scope.ELEMENTS_ADMIN})


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def app(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> ArtStoreApp:
    monkeypatch.setenv("ARTSTORE_PREFIX", "unit")
    for name in ("patching", "deleting", "holding"):
        monkeypatch.setattr(dependencies, name, lambda name=name: getattr(desk, name))
    callers = {
        "all": Principal("sa_anna", "anna", EVERYTHING),
        "reader": Principal("sa_bob", "bob", frozenset({Scope.FILES_READ})),
        "writer": Principal("sa_eve", "eve", frozenset({Scope.FILES_READ, Scope.FILES_WRITE})),
    }
    return create_app("documents", ENDPOINTS, callers.__getitem__)


def patch(app: ArtStoreApp, file_id: UUID, members: Any, token: str = ALL, **headers: str) -> Answer:
    sent = {"Content-Type": "application/merge-patch+json"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return call(
        app, "PATCH", f"/api/v1/files/{file_id}", FILE, headers=sent, body=json.dumps(members), token=token
    )


def test_a_patch_is_answered_with_the_document_and_the_etag_of_the_next_one(app: ArtStoreApp, desk: Desk) -> None:
    file_id = desk.store(description="old")
    found = desk.found(file_id)
    assert found is not None
    first = patch(app, file_id, {"description": "new"}, If_Match=found.attributes_etag)
    assert (first.status, first.json["description"], first.json["status"]) == (200, "new", "STORED")
    assert first.headers["ETag"] != found.attributes_etag
    second = patch(app, file_id, {"tags": ["a"]}, If_Match=first.headers["ETag"], Content_Type="application/json")
    assert (second.status, second.json["tags"], second.json["revision"]) == (
        200,
        ["a"],
        first.json["revision"] + 1,
    )
    assert patch(app, file_id, {"tags": []}, If_Match=first.headers["ETag"]).status == 412
    again = patch(app, file_id, {"tags": ["a"]}, If_Match=second.headers["ETag"])
    assert (again.status, again.headers["ETag"]) == (200, second.headers["ETag"])


@pytest.mark.parametrize(
    ("members", "headers", "status", "code"),
    [
        ({"tags": []}, {}, 428, "precondition_required"),
        ({"tags": []}, {"If_Match": "no tag"}, 400, "invalid_header"),
        ({"tags": []}, {"If_Match": '"other"'}, 412, "precondition_failed"),
        ({"tags": []}, {"If_Match": "*", "Content_Type": "text/plain"}, 415, "unsupported_media_type"),
        ({"checksum": "0" * 64}, {"If_Match": "*"}, 400, "invalid_body"),
        ({"retention": {"legal_hold": True}}, {"If_Match": "*"}, 400, "invalid_body"),
        ({"original_filename": None}, {"If_Match": "*"}, 400, "invalid_body"),
        ({"tags": ["x"] * 51}, {"If_Match": "*"}, 400, "invalid_body"),
        ("a text", {"If_Match": "*"}, 400, "invalid_body"),
    ],
)
def test_a_patch_that_breaks_a_rule_is_refused(
    app: ArtStoreApp, desk: Desk, members: Any, headers: dict[str, str], status: int, code: str
) -> None:
    file_id = desk.store()
    before = desk.written(file_id)
    answer = patch(app, file_id, members, **headers)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert desk.written(file_id) == before


def test_each_operation_needs_its_scope(app: ArtStoreApp, desk: Desk) -> None:
    file_id = desk.store()
    url = f"/api/v1/files/{file_id}"
    assert patch(app, file_id, {}, "reader", If_Match="*").status == 403
    assert call(app, "DELETE", url, FILE, token="writer").status == 403
    assert call(app, "POST", url + "/undelete", FILE + "/undelete", token="writer").status == 403
    hold = {"hold": True, "reason": "x"}
    answer = call(app, "PUT", url + "/legal-hold", FILE + "/legal-hold", payload=hold, token="writer")
    assert answer.status == 403


def test_deleting_is_204_each_time_and_undeleting_gives_the_document(app: ArtStoreApp, desk: Desk) -> None:
    file_id = desk.store()
    url = f"/api/v1/files/{file_id}"
    assert call(app, "DELETE", url, FILE, headers={"If-Match": '"stale"'}, token="all").status == 412
    first = call(app, "DELETE", url, FILE, token="all")
    assert (first.status, first.text) == (204, "")
    assert call(app, "DELETE", url, FILE, headers={"If-Match": '"stale"'}, token="all").status == 204
    assert patch(app, file_id, {"tags": []}, If_Match="*").status == 404
    back = call(app, "POST", url + "/undelete", FILE + "/undelete", token="all")
    assert (back.status, back.json["file_id"], back.json["status"]) == (200, str(file_id), "STORED")
    found = desk.found(file_id)
    assert found is not None
    assert back.headers["ETag"] == found.attributes_etag
    assert call(app, "DELETE", f"/api/v1/files/{uuid4()}", FILE, token="all").status == 404


def test_what_is_kept_cannot_be_deleted_and_a_hold_says_why(app: ArtStoreApp, desk: Desk) -> None:
    kept = desk.store(bucket=KEPT)
    url = f"/api/v1/files/{kept}"
    answer = call(app, "DELETE", url, FILE, token="all")
    assert (answer.status, answer.json["code"]) == (409, "deletion_not_allowed")
    for reason in ("", "   ", "x" * 201, "case\0", "\x1b[2J", "\0"):
        wanted = {"hold": True, "reason": reason}
        refused = call(app, "PUT", url + "/legal-hold", FILE + "/legal-hold", payload=wanted, token="all")
        assert (refused.status, refused.json["field"]) == (400, "reason")
    wanted = {"hold": True, "reason": "case 7\n\tof 2026"}
    held = call(app, "PUT", url + "/legal-hold", FILE + "/legal-hold", payload=wanted, token="all")
    assert (held.status, held.json["retention"]["hold_reason"]) == (200, "case 7\n\tof 2026")
