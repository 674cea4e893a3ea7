"""Finding documents, and letting them be downloaded. Listing and metadata never touch S3."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from artstore import documents
from artstore.documents import Document, DocumentV1
from artstore.errors import Conflict, Gone, Invalid
from artstore.fixity import Fixity
from artstore.folders import parse_folder
from artstore.index import DocumentIndex, IndexedDocument, Only, Position, TrashPosition
from artstore.index.claims import Place
from artstore.presign import Presigned
from artstore.restoring import Restore, Tier
from artstore.spaces import Reach, not_found
from functions.query.archived import ArchivedBytes
from functions.query.cursors import Cursors
from functions.query.models import (
    DocumentList,
    ListQuery,
    PageQuery,
    Total,
    Trash,
    TrashQuery,
    VersionList,
    Versions,
)

# NUL, and halves of surrogate pairs: what no UTF-8 text of a person holds.
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")


class Signer(Protocol):
    """What permits a download."""

    def sign_download(
        self, bucket: str, key: str, *, expires_in: int, filename: str, content_type: str, version_id: str | None
    ) -> Presigned:
        """Permit one object to be downloaded as an attachment."""
        ...


class Checks(Protocol):
    """What is asked of fixity checks; see artstore.fixity."""

    def last(self, place: Place, file_id: UUID, checksum: str) -> Fixity | None: ...


@dataclass(frozen=True)
class Download:
    """A link to a document's bytes, and what they are."""

    link: Presigned
    content_type: str


class Documents:
    """The documents of one archive, as its index shows them."""

    def __init__(
        self,
        *,
        index: DocumentIndex,
        signer: Signer,
        cursors: Cursors,
        archived: ArchivedBytes,
        checks: Checks,
        download_expiry_seconds: int,
    ) -> None:
        """Read from ``index``; download links hold ``download_expiry_seconds``."""
        self._checks = checks
        self._archived = archived
        self._index = index
        self._signer = signer
        self._cursors = cursors
        self._download_expiry_seconds = download_expiry_seconds

    def list(self, asked: ListQuery, reach: Reach) -> DocumentList:
        """Give one page of what is within ``reach``, newest first.

        Raises Invalid for a cursor of another search, or of another reach, and for what is no folder
        (``invalid_folder``).
        """
        if asked.query is not None and _NO_TEXT.search(asked.query):
            raise Invalid("the query is not text in Unicode", code="invalid_parameter", field="query")
        reach = reach.within(asked.space)
        only = Only(
            sha256=None if asked.sha256 is None else asked.sha256.lower(),
            folder=None if asked.folder is None else parse_folder(asked.folder),
        )
        search = [asked.query, str(asked.versions), only.sha256, only.folder, *reach.key]
        after = self._cursors.open(asked.cursor, search) if asked.cursor else None
        all_versions = asked.versions is Versions.ALL
        page = self._index.search(asked.query, asked.limit, after, reach, all_versions=all_versions, only=only)
        return DocumentList(
            items=[_show(each) for each in page.items],
            next_cursor=self._cursors.seal(page.next, search) if page.next else None,
            total=Total(page.total, "eq" if page.total_is_exact else "gte"),
        )

    def versions(self, file_id: UUID, asked: PageQuery, reach: Reach) -> VersionList:
        """Give one page of the chain that a document is in. Raises NotFound (``document_not_found``), and Invalid
        for a cursor of another chain."""
        self._find(file_id, reach)
        search = ["versions", str(file_id), *reach.key]
        after = self._cursors.open(asked.cursor, search) if asked.cursor else None
        page = self._index.versions(file_id, asked.limit, after, reach)
        cursor = self._cursors.seal(page.next, search) if page.next else None
        return VersionList([_show(each) for each in page.items], cursor)

    def trash(self, asked: TrashQuery, reach: Reach) -> Trash:
        """Give one page of what is deleted within ``reach``. Raises Invalid for a cursor of another list."""
        reach = reach.within(asked.space)
        search = ["trash", *reach.key]
        after = None
        if asked.cursor:
            position = self._cursors.open(asked.cursor, search)
            after = TrashPosition(deleted_at=position.created_at, file_id=position.file_id)
        page = self._index.trash(asked.limit, after, reach)
        cursor = None
        if page.next is not None:
            position = Position(created_at=page.next.deleted_at, file_id=page.next.file_id)
            cursor = self._cursors.seal(position, search)
        return Trash([_show(each) for each in page.items], cursor)

    def show(self, file_id: UUID, reach: Reach) -> tuple[Document, str]:
        """Give a document and its ETag. Raises NotFound (``document_not_found``)."""
        found = self._find(file_id, reach)
        shown = _show(found)
        shown.restore = self._archived.show(found)
        if found.attributes.checksum is not None:
            shown.fixity = self._checks.last(Place(found.bucket, found.key), file_id, found.attributes.checksum)
        etag = documents.etag_of(
            found.attributes_etag,
            missing=found.missing,
            current=found.current,
            restore=shown.restore,
            fixity=shown.fixity,
        )
        return shown, etag

    def show_v1(self, file_id: UUID, reach: Reach) -> tuple[DocumentV1, str]:
        """Give a document in schema 1.0 and its ETag. Raises NotFound, and Conflict (``not_v1_compatible``)."""
        found = self._find(file_id, reach)
        return documents.show_v1(found.attributes), documents.etag_of_v1(found.attributes_etag)

    def download(self, file_id: UUID, reach: Reach) -> Download:
        """Give a link to the very version that was verified, always as an attachment.

        Raises NotFound, Gone (``document_missing``) when the bytes are no longer there, and Conflict:
        ``document_quarantined`` when nobody is to get them, ``archived`` when they have to be restored first.
        """
        found = self._find_bytes(file_id, reach)
        self._archived.require_at_hand(found)
        link = self._signer.sign_download(
            found.bucket,
            found.key,
            expires_in=self._download_expiry_seconds,
            filename=found.attributes.original_filename,
            content_type=found.attributes.content_type,
            version_id=found.version_id,
        )
        return Download(link, found.attributes.content_type)

    def restore(self, file_id: UUID, days: int, tier: Tier, reach: Reach) -> tuple[bool, Restore | None]:
        """Have archived bytes brought back for so many days; tell whether they are at hand, and how it stands.

        Raises as ``download`` does, and Conflict (``tier_not_available``).
        """
        return self._archived.restore(self._find_bytes(file_id, reach), days, tier)

    def _find_bytes(self, file_id: UUID, reach: Reach) -> IndexedDocument:
        found = self._find(file_id, reach)
        if found.missing:
            raise Gone("the document's bytes are not in storage any more", code="document_missing")
        if (quarantine := found.attributes.quarantine) is not None:
            raise Conflict(
                f"the document is in quarantine since {quarantine.at:%Y-%m-%d}: {quarantine.reason}",
                code="document_quarantined",
            )
        return found

    def _find(self, file_id: UUID, reach: Reach) -> IndexedDocument:
        found = self._index.find(file_id, reach)
        if found is None:
            raise not_found("document")
        return found


def _show(found: IndexedDocument) -> Document:
    return documents.show(found.attributes, missing=found.missing, current=found.current)
