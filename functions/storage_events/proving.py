"""What is proven of a checksum when a document is described, and who proves the rest.

Storage computes the SHA-256 of what comes in one request and refuses other bytes, so most documents are proven
the moment they arrive. Of an object that came in parts it knows a checksum of the parts' checksums, at best. A
small one is read through at once. A large one is described with ``checksum_verified: false`` and a job is asked
for that reads it in the background (kind ``hash``, functions.maintenance.hashing); until then its size is known
to be right and, where its parts came with checksums, that it was made of exactly these parts. Where nobody
declared a checksum, since another tool put the object there, the document has none until the job has found it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID, uuid5

from artstore.attributes import Attributes
from artstore.errors import Unavailable
from artstore.index import ObjectVersion
from artstore.index.claims import Place
from artstore.jobs import Job, new_job
from artstore.objects import StoredObject
from artstore.tables import UploadRecord

KIND = "hash"
_JOBS = UUID("0e4b6c5e-7d8b-5d0c-9a53-3f6a1d2c9b47")
"""The namespace (RFC 9562 §5.5) of jobs that are named after the bytes they read."""


class Jobs(Protocol):
    """Where jobs are kept; see artstore.jobs."""

    def create(self, job: Job) -> bool: ...


class Prover(Protocol):
    """Sees to it that the checksum of an object is proven."""

    def ask(self, described: Attributes, place: Place, held: ObjectVersion) -> None:
        """Have the object read that ``described`` speaks of, once. Raises Unavailable."""
        ...


class Proving:
    """Asks for jobs."""

    def __init__(
        self, jobs: Jobs, wake: Callable[[UUID], None], clock: Callable[[], datetime] | None = None
    ) -> None:
        """Take where jobs are kept, and what wakes whoever does them."""
        self._jobs = jobs
        self._wake = wake
        self._clock = clock or (lambda: datetime.now(UTC))

    def ask(self, described: Attributes, place: Place, held: ObjectVersion) -> None:
        """See Prover: however often it is asked, there is one job for the same bytes, put there once: what is put
        back later is described anew, and waits for a job of its own."""
        put = held.version_id or f"{held.etag} {held.modified.isoformat()}"
        job_id = uuid5(_JOBS, "\0".join((str(described.file_id), *place, put)))
        job = new_job(
            job_id,
            KIND,
            {
                "file_id": str(described.file_id),
                "bucket": place.bucket,
                "key": place.key,
                "etag": held.etag,
                "version_id": held.version_id,
            },
            self._clock(),
            about=f"file/{described.file_id}",
            space=described.space,
        )
        if self._jobs.create(job):
            with contextlib.suppress(Unavailable):  # it is due, and found by the clock
                self._wake(job_id)


def is_unproven(described: Attributes) -> bool:
    """Tell whether the bytes are yet to be read."""
    return described.checksum_verified is False and described.quarantine is None


def has_other_parts(record: UploadRecord, stored: StoredObject) -> bool:
    """Tell whether storage shows the object to be made of other parts than were put together for the upload."""
    return record.composite_sha256 is not None and stored.composite_sha256 not in (None, record.composite_sha256)
