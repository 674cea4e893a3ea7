"""Documents are changed, replaced, deleted, brought back and held, over the HTTP API and beside other tools."""

from __future__ import annotations

import hashlib
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from tests.e2e.archive import Archive, eventually, put
from tests.e2e.operator import Operator
from tests.e2e.service_accounts import ServiceAccounts

MERGE_PATCH = "application/merge-patch+json"


def word() -> str:
    return f"quokka{uuid.uuid4().hex[:10]}"


def show(archive: Archive, file_id: str) -> requests.Response:
    return archive.request("GET", f"/api/v1/files/{file_id}")


def patch(archive: Archive, file_id: str, members: dict[str, Any], etag: str | None = None) -> requests.Response:
    etag = etag or show(archive, file_id).headers["ETag"]
    headers = {"If-Match": etag, "Content-Type": MERGE_PATCH}
    return archive.request("PATCH", f"/api/v1/files/{file_id}", data=json.dumps(members), headers=headers)


def act(archive: Archive, method: str, file_id: str, what: str = "", **arguments: Any) -> requests.Response:
    return archive.request(method, f"/api/v1/files/{file_id}{what}", **arguments)


def hold(archive: Archive, file_id: str, on: bool, reason: str) -> requests.Response:
    return act(archive, "PUT", file_id, "/legal-hold", json={"hold": on, "reason": reason})


def versions(archive: Archive, file_id: str) -> list[str]:
    answer = act(archive, "GET", file_id, "/versions")
    assert answer.status_code == 200, answer.text
    return [each["file_id"] for each in answer.json()["items"]]


def trash(archive: Archive) -> list[str]:
    answer = archive.request("GET", "/api/v1/trash", params={"limit": 100})
    assert answer.status_code == 200, answer.text
    return [each["file_id"] for each in answer.json()["items"]]


def key_of(document: dict[str, Any]) -> str:
    return str(document["storage_path"] + document["storage_filename"])


def test_a_change_is_found_right_after_the_answer_and_its_etag_is_storages(
    archive: Archive, operator: Operator
) -> None:
    old, new = word(), word()
    file_id = archive.store(b"x", description=old, custom_attributes={"a": 1, "b": {"c": 2, "d": 3}}, tags=["t"])
    changed = patch(
        archive,
        file_id,
        {"description": new, "custom_attributes": {"a": None, "b": {"c": 4}}, "folder": "/x/y", "tags": None},
    )
    assert changed.status_code == 200, changed.text
    assert archive.search(new) == [file_id]
    assert archive.search(old) == []
    document = show(archive, file_id)
    assert document.json() == changed.json()
    assert document.headers["ETag"] == changed.headers["ETag"]
    assert document.json()["custom_attributes"] == {"b": {"c": 4, "d": 3}}
    assert (document.json()["folder"], document.json()["tags"]) == ("/x/y", [])
    key = key_of(document.json())
    beside = operator.s3.head_object(Bucket=operator.edit_bucket, Key=key + ".attr.json")
    assert beside["ETag"] == document.headers["ETag"]


def test_a_stale_etag_is_refused_by_whomever_the_change_between_was_made(
    archive: Archive, operator: Operator
) -> None:
    file_id = archive.store(b"x")
    seen = show(archive, file_id)
    assert patch(archive, file_id, {"tags": ["a"]}, seen.headers["ETag"]).status_code == 200
    assert patch(archive, file_id, {"tags": ["b"]}, seen.headers["ETag"]).status_code == 412
    etag = show(archive, file_id).headers["ETag"]
    key = key_of(seen.json()) + ".attr.json"
    written = json.loads(operator.s3.get_object(Bucket=operator.edit_bucket, Key=key)["Body"].read())
    operator.s3.put_object(
        Bucket=operator.edit_bucket, Key=key, Body=json.dumps(written | {"description": "by another tool"})
    )
    assert patch(archive, file_id, {"tags": ["b"]}, etag).status_code == 412
    assert patch(archive, file_id, {"tags": ["b"]}, "*").json()["description"] == "by another tool"
    body = operator.s3.head_object(Bucket=operator.edit_bucket, Key=key_of(seen.json()))
    assert patch(archive, file_id, {"version": "2"}, body["ETag"]).json()["version"] == "2"
    without = archive.request("PATCH", f"/api/v1/files/{file_id}", json={"tags": []})
    assert (without.status_code, without.json()["code"]) == (428, "precondition_required")


