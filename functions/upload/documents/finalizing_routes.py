"""Routes of finalizations."""

from __future__ import annotations

from uuid import UUID

from artstore.http import Reply, Request, endpoint
from artstore.http.idempotency import IDEMPOTENCY_KEY, idempotency_key
from artstore.security import Principal, Scope
from functions.upload import dependencies
from functions.upload.documents.finalizing_models import (
    FinalizationList,
    FinalizationQuery,
    FinalizationShown,
    FinalizeManyOutcome,
    FinalizeManyRequest,
    FinalizeRequest,
)

_FINALIZATIONS = "/api/v1/finalizations"
_NO_STORE = {"Cache-Control": "no-store"}


@endpoint(
    "POST",
    "/api/v1/files/{file_id}/finalize",
    scope=Scope.FILES_WRITE,
    status=202,
    summary="Finalize a document",
    headers=(IDEMPOTENCY_KEY,),
    repeated_status=200,
    error_statuses=(404, 409, 413),
)
def finalize_document(
    file_id: UUID, body: FinalizeRequest, caller: Principal, request: Request
) -> Reply[FinalizationShown]:
    """Have a document moved from its edit element into one that keeps documents. It is permanent from then on.

    It is found, shown and downloaded all the while, under the same file_id. Asked again, this is answered 200 with
    the finalization that is under way, or was completed; one that broke is gone on with, and one that was undone
    begins anew. Under the Idempotency-Key of a finalization that did not succeed that one is told, and nothing is
    done: use another, or none. A document that was never in an edit element is 409 not_in_edit, one that another
    tool put there and that is yet to be read through 409 checksum_pending.
    """
    started = dependencies.finalizing().start(file_id, body, caller, request, idempotency_key(request))
    # Relative to this operation, so that the stage and any base path stay.
    location = {"Location": f"../../finalizations/{started.shown.transaction_id}"}
    return Reply(started.shown, _NO_STORE | location, None if started.begun else 200)


@endpoint(
    "POST",
    _FINALIZATIONS,
    scope=Scope.FILES_WRITE,
    status=202,
    summary="Finalize many documents",
    error_statuses=(413,),
)
def finalize_documents(
    body: FinalizeManyRequest, caller: Principal, request: Request
) -> Reply[FinalizeManyOutcome]:
    """Have up to 1,000 documents finalized; each has an outcome of its own, and what cannot be is told with why.

    The same request again begins nothing twice.
    """
    return Reply(dependencies.finalizing().start_all(body, caller, request), _NO_STORE)


@endpoint("GET", _FINALIZATIONS, scope=Scope.FILES_WRITE, summary="List finalizations")
def list_finalizations(query: FinalizationQuery, caller: Principal) -> Reply[FinalizationList]:
    """List finalizations newest first, of one state when asked. They are kept for 90 days after their end."""
    return Reply(dependencies.finalizing().list(query, caller), _NO_STORE)


@endpoint(
    "GET",
    f"{_FINALIZATIONS}/{{transaction_id}}",
    scope=Scope.FILES_WRITE,
    summary="Show a finalization",
    error_statuses=(404,),
)
def show_finalization(transaction_id: UUID, caller: Principal) -> Reply[FinalizationShown]:
    """Show how far a finalization is, and how it ended."""
    return Reply(dependencies.finalizing().show(transaction_id, caller), _NO_STORE)


ENDPOINTS = (finalize_document, finalize_documents, list_finalizations, show_finalization)
