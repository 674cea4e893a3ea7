"""Starting uploads, one or many.

The record is written before anything is handed out: whatever happens to the client, the event or this process
afterwards, the archive knows what was meant to arrive. A started upload costs one write, a question to the index
about content that is stored already, and no call to S3.

Under an Idempotency-Key the file_id is derived from the account and the key, so that a repetition, however
simultaneous, meets the record of the first request: DynamoDB takes one of them. Such a record is kept for good,
since its key would otherwise lead to the id of a document that is there already.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Protocol
from uuid import UUID

from artstore.elements import StorageElements
from artstore.errors import ArtStoreError, Conflict, Unavailable
from artstore.http.idempotency import derived_id, fingerprint, key_reused
from artstore.schedules import Schedules, require
from artstore.security import Principal, Scope
from artstore.spaces import Reach, name_of, not_found
from artstore.tables import UploadRecord
from functions.upload.uploads.attempts import Asked, Attempt, Started
from functions.upload.uploads.duplicates import Duplicates
from functions.upload.uploads.granting import LOOKS, Grants, busy
from functions.upload.uploads.models import UploadRequest
from functions.upload.uploads.placing import AWAITED, fill
from functions.upload.uploads.predecessors import Documents, Places, check_predecessor, refuse_held
from functions.upload.uploads.records import Expects, Seen, Write, Wrote
from functions.upload.uploads.rules import check_rules, choose_space

ADDED = frozenset(
    {
        "space",
        "method",
        "folder",
        "supersedes",
        "on_duplicate",
        "content_encoding",
        "original_size",
        "original_sha256",
        "retention",
    }
)
"""Members of a request that the first version did not know."""
_DERIVED = UUID("6d0f4c0e-6f0b-5b54-9d0e-0c8b9f5c7a10")
"""The namespace (RFC 9562 §5.5) of ids that are derived from an account and a key."""


class Records(Places, Protocol):
    """Where upload records are kept; see functions.upload.uploads.records."""

    def new(self, file_id: UUID) -> UploadRecord: ...
    def find_many(self, file_ids: Sequence[UUID]) -> dict[UUID, UploadRecord]: ...
    def write(self, writes: Iterable[Write]) -> list[Wrote]: ...


class Defaults(Protocol):
    """What knows what spaces ask of their documents; see functions.upload.admission."""

    def default_schedule(self, space: str | None) -> str | None: ...


class Finding(Protocol):
    """What looks for content that is stored already."""

    def find(self, checksums: Sequence[str], reach: Reach, *, decides: bool) -> Duplicates:
        """See functions.upload.uploads.duplicates."""
        ...


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(kw_only=True)
class Uploads:
    """Starts the uploads of one deployment."""

    elements: Callable[[], StorageElements]
    records: Records
    grants: Grants
    duplicates: Finding
    documents: Callable[[], Documents]
    """Called when the index is needed."""
    defaults: Defaults
    schedules: Schedules
    clock: Callable[[], datetime] = field(default=_utc_now)

    def start(self, request: UploadRequest, caller: Principal, idempotency_key: str | None = None) -> Started:
        """Place the document, write its record, and permit the upload.

        The same ``idempotency_key`` and request from the same account give the upload that was started then, with
        a permission that is valid from now. Raises what ``functions.upload.uploads.rules`` raises, NotFound
        (``space_not_found``, ``schedule_not_found``, ``document_not_found``), Conflict
        (``idempotency_key_reused``, ``duplicate_content``, ``already_superseded``, ``supersede_in_progress``,
        ``space_full``, ``space_type_not_allowed``) and Unavailable.
        """
        [outcome] = self.start_many([Asked(request, idempotency_key)], caller)
        if isinstance(outcome, ArtStoreError):
            raise outcome
        return outcome

    def start_many(self, asked: Sequence[Asked], caller: Principal) -> list[Started | ArtStoreError]:
        """Start uploads, each as if it were the only one, with as few calls as can be; an error is that one's own.

        Raises Unavailable when nothing at all can be done.
        """
        reach = caller.reach(Scope.FILES_WRITE)
        attempts = [self._identify(each, caller) for each in asked]
        waiting = attempts
        while waiting:
            taken: set[str] = set()
            now: list[Attempt] = []
            later: list[Attempt] = []
            for each in waiting:
                touches = each.touches
                (later if taken & touches else now).append(each)
                taken |= touches
            try:
                self._run(now, caller, reach)
            except Unavailable as error:
                if not any(isinstance(each.outcome, Started) for each in attempts):
                    raise
                for each in now:
                    each.outcome = each.outcome or error
            waiting = later
        return [each.outcome or busy() for each in attempts]

    @staticmethod
    def _identify(asked: Asked, caller: Principal) -> Attempt:
        if asked.idempotency_key is None:
            return Attempt(asked.request, uuid.uuid4(), None)
        file_id = derived_id(_DERIVED, caller.client_id, asked.idempotency_key)
        return Attempt(asked.request, file_id, fingerprint(asked.request, ADDED))

    def _run(self, attempts: Sequence[Attempt], caller: Principal, reach: Reach) -> None:
        """Carry attempts through that touch nothing in common; each has its outcome afterwards."""
        for each in attempts:
            each.take(_check, each, reach)
        for _ in range(LOOKS):
            open_ = [each for each in attempts if each.outcome is None]
            if not open_:
                return
            self._look(open_, reach)
            self._refuse_duplicates([each for each in open_ if each.outcome is None and each.decides], reach)
            self._write([each for each in open_ if each.outcome is None], caller, reach)

    def _look(self, attempts: Sequence[Attempt], reach: Reach) -> None:
        """Find the records of those that were started before."""
        keyed = [each for each in attempts if each.fingerprint is not None]
        found = self.records.find_many([each.file_id for each in keyed]) if keyed else {}
        for each in keyed:
            each.existing = found.get(each.file_id)
            if each.existing is None:
                continue
            if not reach.includes(each.existing.space):
                each.outcome = not_found("space")
            elif each.existing.request_hash != each.fingerprint:
                each.outcome = key_reused()
            elif each.existing.status not in AWAITED:
                each.outcome = Started(each.tell(each.existing), repeated=True)
            else:
                each.seen = Seen.of(each.existing)

    def _refuse_duplicates(self, attempts: Sequence[Attempt], reach: Reach) -> None:
        try:
            self._find_duplicates(attempts, reach, decides=True)
        except Unavailable as error:
            for each in attempts:
                each.outcome = error
            return
        for each in attempts:
            if each.duplicate_of is not None:
                each.outcome = _duplicate(each.duplicate_of)

    def _find_duplicates(self, attempts: Sequence[Attempt], reach: Reach, *, decides: bool) -> None:
        checksums = sorted({each.request.sha256 for each in attempts})
        duplicates = self.duplicates.find(checksums, reach, decides=decides)
        for each in attempts:
            found = duplicates.found.get(each.request.sha256)
            each.duplicate_of = None if found == each.file_id else found
            each.duplicates_checked = duplicates.checked

    def _prepare(self, attempt: Attempt, caller: Principal, reach: Reach, now: datetime) -> None:
        """Make the record, or take the one that is there, and permit the upload."""
        record = attempt.existing
        if record is None:
            request = attempt.request
            if request.supersedes is not None:
                check_predecessor(self.documents(), request.supersedes, reach.within(name_of(attempt.space)))
            record = self.records.new(attempt.file_id)
            record.request_hash, record.space = attempt.fingerprint, attempt.space
            record.retention_schedule = self._choose_schedule(request, attempt.space)
            element = self.elements().place(
                request.retention_policy, request.size, request.content_type, now.timestamp()
            )
            fill(record, request, caller, element, now)
        attempt.reservation = self.grants.reserve(record)
        attempt.record, attempt.target = record, self.grants.permit(record, attempt.request.expires_in)

    def _choose_schedule(self, request: UploadRequest, space: str | None) -> str | None:
        """Give the schedule that the document will name: the one asked for, else its space's."""
        if request.retention is None:
            return self.defaults.default_schedule(space)
        if request.retention.schedule is not None:
            require(self.schedules, request.retention.schedule, "retention.schedule")
        return request.retention.schedule

    def _write(self, attempts: Sequence[Attempt], caller: Principal, reach: Reach) -> None:
        """Prepare the attempts and write their records, of many the first while the next are prepared, and while
        the index is asked what is told of them."""
        prepared: list[Attempt] = []
        told = [each for each in attempts if not each.decides]
        with _meanwhile(partial(self._find_duplicates, told, reach, decides=False), len(attempts) > 1):
            written = self.records.write(self._writes(attempts, prepared, caller, reach))
        for each, wrote in zip(prepared, written, strict=True):
            record = each.made
            if wrote is Wrote.DONE:
                each.outcome = Started(each.tell(record, each.target), repeated=each.existing is not None)
            elif wrote is Wrote.FAILED:
                each.outcome = Unavailable("the table store does not answer")
            elif wrote is Wrote.CROWDED:
                record.reserved = None
                continue  # looked at anew
            elif wrote is Wrote.HELD:
                each.take(refuse_held, record, self.records, self.documents, self.clock())
            elif each.fingerprint is None:  # a random id that is taken is not to be expected
                each.outcome = busy()

    def _writes(
        self, attempts: Sequence[Attempt], prepared: list[Attempt], caller: Principal, reach: Reach
    ) -> Iterator[Write]:
        """Prepare one after another as they are asked for; those that can be written are ``prepared``."""
        moment = self.clock()
        for each in attempts:
            each.take(self._prepare, each, caller, reach, moment)
            if each.outcome is None:
                prepared.append(each)
                yield Write(each.made, self._expects(each, attempts), each.reservation, each.seen)

    @staticmethod
    def _expects(attempt: Attempt, attempts: Sequence[Attempt]) -> Expects:
        if attempt.existing is not None:
            return Expects.AWAITED
        return Expects.ANYTHING if attempt.fingerprint is None and len(attempts) > 1 else Expects.NOTHING


def _duplicate(file_id: UUID) -> Conflict:
    return Conflict(
        "a document with the same content is stored already",
        code="duplicate_content",
        field="sha256",
        file_id=str(file_id),
    )


def _check(attempt: Attempt, reach: Reach) -> None:
    check_rules(attempt.request)
    attempt.space = choose_space(attempt.request.space, reach)


@contextlib.contextmanager
def _meanwhile(task: Callable[[], None], many: bool) -> Iterator[None]:
    """Do the task while the block is carried out; before it, where there is too little to gain."""
    if not many:
        task()
        yield
        return
    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(copy_context().run, task)
        yield
        done.result()