def test_a_kept_document_changes_and_its_retention_only_grows(archive: Archive, operator: Operator) -> None:
    file_id = archive.store(word().encode(), retention_policy="permanent")
    now = datetime.now(UTC).replace(microsecond=0)
    far, near = now + timedelta(days=20_000), now + timedelta(days=10_000)
    longer = patch(archive, file_id, {"retention": {"expires_at": far.isoformat()}, "description": "kept"})
    assert longer.status_code == 200, longer.text
    document = longer.json()
    locked = operator.s3.get_object_retention(
        Bucket=operator.rw_bucket, Key=key_of(document), VersionId=document["storage_version_id"]
    )
    assert locked["Retention"]["RetainUntilDate"] == far
    shorter = patch(archive, file_id, {"retention": {"expires_at": near.isoformat()}})
    assert (shorter.status_code, shorter.json()["code"]) == (409, "retention_shortened")
    deleted = act(archive, "DELETE", file_id)
    assert (deleted.status_code, deleted.json()["code"]) == (409, "deletion_not_allowed")


def test_a_deleted_document_is_in_the_trash_alone_and_comes_back_whole(archive: Archive) -> None:
    content = word().encode()
    file_id = archive.store(content, description=content.decode())
    assert act(archive, "DELETE", file_id, headers={"If-Match": '"stale"'}).status_code == 412
    assert act(archive, "DELETE", file_id).status_code == 204
    assert archive.search(content.decode()) == []
    assert show(archive, file_id).status_code == 404
    assert act(archive, "GET", file_id, "/download").status_code == 404
    assert file_id in trash(archive)
    assert act(archive, "DELETE", file_id).status_code == 204
    back = act(archive, "POST", file_id, "/undelete")
    assert (back.status_code, back.json()["status"]) == (200, "STORED"), back.text
    assert archive.search(content.decode()) == [file_id]
    assert file_id not in trash(archive)
    link = act(archive, "GET", file_id, "/download").headers["Location"]
    assert requests.get(link, timeout=30).content == content


def test_a_held_document_stays_and_the_audit_log_tells_why(archive: Archive, operator: Operator) -> None:
    file_id = archive.store(word().encode())
    assert hold(archive, file_id, True, "case 7").json()["retention"]["hold_reason"] == "case 7"
    refused = act(archive, "DELETE", file_id)
    assert (refused.status_code, refused.json()["code"]) == (409, "legal_hold")
    assert hold(archive, file_id, False, "closed").status_code == 200
    assert act(archive, "DELETE", file_id).status_code == 204
    entries = archive.request("GET", "/api/v1/audit", params={"object": f"file/{file_id}"}).json()["items"]
    told = {(each["action"], each["reason"]) for each in entries}
    assert {("legal_hold.placed", "case 7"), ("legal_hold.released", "closed")} <= told
    kept = archive.store(word().encode(), retention_policy="permanent")
    document = hold(archive, kept, True, "case 8").json()
    where = {"Bucket": operator.rw_bucket, "Key": key_of(document), "VersionId": document["storage_version_id"]}
    assert operator.s3.get_object_legal_hold(**where)["LegalHold"]["Status"] == "ON"
    assert hold(archive, kept, False, "closed").status_code == 200
    assert operator.s3.get_object_legal_hold(**where)["LegalHold"]["Status"] == "OFF"


def test_a_new_version_takes_the_place_of_the_old_one_which_stays_readable(archive: Archive) -> None:
    name = word()
    first = archive.store(b"one", description=name)
    second = archive.store(b"two", description=name, supersedes=first)
    third = archive.store(b"three", description=name, supersedes=second)
    assert eventually(lambda: archive.search(name) == [third] or None)
    answer = archive.request("GET", "/api/v1/files", params={"query": name, "versions": "all"})
    assert [each["file_id"] for each in answer.json()["items"]] == [third, second, first]
    assert show(archive, first).json()["current"] is False
    completed = act(archive, "POST", first, "/upload/complete")
    assert (completed.status_code, completed.json()["current"]) == (200, False)
    assert completed.headers["ETag"] == show(archive, first).headers["ETag"]
    assert show(archive, third).json()["current"] is True
    for each in (first, second, third):
        assert versions(archive, each) == [third, second, first]
    between = act(archive, "DELETE", second)
    assert (between.status_code, between.json()["code"]) == (409, "version_in_between")
    assert act(archive, "DELETE", third).status_code == 204
    assert archive.search(name) == [second]
    assert act(archive, "POST", third, "/undelete").status_code == 200
    assert archive.search(name) == [third]


