"""Routes of exports, with the scopes ``elements:admin`` and ``files:read``."""

from __future__ import annotations

from artstore.http import Reply, Request, endpoint
from artstore.http.idempotency import IDEMPOTENCY_KEY
from artstore.security import Principal, Scope
from functions.maintenance import dependencies
from functions.maintenance.exporting.models import ExportRequest
from functions.maintenance.started import JobStarted, reply


@endpoint(
    "POST",
    "/api/v1/maintenance/export",
    scope=Scope.ELEMENTS_ADMIN,
    status=202,
    summary="Export documents as a bag",
    headers=(IDEMPOTENCY_KEY,),
    error_statuses=(409,),
)
def start_export(body: ExportRequest, caller: Principal, request: Request) -> Reply[JobStarted]:
    """Start a job that copies documents into a bag (BagIt 1.0, RFC 8493) in the bucket of exports: those named,
    those that a search finds when the work starts, or all of a space, where the caller reads and administers.

    It takes files:read as well. The job's result says where the bag lies, what it holds, and what was left out and
    why: what is archived, missing, in quarantine, or not proven. docs/exit.md tells how it is fetched.
    """
    return reply(dependencies.export_starter().start(body, caller, request))


ENDPOINTS = (start_export,)
