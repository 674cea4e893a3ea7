"""The change of a storage element's mode, step by step; each may be run twice.

rw becomes ro so:

draining   The API refuses already: the change was noted in the registry, and every process that can read it knows
           within its cache's time. The job waits for that long, and until every checksum is proven: the proof is
           written into the attr.json, which nobody can once the element is closed.
closing    Storage refuses all writing and deleting under the prefix, whoever asks and however long ago a URL was
           signed, but for ingest, which describes what has arrived. The guard puts the bucket's policy and reads
           it back; a write is tried and must be refused.
settling   The whole prefix is walked. What has no attr.json yet is described now, or is what was rejected.
sealing    Storage refuses ingest, too. Then the element gets its mode, in one transaction with the audit log. What
           had arrived by a late URL may be unproven: then the element is opened once more, and drained again.

ro becomes ar by its last step alone: the guard adds the lifecycle rule that archives the bytes.

So a process that has not heard of the change, since the registry is away, can hand out URLs that storage refuses,
and nothing worse.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

import msgspec

from artstore.audit import SUCCESS, AuditEvent, AuditLog, StateChanged, format_time
from artstore.aws.ingesting import LATER, IngestOutcome
from artstore.elements import Mode, StorageElements, Transition
from artstore.elements.registry import CACHED_SECONDS, Definition, Rows, definitions_of, merge
from artstore.errors import Unavailable
from artstore.jobs import Job, Priority, new_job
from artstore.naming import attributes_key, document_key, is_attributes_key, is_reserved
from functions.maintenance.elements.proofs import Unproven
from functions.maintenance.steps import Continue, Done, Fail, Step, Wait

if TYPE_CHECKING:
    from pynamodb.transactions import TransactWrite

KIND = "element_mode"
MODE_CHANGED = "storage_element.mode_changed"
DRAINING = timedelta(seconds=CACHED_SECONDS + 5)
SPREADING = timedelta(seconds=15)
"""How long a bucket's policy that was put may take to be heard everywhere in S3."""
NOT_YET = timedelta(seconds=10)
"""When what could not be described now is tried again."""
PROOFS_AGAIN = timedelta(minutes=1)
"""When checksums that were not proven yet are asked for again."""
MOST_TRIES = 90
"""How often, before somebody has to look: the element is closed all the while."""
_TOLD_KEYS = 100

OPEN, CLOSED, SEALED = "open", "closing", "sealed"
"""What the guard says of an element; see ``functions.maintenance.guard.rules``."""


class Table(Protocol):
    """What is asked of the registry; see ``artstore.aws.element_table``."""

    def read(self) -> Rows: ...
    def put(self, definition: Definition, transaction: TransactWrite) -> None: ...
    def replace(self, definition: Definition) -> bool: ...


class Guarded(msgspec.Struct, frozen=True):
    """What the guard says after a run."""

    guards: dict[str, str]
    archived: list[str] = []


class Keys(msgspec.Struct, frozen=True):
    """A page of keys, sorted, and where the next one begins."""

    keys: Sequence[str]
    next: str | None


class Storage(Protocol):
    """What is asked of storage."""

    def refuses_writes(self, bucket: str, key: str) -> bool:
        """Try to write ``key`` so that nothing is ever written, and tell whether that is forbidden."""
        ...

    def keys(self, bucket: str, prefix: str, after: str | None) -> Keys:
        """List a page of keys."""
        ...


