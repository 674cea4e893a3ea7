"""The S3 calls that sweeps make: listing a bucket, ending multipart uploads, and deleting.

Rights needed: s3:ListBucket, s3:AbortMultipartUpload, and s3:DeleteObject on edit elements alone.
"""

from __future__ import annotations

from typing import Any

from artstore.errors import NotFound, PreconditionFailed
from artstore.objects import reaching_s3
from functions.maintenance.removing import remove_object
from functions.maintenance.sweeps.ports import Listed


class SweptObjects:
    """Objects in S3 or what speaks like it. ``client`` is an S3 client of botocore's."""

    def __init__(self, client: Any) -> None:
        """Take the client; it is not used before the first call."""
        self._client = client

    def remove(self, bucket: str, key: str, if_match: str) -> bool:
        """Delete the object whose ETag is ``if_match``; False when another one lies there. Raises Unavailable.

        One that is not there any more is deleted, and True, or False: who gets that looks again.
        """
        try:
            remove_object(self._client, bucket, key, if_match)
        except NotFound:
            return True
        except PreconditionFailed:
            return False
        return True

    def end_multipart(self, bucket: str, key: str, upload_id: str) -> None:
        """End a multipart upload and drop its parts; one that is over is left as it is. Raises Unavailable."""
        try:
            with reaching_s3():
                self._client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)
        except NotFound:
            pass

    def page(self, bucket: str, prefix: str, after: str | None, limit: int) -> list[Listed]:
        """List up to ``limit`` objects, a thousand at most, in the order of their keys. Raises Unavailable."""
        more = {"StartAfter": after} if after else {}
        with reaching_s3():
            answer = self._client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=limit, **more)
        return [Listed(each["Key"], each["LastModified"]) for each in answer.get("Contents", [])]
