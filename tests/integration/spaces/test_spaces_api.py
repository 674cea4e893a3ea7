"""Spaces are made, limited and deleted by who runs the archive, seen by who has them, and every act is audited."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from artstore.aws.audit_table import AuditTable
from artstore.http import create_app
from artstore.http.app import ArtStoreApp
from artstore.index.postgres import PostgresIndex
from artstore.security import Principal, Scope
from functions.upload import app as upload
from tests.fakes.documents import NOON, make_projection
from tests.support.gateway import Answer, call
from tests.support.walk import PREFIX, walking

SPACES = "/api/v1/spaces"
ALL = frozenset(map(str, Scope))
CALLERS = {
    "root": Principal("sa_root", "root", ALL),
    "chief": Principal("sa_chief", "chief", ALL, {"press": ALL, "legal": frozenset({"files:read"})}),
    "reader": Principal("sa_reader", "reader", frozenset({"files:read"}), {"press": frozenset({"files:read"})}),
    "outsider": Principal("sa_outsider", "outsider", ALL, {"other": ALL}),
}


@pytest.fixture
def app(
    aws: None, postgres_index: PostgresIndex, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ArtStoreApp]:
    """A deployment with the spaces press and legal."""
    with walking(postgres_index, database_url, monkeypatch):
        yield create_app("upload", upload.ENDPOINTS, CALLERS.__getitem__)


def ask(app: ArtStoreApp, method: str, path: str = "", by: str = "root", **sent: Any) -> Answer:
    headers = {name.replace("_", "-"): value for name, value in sent.pop("headers", {}).items()}
    resource = f"{SPACES}/{{space}}" if path else SPACES
    return call(app, method, SPACES + path, resource, token=by, headers=headers, payload=sent or None)


def audited() -> list[tuple[str, str, str, str | None]]:
    return [(each.action, each.object, each.outcome, each.reason) for each in AuditTable(PREFIX).entries(0, 100)]


def names(answer: Answer) -> list[str]:
    return [each["space"] for each in answer.json["items"]]


def test_a_space_is_made_shown_limited_and_deleted_and_each_act_is_audited(app: ArtStoreApp) -> None:
    made = ask(app, "POST", space="sports", max_documents=3, allowed_types=["image/*", "image/*"])
    assert (made.status, made.headers["Location"], made.headers["ETag"]) == (201, "spaces/sports", '"1"')
    shown = ask(app, "GET", "/sports")
    assert shown.json == made.json
    assert (shown.json["max_documents"], shown.json["max_bytes"], shown.json["allowed_types"]) == (
        3,
        None,
        ["image/*"],
    )
    changed = ask(app, "PATCH", "/sports", max_documents=None, max_bytes=10, headers={"If_Match": '"1"'})
    assert (changed.status, changed.headers["ETag"]) == (200, '"2"')
    assert (changed.json["max_documents"], changed.json["max_bytes"]) == (None, 10)
    assert ask(app, "DELETE", "/sports", headers={"If_Match": '"1"'}).status == 412
    assert ask(app, "DELETE", "/sports", headers={"If_Match": '"2"'}).status == 204
    assert ask(app, "GET", "/sports").json["code"] == "space_not_found"
    assert audited() == [
        ("space.created", "space/sports", "success", None),
        ("space.updated", "space/sports", "success", None),
        ("space.deleted", "space/sports", "success", None),
    ]
    assert ask(app, "POST", space="sports").status == 201


@pytest.mark.parametrize("none", [None, []])
def test_no_limit_is_said_by_null_for_types_as_for_numbers(app: ArtStoreApp, none: Any) -> None:
    ask(app, "POST", space="sports", allowed_types=["image/*"])
    changed = ask(app, "PATCH", "/sports", allowed_types=none, headers={"If_Match": "*"})
    assert (changed.status, changed.json["allowed_types"]) == (200, [])


def test_a_change_needs_what_was_read(app: ArtStoreApp) -> None:
    assert ask(app, "PATCH", "/press", max_bytes=1).status == 428
    assert ask(app, "PATCH", "/press", max_bytes=1, headers={"If_Match": '"7"'}).status == 412
    nothing = ask(app, "PATCH", "/press", max_bytes=None, headers={"If_Match": '"1"'})
    assert (nothing.status, nothing.headers["ETag"]) == (200, '"1"')
    assert audited() == []


def test_a_name_is_given_once_and_a_repeated_request_made_once(app: ArtStoreApp) -> None:
    answer = ask(app, "POST", space="press")
    assert (answer.status, answer.json["code"]) == (409, "space_exists")
    first = ask(app, "POST", space="sports", headers={"Idempotency_Key": "k"})
    again = ask(app, "POST", space="sports", headers={"Idempotency_Key": "k"})
    assert (first.status, again.status, again.json) == (201, 200, first.json)
    other = ask(app, "POST", space="sports", max_bytes=1, headers={"Idempotency_Key": "k"})
    assert (other.status, other.json["code"]) == (409, "space_exists")


@pytest.mark.parametrize(
    "fields", [{"space": "Sports"}, {"space": "*"}, {"space": "a", "allowed_types": ["image"]}]
)
def test_what_is_no_space_is_refused(app: ArtStoreApp, fields: dict[str, Any]) -> None:
    assert ask(app, "POST", **fields).status == 400


def test_the_default_space_is_always_there_and_takes_limits(app: ArtStoreApp) -> None:
    assert ask(app, "GET", "/default").json["revision"] == 0
    changed = ask(app, "PATCH", "/default", max_documents=5, headers={"If_Match": '"0"'})
    assert (changed.status, changed.json["max_documents"], changed.json["revision"]) == (200, 5, 1)
    answer = ask(app, "DELETE", "/default")
    assert (answer.status, answer.json["code"]) == (409, "space_is_default")
    assert ask(app, "POST", space="default").json["code"] == "space_exists"


@pytest.mark.parametrize("deleted", [None, NOON])
def test_a_space_with_a_document_shown_or_in_the_trash_stays(
    app: ArtStoreApp, postgres_index: PostgresIndex, deleted: Any
) -> None:
    postgres_index.project(make_projection(space="press", deleted_at=deleted))
    answer = ask(app, "DELETE", "/press")
    assert (answer.status, answer.json["code"]) == (409, "space_not_empty")
    assert audited() == [("space.deleted", "space/press", "refused", "space_not_empty")]


def test_everybody_sees_the_spaces_they_have_and_who_runs_the_archive_all(app: ArtStoreApp) -> None:
    assert names(ask(app, "GET")) == ["default", "legal", "press"]
    assert names(ask(app, "GET", by="chief")) == ["legal", "press"]
    assert names(ask(app, "GET", by="reader")) == ["press"]
    assert names(ask(app, "GET", by="outsider")) == []


def test_who_is_kept_to_spaces_administers_those_and_makes_none(app: ArtStoreApp) -> None:
    any_ = {"If_Match": "*"}
    assert ask(app, "PATCH", "/press", by="chief", max_bytes=1, headers=any_).status == 200
    seen = ask(app, "PATCH", "/legal", by="chief", max_bytes=1, headers=any_)
    assert (seen.status, seen.json["code"]) == (403, "exceeds_own_spaces")
    unseen = ask(app, "PATCH", "/default", by="chief", max_bytes=1, headers=any_)
    assert (unseen.status, unseen.json["code"]) == (404, "space_not_found")
    for name in ("press", "new"):
        answer = ask(app, "POST", by="outsider", space=name)
        assert (answer.status, answer.json["code"]) == (403, "exceeds_own_spaces")
