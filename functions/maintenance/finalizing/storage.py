"""The S3 calls that finalization makes: copying, whole or in parts, locking, and removing what was copied.

CopyObject takes at most 5 GiB; what is larger is copied in parts. Every call names the ETag of the bytes that are
meant, so nothing is copied that was overwritten meanwhile, and nothing removed that somebody else has put there.
S3 may answer 200 with an error in the body (CopyObject, "Response and special errors"); botocore reads it.

Rights needed: s3:GetObject on the source, s3:PutObject, AbortMultipartUpload and ListMultipartUploadParts on the
target, s3:GetBucketObjectLockConfiguration, PutObjectRetention and PutObjectLegalHold on its bucket, and
s3:DeleteObject on edit elements alone.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from artstore import aws
from artstore.errors import NotFound, PreconditionFailed
from artstore.index.claims import Place
from artstore.objects import reaching_s3
from functions.maintenance.finalizing.ports import Copied, Lock, Part
from functions.maintenance.removing import remove_object

_DAYS_A_YEAR = 365
_HEADERS = ("ContentType", "ContentEncoding", "ContentDisposition", "ContentLanguage", "CacheControl", "Metadata")
"""What S3 keeps of an object besides its bytes, and a copy in parts does not take over by itself."""
_NO_LOCK = frozenset({"ObjectLockConfigurationNotFoundError", "NoSuchObjectLockConfiguration", "InvalidRequest"})


class ObjectCopies:
    """Copies in S3 or what speaks like it. ``client`` is an S3 client of botocore's, see ``copying_client``."""

    def __init__(self, client: Any) -> None:
        """Take the client; it is not used before the first call."""
        self._client = client

    def copy(self, source: Place, if_match: str, target: Place, *, only_new: bool) -> Copied | None:
        """Copy an object of at most 5 GiB, with its type, encoding and metadata, without its tags.

        None when there is an object already (``only_new``) or the source is no longer the one that was meant;
        where storage ignores the former condition, there is another version then. Raises NotFound, Unavailable.
        """
        try:
            with reaching_s3():
                answer = self._client.copy_object(
                    Bucket=target.bucket,
                    Key=target.key,
                    CopySource={"Bucket": source.bucket, "Key": source.key},
                    CopySourceIfMatch=if_match,
                    MetadataDirective="COPY",
                    TaggingDirective="REPLACE",
                    ChecksumAlgorithm="SHA256",
                    **({"IfNoneMatch": "*"} if only_new else {}),
                )
        except PreconditionFailed:
            return None
        return Copied(etag=answer["CopyObjectResult"]["ETag"], version_id=_named(answer.get("VersionId")))

    def begin(self, source: Place, if_match: str, target: Place) -> str:
        """Begin a copy in parts, and give its upload id. Raises NotFound, PreconditionFailed, Unavailable."""
        with reaching_s3():
            held = self._client.head_object(Bucket=source.bucket, Key=source.key, IfMatch=if_match)
            kept = {name: held[name] for name in _HEADERS if held.get(name)}
            answer = self._client.create_multipart_upload(Bucket=target.bucket, Key=target.key, **kept)
        upload_id: str = answer["UploadId"]
        return upload_id

    def copy_part(
        self, source: Place, if_match: str, target: Place, upload_id: str, number: int, first: int, last: int
    ) -> None:
        """Copy the bytes from ``first`` to ``last``, both included, as a part; one that is there is replaced.

        Raises NotFound, PreconditionFailed, Unavailable.
        """
        with reaching_s3():
            self._client.upload_part_copy(
                Bucket=target.bucket,
                Key=target.key,
                UploadId=upload_id,
                PartNumber=number,
                CopySource={"Bucket": source.bucket, "Key": source.key},
                CopySourceIfMatch=if_match,
                CopySourceRange=f"bytes={first}-{last}",
            )

    def parts(self, target: Place, upload_id: str) -> list[Part]:
        """List the parts that are there, a thousand for each call. Raises NotFound when the upload is over."""
        found: list[Part] = []
        more: dict[str, Any] = {}
        with reaching_s3():
            while True:
                answer = self._client.list_parts(Bucket=target.bucket, Key=target.key, UploadId=upload_id, **more)
                found += (Part(each["PartNumber"], each["Size"], each["ETag"]) for each in answer.get("Parts", []))
                if not answer.get("IsTruncated"):
                    return found
                more = {"PartNumberMarker": answer["NextPartNumberMarker"]}

    def finish(self, target: Place, upload_id: str, parts: Sequence[Part], *, only_new: bool) -> Copied | None:
        """Put the parts together; None when there is an object already (``only_new``).

        Raises NotFound when there is no such upload: it was finished before, or given up. Raises Unavailable.
        """
        listed = [{"PartNumber": each.number, "ETag": each.etag} for each in parts]
        try:
            with reaching_s3():
                answer = self._client.complete_multipart_upload(
                    Bucket=target.bucket,
                    Key=target.key,
                    UploadId=upload_id,
                    MultipartUpload={"Parts": listed},
                    MpuObjectSize=sum(each.size for each in parts),
                    **({"IfNoneMatch": "*"} if only_new else {}),
                )
        except PreconditionFailed:
            return None
        return Copied(etag=answer["ETag"], version_id=_named(answer.get("VersionId")))

    def give_up(self, target: Place, upload_id: str) -> None:
        """Drop the parts of a copy; one that is over already is left as it is. Raises Unavailable."""
        try:
            with reaching_s3():
                self._client.abort_multipart_upload(Bucket=target.bucket, Key=target.key, UploadId=upload_id)
        except NotFound:
            pass

    def lock_of(self, bucket: str) -> Lock | None:
        """Tell how the bucket locks versions, None when it does not. Raises Unavailable."""
        with reaching_s3():
            try:
                answer = self._client.get_object_lock_configuration(Bucket=bucket)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in _NO_LOCK:
                    return None
                raise
        configuration = answer.get("ObjectLockConfiguration") or {}
        if configuration.get("ObjectLockEnabled") != "Enabled":
            return None
        rule = (configuration.get("Rule") or {}).get("DefaultRetention") or {}
        days = rule.get("Days") or rule.get("Years", 0) * _DAYS_A_YEAR
        return Lock(rule.get("Mode") or "GOVERNANCE", int(days))

    def retain(self, place: Place, version_id: str | None, mode: str, until: datetime) -> None:
        """Keep the version ``until`` a time that is not earlier than the one it has. Raises Unavailable."""
        with reaching_s3():
            self._client.put_object_retention(
                Bucket=place.bucket,
                Key=place.key,
                Retention={"Mode": mode, "RetainUntilDate": until},
                **_version(version_id),
            )

    def hold(self, place: Place, version_id: str | None) -> None:
        """Put the version under a legal hold. Raises Unavailable."""
        with reaching_s3():
            self._client.put_object_legal_hold(
                Bucket=place.bucket, Key=place.key, LegalHold={"Status": "ON"}, **_version(version_id)
            )

    def is_held(self, place: Place) -> bool:
        """Tell whether storage itself holds the object. Raises NotFound, Unavailable."""
        with reaching_s3():
            answer = self._client.head_object(Bucket=place.bucket, Key=place.key)
        held: bool = answer.get("ObjectLockLegalHoldStatus") == "ON"
        return held

    def remove(self, place: Place, if_match: str) -> None:
        """Delete the object whose ETag is ``if_match``. Raises NotFound, PreconditionFailed, Unavailable."""
        remove_object(self._client, place.bucket, place.key, if_match)


@functools.cache
def copying_client() -> Any:
    """Make the process's client for copies, which takes as long as storage takes to copy 5 GiB."""
    config = Config(
        signature_version="s3v4",
        connect_timeout=2,
        read_timeout=300,
        retries={"mode": "standard", "total_max_attempts": 3},
    )
    return aws.create_client("s3", config)


def _version(version_id: str | None) -> dict[str, str]:
    return {"VersionId": version_id} if version_id else {}


def _named(version_id: str | None) -> str | None:
    """Give the version, None where the bucket keeps none (S3 then says nothing, or ``null``)."""
    return None if version_id == "null" else version_id
