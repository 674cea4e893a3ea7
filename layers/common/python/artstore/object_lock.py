"""Object Lock: what S3 itself refuses to delete, version by version (S3 User Guide, "Object Lock").

Rights needed: s3:GetObjectRetention, s3:PutObjectRetention and s3:PutObjectLegalHold, on the objects of buckets
that were made with Object Lock. s3:BypassGovernanceRetention is never used, so nothing here can shorten a lock.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Protocol

from botocore.exceptions import ClientError

from artstore.objects import reaching_s3

_NO_LOCK = "NoSuchObjectLockConfiguration"


class LockClient(Protocol):
    """The calls of a boto3 S3 client that are used here."""

    def get_object_retention(self, **arguments: Any) -> Any: ...
    def put_object_retention(self, **arguments: Any) -> Any: ...
    def put_object_legal_hold(self, **arguments: Any) -> Any: ...


class ObjectLock:
    """See ``artstore.changes.locking.Locks``."""

    def __init__(self, client: Any, mode: str) -> None:
        """Take a boto3 S3 client, and the mode (GOVERNANCE or COMPLIANCE) of locks on what has none yet."""
        self._client: LockClient = client
        self._mode = mode

    def keep_until(self, bucket: str, key: str, version_id: str, until: datetime) -> None:
        """Lock a version until then at least; a longer lock stays, and so does a lock's mode.

        Raises NotFound and Unavailable.
        """
        of = {"Bucket": bucket, "Key": key, "VersionId": version_id}
        with reaching_s3(of_version=True):
            try:
                kept = self._client.get_object_retention(**of)["Retention"]
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") != _NO_LOCK:
                    raise
                kept = {}
            if kept.get("RetainUntilDate", datetime.min.replace(tzinfo=UTC)) >= until:
                return
            retention = {"Mode": kept.get("Mode") or self._mode, "RetainUntilDate": until}
            self._client.put_object_retention(**of, Retention=retention)

    def hold(self, bucket: str, key: str, version_id: str, *, on: bool) -> None:
        """Put a version under a legal hold, or end it. Raises NotFound and Unavailable."""
        with reaching_s3(of_version=True):
            self._client.put_object_legal_hold(
                Bucket=bucket, Key=key, VersionId=version_id, LegalHold={"Status": "ON" if on else "OFF"}
            )
