"""Routes of reconciling, with the scope ``elements:admin``."""

from __future__ import annotations

from artstore.http import Reply, Request, endpoint
from artstore.http.idempotency import IDEMPOTENCY_KEY
from artstore.security import Principal, Scope
from functions.maintenance import dependencies
from functions.maintenance.reconciling.starting import ReconcileRequest
from functions.maintenance.started import JobStarted, reply


@endpoint(
    "POST",
    "/api/v1/maintenance/reconcile",
    scope=Scope.ELEMENTS_ADMIN,
    status=202,
    summary="Compare buckets, index and upload records",
    headers=(IDEMPOTENCY_KEY,),
    error_statuses=(409,),
)
def start_reconciliation(body: ReconcileRequest, caller: Principal, request: Request) -> Reply[JobStarted]:
    """Start a job that walks storage elements, every version, and compares them with the index and the uploads.

    Its result tells what differs, by kind, with counts and up to fifty places of each, and what is stored and
    what is indexed; the difference of these counts as used from then on. With repair, ingest looks at each place
    that differs. docs/maintenance.md tells the kinds.
    """
    return reply(dependencies.reconciliation_starter().start(body, caller, request))


ENDPOINTS = (start_reconciliation,)
