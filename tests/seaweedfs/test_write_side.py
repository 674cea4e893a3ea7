"""Uploads, finalization and deletion on a real S3 server, and what that one cannot do."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from botocore.exceptions import ClientError

from artstore.errors import NotFound, PreconditionFailed
from artstore.index.claims import Place
from functions.maintenance.finalizing import building
from functions.maintenance.finalizing.departed import Sources, Verdict
from functions.maintenance.finalizing.storage import ObjectCopies, copying_client
from functions.storage_events.events import EventKind
from functions.storage_events.outcomes import Outcome
from tests.seaweedfs.archive import EDIT, FILE, KEPT, Archive

MIB = 1024 * 1024


def test_a_document_is_stored_by_the_request_that_was_permitted_and_by_no_other(archive: Archive) -> None:
    body = b"the minutes of May"
    started = archive.start(body)
    refused = archive.send(started["upload"], b"other minutes, May")
    assert refused.status_code == 400, refused.text
    assert archive.send(started["upload"], body).status_code == 200
    assert archive.send(started["upload"], body).status_code == 412
    file_id = UUID(started["file_id"])
    assert archive.arrived(file_id).outcome is Outcome.STORED
    found = archive.find(file_id)
    assert found is not None
    assert found.attributes.checksum == hashlib.sha256(body).hexdigest()


@pytest.mark.xfail(
    strict=True,
    reason="SeaweedFS lists no checksums of parts, without which the archive completes no upload of parts",
)
def test_a_document_comes_in_parts(archive: Archive) -> None:
    body = os.urandom(11 * MIB)
    started = archive.start(body, method="multipart", content_type="application/octet-stream")
    file_id, size = started["file_id"], started["upload"]["part_size"]
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    announced = [
        {"part_number": number, "size": len(piece), "sha256": hashlib.sha256(piece).hexdigest()}
        for number, piece in enumerate(pieces, 1)
    ]
    permitted = archive.call(
        "POST", f"/api/v1/files/{file_id}/upload/parts", FILE + "/upload/parts", {"parts": announced}
    )
    assert permitted.status == 200, permitted.text
    targets = permitted.json["parts"]
    for target, piece in zip(targets, pieces, strict=True):
        assert archive.send(target, piece).status_code == 200
    completed = archive.call("POST", f"/api/v1/files/{file_id}/upload/complete", FILE + "/upload/complete")
    assert completed.status in (200, 202), completed.text
    archive.arrived(UUID(file_id))
    found = archive.find(UUID(file_id))
    assert found is not None
    assert (found.attributes.file_size, found.attributes.checksum_verified) == (len(body), False)


@pytest.mark.parametrize(
    "body", [b"", b"kept for good", os.urandom(11 * MIB + 7)], ids=["empty", "whole", "in parts"]
)
def test_a_document_is_finalized_and_its_source_removed(archive: Archive, body: bytes) -> None:
    file_id = archive.store(body, tags=["kept"])
    before = archive.find(file_id)
    assert before is not None
    ended = archive.finalize(file_id)
    assert (ended["state"], ended["error"]) == ("completed", None)
    assert ended["bytes_verified"] == len(body)
    place = "docs/" + before.key
    archive.deliver(KEPT, place)
    archive.deliver(KEPT, place + ".attr.json")
    archive.deliver(EDIT, before.key + ".attr.json")
    found = archive.find(file_id)
    assert found is not None
    assert (found.bucket, found.key, found.attributes.tags) == (KEPT, place, ("kept",))
    version = {"Bucket": KEPT, "Key": place, "VersionId": found.version_id}
    there = archive.s3.get_object(**version)
    assert there["Body"].read() == body
    retention = archive.s3.get_object_retention(**version)["Retention"]
    assert retention["RetainUntilDate"] > datetime.now(UTC) + timedelta(hours=23)
    with pytest.raises(ClientError):
        archive.s3.delete_object(**version)

    sources = a_day_later()
    assert sources.due(10) == [file_id]
    assert sources.look_at(file_id, dry_run=False) is Verdict.REMOVED
    for key in (before.key, before.key + ".attr.json"):
        with pytest.raises(ClientError):
            archive.s3.head_object(Bucket=EDIT, Key=key)
        archive.deliver(EDIT, key, EventKind.REMOVED)
    assert archive.find(file_id) == found


def a_day_later() -> Sources:
    sources = building.sources()
    sources._clock = lambda: datetime.now(UTC) + timedelta(hours=25)
    return sources


def test_what_a_copy_may_not_overwrite_it_does_not(archive: Archive) -> None:
    """On a server that heeds If-None-Match on a copy; MiniStack and moto do not."""
    copies, source = ObjectCopies(copying_client()), Place(EDIT, f"copied/{uuid4()}")
    etag = archive.s3.put_object(Bucket=EDIT, Key=source.key, Body=b"bytes")["ETag"]
    target = Place(KEPT, source.key)
    assert copies.copy(source, etag, target, only_new=True) is not None
    assert copies.copy(source, etag, target, only_new=True) is None
    assert copies.copy(source, '"another"', Place(KEPT, f"{source.key}-2"), only_new=True) is None


def test_only_what_was_meant_is_removed(archive: Archive) -> None:
    copies, place = ObjectCopies(copying_client()), Place(EDIT, f"removed/{uuid4()}")
    etag = archive.s3.put_object(Bucket=EDIT, Key=place.key, Body=b"bytes")["ETag"]
    other = archive.s3.put_object(Bucket=EDIT, Key=place.key, Body=b"others")["ETag"]
    with pytest.raises(PreconditionFailed):
        copies.remove(place, etag)
    copies.remove(place, other)
    with pytest.raises((NotFound, PreconditionFailed)):
        copies.remove(place, other)


def test_a_version_is_read_from_any_byte_on(archive: Archive) -> None:
    """So a hash is gone on with where it stood; MiniStack gives the whole body."""
    key = f"docs/{uuid4()}"
    version = archive.s3.put_object(Bucket=KEPT, Key=key, Body=b"0123456789", ChecksumAlgorithm="SHA256")[
        "VersionId"
    ]
    answer = archive.s3.get_object(Bucket=KEPT, Key=key, VersionId=version, Range="bytes=4-")
    assert (answer["Body"].read(), answer["ResponseMetadata"]["HTTPStatusCode"]) == (b"456789", 206)


# What else it cannot do; each fails once it can.


@pytest.mark.xfail(
    strict=True, reason="SeaweedFS forgets a version's type once it is retained: downloads sign their own"
)
def test_a_version_that_is_retained_keeps_its_type(archive: Archive) -> None:
    key = f"docs/{uuid4()}"
    named = {"Bucket": KEPT, "Key": key}
    put = archive.s3.put_object(**named, Body=b"bytes", ContentType="text/plain", ChecksumAlgorithm="SHA256")
    until = datetime.now(UTC) + timedelta(days=2)
    retention = {"Mode": "GOVERNANCE", "RetainUntilDate": until}
    archive.s3.put_object_retention(**named, VersionId=put["VersionId"], Retention=retention)
    assert archive.s3.head_object(**named, VersionId=put["VersionId"])["ContentType"] == "text/plain"


@pytest.mark.xfail(strict=True, reason="SeaweedFS ignores MpuObjectSize: the size is compared by the archive")
def test_an_upload_of_another_size_is_not_completed(archive: Archive) -> None:
    key = f"sized/{uuid4()}"
    upload = archive.s3.create_multipart_upload(Bucket=EDIT, Key=key)["UploadId"]
    named = {"Bucket": EDIT, "Key": key, "UploadId": upload}
    etag = archive.s3.upload_part(**named, PartNumber=1, Body=b"bytes")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    with pytest.raises(ClientError):
        archive.s3.complete_multipart_upload(**named, MultipartUpload=parts, MpuObjectSize=6)


@pytest.mark.xfail(strict=True, reason="SeaweedFS computes no checksum for a copy: it is verified by reading")
def test_a_copy_has_the_checksum_that_was_asked_for(archive: Archive) -> None:
    key = f"summed/{uuid4()}"
    archive.s3.put_object(Bucket=EDIT, Key=key, Body=b"bytes", ChecksumAlgorithm="CRC32")
    source = {"Bucket": EDIT, "Key": key}
    archive.s3.copy_object(Bucket=EDIT, Key=key + "-2", CopySource=source, ChecksumAlgorithm="SHA256")
    assert archive.s3.head_object(Bucket=EDIT, Key=key + "-2", ChecksumMode="ENABLED")["ChecksumSHA256"]


@pytest.mark.xfail(strict=True, reason="SeaweedFS has no GLACIER and no restore", raises=ClientError)
def test_what_is_archived_is_restored(archive: Archive) -> None:
    key = f"cold/{uuid4()}"
    archive.s3.put_object(Bucket=EDIT, Key=key, Body=b"bytes", StorageClass="GLACIER")
    archive.s3.restore_object(Bucket=EDIT, Key=key, RestoreRequest={"Days": 1})


@pytest.mark.xfail(strict=True, reason="SeaweedFS sends no events of S3's: the tests deliver them")
def test_storage_tells_what_happens(archive: Archive) -> None:
    queue = {"QueueArn": "arn:aws:sqs:us-east-1:000000000000:events", "Events": ["s3:ObjectCreated:*"]}
    archive.s3.put_bucket_notification_configuration(
        Bucket=EDIT, NotificationConfiguration={"QueueConfigurations": [queue]}
    )
    assert archive.s3.get_bucket_notification_configuration(Bucket=EDIT)["QueueConfigurations"]
