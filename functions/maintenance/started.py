"""What whoever starts a job is answered."""

from __future__ import annotations

from uuid import UUID

import msgspec

from artstore.jobs import JobStatus


class JobStarted(msgspec.Struct, kw_only=True):
    """A job that was written down and will be done; its state is at …/maintenance/jobs/{job_id}."""

    job_id: UUID
    kind: str
    status: JobStatus
