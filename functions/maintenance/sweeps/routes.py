"""Routes of sweeps, all with the scope ``elements:admin``."""

from __future__ import annotations

from artstore.http import Reply, Request, endpoint
from artstore.http.idempotency import IDEMPOTENCY_KEY
from artstore.security import Principal, Scope
from functions.maintenance import dependencies
from functions.maintenance.started import JobStarted, reply
from functions.maintenance.sweeps.starting import SweepRequest


@endpoint(
    "POST",
    "/api/v1/maintenance/sweep",
    scope=Scope.ELEMENTS_ADMIN,
    status=202,
    summary="Start a sweep",
    headers=(IDEMPOTENCY_KEY,),
    error_statuses=(409,),
)
def start_sweep(body: SweepRequest, caller: Principal, request: Request) -> Reply[JobStarted]:
    """Start a sweep now, whatever the clock says; with dry_run it tells what it would do and does nothing.

    The job's result is the report: how many candidates came to which end, and up to a thousand of them by name,
    each with its reason. docs/maintenance.md tells what each sweep looks for.
    """
    return reply(dependencies.sweep_starter().start(body, caller, request))


ENDPOINTS = (start_sweep,)
