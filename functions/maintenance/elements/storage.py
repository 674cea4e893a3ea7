"""What is asked of the buckets for their elements' sake: what lies there, and whether it can be written to.

Rights needed: s3:ListBucket, and s3:PutObject on the prefix, so that it is the bucket's
policy and not a missing right that refuses what is tried.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from artstore.objects import reaching_s3
from functions.maintenance.elements.mode_change import Keys

_NO_ETAG = '"00000000000000000000000000000000"'


class ElementStorage:
    """The storage of a deployment's elements. ``client`` is a boto3 S3 client."""

    def __init__(self, client: Any) -> None:
        """Take the client; it is not used before the first call."""
        self._client = client

    def refuses_writes(self, bucket: str, key: str) -> bool:
        """Try to replace an object whose ETag cannot be: where that is not forbidden S3 says that it is not there,
        or not the one, and writes nothing (PutObject, If-Match)."""
        with reaching_s3():
            try:
                self._client.put_object(Bucket=bucket, Key=key, Body=b"", IfMatch=_NO_ETAG)
            except ClientError as error:
                status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
                if status == 403:
                    return True
                if status not in (404, 412):
                    raise
        return False

    def keys(self, bucket: str, prefix: str, after: str | None) -> Keys:
        """List a thousand keys, sorted, behind ``after``."""
        more = {"StartAfter": after} if after else {}
        with reaching_s3():
            answer = self._client.list_objects_v2(Bucket=bucket, Prefix=prefix, **more)
        keys = [each["Key"] for each in answer.get("Contents", [])]
        return Keys(keys, keys[-1] if answer.get("IsTruncated") and keys else None)
