"""The job ``fixity``: checks the share of the archive that was not looked at for longest.

First it goes through the index, so that documents that came since are enrolled and the share is known; then it
checks one document after another, the longest unchecked first. Documents that cannot be checked now (archived, for
example) are counted by their reason, and are not looked at again before their turn. What a check found is kept
with the document before the job goes on; a failure is in the audit log before that, so after a crash in between it
may be there twice, and is never not there at all.

Storage that does not give one document's bytes is asked three times; after five documents in a row it is not
their fault.

Request: ``share`` of all documents (without it a day's), ``element_id`` (those of one storage element), or
``file_id``: that one, whenever it was checked.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any, Protocol
from uuid import UUID

import msgspec

from artstore.audit import SUCCESS, SYSTEM, AuditEvent
from artstore.elements import StorageElements
from artstore.errors import Unavailable
from artstore.fixity import FixityChecks, FixityOutcome, Within
from artstore.index import IndexedDocument
from artstore.index.claims import Place
from artstore.jobs import Job
from artstore.spaces import EVERYWHERE, Reach
from functions.maintenance.fixity.checking import Checked, Checking, Hashing, Passed
from functions.maintenance.steps import Continue, Done, Fail, Step, Wait

FAILED = "fixity.failed"
ENROLLED_AT_ONCE = 5000
FOUND_AT_ONCE = 100
CHECKED_AT_ONCE = 25
"""Documents between two saves: so many may be read twice after a crash."""
MOST_TRIES, MOST_IN_A_ROW = 3, 5
TRIED_AGAIN = timedelta(minutes=1)
MOST_TOLD = 100


class Index(Protocol):
    """What is asked of the index; see artstore.index.DocumentIndex."""

    def find(self, file_id: UUID, reach: Reach) -> IndexedDocument | None: ...


class Outbox(Protocol):
    """Where events wait for the audit log; see ``artstore.aws.audit_outbox``."""

    def leave(self, event: AuditEvent, transaction: Any = None) -> None: ...


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a job is to check."""

    element_id: str | None = None
    file_id: UUID | None = None
    share: float | None = None


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A document that is not what it was, as the report tells it."""

    file_id: UUID
    outcome: FixityOutcome
    place: str


class Progress(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How far a job has come."""

    after: Place | None = None
    enrolled: bool = False
    documents: int = 0
    """Those that the share is of."""
    share: int = 0
    """How many are to be looked at."""
    found: int = 0
    """How many were chosen so far."""
    pending: list[Place] = []
    tries: dict[str, int] = {}
    """Of those that storage did not give."""
    hashing: Hashing | None = None
    """Of the first that is pending."""
    counts: dict[str, int] = {}
    passed_over: dict[str, int] = {}
    bytes: int = 0
    failures: list[Failure] = []
    failures_left_out: int = 0


