"""Routes of the read side."""

from __future__ import annotations

import pathlib
from datetime import datetime
from uuid import UUID

import msgspec

from artstore.http import Redirect, Reply, Request, create_app, endpoint
from artstore.security import Scope
from functions.query import dependencies
from functions.query.models import Document, DocumentList, ListQuery, Live, Readiness

_OPENAPI = pathlib.Path(__file__).with_name("openapi.json")


class DownloadLink(msgspec.Struct):
    """Where the bytes are, for a client that does not follow redirects."""

    url: str
    expires_at: datetime


@endpoint("GET", "/api/v1/files", scope=Scope.FILES_READ, summary="List and search documents")
def list_documents(query: ListQuery) -> DocumentList:
    """List documents newest first; with query, those whose name, description, tags or text match it."""
    return dependencies.documents().list(query)


@endpoint(
    "GET", "/api/v1/files/{file_id}", scope=Scope.FILES_READ, summary="Show a document", error_statuses=(404,)
)
def show_document(file_id: UUID) -> Reply[Document]:
    """Show the attributes of a document; ETag is what If-Match is compared with.

    Until a document's attributes are written it is 404 here; its upload tells how far it has come.
    """
    document, etag = dependencies.documents().show(file_id)
    return Reply(document, {"ETag": etag, "Cache-Control": "private, no-cache"})


@endpoint(
    "GET",
    "/api/v1/files/{file_id}/download",
    scope=Scope.FILES_READ,
    status=307,
    summary="Download a document",
    error_statuses=(404,),
)
def download_document(file_id: UUID, request: Request) -> Redirect | Reply[DownloadLink]:
    """Redirect to a link that storage serves as an attachment, valid for minutes.

    A client that asks for application/json gets the link as JSON instead. The link needs no token, and the
    token must not be sent along to storage.
    """
    link = dependencies.documents().download(file_id)
    if request.headers.get("accept", "").startswith("application/json"):
        return Reply(DownloadLink(link.url, link.expires_at), {"Cache-Control": "no-store"}, 200)
    return Redirect(link.url)


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


@endpoint("GET", "/openapi.json", scope=None, summary="Show the OpenAPI document")
def show_openapi() -> Reply[msgspec.Raw]:
    """Show the OpenAPI 3.0 document of the whole API."""
    return Reply(msgspec.Raw(_OPENAPI.read_bytes()), {"Cache-Control": "public, max-age=300"})


ENDPOINTS = (
    list_documents,
    show_document,
    download_document,
    show_liveness,
    show_readiness,
    show_openapi,
)

app = create_app("query", ENDPOINTS)
