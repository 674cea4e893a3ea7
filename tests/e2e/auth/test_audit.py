"""Acts of administrators leave entries that nobody can change unseen, and that outlive the table."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest

from infra import audit as offline
from tests.e2e.archive import Archive, eventually
from tests.e2e.operator import Operator

AUDIT = "/api/v1/audit"
ACCOUNTS = "/api/v1/service-accounts"
RESERVED = ".artstore/audit/"


@pytest.fixture
def name() -> str:
    return f"audited {uuid.uuid4().hex[:8]}"


@pytest.fixture
def client_id(archive: Archive, name: str) -> str:
    """A service account that an administrator made, changed and removed."""
    made = archive.request("POST", ACCOUNTS, json={"name": name, "role": "READONLY"})
    assert made.status_code == 201, made.text
    path = f"{ACCOUNTS}/{made.json()['client_id']}"
    changed = archive.request("PATCH", path, json={"description": "second"}, headers={"If-Match": "*"})
    assert changed.status_code == 200, changed.text
    assert archive.request("DELETE", path, headers={"If-Match": "*"}).status_code in (200, 204)
    return str(made.json()["client_id"])


def read(archive: Archive, **filters: Any) -> list[dict[str, Any]]:
    answer = archive.request("GET", AUDIT, params=filters)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def verify(archive: Archive) -> dict[str, Any]:
    """Verify from beginning to end; give the last answer."""
    cursor: dict[str, str] = {}
    while True:
        answer = archive.request("POST", f"{AUDIT}/verify", json=cursor)
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        if said["next_cursor"] is None:
            return said
        cursor = {"cursor": said["next_cursor"]}


def export(operator: Operator) -> dict[str, Any]:
    answer = operator.functions.invoke(
        FunctionName=operator.function_names["auth-scheduled"], Payload=json.dumps({"task": "export-audit"})
    )
    assert "FunctionError" not in answer, answer
    said: dict[str, Any] = json.loads(answer["Payload"].read())
    return said


@contextmanager
def tampered(operator: Operator, seq: int, change: dict[str, Any] | None) -> Iterator[None]:
    """Let a thief of the operator's keys change an entry, or remove it; it is put back afterwards."""
    table = f"{operator.prefix}-audit"
    key = {"log": {"S": "audit"}, "seq": {"N": str(seq)}}
    item = operator.dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True)["Item"]
    try:
        if change is None:
            operator.dynamodb.delete_item(TableName=table, Key=key)
        else:
            operator.dynamodb.put_item(TableName=table, Item=item | change)
        yield
    finally:
        operator.dynamodb.put_item(TableName=table, Item=item)


def test_an_account_s_life_is_read_by_object_and_by_actor(archive: Archive, client_id: str) -> None:
    entries = read(archive, object=f"service-account/{client_id}")
    assert [entry["action"] for entry in entries] == [
        "service_account.deleted",
        "service_account.updated",
        "service_account.created",
    ]
    assert {(entry["actor"], entry["outcome"]) for entry in entries} == {(archive.client_id, "success")}
    assert all(entry["request_id"] and entry["source_ip"] and entry["at"].endswith("Z") for entry in entries)
    assert entries[1]["before"] == {"description": None} | {"revision": entries[1]["before"]["revision"]}
    by_actor = read(archive, actor=archive.client_id, action="service_account.deleted", limit=100)
    assert entries[0] in by_actor


def test_an_entry_holds_no_secret(archive: Archive, name: str) -> None:
    made = archive.request("POST", ACCOUNTS, json={"name": name, "role": "READONLY"}).json()
    rotated = archive.request(
        "POST", f"{ACCOUNTS}/{made['client_id']}/rotate-secret", headers={"If-Match": "*"}, json={}
    )
    assert rotated.status_code in (200, 201), rotated.text
    entries = read(archive, object=f"service-account/{made['client_id']}")
    assert len(entries) == 2
    text = json.dumps(entries)
    assert made["client_secret"] not in text
    assert rotated.json()["client_secret"] not in text
    assert "$2b$" not in text


def test_pages_join_into_the_whole(archive: Archive, client_id: str) -> None:
    whole = read(archive, object=f"service-account/{client_id}")
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        query = {"object": f"service-account/{client_id}", "limit": 1, **cursor}
        page = archive.request("GET", AUDIT, params=query).json()
        found += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert found == whole


