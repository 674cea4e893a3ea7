"""The S3 calls of rescue: listing and reading, nothing else.

Rights needed: s3:ListBucket, s3:GetObject and s3:GetObjectVersion on the buckets, and kms:Decrypt where they are
encrypted with a key of KMS. Credentials, region and endpoint are boto3's own (``AWS_PROFILE``,
``AWS_ENDPOINT_URL``, ...).
"""

from __future__ import annotations

import base64
import binascii
import pathlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from botocore import exceptions
from botocore.exceptions import ClientError

from infra.rescue.places import Listed

CHUNK_BYTES = 1024 * 1024
_TRIES = 4
_KEY_BYTES = 32
_BROKEN = (
    exceptions.ConnectionError,
    exceptions.HTTPClientError,
    exceptions.IncompleteReadError,
    exceptions.ResponseStreamingError,
)


class Unreadable(Exception):
    """Storage does not give the object; ``outcome`` is a word of the report."""

    def __init__(self, outcome: str, detail: str) -> None:
        """Take the word, and the sentence for people."""
        super().__init__(detail)
        self.outcome = outcome
        self.detail = detail


class Storage:
    """A bucket's objects. ``client`` is boto3's, used by several threads; ``customer_key`` opens objects that are
    encrypted with a key of the customer's own (SSE-C)."""

    def __init__(self, client: Any, customer_key: bytes | None = None) -> None:
        """Take the client; it is not used before the first call."""
        self._client = client
        self._customer_key = customer_key

    def listing(self, bucket: str, prefix: str) -> Iterator[Listed]:
        """List what lies under ``prefix``, a thousand keys for each call. Raises botocore's errors."""
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for each in page.get("Contents", []):
                yield Listed(each["Key"], int(each["Size"]), str(each["ETag"]))

    def read(self, bucket: str, key: str, limit: int) -> bytes:
        """Read a small object whole, or its first bytes past ``limit``. Raises Unreadable."""
        body = bytearray()
        for chunk in self.chunks(bucket, key, None):
            body += chunk
            if len(body) > limit:
                break
        return bytes(body)

    def chunks(self, bucket: str, key: str, version_id: str | None) -> Iterator[bytes]:
        """Read an object, or one of its versions, in constant memory; a connection that breaks is taken up where
        it broke, as long as the object is the same. Raises Unreadable."""
        offset, tries, etag = 0, 0, None
        while True:
            try:
                answer = self._open(bucket, key, version_id, offset, etag)
                etag = answer["ETag"]
                skip = 0 if answer.get("ContentRange") else offset
                for chunk in _read(answer["Body"], skip):
                    offset += len(chunk)
                    tries = 0
                    yield chunk
            except ClientError as error:
                raise _refused(error, version_id) from error
            except _BROKEN as error:
                tries += 1
                if tries == _TRIES:
                    raise Unreadable("failed", f"storage does not answer: {type(error).__name__}") from error
            else:
                return

    def _open(self, bucket: str, key: str, version_id: str | None, offset: int, etag: str | None) -> Any:
        arguments: dict[str, Any] = {"Bucket": bucket, "Key": key}
        if version_id is not None:
            arguments["VersionId"] = version_id
        if offset:
            arguments |= {"Range": f"bytes={offset}-", "IfMatch": etag}
        try:
            return self._client.get_object(**arguments)
        except ClientError as error:
            if self._customer_key is None or _status(error) != 400:
                raise
        key_of_ours = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": self._customer_key}
        return self._client.get_object(**arguments, **key_of_ours)


def read_customer_key(path: pathlib.Path) -> bytes:
    """Read a key of 32 bytes, as they are or in base64. Raises ValueError, OSError."""
    raw = path.read_bytes()
    if len(raw) == _KEY_BYTES:
        return raw
    try:
        key = base64.b64decode(raw.strip(), validate=True)
    except binascii.Error as error:
        raise ValueError(f"{path} holds no key of 256 bits") from error
    if len(key) != _KEY_BYTES:
        raise ValueError(f"{path} holds no key of 256 bits")
    return key


def _read(body: BinaryIO, skip: int) -> Iterator[bytes]:
    while chunk := body.read(CHUNK_BYTES):
        given = chunk[skip:]
        skip = max(0, skip - len(chunk))
        if given:
            yield given


def _refused(error: ClientError, version_id: str | None) -> Unreadable:
    """Say what a refusal means; a version that cannot be one is a bad request, a delete marker a 405."""
    code, status = str(error.response.get("Error", {}).get("Code", "")), _status(error)
    if status == 404 or (version_id is not None and status in (400, 405)):
        what = "the object is" if version_id is None else f"the version {version_id} is"
        return Unreadable("missing", f"{what} not there")
    if code == "InvalidObjectState":
        return Unreadable("archived", "the object has to be restored before it is read")
    if status == 412:
        return Unreadable("failed", "the object was changed while it was read")
    return Unreadable("failed", f"storage refused: {code or status}")


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
