"""Routes of looking after storage elements."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from uuid import uuid4

import msgspec

from artstore.elements import ElementId
from artstore.errors import Unavailable
from artstore.http import Reply, Request, endpoint
from artstore.jobs import new_job
from artstore.security import Principal, Scope
from functions.maintenance import dependencies
from functions.maintenance.started import JobStarted


class ReconcileRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What is to be counted anew."""

    element_id: ElementId


@endpoint(
    "POST",
    "/api/v1/maintenance/reconcile",
    scope=Scope.ELEMENTS_ADMIN,
    status=202,
    summary="Count what really lies in a storage element",
)
def reconcile_storage_element(body: ReconcileRequest, caller: Principal, request: Request) -> Reply[JobStarted]:
    """Start a job that walks the element, every version, and compares it with the index.

    Its result tells what is stored and what is indexed; the difference counts as used from then on.
    """
    job = new_job(
        uuid4(),
        "reconcile",
        {"element_id": body.element_id},
        datetime.now(UTC),
        about=f"storage-element/{body.element_id}",
        created_by_id=caller.client_id,
        source_ip=request.source_ip,
        request_id=request.request_id,
    )
    dependencies.jobs().create(job)
    with contextlib.suppress(Unavailable):  # it is due, and found by the clock
        dependencies.wake()(job.job_id)
    return Reply(
        JobStarted(job_id=job.job_id, kind=job.kind, status=job.status),
        {"Location": f"jobs/{job.job_id}", "Cache-Control": "no-store"},
    )


ENDPOINTS = (reconcile_storage_element,)
