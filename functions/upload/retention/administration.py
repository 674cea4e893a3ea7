"""Administering retention schedules: create, show, change, delete those that nothing names.

Each act is one transaction with its entry in the audit log, on condition of the revision that was read. Schedules
are the deployment's: whoever has elements:admin and is kept to no spaces administers them, everybody who reads
documents sees them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from msgspec import UNSET

from artstore.audit import Actor, AuditLog, StateChanged, format_time
from artstore.errors import ArtStoreError, Conflict, Forbidden, Invalid
from artstore.http.idempotency import fingerprint
from artstore.http.preconditions import IfMatch
from artstore.index import Position, ScheduledPage
from artstore.schedules import Schedule, ScheduleAction
from artstore.security import Principal
from artstore.spaces import EVERYWHERE, Reach, not_found
from artstore.tables import ScheduleItem, SpaceItem
from functions.upload.retention.models import RetentionSchedule, ScheduleChange, ScheduleRequest

if TYPE_CHECKING:
    from pynamodb.transactions import TransactWrite

CREATED, UPDATED, DELETED = (
    "retention_schedule.created",
    "retention_schedule.updated",
    "retention_schedule.deleted",
)
MAX_SCHEDULES = 500
"""What one reading has room for, and what a list of what is due asks the index about."""
_MAX_ATTEMPTS = 5
_TOLD = ("period", "trigger", "action", "automatic", "description")


class Table(Protocol):
    """What is asked of the registry; see ``artstore.aws.schedule_table``."""

    def find(self, name: str) -> ScheduleItem | None: ...
    def read(self) -> list[ScheduleItem]: ...
    def new(self, name: str, **attributes: Any) -> ScheduleItem: ...
    def add(self, item: ScheduleItem, transaction: TransactWrite) -> None: ...
    def change(self, item: ScheduleItem, changes: Mapping[str, Any], transaction: TransactWrite) -> None: ...
    def remove(self, item: ScheduleItem, transaction: TransactWrite) -> None: ...


class Index(Protocol):
    """What is asked of the index; see artstore.index.DocumentIndex."""

    def scheduled(
        self,
        name: str,
        schedule: Schedule | None,
        until: datetime,
        limit: int,
        after: Position | None,
        reach: Reach,
    ) -> ScheduledPage: ...


class Spaces(Protocol):
    """What is asked of the registry of spaces."""

    def read(self) -> list[SpaceItem]: ...


class ScheduleAdministration:
    """The retention schedules of one deployment."""

    def __init__(
        self,
        *,
        table: Table,
        spaces: Spaces,
        index: Callable[[], Index],
        audit: AuditLog,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the ports; spaces and index are asked when a schedule is to be deleted."""
        self._table = table
        self._spaces = spaces
        self._index = index
        self._audit = audit
        self._clock = clock

    def list(self) -> list[ScheduleItem]:
        """Give all, by their names."""
        return self._table.read()

    def find(self, name: str) -> ScheduleItem:
        """Give one. Raises NotFound (``schedule_not_found``)."""
        found = self._table.find(name)
        if found is None:
            raise not_found("schedule")
        return found

    def create(
        self, request: ScheduleRequest, caller: Principal, actor: Actor, idempotency_key: str | None = None
    ) -> tuple[ScheduleItem, bool]:
        """Create a schedule, and tell whether the same request had done so before, under the same key.

        Raises Invalid (``automatic_without_delete``), Forbidden (``exceeds_own_spaces``), Conflict
        (``schedule_exists``, ``too_many_schedules``) and Unavailable.
        """
        _check(request.action, automatic=request.automatic)
        self._require(caller, actor, CREATED, request.name)
        asked = None
        if idempotency_key is not None:
            asked = f"{actor.client_id} {idempotency_key} {fingerprint(request)}"
        now = format_time(self._clock())
        told: dict[str, Any] = msgspec.to_builtins(request)
        del told["name"]
        item = self._table.new(
            request.name, **told, created_at=now, created_by=actor.client_id, updated_at=now, request_hash=asked
        )
        existing = self._table.find(request.name)
        if existing is None and len(self._table.read()) >= MAX_SCHEDULES:
            raise Conflict(f"a deployment has at most {MAX_SCHEDULES} schedules", code="too_many_schedules")
        if existing is None:
            try:
                event = actor.event(CREATED, _object(request.name), after=record(item))
                self._audit.append(event, partial(self._table.add, item))
            except StateChanged:
                existing = self._table.find(request.name)
            else:
                return item, False
        if existing is None or asked is None or existing.request_hash != asked:
            raise Conflict("there is a schedule of that name", code="schedule_exists", field="name")
        return existing, True

    def change(
        self, name: str, wanted: ScheduleChange, if_match: IfMatch, caller: Principal, actor: Actor
    ) -> ScheduleItem:
        """Change what ``wanted`` names. Raises as ``create``, NotFound, PreconditionFailed and Conflict
        (``schedule_busy``)."""
        values: dict[str, Any] = {
            each: value for each, value in msgspec.to_builtins(wanted).items() if value is not UNSET
        }
        for _ in range(_MAX_ATTEMPTS):
            before = self.find(name)
            self._require(caller, actor, UPDATED, name)
            if_match.check(etag(before))
            shown = record(before)
            changes = {each: value for each, value in values.items() if shown[each] != value}
            if not changes:
                return before
            after = shown | changes | {"revision": shown["revision"] + 1}
            _check(ScheduleAction(after["action"]), automatic=after["automatic"])
            stored = changes | {"revision": after["revision"], "updated_at": format_time(self._clock())}
            event = actor.event(
                UPDATED, _object(name), before={each: shown[each] for each in changes}, after=changes
            )
            try:
                self._audit.append(event, partial(self._table.change, before, stored))
            except StateChanged:
                continue
            return self.find(name)
        raise _busy()

    def delete(self, name: str, if_match: IfMatch, caller: Principal, actor: Actor) -> None:
        """Delete a schedule that no document names, but those that are kept for good, and no space.

        Raises Conflict (``schedule_in_use``, ``schedule_busy``) and as ``change`` does.
        """
        for _ in range(_MAX_ATTEMPTS):
            before = self.find(name)
            self._require(caller, actor, DELETED, name)
            if_match.check(etag(before))
            if self._is_named(name):
                refusal = Conflict("documents or spaces name the schedule", code="schedule_in_use")
                self._audit.append(actor.event(DELETED, _object(name), refusal=refusal))
                raise refusal
            try:
                event = actor.event(DELETED, _object(name), before=record(before))
                self._audit.append(event, partial(self._table.remove, before))
            except StateChanged:
                continue
            return
        raise _busy()

    def _is_named(self, name: str) -> bool:
        if any(each.retention_schedule == name for each in self._spaces.read()):
            return True
        page = self._index().scheduled(name, None, self._clock(), 1, None, EVERYWHERE)
        return bool(page.items) or page.next is not None

    def _require(self, caller: Principal, actor: Actor, action: str, name: str) -> None:
        if caller.administers() != EVERYWHERE:
            refusal: ArtStoreError = Forbidden(
                "the calling account is kept to its own spaces", code="exceeds_own_spaces"
            )
            self._audit.append(actor.event(action, _object(name), refusal=refusal))
            raise refusal


