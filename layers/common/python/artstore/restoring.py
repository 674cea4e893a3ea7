"""Archived bytes that were asked back: on their way, or at hand until a day.

What counts is what storage says of the object (S3 User Guide, "Restoring an archived object"); the index keeps
what it said last, so that showing a document asks storage only while its bytes are on their way.
"""

from __future__ import annotations

import enum
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec


class RestoreStatus(enum.StrEnum):
    """How far a restore is."""

    IN_PROGRESS = "in_progress"
    RESTORED = "restored"


class Restore(msgspec.Struct, frozen=True, kw_only=True):
    """A restore of archived bytes."""

    status: RestoreStatus
    """in_progress, or restored: then they can be downloaded."""
    until: datetime | None = None
    """UTC. When restored bytes go back to where they have to be restored again."""

    def is_over(self, now: datetime) -> bool:
        """Tell whether restored bytes have gone back."""
        return self.until is not None and self.until <= now


class NotedRestore(msgspec.Struct, frozen=True, kw_only=True):
    """What storage said last of the restore of the bytes with that ETag."""

    etag: str
    restore: Restore


class Tier(enum.StrEnum):
    """How soon bytes are wanted back, and at what price (RestoreObject, "Tier")."""

    STANDARD = "Standard"
    BULK = "Bulk"
    EXPEDITED = "Expedited"


_EXPIRY = re.compile(r'expiry-date="([^"]+)"')


def read_restore(header: str) -> Restore | None:
    """Read the header x-amz-restore (HeadObject); None when it says nothing of a restore."""
    if 'ongoing-request="true"' in header:
        return Restore(status=RestoreStatus.IN_PROGRESS)
    if 'ongoing-request="false"' not in header:
        return None
    found = _EXPIRY.search(header)
    return Restore(status=RestoreStatus.RESTORED, until=None if found is None else _read_date(found[1]))


def _read_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
