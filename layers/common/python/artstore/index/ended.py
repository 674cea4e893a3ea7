"""Documents whose time is over, as the index finds them: where they lie, and where the next page begins."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import msgspec


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A document whose time was over when the index was asked; what lies there now has to be looked at."""

    file_id: UUID
    bucket: str
    key: str


class EndedPosition(msgspec.Struct, frozen=True):
    """Where a page ended: when the time of its last document was over, as text that sorts, and its id."""

    at: str
    file_id: UUID


class EndedPage(msgspec.Struct, frozen=True):
    """Some documents, those that ended longest ago first; ``next`` is None on the last page."""

    items: tuple[Ended, ...]
    next: EndedPosition | None


_EXPIRY = "(attributes -> 'retention' ->> 'expires_at') COLLATE \"C\""


def expired(*, after: bool) -> str:
    """Find temporary documents, shown or in the trash, that ended before %(until)s and are under no hold."""
    following = f" AND ({_EXPIRY}, file_id) > (%(after_at)s, %(after_file_id)s)" if after else ""
    return (
        f"SELECT file_id, bucket, object_key, {_EXPIRY} FROM documents"  # noqa: S608  # constants only
        " WHERE (shown OR trashed) AND attributes -> 'retention' ->> 'policy' = 'temporary'"
        " AND attributes -> 'retention' ->> 'legal_hold' IS DISTINCT FROM 'true'"
        f" AND {_EXPIRY} < %(until)s{following} ORDER BY {_EXPIRY}, file_id LIMIT %(limit)s"
    )


def trashed(*, after: bool) -> str:
    """Find documents that were deleted before %(until)s."""
    following = " AND (deleted_at, file_id) > (%(after_at)s::timestamptz, %(after_file_id)s)" if after else ""
    return (
        "SELECT file_id, bucket, object_key, deleted_at FROM documents"  # noqa: S608  # constants only
        f" WHERE trashed AND deleted_at < %(until)s{following} ORDER BY deleted_at, file_id LIMIT %(limit)s"
    )


def sealed(*, after: bool) -> str:
    """Find documents, shown or in the trash, whose attr.json names a finalization."""
    following = " AND file_id > %(after_file_id)s" if after else ""
    return (
        "SELECT file_id, bucket, object_key FROM documents"  # noqa: S608  # constants only
        f" WHERE (shown OR trashed) AND attributes ? 'finalization'{following} ORDER BY file_id LIMIT %(limit)s"
    )


def text_of(moment: datetime) -> str:
    """Write a time as attr.json does."""
    text: str = msgspec.to_builtins(moment.astimezone(UTC))
    return text


def page(found: list[tuple[UUID, str, str, str]], limit: int) -> EndedPage:
    """Make a page of up to one row more than ``limit``: file_id, bucket, key, and the time as text."""
    items = tuple(Ended(file_id=file_id, bucket=bucket, key=key) for file_id, bucket, key, _ in found[:limit])
    if len(found) <= limit or not items:
        return EndedPage(items, None)
    last = found[limit - 1]
    return EndedPage(items, EndedPosition(last[3], last[0]))
