"""Routes of rebuilding the index, with the scope ``elements:admin``."""

from __future__ import annotations

from artstore.http import Reply, Request, endpoint
from artstore.http.idempotency import IDEMPOTENCY_KEY
from artstore.security import Principal, Scope
from functions.maintenance import dependencies
from functions.maintenance.started import JobStarted, reply


@endpoint(
    "POST",
    "/api/v1/maintenance/reindex",
    scope=Scope.ELEMENTS_ADMIN,
    status=202,
    summary="Rebuild the index",
    headers=(IDEMPOTENCY_KEY,),
    error_statuses=(409,),
)
def start_reindex(caller: Principal, request: Request) -> Reply[JobStarted]:
    """Start a job that builds the index anew from the attr.json files alone, beside the one in use.

    Reading and writing go on meanwhile; the new index is swapped in when it holds everything, what was written
    meanwhile too. While one is under way another is 409 job_running.
    """
    return reply(dependencies.reindex_starter().start(caller, request))


ENDPOINTS = (start_reindex,)
