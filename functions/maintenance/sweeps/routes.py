"""Routes of sweeps, all with the scope ``elements:admin``."""

from __future__ import annotations

from artstore.http import Reply, Request, endpoint
from artstore.security import Principal, Scope
from functions.maintenance import dependencies
from functions.maintenance.started import JobStarted
from functions.maintenance.sweeps.starting import SweepRequest


@endpoint(
    "POST",
    "/api/v1/maintenance/sweep",
    scope=Scope.ELEMENTS_ADMIN,
    status=202,
    summary="Start a sweep",
)
def start_sweep(body: SweepRequest, caller: Principal, request: Request) -> Reply[JobStarted]:
    """Start a sweep now, whatever the clock says; with dry_run it tells what it would do and does nothing.

    The job's result is the report: how many candidates came to which end, and up to a thousand of them by name,
    each with its reason. docs/maintenance.md tells what each sweep looks for.
    """
    job = dependencies.sweep_starter().start(body, caller, request)
    headers = {"Location": f"jobs/{job.job_id}", "Cache-Control": "no-store"}
    return Reply(JobStarted(job_id=job.job_id, kind=job.kind, status=job.status), headers)


ENDPOINTS = (start_sweep,)
