"""Routes of the read side."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from artstore.documents import Document, DocumentV1
from artstore.http import Redirect, Reply, Request, create_app, endpoint
from artstore.http.negotiation import Accept
from artstore.security import Principal, Scope
from functions.query import api_document, dependencies
from functions.query.history.routes import show_history
from functions.query.models import (
    DocumentList,
    ListQuery,
    Live,
    PageQuery,
    Readiness,
    RestoreRequest,
    RestoreState,
    Schema,
    ShowQuery,
    Trash,
    TrashQuery,
    VersionList,
)
from functions.query.quarantine import list_quarantine
from functions.query.usage import show_usage


class DownloadLink(msgspec.Struct):
    """Where the bytes are, for a client that does not follow redirects."""

    url: str
    expires_at: datetime


@endpoint("GET", "/api/v1/files", scope=Scope.FILES_READ, summary="List and search documents")
def list_documents(query: ListQuery, caller: Principal) -> DocumentList:
    """List documents newest first; with query, those whose name, description, attributes or text match it.

    A caller sees the documents of its spaces, and no others are counted. Documents that others have taken the
    place of are listed with versions=all only.
    """
    return dependencies.documents().list(query, caller.reach(Scope.FILES_READ))


@endpoint(
    "GET",
    "/api/v1/files/{file_id}",
    scope=Scope.FILES_READ,
    summary="Show a document",
    etag=True,
    error_statuses=(404, 409),
)
def show_document(file_id: UUID, query: ShowQuery, caller: Principal) -> Reply[Document | DocumentV1]:
    """Show the attributes of a document and whether its bytes are there; ETag changes with either.

    Until a document's attributes are written it is 404 here; its upload tells how far it has come. A document of a
    space that the caller does not read is 404 as well.

    With schema=1.0 it is shown as the first ArtStore described it, and dropped names what that leaves out. An
    empty document, and one whose checksum is not known yet, cannot be shown so: 409 not_v1_compatible.
    """
    documents, reach = dependencies.documents(), caller.reach(Scope.FILES_READ)
    document: Document | DocumentV1
    if query.schema is Schema.FIRST:
        document, etag = documents.show_v1(file_id, reach)
    else:
        document, etag = documents.show(file_id, reach)
    return Reply(document, {"ETag": etag, "Cache-Control": "private, no-cache"})


@endpoint(
    "GET",
    "/api/v1/files/{file_id}/download",
    scope=Scope.FILES_READ,
    status=307,
    summary="Download a document",
    error_statuses=(404, 409, 410),
)
def download_document(file_id: UUID, caller: Principal, request: Request) -> Redirect | Reply[DownloadLink]:
    """Redirect to a link that storage serves as an attachment, valid for minutes.

    A client whose Accept names application/json, and wants nothing that the document may be more than that, gets
    the link as JSON instead. The link needs no token, and the token must not be sent along to storage.
    A document whose status is MISSING has no bytes: 410. Nobody is given those of one that is QUARANTINED: 409.
    Those of an ar element may have to be restored first: 409 archived.
    """
    download = dependencies.documents().download(file_id, caller.reach(Scope.FILES_READ))
    link = download.link
    if Accept(request.headers.get("accept")).prefers("application/json", download.content_type):
        return Reply(DownloadLink(link.url, link.expires_at), {"Cache-Control": "no-store"}, 200)
    return Redirect(link.url)


@endpoint(
    "POST",
    "/api/v1/files/{file_id}/restore",
    scope=Scope.FILES_READ,
    status=202,
    summary="Have archived bytes brought back",
    repeated_status=200,
    error_statuses=(404, 409, 410),
)
def restore_document(file_id: UUID, body: RestoreRequest, caller: Principal) -> Reply[RestoreState]:
    """Have the bytes of a document in an ar element brought back, which takes hours, for days days.

    202 while they are on their way; 200 when they can be downloaded, as those of every other document. Meanwhile
    a download is refused with 409 archived, and the document is shown with restore. Bytes that are there already
    stay for that many days from now, if that is longer. Storage may have no such tier for them: 409
    tier_not_available; or no room in it: 503 tier_busy.
    """
    reach = caller.reach(Scope.FILES_READ)
    readable, restore = dependencies.documents().restore(file_id, body.days, body.tier, reach)
    state = RestoreState("readable" if readable else "restoring", None if restore is None else restore.until)
    return Reply(state, {"Cache-Control": "no-store"}, 200 if readable else 202)


@endpoint(
    "GET",
    "/api/v1/files/{file_id}/versions",
    scope=Scope.FILES_READ,
    summary="List the versions of a document",
    error_statuses=(404,),
)
def list_versions(file_id: UUID, query: PageQuery, caller: Principal) -> VersionList:
    """List the chain that a document is in, newest first: what it took the place of, and what took its place.

    Whichever of them is asked for, the list is the same; those in the trash are not in it.
    """
    return dependencies.documents().versions(file_id, query, caller.reach(Scope.FILES_READ))


@endpoint("GET", "/api/v1/trash", scope=Scope.FILES_DELETE, summary="List what is in the trash")
def list_trash(query: TrashQuery, caller: Principal) -> Trash:
    """List deleted documents, the last deleted first: who may delete them sees them, and can bring them back."""
    return dependencies.documents().trash(query, caller.reach(Scope.FILES_DELETE))


@endpoint("GET", "/health/live", scope=None, summary="Tell that the process answers")
def show_liveness() -> Live:
    """Answer without asking anything else."""
    return Live("alive")


@endpoint(
    "GET",
    "/health/ready",
    scope=None,
    summary="Tell whether every dependency answers",
    error_statuses=(503,),
)
def show_readiness() -> Reply[Readiness]:
    """Ask DynamoDB, S3 and PostgreSQL, each by name; 503 when one of them does not answer within two seconds.

    What was found is the answer for five seconds.
    """
    readiness = dependencies.readiness().ask()
    status = 200 if readiness.status == "ready" else 503
    return Reply(readiness, {"Cache-Control": "no-store"}, status)


@endpoint("GET", "/openapi.json", scope=None, summary="Show the OpenAPI document", etag=True)
def show_openapi() -> Reply[msgspec.Raw]:
    """Show the OpenAPI 3.0 document of the whole API, with the address at which it answers."""
    return Reply(api_document.at(dependencies.public_url()), {"Cache-Control": "public, max-age=300"})


ENDPOINTS = (
    list_documents,
    show_document,
    download_document,
    list_versions,
    show_history,
    list_trash,
    show_usage,
    list_quarantine,
    restore_document,
    show_liveness,
    show_readiness,
    show_openapi,
)

# The gateway sends here what no other function serves: unknown paths, other methods, browsers' preflights.
app = create_app("query", ENDPOINTS, elsewhere=api_document.methods)
