"""The S3 calls of exports: copying into the bucket of exports, and keeping house there.

No byte of a document passes through here: CopyObject takes at most 5 GiB, what is larger is copied in parts. Every
copy names the ETag of the bytes that are meant, and their version where the bucket keeps versions. Their type
goes along, and nothing else: a content encoding would be undone by some clients on the way out.

Rights needed: s3:GetObject and GetObjectVersion on the sources; s3:GetObject, PutObject, DeleteObject,
AbortMultipartUpload and ListMultipartUploadParts on the bucket of exports, and s3:ListBucket on it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any

from artstore.errors import NotFound
from artstore.index.claims import Place
from artstore.objects import reaching_s3

_TEXT = "text/plain; charset=utf-8"
_AT_MOST = 1000
"""Keys that one call deletes."""


class BagStorage:
    """The bucket of exports. ``client`` is an S3 client of botocore's that waits as long as a copy takes."""

    def __init__(self, client: Any, bucket: str) -> None:
        """Take the client; it is not used before the first call."""
        self._client = client
        self.bucket = bucket

    def copy(
        self, source: Place, version_id: str | None, if_match: str, key: str, content_type: str
    ) -> str | None:
        """Copy an object of at most 5 GiB; give the SHA-256 (hex) that storage computed of the copy, None where it
        computed none.

        Raises NotFound, PreconditionFailed, Conflict (``archived``), Unavailable.
        """
        with reaching_s3(of_version=version_id is not None):
            answer = self._client.copy_object(
                Bucket=self.bucket,
                Key=key,
                CopySource=_source(source, version_id),
                CopySourceIfMatch=if_match,
                MetadataDirective="REPLACE",
                TaggingDirective="REPLACE",
                ContentType=content_type,
                ChecksumAlgorithm="SHA256",
            )
        return _hex(answer["CopyObjectResult"].get("ChecksumSHA256"))

    def begin(self, key: str, content_type: str) -> str:
        """Begin a copy in parts, and give its upload id. Raises Unavailable."""
        with reaching_s3():
            answer = self._client.create_multipart_upload(Bucket=self.bucket, Key=key, ContentType=content_type)
        upload_id: str = answer["UploadId"]
        return upload_id

    def copy_part(
        self,
        source: Place,
        version_id: str | None,
        if_match: str,
        key: str,
        upload_id: str,
        number: int,
        first: int,
        last: int,
    ) -> None:
        """Copy the bytes from ``first`` to ``last``, both included, as a part; one that is there is replaced.

        Raises NotFound, PreconditionFailed, Conflict (``archived``), Unavailable.
        """
        with reaching_s3(of_version=version_id is not None):
            self._client.upload_part_copy(
                Bucket=self.bucket,
                Key=key,
                UploadId=upload_id,
                PartNumber=number,
                CopySource=_source(source, version_id),
                CopySourceIfMatch=if_match,
                CopySourceRange=f"bytes={first}-{last}",
            )

    def finish(self, key: str, upload_id: str, parts: int, size: int) -> bool:
        """Put the parts together; False when they are not the ones that make ``size`` bytes.

        Raises NotFound when there is no such upload: it was finished before, or given up. Raises Unavailable.
        """
        listed: list[dict[str, Any]] = []
        total = 0
        with reaching_s3():
            pages = self._client.get_paginator("list_parts").paginate(
                Bucket=self.bucket, Key=key, UploadId=upload_id
            )
            for page in pages:
                for each in page.get("Parts", []):
                    listed.append({"PartNumber": each["PartNumber"], "ETag": each["ETag"]})
                    total += each["Size"]
            if len(listed) != parts or total != size:
                return False
            self._client.complete_multipart_upload(
                Bucket=self.bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": listed}
            )
        return True

    def give_up(self, key: str, upload_id: str) -> None:
        """Drop the parts of a copy; one that is over already is left as it is. Raises Unavailable."""
        try:
            with reaching_s3():
                self._client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload_id)
        except NotFound:
            pass

    def write(self, key: str, body: bytes, content_type: str = _TEXT) -> None:
        """Write a small object, or replace it. Raises Unavailable."""
        with reaching_s3():
            self._client.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType=content_type)

    def read(self, key: str) -> bytes | None:
        """Read a small object, or None. Raises Unavailable."""
        try:
            with reaching_s3():
                body: bytes = self._client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except NotFound:
            return None
        return body

    def listing(self, prefix: str) -> Iterator[tuple[str, int]]:
        """List keys with their sizes, a thousand for each call. Raises Unavailable."""
        with reaching_s3():
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
                yield from ((each["Key"], each["Size"]) for each in page.get("Contents", []))

    def remove(self, keys: list[str]) -> None:
        """Delete what is there of these. Raises Unavailable."""
        with reaching_s3():
            for start in range(0, len(keys), _AT_MOST):
                listed = [{"Key": key} for key in keys[start : start + _AT_MOST]]
                self._client.delete_objects(Bucket=self.bucket, Delete={"Objects": listed, "Quiet": True})


def _source(place: Place, version_id: str | None) -> dict[str, str]:
    return {"Bucket": place.bucket, "Key": place.key} | ({"VersionId": version_id} if version_id else {})


def _hex(checksum: str | None) -> str | None:
    """Read a SHA-256 of a whole object; one of parts' checksums says nothing."""
    try:
        digest = base64.b64decode(checksum or "", validate=True)
    except binascii.Error:
        return None
    return digest.hex() if len(digest) == 32 else None
