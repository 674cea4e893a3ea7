"""Routes of migrating, with the scope ``elements:admin``."""

from __future__ import annotations

from artstore.http import Reply, Request, endpoint
from artstore.http.idempotency import IDEMPOTENCY_KEY
from artstore.security import Principal, Scope
from functions.maintenance import dependencies
from functions.maintenance.migrating.starting import MigrationRequest
from functions.maintenance.started import JobStarted, reply


@endpoint(
    "POST",
    "/api/v1/maintenance/migrate",
    scope=Scope.ELEMENTS_ADMIN,
    status=202,
    summary="Rewrite attr.json files of older formats",
    headers=(IDEMPOTENCY_KEY,),
    error_statuses=(409,),
)
def start_migration(body: MigrationRequest, caller: Principal, request: Request) -> Reply[JobStarted]:
    """Start a job that rewrites the attr.json files of the first ArtStore's older formats as schema 2.0.

    Nothing needs that: older formats are read as they are, for ever. The job writes where the mode of the storage
    element allows it, on condition of what it read; its result tells how many came to which end, and up to fifty
    of those that somebody should look at. docs/attributes.md tells what becomes of which field.
    """
    return reply(dependencies.migration_starter().start(body, caller, request))


ENDPOINTS = (start_migration,)
