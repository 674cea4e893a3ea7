"""Documents that a scanner is yet to look at, as the index finds them, in the order of their ids."""

from __future__ import annotations

import enum
from uuid import UUID

import msgspec

from artstore.index.ended import Ended


class Which(enum.StrEnum):
    """Documents by what a scanner has said of them: it ``failed``, or never looked (``unscanned``), or any."""

    FAILED = "failed"
    UNSCANNED = "unscanned"
    ALL = "all"


class UnscannedPage(msgspec.Struct, frozen=True):
    """Some of them, perhaps none; ``next`` is None on the last page."""

    items: tuple[Ended, ...]
    next: UUID | None


_FAILED = "attributes #>> '{scan,status}' = 'failed'"
_WANTED = {
    Which.FAILED: "true",
    Which.UNSCANNED: f"(NOT attributes ? 'scan' OR {_FAILED})",
    Which.ALL: "true",
}


def find(which: Which, *, after: bool) -> str:
    """Walk %(limit)s documents, and tell of each whether it is wanted: so no page takes longer than another.

    What failed is walked alone, in the words of the index documents_scan_failed.
    """
    walked = f" AND {_FAILED}" if which is Which.FAILED else ""
    following = " AND file_id > %(after_file_id)s" if after else ""
    element = "(%(element)s::text IS NULL OR attributes ->> 'storage_element_id' = %(element)s)"
    return (
        f"SELECT file_id, bucket, object_key, {_WANTED[which]} AND NOT missing AND {element} FROM documents"  # noqa: S608  # constants only
        f" WHERE shown{walked}{following} ORDER BY file_id LIMIT %(limit)s"
    )


def page(found: list[tuple[UUID, str, str, bool]], limit: int) -> UnscannedPage:
    """Make a page of what ``find`` gave."""
    items = tuple(Ended(file_id=each[0], bucket=each[1], key=each[2]) for each in found if each[3])
    return UnscannedPage(items, found[-1][0] if len(found) == limit else None)
