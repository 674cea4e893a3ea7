"""What is asked of buckets to reconcile them: pages of versions, and the folders to cut them by.

Rights needed: s3:ListBucket and s3:ListBucketVersions.
"""

from __future__ import annotations

from typing import Any

from artstore.objects import reaching_s3
from functions.maintenance.reconciling.ports import Page, Version


class ListedStorage:
    """The listings of buckets. ``client`` is an S3 client of botocore's."""

    def __init__(self, client: Any) -> None:
        """Take the client; it is not used before the first call."""
        self._client = client

    def page(self, bucket: str, prefix: str, after: str | None, version: str | None) -> Page:
        """List a thousand versions behind a key, or behind one of its versions; where a bucket keeps none, the
        objects. Raises Unavailable."""
        more = {} if after is None else {"KeyMarker": after}
        if version is not None:
            more["VersionIdMarker"] = version
        with reaching_s3():
            answer = self._client.list_object_versions(Bucket=bucket, Prefix=prefix, **more)
        versions = [
            Version(
                key=each["Key"],
                size=int(each["Size"]),
                etag=each["ETag"],
                modified=each["LastModified"],
                is_latest=bool(each["IsLatest"]),
                version_id=None if each.get("VersionId") in (None, "null") else each["VersionId"],
            )
            for each in answer.get("Versions", [])
        ]
        if not answer.get("IsTruncated"):
            return Page(versions=versions)
        return Page(
            versions=versions, next=answer["NextKeyMarker"], next_version=answer.get("NextVersionIdMarker") or None
        )

    def fits_a_page(self, bucket: str, prefix: str) -> bool:
        """See Folders."""
        with reaching_s3():
            return not self._client.list_objects_v2(Bucket=bucket, Prefix=prefix).get("IsTruncated")

    def folders(self, bucket: str, prefix: str) -> list[str]:
        """See Folders."""
        with reaching_s3():
            answer = self._client.list_objects_v2(Bucket=bucket, Prefix=prefix, Delimiter="/")
        return [each["Prefix"] for each in answer.get("CommonPrefixes", [])]
