"""Routes of scanning, with the scope ``elements:admin``."""

from __future__ import annotations

from artstore.http import Reply, Request, endpoint
from artstore.http.idempotency import IDEMPOTENCY_KEY
from artstore.security import Principal, Scope
from functions.maintenance import dependencies
from functions.maintenance.scanning.starting import ScanRequest
from functions.maintenance.started import JobStarted, reply


@endpoint(
    "POST",
    "/api/v1/maintenance/scan",
    scope=Scope.ELEMENTS_ADMIN,
    status=202,
    summary="Scan documents that are there",
    headers=(IDEMPOTENCY_KEY,),
    error_statuses=(409,),
)
def start_scan(body: ScanRequest, caller: Principal, request: Request) -> Reply[JobStarted]:
    """Start a job that has the virus scanner look at documents that it has not seen, or failed at; with which=all
    at every one, since there are new signatures.

    Its result counts what came of them. Where the archive has no scanner the job fails as scanning_off.
    docs/scanning.md tells what is passed over.
    """
    return reply(dependencies.scan_starter().start(body, caller, request))


ENDPOINTS = (start_scan,)
