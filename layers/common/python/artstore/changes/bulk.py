"""One change for many documents: what may be asked, and what it means for each of them.

The documents are frozen when the work starts: the ids that were named, or those that a search finds then, as many
as it finds. From then on each one goes through the very same use case as a single request does, with the rights
that the caller had, and each has a result of its own. What was done already is done again without harm.
"""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Annotated, Any, Protocol
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from artstore.audit import Actor
from artstore.changes.changing import no_precondition
from artstore.changes.deleting import Deleting
from artstore.changes.finalizing import Finalizing
from artstore.changes.holding import Holding
from artstore.changes.limits import Reason, Tags, check_said
from artstore.changes.patching import DocumentPatch, Patching
from artstore.errors import ArtStoreError, Invalid, Unavailable
from artstore.folders import MAX_FOLDER, parse_folder
from artstore.index import MAX_QUERY
from artstore.spaces import Reach, SpaceName, named

KIND = "bulk"
"""The kind of job."""
MAX_IDS = 1000
"""The most documents that a request names; a search may find more."""
MAX_DOCUMENTS = 100_000
"""The most documents of one job."""
PAGE = 100
"""Documents whose results lie together."""


class Action(enum.StrEnum):
    """What is done to each document."""

    TAG = "tag"
    SET_ATTRIBUTES = "set_attributes"
    MOVE = "move"
    DELETE = "delete"
    UNDELETE = "undelete"
    HOLD = "hold"
    RELEASE = "release"
    FINALIZE = "finalize"


class BulkSearch(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Documents as a list finds them; to undelete, those in the trash."""

    query: Annotated[str, Meta(max_length=MAX_QUERY)] | None = None
    """As in GET /api/v1/files; the trash is not searched by words."""
    space: SpaceName | None = None
    """Without it: every space within reach."""
    versions: bool = False
    """Whether documents that others have taken the place of are meant as well."""


class BulkRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Which documents, by ids or by search, and what is done to each."""

    action: Action
    ids: Annotated[list[UUID], Meta(min_length=1, max_length=MAX_IDS)] | None = None
    search: BulkSearch | None = None
    add_tags: Tags = []
    remove_tags: Tags = []
    """Of the action tag."""
    custom_attributes: dict[str, Any] | None = None
    """Of set_attributes: merged into those of each document, null takes a member away."""
    folder: Annotated[str, Meta(max_length=MAX_FOLDER)] | UnsetType | None = UNSET
    """Of move: where people look for them, such as /a/b; null for nowhere."""
    reason: Reason | None = None
    """Of hold and release."""
    dry_run: bool = False
    """Only count the documents."""


_MEMBERS: dict[Action, tuple[str, ...]] = {
    Action.TAG: ("add_tags", "remove_tags"),
    Action.SET_ATTRIBUTES: ("custom_attributes",),
    Action.MOVE: ("folder",),
    Action.HOLD: ("reason",),
    Action.RELEASE: ("reason",),
}


def check_bulk(request: BulkRequest) -> BulkRequest:
    """Check what no schema says, and give the request as it is carried out. Raises Invalid."""
    if (request.ids is None) == (request.search is None):
        raise Invalid("either ids or a search says which documents are meant", code="invalid_body", field="ids")
    if request.action is Action.UNDELETE and request.search is not None and request.search.query is not None:
        raise Invalid("the trash is not searched by words", code="invalid_body", field="search.query")
    if request.search is not None and "\0" in (request.search.query or ""):
        raise Invalid("the query has a NUL character", code="invalid_body", field="search.query")
    mine = _MEMBERS.get(request.action, ())
    given = {
        "add_tags": bool(request.add_tags),
        "remove_tags": bool(request.remove_tags),
        "custom_attributes": request.custom_attributes is not None,
        "folder": request.folder is not UNSET,
        "reason": request.reason is not None,
    }
    for name in (name for name, is_given in given.items() if is_given and name not in mine):
        raise Invalid(f"{name} is no member of {request.action}", code="invalid_body", field=name)
    if mine and not any(given[name] for name in mine):
        raise Invalid(f"{request.action} needs {' or '.join(mine)}", code="invalid_body", field=mine[0])
    check_said(None, request.add_tags, request.custom_attributes or {})
    if isinstance(request.folder, str):
        request = msgspec.structs.replace(request, folder=parse_folder(request.folder))
    if request.ids is not None:
        request = msgspec.structs.replace(request, ids=list(dict.fromkeys(request.ids)))
    return request


class BulkJob(msgspec.Struct, frozen=True, kw_only=True):
    """What a job of this kind is asked: the request, and how far its caller reached when it was made."""

    asked: BulkRequest
    spaces: list[str]
    """Names, or ``*`` alone."""
    withheld: list[str] = []
    """The same of the spaces whose withheld documents it reached."""

    @property
    def reach(self) -> Reach:
        """Give the spaces in which the documents are."""
        return Reach(named(self.spaces), named(self.withheld))


class DocumentResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one document: done, or refused with the code and the words of a single request."""

    file_id: UUID
    outcome: str
    code: str | None = None
    detail: str | None = None
    waits_until: datetime | None = None
    """Of a decision about retention: before that the document may not go."""


DONE, REFUSED = "done", "refused"


class BulkPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some of a job's documents, and the results of the first of them, as far as the work has come."""

    ids: list[UUID]
    results: list[DocumentResult] = []


class BulkPages(Protocol):
    """Where the frozen documents of jobs and their results are kept; see artstore.aws.bulk_table."""

    def read(self, job_id: UUID, number: int) -> BulkPage | None:
        """Read a page (from 0), or None."""
        ...

    def write(self, job_id: UUID, number: int, page: BulkPage) -> None:
        """Write a page, or replace it."""
        ...


class Acting:
    """Does what a bulk request asks to one document at a time."""

    def __init__(
        self, *, patching: Patching, deleting: Deleting, holding: Holding, finalizing: Finalizing
    ) -> None:
        """Take the use cases of single documents."""
        self._patching = patching
        self._deleting = deleting
        self._holding = holding
        self._finalizing = finalizing

    def act(self, asked: BulkRequest, file_id: UUID, reach: Reach, actor: Actor) -> DocumentResult:
        """Do it, and give the result; may be done again. Raises Unavailable: then it is to be tried again."""
        try:
            self._act(asked, file_id, reach, actor)
        except Unavailable:
            raise
        except ArtStoreError as error:
            return DocumentResult(file_id=file_id, outcome=REFUSED, code=error.code, detail=error.detail)
        return DocumentResult(file_id=file_id, outcome=DONE)

    def _act(self, asked: BulkRequest, file_id: UUID, reach: Reach, actor: Actor) -> object:
        match asked.action:
            case Action.TAG:
                return self._patching.tag(file_id, reach, asked.add_tags, asked.remove_tags)
            case Action.SET_ATTRIBUTES:
                patch = DocumentPatch(custom_attributes=asked.custom_attributes or {})
                return self._patching.patch(file_id, reach, patch, no_precondition)
            case Action.MOVE:
                return self._patching.patch(file_id, reach, DocumentPatch(folder=asked.folder), no_precondition)
            case Action.DELETE:
                return self._deleting.delete(file_id, reach, actor)
            case Action.UNDELETE:
                return self._deleting.undelete(file_id, reach, actor)
            case Action.HOLD | Action.RELEASE:
                hold = asked.action is Action.HOLD
                return self._holding.set(file_id, reach, hold=hold, reason=asked.reason or "", actor=actor)
            case Action.FINALIZE:
                return self._finalizing.start(file_id, reach, actor)
