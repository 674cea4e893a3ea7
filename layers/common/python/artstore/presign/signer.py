"""Presigned URLs in the name of the running function: its credentials, and the endpoint its clients see.

The function's role decides what a URL may do, when it is used. Credentials are read anew in each second, since a
session that Lambda renews replaces them in the environment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from artstore.errors import Misconfigured
from artstore.presign import (
    Credentials,
    Endpoint,
    Presigned,
    checksum_header,
    credentials_from,
    presign,
    presign_get,
    presign_put,
)
from artstore.presign.form import PresignedForm, presign_form

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Announced:
    """The bytes that may come: how many, their media type, their SHA-256 (lowercase hex), and how they are
    compressed."""

    size: int
    content_type: str
    sha256: str
    content_encoding: str | None = None


class UrlSigner:
    """Signs uploads and downloads."""

    def __init__(
        self,
        environment: Callable[[], Mapping[str, str]],
        public_endpoint: str | None,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        """Sign with the credentials in ``environment`` for ``public_endpoint``.

        Without one the endpoint is AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, or Amazon S3 itself. Raises
        Misconfigured when the environment names no region.
        """
        variables = environment()
        region = variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION")
        if not region:
            raise Misconfigured("AWS_REGION is not set")
        url = public_endpoint or variables.get("AWS_ENDPOINT_URL_S3") or variables.get("AWS_ENDPOINT_URL")
        self._environment = environment
        self._endpoint = Endpoint(url or None, region)
        self._clock = clock
        self._read: tuple[datetime, Credentials] | None = None

    def _credentials(self, now: datetime) -> Credentials:
        second, read = now.replace(microsecond=0), self._read
        if read is None or read[0] != second:
            self._read = read = second, credentials_from(self._environment())
        return read[1]

    def sign_upload(self, bucket: str, key: str, announced: Announced, *, expires_in: int) -> Presigned:
        """Permit one PUT of exactly these bytes to a new key; see ``presign_put``."""
        now = self._clock()
        return presign_put(
            bucket,
            key,
            credentials=self._credentials(now),
            endpoint=self._endpoint,
            expires_in=expires_in,
            now=now,
            content_length=announced.size,
            content_type=announced.content_type,
            sha256=announced.sha256,
            headers=_encoding(announced.content_encoding),
        )

    def sign_form(self, bucket: str, key: str, announced: Announced, *, expires_in: int) -> PresignedForm:
        """Permit a form to send exactly these bytes to a key that must be new; see ``presign_form``."""
        now = self._clock()
        return presign_form(
            bucket,
            key,
            credentials=self._credentials(now),
            endpoint=self._endpoint,
            expires_in=expires_in,
            now=now,
            content_length=announced.size,
            fields={
                "Content-Type": announced.content_type,
                **_encoding(announced.content_encoding),
                "x-amz-checksum-sha256": checksum_header(announced.sha256),
            },
        )

    def sign_part(
        self,
        bucket: str,
        key: str,
        *,
        upload_id: str,
        part_number: int,
        expires_in: int,
        content_length: int,
        sha256: str,
    ) -> Presigned:
        """Permit one part of a multipart upload, of exactly these bytes (``sha256``: lowercase hex)."""
        return self.sign(
            "PUT",
            bucket,
            key,
            expires_in=expires_in,
            headers={
                "Content-Length": str(content_length),
                "x-amz-checksum-sha256": checksum_header(sha256),
            },
            query={"partNumber": str(part_number), "uploadId": upload_id},
        )

    def sign(
        self,
        method: str,
        bucket: str,
        key: str,
        *,
        expires_in: int,
        headers: Mapping[str, str] = _NOTHING,
        query: Mapping[str, str] = _NOTHING,
    ) -> Presigned:
        """Permit one request on an object; see ``presign``."""
        now = self._clock()
        return presign(
            method,
            bucket,
            key,
            credentials=self._credentials(now),
            endpoint=self._endpoint,
            expires_in=expires_in,
            now=now,
            headers=headers,
            query=query,
        )

    def sign_download(
        self, bucket: str, key: str, *, expires_in: int, filename: str, content_type: str, version_id: str | None
    ) -> Presigned:
        """Permit one object (None: its newest version) to be downloaded as an attachment; see ``presign_get``."""
        now = self._clock()
        return presign_get(
            bucket,
            key,
            credentials=self._credentials(now),
            endpoint=self._endpoint,
            expires_in=expires_in,
            now=now,
            filename=filename,
            content_type=content_type,
            version_id=version_id,
        )


def _encoding(content_encoding: str | None) -> dict[str, str]:
    return {} if content_encoding is None else {"Content-Encoding": content_encoding}
