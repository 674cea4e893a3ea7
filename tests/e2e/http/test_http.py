"""The API as the tools of its users expect it: browsers, caches, curl, anything that speaks HTTP."""

from __future__ import annotations

import concurrent.futures
import hashlib
import shutil
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.e2e.archive import Archive, put
from tests.e2e.service_accounts import ServiceAccounts

PAGE = {"Origin": "https://app.example"}
FILES = "/api/v1/files"


@pytest.fixture(scope="module")
def document(archive: Archive) -> str:
    return archive.store(b"hello", f"http_{uuid.uuid4().hex}.txt")


@pytest.mark.parametrize("path", ["/", "/api", "/api/v2/files", f"{FILES}/x/y/z", "/favicon.ico"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_path_is_a_problem(archive: Archive, method: str, path: str) -> None:
    answer = archive.anonymous(method, path)
    assert (answer.status_code, answer.json()["code"]) == (404, "path_not_found")
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", FILES, "GET, HEAD, OPTIONS, POST"),
        ("GET", "/api/v1/auth/token", "OPTIONS, POST"),
        ("PUT", "/api/v1/service-accounts/sa_1", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("POST", "/health/live", "GET, HEAD, OPTIONS"),
    ],
)
def test_another_method_is_405(archive: Archive, method: str, path: str, allowed: str) -> None:
    answer = archive.anonymous(method, path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)
    assert answer.json()["code"] == "method_not_allowed"


def test_head_is_wherever_get_is(archive: Archive, document: str) -> None:
    for path in ("/health/live", "/health/ready", "/openapi.json", "/.well-known/jwks.json"):
        assert archive.anonymous("HEAD", path).status_code == 200
    for path in (FILES, f"{FILES}/{document}", f"{FILES}/{document}/upload", "/api/v1/service-accounts"):
        answer = archive.request("HEAD", path)
        assert (answer.status_code, answer.content) == (200, b"")
    assert archive.request("HEAD", f"{FILES}/{document}/download").status_code == 307
    assert archive.anonymous("HEAD", FILES).status_code == 401


def test_what_is_known_is_not_sent_again(archive: Archive, document: str) -> None:
    for path in (f"{FILES}/{document}", "/openapi.json", "/.well-known/jwks.json"):
        etag = archive.request("GET", path).headers["ETag"]
        for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            answer = archive.request("GET", path, headers={"If-None-Match": known})
            assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", etag)
        assert archive.request("GET", path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_page_of_another_origin_may_use_the_api(archive: Archive, document: str) -> None:
    for method, path in (("POST", FILES), ("GET", f"{FILES}/{document}"), ("POST", "/api/v1/auth/token")):
        asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization"}
        preflight = archive.anonymous("OPTIONS", path, headers=PAGE | asked)
        assert preflight.ok
        assert preflight.headers["Access-Control-Allow-Origin"] == "*"
        assert method in preflight.headers["Access-Control-Allow-Methods"]
        assert "authorization" in preflight.headers["Access-Control-Allow-Headers"].lower()
    shown = archive.request("GET", f"{FILES}/{document}", headers=PAGE)
    refused = archive.anonymous("GET", FILES, headers=PAGE)
    nowhere = archive.anonymous("GET", "/nowhere", headers=PAGE)
    token = archive.anonymous("POST", "/api/v1/auth/token", headers=PAGE)
    for answer in (shown, refused, nowhere, token):
        assert answer.headers["Access-Control-Allow-Origin"] == "*", answer.status_code
        assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
        assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize("accept", ["application/json", "application/problem+json, application/json;q=0.9"])
def test_who_names_json_gets_the_link(archive: Archive, document: str, accept: str) -> None:
    answer = archive.request("GET", f"{FILES}/{document}/download", headers={"Accept": accept})
    assert answer.status_code == 200
    assert requests.get(answer.json()["url"], timeout=30).content == b"hello"


def test_a_document_shows_empty_fields_too(archive: Archive, document: str) -> None:
    shown = archive.request("GET", f"{FILES}/{document}").json()
    empty: dict[str, Any] = {
        "description": None,
        "version": None,
        "metadata": {},
        "custom_attributes": {},
        "tags": [],
    }
    assert {name: shown[name] for name in empty} == empty
    assert (shown["schema_version"], shown["status"]) == ("2.0", "STORED")


@pytest.mark.parametrize(
    "content_type", ['text/plain; charset="utf-8"', 'text/x; a="b  c";  d=e', "TEXT/Plain", ""]
)
def test_storage_takes_the_media_type_as_it_was_given(archive: Archive, content_type: str) -> None:
    content = uuid.uuid4().bytes
    checksum = hashlib.sha256(content).hexdigest().upper()
    started = archive.start(content, content_type=content_type, sha256=checksum)
    assert put(started["upload"], content).status_code == 200
    document = archive.wait_for(started["file_id"])
    assert document["content_type"] == (content_type or "application/octet-stream")
    assert document["checksum"] == checksum.lower()


def test_an_empty_body_is_one_of_defaults(archive: Archive, accounts: ServiceAccounts) -> None:
    client = accounts.create("USER")
    path = f"/api/v1/service-accounts/{client.client_id}"
    assert archive.request("POST", f"{path}/rotate-secret").json()["client_secret"]
    assert archive.request("DELETE", path).json()["status"] == "DELETED"
    assert archive.request("POST", "/api/v1/audit/verify").status_code == 200


def test_an_upload_started_twice_under_one_key_is_one(archive: Archive) -> None:
    key, content = {"Idempotency-Key": uuid.uuid4().hex}, uuid.uuid4().bytes
    announced = {"filename": "once.bin", "size": 16, "sha256": hashlib.sha256(content).hexdigest()}
    announced["retention_policy"] = "temporary"

    def start() -> requests.Response:
        # At the same moment means in environments of their own, which have to be started.
        return archive.request("POST", FILES, json=announced, headers=key, timeout=120)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = [each.result() for each in [pool.submit(start) for _ in range(2)]]
    assert sorted(each.status_code for each in answers) == [200, 201]
    assert len({each.json()["file_id"] for each in answers}) == 1
    assert put(answers[1].json()["upload"], content).status_code == 200
    file_id = answers[0].json()["file_id"]
    archive.wait_for(file_id)
    again = start()
    assert (again.status_code, again.json()["file_id"]) == (200, file_id)
    other = archive.request("POST", FILES, json=announced | {"filename": "twice.bin"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


@pytest.mark.parametrize("policy", ["temporary", "permanent"])
def test_a_download_keeps_its_name_and_can_be_resumed(archive: Archive, policy: str, tmp_path: Path) -> None:
    content = uuid.uuid4().hex.encode()
    file_id = archive.store(content, "Ведомость за март.txt", retention_policy=policy)
    link = archive.request("GET", f"{FILES}/{file_id}/download").headers["Location"]
    whole = requests.get(link, timeout=30)
    assert "filename*=UTF-8''%D0%92%D0%B5%D0%B4%D0%BE%D0%BC" in whole.headers["Content-Disposition"]
    assert whole.headers["Content-Type"] == "text/plain"
    part = requests.get(link, headers={"Range": "bytes=10-"}, timeout=30)
    assert (part.status_code, part.content) == (206, content[10:])
    assert part.headers["Content-Range"] == f"bytes 10-31/{len(content)}"
    assert part.headers["Content-Disposition"] == whole.headers["Content-Disposition"]
    assert requests.get(link, headers={"Range": "bytes=99-"}, timeout=30).status_code == 416
    if shutil.which("curl") is None:
        return
    subprocess.run(["curl", "-sfOJ", link], cwd=tmp_path, check=True)  # noqa: S607  # whichever curl is there
    [saved] = tmp_path.iterdir()
    assert saved.read_bytes() == content
    assert saved.name in ("Vedomost za mart.txt", "Ведомость за март.txt")
