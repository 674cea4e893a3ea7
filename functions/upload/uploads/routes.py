"""Routes of the uploads."""

from __future__ import annotations

from uuid import UUID

from artstore.errors import ArtStoreError
from artstore.http import Reply, Request, endpoint
from artstore.http.decoding import decode_body
from artstore.http.idempotency import IDEMPOTENCY_KEY, idempotency_key
from artstore.http.problems import problem_of, status_of
from artstore.security import Principal, Scope
from functions.upload import dependencies
from functions.upload.uploads.attempts import Started
from functions.upload.uploads.batching import start_batch
from functions.upload.uploads.models import (
    BatchItem,
    BatchRequest,
    BatchStarted,
    RawBatch,
    StateQuery,
    UploadList,
    UploadRequest,
    UploadsQuery,
    UploadStarted,
    UploadState,
    UrlRequest,
)
from functions.upload.uploads.placing import PENDING

_NOT_STORED = {"Cache-Control": "no-store"}


@endpoint(
    "POST",
    "/api/v1/files",
    scope=Scope.FILES_WRITE,
    status=201,
    summary="Start an upload",
    headers=(IDEMPOTENCY_KEY,),
    repeated_status=200,
    error_statuses=(404, 409, 413, 507),
)
def start_upload(body: UploadRequest, caller: Principal, request: Request) -> Reply[UploadStarted]:
    """Announce a document and get the one request that storage will accept for it.

    Storage itself refuses other bytes, another length or type, and a second upload to the same place; a form,
    which cannot say the last, has a place that is new. The document exists once its attributes are written,
    moments after the bytes have arrived.

    With an Idempotency-Key, the same request under the same key from the same account is answered 200 with the
    same file_id and, as long as the bytes have not arrived, a fresh URL; another request under it is 409. So is
    content that is stored already (on_duplicate is reject), and a document whose place is taken or about to be.

    A space that the caller may not write to is 404, like one that does not exist.
    """
    started = dependencies.uploads().start(body, caller, idempotency_key(request))
    # Relative to this operation, so that the stage and any base path stay.
    headers = {"Location": f"files/{started.upload.file_id}", **_NOT_STORED}
    return Reply(started.upload, headers, 200 if started.repeated else None)


@endpoint(
    "POST",
    "/api/v1/files/batch",
    scope=Scope.FILES_WRITE,
    summary="Start up to 100 uploads",
    headers=(IDEMPOTENCY_KEY,),
    consumes=("application/json",),
    body_model=BatchRequest,
    error_statuses=(413,),
)
def start_uploads(caller: Principal, request: Request) -> Reply[BatchStarted]:
    """Announce many documents at once. Each has an outcome of its own, in the order of the request.

    The whole is answered 200 though every item may have failed: look at each. A batch that is repeated under its
    Idempotency-Key gives the same file_ids and fresh URLs; an item is known by its place in the batch, or by an
    idempotency_key of its own, which is the same as the header of a request for it alone.
    """
    body = decode_body(request, RawBatch)
    outcomes = start_batch(dependencies.uploads(), body.items, caller, idempotency_key(request))
    return Reply(BatchStarted([_item(each, request) for each in outcomes]), _NOT_STORED)


@endpoint(
    "GET",
    "/api/v1/files/{file_id}/upload",
    scope=Scope.FILES_WRITE,
    summary="Show where an upload stands",
    error_statuses=(404,),
)
def show_upload(file_id: UUID, query: StateQuery, caller: Principal) -> UploadState:
    """Show whether the upload is PENDING, STORED, REJECTED (with the reason), ABORTED or EXPIRED.

    Of a multipart upload that is PENDING it shows the parts that storage has, so that a client that was
    interrupted sends only the others.
    """
    state = dependencies.renewals().state(file_id, caller)
    return dependencies.multipart_uploads().with_parts(state, caller, query.after_part)


@endpoint(
    "POST",
    "/api/v1/files/{file_id}/upload/url",
    scope=Scope.FILES_WRITE,
    summary="Permit an upload anew",
    error_statuses=(404, 409),
)
def renew_upload(file_id: UUID, body: UrlRequest, caller: Principal) -> Reply[UploadStarted]:
    """Get a fresh URL or form for an upload whose bytes have not arrived, also after the last one has ended.

    What it permits is what was announced: nothing of that changes. An upload that is over is 409.
    """
    target = dependencies.renewals().renew(file_id, caller, body.expires_in)
    started = UploadStarted(file_id=file_id, status=PENDING, upload=target, duplicates_checked=False)
    return Reply(started, _NOT_STORED)


@endpoint("GET", "/api/v1/uploads", scope=Scope.FILES_WRITE, summary="List one's own uploads")
def list_uploads(query: UploadsQuery, caller: Principal) -> Reply[UploadList]:
    """List the uploads that the calling account has started, newest first.

    One that was started a moment ago may be missing still. Those without an Idempotency-Key are forgotten 30 days
    after their last URL has ended, whatever became of them; the documents stay.
    """
    return Reply(dependencies.own_uploads().page(query, caller), _NOT_STORED)


ENDPOINTS = (start_upload, start_uploads, show_upload, renew_upload, list_uploads)


def _item(outcome: Started | ArtStoreError, request: Request) -> BatchItem:
    if isinstance(outcome, ArtStoreError):
        return BatchItem(status=status_of(outcome), problem=problem_of(outcome, request))
    return BatchItem(status=200 if outcome.repeated else 201, started=outcome.upload)
