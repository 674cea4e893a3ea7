"""The S3 adapter: the few calls that ArtStore makes on objects, with S3's answers turned into our errors.

Rights needed: s3:GetObject and s3:ListBucket on the bucket (without ListBucket S3 answers 403 for an object
that is not there), s3:GetObjectVersion to name a version, and s3:PutObject on ``*.attr.json`` for whoever writes
attributes. Nothing here can delete.

Every call is bounded: connect 2 s, read 10 s, three tries, and the deadline of the request.
``AWS_REQUEST_CHECKSUM_CALCULATION`` and ``AWS_RESPONSE_CHECKSUM_VALIDATION`` are botocore's own and stay as the
deployment set them, since older S3-compatible servers refuse the CRC32 that botocore adds by default.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import functools
import hashlib
import math
from collections.abc import Generator, Iterator
from datetime import datetime
from typing import Any, Protocol

import msgspec
from botocore import exceptions
from botocore.exceptions import ClientError

from artstore import aws, deadline
from artstore.aws.s3_requests import CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS, QuickClient
from artstore.deadline import DeadlineExceeded
from artstore.errors import Conflict, Invalid, Misconfigured, NotFound, PreconditionFailed, Unavailable
from artstore.restoring import Restore, Tier, read_restore

JSON_TYPE = "application/json"
_CHUNK = 256 * 1024


class S3Client(Protocol):
    """The calls of a boto3 S3 client that are used here."""

    def head_object(self, **arguments: Any) -> Any: ...
    def get_object(self, **arguments: Any) -> Any: ...
    def put_object(self, **arguments: Any) -> Any: ...
    def head_bucket(self, **arguments: Any) -> Any: ...
    def list_objects_v2(self, **arguments: Any) -> Any: ...
    def restore_object(self, **arguments: Any) -> Any: ...


class StoredObject(msgspec.Struct, frozen=True, kw_only=True):
    """What a HEAD says of an object. ``size`` is bytes, ``sha256`` hex or None when S3 does not know it.

    ``composite_sha256`` is S3's checksum of the parts' checksums (base64, ``-``, how many), of a multipart upload
    that had them. ``archived`` tells that S3 refuses to read the bytes until they are restored, ``restore`` that
    they were asked back.
    """

    bucket: str
    key: str
    size: int
    etag: str
    last_modified: datetime
    content_type: str
    content_encoding: str | None
    metadata: dict[str, str]
    version_id: str | None
    sha256: str | None
    composite_sha256: str | None = None
    archived: bool = False
    restore: Restore | None = None


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes of an object, the ETag they belong to, and when they were written, as far as storage tells."""

    body: bytes
    etag: str
    last_modified: datetime | None = None


class Listing(msgspec.Struct, frozen=True):
    """What lies directly under a prefix: deeper prefixes, each ending in ``/``, and keys. Both are sorted."""

    folders: list[str]
    keys: list[str]


