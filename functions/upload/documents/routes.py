"""Routes of changes to documents that are there."""

from __future__ import annotations

from uuid import UUID

from artstore.changes.bulk import BulkRequest
from artstore.changes.patching import DocumentPatch
from artstore.documents import Document, etag_of, show
from artstore.http import Reply, Request, endpoint
from artstore.http.acting import actor_of
from artstore.http.idempotency import IDEMPOTENCY_KEY, idempotency_key
from artstore.http.preconditions import IF_MATCH, OPTIONAL_IF_MATCH, optional_if_match, require_if_match
from artstore.index import IndexedDocument
from artstore.security import Principal, Scope
from functions.upload.documents import dependencies
from functions.upload.documents.models import BulkQuery, BulkShown, BulkStarted, LegalHold, Release


@endpoint(
    "PATCH",
    "/api/v1/files/{file_id}",
    scope=Scope.FILES_WRITE,
    summary="Change what is said of a document",
    headers=(IF_MATCH,),
    etag=True,
    error_statuses=(404, 409, 412, 413, 428),
)
def change_document(file_id: UUID, body: DocumentPatch, caller: Principal, request: Request) -> Reply[Document]:
    """Change a document by a merge patch (RFC 7396): what is left out stays, null takes away.

    If-Match names the document's ETag, or the one that storage gave for its bytes, which says only that the bytes
    are those. Where documents are kept, retention is made longer and never shorter, and takes elements:admin to
    take a retention schedule away. The answer is the document as it is then; the next search finds it so.
    """
    if_match = require_if_match(request)
    overseen = caller.reach(Scope.ELEMENTS_ADMIN)
    changed = dependencies.patching().patch(
        file_id, caller.reach(Scope.FILES_WRITE), body, if_match.check_any, overseen
    )
    return _shown(changed)


@endpoint(
    "DELETE",
    "/api/v1/files/{file_id}",
    scope=Scope.FILES_DELETE,
    status=204,
    summary="Put a document into the trash",
    headers=(OPTIONAL_IF_MATCH,),
    error_statuses=(404, 409, 412),
)
def delete_document(file_id: UUID, caller: Principal, request: Request) -> None:
    """Put a document into the trash: no search finds it from now on, and nobody downloads it.

    For a time it can be taken out again. One that is in the trash already stays there: that is 204 as well. Where
    documents are kept, or under a legal hold, it is 409.
    """
    dependencies.deleting().delete(
        file_id,
        caller.reach(Scope.FILES_DELETE),
        actor_of(caller, request),
        optional_if_match(request).check_any,
    )


@endpoint(
    "POST",
    "/api/v1/files/{file_id}/undelete",
    scope=Scope.FILES_DELETE,
    summary="Take a document out of the trash",
    etag=True,
    error_statuses=(404, 409, 410),
)
def undelete_document(file_id: UUID, caller: Principal, request: Request) -> Reply[Document]:
    """Take a document out of the trash, as it was; one that is not there stays as it is.

    Where another document has taken the place that this one had, it says no more that it supersedes anything.
    After its time in the trash it is 410.
    """
    undeleted = dependencies.deleting().undelete(
        file_id, caller.reach(Scope.FILES_DELETE), actor_of(caller, request)
    )
    return _shown(undeleted)


@endpoint(
    "PUT",
    "/api/v1/files/{file_id}/legal-hold",
    scope=Scope.ELEMENTS_ADMIN,
    summary="Place a legal hold, or end it",
    etag=True,
    error_statuses=(404, 409),
)
def set_legal_hold(file_id: UUID, body: LegalHold, caller: Principal, request: Request) -> Reply[Document]:
    """Hold a document, whatever else is said of it, or end that. Either is written to the audit log with its
    reason.

    A document that is held is not deleted, by nobody and by no sweep; one in the trash can be held there.
    """
    held = dependencies.holding().set(
        file_id,
        caller.reach(Scope.ELEMENTS_ADMIN),
        hold=body.hold,
        reason=body.reason,
        actor=actor_of(caller, request),
    )
    return _shown(held)


@endpoint(
    "POST",
    "/api/v1/files/{file_id}/release",
    scope=Scope.ELEMENTS_ADMIN,
    summary="Release a document from quarantine",
    etag=True,
    error_statuses=(404, 409),
)
def release_document(file_id: UUID, body: Release, caller: Principal, request: Request) -> Reply[Document]:
    """Answer for a document in which a scanner has found something, or that was not scanned where it must be: from
    now on it is found and downloaded as any other, until its bytes are others.

    Who released it is in its attributes, and in the audit log with the reason. One that was released before stays
    as it is; what is in quarantine since its bytes are not those that were declared is 409.
    """
    freed = dependencies.releasing().release(
        file_id, caller.reach(Scope.ELEMENTS_ADMIN), reason=body.reason, actor=actor_of(caller, request)
    )
    return _shown(freed)


@endpoint(
    "POST",
    "/api/v1/files/bulk",
    scope=Scope.FILES_WRITE,
    status=202,
    summary="Change many documents",
    headers=(IDEMPOTENCY_KEY,),
    repeated_status=200,
    error_statuses=(409, 413),
)
def start_bulk(body: BulkRequest, caller: Principal, request: Request) -> Reply[BulkStarted]:
    """Have many documents changed, one by one, each as a single request would: by ids, or by a search, whose
    documents are those it finds when the work starts.

    To delete and to undelete takes files:delete as well, holds elements:admin. With dry_run the documents are only
    counted. Each has a result of its own, see the job.
    """
    started, repeated = dependencies.bulk().start(body, caller, request, idempotency_key(request))
    headers = {"Location": f"bulk/{started.job_id}", "Cache-Control": "no-store"}
    return Reply(started, headers, 200 if repeated else None)


@endpoint(
    "GET",
    "/api/v1/files/bulk/{job_id}",
    scope=Scope.FILES_WRITE,
    summary="Show what came of changing many documents",
    error_statuses=(404,),
)
def show_bulk(job_id: UUID, query: BulkQuery, caller: Principal) -> Reply[BulkShown]:
    """Show how far one of the account's own jobs has come, and a page of the results."""
    shown = dependencies.bulk().show(job_id, caller, query.cursor)
    return Reply(shown, {"Cache-Control": "no-store"})


def _shown(document: IndexedDocument) -> Reply[Document]:
    missing, current = document.missing, document.current
    etag = etag_of(document.attributes_etag, missing=missing, current=current)
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    return Reply(show(document.attributes, missing=missing, current=current), headers)


ENDPOINTS = (
    change_document,
    delete_document,
    undelete_document,
    set_legal_hold,
    release_document,
    start_bulk,
    show_bulk,
)
