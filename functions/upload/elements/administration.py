"""Administering storage elements: create, change, delete, and begin a change of mode.

Each act is one transaction with its entry in the audit log, on condition of the revision that was read. An element
that is deleted leaves a tombstone: its name is not given again, and what was still on its way there is described.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID, uuid5

import msgspec
from msgspec import UNSET

from artstore.audit import Actor, AuditLog, StateChanged, format_time
from artstore.aws.buckets import BucketFacts
from artstore.elements import ElementStatus, Limits, Mode, StorageElement, StorageElements, Transition
from artstore.elements.modes import NEXT
from artstore.elements.registry import Definition, Rows, definitions_of, merge
from artstore.errors import Conflict, Misconfigured, NotFound, Unavailable
from artstore.http.idempotency import fingerprint
from artstore.http.preconditions import IfMatch
from functions.upload.elements import places
from functions.upload.elements.models import ElementChange, ElementRequest, LimitsChange, LimitsModel
from functions.upload.elements.views import etag, record, record_change

if TYPE_CHECKING:
    from pynamodb.transactions import TransactWrite

MAX_ELEMENTS = 100
"""What a bucket's policy (20 KiB) and one reading of the registry have room for."""
CREATED = "storage_element.created"
UPDATED = "storage_element.updated"
DELETED = "storage_element.deleted"
MODE_CHANGE_REQUESTED = "storage_element.mode_change_requested"
_MAX_ATTEMPTS = 5
_JOBS = UUID("1f6e7f0a-4a0b-5a55-9c0c-6b4a54f0a3de")

Plan = Callable[[Definition, StorageElement], Definition]
"""From the element as it is to what it is to be; raises ArtStoreError."""


class Table(Protocol):
    """What is asked of the registry; see ``artstore.aws.element_table``."""

    def read(self) -> Rows: ...
    def put(self, definition: Definition, transaction: TransactWrite) -> None: ...
    def create(self, definition: Definition, creations: int, transaction: TransactWrite) -> None: ...


class Storage(Protocol):
    """What is asked of buckets; see ``artstore.aws.buckets``."""

    def facts(self, bucket: str) -> BucketFacts: ...
    def is_empty(self, bucket: str, prefix: str) -> bool: ...


@dataclass(frozen=True)
class Found:
    """An element and its definition."""

    element: StorageElement
    definition: Definition


