"""Which documents of a storage element still wait for the proof of their checksum.

The proof is written into the attr.json, so it has to come while that can be written. Who proves it is a job of the
kind ``hash``, one for each object; whoever looks for them walks the jobs of that kind, which stand in one
partition of the index by-kind however their status changes meanwhile, and reads those that are not over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol
from uuid import UUID

import msgspec

from artstore.jobs import Job, JobPage, JobStatus

_KIND = "hash"
_PAGE = 1000
_AWAITED = (JobStatus.WAITING, JobStatus.RUNNING, JobStatus.DEAD)
"""What FAILED says of a proof is for good: trying again gives the same."""


class Jobs(Protocol):
    """Where jobs are kept; see artstore.jobs."""

    def find(self, job_id: UUID) -> Job | None: ...
    def list(self, kind: str | None, status: str | None, limit: int, after: str | None) -> JobPage: ...


class Unproven(msgspec.Struct, frozen=True):
    """Documents, as ``file/<id>``: those whose proof is under way, and those whose job is DEAD."""

    awaited: list[str]
    dead: list[str]

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return bool(self.awaited or self.dead)


class Proofs:
    """The proofs that are yet to come in one deployment."""

    def __init__(self, jobs: Jobs) -> None:
        """Take where jobs are kept."""
        self._jobs = jobs

    def awaited(self, lies_within: Callable[[str, str], bool]) -> Unproven:
        """Give the documents without a proof among those whose bucket and key ``lies_within`` takes.

        Raises Unavailable.
        """
        unproven = Unproven([], [])
        after: str | None = None
        while True:
            page = self._jobs.list(_KIND, None, _PAGE, after)
            for summary in page.items:
                if summary.status not in _AWAITED:
                    continue
                job = self._jobs.find(summary.job_id)
                if job is None or job.status not in _AWAITED:
                    continue
                if lies_within(job.request["bucket"], job.request["key"]):
                    about = job.object or f"file/{job.request['file_id']}"
                    (unproven.dead if job.status is JobStatus.DEAD else unproven.awaited).append(about)
            if page.next is None:
                return unproven
            after = page.next
