"""Seals that nobody breaks: an attr.json names a finalization of which nothing is known any more.

So it is after a table was lost, or an attr.json was put back from a backup. Its document could not be changed
until somebody finalized it again. The seal is broken as an undone finalization breaks it, two revisions
further, if the document is shown where the seal is, so that nothing else claims it, and if neither an item
nor a job goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

import msgspec

from artstore.elements import Right
from artstore.finalizations import Phase
from artstore.index import IndexedDocument
from artstore.index.claims import Place
from artstore.index.ended import Ended
from artstore.jobs import Jobs, JobStatus
from artstore.spaces import EVERYWHERE, Reach
from functions.maintenance.finalizing.departed import Verdict
from functions.maintenance.finalizing.handover import Handover
from functions.maintenance.finalizing.ports import Asked, Elements, Finalizations, Ingesting, Objects, Refused


class Index(Protocol):
    """What is asked of the index; see artstore.index.DocumentIndex."""

    def sealed(self, limit: int, after: UUID | None) -> list[Ended]: ...
    def find_any(self, file_id: UUID, reach: Reach) -> IndexedDocument | None: ...


class Seals:
    """The seals of one deployment."""

    def __init__(
        self,
        *,
        elements: Elements,
        objects: Objects,
        index: Index,
        finalizations: Finalizations,
        jobs: Jobs,
        ingest: Ingesting,
        margin: timedelta,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the ports. A seal is let alone until its attr.json is older than ``margin``."""
        self._elements = elements
        self._index = index
        self._finalizations = finalizations
        self._jobs = jobs
        self._ingest = ingest
        self._margin = margin
        self._clock = clock
        self._handover = Handover(objects, clock)

    def find(self, limit: int, after: UUID | None) -> list[Ended]:
        """Name documents that are shown with a seal, in the order of their ids. Raises Unavailable."""
        return self._index.sealed(limit, after)

    def look_at(self, file_id: UUID, place: Place, *, dry_run: bool) -> Verdict:
        """Break the seal if nobody goes on, or only say what would be done. Raises Unavailable."""
        try:
            found = self._handover.read(place)
        except Refused:
            return Verdict.OVERTAKEN
        shown = self._index.find_any(file_id, EVERYWHERE)
        if found is None or shown is None or (shown.bucket, shown.key) != place or found[0].file_id != file_id:
            return Verdict.OVERTAKEN
        transaction_id = found[0].finalization
        if transaction_id is None:
            return Verdict.OVERTAKEN
        if found[0].updated_at > self._clock() - self._margin or self._is_known(file_id, transaction_id):
            return Verdict.UNDER_WAY
        if self._lies_elsewhere(file_id, transaction_id):
            return Verdict.TARGET_CHANGED
        element = self._elements().locate(*place)
        if element is None or not element.may(Right.CHANGE):
            return Verdict.NOT_ALLOWED
        if not dry_run:
            asked = Asked(file_id=file_id, source=place, target=place, element_id=element.element_id)
            self._handover.take_back(asked, transaction_id)
            self._ingest.at(*place)
        return Verdict.UNSEALED

    def _is_known(self, file_id: UUID, transaction_id: UUID) -> bool:
        """Tell whether somebody else brings this to an end: the document's item, or a job that is not over."""
        known = self._finalizations.find(file_id)
        if known is not None and known.phase is not Phase.UNDONE:
            return True
        job = self._jobs.find(transaction_id)
        return job is not None and job.status in (JobStatus.WAITING, JobStatus.RUNNING)

    def _lies_elsewhere(self, file_id: UUID, transaction_id: UUID) -> bool:
        """Tell whether an attr.json lies where the document was to go, though it is not shown there."""
        job = self._jobs.find(transaction_id)
        if job is None:
            return False
        try:
            there = self._handover.read(msgspec.convert(job.request, Asked).target)
        except Refused:
            return True
        return there is not None and there[0].file_id == file_id
