"""Routes of dead letters, all with the scope ``elements:admin``."""

from __future__ import annotations

from artstore.http import Reply, Request, endpoint
from artstore.http.idempotency import IDEMPOTENCY_KEY
from artstore.security import Principal, Scope
from functions.maintenance import dependencies
from functions.maintenance.redriving.desk import DeadLetterList, DeadLettersQuery
from functions.maintenance.redriving.runner import RedriveRequest
from functions.maintenance.started import JobStarted, reply


@endpoint(
    "GET", "/api/v1/maintenance/dead-letters", scope=Scope.ELEMENTS_ADMIN, summary="List events that were given up"
)
def list_dead_letters(query: DeadLettersQuery, caller: Principal) -> Reply[DeadLetterList]:  # noqa: ARG001  # the scope is all
    """Show some of the events that were given up, each with its reason; they stay where they are, for 14 days.

    While they are being read, for a moment, they cannot be sent back.
    """
    return Reply(dependencies.dead_letter_desk().list(query), {"Cache-Control": "no-store"})


@endpoint(
    "POST",
    "/api/v1/maintenance/redrive",
    scope=Scope.ELEMENTS_ADMIN,
    status=202,
    summary="Send events back that were given up",
    headers=(IDEMPOTENCY_KEY,),
    error_statuses=(409, 415),
)
def redrive_dead_letters(body: RedriveRequest, caller: Principal, request: Request) -> Reply[JobStarted]:
    """Have what was given up tried again, as if it had not been tried yet; the job's result says how many.

    Mend the cause first: what fails again comes back. An event may be handled any number of times.
    """
    return reply(dependencies.dead_letter_desk().redrive(body, caller, request))


ENDPOINTS = (list_dead_letters, redrive_dead_letters)