def etag(item: ScheduleItem) -> str:
    """Give the entity tag: the revision in quotes."""
    return f'"{int(item.revision)}"'


def show(item: ScheduleItem) -> RetentionSchedule:
    """Show a schedule to a client."""
    return RetentionSchedule(
        name=item.name,
        period=item.period,
        trigger=item.trigger,
        action=ScheduleAction(item.action),
        automatic=bool(item.automatic),
        description=item.description,
        revision=int(item.revision),
        created_at=datetime.fromisoformat(item.created_at),
        created_by=item.created_by,
        updated_at=datetime.fromisoformat(item.updated_at),
    )


def record(item: ScheduleItem) -> dict[str, Any]:
    """Give what the audit log keeps of a schedule."""
    return {each: getattr(item, each) for each in _TOLD} | {"revision": int(item.revision)}


def _check(action: ScheduleAction, *, automatic: bool) -> None:
    if automatic and action is not ScheduleAction.DELETE:
        raise Invalid(
            "only what is to be deleted is done automatically", code="automatic_without_delete", field="automatic"
        )


def _busy() -> Conflict:
    return Conflict("the schedule is being changed by others; try again", code="schedule_busy")


def _object(name: str) -> str:
    """Give what the audit log calls a schedule."""
    return f"retention-schedule/{name}"
