"""The S3 adapter: what it says of objects, and what it makes of S3's refusals."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.response import StreamingBody
from botocore.stub import Stubber
from urllib3.exceptions import ProtocolError

from artstore.aws.s3_requests import QuickClient
from artstore.errors import Misconfigured, NotFound, PreconditionFailed, Unavailable
from artstore.objects import ObjectStore
from infra.local import processes

BODY = b"0123456789"


@pytest.fixture(params=["ours", "boto3"])
def store(request: pytest.FixtureRequest, s3: Any) -> ObjectStore:
    client = QuickClient.of(lambda: s3) if request.param == "ours" else s3
    assert client is not None
    return ObjectStore(client)


@pytest.fixture
def stubbed(s3: Any) -> ObjectStore:
    """Objects as a client of boto3 tells of them that a test has stubbed."""
    return ObjectStore(s3)


def put(s3: Any, body: bytes = BODY, **arguments: Any) -> str:
    etag: str = s3.put_object(Bucket="edit", Key="k", Body=body, **arguments)["ETag"]
    return etag


def test_a_head_tells_size_type_metadata_and_the_checksum_of_the_file(s3: Any, store: ObjectStore) -> None:
    etag = put(s3, ContentType="text/plain", Metadata={"a": "b"}, ChecksumAlgorithm="SHA256")
    stored = store.head("edit", "k")
    assert (stored.size, stored.content_type, stored.metadata) == (10, "text/plain", {"a": "b"})
    assert stored.sha256 == hashlib.sha256(BODY).hexdigest()
    assert stored.etag == etag
    assert stored.last_modified.utcoffset() is not None


def test_an_object_without_a_sha256_has_none(s3: Any, store: ObjectStore) -> None:
    put(s3)
    assert store.head("edit", "k").sha256 is None


@pytest.mark.parametrize(
    "checksum",
    [
        {"ChecksumSHA256": "9KGMtfxC1WkBoU2E0xQkZiBs3Z0zqB9iT0nKTQmHyXk=-2"},
        {"ChecksumSHA256": "9KGMtfxC1WkBoU2E0xQkZiBs3Z0zqB9iT0nKTQmHyXk=", "ChecksumType": "COMPOSITE"},
        {"ChecksumSHA256": "c2hvcnQ="},
        {"ChecksumSHA256": "not base64"},
    ],
)
def test_a_checksum_of_checksums_is_not_taken_for_the_files(
    s3: Any, stubbed: ObjectStore, checksum: dict[str, str]
) -> None:
    put(s3)
    answer = s3.head_object(Bucket="edit", Key="k")
    with Stubber(s3) as stubber:
        stubber.add_response("head_object", {**answer, **checksum})
        assert stubbed.head("edit", "k").sha256 is None


def test_a_checksum_of_checksums_is_told_as_what_it_is(s3: Any, stubbed: ObjectStore) -> None:
    put(s3, ChecksumAlgorithm="SHA256")
    answer = s3.head_object(Bucket="edit", Key="k")
    assert stubbed.head("edit", "k").composite_sha256 is None
    with Stubber(s3) as stubber:
        stubber.add_response("head_object", {**answer, "ChecksumSHA256": "9KGMtfxC1WkBoU2E0xQkZg==-2"})
        assert stubbed.head("edit", "k").composite_sha256 == "9KGMtfxC1WkBoU2E0xQkZg==-2"


@pytest.mark.parametrize("start", [0, 1, 9])
def test_an_object_is_read_from_any_byte_on(s3: Any, store: ObjectStore, start: int) -> None:
    etag = put(s3)
    with store.stream("edit", "k", start=start, if_match=etag) as chunks:
        assert b"".join(chunks) == BODY[start:]


def test_no_more_is_read_than_is_asked_for(s3: Any, store: ObjectStore) -> None:
    put(s3)
    with store.stream("edit", "k", start=2, length=3) as chunks:
        assert b"".join(chunks) == BODY[2:5]


def test_a_server_that_heeds_no_range_is_read_from_its_first_byte(s3: Any, stubbed: ObjectStore) -> None:
    put(s3)
    body = StreamingBody(io.BytesIO(BODY), len(BODY))
    with Stubber(s3) as stubber:
        stubber.add_response("get_object", {"Body": body})
        with stubbed.stream("edit", "k", start=4) as chunks:
            assert b"".join(chunks) == BODY[4:]


def test_other_bytes_are_not_read_on(s3: Any, store: ObjectStore) -> None:
    etag = put(s3)
    put(s3, b"others")
    with pytest.raises(PreconditionFailed), store.stream("edit", "k", start=4, if_match=etag):
        pass


@pytest.mark.parametrize(
    ("said", "archived"),
    [
        ({}, False),
        ({"StorageClass": "STANDARD_IA"}, False),
        ({"StorageClass": "GLACIER_IR"}, False),
        ({"StorageClass": "GLACIER"}, True),
        ({"StorageClass": "DEEP_ARCHIVE", "Restore": 'ongoing-request="true"'}, True),
        ({"StorageClass": "GLACIER", "Restore": 'ongoing-request="false", expiry-date="x"'}, False),
        ({"StorageClass": "INTELLIGENT_TIERING"}, False),
        ({"StorageClass": "INTELLIGENT_TIERING", "ArchiveStatus": "ARCHIVE_ACCESS"}, True),
    ],
)
def test_bytes_are_archived_when_storage_would_not_read_them(
    s3: Any, stubbed: ObjectStore, said: dict[str, str], archived: bool
) -> None:
    put(s3)
    answer = s3.head_object(Bucket="edit", Key="k")
    with Stubber(s3) as stubber:
        stubber.add_response("head_object", {**answer, **said})
        assert stubbed.head("edit", "k").archived is archived


def test_an_archived_object_is_restored_once_however_often_that_is_asked(s3: Any, store: ObjectStore) -> None:
    s3.put_object(Bucket="edit", Key="k", Body=BODY, StorageClass="GLACIER")
    assert store.head("edit", "k").archived
    store.restore("edit", "k", None, 3)
    with Stubber(s3) as stubber:
        stubber.add_client_error("restore_object", "RestoreAlreadyInProgress", http_status_code=409)
        store.restore("edit", "k", None, 3)


def test_no_more_is_read_than_asked_for(s3: Any, store: ObjectStore) -> None:
    etag = put(s3)
    assert store.read("edit", "k", 4).body == b"0123"
    content = store.read("edit", "k", 100, if_match=etag)
    assert (content.body, content.etag) == (BODY, etag)


def test_an_empty_object_is_read_as_nothing(s3: Any, store: ObjectStore) -> None:
    put(s3, b"")
    assert store.read("edit", "k", 100).body == b""


def test_a_replaced_object_is_not_mixed_up_with_the_one_before(s3: Any, store: ObjectStore) -> None:
    before = put(s3)
    put(s3, b"other")
    with pytest.raises(PreconditionFailed):
        store.read("edit", "k", 100, if_match=before)
    with pytest.raises(PreconditionFailed):
        store.sha256("edit", "k", if_match=before)


def test_the_checksum_of_a_large_object_is_computed_by_reading_it_through(s3: Any, store: ObjectStore) -> None:
    body = b"x" * (3 * 1024 * 1024 + 1)
    etag = put(s3, body)
    assert store.sha256("edit", "k", if_match=etag) == hashlib.sha256(body).hexdigest()


def test_what_is_created_is_created_once(s3: Any, store: ObjectStore) -> None:
    etag = store.create("edit", "k.attr.json", b"first")
    assert etag is not None
    assert store.create("edit", "k.attr.json", b"second") is None
    assert store.read("edit", "k.attr.json", 100).body == b"first"
    assert s3.head_object(Bucket="edit", Key="k.attr.json")["ContentType"] == "application/json"


def test_what_is_replaced_is_what_was_read(s3: Any, store: ObjectStore) -> None:
    etag = put(s3)
    newer = store.replace("edit", "k", b"changed", if_match=etag)
    assert newer != etag
    with pytest.raises(PreconditionFailed):
        store.replace("edit", "k", b"stale", if_match=etag)
    assert store.read("edit", "k", 100).body == b"changed"


def test_what_is_not_there_is_not_found(store: ObjectStore) -> None:
    with pytest.raises(NotFound):
        store.head("edit", "k")
    with pytest.raises(NotFound):
        store.read("edit", "k", 10)
    with pytest.raises(NotFound):
        store.sha256("edit", "k", if_match='"x"')


def test_a_bucket_answers_or_is_misconfigured(store: ObjectStore) -> None:
    store.ping("edit")
    with pytest.raises(Misconfigured):
        store.read("missing", "k", 10)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("SlowDown", 503, Unavailable),
        ("InternalError", 500, Unavailable),
        ("TooManyRequests", 429, Unavailable),
        ("ConditionalRequestConflict", 409, Unavailable),
        ("AccessDenied", 403, Misconfigured),
        ("SignatureDoesNotMatch", 403, Misconfigured),
        ("NoSuchBucket", 404, Misconfigured),
        ("NoSuchKey", 404, NotFound),
        ("PreconditionFailed", 412, PreconditionFailed),
    ],
)
def test_each_refusal_has_its_kind(
    s3: Any, stubbed: ObjectStore, code: str, status: int, kind: type[Exception]
) -> None:
    with Stubber(s3) as stubber:
        stubber.add_client_error("get_object", service_error_code=code, http_status_code=status)
        with pytest.raises(kind):
            stubbed.read("edit", "k", 10)


def test_a_connection_that_breaks_while_reading_is_unavailable(s3: Any, stubbed: ObjectStore) -> None:
    class Breaking(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise ProtocolError("connection broken")

    with Stubber(s3) as stubber:
        answer = {"Body": StreamingBody(Breaking(), 10), "ETag": '"x"'}
        stubber.add_response("get_object", answer)
        with pytest.raises(Unavailable):
            stubbed.read("edit", "k", 10)


def test_storage_that_is_not_there_is_unavailable() -> None:
    client = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=f"http://127.0.0.1:{processes.free_port()}",
        aws_access_key_id="x",
        aws_secret_access_key="y",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(Unavailable):
        ObjectStore(client).head("edit", "k")