@pytest.mark.alone
def test_a_thief_of_the_tables_rights_is_found_out(archive: Archive, operator: Operator, client_id: str) -> None:
    assert verify(archive)["valid"] is True
    (deleted, updated, _created) = read(archive, object=f"service-account/{client_id}")
    with tampered(operator, updated["seq"], {"actor": {"S": "somebody"}}):
        said = verify(archive)
        assert (said["valid"], said["problem"]["seq"], said["problem"]["kind"]) == (
            False,
            updated["seq"],
            "changed",
        )
    with tampered(operator, updated["seq"], None):
        problem = verify(archive)["problem"]
        assert (problem["seq"], problem["kind"]) == (updated["seq"], "missing")
    assert export(operator)["problem"] is None
    with tampered(operator, verify(archive)["last"]["seq"], None):
        problem = verify(archive)["problem"]
        assert (problem["seq"] >= deleted["seq"], problem["kind"]) == (True, "missing")
        assert export(operator)["problem"]["kind"] == "missing"
    assert verify(archive)["valid"] is True


def move(operator: Operator) -> None:
    """Do now what the schedule does every minute."""
    name = operator.function_names["auth-scheduled"]
    answer = operator.functions.invoke(FunctionName=name, Payload=b'{"task": "move-audit-events"}')
    assert "FunctionError" not in answer, answer["Payload"].read()


def test_a_token_that_a_client_ended_leaves_an_entry(archive: Archive, operator: Operator) -> None:
    """A second request leaves no other one in a process that knows of the first; others learn of it soon."""
    token = archive.session().token["access_token"]
    for _ in range(2):
        answer = archive.anonymous(
            "POST",
            "/api/v1/auth/revoke",
            data={"token": token},
            auth=(archive.client_id, archive.client_secret),
        )
        assert answer.status_code == 200, answer.text
    jti = jwt.decode(token, options={"verify_signature": False})["jti"]
    move(operator)

    def find() -> list[dict[str, Any]]:
        entries = read(archive, object=f"service-account/{archive.client_id}", action="token.revoked")
        return [each for each in entries if each["after"] == {"jti": jti}]

    entries = eventually(find)
    assert {(each["actor"], each["outcome"]) for each in entries} == {(archive.client_id, "success")}
    assert len(entries) <= 2
    assert verify(archive)["valid"] is True


def test_who_tries_what_a_token_does_not_permit_leaves_an_entry(archive: Archive, operator: Operator) -> None:
    session = archive.session("files:read")
    refused = session.post(f"{archive.api_url}{AUDIT}/verify", json={}, timeout=30)
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    move(operator)

    def find() -> dict[str, Any] | None:
        return next(iter(read(archive, object="operation/verify_audit_log", limit=1)), None)

    entry = eventually(find)
    assert (entry["actor"], entry["outcome"], entry["reason"]) == (
        archive.client_id,
        "refused",
        "insufficient_scope",
    )


@pytest.mark.alone
def test_exports_verify_without_the_archive(
    archive: Archive, operator: Operator, client_id: str, tmp_path: Path
) -> None:
    assert export(operator)["problem"] is None
    assert export(operator)["entries"] == 0
    for listed in operator.s3.list_objects_v2(Bucket=operator.rw_bucket, Prefix=RESERVED)["Contents"]:
        path = tmp_path / listed["Key"].removeprefix(RESERVED)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(operator.s3.get_object(Bucket=operator.rw_bucket, Key=listed["Key"])["Body"].read())
    found = offline.verify(tmp_path)
    said = verify(archive)
    assert (found.problem, said["exported"]) == (None, found.last.seq)
    assert found.last.seq >= read(archive, object=f"service-account/{client_id}")[0]["seq"]


@pytest.mark.alone
def test_an_export_keeps_its_checksum_and_is_no_document(
    archive: Archive, operator: Operator, client_id: str
) -> None:
    (key,) = export(operator)["keys"]
    stored = operator.s3.head_object(Bucket=operator.rw_bucket, Key=key, ChecksumMode="ENABLED")
    assert stored["ChecksumSHA256"]
    archive.store(b"sent after the export", f"{uuid.uuid4().hex}.txt", retention_policy="permanent")
    listed = operator.s3.list_objects_v2(Bucket=operator.rw_bucket, Prefix=RESERVED)["Contents"]
    assert [each["Key"] for each in listed if not each["Key"].endswith(".jsonl")] == []
