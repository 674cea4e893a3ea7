"""Purging a document: its bytes and then its attr.json, each on condition that it still is the one that was meant.

First the attr.json is written once more, with ``purged_at``: on condition of the one that was just judged, so
that no hold, no undeletion and no other change comes between, and from then on nobody changes it. A crash
afterwards leaves a document that nobody sees and that is purged on: the bytes first, since bytes without an
attr.json are new to whoever meets them. The event for the audit log is left before the last trace goes: it may
come twice, and never not at all.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from artstore import attributes as attr
from artstore.attributes import Attributes
from artstore.attributes.storable import MAX_INTEGER
from artstore.audit import SUCCESS, SYSTEM, AuditEvent, format_time
from artstore.elements import Right
from artstore.errors import Invalid, NotFound, PreconditionFailed, TooLarge
from artstore.index.claims import Place
from artstore.naming import attributes_key
from artstore.objects import StoredObject
from artstore.retention import refuse_deletion
from artstore.spaces import name_of
from functions.maintenance.sweeping import Did, Verdict
from functions.maintenance.sweeps.ports import Elements, Ingesting, Objects, Outbox, Swept

PURGED = "document.purged"
Due = Callable[[Attributes], str | None]
"""Tells why a document is not due, None when it is."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Purge:
    """Purges documents of one deployment."""

    def __init__(
        self,
        *,
        elements: Elements,
        objects: Objects,
        swept: Swept,
        ingest: Ingesting,
        outbox: Outbox,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        """Take the ports."""
        self._elements = elements
        self._objects = objects
        self._swept = swept
        self._ingest = ingest
        self._outbox = outbox
        self._clock = clock

    def purge(self, file_id: UUID, place: Place, due: Due, *, why: str, dry_run: bool) -> Verdict:
        """Purge the document at ``place`` if it is due and may go, or only tell. Raises Unavailable.

        ``why`` goes into the audit log: trash or expired.
        """
        found = self._read(place)
        if found is None:
            if not dry_run:
                self._ingest.at(*place)
            return Verdict(Did.GONE)
        attributes, etag = found
        if attributes is None or attributes.file_id != file_id:
            return Verdict(Did.REPORTED, "another_document" if attributes else "attributes_unreadable")
        refusal = self._refusal(place, attributes, due)
        if refusal is not None:
            return Verdict(Did.KEPT, refusal)
        stored = self._stored(place)
        if stored is not None and (other := _differs(attributes, stored)) is not None:
            return Verdict(Did.REPORTED, other)
        if dry_run:
            return Verdict(Did.DELETED)
        if attributes.purged_at is None:
            try:
                attributes, etag = self._decide(place, attributes, etag)
            except (NotFound, PreconditionFailed):
                return Verdict(Did.LATER, "changed")
        return self._remove(place, attributes, etag, stored, why)

    def _refusal(self, place: Place, attributes: Attributes, due: Due) -> str | None:
        element = self._elements().locate(*place)
        if element is None or not element.may(Right.DELETE):
            return "deletion_not_allowed"
        if attributes.purged_at is not None:
            return None  # decided
        if attributes.finalization is not None:
            return "finalization_in_progress"
        refusal = refuse_deletion(attributes, element.mode, self._clock())
        return refusal.code if refusal is not None else due(attributes)

    def _decide(self, place: Place, attributes: Attributes, etag: str) -> tuple[Attributes, str]:
        now = self._clock()
        decided = msgspec.structs.replace(
            attributes,
            deleted_at=attributes.deleted_at or now,
            deleted_by_id=attributes.deleted_by_id or SYSTEM,
            purged_at=now,
            revision=min(attributes.revision + 1, MAX_INTEGER),
            updated_at=max(attributes.updated_at, now),
        )
        return decided, self._objects.replace(place.bucket, attributes_key(place.key), attr.dump(decided), etag)

    def _remove(
        self, place: Place, attributes: Attributes, etag: str, stored: StoredObject | None, why: str
    ) -> Verdict:
        if stored is not None and not self._swept.remove(*place, stored.etag) and self._stored(place) is not None:
            return Verdict(Did.REPORTED, "object_changed")
        self._outbox.leave(_event(attributes, why))
        beside = attributes_key(place.key)
        if not self._swept.remove(place.bucket, beside, etag) and self._read(place) is not None:
            return Verdict(Did.LATER, "changed")
        self._ingest.at(*place)
        return Verdict(Did.DELETED)

    def _read(self, place: Place) -> tuple[Attributes | None, str] | None:
        try:
            content = self._objects.read(place.bucket, attributes_key(place.key), attr.MAX_BYTES + 1)
        except NotFound:
            return None
        try:
            return attr.parse(content.body), content.etag
        except (Invalid, TooLarge):
            return None, content.etag

    def _stored(self, place: Place) -> StoredObject | None:
        try:
            return self._objects.head(*place)
        except NotFound:
            return None


def _differs(attributes: Attributes, stored: StoredObject) -> str | None:
    """Tell whether other bytes lie there than the attr.json describes: then nobody meant them."""
    if stored.size != attributes.file_size or stored.sha256 not in (None, attributes.checksum):
        return "object_changed"
    if attributes.storage_etag not in (None, stored.etag):
        return "object_changed"
    if attributes.deleted_at is not None and stored.last_modified > attributes.deleted_at:
        return "object_changed"
    return None


def _event(attributes: Attributes, why: str) -> AuditEvent:
    deleted_at = attributes.deleted_at
    return AuditEvent(
        action=PURGED,
        actor=SYSTEM,
        object=f"file/{attributes.file_id}",
        outcome=SUCCESS,
        source_ip="",
        request_id="",
        before={
            "original_filename": attributes.original_filename,
            "checksum": attributes.checksum,
            "content_type": attributes.content_type,
            "file_size": attributes.file_size,
            "space": name_of(attributes.space),
            "deleted_by_id": attributes.deleted_by_id,
            "deleted_at": None if deleted_at is None else format_time(deleted_at),
        },
        reason=why,
    )
