"""Into the trash and out of it. In the trash a document is found by nobody, and its bytes stay until the sweep."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol
from uuid import UUID

import msgspec

from artstore.attributes import Attributes
from artstore.audit import Actor, AuditEvent, format_time
from artstore.changes.changing import Changes, Found, Precondition, no_precondition
from artstore.changes.succeeding import Successions, take_place
from artstore.errors import Conflict, Gone
from artstore.index import IndexedDocument, Position, VersionsPage
from artstore.retention import refuse_deletion
from artstore.spaces import Reach

DELETED = "document.deleted"
UNDELETED = "document.undeleted"


class Outbox(Protocol):
    """Where events for the audit log are left; see artstore.aws.audit_outbox."""

    def leave(self, event: AuditEvent) -> None: ...


class Index(Protocol):
    """What is asked of the index; see artstore.index.DocumentIndex."""

    def find_any(self, file_id: UUID, reach: Reach) -> IndexedDocument | None: ...
    def versions(self, file_id: UUID, limit: int, after: Position | None, reach: Reach) -> VersionsPage: ...


class Deleting:
    """Puts documents into the trash, and takes them out."""

    def __init__(
        self,
        changes: Changes,
        *,
        index: Index,
        successions: Successions,
        outbox: Outbox,
        trash: timedelta,
    ) -> None:
        """Take the ports; ``trash`` is how long a document can be taken out again."""
        self._changes = changes
        self._index = index
        self._successions = successions
        self._outbox = outbox
        self._trash = trash

    def delete(
        self, file_id: UUID, reach: Reach, actor: Actor, precondition: Precondition = no_precondition
    ) -> IndexedDocument:
        """Put a document into the trash. One that is there stays as it is, whatever ``precondition`` says.

        The one whose place it took is current again. Raises what ``Changes.change`` raises and what
        ``artstore.retention.refuse_deletion`` gives, and Conflict (``version_in_between``).
        """

        def edit(found: Found) -> Attributes:
            if found.is_in_the_trash:
                return found.attributes
            now = self._changes.now()
            if refusal := refuse_deletion(found.attributes, found.element.mode, now):
                raise refusal
            self.check_end_of_chain(found, reach)
            return msgspec.structs.replace(found.attributes, deleted_at=now, deleted_by_id=actor.client_id)

        def release(found: Found, _changed: Attributes) -> None:
            self.leave_place(found.attributes)

        def check(found: Found) -> None:
            if not found.is_in_the_trash:
                precondition(found.etags)

        deleted = self._changes.change(file_id, reach, edit, check=check, after=release)
        self._record(DELETED, deleted, actor)
        return deleted

    def undelete(self, file_id: UUID, reach: Reach, actor: Actor) -> IndexedDocument:
        """Take a document out of the trash; one that is not there stays as it is.

        It takes the place of the one that it superseded again, unless another does by now: then it says so no
        longer. Raises what ``Changes.change`` raises, and Gone (``undelete_too_late``).
        """

        def edit(found: Found) -> Attributes:
            attributes = found.attributes
            if attributes.deleted_at is None:
                return attributes
            if attributes.deleted_at + self._trash <= self._changes.now():
                raise Gone("the document has been in the trash for too long", code="undelete_too_late")
            supersedes = attributes.supersedes
            if supersedes is not None and not self._take_place(supersedes, file_id):
                supersedes = None
            return msgspec.structs.replace(attributes, deleted_at=None, deleted_by_id=None, supersedes=supersedes)

        undeleted = self._changes.change(file_id, reach, edit)
        self._record(UNDELETED, undeleted, actor)
        return undeleted

    def _take_place(self, predecessor: UUID, file_id: UUID) -> bool:
        changes = self._changes
        return take_place(self._successions, self._index, changes.present, predecessor, file_id, changes.now())

    def leave_place(self, attributes: Attributes) -> None:
        """Free the place that a document took of another one, which is current again. May be done again."""
        if attributes.supersedes is not None:
            self._successions.release(attributes.supersedes, attributes.file_id)

    def check_end_of_chain(self, found: Found, reach: Reach) -> None:
        """Refuse what would part a chain of versions: the one before would be current again beside the last.

        Raises Conflict (``version_in_between``).
        """
        if found.attributes.supersedes is None or found.indexed.current:
            return
        file_id = found.attributes.file_id
        below = Position(created_at=found.attributes.created_at, file_id=file_id)
        if self._index.versions(file_id, 1, below, reach).items:
            raise Conflict(
                "the document stands between two of its versions; delete the newer ones first",
                code="version_in_between",
            )

    def _record(self, action: str, document: IndexedDocument, actor: Actor) -> None:
        """Leave an event for every request that was granted, the repeated ones too: none that was answered is
        missing."""
        attributes = document.attributes
        deleted_at = None if attributes.deleted_at is None else format_time(attributes.deleted_at)
        after = {"deleted_at": deleted_at, "revision": attributes.revision}
        self._outbox.leave(actor.event(action, f"file/{attributes.file_id}", after=after))
