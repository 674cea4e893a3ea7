"""Routes of the uploads."""

from __future__ import annotations

from uuid import UUID

from artstore.http import Reply, Request, endpoint
from artstore.http.idempotency import IDEMPOTENCY_KEY, idempotency_key
from artstore.security import Principal, Scope
from functions.upload import dependencies
from functions.upload.uploads.models import UploadRequest, UploadStarted, UploadState


@endpoint(
    "POST",
    "/api/v1/files",
    scope=Scope.FILES_WRITE,
    status=201,
    summary="Start an upload",
    headers=(IDEMPOTENCY_KEY,),
    repeated_status=200,
    error_statuses=(404, 409, 413, 415),
)
def start_upload(body: UploadRequest, caller: Principal, request: Request) -> Reply[UploadStarted]:
    """Announce a document and get the one request that storage will accept for it.

    Storage itself refuses other bytes, another length or type, and a second upload to the same place. The
    document exists once its attributes are written, moments after the bytes have arrived.

    With an Idempotency-Key, the same request under the same key from the same account is answered 200 with the
    same file_id and, as long as the bytes have not arrived, a fresh URL; another request under it is 409.

    A space that the caller may not write to is 404, like one that does not exist.
    """
    started = dependencies.uploads().start(body, caller, idempotency_key(request))
    # Relative to this operation, so that the stage and any base path stay.
    headers = {"Location": f"files/{started.upload.file_id}", "Cache-Control": "no-store"}
    return Reply(started.upload, headers, 200 if started.repeated else None)


@endpoint(
    "GET",
    "/api/v1/files/{file_id}/upload",
    scope=Scope.FILES_WRITE,
    summary="Show where an upload stands",
    error_statuses=(404,),
)
def show_upload(file_id: UUID, caller: Principal) -> UploadState:
    """Show whether the upload is PENDING, STORED, REJECTED (with the reason) or EXPIRED."""
    return dependencies.uploads().state(file_id, caller)


ENDPOINTS = (start_upload, show_upload)
