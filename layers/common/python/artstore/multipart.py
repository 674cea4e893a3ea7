"""Multipart uploads in S3, as far as ArtStore makes them itself: begin, list, put together, abort.

The parts are sent by clients, with URLs of ``artstore.presign``. Rights needed: s3:PutObject on the key to begin
and to put together, s3:ListMultipartUploadParts, s3:AbortMultipartUpload. Every call is bounded as those of
``artstore.objects`` are.

Putting together can be answered 200 with an error in the body (CompleteMultipartUpload, "Response Elements");
botocore takes that for the 500 it is.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import msgspec
from botocore.exceptions import ClientError

from artstore.errors import Conflict, NotFound
from artstore.objects import reaching_s3, s3_client


class MultipartClient(Protocol):
    """The calls of a boto3 S3 client that are used here."""

    def create_multipart_upload(self, **arguments: Any) -> Any: ...
    def list_parts(self, **arguments: Any) -> Any: ...
    def complete_multipart_upload(self, **arguments: Any) -> Any: ...
    def abort_multipart_upload(self, **arguments: Any) -> Any: ...


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part that is there. ``size`` is bytes, ``sha256`` hex or None when storage was told none."""

    number: int
    size: int
    etag: str
    sha256: str | None


class PartPage(msgspec.Struct, frozen=True):
    """Parts in the order of their numbers, at most a thousand; ``next`` is the last one's number when more
    follow."""

    parts: list[Part]
    next: int | None


class Multiparts:
    """The multipart uploads of S3 or what speaks like it."""

    def __init__(self, client: Callable[[], MultipartClient]) -> None:
        """Take what makes the client; that is expensive, and not done before the first call."""
        self._client = client

    def create(
        self, bucket: str, key: str, *, content_type: str, content_encoding: str | None = None, sha256: bool = True
    ) -> str:
        """Begin an upload; give its id. With ``sha256`` every part must come with one. Raises Unavailable."""
        arguments: dict[str, Any] = {"ContentType": content_type}
        if content_encoding is not None:
            arguments["ContentEncoding"] = content_encoding
        if sha256:
            arguments["ChecksumAlgorithm"] = "SHA256"
        with reaching_s3():
            upload_id: str = self._client().create_multipart_upload(Bucket=bucket, Key=key, **arguments)[
                "UploadId"
            ]
        return upload_id

    def parts(self, bucket: str, key: str, upload_id: str, *, after: int = 0) -> PartPage:
        """List the parts that follow number ``after``. Raises NotFound when the upload is over, and
        Unavailable."""
        with reaching_s3():
            answer = self._client().list_parts(Bucket=bucket, Key=key, UploadId=upload_id, PartNumberMarker=after)
        parts = [
            Part(
                number=each["PartNumber"],
                size=each["Size"],
                etag=each["ETag"],
                sha256=_hex(each.get("ChecksumSHA256")),
            )
            for each in answer.get("Parts", [])
        ]
        parts.sort(key=lambda part: part.number)
        more = bool(answer.get("IsTruncated")) and bool(parts)
        return PartPage(parts, parts[-1].number if more else None)

    def all_parts(self, bucket: str, key: str, upload_id: str) -> Iterator[Part]:
        """List every part; a call for each thousand. Raises as ``parts`` does."""
        after: int | None = 0
        while after is not None:
            page = self.parts(bucket, key, upload_id, after=after)
            yield from page.parts
            after = page.next

    def complete(self, bucket: str, key: str, upload_id: str, parts: Iterable[Part], size: int) -> None:
        """Make an object of ``size`` bytes of the parts, unless one is there.

        Raises NotFound when the upload is over, PreconditionFailed when an object is there, Conflict
        (``parts_refused``) when storage finds fault with the parts, Unavailable when it does not answer in time:
        then it may have happened.
        """
        listed = [
            {"PartNumber": each.number, "ETag": each.etag}
            | ({} if each.sha256 is None else {"ChecksumSHA256": _base64(each.sha256)})
            for each in parts
        ]
        with reaching_s3():
            try:
                self._client().complete_multipart_upload(
                    Bucket=bucket,
                    Key=key,
                    UploadId=upload_id,
                    MultipartUpload={"Parts": listed},
                    IfNoneMatch="*",
                    MpuObjectSize=size,
                )
            except ClientError as error:
                if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") != 400:
                    raise
                code = error.response["Error"]["Code"]
                raise Conflict(f"storage refuses the parts: {code}", code="parts_refused") from error

    def abort(self, bucket: str, key: str, upload_id: str) -> None:
        """End an upload and drop its parts; one that is over is fine. Raises Unavailable."""
        try:
            with reaching_s3():
                self._client().abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)
        except NotFound:
            pass


def multipart_client() -> MultipartClient:
    """Give the process's S3 client for these calls; see ``artstore.objects.s3_client``."""
    client: Any = s3_client()
    return client  # type: ignore[no-any-return]


def _base64(sha256: str) -> str:
    return base64.b64encode(bytes.fromhex(sha256)).decode()


def _hex(checksum: str | None) -> str | None:
    try:
        digest = base64.b64decode(checksum or "", validate=True)
    except binascii.Error:
        return None
    return digest.hex() if len(digest) == 32 else None