class FixityRunner:
    """See functions.maintenance.steps.Runner."""

    def __init__(
        self,
        *,
        checks: FixityChecks,
        checking: Checking,
        index: Index,
        elements: Callable[[], StorageElements],
        outbox: Outbox,
        days: int,
        told: Callable[[int], None] = lambda _failures: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the ports; every document is to be checked once in so many ``days``, and ``told`` is told of each
        failure."""
        self._checks = checks
        self._checking = checking
        self._index = index
        self._elements = elements
        self._outbox = outbox
        self._days = days
        self._told = told
        self._clock = clock

    def step(self, job: Job, time_left: Callable[[], float]) -> Step:
        """Enrol, or check some. Raises Unavailable."""
        asked = msgspec.convert(job.request, Asked)
        progress = msgspec.convert(job.progress, Progress)
        within = None
        if asked.element_id is not None:
            element = self._elements().find(asked.element_id)
            if element is None:
                return Fail("element_not_found", "there is no such storage element")
            within = Within(element.bucket, element.prefix)
        if not progress.enrolled:
            if asked.file_id is not None:
                found = self._index.find(asked.file_id, EVERYWHERE)
                if found is None:
                    return Fail("document_not_found", "there is no such document")
                progress.pending = [Place(found.bucket, found.key)]
                progress.documents = progress.share = progress.found = 1
                progress.enrolled = True
            else:
                self._enrol(progress, asked, within, time_left)
            return _continue(progress)
        if not progress.pending:
            limit = min(FOUND_AT_ONCE, progress.share - progress.found)
            places = self._checks.oldest(job.created_at, limit, within) if limit > 0 else []
            if not places:
                return Done(_report(progress))
            progress.pending, progress.found = list(places), progress.found + len(places)
        return self._check_some(job, progress, time_left)

    def _enrol(
        self, progress: Progress, asked: Asked, within: Within | None, time_left: Callable[[], float]
    ) -> None:
        while True:
            page = self._checks.enrol(progress.after, ENROLLED_AT_ONCE, within)
            progress.documents += page.documents
            progress.after = page.next
            if page.next is None:
                break
            if time_left() <= 0:
                return
        wanted = Fraction(1, self._days) if asked.share is None else Fraction(asked.share)
        progress.share = -int(-progress.documents * wanted // 1)  # rounded up: one document is checked, too
        progress.enrolled = True

    def _check_some(self, job: Job, progress: Progress, time_left: Callable[[], float]) -> Step:
        outcome: Checked | Passed | Hashing
        in_a_row, last_round = 0, _all_were_tried(progress)
        for number in range(min(CHECKED_AT_ONCE, len(progress.pending))):
            if number and (time_left() <= 0 or (_all_were_tried(progress) and not last_round)):
                break
            place = progress.pending[0]
            try:
                outcome = self._checking.check(place, progress.hashing, time_left)
                in_a_row = 0
            except Unavailable as error:
                in_a_row += 1
                if in_a_row >= MOST_IN_A_ROW or error.code != "storage_unavailable":
                    raise
                if self._put_off(place, progress):
                    continue
                outcome = self._checking.unreadable(place)
            if isinstance(outcome, Hashing):
                progress.hashing = outcome
                break
            progress.hashing = None
            progress.tries.pop(_name(place), None)
            progress.pending = progress.pending[1:]
            self._keep(job, place, outcome, progress)
            if isinstance(outcome, Checked) and outcome.outcome is not FixityOutcome.OK:
                break  # saved before anything else is begun
        if progress.pending and _all_were_tried(progress):
            return Wait(_told(progress), self._clock() + TRIED_AGAIN)
        return _continue(progress)

    @staticmethod
    def _put_off(place: Place, progress: Progress) -> bool:
        """Have a document that storage did not give wait behind the others; False once it was tried enough."""
        tried = progress.tries.get(_name(place), 0) + 1
        if tried >= MOST_TRIES:
            return False
        progress.hashing = None
        progress.tries[_name(place)] = tried
        progress.pending = [*progress.pending[1:], place]
        return True

    def _keep(self, job: Job, place: Place, outcome: Checked | Passed, progress: Progress) -> None:
        if isinstance(outcome, Passed):
            progress.passed_over[outcome.why] = progress.passed_over.get(outcome.why, 0) + 1
            if outcome.why == "gone":
                self._checks.forget(place)
            else:
                self._checks.pass_over(place, self._clock())
            return
        progress.counts[str(outcome.outcome)] = progress.counts.get(str(outcome.outcome), 0) + 1
        progress.bytes += outcome.bytes
        if outcome.outcome is not FixityOutcome.OK:
            self._outbox.leave(_event(job, place, outcome))
            self._told(1)
            if len(progress.failures) < MOST_TOLD:
                told = Failure(
                    file_id=outcome.described.file_id, outcome=outcome.outcome, place=f"s3://{_name(place)}"
                )
                progress.failures = [*progress.failures, told]
            else:
                progress.failures_left_out += 1
        self._checks.note(place, self._clock(), outcome.outcome, outcome.compared)


def _event(job: Job, place: Place, found: Checked) -> AuditEvent:
    return AuditEvent(
        action=FAILED,
        actor=SYSTEM,
        object=f"file/{found.described.file_id}",
        outcome=SUCCESS,
        source_ip="",
        request_id=str(job.job_id),
        before={"checksum": found.compared.checksum},
        after={
            "sha256": found.compared.sha256,
            "bucket": place.bucket,
            "key": place.key,
            "version_id": found.described.storage_version_id,
            "space": found.described.space,
            "original_filename": found.described.original_filename,
        },
        reason=str(found.outcome),
    )


def _all_were_tried(progress: Progress) -> bool:
    return all(_name(each) in progress.tries for each in progress.pending)


def _name(place: Place) -> str:
    return f"{place.bucket}/{place.key}"


def _report(progress: Progress) -> dict[str, Any]:
    return {
        "documents": progress.documents,
        "share": progress.share,
        "checked": sum(progress.counts.values()),
        "counts": dict(sorted(progress.counts.items())),
        "passed_over": dict(sorted(progress.passed_over.items())),
        "bytes": progress.bytes,
        "failures": msgspec.to_builtins(progress.failures),
        "failures_left_out": progress.failures_left_out,
    }


def _told(progress: Progress) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(progress)
    return told


def _continue(progress: Progress) -> Continue:
    return Continue(_told(progress), "checking" if progress.enrolled else "enrolling")
