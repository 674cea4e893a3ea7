"""Who may administer whom, and what the audit log says of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.auth.accounts.table import make_secret
from tests.support.authorization.account_world import LIFETIME, READER, ROOT, START, World
from tests.support.gateway import Answer


def test_a_readonly_account_may_neither_read_nor_write_accounts(world: World) -> None:
    path = f"/{READER}"
    for method, where in (
        ("POST", ""),
        ("GET", ""),
        ("GET", path),
        ("PATCH", path),
        ("DELETE", path),
        ("POST", f"{path}/restore"),
        ("POST", f"{path}/rotate-secret"),
    ):
        answer = world.send(method, where, {}, by=READER)
        assert (answer.status, answer.json["code"]) == (403, "insufficient_scope")


@pytest.mark.parametrize(
    "fields",
    [
        {"role": "USER"},
        {"status": "SUSPENDED"},
        {"scopes": ["accounts:admin"]},
    ],
)
def test_the_system_account_cannot_be_demoted_suspended_or_narrowed(world: World, fields: dict[str, Any]) -> None:
    world.create(role="ADMIN")  # that it is not the last administrator makes no difference
    for answer in (world.patch(ROOT, **fields), world.delete(ROOT)):
        assert (answer.status, answer.json["code"]) == (409, "system_account")
    assert world.audit.said()[1:] == [
        (f"service_account.{'suspended' if 'status' in fields else 'updated'}", "refused", "system_account"),
        ("service_account.deleted", "refused", "system_account"),
    ]
    assert world.patch(ROOT, name="root", rate_limit_per_minute=50).status == 200
    assert world.rotate(ROOT).status == 200


@pytest.mark.parametrize(
    "fields", [{"role": "OPERATOR"}, {"status": "SUSPENDED"}, {"scopes": ["files:read", "keys:admin"]}]
)
def test_the_last_active_administrator_cannot_be_removed(world: World, fields: dict[str, Any]) -> None:
    world.add("sa_second", role="ADMIN")
    world.add("sa_narrow", role="ADMIN", scopes=["files:read"])
    world.add("sa_suspended", role="ADMIN", status="SUSPENDED")
    world.add(ROOT, role="ADMIN", is_system=True, secrets=[make_secret("x", 4, START - LIFETIME, LIFETIME)])
    for answer in (world.patch("sa_second", by="sa_second", **fields), world.delete("sa_second", by="sa_second")):
        assert (answer.status, answer.json["code"]) == (409, "last_administrator")
    world.rotate(ROOT, by="sa_second")
    assert world.patch("sa_second", by="sa_second", **fields).status == 200


def test_two_last_administrators_cannot_remove_each_other(world: World) -> None:
    world.add(ROOT, role="ADMIN", is_system=True, secrets=[])  # nobody can log in as the first one any more
    world.add("sa_a", role="ADMIN")
    world.add("sa_b", role="ADMIN")
    other: list[Answer] = []
    world.audit.before_commit = lambda: other.append(world.delete("sa_a", by="sa_b"))
    answer = world.delete("sa_b", by=ROOT)
    assert other[0].status == 200
    assert (answer.status, answer.json["code"]) == (409, "last_administrator")
    assert world.send("GET", "/sa_b").json["status"] == "ACTIVE"


def test_an_administrator_of_few_scopes_cannot_reach_for_more(world: World) -> None:
    world.add("sa_clerk", role="ADMIN", scopes=["accounts:admin", "files:read"])
    world.add("sa_user", role="USER")
    for answer in (
        world.send("POST", payload={"name": "x", "role": "ADMIN"}, by="sa_clerk"),
        world.send("POST", payload={"name": "x", "role": "USER"}, by="sa_clerk"),
        world.patch(READER, by="sa_clerk", role="OPERATOR"),
        world.patch("sa_clerk", by="sa_clerk", scopes=None),
        world.rotate(ROOT, by="sa_clerk"),
        world.rotate("sa_user", by="sa_clerk"),
    ):
        assert (answer.status, answer.json["code"]) == (403, "exceeds_own_scopes")
    assert {entry[1:] for entry in world.audit.said()} == {("refused", "exceeds_own_scopes")}
    assert world.send("POST", payload={"name": "x", "role": "READONLY"}, by="sa_clerk").status == 201
    assert world.rotate(READER, by="sa_clerk").status == 200


def test_a_suspended_administrator_does_nothing_with_a_token_that_still_lives(world: World) -> None:
    world.add("sa_former", role="ADMIN", status="SUSPENDED")
    answer = world.patch(READER, by="sa_former", name="x")
    assert (answer.status, answer.json["code"]) == (403, "account_not_active")


def test_every_act_is_recorded_with_what_changed_who_did_it_and_from_where(world: World) -> None:
    client_id = world.create(description="d")["client_id"]
    world.patch(client_id, role="READONLY", status="SUSPENDED")
    world.patch(client_id, status="ACTIVE")
    world.patch(client_id, name="renamed")
    world.rotate(client_id)
    world.delete(client_id)
    world.send("POST", f"/{client_id}/restore")
    entries = world.audit.entries
    assert [entry.action.removeprefix("service_account.") for entry in entries] == [
        "created",
        "suspended",
        "activated",
        "updated",
        "secret_rotated",
        "deleted",
        "restored",
    ]
    assert {(entry.actor, entry.object, entry.source_ip, entry.request_id) for entry in entries} == {
        (ROOT, f"service-account/{client_id}", "192.0.2.1", "req-1")
    }
    assert entries[0].before is None
    assert entries[0].after is not None
    assert entries[0].after["description"] == "d"
    assert entries[1].before == {"role": "USER", "status": "ACTIVE", "revision": 1}
    assert entries[1].after == {"role": "READONLY", "status": "SUSPENDED", "revision": 2}


def test_no_answer_log_line_or_audit_entry_holds_a_secret_or_a_hash(
    world: World, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    created = world.create()
    client_id = created["client_id"]
    rotated = world.rotate(client_id).json
    texts = [world.send("GET", f"/{client_id}").text, world.send("GET").text, world.delete(client_id).text]
    said = "".join(texts) + capfd.readouterr().out + caplog.text + repr(world.audit.entries)
    assert created["client_secret"] not in said
    assert rotated["client_secret"] not in said
    assert "$2b$" not in said + json.dumps([created, rotated])