class ElementAdministration:
    """The storage elements of one deployment, for those who run it."""

    def __init__(
        self,
        *,
        seeds: StorageElements,
        table: Table,
        storage: Storage,
        audit: AuditLog,
        changed: Callable[[], None] = lambda: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the ports; ``changed`` is called after each act."""
        self._seeds = seeds
        self._table = table
        self._storage = storage
        self._audit = audit
        self._changed = changed
        self._clock = clock

    def list(self) -> list[Found]:
        """Give all elements but the deleted ones, in the order in which they are filled."""
        every = self._read().values()
        shown = [one for one in every if one.element.status is not ElementStatus.DELETED]
        return sorted(shown, key=lambda one: (one.element.priority, one.element.element_id))

    def find(self, element_id: str) -> Found:
        """Give one. Raises NotFound (``element_not_found``)."""
        return _existing(self._read(), element_id)

    def create(
        self, request: ElementRequest, actor: Actor, idempotency_key: str | None = None
    ) -> tuple[Found, bool]:
        """Create an element, and tell whether the same request had done so before, under the same key.

        Raises Conflict (``element_exists``, ``prefix_overlaps``, ``prefix_not_empty``, ``too_many_elements``,
        ``bucket_unsuitable``, ``element_busy``), Invalid (``bucket_not_of_this_deployment``) and Unavailable.
        """
        asked = None
        if idempotency_key is not None:
            asked = f"{actor.client_id} {idempotency_key} {fingerprint(request)}"
        mode, now = Mode(request.mode), format_time(self._clock())
        definition = Definition(
            element_id=request.element_id,
            bucket=places.choose_bucket(self._seeds, mode, request.bucket),
            prefix=request.prefix,
            mode=mode,
            priority=request.priority,
            capacity_bytes=request.capacity_bytes,
            limits=_limits(request.limits),
            description=request.description,
            revision=1,
            created_at=now,
            created_by=actor.client_id,
            updated_at=now,
            request_hash=asked,
        )
        for _ in range(_MAX_ATTEMPTS):
            # Counted before the elements are read: one that is created from here on makes the writing fail.
            creations = self._table.read().creations
            every = self._read()
            if (existing := every.get(request.element_id)) is not None:
                return _repeated(existing, asked), True
            self._check_new(every, definition, actor)
            event = actor.event(CREATED, _object(definition.element_id), after=record(definition))
            try:
                self._audit.append(event, partial(self._table.create, definition, creations))
            except StateChanged:
                continue
            self._changed()
            return self.find(definition.element_id), False
        raise _busy()

    def _check_new(self, every: dict[str, Found], definition: Definition, actor: Actor) -> None:
        with _Refusals(self._audit, CREATED, actor, definition):
            if len(every) >= MAX_ELEMENTS:
                raise Conflict(f"a deployment has at most {MAX_ELEMENTS} elements", code="too_many_elements")
            places.check_apart([one.definition for one in every.values()], definition)
            self._check_storage(definition)

    def change(self, element_id: str, wanted: ElementChange, if_match: IfMatch, actor: Actor) -> Found:
        """Change what ``wanted`` names. Raises NotFound, PreconditionFailed and Conflict (``element_busy``)."""
        values: dict[str, Any] = {
            name: value for name, value in msgspec.structs.asdict(wanted).items() if value is not UNSET
        }
        limits = values.pop("limits", UNSET)
        if "status" in values:
            values["status"] = ElementStatus(str(values["status"]))

        def plan(before: Definition, _element: StorageElement) -> Definition:
            merged = before.limits if limits is UNSET else _merge(before.limits, limits)
            return msgspec.structs.replace(before, **values, limits=merged)

        return self._act(UPDATED, element_id, if_match, actor, plan)

    def delete(self, element_id: str, if_match: IfMatch, actor: Actor) -> None:
        """Delete an element in which nothing lies.

        Raises Conflict (``element_active`` unless it is paused, ``element_not_empty``, ``element_mode_changing``)
        and as ``change`` does.
        """

        def plan(before: Definition, element: StorageElement) -> Definition:
            if element.transition is not None:
                raise Conflict("the storage element's mode is being changed", code="element_mode_changing")
            if element.status is not ElementStatus.PAUSED:
                raise Conflict("the storage element takes documents; pause it first", code="element_active")
            if not self._storage.is_empty(before.bucket, before.prefix):
                raise Conflict("something lies in the storage element", code="element_not_empty")
            return msgspec.structs.replace(before, status=ElementStatus.DELETED)

        self._act(DELETED, element_id, if_match, actor, plan)

    def change_mode(self, element_id: str, to: Mode, if_match: IfMatch, actor: Actor) -> Found:
        """Begin to change the mode: from rw to ro, from ro to ar, and no other way.

        The API refuses from now on what the new mode forbids; a job, which maintenance begins within a minute, has
        storage refuse it too and then gives the element its mode. Asked again while that is under way, it changes
        nothing. Raises Conflict (``mode_change_not_allowed``), and as ``change``.
        """

        def plan(before: Definition, element: StorageElement) -> Definition:
            if element.transition is not None and element.transition.to is to:
                return before
            if element.transition is not None or NEXT.get(before.mode) is not to:
                raise Conflict(
                    f"an element that is {before.mode} does not become {to}", code="mode_change_not_allowed"
                )
            transition = Transition(
                to=to,
                phase="draining",
                since=format_time(self._clock()),
                job_id=str(uuid5(_JOBS, f"{element_id}:{before.revision}:{to}")),
                requested_by=actor.client_id,
                source_ip=actor.source_ip,
                request_id=actor.request_id,
            )
            return msgspec.structs.replace(before, transition=transition)

        return self._act(MODE_CHANGE_REQUESTED, element_id, if_match, actor, plan)

    def _read(self) -> dict[str, Found]:
        rows = self._table.read()
        elements = {one.element_id: one for one in merge(self._seeds, rows)}
        return {name: Found(elements[name], one) for name, one in definitions_of(self._seeds, rows).items()}

    def _act(self, act: str, element_id: str, if_match: IfMatch, actor: Actor, plan: Plan) -> Found:
        for _ in range(_MAX_ATTEMPTS):
            found = self.find(element_id)
            before = found.definition
            if_match.check(etag(before))
            with _Refusals(self._audit, act, actor, before):
                after = plan(before, found.element)
            if after == before:
                return found
            now = format_time(self._clock())
            after = msgspec.structs.replace(
                after, revision=before.revision + 1, updated_at=now, created_at=before.created_at or now
            )
            old, new = record_change(before, after)
            event = actor.event(act, _object(element_id), before=old, after=new)
            try:
                self._audit.append(event, partial(self._table.put, after))
            except StateChanged:
                continue
            self._changed()
            return self._read()[element_id]
        raise _busy()

    def _check_storage(self, definition: Definition) -> None:
        """Ask the bucket itself whether it keeps what the mode promises, and whether the prefix is free."""
        try:
            facts = self._storage.facts(definition.bucket)
            free = self._storage.is_empty(definition.bucket, definition.prefix)
        except Misconfigured as error:
            raise Unavailable("the bucket does not answer as it should", code="bucket_unreachable") from error
        if definition.mode is Mode.RW and not (facts.versions and facts.locks):
            raise Conflict("the bucket keeps no locked versions, as rw needs", code="bucket_unsuitable")
        if definition.mode is Mode.EDIT and facts.locks:
            raise Conflict("the bucket locks its versions, so nothing in it is deleted", code="bucket_unsuitable")
        if not free:
            raise Conflict("something lies under the prefix already", code="prefix_not_empty", field="prefix")


class _Refusals:
    """Records a refused act in the audit log, for each Conflict that is raised inside."""

    def __init__(self, audit: AuditLog, act: str, actor: Actor, definition: Definition) -> None:
        self._audit = audit
        self._act = act
        self._actor = actor
        self._definition = definition

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, Conflict):
            self._audit.append(self._actor.event(self._act, _object(self._definition.element_id), refusal=error))


def _object(element_id: str) -> str:
    """Give what the audit log calls an element."""
    return f"storage-element/{element_id}"


def _busy() -> Conflict:
    return Conflict("storage elements are being changed by others; try again", code="element_busy")


def _existing(every: dict[str, Found], element_id: str) -> Found:
    found = every.get(element_id)
    if found is None or found.element.status is ElementStatus.DELETED:
        raise NotFound("there is no such storage element", code="element_not_found")
    return found


def _repeated(existing: Found, asked: str | None) -> Found:
    deleted = existing.element.status is ElementStatus.DELETED
    if deleted or asked is None or existing.definition.request_hash != asked:
        raise Conflict("there is, or was, a storage element of that name", code="element_exists")
    return existing


def _limits(model: LimitsModel) -> Limits:
    return Limits(max_file_size=model.max_file_size, allowed_types=tuple(dict.fromkeys(model.allowed_types)))


def _merge(limits: Limits, change: LimitsChange | None) -> Limits:
    """Merge as RFC 7396 does: what is absent stays, null takes a limit away."""
    if change is None:
        return Limits()
    if change.max_file_size is not UNSET:
        limits = msgspec.structs.replace(limits, max_file_size=change.max_file_size)
    if change.allowed_types is not UNSET:
        limits = msgspec.structs.replace(limits, allowed_types=tuple(dict.fromkeys(change.allowed_types or ())))
    return limits
