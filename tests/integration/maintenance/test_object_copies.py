"""Copies in S3: whole and in parts, on condition of what is there, locked and removed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config

from artstore.errors import NotFound, PreconditionFailed
from artstore.index.claims import Place
from functions.maintenance.finalizing.ports import Lock
from functions.maintenance.finalizing.storage import ObjectCopies
from infra.local.emulators import ministack

SOURCE = Place("copies-edit", "a")
KEPT = "copies-kept"
MIB = 1024 * 1024
PARTS = bytes(5 * MIB) + b"the rest"


@pytest.fixture(scope="module")
def client(emulator_url: str) -> Iterator[Any]:
    """A client of an S3 that heeds the source's If-Match, with the buckets of this module."""
    client = boto3.client(
        "s3",
        endpoint_url=emulator_url,
        region_name=ministack.REGION,
        aws_access_key_id=ministack.ROOT,
        aws_secret_access_key=ministack.ROOT,
        config=Config(s3={"addressing_style": "path"}),
    )
    client.create_bucket(Bucket=SOURCE.bucket)
    client.create_bucket(Bucket=KEPT, ObjectLockEnabledForBucket=True)
    yield client
    client.close()


@pytest.fixture
def copies(client: Any) -> ObjectCopies:
    return ObjectCopies(client)


@pytest.fixture
def target() -> Place:
    """A key that nothing lies under yet."""
    return Place(KEPT, f"docs/{uuid4()}")


def put(client: Any, body: bytes = b"bytes") -> str:
    answer = client.put_object(
        Bucket=SOURCE.bucket,
        Key="a",
        Body=body,
        ContentType="text/plain",
        ContentEncoding="gzip",
        Metadata={"source": "scanner"},
        Tagging="colour=red",
    )
    etag: str = answer["ETag"]
    return etag


def test_a_copy_has_the_bytes_the_type_the_encoding_and_the_metadata(
    client: Any, copies: ObjectCopies, target: Place
) -> None:
    copied = copies.copy(SOURCE, put(client), target, only_new=True)
    assert copied is not None
    there = client.get_object(Bucket=KEPT, Key=target.key, VersionId=copied.version_id)
    assert there["Body"].read() == b"bytes"
    assert there["ETag"] == copied.etag
    assert (there["ContentType"], there["ContentEncoding"]) == ("text/plain", "gzip")
    assert there["Metadata"] == {"source": "scanner"}


def test_bytes_that_were_overwritten_are_not_copied(client: Any, copies: ObjectCopies, target: Place) -> None:
    etag = put(client)
    put(client, b"others")
    assert copies.copy(SOURCE, etag, target, only_new=True) is None
    with pytest.raises(PreconditionFailed):
        copies.begin(SOURCE, etag, target)
    with pytest.raises(NotFound):
        copies.copy(Place(SOURCE.bucket, "none"), etag, target, only_new=False)


def test_a_copy_in_parts_is_the_same_as_a_whole_one(client: Any, copies: ObjectCopies, target: Place) -> None:
    etag = put(client, PARTS)
    upload_id = copies.begin(SOURCE, etag, target)
    copies.copy_part(SOURCE, etag, target, upload_id, 2, 5 * MIB, len(PARTS) - 1)
    copies.copy_part(SOURCE, etag, target, upload_id, 1, 0, 5 * MIB - 1)
    copies.copy_part(SOURCE, etag, target, upload_id, 1, 0, 5 * MIB - 1)
    parts = copies.parts(target, upload_id)
    assert [(each.number, each.size) for each in parts] == [(1, 5 * MIB), (2, 8)]
    copied = copies.finish(target, upload_id, parts, only_new=True)
    assert copied is not None
    there = client.get_object(Bucket=KEPT, Key=target.key, VersionId=copied.version_id)
    assert there["Body"].read() == PARTS
    assert (there["ContentType"], there["ContentEncoding"]) == ("text/plain", "gzip")
    assert there["Metadata"] == {"source": "scanner"}


def test_a_copy_in_parts_that_is_over_is_not_found_and_may_be_given_up_twice(
    client: Any, copies: ObjectCopies, target: Place
) -> None:
    upload_id = copies.begin(SOURCE, put(client), target)
    copies.give_up(target, upload_id)
    copies.give_up(target, upload_id)
    with pytest.raises(NotFound):
        copies.parts(target, upload_id)


def test_a_version_is_retained_held_and_not_deleted(client: Any, copies: ObjectCopies, target: Place) -> None:
    copied = copies.copy(SOURCE, put(client), target, only_new=True)
    assert copied is not None
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=9)
    copies.retain(target, copied.version_id, "GOVERNANCE", until)
    copies.hold(target, copied.version_id)
    assert copies.is_held(target)
    retention = client.get_object_retention(Bucket=KEPT, Key=target.key, VersionId=copied.version_id)["Retention"]
    assert (retention["Mode"], retention["RetainUntilDate"]) == ("GOVERNANCE", until)


def test_how_a_bucket_locks_is_read(client: Any, copies: ObjectCopies) -> None:
    assert copies.lock_of(SOURCE.bucket) is None
    assert copies.lock_of(KEPT) == Lock("GOVERNANCE", 0)
    for rule, lock in (({"Days": 30}, Lock("COMPLIANCE", 30)), ({"Years": 2}, Lock("COMPLIANCE", 730))):
        client.put_object_lock_configuration(
            Bucket=KEPT,
            ObjectLockConfiguration={
                "ObjectLockEnabled": "Enabled",
                "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", **rule}},
            },
        )
        assert copies.lock_of(KEPT) == lock


def test_only_what_was_meant_is_removed(client: Any, copies: ObjectCopies) -> None:
    etag = put(client)
    other = put(client, b"others")
    with pytest.raises(PreconditionFailed):
        copies.remove(SOURCE, etag)
    copies.remove(SOURCE, other)
    with pytest.raises((NotFound, PreconditionFailed)):
        copies.remove(SOURCE, other)
    assert client.list_objects_v2(Bucket=SOURCE.bucket).get("Contents", []) == []
