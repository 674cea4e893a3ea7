"""A document goes in, is described, found and comes out as it was; wrong ones are refused by storage itself."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import requests
from botocore.exceptions import ClientError

from infra.local.sample_pdf import make_pdf
from tests.e2e.archive import Archive, eventually, put
from tests.e2e.operator import Operator


def download(archive: Archive, file_id: str) -> requests.Response:
    redirect = archive.request("GET", f"/api/v1/files/{file_id}/download")
    assert redirect.status_code == 307, redirect.text
    return requests.get(redirect.headers["Location"], timeout=30)


def test_a_pdf_is_stored_described_found_and_comes_back_byte_for_byte(
    archive: Archive, operator: Operator
) -> None:
    word = f"quokka{uuid.uuid4().hex[:8]}"
    pdf = make_pdf(title="Annual report", author="A. Writer", lines=[f"The {word} lives here."])
    started = archive.start(
        pdf,
        "annual_report_0001.pdf",
        content_type="application/pdf",
        description="for the auditors",
        tags=["finance", "2026"],
        custom_attributes={"department": "audit"},
        retention_policy="permanent",
    )
    file_id = started["file_id"]
    assert put(started["upload"], pdf).status_code == 200
    document = archive.wait_for(file_id)
    assert eventually(lambda: archive.search(word) or None) == [file_id]

    assert document["status"] == "STORED"
    assert document["checksum"] == hashlib.sha256(pdf).hexdigest()
    assert document["file_size"] == len(pdf)
    assert document["extracted"]["status"] == "ok"
    assert document["extracted"]["title"] == "Annual report"
    assert document["extracted"]["author"] == "A. Writer"
    assert document["extracted"]["pages"] == 1
    assert document["created_by_id"] == archive.client_id
    assert archive.upload_state(file_id)["status"] == "STORED"
    for query in ("annual", "auditors", "finance", "0001"):
        assert file_id in archive.search(query)

    key = document["storage_path"] + document["storage_filename"]
    bucket = operator.rw_bucket
    attributes = json.loads(operator.s3.get_object(Bucket=bucket, Key=key + ".attr.json")["Body"].read())
    assert attributes["schema_version"] == "2.0"
    assert attributes["file_id"] == file_id
    assert attributes["custom_attributes"] == {"department": "audit"}
    computed = ("status", "checksum_verified", "current")
    shown = {name: value for name, value in document.items() if name not in computed}
    assert document["checksum_verified"] is True, "which attr.json says by saying nothing"
    assert {name: attributes.get(name) for name in shown} == shown

    assert download(archive, file_id).content == pdf
    link = archive.request("GET", f"/api/v1/files/{file_id}/download").headers["Location"]
    signed = parse_qs(urlsplit(link).query)
    # Looked for in the link: MiniStack forgets the response's headers when a version is asked for.
    assert signed["response-content-disposition"][0].startswith("attachment;")
    assert signed["response-content-type"] == ["application/pdf"]
    assert signed["versionId"] == [document["storage_version_id"]]


def test_a_cyrillic_name_is_found_and_kept_in_the_download(archive: Archive) -> None:
    word = f"Ведомость{uuid.uuid4().hex[:6]}"
    name = f"{word} за «март».txt"
    file_id = archive.store("Привет, мир".encode(), name)
    assert archive.search(word) == [file_id]
    answer = download(archive, file_id)
    assert answer.content.decode() == "Привет, мир"
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["Content-Type"] == "text/plain"
    assert unquote(answer.headers["Content-Disposition"].split("filename*=UTF-8''")[1]) == name


def test_an_empty_file_is_stored(archive: Archive) -> None:
    file_id = archive.store(b"", f"empty_{uuid.uuid4().hex}.txt")
    assert archive.request("GET", f"/api/v1/files/{file_id}").json()["file_size"] == 0
    assert download(archive, file_id).content == b""


def test_storage_refuses_wrong_bytes_of_the_right_length(archive: Archive) -> None:
    started = archive.start(b"right bytes")
    answer = put(started["upload"], b"wrong bytes")
    assert answer.status_code == 400
    assert archive.request("GET", f"/api/v1/files/{started['file_id']}").status_code == 404
    assert archive.upload_state(started["file_id"])["status"] == "PENDING"
    assert put(started["upload"], b"right bytes").status_code == 200
    archive.wait_for(started["file_id"])


def test_storage_refuses_another_length_type_or_checksum(archive: Archive) -> None:
    target = archive.start(b"right bytes")["upload"]
    other = "LCa0a2j/xo/5m0U8HTBBNBNCLXBkg7+g+YpeiGJm564="
    assert put(target, b"right bytes!", **{"Content-Length": "12"}).status_code == 403
    assert put(target, b"right bytes", **{"Content-Type": "text/html"}).status_code == 403
    assert put(target, b"right bytes", **{"x-amz-checksum-sha256": other}).status_code in (400, 403)


def test_storage_refuses_a_second_upload_to_the_same_url(archive: Archive) -> None:
    started = archive.start(b"once")
    assert put(started["upload"], b"once").status_code == 200
    assert put(started["upload"], b"once").status_code == 412


@pytest.mark.parametrize(
    ("name", "value", "outcome"),
    [
        ("Content-Encoding", "gzip", "content_encoding_mismatch"),
        ("x-amz-storage-class", "GLACIER", "storage_class_mismatch"),
        ("Content-Disposition", "inline; filename=other.html", "as announced"),
        ("Content-Language", "de", "as announced"),
        ("Cache-Control", "public, max-age=31536000", "as announced"),
        ("x-amz-meta-created_by_id", "somebody", "as announced"),
        ("x-amz-tagging", "created_by_id=somebody", "as announced"),
        ("x-amz-website-redirect-location", "https://example.org/", "as announced"),
        ("x-amz-object-lock-legal-hold", "ON", "refused"),
        ("x-amz-acl", "public-read", "refused"),
        ("x-amz-grant-read", "uri=http://acs.amazonaws.com/groups/global/AllUsers", "refused"),
        ("x-amz-server-side-encryption-customer-algorithm", "AES256", "refused"),
        ("x-amz-copy-source", "/other/object", "refused"),
        ("If-Match", '"0"', "refused"),
    ],
)
def test_a_header_that_nobody_signed_is_refused_or_rejected_or_changes_nothing(
    archive: Archive, name: str, value: str, outcome: str
) -> None:
    """Amazon S3 refuses every x-amz- header that is not signed; other storage takes what it understands."""
    content = uuid.uuid4().bytes
    started = archive.start(content, "note.txt")
    if put(started["upload"], content, **{name: value}).status_code >= 400:
        assert archive.upload_state(started["file_id"])["status"] == "PENDING"
        return
    assert outcome != "refused"
    state = eventually(lambda: _settled(archive, started["file_id"]))
    assert state.get("reason", "as announced") == outcome
    assert state["status"] == ("STORED" if outcome == "as announced" else "REJECTED")
    if state["status"] == "STORED":
        document = archive.request("GET", f"/api/v1/files/{started['file_id']}").json()
        assert (document["original_filename"], document["content_type"]) == ("note.txt", "text/plain")
        assert "somebody" not in str(document)
        served = download(archive, started["file_id"])
        assert served.content == content
        assert served.headers["Content-Disposition"].startswith("attachment;")


def _settled(archive: Archive, file_id: str) -> dict[str, Any] | None:
    state = archive.upload_state(file_id)
    return None if state["status"] == "PENDING" else state


def test_an_upload_expires_with_its_url(archive: Archive) -> None:
    started = archive.start(b"late", expires_in=1)
    eventually(lambda: archive.upload_state(started["file_id"])["status"] == "EXPIRED" or None)
    assert put(started["upload"], b"late").status_code == 403


def test_an_object_copied_in_with_any_tool_becomes_a_document(archive: Archive, operator: Operator) -> None:
    word = f"stranger{uuid.uuid4().hex[:8]}"
    key = f"inbox/{word}_letter.txt"
    operator.s3.put_object(Bucket=operator.edit_bucket, Key=key, Body=b"from nowhere", ContentType="text/plain")
    [file_id] = eventually(lambda: archive.search(word) or None)
    document = archive.request("GET", f"/api/v1/files/{file_id}").json()
    assert document["original_filename"] == f"{word}_letter.txt"
    assert document["created_by_id"] == "s3"
    assert document["checksum"] == hashlib.sha256(b"from nowhere").hexdigest()
    assert download(archive, file_id).content == b"from nowhere"


def test_a_download_is_the_version_that_was_verified_whatever_was_written_over_it(
    archive: Archive, operator: Operator
) -> None:
    file_id = archive.store(b"as it was verified", "kept.txt", retention_policy="permanent")
    document = archive.request("GET", f"/api/v1/files/{file_id}").json()
    key = document["storage_path"] + document["storage_filename"]
    operator.s3.put_object(Bucket=operator.rw_bucket, Key=key, Body=b"written over it")
    assert download(archive, file_id).content == b"as it was verified"


def test_a_permanent_document_cannot_be_deleted_even_by_the_operator(archive: Archive, operator: Operator) -> None:
    file_id = archive.store(b"to be kept", "kept.txt", retention_policy="permanent")
    document = archive.request("GET", f"/api/v1/files/{file_id}").json()
    key = document["storage_path"] + document["storage_filename"]
    for each in (key, key + ".attr.json"):
        [version] = operator.s3.list_object_versions(Bucket=operator.rw_bucket, Prefix=each)["Versions"][:1]
        with pytest.raises(ClientError, match="AccessDenied"):
            operator.s3.delete_object(Bucket=operator.rw_bucket, Key=each, VersionId=version["VersionId"])
    assert download(archive, file_id).content == b"to be kept"


def test_an_attr_json_that_is_removed_takes_its_document_out_of_the_index(
    archive: Archive, operator: Operator
) -> None:
    file_id = archive.store(b"short lived", f"gone_{uuid.uuid4().hex}.txt")
    document = archive.request("GET", f"/api/v1/files/{file_id}").json()
    key = document["storage_path"] + document["storage_filename"] + ".attr.json"
    operator.s3.delete_object(Bucket=operator.edit_bucket, Key=key)

    def vanished() -> bool | None:
        return archive.request("GET", f"/api/v1/files/{file_id}").status_code == 404 or None

    assert eventually(vanished)


def test_a_list_pages_through_every_document_once(archive: Archive) -> None:
    batch = f"batch{uuid.uuid4().hex[:8]}"
    stored = [archive.store(str(number).encode(), f"{batch}_{number}.txt") for number in range(5)]
    seen, cursor = [], None
    while True:
        parameters = {"query": batch, "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = archive.request("GET", "/api/v1/files", params=parameters).json()
        assert page["total"] == {"value": 5, "relation": "eq"}
        seen += [item["file_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == stored[::-1]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/v1/files?query=%00", None, 400),
        ("GET", "/api/v1/files?limit=0", None, 400),
        ("GET", "/api/v1/files?cursor=forged", None, 400),
        ("GET", "/api/v1/files?query=%25_%27%22%28", None, 200),
        ("GET", "/api/v1/files/not-a-uuid", None, 400),
        ("GET", f"/api/v1/files/{uuid.uuid4()}", None, 404),
        ("GET", f"/api/v1/files/{uuid.uuid4()}/download", None, 404),
        ("GET", f"/api/v1/files/{uuid.uuid4()}/upload", None, 404),
        ("POST", "/api/v1/files", b"{", 400),
        ("POST", "/api/v1/files", b'{"filename": "a"}', 400),
        ("POST", "/api/v1/files", b"\xff\xfe", 400),
    ],
)
def test_wrong_input_is_answered_with_a_problem_and_a_code(
    archive: Archive, method: str, path: str, body: bytes | None, status: int
) -> None:
    answer = archive.request(method, path, data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    if status != 200:
        assert answer.headers["Content-Type"] == "application/problem+json"
        problem = answer.json()
        assert problem["code"]
        assert problem["request_id"] == answer.headers["X-Request-Id"]


def test_health_names_every_dependency(archive: Archive) -> None:
    assert archive.anonymous("GET", "/health/live").json() == {"status": "alive"}
    answer = archive.anonymous("GET", "/health/ready")
    assert answer.status_code == 200
    assert answer.json()["dependencies"] == {"dynamodb": "ok", "s3": "ok", "postgresql": "ok"}


def test_the_openapi_document_is_served(archive: Archive) -> None:
    document = archive.anonymous("GET", "/openapi.json").json()
    assert "/api/v1/files/{file_id}" in document["paths"]
