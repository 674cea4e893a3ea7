"""Removing sources: what a document has left behind in its edit element, a day after it was finalized.

Until then links that were given out before go on working. The source is removed only if the document lies at the
target as it was committed, and the source is what was copied: the object first, then its attr.json, each on
condition of its ETag. In between the source has no bytes and yields to the target, as it did before.

And what nobody goes on with is undone: finalizations whose job has broken three times, or is gone.
"""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from artstore.changes.finalizing import KIND
from artstore.elements import Right
from artstore.errors import NotFound, PreconditionFailed
from artstore.finalizations import Finalization, Phase, Waiting
from artstore.index.claims import Place
from artstore.jobs import Job, Jobs, JobStatus, new_job
from artstore.naming import attributes_key
from functions.maintenance.finalizing.finalization import Finalizer
from functions.maintenance.finalizing.handover import Handover
from functions.maintenance.finalizing.ports import (
    Asked,
    Copies,
    Elements,
    Finalizations,
    Objects,
    Progress,
    Refused,
)
from functions.maintenance.steps import Done, Fail


class Verdict(enum.StrEnum):
    """What becomes of a source, or of a finalization that stands still."""

    REMOVED = "removed"
    ALREADY_GONE = "already_gone"
    UNDONE = "undone"
    COMPLETED = "completed"
    """It had only not been noted."""
    HELD = "held"
    """A legal hold is on the document."""
    TARGET_CHANGED = "target_changed"
    """The document does not lie at the target as it was committed."""
    SOURCE_CHANGED = "source_changed"
    """What lies at the source is not what was copied."""
    NOT_ALLOWED = "not_allowed"
    """The source's element allows no deletion any more."""
    UNSEALED = "unsealed"
    """It was sealed for a finalization of which nothing is known any more."""
    UNDER_WAY = "under_way"
    OVERTAKEN = "overtaken"
    """Another finalization of the document has begun, or this one ended, meanwhile."""


