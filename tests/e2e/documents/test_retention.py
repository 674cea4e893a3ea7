"""Documents are classified, become due, are decided about and go, with a certificate, on a whole stack."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from botocore.exceptions import ClientError

from tests.e2e.archive import Archive, eventually
from tests.e2e.operator import Operator

SCHEDULES = "/api/v1/retention-schedules"
PREMIS = "{http://www.loc.gov/premis/v3}"


def schedule(archive: Archive, **said: Any) -> str:
    """Make a schedule by which documents are due at once, and give its name."""
    name = f"s-{uuid.uuid4().hex[:12]}"
    asked = {"name": name, "period": "P0D", "trigger": "created", "action": "delete", **said}
    made = archive.request("POST", SCHEDULES, json=asked)
    assert made.status_code == 201, made.text
    return name


def decide(archive: Archive, ids: list[str], decision: str = "approve", **said: Any) -> dict[str, dict[str, Any]]:
    """Decide, wait for the job, and give the results."""
    asked = {"ids": ids, "decision": decision, "reason": "list 12", **said}
    started = archive.request("POST", "/api/v1/retention/decisions", json=asked)
    assert started.status_code == 202, started.text
    path = f"/api/v1/retention/decisions/{started.json()['job_id']}"

    def over() -> dict[str, Any] | None:
        shown: dict[str, Any] = archive.request("GET", path).json()
        return shown if shown["finished_at"] else None

    shown = eventually(over, 90)
    assert shown["status"] == "COMPLETED", shown
    return {each["file_id"]: each for each in shown["items"]}


def due(archive: Archive, name: str) -> dict[str, dict[str, Any]]:
    """List what is due by a schedule."""
    found = archive.request("GET", "/api/v1/retention/due", params={"schedule": name})
    assert found.status_code == 200, found.text
    return {each["file_id"]: each for each in found.json()["items"]}


def certificate(archive: Archive, file_id: str) -> dict[str, Any]:
    """Wait for the certificate of a disposal in the audit log."""

    def look() -> dict[str, Any] | None:
        asked = {"action": "retention.disposed", "object": f"file/{file_id}"}
        items = archive.request("GET", "/api/v1/audit", params=asked).json()["items"]
        return items[0] if items else None

    return eventually(look, 90)


def test_what_is_due_is_approved_goes_into_the_trash_and_is_certified(archive: Archive) -> None:
    name = schedule(archive, trigger="attribute:closed", period="P1Y")
    content = uuid.uuid4().bytes
    closed = archive.store(
        content, "case.txt", retention={"schedule": name}, custom_attributes={"closed": "2020-02-29"}
    )
    unsaid = archive.store(uuid.uuid4().bytes, retention={"schedule": name})
    listed = due(archive, name)
    assert listed[closed]["due_at"] == "2021-02-28T00:00:00Z"
    assert (listed[unsaid]["state"], listed[unsaid]["code"]) == ("not_computable", "attribute_absent")
    results = decide(archive, [closed, unsaid])
    assert results[closed]["outcome"] == "disposed"
    assert (results[unsaid]["outcome"], results[unsaid]["code"]) == ("refused", "attribute_absent")
    assert archive.request("GET", f"/api/v1/files/{closed}").status_code == 404
    told = certificate(archive, closed)
    assert (told["actor"], told["reason"]) == (archive.client_id, "list 12")
    assert told["before"]["original_filename"] == "case.txt"
    assert (told["before"]["schedule"], told["after"]["how"]) == (name, "trash")
    assert archive.request("DELETE", f"{SCHEDULES}/{name}").json()["code"] == "schedule_in_use"


def test_a_hold_wins_an_extension_puts_it_off_and_a_patch_classifies(archive: Archive) -> None:
    name = schedule(archive)
    held, kept = archive.store(uuid.uuid4().bytes), archive.store(uuid.uuid4().bytes)
    for file_id in (held, kept):
        body = {"retention": {"schedule": name}}
        patched = archive.request("PATCH", f"/api/v1/files/{file_id}", json=body, headers={"If-Match": "*"})
        assert patched.status_code == 200, patched.text
    hold = {"hold": True, "reason": "case 7"}
    assert archive.request("PUT", f"/api/v1/files/{held}/legal-hold", json=hold).status_code == 200
    assert due(archive, name)[held]["held"] is True
    assert decide(archive, [held])[held]["outcome"] == "held"
    until = (datetime.now(UTC) + timedelta(days=30)).isoformat(timespec="seconds")
    assert decide(archive, [kept], "extend", until=until)[kept]["outcome"] == "extended"
    assert set(due(archive, name)) == {held}
    assert decide(archive, [kept])[kept]["code"] == "not_due"
    assert archive.request("GET", f"/api/v1/files/{held}").status_code == 200


def unlock(operator: Operator, key: str) -> None:
    """End the locks of a document's versions before their time, as only the owner of the account may."""
    listed = operator.s3.list_object_versions(Bucket=operator.rw_bucket, Prefix=key)["Versions"]
    for each in listed:
        of = {"Bucket": operator.rw_bucket, "Key": each["Key"], "VersionId": each["VersionId"]}
        soon = {"Mode": "GOVERNANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(seconds=1)}
        operator.s3.put_object_retention(**of, Retention=soon, BypassGovernanceRetention=True)


@pytest.mark.lacking("localstack", "conditions on who deletes a version are not looked at", harmful=True)
def test_where_documents_are_kept_they_go_for_good_once_no_lock_keeps_them(
    archive: Archive, operator: Operator
) -> None:
    name = schedule(archive)
    content = uuid.uuid4().bytes
    file_id = archive.store(content, retention_policy="permanent", retention={"schedule": name})
    document = archive.request("GET", f"/api/v1/files/{file_id}").json()
    key = document["storage_path"] + document["storage_filename"]
    [waiting] = decide(archive, [file_id]).values()
    assert waiting["outcome"] == "waits", waiting
    assert datetime.fromisoformat(waiting["waits_until"]) > datetime.now(UTC) + timedelta(days=300)
    unlock(operator, key)
    eventually(lambda: True if decide(archive, [file_id])[file_id]["outcome"] == "disposed" else None, 60)
    left = operator.s3.list_object_versions(Bucket=operator.rw_bucket, Prefix=key)
    assert not left.get("Versions")
    assert archive.request("GET", f"/api/v1/files/{file_id}").status_code == 404
    told = certificate(archive, file_id)
    assert (told["before"]["checksum"], told["after"]["how"]) == (document["checksum"], "removed")

    def history() -> dict[str, Any] | None:
        answer = archive.request("GET", f"/api/v1/files/{file_id}/history")
        return answer.json() if answer.status_code == 200 else None

    assert eventually(history)["items"][0]["type"] == "deletion"
    xml = archive.request("GET", f"/api/v1/files/{file_id}/history", params={"format": "premis"})
    assert xml.headers["Content-Type"].startswith("application/xml")
    root = ET.fromstring(xml.text)  # noqa: S314  # our own
    assert root.findtext(f"{PREMIS}event/{PREMIS}eventType") == "deletion"


def test_nobody_else_deletes_a_version_where_documents_are_kept(archive: Archive, operator: Operator) -> None:
    file_id = archive.store(uuid.uuid4().bytes, retention_policy="permanent")
    document = archive.request("GET", f"/api/v1/files/{file_id}").json()
    key = document["storage_path"] + document["storage_filename"]
    with pytest.raises(ClientError):
        operator.s3.delete_object(Bucket=operator.rw_bucket, Key=key, VersionId=document["storage_version_id"])
    assert archive.request("GET", f"/api/v1/files/{file_id}").json()["status"] == "STORED"


def test_the_history_of_a_document_is_told_in_pages(archive: Archive) -> None:
    file_id = archive.store(uuid.uuid4().bytes, "life.txt")
    hold = {"hold": True, "reason": "case 7"}
    archive.request("PUT", f"/api/v1/files/{file_id}/legal-hold", json=hold)
    path = f"/api/v1/files/{file_id}/history"

    def types() -> list[str] | None:
        found = [each["type"] for each in archive.request("GET", path).json()["items"]]
        return found if "policy assignment" in found else None

    assert set(eventually(types)) == {"ingestion", "policy assignment", "metadata modification"}
    first = archive.request("GET", path, params={"limit": 1}).json()
    second = archive.request("GET", path, params={"limit": 1, "cursor": first["next_cursor"]}).json()
    assert first["items"][0]["event_id"] != second["items"][0]["event_id"]
    assert archive.request("GET", f"/api/v1/files/{uuid.uuid4()}/history").status_code == 404


def test_what_was_finalized_goes_when_nothing_is_left_where_it_came_from(
    archive: Archive, operator: Operator
) -> None:
    name = schedule(archive, trigger="finalized")
    file_id = archive.store(uuid.uuid4().bytes, retention={"schedule": name})
    left = archive.request("GET", f"/api/v1/files/{file_id}").json()
    assert archive.request("POST", f"/api/v1/files/{file_id}/finalize").status_code == 202

    def is_kept() -> bool | None:
        return archive.request("GET", f"/api/v1/files/{file_id}").json()["storage_element_id"] == "rw-01" or None

    eventually(is_kept, 60)
    for ending in ("", ".attr.json"):
        assert decide(archive, [file_id])[file_id]["code"] == "source_not_removed"
        key = left["storage_path"] + left["storage_filename"] + ending
        operator.s3.delete_object(Bucket=operator.edit_bucket, Key=key)
    assert decide(archive, [file_id])[file_id]["outcome"] == "waits"
