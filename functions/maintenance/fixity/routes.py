"""Routes of fixity, with the scope ``elements:admin``."""

from __future__ import annotations

from artstore.http import Reply, Request, endpoint
from artstore.http.idempotency import IDEMPOTENCY_KEY
from artstore.security import Principal, Scope
from functions.maintenance import dependencies
from functions.maintenance.fixity.starting import FixityRequest
from functions.maintenance.started import JobStarted, reply


@endpoint(
    "POST",
    "/api/v1/maintenance/fixity",
    scope=Scope.ELEMENTS_ADMIN,
    status=202,
    summary="Check whether documents still are what they were",
    headers=(IDEMPOTENCY_KEY,),
    error_statuses=(409,),
)
def start_fixity(body: FixityRequest, caller: Principal, request: Request) -> Reply[JobStarted]:
    """Start a job that reads documents, the longest unchecked first, and compares them with their checksums.

    Its result tells how many were checked and what came of it, and those that failed. A failure is written to the
    audit log as fixity.failed, and shown in the document's fixity; nothing is ever repaired.
    """
    return reply(dependencies.fixity_starter().start(body, caller, request))


ENDPOINTS = (start_fixity,)