class ModeChange:
    """Changes modes; see ``functions.maintenance.steps.Runner``."""

    def __init__(
        self,
        *,
        seeds: StorageElements,
        table: Table,
        storage: Storage,
        guard: Callable[[], Guarded],
        ingest: Callable[[str, str], IngestOutcome],
        unproven: Callable[[Callable[[str, str], bool]], Unproven],
        audit: AuditLog,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the ports; ``guard`` has storage refuse what the registry says, ``ingest`` describes a place, and
        ``unproven`` names documents without a proof among those at places that it is given."""
        self._seeds = seeds
        self._table = table
        self._storage = storage
        self._guard = guard
        self._ingest = ingest
        self._unproven = unproven
        self._audit = audit
        self._clock = clock

    def step(self, job: Job, time_left: Callable[[], float]) -> Step:
        """Do the next step. Raises Unavailable where storage does not yet do as it was told: tried again."""
        rows = self._table.read()
        definition = definitions_of(self._seeds, rows).get(job.request["element_id"])
        to = Mode(job.request["to"])
        if definition is None:
            return Fail("element_not_found", "there is no such storage element")
        transition = definition.transition
        if transition is None or transition.job_id != str(job.job_id):
            if definition.mode is to:  # it was committed, and the job not saved
                return Done(_report(job.progress), state="changed")
            return Fail("transition_not_found", "nobody asked for this change, or it was begun anew")
        return self._steps(transition)(job, definition, transition, time_left, rows)

    def _steps(self, transition: Transition) -> Callable[..., Step]:
        if transition.to is Mode.AR and transition.phase == "draining":
            return self._go_on_to_sealing
        return {
            "draining": self._drain,
            "closing": self._close,
            "settling": self._settle,
            "sealing": self._seal,
        }[transition.phase]

    def _go_on_to_sealing(self, job: Job, definition: Definition, transition: Transition, *_: Any) -> Step:
        return self._go_on(job.progress, definition, transition, "sealing")

    def _drain(
        self, job: Job, definition: Definition, transition: Transition, _: Callable[[], float], rows: Rows
    ) -> Step:
        until = datetime.fromisoformat(transition.since) + DRAINING
        if self._clock() < until:
            return Wait(job.progress, until, state="draining")
        unproven = self._unproven_in(definition, rows)
        if unproven and self._guard().guards.get(definition.element_id) != OPEN:
            raise Unavailable("storage still refuses what has to be written")
        if unproven.dead:
            named = ", ".join(unproven.dead[:_TOLD_KEYS])
            return Fail("not_proven", f"no checksum could be proven of {named}", state="draining", dead=True)
        if unproven.awaited:
            progress = job.progress | {"unproven": unproven.awaited[:_TOLD_KEYS]}
            return Wait(progress, self._clock() + PROOFS_AGAIN, state="proving")
        return self._go_on(job.progress, definition, transition, "closing")

    def _unproven_in(self, definition: Definition, rows: Rows) -> Unproven:
        elements = StorageElements(merge(self._seeds, rows))

        def lies_within(bucket: str, key: str) -> bool:
            found = elements.locate(bucket, key)
            return found is not None and found.element_id == definition.element_id

        return self._unproven(lies_within)

    def _close(self, job: Job, definition: Definition, transition: Transition, *_: Any) -> Step:
        closed_at = job.progress.get("closed_at")
        if closed_at is None:
            self._be_guarded(definition, CLOSED)
            progress = job.progress | {"closed_at": format_time(self._clock())}
            return Wait(progress, self._clock() + SPREADING, state="closing")
        self._be_guarded(definition, CLOSED)
        return self._go_on(job.progress, definition, transition, "settling")

    def _settle(
        self,
        job: Job,
        definition: Definition,
        transition: Transition,
        time_left: Callable[[], float],
        rows: Rows,
    ) -> Step:
        elements = StorageElements(merge(self._seeds, rows))
        progress = dict(job.progress)
        while True:
            page = self._storage.keys(definition.bucket, definition.prefix, progress.get("after"))
            alone = _alone(page, progress.get("open", []))
            for key in alone.left:
                found = elements.locate(definition.bucket, key)
                if is_reserved(key) or found is None or found.element_id != definition.element_id:
                    continue
                outcome = self._ingest(definition.bucket, key)
                if outcome.outcome == LATER:
                    return self._put_off(progress, key)
                _note(progress, key, outcome)
            progress |= {"after": page.next, "open": alone.open, "keys": progress.get("keys", 0) + len(page.keys)}
            progress.pop("tries", None)
            if page.next is None:
                return self._go_on(progress, definition, transition, "sealing")
            if time_left() <= 0:
                return Continue(progress, state="settling")

    def _put_off(self, progress: dict[str, Any], key: str) -> Step:
        tries = progress.get("tries", 0) + 1
        if tries >= MOST_TRIES:
            return Fail("not_described", f"{key} could not be described", state="settling", dead=True)
        return Wait(progress | {"tries": tries}, self._clock() + NOT_YET, state="settling")

    def _seal(
        self, job: Job, definition: Definition, transition: Transition, _: Callable[[], float], rows: Rows
    ) -> Step:
        self._be_guarded(definition, SEALED, archived=transition.to is Mode.AR)
        if transition.to is Mode.RO and self._unproven_in(definition, rows):
            return self._go_on({}, definition, transition, "draining")
        now = format_time(self._clock())
        after = msgspec.structs.replace(
            definition,
            mode=transition.to,
            transition=None,
            revision=definition.revision + 1,
            updated_at=now,
            mode_changed_at=now,
        )
        event = AuditEvent(
            action=MODE_CHANGED,
            actor=transition.requested_by,
            object=f"storage-element/{definition.element_id}",
            outcome=SUCCESS,
            source_ip=transition.source_ip,
            request_id=transition.request_id,
            before={"mode": str(definition.mode)},
            after={"mode": str(transition.to), "job_id": transition.job_id},
        )
        try:
            self._audit.append(event, lambda transaction: self._table.put(after, transaction))
        except StateChanged as error:
            raise Unavailable("the storage element is being changed by others") from error
        return Done(_report(job.progress), state="changed")

    def _be_guarded(self, definition: Definition, wanted: str, *, archived: bool = False) -> None:
        """Have storage refuse what it must, and see that it does. Raises Unavailable where it does not yet."""
        element_id = definition.element_id
        said = self._guard()
        if said.guards.get(element_id) != wanted or (archived and element_id not in said.archived):
            raise Unavailable(f"storage is not {wanted} yet")
        probe = f"{definition.prefix}artstore-probe"
        keys = [probe, attributes_key(probe)] if wanted == SEALED else [probe]
        if not all(self._storage.refuses_writes(definition.bucket, key) for key in keys):
            raise Unavailable("storage still takes what it has to refuse")

    def _go_on(self, progress: dict[str, Any], definition: Definition, transition: Transition, phase: str) -> Step:
        """Note the next phase in the registry, from which the guard takes what storage has to refuse."""
        after = msgspec.structs.replace(
            definition,
            transition=msgspec.structs.replace(transition, phase=phase),
            revision=definition.revision + 1,
            updated_at=format_time(self._clock()),
        )
        if not self._table.replace(after):
            raise Unavailable("the storage element is being changed by others")
        return Continue({name: value for name, value in progress.items() if name not in _PASSING}, state=phase)


_PASSING = ("after", "open", "tries", "closed_at", "unproven")
"""Progress inside one phase."""


class _Alone(msgspec.Struct, frozen=True):
    """Keys of a page without an attr.json: those that have none, and those whose attr.json may be on the next."""

    left: list[str]
    open: list[str]


def new_mode_job(element_id: str, transition: Transition) -> Job:
    """Make the job that carries a change of mode out."""
    return new_job(
        UUID(transition.job_id),
        KIND,
        {"element_id": element_id, "to": str(transition.to)},
        datetime.now(UTC),
        priority=Priority.HIGH,
        state=transition.phase,
        about=f"storage-element/{element_id}",
        created_by_id=transition.requested_by,
        source_ip=transition.source_ip,
        request_id=transition.request_id,
    )


def _alone(page: Keys, before: Sequence[str]) -> _Alone:
    waiting = dict.fromkeys(before)
    for key in page.keys:
        if is_attributes_key(key):
            waiting.pop(document_key(key), None)
        elif not key.endswith("/"):
            waiting[key] = None
    if page.next is None or not page.keys:
        return _Alone(left=list(waiting), open=[])
    last = page.keys[-1]
    left = [key for key in waiting if attributes_key(key) <= last]
    return _Alone(left=left, open=[key for key in waiting if key not in left])


def _note(progress: dict[str, Any], key: str, outcome: IngestOutcome) -> None:
    counts = dict(progress.get("described", {}))
    counts[outcome.outcome] = counts.get(outcome.outcome, 0) + 1
    progress["described"] = counts
    if outcome.attributes is None and len(progress.get("without_attributes", [])) < _TOLD_KEYS:
        progress["without_attributes"] = [*progress.get("without_attributes", []), key]


def _report(progress: dict[str, Any]) -> dict[str, Any]:
    return {
        "keys": progress.get("keys", 0),
        "described": progress.get("described", {}),
        "without_attributes": progress.get("without_attributes", []),
    }
