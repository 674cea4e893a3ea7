"""Storage that checks signatures honours our presigned URLs, and refuses everything that differs from them."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

import boto3
import pytest
import requests
from botocore.config import Config

from artstore.presign import Credentials, Endpoint, Presigned, presign, presign_get, presign_put
from infra.local.emulators import ministack

CONTENT = b"%PDF-1.7 what was agreed"
BUCKET = "presigned-documents"


@pytest.fixture(scope="module")
def s3(emulator_url: str) -> Iterator[Any]:
    client = boto3.client(
        "s3",
        endpoint_url=emulator_url,
        region_name=ministack.REGION,
        aws_access_key_id=ministack.ROOT,
        aws_secret_access_key=ministack.ROOT,
        config=Config(s3={"addressing_style": "path"}),
    )
    client.create_bucket(Bucket=BUCKET)
    yield client
    client.close()


@pytest.fixture
def signer() -> Credentials:
    return Credentials(ministack.ROOT, ministack.ROOT)


@pytest.fixture
def endpoint(emulator_url: str) -> Endpoint:
    return Endpoint(emulator_url, ministack.REGION)


@pytest.fixture
def key() -> str:
    return f"2026/05/17/12/Отчёт за май + 100%_anna_{uuid.uuid4()}.pdf"


@pytest.fixture
def upload(s3: Any, signer: Credentials, endpoint: Endpoint, key: str) -> Presigned:
    return sign_upload(signer, endpoint, key)


def sign_upload(
    signer: Credentials, endpoint: Endpoint, key: str, now: datetime | None = None, content: bytes = CONTENT
) -> Presigned:
    return presign_put(
        BUCKET,
        key,
        credentials=signer,
        endpoint=endpoint,
        expires_in=60,
        now=now or datetime.now(UTC),
        content_length=len(content),
        content_type="application/pdf",
        sha256=hashlib.sha256(content).hexdigest(),
    )


def put(
    upload: Presigned, body: bytes = CONTENT, changed: Mapping[str, str | None] = MappingProxyType({})
) -> requests.Response:
    """Use an upload; ``changed`` replaces headers of it, or leaves out those that are None."""
    sent = {name: value for name, value in {**upload.headers, **changed}.items() if value is not None}
    return requests.put(upload.url, data=body, headers=sent, timeout=10)


def exists(s3: Any, key: str) -> bool:
    return any(found["Key"] == key for found in s3.list_objects_v2(Bucket=BUCKET, Prefix=key).get("Contents", []))


def test_the_bytes_agreed_on_are_stored_with_their_checksum(s3: Any, upload: Presigned, key: str) -> None:
    assert put(upload).status_code == 200
    stored = s3.head_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
    assert stored["ContentLength"] == len(CONTENT)
    assert stored["ContentType"] == "application/pdf"
    assert stored["ChecksumSHA256"] == upload.headers["x-amz-checksum-sha256"]


def test_other_bytes_of_the_same_length_are_refused(s3: Any, upload: Presigned, key: str) -> None:
    response = put(upload, CONTENT[::-1])
    assert response.status_code == 400
    assert "BadDigest" in response.text or "InvalidRequest" in response.text
    assert not exists(s3, key)


def test_a_second_upload_to_the_same_url_is_refused(s3: Any, upload: Presigned, key: str) -> None:
    assert put(upload).status_code == 200
    assert put(upload).status_code == 412


@pytest.mark.parametrize(
    "changed",
    [
        {"Content-Type": "text/html"},
        {"Content-Type": None},
        {"If-None-Match": None},
        {"x-amz-checksum-sha256": None},
        {"x-amz-checksum-sha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="},
    ],
)
def test_a_header_changed_or_left_out_is_refused(
    s3: Any, upload: Presigned, key: str, changed: dict[str, str | None]
) -> None:
    assert put(upload, changed=changed).status_code == 403
    assert not exists(s3, key)


@pytest.mark.parametrize("body", [CONTENT + b"!", CONTENT[:-1], b""])
def test_another_length_is_refused(s3: Any, upload: Presigned, key: str, body: bytes) -> None:
    assert put(upload, body, {"Content-Length": str(len(body))}).status_code in {400, 403}
    assert not exists(s3, key)


def test_another_key_is_refused(s3: Any, upload: Presigned, key: str) -> None:
    elsewhere = Presigned(upload.url.replace(".pdf?", ".exe?"), upload.headers, upload.expires_at)
    assert put(elsewhere).status_code == 403


def test_a_longer_life_than_was_signed_is_refused(s3: Any, upload: Presigned) -> None:
    prolonged = upload.url.replace("X-Amz-Expires=60", "X-Amz-Expires=600")
    assert put(Presigned(prolonged, upload.headers, upload.expires_at)).status_code == 403


def test_an_expired_url_is_refused(s3: Any, signer: Credentials, endpoint: Endpoint, key: str) -> None:
    expired = sign_upload(signer, endpoint, key, now=datetime.now(UTC) - timedelta(seconds=61))
    assert put(expired).status_code == 403
    assert not exists(s3, key)


def test_an_empty_object_can_be_agreed_on(s3: Any, signer: Credentials, endpoint: Endpoint, key: str) -> None:
    assert put(sign_upload(signer, endpoint, key, content=b""), b"").status_code == 200


@pytest.mark.parametrize("name", ["Отчёт за май.pdf", 'quote"and\\slash.pdf', "report.pdf", "a;b=c, d%41.pdf"])
def test_a_download_is_an_attachment_with_its_own_name(
    s3: Any, upload: Presigned, signer: Credentials, endpoint: Endpoint, key: str, name: str
) -> None:
    put(upload)
    download = presign_get(
        BUCKET,
        key,
        credentials=signer,
        endpoint=endpoint,
        expires_in=60,
        now=datetime.now(UTC),
        filename=name,
        content_type="application/octet-stream",
    )
    response = requests.get(download.url, timeout=10)
    assert response.status_code == 200
    assert response.content == CONTENT
    assert response.headers["Content-Type"] == "application/octet-stream"
    disposition, _, extended = response.headers["Content-Disposition"].partition("; filename*=UTF-8''")
    assert disposition.startswith("attachment; filename=")
    assert unquote(extended) == name.replace('"', "").replace("\\", "_")


@pytest.mark.parametrize("key", ["a//b", "sp ace+plus%25.txt", "дом/ё.txt", "q?x=1&y=#z", "~!*'()"])
def test_keys_reach_storage_as_they_are_named(s3: Any, signer: Credentials, endpoint: Endpoint, key: str) -> None:
    assert put(sign_upload(signer, endpoint, key)).status_code == 200
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == CONTENT


def test_an_unsigned_request_is_refused(s3: Any, upload: Presigned, endpoint: Endpoint, key: str) -> None:
    assert put(upload).status_code == 200
    assert requests.get(f"{endpoint.url}/{BUCKET}/{key}", timeout=10).status_code == 403


def test_another_secret_signs_nothing(s3: Any, signer: Credentials, endpoint: Endpoint, key: str) -> None:
    forged = Credentials(signer.access_key_id, "a-guess")
    assert put(sign_upload(forged, endpoint, key)).status_code == 403


def test_deleting_is_no_part_of_a_right_to_read(
    s3: Any, upload: Presigned, signer: Credentials, endpoint: Endpoint, key: str
) -> None:
    put(upload)
    read = presign("GET", BUCKET, key, credentials=signer, endpoint=endpoint, expires_in=60, now=datetime.now(UTC))
    assert requests.delete(read.url, timeout=10).status_code == 403
    assert exists(s3, key)
