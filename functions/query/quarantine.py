"""What is kept from everybody, for those who run the archive: damaged attr.json files, documents in quarantine."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from artstore.cursors import Cursors
from artstore.http import Reply, endpoint
from artstore.index import DocumentIndex
from artstore.index.claims import Place
from artstore.index.kept_back import KeptBack
from artstore.security import Principal, Scope
from artstore.spaces import SpaceName
from functions.query import dependencies


class QuarantineQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What of it, and how much at a time."""

    reason: (
        Annotated[str, Meta(max_length=64, pattern=r"^[a-z_]+(?!\n)$", description="a code in lowercase letters")]
        | None
    ) = None
    """damaged_attributes, checksum_mismatch, infected, or what else keeps documents from everybody."""
    space: SpaceName | None = None
    """Only documents of this space; nothing where it is not the caller's."""
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, Meta(max_length=3000)] | None = None
    """next_cursor of the page before, of the same list."""


class Kept(msgspec.Struct, kw_only=True):
    """A place of which nobody is given anything, or not the bytes."""

    reason: str
    """damaged_attributes: what lies there as attr.json is none; otherwise why the document is in quarantine."""
    since: datetime | None
    """When the quarantine began, or the damaged attr.json was written."""
    file_id: UUID | None
    """null: neither what is left of the attr.json nor the key tells."""
    bucket: str
    key: str
    """The document's; its attributes lie under the same key and .attr.json."""
    space: str | None
    """null where the attr.json, which would tell, is damaged."""
    original_filename: str | None
    code: str | None
    """Why an attr.json is none: attributes_not_json, attributes_invalid, attributes_too_large, ..."""
    detail: str | None
    """What is wrong with it, in words."""


class KeptList(msgspec.Struct):
    """One page, in the order of buckets and keys."""

    items: list[Kept]
    next_cursor: str | None


class _Position(msgspec.Struct):
    b: str
    k: bytes
    """base64 in JSON, where a key of control characters would be six times as long."""


class Quarantined:
    """What the index knows to be kept from everybody."""

    def __init__(self, index: DocumentIndex, cursors: Cursors) -> None:
        """Take the ports."""
        self._index = index
        self._cursors = cursors

    def list(self, asked: QuarantineQuery, caller: Principal) -> KeptList:
        """Give one page. Raises Invalid for a cursor of another list.

        Whose a damaged attr.json is nobody can tell: it is shown to those who run the archive in every space.
        """
        reach = caller.reach(Scope.ELEMENTS_ADMIN).within(asked.space)
        damaged = caller.administers().names is None and asked.space is None
        search = ["quarantine", asked.reason, damaged, *reach.key]
        after = None
        if asked.cursor:
            position = self._cursors.open(asked.cursor, search, _Position)
            after = Place(position.b, position.k.decode())
        page = self._index.kept_back(asked.reason, asked.limit, after, reach, damaged=damaged)
        cursor = None
        if page.next is not None:
            cursor = self._cursors.seal(_Position(page.next.bucket, page.next.key.encode()), search)
        return KeptList([_show(each) for each in page.items], cursor)


@endpoint(
    "GET",
    "/api/v1/quarantine",
    scope=Scope.ELEMENTS_ADMIN,
    summary="List what is kept from everybody",
)
def list_quarantine(query: QuarantineQuery, caller: Principal) -> Reply[KeptList]:
    """List places whose attr.json is damaged, and documents in quarantine, those in the trash too.

    A damaged attr.json leaves the list when it is mended or removed, a document when its quarantine ends.
    docs/attributes.md tells what may be wrong with one, and how it is mended.
    """
    listed = dependencies.quarantined().list(query, caller)
    return Reply(listed, {"Cache-Control": "no-store"})


def _show(each: KeptBack) -> Kept:
    return Kept(
        reason=each.reason,
        since=each.since,
        file_id=each.file_id,
        bucket=each.bucket,
        key=each.key,
        space=each.space,
        original_filename=each.original_filename,
        code=each.code,
        detail=each.detail,
    )
