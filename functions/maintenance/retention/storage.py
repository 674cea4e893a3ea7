"""The S3 calls of disposition: which versions there are of a document, what locks them, and removing one for good.

Rights needed: s3:ListBucketVersions, s3:GetObjectRetention, s3:GetObjectLegalHold and s3:DeleteObjectVersion.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from botocore.exceptions import ClientError

from artstore.naming import attributes_key
from artstore.objects import reaching_s3
from functions.maintenance.removing import remove_version

_NO_LOCK = "NoSuchObjectLockConfiguration"
_MARKERS = {"KeyMarker": "NextKeyMarker", "VersionIdMarker": "NextVersionIdMarker"}


class Version(msgspec.Struct, frozen=True):
    """A version of an object, or the marker of a deletion."""

    key: str
    version_id: str
    is_latest: bool
    is_marker: bool


class Lock(msgspec.Struct, frozen=True):
    """What keeps a version."""

    until: datetime | None
    held: bool


class VersionedStorage:
    """Objects in a bucket that keeps and locks versions. ``client`` is a boto3 S3 client."""

    def __init__(self, client: Any) -> None:
        """Take the client; it is not used before the first call."""
        self._client = client

    def versions(self, bucket: str, key: str) -> list[Version]:
        """List every version of a document's bytes and of its attr.json, the newest of each first."""
        beside = attributes_key(key)
        found: list[Version] = []
        more: dict[str, Any] = {}
        while True:
            with reaching_s3():
                answer = self._client.list_object_versions(Bucket=bucket, Prefix=key, **more)
            for kind, is_marker in (("Versions", False), ("DeleteMarkers", True)):
                found += [
                    Version(each["Key"], each["VersionId"], bool(each["IsLatest"]), is_marker)
                    for each in answer.get(kind, [])
                    if each["Key"] in (key, beside)
                ]
            more = {name: answer[told] for name, told in _MARKERS.items() if answer.get(told)}
            if not answer.get("IsTruncated") or str(more.get("KeyMarker", "")) > beside:
                return found

    def lock(self, bucket: str, version: Version) -> Lock:
        """Read what keeps a version. Raises NotFound when it is gone."""
        of = {"Bucket": bucket, "Key": version.key, "VersionId": version.version_id}
        with reaching_s3(of_version=True):
            retention = self._ask(self._client.get_object_retention, of).get("Retention", {})
            hold = self._ask(self._client.get_object_legal_hold, of).get("LegalHold", {})
        return Lock(retention.get("RetainUntilDate"), hold.get("Status") == "ON")

    def remove(self, bucket: str, version: Version) -> bool:
        """Remove a version for good; False where storage keeps it. Raises Unavailable."""
        return remove_version(self._client, bucket, version.key, version.version_id)

    @staticmethod
    def _ask(call: Any, of: dict[str, str]) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = call(**of)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != _NO_LOCK:
                raise
            return {}
        return answer
