"""Completing an upload: the bytes are put together where they came in parts, and described at once.

Nothing here is needed for a document to come about: the event of storage does the same, seconds later. Who asks
gets the document in the answer, and finds it in the next search. Asked again, it answers the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from artstore import documents
from artstore.attributes import Attributes, from_document
from artstore.aws.ingesting import LATER, IngestOutcome
from artstore.documents import Document
from artstore.errors import Conflict, NotFound
from artstore.index import IndexedDocument
from artstore.security import Principal, Scope
from artstore.spaces import Reach
from artstore.tables import UploadRecord
from functions.upload.uploads.models import Method
from functions.upload.uploads.multipart import over
from functions.upload.uploads.placing import AWAITED
from functions.upload.uploads.sessions import ABORTED

_STORED, _REJECTED = "STORED", "REJECTED"


class Underway(Protocol):
    """Uploads under way; see functions.upload.uploads.multipart."""

    def find(self, file_id: UUID, caller: Principal) -> UploadRecord: ...
    def assemble(self, record: UploadRecord) -> None: ...


class Found(Protocol):
    """The index; see artstore.index."""

    def find(self, file_id: UUID, reach: Reach) -> IndexedDocument | None: ...


@dataclass(frozen=True)
class Completed:
    """The document, with its ETag; None where it is not described yet."""

    document: Document | None
    etag: str | None = None


class Completion:
    """Completes uploads."""

    def __init__(
        self,
        uploads: Underway,
        ingest: Callable[[str, str], IngestOutcome],
        index: Callable[[], Found],
    ) -> None:
        """Take the uploads under way, what has a place described at once (``IngestNow.at``), and the index,
        which is asked for documents that lie elsewhere by now, and whether another took the place of one."""
        self._uploads = uploads
        self._ingest = ingest
        self._index = index

    def complete(self, file_id: UUID, caller: Principal) -> Completed:
        """Give the document of an upload whose bytes have arrived.

        Raises NotFound (``upload_not_found``, ``document_not_found`` once it was deleted), Conflict
        (``upload_incomplete`` while bytes are missing, ``upload_rejected`` with the reason, ``upload_over`` when
        it was given up, ``infected`` when the document is withheld from the caller) and Unavailable.
        """
        record = self._uploads.find(file_id, caller)
        if record.status == ABORTED:
            raise over(record)
        if record.status == _REJECTED:
            raise _rejected(record.reason)
        if record.kind == Method.MULTIPART and record.status in AWAITED:
            self._uploads.assemble(record)
        came = self._ingest(record.bucket, record.key)
        if came.attributes is not None and came.attributes_etag is not None:
            attributes = from_document(came.attributes)
            if attributes.file_id == file_id and not caller.reach(Scope.FILES_WRITE).shows(attributes):
                raise Conflict("a scanner has found something in the bytes; they are kept", code="infected")
            if attributes.file_id == file_id and attributes.deleted_at is None:
                # What has just been described nobody can have replaced: only a document that is there can be.
                found = self._find(file_id, caller) if record.status == _STORED else None
                current = found is None or found.current
                missing = came.outcome == "missing"
                return _completed(attributes, came.attributes_etag, missing=missing, current=current)
            raise NotFound("the document was deleted", code="document_not_found")
        if record.status == _STORED and (moved := self._find(file_id, caller)):
            return _completed(
                moved.attributes, moved.attributes_etag, missing=moved.missing, current=moved.current
            )
        if came.outcome == LATER:
            return Completed(None)
        if came.outcome == "rejected":
            raise _rejected(came.reason)
        if record.status in AWAITED:
            raise Conflict("the bytes have not arrived", code="upload_incomplete")
        raise NotFound("the document is not there any more", code="document_not_found")

    def _find(self, file_id: UUID, caller: Principal) -> IndexedDocument | None:
        return self._index().find(file_id, caller.reach(Scope.FILES_WRITE))


def _completed(attributes: Attributes, etag: str, *, missing: bool, current: bool) -> Completed:
    return Completed(
        documents.show(attributes, missing=missing, current=current),
        documents.etag_of(etag, missing=missing, current=current),
    )


def _rejected(reason: str | None) -> Conflict:
    return Conflict(f"what arrived is not what was announced: {reason}", code="upload_rejected", reason=reason)