class Sources:
    """The sources of one deployment."""

    def __init__(
        self,
        *,
        elements: Elements,
        objects: Objects,
        copies: Copies,
        finalizations: Finalizations,
        jobs: Jobs,
        finalizer: Finalizer,
        margin: timedelta,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the ports. A source stays for ``margin`` after its document was finalized."""
        self._elements = elements
        self._objects = objects
        self._copies = copies
        self._finalizations = finalizations
        self._jobs = jobs
        self._finalizer = finalizer
        self._margin = margin
        self._clock = clock
        self._handover = Handover(objects, clock)

    def due(self, limit: int) -> list[UUID]:
        """Name documents whose finalization has been under way since long, and those whose source is due.

        Neither kind keeps the other waiting, however many there are: nobody changes the former.
        """
        until = self._clock() - self._margin
        standing = self._finalizations.waiting(Waiting.UNDER_WAY, until, -(-limit // 2))
        left = limit - len(standing)
        return standing + (self._finalizations.waiting(Waiting.SOURCE, until, left) if left else [])

    def look_at(self, file_id: UUID, *, dry_run: bool) -> Verdict:
        """Do what is due, or only say what would be done. Raises Unavailable."""
        known = self._finalizations.find(file_id)
        if known is None or known.phase is Phase.UNDONE:
            return Verdict.OVERTAKEN
        if known.phase is Phase.OPEN:
            return self._go_on(known, dry_run=dry_run)
        verdict = self._judge(known)
        if dry_run:
            return verdict
        if verdict is Verdict.REMOVED:
            verdict = self._remove(known)
        if verdict in (Verdict.REMOVED, Verdict.ALREADY_GONE):
            self._finalizations.release(known)
        else:
            self._finalizations.postpone(known, self._clock())
        return verdict

    def _judge(self, known: Finalization) -> Verdict:
        """Decide; REMOVED stands for a source that may go."""
        try:
            left, there = self._handover.read(known.source), self._handover.read(known.target)
        except Refused:
            return Verdict.TARGET_CHANGED
        if there is None or there[0].file_id != known.file_id or there[0].deleted_at is not None:
            return Verdict.TARGET_CHANGED
        if there[0].storage_version_id != known.version_id:
            return Verdict.TARGET_CHANGED
        if not self._is_there(known, there[0].file_size):
            return Verdict.TARGET_CHANGED
        source_etag = self._etag(known.source)
        if left is None:
            return Verdict.ALREADY_GONE if source_etag is None else Verdict.SOURCE_CHANGED
        if left[1] != known.sealed_etag or left[0].checksum != there[0].checksum:
            return Verdict.SOURCE_CHANGED
        if source_etag not in (None, known.source_etag):
            return Verdict.SOURCE_CHANGED
        if there[0].retention is not None and there[0].retention.legal_hold:
            return Verdict.HELD
        if source_etag is not None and self._copies.is_held(known.source):
            return Verdict.HELD
        element = self._elements().locate(*known.source)
        if element is None or not element.may(Right.DELETE):
            return Verdict.NOT_ALLOWED
        return Verdict.REMOVED

    def _remove(self, known: Finalization) -> Verdict:
        """Remove the object, then its attr.json: the other way round it would be one that nobody described."""
        beside = Place(known.source.bucket, attributes_key(known.source.key))
        for place, etag in ((known.source, known.source_etag), (beside, known.sealed_etag)):
            try:
                self._copies.remove(place, etag or "")
            except NotFound:
                continue
            except PreconditionFailed:  # S3 says so of an object that is not there, too
                if self._etag(place) is not None:
                    return Verdict.SOURCE_CHANGED
        return Verdict.REMOVED

    def _go_on(self, known: Finalization, *, dry_run: bool) -> Verdict:
        job = self._jobs.find(known.transaction_id)
        if job is not None and job.status not in (JobStatus.DEAD, JobStatus.FAILED, JobStatus.CANCELLED):
            return Verdict.UNDER_WAY
        if dry_run:
            return Verdict.UNDONE
        job = job or self._job_as_it_was(known)
        step = self._finalizer.undo(job, known, "given_up", "it broke again and again, and was undone")
        self._note(job_id=job.job_id, step=step)
        return Verdict.COMPLETED if isinstance(step, Done) else Verdict.UNDONE

    def _job_as_it_was(self, known: Finalization) -> Job:
        """Make up the job of a finalization that has none any more, as far as undoing it asks: what it had copied
        is what the target's attr.json names, if there is one."""
        asked = Asked(file_id=known.file_id, source=known.source, target=known.target, element_id=known.element_id)
        progress = Progress()
        with contextlib.suppress(Refused):
            if (there := self._handover.read(known.target)) is not None:
                progress = Progress(
                    size=there[0].file_size,
                    etag=self._etag(known.source) or "",
                    sha256=there[0].checksum,
                    copy_etag=self._etag(known.target),
                    copy_version_id=there[0].storage_version_id,
                )
        job = new_job(known.transaction_id, KIND, msgspec.to_builtins(asked), known.started_at)
        return msgspec.structs.replace(job, progress=msgspec.to_builtins(progress))

    def _note(self, *, job_id: UUID, step: object) -> None:
        """Let the job say how it ended; somebody else may have tried it again meanwhile, and finds it over."""
        job = self._jobs.find(job_id)
        if job is None or job.status is not JobStatus.DEAD or not isinstance(step, Done | Fail):
            return
        status = JobStatus.COMPLETED if isinstance(step, Done) else JobStatus.FAILED
        ended = msgspec.structs.replace(
            job, status=status, state=step.state, result=step.result, updated_at=self._clock()
        )
        self._jobs.save(ended)

    def _is_there(self, known: Finalization, size: int) -> bool:
        """Tell whether the copy is there. A version never changes, though its ETag may once it is locked."""
        try:
            found = self._objects.head(*known.target, known.version_id)
        except NotFound:
            return False
        return found.size == size and (known.version_id is not None or found.etag == known.etag)

    def _etag(self, place: Place) -> str | None:
        try:
            return self._objects.head(*place).etag
        except NotFound:
            return None
