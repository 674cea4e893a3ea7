"""Service accounts over HTTP: made, changed, deleted, restored."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.support.authorization.account_world import ROOT, START, World
from tests.support.gateway import Answer


def test_a_new_account_and_its_secret_are_shown_once(world: World) -> None:
    answer = world.send("POST", payload={"name": "Scanner", "role": "USER", "description": "3rd floor"})
    assert answer.status == 201
    created = answer.json
    assert answer.headers["ETag"] == '"1"'
    assert answer.headers["Location"] == f"service-accounts/{created['client_id']}"
    assert answer.headers["Cache-Control"] == "no-store"
    assert len(created["client_secret"]) == 43
    assert world.logs_in(created["client_id"], created["client_secret"])
    shown = world.send("GET", f"/{created['client_id']}").json
    assert shown == {name: value for name, value in created.items() if name != "client_secret"}
    assert shown == {
        "client_id": created["client_id"],
        "name": "Scanner",
        "description": "3rd floor",
        "role": "USER",
        "scopes": None,
        "spaces": None,
        "status": "ACTIVE",
        "is_system": False,
        "rate_limit_per_minute": None,
        "jwks": None,
        "secrets": [{"created_at": "2026-11-21T12:00:00Z", "expires_at": "2027-02-19T12:00:00Z"}],
        "revision": 1,
        "created_at": "2026-11-21T12:00:00Z",
        "created_by": ROOT,
        "updated_at": "2026-11-21T12:00:00Z",
        "deleted_at": None,
    }


@pytest.mark.parametrize(
    ("payload", "code", "field"),
    [
        ({"role": "USER"}, "invalid_body", "name"),
        ({"name": "x"}, "invalid_body", "role"),
        ({"name": "x", "role": "SUPERUSER"}, "invalid_body", "role"),
        ({"name": "x", "role": "admin"}, "invalid_body", "role"),
        ({"name": "", "role": "USER"}, "invalid_body", "name"),
        ({"name": "  ", "role": "USER"}, "invalid_body", "name"),
        ({"name": "a\x00b", "role": "USER"}, "invalid_body", "name"),
        ({"name": "x" * 101, "role": "USER"}, "invalid_body", "name"),
        ({"name": "x", "role": "USER", "scopes": ["files:fly"]}, "invalid_body", "scopes[0]"),
        ({"name": "x", "role": "USER", "scopes": []}, "invalid_body", "scopes"),
        ({"name": "x", "role": "USER", "scopes": ["accounts:admin"]}, "scope_outside_role", "scopes"),
        (
            {"name": "x", "role": "READONLY", "scopes": ["files:read", "files:write"]},
            "scope_outside_role",
            "scopes",
        ),
        ({"name": "x", "role": "USER", "rate_limit_per_minute": 0}, "invalid_body", "rate_limit_per_minute"),
        ({"name": "x", "role": "USER", "is_system": True}, "invalid_body", "is_system"),
        ({"name": "x", "role": "USER", "jwks": {"keys": []}}, "invalid_jwks", "jwks"),
    ],
)
def test_what_an_account_cannot_be_is_400(
    world: World, payload: dict[str, Any], code: str, field: str | None
) -> None:
    answer = world.send("POST", payload=payload)
    assert (answer.status, answer.json["code"], answer.json.get("field")) == (400, code, field)
    assert world.audit.entries == []


def test_the_same_request_under_the_same_key_makes_one_account_and_shows_its_secret_once(world: World) -> None:
    body = {"name": "robot", "role": "USER"}
    first = world.send("POST", payload=body, Idempotency_Key="k-1")
    again = world.send("POST", payload=body, Idempotency_Key="k-1")
    assert (first.status, again.status) == (201, 200)
    assert again.json == first.json | {"client_secret": None}
    assert world.audit.said() == [("service_account.created", "success", None)]
    other = world.send("POST", payload=body | {"name": "other"}, Idempotency_Key="k-1")
    assert (other.status, other.json["code"]) == (409, "idempotency_key_reused")
    assert world.send("POST", payload=body, Idempotency_Key="k-2").json["client_id"] != first.json["client_id"]
    assert world.send("POST", payload=body, Idempotency_Key="").json["code"] == "invalid_header"


def test_two_requests_under_one_key_at_the_same_time_make_one_account(world: World) -> None:
    body = {"name": "robot", "role": "USER"}
    twin: list[Answer] = []
    world.audit.before_commit = lambda: twin.append(world.send("POST", payload=body, Idempotency_Key="k"))
    answer = world.send("POST", payload=body, Idempotency_Key="k")
    assert (twin[0].status, answer.status) == (201, 200)
    assert answer.json["client_id"] == twin[0].json["client_id"]


def test_a_change_needs_if_match_and_a_deletion_heeds_it(world: World) -> None:
    client_id = world.create()["client_id"]
    path = f"/{client_id}"
    answer = world.send("PATCH", path, {"name": "new"})
    assert (answer.status, answer.json["code"]) == (428, "precondition_required")
    for method, payload in (("PATCH", {"name": "new"}), ("DELETE", None)):
        for stale in ('"2"', 'W/"1"', '"x", "y"'):
            answer = world.send(method, path, payload, If_Match=stale)
            assert (answer.status, answer.json["code"]) == (412, "precondition_failed")
        answer = world.send(method, path, payload, If_Match="1")
        assert (answer.status, answer.json["code"]) == (400, "invalid_header")
    changed = world.send("PATCH", path, {"name": "new"}, If_Match='"0", "1"')
    assert (changed.status, changed.headers["ETag"], changed.json["name"]) == (200, '"2"', "new")
    assert world.patch(client_id, '"1"', name="newer").status == 412
    assert world.patch(client_id, '"2"', name="newer").headers["ETag"] == '"3"'
    assert world.send("DELETE", path).json["status"] == "DELETED"


def test_a_change_that_another_one_overtakes_is_412_and_leaves_nothing(world: World) -> None:
    client_id = world.create()["client_id"]
    theirs: list[Answer] = []
    world.audit.before_commit = lambda: theirs.append(world.patch(client_id, '"1"', description="theirs"))
    answer = world.patch(client_id, '"1"', description="ours")
    assert answer.status == 412
    assert world.send("GET", f"/{client_id}").json["description"] == "theirs"
    assert [entry.after["description"] for entry in world.audit.entries[1:] if entry.after] == ["theirs"]


def test_members_that_are_absent_stay_and_null_takes_a_value_away(world: World) -> None:
    client_id = world.create(description="d", scopes=["files:read"], rate_limit_per_minute=5)["client_id"]
    changed = world.patch(client_id, rate_limit_per_minute=None).json
    assert (changed["description"], changed["scopes"]) == ("d", ["files:read"])
    assert changed["rate_limit_per_minute"] is None
    assert world.patch(client_id, description=None).json["description"] is None
    assert world.patch(client_id, scopes=None).json["scopes"] is None


def test_a_change_of_nothing_writes_nothing(world: World) -> None:
    client_id = world.create()["client_id"]
    unchanged: list[dict[str, Any]] = [{}, {"name": "robot", "scopes": None}]
    for fields in unchanged:
        answer = world.patch(client_id, **fields)
        assert (answer.status, answer.headers["ETag"]) == (200, '"1"')
    assert len(world.audit.entries) == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"role": "EMPEROR"}, "invalid_body"),
        ({"role": None}, "invalid_body"),
        ({"name": None}, "invalid_body"),
        ({"status": "DELETED"}, "invalid_body"),
        ({"client_id": "x"}, "invalid_body"),
        ({"is_system": False}, "invalid_body"),
        ({"scopes": ["keys:admin"]}, "scope_outside_role"),
        ({"role": "AUDITOR"}, "scope_outside_role"),
    ],
)
def test_a_wrong_change_is_400(world: World, fields: dict[str, Any], code: str) -> None:
    client_id = world.create(scopes=["files:write"])["client_id"]
    answer = world.patch(client_id, **fields)
    assert (answer.status, answer.json["code"]) == (400, code)


def test_a_role_and_its_scopes_may_change_together(world: World) -> None:
    client_id = world.create(scopes=["files:write"])["client_id"]
    changed = world.patch(client_id, role="AUDITOR", scopes=["audit:read"])
    assert (changed.json["role"], changed.json["scopes"]) == ("AUDITOR", ["audit:read"])


def test_tokens_are_revoked_when_they_say_more_than_the_account_may_do(world: World) -> None:
    client_id = world.create()["client_id"]
    world.patch(client_id, name="x", description="y", rate_limit_per_minute=7)
    assert world.revocations.clients == {}
    steps: list[dict[str, Any]] = [
        {"scopes": ["files:read"]},
        {"role": "READONLY"},
        {"status": "SUSPENDED"},
    ]
    revoking = []
    for step in steps:
        world.now += timedelta(minutes=1)
        world.patch(client_id, **step)
        revoking.append(world.revocations.clients.get(client_id) == world.now.timestamp())
    assert revoking == [True, False, True]  # READONLY takes nothing from an account that only reads
    world.now += timedelta(minutes=1)
    world.patch(client_id, status="ACTIVE")
    assert world.revocations.clients[client_id] < world.now.timestamp()


def test_a_deleted_account_may_do_nothing_is_kept_and_comes_back_as_it_was(world: World) -> None:
    created = world.create()
    client_id = created["client_id"]
    world.patch(client_id, status="SUSPENDED")
    world.patch(client_id, status="ACTIVE")
    deleted = world.delete(client_id, '"3"')
    assert (deleted.status, deleted.json["status"], deleted.headers["ETag"]) == (200, "DELETED", '"4"')
    assert deleted.json["deleted_at"] == "2026-11-21T12:00:00Z"
    assert not world.logs_in(client_id, created["client_secret"])
    assert world.revocations.clients == {client_id: START.timestamp()}
    for answer in (world.patch(client_id, name="x"), world.delete(client_id), world.rotate(client_id)):
        assert (answer.status, answer.json["code"]) == (409, "account_deleted")
    restored = world.send("POST", f"/{client_id}/restore")
    assert (restored.status, restored.json["status"], restored.json["deleted_at"]) == (200, "ACTIVE", None)
    assert world.logs_in(client_id, created["client_secret"])
    assert world.revocations.clients == {client_id: START.timestamp()}
    assert world.send("POST", f"/{client_id}/restore").json["code"] == "account_not_deleted"


def test_a_suspended_account_is_suspended_when_it_is_restored(world: World) -> None:
    client_id = world.create()["client_id"]
    world.patch(client_id, status="SUSPENDED")
    etag = world.delete(client_id).headers["ETag"]
    assert world.send("POST", f"/{client_id}/restore", If_Match='"1"').status == 412
    assert world.send("POST", f"/{client_id}/restore", If_Match=etag).json["status"] == "SUSPENDED"


@pytest.mark.parametrize("path", ["", "/restore", "/rotate-secret"])
def test_an_unknown_account_is_404(world: World, path: str) -> None:
    methods = {"": ("GET", "PATCH", "DELETE"), "/restore": ("POST",), "/rotate-secret": ("POST",)}[path]
    for method in methods:
        answer = world.send(method, f"/sa_nobody{path}", {}, If_Match="*")
        assert (answer.status, answer.json["code"]) == (404, "account_not_found")