class ObjectStore:
    """Objects in S3 or what speaks like it. ``client`` is a boto3 S3 client, see ``s3_client``."""

    def __init__(self, client: S3Client) -> None:
        """Take the client; it is not used before the first call."""
        self._client = client

    def head(self, bucket: str, key: str, version_id: str | None = None) -> StoredObject:
        """Describe an object or one of its versions, its SHA-256 included when S3 holds the whole object's.

        The SHA-256 of a multipart upload is a checksum of checksums (``...-N``, ChecksumType COMPOSITE) and
        says nothing of the file's; it is told apart.

        Raises NotFound, also for a version that cannot be one; Invalid (``object_unreadable``) for an object that
        S3 does not show to us, since it is encrypted with a key that its owner keeps; Unavailable.
        """
        named = _version(version_id)
        with reaching_s3(of_version=bool(named)):
            answer = self._client.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED", **named)
        return StoredObject(
            bucket=bucket,
            key=key,
            size=answer["ContentLength"],
            etag=answer["ETag"],
            last_modified=answer["LastModified"],
            content_type=answer.get("ContentType", ""),
            content_encoding=answer.get("ContentEncoding") or None,
            metadata=answer.get("Metadata", {}),
            version_id=answer.get("VersionId"),
            sha256=_whole_sha256(answer),
            composite_sha256=_composite_sha256(answer),
            archived=_is_archived(answer),
            restore=read_restore(answer.get("Restore", "")),
        )

    def read(
        self, bucket: str, key: str, limit: int, *, if_match: str | None = None, version_id: str | None = None
    ) -> Content:
        """Read the first ``limit`` bytes at most; of the state ``if_match`` names, and of the version, when given.

        Raises NotFound, PreconditionFailed, Conflict (``archived``), Unavailable.
        """
        arguments: dict[str, Any] = ({"IfMatch": if_match} if if_match else {}) | _version(version_id)
        with reaching_s3():
            try:
                answer = self._client.get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{limit - 1}", **arguments)
            except ClientError as error:
                if _code(error) != "InvalidRange":  # only an empty object has no first byte (RFC 9110 §14.1.2)
                    raise
                answer = self._client.get_object(Bucket=bucket, Key=key, **arguments)
            body = b"".join(_chunks(answer["Body"], limit))
            return Content(body=body, etag=answer["ETag"], last_modified=answer.get("LastModified"))

    def sha256(self, bucket: str, key: str, *, if_match: str, version_id: str | None = None) -> str:
        """Compute the SHA-256 (hex) of an object by reading it through in constant memory.

        Raises NotFound, PreconditionFailed, Conflict (``archived``), Unavailable.
        """
        digest = hashlib.sha256()
        with reaching_s3():
            answer = self._client.get_object(Bucket=bucket, Key=key, IfMatch=if_match, **_version(version_id))
            for chunk in _chunks(answer["Body"]):
                digest.update(chunk)
        return digest.hexdigest()

    @contextlib.contextmanager
    def stream(
        self,
        bucket: str,
        key: str,
        *,
        start: int = 0,
        length: int | None = None,
        if_match: str | None = None,
        version_id: str | None = None,
    ) -> Iterator[Iterator[bytes]]:
        """Open an object for reading ``length`` bytes, or all, from byte ``start`` (less than its size) on; give
        them in chunks.

        A server that heeds no Range is read from its first byte, what comes before ``start`` is dropped, and what
        comes after ``length`` bytes is given as well. Raises NotFound, PreconditionFailed, Conflict
        (``archived``), Unavailable.
        """
        arguments: dict[str, Any] = ({"IfMatch": if_match} if if_match else {}) | _version(version_id)
        last = "" if length is None else start + length - 1
        with reaching_s3():
            answer = self._client.get_object(Bucket=bucket, Key=key, Range=f"bytes={start}-{last}", **arguments)
            with contextlib.closing(_chunks(answer["Body"])) as chunks:
                yield _without_first(chunks, 0 if answer.get("ContentRange") else start)

    def list_folder(self, bucket: str, prefix: str) -> Listing:
        """List what lies directly under ``prefix``, a thousand names for each call. Raises Unavailable."""
        folders: list[str] = []
        keys: list[str] = []
        more: dict[str, Any] = {}
        with reaching_s3():
            while True:
                answer = self._client.list_objects_v2(Bucket=bucket, Prefix=prefix, Delimiter="/", **more)
                folders += (each["Prefix"] for each in answer.get("CommonPrefixes", []))
                keys += (each["Key"] for each in answer.get("Contents", []))
                if not answer.get("IsTruncated"):
                    return Listing(sorted(folders), sorted(keys))
                more = {"ContinuationToken": answer["NextContinuationToken"]}

    def create(self, bucket: str, key: str, body: bytes, content_type: str = JSON_TYPE) -> str | None:
        """Write an object that must not exist yet (``If-None-Match: *``); give its ETag, None if it exists.

        Raises Unavailable, also when another creation of the same key is under way (S3's 409).
        """
        try:
            return self._put(bucket, key, body, content_type, IfNoneMatch="*")
        except PreconditionFailed:
            return None

    def replace(self, bucket: str, key: str, body: bytes, if_match: str, content_type: str = JSON_TYPE) -> str:
        """Overwrite the object whose ETag is ``if_match``; give the new ETag.

        Raises NotFound, PreconditionFailed, Unavailable.
        """
        return self._put(bucket, key, body, content_type, IfMatch=if_match)

    def restore(
        self, bucket: str, key: str, version_id: str | None, days: int, tier: Tier = Tier.STANDARD
    ) -> None:
        """Have an archived object brought back for ``days`` days, within hours; once more while it is on its way
        changes nothing, and later it moves the end of the days.

        Raises NotFound, Conflict (``tier_not_available``) when storage has no such tier for the object, and
        Unavailable (``tier_busy`` when it has no room in that tier now).
        """
        wanted = {"Days": days, "GlacierJobParameters": {"Tier": str(tier)}}
        with reaching_s3():
            try:
                self._client.restore_object(Bucket=bucket, Key=key, RestoreRequest=wanted, **_version(version_id))
            except ClientError as error:
                code = _code(error)
                if code == "GlacierExpeditedRetrievalNotAvailable":
                    raise Unavailable(
                        "storage has no room for expedited restores now", code="tier_busy"
                    ) from error
                if code in ("InvalidArgument", "InvalidRequest", "MalformedXML") and tier is not Tier.STANDARD:
                    raise Conflict(
                        "storage has no such tier for these bytes", code="tier_not_available"
                    ) from error
                if code != "RestoreAlreadyInProgress":
                    raise

    def ping(self, bucket: str) -> None:
        """Ask the bucket for a sign of life. Raises Unavailable or Misconfigured."""
        with reaching_s3():
            self._client.head_bucket(Bucket=bucket)

    def _put(self, bucket: str, key: str, body: bytes, content_type: str, **headers: str) -> str:
        """Put with a SHA-256, which a bucket with Object Lock asks for (PutObject, "Object Lock")."""
        checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
        with reaching_s3():
            answer = self._client.put_object(
                Bucket=bucket,
                Key=key,
                Body=body,
                ContentType=content_type,
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=checksum,
                **headers,
            )
        etag: str = answer["ETag"]
        return etag


