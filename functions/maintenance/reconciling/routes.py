"""Routes of reconciling, with the scope ``elements:admin``."""

from __future__ import annotations

from artstore.http import Reply, Request, endpoint
from artstore.security import Principal, Scope
from functions.maintenance import dependencies
from functions.maintenance.reconciling.starting import ReconcileRequest
from functions.maintenance.started import JobStarted


@endpoint(
    "POST",
    "/api/v1/maintenance/reconcile",
    scope=Scope.ELEMENTS_ADMIN,
    status=202,
    summary="Compare buckets, index and upload records",
)
def start_reconciliation(body: ReconcileRequest, caller: Principal, request: Request) -> Reply[JobStarted]:
    """Start a job that walks storage elements, every version, and compares them with the index and the uploads.

    Its result tells what differs, by kind, with counts and up to fifty places of each, and what is stored and
    what is indexed; the difference of these counts as used from then on. With repair, ingest looks at each place
    that differs. docs/maintenance.md tells the kinds.
    """
    job = dependencies.reconciliation_starter().start(body, caller, request)
    headers = {"Location": f"jobs/{job.job_id}", "Cache-Control": "no-store"}
    return Reply(JobStarted(job_id=job.job_id, kind=job.kind, status=job.status), headers)


ENDPOINTS = (start_reconciliation,)
