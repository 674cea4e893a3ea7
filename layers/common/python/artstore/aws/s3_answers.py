"""What S3 answers about one object, in the members and exceptions that botocore gives."""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from html import unescape
from http import HTTPStatus
from typing import Any, Final, cast

from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from artstore.aws.wire import Incoming

_TEXTS: Final = {
    "accept-ranges": "AcceptRanges",
    "cache-control": "CacheControl",
    "content-disposition": "ContentDisposition",
    "content-encoding": "ContentEncoding",
    "content-language": "ContentLanguage",
    "content-range": "ContentRange",
    "content-type": "ContentType",
    "etag": "ETag",
    "x-amz-archive-status": "ArchiveStatus",
    "x-amz-checksum-crc32": "ChecksumCRC32",
    "x-amz-checksum-crc32c": "ChecksumCRC32C",
    "x-amz-checksum-crc64nvme": "ChecksumCRC64NVME",
    "x-amz-checksum-sha1": "ChecksumSHA1",
    "x-amz-checksum-sha256": "ChecksumSHA256",
    "x-amz-checksum-type": "ChecksumType",
    "x-amz-expiration": "Expiration",
    "x-amz-object-lock-legal-hold": "ObjectLockLegalHoldStatus",
    "x-amz-object-lock-mode": "ObjectLockMode",
    "x-amz-replication-status": "ReplicationStatus",
    "x-amz-restore": "Restore",
    "x-amz-server-side-encryption": "ServerSideEncryption",
    "x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
    "x-amz-storage-class": "StorageClass",
    "x-amz-version-id": "VersionId",
    "x-amz-website-redirect-location": "WebsiteRedirectLocation",
}
_NUMBERS: Final = {
    "x-amz-missing-meta": "MissingMeta",
    "x-amz-mp-parts-count": "PartsCount",
    "x-amz-tagging-count": "TagCount",
}
_FLAGS: Final = {
    "x-amz-delete-marker": "DeleteMarker",
    "x-amz-server-side-encryption-bucket-key-enabled": "BucketKeyEnabled",
}
_METADATA: Final = "x-amz-meta-"


def read_answer(operation: str, incoming: Incoming) -> dict[str, Any]:
    """Read an answer's headers into the members that botocore gives."""
    headers = incoming.headers
    answer: dict[str, Any] = {"ResponseMetadata": _metadata(incoming, 0)}
    for name, value in headers.items():
        if name in _TEXTS:
            answer[_TEXTS[name]] = value
        elif name in _NUMBERS:
            answer[_NUMBERS[name]] = int(value)
        elif name in _FLAGS:
            answer[_FLAGS[name]] = value.lower() == "true"
    if operation in ("HeadObject", "GetObject"):
        answer["Metadata"] = {
            name.removeprefix(_METADATA): value for name, value in headers.items() if name.startswith(_METADATA)
        }
        if "content-length" in headers:
            answer["ContentLength"] = int(headers["content-length"])
        if "last-modified" in headers:
            answer["LastModified"] = parsedate_to_datetime(headers["last-modified"])
        if until := headers.get("x-amz-object-lock-retain-until-date"):
            answer["ObjectLockRetainUntilDate"] = datetime.fromisoformat(until)
    if operation == "GetObject":
        body, length = cast(Any, incoming.body), cast(Any, headers.get("content-length"))
        answer["Body"] = StreamingBody(body, length)
    else:
        incoming.body.read()
    return answer


def _metadata(incoming: Incoming, before: int) -> dict[str, Any]:
    return {
        "HTTPStatusCode": incoming.status,
        "HTTPHeaders": dict(incoming.headers),
        "RequestId": incoming.headers.get("x-amz-request-id", ""),
        "RetryAttempts": before,
    }


def read_refusal(operation: str, incoming: Incoming, before: int) -> ClientError:
    """Read a refusal: the code out of S3's XML, or the status where there is none, as for HEAD."""
    text = incoming.body.read().decode("utf-8", "replace")
    found = {name: unescape(value) for name, value in re.findall(r"<(Code|Message)>([^<]*)</\1>", text)}
    phrase = HTTPStatus(incoming.status).phrase if incoming.status in HTTPStatus._value2member_map_ else ""
    response: Any = {
        "Error": {
            "Code": found.get("Code") or str(incoming.status),
            "Message": found.get("Message") or phrase,
        },
        "ResponseMetadata": _metadata(incoming, before),
    }
    return ClientError(response, operation)