@functools.cache
def s3_client() -> S3Client:
    """Give the process's S3 client; making one of botocore takes about 300 ms, so that comes when it is needed."""
    return QuickClient.of(_botocore_client) or _botocore_client()


def _botocore_client() -> Any:
    with aws.making_clients:
        return boto3_client()


@functools.cache
def boto3_client() -> Any:
    """Make boto3's client, once: a second one of the same session cannot be made. Not for several threads."""
    import boto3
    from botocore.config import Config

    config = Config(
        signature_version="s3v4",
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 3},
    )
    return boto3.session.Session(botocore_session=aws.session()).client("s3", config=config)


def _version(version_id: str | None) -> dict[str, str]:
    return {"VersionId": version_id} if version_id else {}


@contextlib.contextmanager
def reaching_s3(*, of_version: bool = False) -> Iterator[None]:
    """Turn what S3 and the way to it answer into errors of ours; refusals are the deployment's fault.

    A version that is named is a word out of an attr.json, which anybody may have written: S3 calls it a bad
    request when it cannot be one, and says 405 of a delete marker.
    """
    try:
        yield
    except ClientError as error:
        code, status = _code(error), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code == "NoSuchBucket":
            raise Misconfigured("a storage element's bucket does not exist") from error
        if status == 404 or (of_version and status in (400, 405, 414)):
            raise NotFound("the object does not exist", code="object_not_found") from error
        if status == 412:
            raise PreconditionFailed("the object is not in the state that was asked for") from error
        if code == "InvalidObjectState":
            raise Conflict("the object has to be restored before it is read", code="archived") from error
        if status == 400 and error.operation_name == "HeadObject":
            raise Invalid("storage does not show the object", code="object_unreadable") from error
        if status in (409, 429) or status >= 500:
            raise Unavailable("storage does not answer", code="storage_unavailable") from error
        raise Misconfigured(f"storage refused: {code}") from error
    except (
        exceptions.ConnectionError,
        exceptions.HTTPClientError,
        exceptions.IncompleteReadError,
        DeadlineExceeded,
    ) as error:
        raise Unavailable("storage does not answer", code="storage_unavailable") from error


def _chunks(body: Any, limit: float = math.inf) -> Generator[bytes, None, None]:
    """Read a body, or its first ``limit`` bytes; bytes that trickle in one by one do not outlast the deadline."""
    with contextlib.closing(body) as stream:
        while limit > 0 and (chunk := stream.read(int(min(_CHUNK, limit)))):
            yield chunk
            limit -= len(chunk)
            deadline.check()


def _without_first(chunks: Iterator[bytes], count: int) -> Iterator[bytes]:
    for chunk in chunks:
        if len(chunk) > count:
            yield chunk[count:]
        count = max(0, count - len(chunk))


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _whole_sha256(answer: Any) -> str | None:
    checksum = answer.get("ChecksumSHA256")
    if not checksum or answer.get("ChecksumType") == "COMPOSITE" or "-" in checksum:
        return None
    try:
        digest = base64.b64decode(checksum, validate=True)
    except binascii.Error:
        return None
    return digest.hex() if len(digest) == 32 else None


def _composite_sha256(answer: Any) -> str | None:
    checksum = answer.get("ChecksumSHA256") or ""
    return checksum if "-" in checksum else None


def _is_archived(answer: Any) -> bool:
    """Tell whether the bytes lie where they cannot be read (S3 User Guide, "Working with archived objects")."""
    restored = 'ongoing-request="false"' in answer.get("Restore", "")
    archived = answer.get("StorageClass") in {"GLACIER", "DEEP_ARCHIVE"} or "ArchiveStatus" in answer
    return archived and not restored
