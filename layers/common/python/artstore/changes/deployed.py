"""The use cases of one deployment, on its storage and its tables; whoever carries them out builds them here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from artstore.audit import AuditEvent
from artstore.aws.audit_outbox import AuditOutbox
from artstore.aws.schedule_table import ScheduleTable
from artstore.aws.successions import Successions
from artstore.changes.changing import Changes, IngestNow
from artstore.changes.deleting import Deleting
from artstore.changes.holding import Holding
from artstore.changes.patching import Patching
from artstore.changes.releasing import Releasing
from artstore.changes.retaining import Retaining
from artstore.config import ChangesSettings
from artstore.elements import StorageElements
from artstore.index import DocumentIndex
from artstore.object_lock import ObjectLock
from artstore.objects import ObjectStore, s3_client


@dataclass(frozen=True)
class DocumentChanges:
    """What can be done to a document that is there."""

    patching: Patching
    deleting: Deleting
    holding: Holding
    releasing: Releasing
    retaining: Retaining
    reading: Changes
    """What finds a document as it is in storage."""


def open_changes(
    settings: ChangesSettings,
    *,
    index: DocumentIndex,
    elements: Callable[[], StorageElements],
    ingest: IngestNow,
    record: Callable[[AuditEvent], object] | None = None,
) -> DocumentChanges:
    """Build them. ``record`` writes holds and releases into the audit log; without it, they go by way of the
    outbox."""
    outbox = AuditOutbox(settings.prefix)
    locks = ObjectLock(s3_client(), settings.retention_mode)
    changes = Changes(index=index, elements=elements, objects=ObjectStore(s3_client()), ingest=ingest)
    return DocumentChanges(
        reading=changes,
        retaining=Retaining(changes, outbox),
        patching=Patching(changes, locks, ScheduleTable(settings.prefix)),
        deleting=Deleting(
            changes,
            index=index,
            successions=Successions(settings.prefix),
            outbox=outbox,
            trash=timedelta(days=settings.trash_days),
        ),
        holding=Holding(changes, locks, record or outbox.leave),
        releasing=Releasing(changes, record or outbox.leave),
    )
