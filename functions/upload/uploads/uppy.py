"""Signatures for Uppy (``@uppy/aws-s3`` from 6.1 on, its option ``signRequest``).

Uppy speaks S3 by itself and asks for each of its requests to be signed: one PUT, or a multipart upload begun,
sent in parts, listed after an interruption, put together or given up. The document is announced before (POST
/files), and its file_id, or the object key that an answer gave, is what Uppy calls ``key``.

Uppy knows no checksums of parts, and S3 puts no parts together that should have them and are listed without. So a
multipart upload that Uppy begins has none: what is signed is each part's length, the size of the whole, and that
nothing lies at the key. The content is proven afterwards, as that of every multipart upload.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol
from uuid import UUID

from artstore.errors import Invalid, TooLarge
from artstore.naming import file_id_of
from artstore.presign import MAX_SINGLE_PUT_BYTES, Presigned
from artstore.security import Principal
from artstore.spaces import not_found
from artstore.tables import UploadRecord
from functions.upload.uploads.models import Method, UploadTarget
from functions.upload.uploads.multipart import MultipartUploads, over
from functions.upload.uploads.part_models import SignedRequest, SignMethod, SignRequest
from functions.upload.uploads.parts import size_of_part
from functions.upload.uploads.permits import Permit
from functions.upload.uploads.placing import AWAITED

_SET_BY_BROWSERS = frozenset({"content-length"})


Renew = Callable[[UUID, Principal, int | None], UploadTarget]
"""Permits an upload anew; see functions.upload.uploads.renewing."""


class Signer(Protocol):
    """What permits requests to storage; see artstore.presign.signer."""

    def sign(
        self,
        method: str,
        bucket: str,
        key: str,
        *,
        expires_in: int,
        headers: Mapping[str, str] = ...,
        query: Mapping[str, str] = ...,
    ) -> Presigned:
        """Permit one request on an object."""
        ...


class UppySigner:
    """Signs what Uppy asks for."""

    def __init__(self, uploads: MultipartUploads, signer: Signer, put: Permit, renew: Renew) -> None:
        """Take the uploads under way, what permits one PUT, and ``Renewals.renew``."""
        self._uploads = uploads
        self._signer = signer
        self._put = put
        self._renew = renew

    def sign(self, request: SignRequest, caller: Principal) -> SignedRequest:
        """Sign one request.

        Raises NotFound (``upload_not_found``), Invalid (``not_signed`` for what Uppy's uploads need not), Conflict
        (``not_multipart``, ``upload_over``, ``upload_expired``, and as ``Renewals.renew``), TooLarge and
        Unavailable.
        """
        record = self._uploads.find(self._file_id(request.key), caller)
        if request.key not in (record.file_id, record.key):
            raise not_found("upload")
        if request.upload_id is None:
            if request.part_number is not None:
                raise Invalid("a part belongs to an upload", code="not_signed", field="uploadId")
            if request.method is SignMethod.PUT:
                return self._sign_whole(record, request, caller)
            if request.method is SignMethod.POST:
                return self._sign_begin(record, request)
        elif (request.part_number is not None) is (request.method is SignMethod.PUT):
            return self._sign_multipart(record, request, request.upload_id, caller)
        raise Invalid("no upload needs that request", code="not_signed", field="method")

    @staticmethod
    def _file_id(key: str) -> UUID:
        try:
            return UUID(key)
        except ValueError:
            file_id = file_id_of(key)
        if file_id is None:
            raise not_found("upload")
        return file_id

    def _sign_whole(self, record: UploadRecord, request: SignRequest, caller: Principal) -> SignedRequest:
        """Permit it anew: Uppy may come to a file long after it was announced, and its place and its room in the
        space have to be held until it has sent it."""
        if record.status not in AWAITED:
            raise over(record)
        if int(record.size) > MAX_SINGLE_PUT_BYTES:
            raise TooLarge(
                "a single PUT takes at most 5 GiB; this upload is multipart", code="too_large_for_method"
            )
        if record.kind == Method.MULTIPART:
            target = self._put(record, self._uploads.seconds_left(record, request.expires_in))
        else:
            target = self._renew(UUID(record.file_id), caller, request.expires_in)
        return SignedRequest(str(target.url), record.key, _settable(target.headers), dict(target.fields))

    def _sign_begin(self, record: UploadRecord, request: SignRequest) -> SignedRequest:
        headers = {"Content-Type": record.content_type}
        if record.content_encoding is not None:
            headers["Content-Encoding"] = record.content_encoding
        return self._sign(record, request, headers, {"uploads": ""})

    def _sign_multipart(
        self, record: UploadRecord, request: SignRequest, upload_id: str, caller: Principal
    ) -> SignedRequest:
        query = {"uploadId": upload_id}
        headers: dict[str, str] = {}
        if request.part_number is not None:
            self._uploads.seconds_left(record)
            size = size_of_part(request.part_number, int(record.size), int(record.part_size))
            record = self._uploads.adopt(record, upload_id, caller)
            query["partNumber"] = str(request.part_number)
            headers["Content-Length"] = str(size)
        if request.method is SignMethod.POST:
            headers |= {"If-None-Match": "*", "x-amz-mp-object-size": str(record.size)}
        return self._sign(record, request, headers, query)

    def _sign(
        self, record: UploadRecord, request: SignRequest, headers: dict[str, str], query: dict[str, str]
    ) -> SignedRequest:
        seconds = self._uploads.seconds_left(record, request.expires_in)
        signed = self._signer.sign(
            str(request.method), record.bucket, record.key, expires_in=seconds, headers=headers, query=query
        )
        return SignedRequest(signed.url, record.key, _settable(headers))


def _settable(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _SET_BY_BROWSERS}
