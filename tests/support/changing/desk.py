"""An archive in memory with everything that changes documents on it: the same code as behind the API."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from artstore.audit import Actor, AuditEvent
from artstore.changes.changing import Changes
from artstore.changes.deleting import Deleting
from artstore.changes.holding import Holding
from artstore.changes.patching import Patching
from artstore.index import IndexedDocument
from artstore.naming import attributes_key
from artstore.spaces import EVERYWHERE
from functions.storage_events.events import EventKind, StorageEvent
from tests.fakes.memory_bucket import EDIT, KEPT, MemoryBuckets
from tests.fakes.memory_index import MemoryIndex
from tests.support.ingesting.world import ELEMENTS, World
from tests.support.killing import Killer
from tests.support.scheduling import TenYears

ANNA = Actor("sa_anna", "192.0.2.1", "req-1")
TRASH = timedelta(days=30)
__all__ = ["ANNA", "EDIT", "KEPT", "TRASH", "Desk"]


class MemoryLocks:
    """What storage itself keeps, version by version."""

    def __init__(self) -> None:
        self.until: dict[str, datetime] = {}
        self.held: set[str] = set()

    def keep_until(self, bucket: str, key: str, version_id: str, until: datetime) -> None:
        """See Locks."""
        self.until[version_id] = max(until, self.until.get(version_id, until))

    def hold(self, bucket: str, key: str, version_id: str, *, on: bool) -> None:
        """See Locks."""
        (self.held.add if on else self.held.discard)(version_id)


class MemoryAudit:
    """The audit log and its outbox, as a list."""

    def __init__(self) -> None:
        self.events: list[AuditEvent] = []

    def append(self, event: AuditEvent, alongside: object = None) -> Any:
        """See AuditLog."""
        self.events.append(event)

    def leave(self, event: AuditEvent) -> None:
        """See AuditOutbox."""
        self.events.append(event)


class Objects:
    """Storage, with the rights of who changes documents."""

    def __init__(self, buckets: MemoryBuckets) -> None:
        self.read = buckets.read
        self.replace = buckets.change


class Desk:
    """A world, and the changes that clients may make in it; ``killer`` stands before every port."""

    def __init__(self, world: World | None = None) -> None:
        self.world = world or World(MemoryIndex(), knows_sha256=True)
        self.locks = MemoryLocks()
        self.audit = MemoryAudit()
        self.use(Killer())

    def use(self, killer: Killer) -> None:
        """Build the changes anew, behind another killer."""
        world = self.world
        index = killer.guard(world.index)
        successions = killer.guard(world.successions)
        self.changes = Changes(
            index=index,
            elements=lambda: ELEMENTS,
            objects=killer.guard(Objects(world.buckets)),
            ingest=killer.guard(self, "at"),
            clock=lambda: world.buckets.now,
        )
        locks, audit = killer.guard(self.locks), killer.guard(self.audit)
        self.patching = Patching(self.changes, locks, TenYears())
        self.deleting = Deleting(self.changes, index=index, successions=successions, outbox=audit, trash=TRASH)
        self.holding = Holding(self.changes, locks, audit.append)

    def at(self, bucket: str, key: str) -> None:
        """Have a place looked at now; see IngestNow."""
        event = StorageEvent(kind=EventKind.CREATED, name="IngestNow", bucket=bucket, key=key, at=None)
        self.world.ingest.handle(event)

    def store(self, number: int = 1, body: bytes = b"monday", bucket: str = EDIT, **said: Any) -> UUID:
        """Upload a document, let its event come, and have its attr.json say more; give its id."""
        supersedes = said.pop("supersedes", None)
        self.world.wait(1000)
        self.world.upload(bucket, number, body, None if supersedes is None else str(supersedes), space=None)
        self.world.deliver_all()
        file_id = UUID(int=number)
        if said:
            self.world.edit(*self.place(file_id), **said)
            self.world.deliver_all()
        return file_id

    def place(self, file_id: UUID) -> tuple[str, str]:
        """Give where a document lies."""
        record = self.world.records.kept[file_id]
        return record.bucket, record.key

    def written(self, file_id: UUID) -> dict[str, Any]:
        """Read the attr.json in the bucket."""
        bucket, key = self.place(file_id)
        body = self.world.buckets.body(bucket, attributes_key(key))
        assert body is not None
        found: dict[str, Any] = json.loads(body)
        return found

    def found(self, file_id: UUID) -> IndexedDocument | None:
        """Find a document as a reader does."""
        return self.world.index.find(file_id, EVERYWHERE)

    def listed(self) -> set[UUID]:
        """List what lists show."""
        page = self.world.index.search(None, 100, None, EVERYWHERE)
        return {each.attributes.file_id for each in page.items}

    def settle(self) -> None:
        """Let every event come, and compare the index with a rebuild."""
        self.world.deliver_all()
        self.world.check()
