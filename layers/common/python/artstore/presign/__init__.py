"""Presigned S3 URLs: what a client is given instead of a right of its own.

Signature Version 4 in the query string, with hmac and hashlib alone (``signature``), for the address S3
itself would choose (``address``), with a download name that survives every header (``disposition``).

No network, no settings. The right needed is the signer's own right to the operation, checked by storage when
the URL is used, not when it is made.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from artstore.errors import Invalid, TooLarge
from artstore.presign.address import Endpoint
from artstore.presign.disposition import attachment
from artstore.presign.signature import (
    MAX_EXPIRY_SECONDS,
    SESSION_MARGIN,
    Presigned,
    presign,
)
from artstore.sigv4 import Credentials, credentials_from

__all__ = [
    "MAX_EXPIRY_SECONDS",
    "MAX_OBJECT_BYTES",
    "MAX_SINGLE_PUT_BYTES",
    "SESSION_MARGIN",
    "Credentials",
    "Endpoint",
    "Presigned",
    "attachment",
    "checksum_header",
    "credentials_from",
    "presign",
    "presign_get",
    "presign_put",
]

MAX_SINGLE_PUT_BYTES: Final = 5 * 1024**3
"""The most that S3 takes in one PUT, and in one form."""
MAX_OBJECT_BYTES: Final = 5 * 1024**4
"""The most that S3 takes in parts."""

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_SHA256_HEX: Final = re.compile(r"[0-9a-f]{64}\Z")


def checksum_header(sha256: str) -> str:
    """Give a checksum (hex) as S3 writes it in ``x-amz-checksum-sha256``."""
    return base64.b64encode(bytes.fromhex(sha256)).decode()


def presign_put(
    bucket: str,
    key: str,
    *,
    credentials: Credentials,
    endpoint: Endpoint,
    expires_in: int,
    now: datetime,
    content_length: int,
    content_type: str,
    sha256: str,
    headers: Mapping[str, str] = _NOTHING,
) -> Presigned:
    """Permit one upload of exactly these bytes to a key that does not exist yet.

    ``content_length`` is bytes, ``sha256`` lowercase hex. Storage refuses other bytes (400 BadDigest),
    another length or type (403), and a key that exists (412), because length, type, checksum and
    ``If-None-Match: *`` are signed. ``headers`` adds further signed ones, and cannot replace these.
    Raises as ``presign`` does, and TooLarge above the 5 GiB that S3 takes in a single PUT.
    """
    if content_length < 0 or not _SHA256_HEX.match(sha256):
        raise Invalid("the size is a number of bytes, the checksum 64 lowercase hexadecimal digits")
    if content_length > MAX_SINGLE_PUT_BYTES:
        raise TooLarge("a single PUT takes at most 5 GiB")
    signed = {
        **headers,
        "Content-Length": str(content_length),
        "Content-Type": content_type,
        "If-None-Match": "*",
        "x-amz-checksum-sha256": checksum_header(sha256),
    }
    return presign(
        "PUT",
        bucket,
        key,
        credentials=credentials,
        endpoint=endpoint,
        expires_in=expires_in,
        now=now,
        headers=signed,
    )


def presign_get(
    bucket: str,
    key: str,
    *,
    credentials: Credentials,
    endpoint: Endpoint,
    expires_in: int,
    now: datetime,
    filename: str | None = None,
    content_type: str | None = None,
    version_id: str | None = None,
) -> Presigned:
    """Permit one object to be read; ``filename`` makes it an attachment, ``content_type`` sets its type.

    Without ``version_id`` the newest version is served. Raises as ``presign`` does.
    """
    query: dict[str, str] = {}
    if filename is not None:
        query["response-content-disposition"] = attachment(filename)
    if content_type is not None:
        query["response-content-type"] = content_type
    if version_id is not None:
        query["versionId"] = version_id
    return presign(
        "GET",
        bucket,
        key,
        credentials=credentials,
        endpoint=endpoint,
        expires_in=expires_in,
        now=now,
        query=query,
    )
