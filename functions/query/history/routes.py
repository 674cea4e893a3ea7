"""The route of histories."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

from artstore.http import Rendered, Reply, endpoint
from artstore.security import Principal, Scope
from functions.query import dependencies
from functions.query.history import premis
from functions.query.history.models import Format, History, HistoryQuery


@endpoint(
    "GET",
    "/api/v1/files/{file_id}/history",
    scope=Scope.FILES_READ,
    summary="Show what has happened to a document",
    produces=(premis.MEDIA_TYPE,),
    error_statuses=(404,),
)
def show_history(file_id: UUID, query: HistoryQuery, caller: Principal) -> Reply[History] | Reply[Rendered]:
    """Show the events of a document's life, newest first, by the event types of PREMIS: from its attributes and
    the audit log. An event just written may take a minute to appear.

    With format=premis the page is XML of PREMIS 3, and the next one is named by the header Link. The history of a
    document that is gone is shown to who administers its space, as far as the audit log knows of it.
    """
    history, subject = dependencies.histories().read(file_id, query, caller)
    headers = {"Cache-Control": "no-store"}
    if query.format is Format.JSON:
        return Reply(history, headers)
    if history.next_cursor is not None:
        following = {"format": "premis", "limit": query.limit, "cursor": history.next_cursor}
        headers["Link"] = f'<history?{urlencode(following)}>; rel="next"'
    return Reply(Rendered(premis.MEDIA_TYPE, premis.write(history, subject)), headers)


ENDPOINTS = (show_history,)
