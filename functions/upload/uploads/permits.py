"""What an upload is permitted with, for each way in which its bytes may come."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from artstore.presign import Presigned
from artstore.presign.form import PresignedForm
from artstore.presign.signer import Announced
from artstore.tables import UploadRecord
from functions.upload.uploads.models import UploadTarget
from functions.upload.uploads.parts import choose_part_size, count_parts


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Permit(Protocol):
    """Permits the upload that a record describes."""

    def __call__(self, record: UploadRecord, expires_in: int) -> UploadTarget:
        """Give what the client sends, valid for ``expires_in`` seconds or less.

        The record is not saved yet, and may be written into.
        """
        ...


class Signer(Protocol):
    """What permits a request to storage; see artstore.presign.signer."""

    def sign_upload(self, bucket: str, key: str, announced: Announced, *, expires_in: int) -> Presigned:
        """Permit one PUT of exactly these bytes to a new key."""
        ...

    def sign_form(self, bucket: str, key: str, announced: Announced, *, expires_in: int) -> PresignedForm:
        """Permit a form to send exactly these bytes to a key that must be new."""
        ...


class PutPermit:
    """One PUT."""

    def __init__(self, signer: Signer) -> None:
        """Sign with ``signer``."""
        self._signer = signer

    def __call__(self, record: UploadRecord, expires_in: int) -> UploadTarget:
        """See Permit."""
        signed = self._signer.sign_upload(record.bucket, record.key, _announced(record), expires_in=expires_in)
        return UploadTarget(method="PUT", url=signed.url, headers=signed.headers, expires_at=signed.expires_at)


class FormPermit:
    """One POST of a form."""

    def __init__(self, signer: Signer) -> None:
        """Sign with ``signer``."""
        self._signer = signer

    def __call__(self, record: UploadRecord, expires_in: int) -> UploadTarget:
        """See Permit."""
        signed = self._signer.sign_form(record.bucket, record.key, _announced(record), expires_in=expires_in)
        return UploadTarget(method="POST", url=signed.url, fields=signed.fields, expires_at=signed.expires_at)


class MultipartPermit:
    """A multipart upload: its size and parts are settled here, each part is permitted when it is asked for.

    Storage is not asked: the upload is begun there with its first parts.
    """

    def __init__(self, expiry_seconds: int, clock: Callable[[], datetime] = _utc_now) -> None:
        """Let the parts come for ``expiry_seconds``."""
        self._expiry_seconds = expiry_seconds
        self._clock = clock

    def __call__(self, record: UploadRecord, expires_in: int) -> UploadTarget:
        """See Permit; how long a URL holds (``expires_in``) is said with the parts."""
        del expires_in
        size = int(record.size)
        record.part_size = part_size = choose_part_size(size)
        return UploadTarget(
            method="MULTIPART",
            part_size=part_size,
            part_count=count_parts(size, part_size),
            expires_at=self._clock() + timedelta(seconds=self._expiry_seconds),
        )


def _announced(record: UploadRecord) -> Announced:
    return Announced(int(record.size), record.content_type, record.sha256, record.content_encoding)
