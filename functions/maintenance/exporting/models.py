"""What may be asked of an export, and what its pages say."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from artstore.errors import Invalid
from artstore.index import MAX_QUERY
from artstore.spaces import ALL, Reach, SpaceName

KIND = "export"
"""The kind of job."""
MAX_IDS = 1000
"""The most documents that a request names; a search may find more."""
MAX_DOCUMENTS = 100_000
"""The most documents of one bag."""
PAGE = 100
"""Documents whose results lie together."""
EXPORTED = "exported"


class ExportSearch(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Documents as a list finds them."""

    query: Annotated[str, Meta(max_length=MAX_QUERY)] | None = None
    """As in GET /api/v1/files."""
    versions: bool = False
    """Whether documents that others have taken the place of are meant as well."""


class ExportRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Which documents: by ids, by a search, or all of a space."""

    format: Literal["bagit"] = "bagit"
    ids: Annotated[list[UUID], Meta(min_length=1, max_length=MAX_IDS)] | None = None
    search: ExportSearch | None = None
    space: SpaceName | None = None
    """Without it: every space within reach."""
    description: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None
    """What bag-info.txt says of the bag (External-Description)."""


def check_export(asked: ExportRequest) -> ExportRequest:
    """Check what no schema says, and give the request as it is carried out. Raises Invalid."""
    if asked.ids is not None and asked.search is not None:
        raise Invalid("either ids or a search says which documents are meant", code="invalid_body", field="ids")
    if asked.ids is None and asked.search is None and asked.space is None:
        raise Invalid("ids, a search or a space says which documents are meant", code="invalid_body", field="ids")
    if asked.search is not None and "\0" in (asked.search.query or ""):
        raise Invalid("the query has a NUL character", code="invalid_body", field="search.query")
    if asked.ids is not None:
        return msgspec.structs.replace(asked, ids=list(dict.fromkeys(asked.ids)))
    return asked


class ExportJob(msgspec.Struct, frozen=True, kw_only=True):
    """What a job of this kind is asked: the request, and how far its caller reached when it was made."""

    asked: ExportRequest
    spaces: list[str]
    """Names, or ``*`` alone."""

    @property
    def reach(self) -> Reach:
        """Give the spaces in which the documents are. Who asked administers them, so nothing is withheld."""
        names = None if self.spaces == [ALL] else frozenset(self.spaces)
        return Reach(names, names)


class Exported(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one document: ``exported``, or why it was left out.

    ``path`` is relative to the bag; sizes are bytes, checksums SHA-256 in hex. ``attributes_`` is of the attr.json
    beside it.
    """

    file_id: UUID
    outcome: str
    path: str = ""
    size: int = 0
    sha256: str = ""
    attributes_size: int = 0
    attributes_sha256: str = ""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some of a job's documents, and what became of the first of them, as far as the work has come."""

    ids: list[UUID]
    results: list[Exported] = []


class Large(msgspec.Struct, frozen=True, kw_only=True):
    """A copy in parts that is under way; ``copied`` are the parts that are there. Sizes in bytes."""

    file_id: UUID
    path: str
    etag: str
    upload_id: str
    size: int
    part_size: int
    copied: int = 0

    @property
    def parts(self) -> int:
        """How many parts it takes."""
        return -(-self.size // self.part_size)
