"""Bytes that lie where they cannot be read at once: in ar elements, all that are larger than 128 KiB.

Everywhere else nothing is asked of storage. There, one HEAD tells whether the bytes are at hand: S3 moves them
some time after the element was archived, and a restored copy stays for some days. What the index keeps of restores
may be behind, since it came by events: it is shown, and nothing is decided by it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from artstore.elements import Right, StorageElements
from artstore.errors import Conflict, Gone, NotFound, Unavailable
from artstore.index import IndexedDocument
from artstore.objects import StoredObject
from artstore.restoring import NotedRestore, Restore, RestoreStatus, Tier


class Storage(Protocol):
    """What is asked of storage; see artstore.objects."""

    def head(self, bucket: str, key: str, version_id: str | None = None) -> StoredObject: ...
    def restore(
        self, bucket: str, key: str, version_id: str | None, days: int, tier: Tier = Tier.STANDARD
    ) -> None: ...


class Notes(Protocol):
    """What is kept of restores; see artstore.index."""

    def restore_of(self, bucket: str, key: str, version_id: str | None) -> NotedRestore | None: ...
    def note_restore(self, bucket: str, key: str, version_id: str | None, noted: NotedRestore | None) -> None: ...


def _utc_now() -> datetime:
    return datetime.now(UTC)


class ArchivedBytes:
    """The archived bytes of one deployment."""

    def __init__(
        self,
        elements: Callable[[], StorageElements],
        storage: Callable[[], Storage],
        notes: Notes,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        """Take the ports; ``storage`` is made when it is needed."""
        self._elements = elements
        self._storage = storage
        self._notes = notes
        self._clock = clock

    def require_at_hand(self, found: IndexedDocument) -> None:
        """Raise Conflict (``archived``) for bytes that have to be restored first, Unavailable."""
        if self._is_archive(found) and self._head(found).archived:
            raise Conflict("the document's bytes have to be restored before they are read", code="archived")

    def show(self, found: IndexedDocument) -> Restore | None:
        """Tell of a restore that is under way, or whose bytes are still at hand. Storage is asked only while the
        bytes are on their way, for the event of their coming may be lost. Raises Unavailable."""
        if found.missing or not self._is_archive(found):
            return None
        noted = self._notes.restore_of(*_object(found))
        if noted is None or found.object_etag not in (None, noted.etag):
            return None
        restore: Restore | None = noted.restore
        if noted.restore.status is RestoreStatus.IN_PROGRESS:
            try:
                restore = self._head(found).restore
            except Gone:
                restore = None
        return None if restore is None or restore.is_over(self._clock()) else restore

    def restore(self, found: IndexedDocument, days: int, tier: Tier) -> tuple[bool, Restore | None]:
        """Have the bytes brought back for so many days; tell whether they are at hand already, and how it stands.

        Asked again meanwhile, it changes nothing; asked again when they are there, they stay longer, and never
        shorter. Raises Gone (``document_missing``), Conflict (``tier_not_available``), Unavailable.
        """
        if not self._is_archive(found):
            return True, None
        stored = self._head(found)
        if not stored.archived:
            if stored.restore is None or not self._is_longer(days, stored.restore):
                return True, stored.restore
            self._storage().restore(*_object(found), days, tier)
            stored = self._head(found)
        elif stored.restore is None:
            self._storage().restore(*_object(found), days, tier)
            stored = self._head(found)
        self._note(found, stored)
        return not stored.archived, stored.restore

    def _note(self, found: IndexedDocument, stored: StoredObject) -> None:
        """Keep it for whoever asks next; the event tells it as well."""
        noted = None if stored.restore is None else NotedRestore(etag=stored.etag, restore=stored.restore)
        with contextlib.suppress(Unavailable):
            self._notes.note_restore(*_object(found), noted)

    def _is_longer(self, days: int, restore: Restore) -> bool:
        return restore.until is not None and self._clock() + timedelta(days=days) > restore.until

    def _is_archive(self, found: IndexedDocument) -> bool:
        element = self._elements().locate(found.bucket, found.key)
        return element is not None and not element.may(Right.READ)

    def _head(self, found: IndexedDocument) -> StoredObject:
        try:
            return self._storage().head(*_object(found))
        except NotFound as error:
            raise Gone("the document's bytes are not in storage any more", code="document_missing") from error


def _object(found: IndexedDocument) -> tuple[str, str, str | None]:
    return found.bucket, found.key, found.version_id
