"""Routes of an upload under way: its parts, its end, and signatures for Uppy."""

from __future__ import annotations

from uuid import UUID

from artstore.documents import Document
from artstore.http import Reply, endpoint
from artstore.security import Principal, Scope
from functions.upload import dependencies
from functions.upload.uploads.models import UploadState
from functions.upload.uploads.part_models import PartsRequest, PartTargets, SignedRequest, SignRequest

_SECRET = {"Cache-Control": "no-store"}


@endpoint(
    "POST",
    "/api/v1/files/{file_id}/upload/parts",
    scope=Scope.FILES_WRITE,
    summary="Permit parts of an upload",
    error_statuses=(404, 409),
)
def sign_parts(file_id: UUID, body: PartsRequest, caller: Principal) -> Reply[PartTargets]:
    """Get the requests that storage will accept for up to a hundred parts of a multipart upload.

    Length and SHA-256 of each part are signed. A part may be asked for again and sent again; the last one counts.
    """
    return Reply(PartTargets(dependencies.multipart_uploads().sign_parts(file_id, body, caller)), _SECRET)


@endpoint(
    "POST",
    "/api/v1/files/{file_id}/upload/complete",
    scope=Scope.FILES_WRITE,
    summary="Complete an upload",
    also={202: UploadState},
    error_statuses=(404, 409),
)
def complete_upload(file_id: UUID, caller: Principal) -> Reply[Document] | Reply[UploadState]:
    """Get the finished document of an upload whose bytes have arrived, whatever way they came.

    The parts of a multipart upload are put together first: missing ones are 409 upload_incomplete, and named. What
    is not described within the request's time is 202, with the state of the upload, and will be described all the
    same; asked again, the answer is the document. 409 upload_rejected says why what arrived was refused.
    """
    completed = dependencies.completion().complete(file_id, caller)
    if completed.document is None:
        return Reply(dependencies.renewals().state(file_id, caller), _SECRET | {"Retry-After": "1"}, 202)
    return Reply(completed.document, {"ETag": str(completed.etag), "Cache-Control": "private, no-cache"})


@endpoint(
    "DELETE",
    "/api/v1/files/{file_id}/upload",
    scope=Scope.FILES_WRITE,
    status=204,
    summary="Give an upload up",
    error_statuses=(404, 409),
)
def abort_upload(file_id: UUID, caller: Principal) -> None:
    """Give an upload up: what has arrived of it is dropped, and what arrives later becomes no document.

    An upload that is stored is 409: delete the document instead.
    """
    dependencies.multipart_uploads().abort(file_id, caller)


@endpoint(
    "POST",
    "/api/v1/uploads/sign",
    scope=Scope.FILES_WRITE,
    summary="Sign a request of Uppy's",
    error_statuses=(404, 409, 413),
)
def sign_request(body: SignRequest, caller: Principal) -> Reply[SignedRequest]:
    """Give what the option signRequest of @uppy/aws-s3 has to return.

    The document is announced first; its file_id is the key that Uppy is told to use (generateObjectKey).
    """
    return Reply(dependencies.uppy_signer().sign(body, caller), _SECRET)


ENDPOINTS = (sign_parts, complete_upload, abort_upload, sign_request)