def test_a_rival_for_the_same_predecessor_is_refused_at_the_start(archive: Archive) -> None:
    name = word()
    first = archive.store(b"one", description=name)
    content = b"two"
    begun = archive.start(content, description=name, supersedes=first)
    announced = {
        "filename": "rival.txt",
        "size": 5,
        "sha256": hashlib.sha256(b"rival").hexdigest(),
        "content_type": "text/plain",
        "retention_policy": "temporary",
        "supersedes": first,
    }
    rival = archive.request("POST", "/api/v1/files", json=announced)
    assert rival.status_code == 409, rival.text
    assert put(begun["upload"], content).status_code == 200
    archive.wait_for(begun["file_id"])
    assert eventually(lambda: archive.search(name) == [begun["file_id"]] or None)
    assert archive.request("POST", "/api/v1/files", json=announced).status_code == 409


@pytest.mark.parametrize("action", ["tag", "delete"])
def test_many_documents_are_changed_by_one_call_with_a_result_for_each(archive: Archive, action: str) -> None:
    name = word()
    ids = [archive.store(f"{name} {number}".encode(), description=name) for number in range(5)]
    kept = archive.store(b"kept", description=name, retention_policy="permanent")
    assert eventually(lambda: len(archive.search(name)) == 6 or None)
    asked = {"action": action, "search": {"query": name}} | ({"add_tags": ["new"]} if action == "tag" else {})
    counted = bulk(archive, asked | {"dry_run": True})
    assert (counted["documents"], counted["items"]) == (6, [])
    done = bulk(archive, asked)
    results = {each["file_id"]: each.get("code", each["outcome"]) for each in done["items"]}
    expected = "deletion_not_allowed" if action == "delete" else "done"
    assert results == dict.fromkeys(ids, "done") | {kept: expected}
    assert set(archive.search(name)) == ({kept} if action == "delete" else {*ids, kept})
    if action == "tag":
        assert set(archive.search(f"{name} new")) == {*ids, kept}


def test_many_documents_are_finalized_by_one_call(archive: Archive) -> None:
    name = word()
    ids = [archive.store(f"{name} {number}".encode(), description=name) for number in range(2)]
    assert eventually(lambda: len(archive.search(name)) == 2 or None)
    done = bulk(archive, {"action": "finalize", "search": {"query": name}})
    assert {each["file_id"]: each["outcome"] for each in done["items"]} == dict.fromkeys(ids, "done")

    def are_kept() -> bool | None:
        return all(show(archive, each).json()["storage_version_id"] for each in ids) or None

    assert eventually(are_kept, 60)


def bulk(archive: Archive, asked: dict[str, Any]) -> dict[str, Any]:
    """Ask for a bulk change, and wait for its end."""
    started = archive.request("POST", "/api/v1/files/bulk", json=asked)
    assert started.status_code == 202, started.text
    path = f"/api/v1/files/bulk/{started.json()['job_id']}"

    def is_over() -> dict[str, Any] | None:
        shown: dict[str, Any] = archive.request("GET", path).json()
        return shown if shown["status"] in ("COMPLETED", "FAILED", "DEAD") else None

    shown = eventually(is_over, 60)
    assert shown["status"] == "COMPLETED", shown
    return shown


def log_in(archive: Archive, accounts: ServiceAccounts, role: str) -> Archive:
    client = accounts.create(role)
    return Archive(archive.api_url, client.client_id, client.client_secret)


def test_each_change_needs_its_scope_and_a_job_is_shown_to_its_account_alone(
    archive: Archive, accounts: ServiceAccounts
) -> None:
    file_id = archive.store(b"x")
    reader, user = (log_in(archive, accounts, role) for role in ("READONLY", "USER"))
    assert patch(reader, file_id, {"tags": []}).status_code == 403
    for method, what in (("DELETE", ""), ("POST", "/undelete"), ("PUT", "/legal-hold")):
        assert act(reader, method, file_id, what, json={"hold": True, "reason": "x"}).status_code == 403
    assert hold(user, file_id, True, "x").status_code == 403
    held = user.request("POST", "/api/v1/files/bulk", json={"action": "hold", "ids": [file_id], "reason": "x"})
    assert (held.status_code, held.json()["code"]) == (403, "insufficient_scope")
    mine = archive.request("POST", "/api/v1/files/bulk", json={"action": "delete", "ids": [file_id]}).json()
    assert user.request("GET", f"/api/v1/files/bulk/{mine['job_id']}").status_code == 404
