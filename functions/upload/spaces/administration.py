"""Administering spaces: create, show, change their limits, delete the empty ones.

Each act is one transaction with its entry in the audit log, on condition of the revision that was read. Whoever
has the scope elements:admin and is kept to no spaces administers all of them, others those in which they have the
scope. What a caller may not see is not there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from msgspec import UNSET

from artstore.audit import Actor, AuditLog, StateChanged, format_time
from artstore.errors import Conflict, Forbidden
from artstore.http.idempotency import fingerprint
from artstore.http.preconditions import IfMatch
from artstore.index.usage import Dimension, UsageReport
from artstore.schedules import Schedules, require
from artstore.security import Principal, Scope
from artstore.spaces import DEFAULT, EVERYWHERE, Reach, not_found
from artstore.tables import SpaceItem
from functions.upload.spaces.models import SpaceChange, SpaceRequest
from functions.upload.spaces.views import etag, record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pynamodb.transactions import TransactWrite

CREATED, UPDATED, DELETED = "space.created", "space.updated", "space.deleted"
MAX_SPACES = 1000
"""What one reading of the registry has room for."""
_MAX_ATTEMPTS = 5
_ADDED = frozenset({"retention_schedule"})
"""Members of a request that the first version did not know."""


class Table(Protocol):
    """What is asked of the registry; see ``artstore.aws.space_table``."""

    def find(self, name: str) -> SpaceItem | None: ...
    def read(self) -> list[SpaceItem]: ...
    def new(self, name: str, **attributes: Any) -> SpaceItem: ...
    def add(self, item: SpaceItem, transaction: TransactWrite) -> None: ...
    def change(self, item: SpaceItem, changes: Mapping[str, Any], transaction: TransactWrite) -> None: ...
    def remove(self, item: SpaceItem, transaction: TransactWrite) -> None: ...


class Index(Protocol):
    """What is asked of the index."""

    def usage(self, by: Dimension, reach: Reach, limit: int) -> UsageReport: ...


@dataclass(frozen=True)
class Administrator(Actor):
    """Who acts, and what the token permits."""

    caller: Principal


class SpaceAdministration:
    """The spaces of one deployment."""

    def __init__(
        self,
        *,
        table: Table,
        schedules: Schedules,
        index: Callable[[], Index],
        audit: AuditLog,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the ports; the index is asked for when a space is to be deleted."""
        self._table = table
        self._schedules = schedules
        self._index = index
        self._audit = audit
        self._clock = clock

    def list(self, caller: Principal) -> list[SpaceItem]:
        """Give the spaces that ``caller`` may see, by their names."""
        return [each for each in self._table.read() if _may_see(caller, each.space)]

    def find(self, name: str, caller: Principal) -> SpaceItem:
        """Give one. Raises NotFound (``space_not_found``)."""
        found = self._table.find(name) if _may_see(caller, name) else None
        if found is None:
            raise not_found("space")
        return found

    def create(
        self, request: SpaceRequest, actor: Administrator, idempotency_key: str | None = None
    ) -> tuple[SpaceItem, bool]:
        """Create a space, and tell whether the same request had done so before, under the same key.

        Raises Forbidden (``exceeds_own_spaces``) for who is kept to spaces, NotFound (``schedule_not_found``),
        Conflict (``space_exists``, ``too_many_spaces``) and Unavailable.
        """
        asked = None
        if idempotency_key is not None:
            asked = f"{actor.client_id} {idempotency_key} {fingerprint(request, _ADDED)}"
        now = format_time(self._clock())
        item = self._table.new(
            request.space,
            description=request.description,
            max_documents=request.max_documents,
            max_bytes=request.max_bytes,
            allowed_types=list(dict.fromkeys(request.allowed_types)),
            retention_schedule=request.retention_schedule,
            created_at=now,
            created_by=actor.client_id,
            updated_at=now,
            request_hash=asked,
        )
        if actor.caller.administers() != EVERYWHERE:
            refusal = Forbidden("the calling account is kept to its own spaces", code="exceeds_own_spaces")
            self._audit.append(actor.event(CREATED, _object(item.space), refusal=refusal))
            raise refusal
        existing = self._table.find(request.space)
        if existing is None and request.retention_schedule is not None:
            require(self._schedules, request.retention_schedule, "retention_schedule")
        if existing is None and len(self._table.read()) >= MAX_SPACES:
            raise Conflict(f"a deployment has at most {MAX_SPACES} spaces", code="too_many_spaces")
        if existing is None:
            try:
                event = actor.event(CREATED, _object(item.space), after=record(item))
                self._audit.append(event, partial(self._table.add, item))
            except StateChanged:
                existing = self._table.find(request.space)
            else:
                return item, False
        if existing is None or asked is None or existing.request_hash != asked:
            raise Conflict("there is a space of that name", code="space_exists", field="space")
        return existing, True

    def change(self, name: str, wanted: SpaceChange, if_match: IfMatch, actor: Administrator) -> SpaceItem:
        """Change what ``wanted`` names. Raises NotFound, PreconditionFailed and Conflict (``space_busy``)."""
        values: dict[str, Any] = {
            each: value for each, value in msgspec.structs.asdict(wanted).items() if value is not UNSET
        }
        if "allowed_types" in values:
            values["allowed_types"] = list(dict.fromkeys(values["allowed_types"] or ()))
        for _ in range(_MAX_ATTEMPTS):
            before = self._find_administered(name, actor.caller)
            if_match.check(etag(before))
            if isinstance(wanted.retention_schedule, str):
                require(self._schedules, wanted.retention_schedule, "retention_schedule")
            shown = record(before)
            changes = {each: value for each, value in values.items() if shown[each] != value}
            if not changes:
                return before
            after = shown | changes | {"revision": shown["revision"] + 1}
            event = actor.event(
                UPDATED, _object(name), before={each: shown[each] for each in changes}, after=changes
            )
            stored = changes | {"revision": after["revision"], "updated_at": format_time(self._clock())}
            try:
                self._audit.append(event, partial(self._table.change, before, stored))
            except StateChanged:
                continue
            return self.find(name, actor.caller)
        raise _busy()

    def delete(self, name: str, if_match: IfMatch, actor: Administrator) -> None:
        """Delete a space without documents, the trash included, and without reserved uploads.

        Raises Conflict (``space_is_default``, ``space_not_empty``, ``space_busy``) and as ``change`` does.
        """
        for _ in range(_MAX_ATTEMPTS):
            before = self._find_administered(name, actor.caller)
            if_match.check(etag(before))
            used = self._index().usage(Dimension.SPACE, Reach(frozenset({name})), 1).total
            refusal = None
            if name == DEFAULT:
                refusal = Conflict("the default space is always there", code="space_is_default")
            elif used.documents or used.trashed_documents or before.reserved_documents:
                refusal = Conflict("there are documents in the space, or on their way", code="space_not_empty")
            if refusal is not None:
                self._audit.append(actor.event(DELETED, _object(name), refusal=refusal))
                raise refusal
            try:
                event = actor.event(DELETED, _object(name), before=record(before))
                self._audit.append(event, partial(self._table.remove, before))
            except StateChanged:
                continue
            return
        raise _busy()

    def _find_administered(self, name: str, caller: Principal) -> SpaceItem:
        """Give a space that the caller may change. One that it only sees is 403, since it knows of it."""
        found = self.find(name, caller)
        if not caller.administers().includes(name):
            raise Forbidden("the calling account does not administer this space", code="exceeds_own_spaces")
        return found


def _may_see(caller: Principal, name: str) -> bool:
    return caller.reach(Scope.FILES_READ).includes(name) or caller.administers().includes(name)


def _busy() -> Conflict:
    return Conflict("the space is being changed by others; try again", code="space_busy")


def _object(name: str) -> str:
    """Give what the audit log calls a space."""
    return f"space/{name}"
