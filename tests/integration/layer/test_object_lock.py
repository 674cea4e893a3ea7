"""Storage keeps a version for as long as it was told, and nothing here makes that shorter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from artstore.object_lock import ObjectLock
from infra.local.emulators import ministack

BUCKET = "locked-versions"
SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(days=10)
LATE = SOON + timedelta(days=10)


@pytest.fixture(scope="module")
def s3(emulator_url: str) -> Any:
    """A client of an emulator that knows locks of single versions, unlike moto, and a bucket that has them."""
    client = boto3.client(
        "s3",
        endpoint_url=emulator_url,
        region_name=ministack.REGION,
        aws_access_key_id=ministack.ROOT,
        aws_secret_access_key=ministack.ROOT,
    )
    client.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
    return client


@pytest.fixture
def lock(s3: Any) -> ObjectLock:
    return ObjectLock(s3, "GOVERNANCE")


@pytest.fixture
def put(s3: Any) -> Callable[..., str]:
    return lambda **more: str(s3.put_object(Bucket=BUCKET, Key="a", Body=b"x", **more)["VersionId"])


def retention(s3: Any, version_id: str) -> tuple[str, datetime]:
    found = s3.get_object_retention(Bucket=BUCKET, Key="a", VersionId=version_id)["Retention"]
    return found["Mode"], found["RetainUntilDate"]


def test_a_version_without_a_lock_gets_one_and_a_longer_one_later(
    s3: Any, lock: ObjectLock, put: Callable[..., str]
) -> None:
    version_id = put()
    put()
    lock.keep_until(BUCKET, "a", version_id, SOON)
    assert retention(s3, version_id) == ("GOVERNANCE", SOON)
    lock.keep_until(BUCKET, "a", version_id, LATE)
    assert retention(s3, version_id) == ("GOVERNANCE", LATE)


def test_a_longer_lock_stays_and_so_does_its_mode(s3: Any, lock: ObjectLock, put: Callable[..., str]) -> None:
    version_id = put(ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=LATE)
    lock.keep_until(BUCKET, "a", version_id, SOON)
    assert retention(s3, version_id) == ("COMPLIANCE", LATE)
    lock.keep_until(BUCKET, "a", version_id, LATE + timedelta(days=1))
    assert retention(s3, version_id) == ("COMPLIANCE", LATE + timedelta(days=1))


def test_a_hold_is_put_on_and_taken_off_as_often_as_one_likes(
    s3: Any, lock: ObjectLock, put: Callable[..., str]
) -> None:
    version_id = put()
    for on, status in ((True, "ON"), (True, "ON"), (False, "OFF"), (False, "OFF")):
        lock.hold(BUCKET, "a", version_id, on=on)
        found = s3.get_object_legal_hold(Bucket=BUCKET, Key="a", VersionId=version_id)
        assert found["LegalHold"]["Status"] == status
