"""Finalizations as clients ask for them, and see them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from uuid import UUID

import msgspec

from artstore.changes.finalizing import KIND, Begun, Finalizing
from artstore.errors import ArtStoreError
from artstore.http import Request
from artstore.http.acting import actor_of
from artstore.http.idempotency import derived_id, key_reused
from artstore.jobs import Jobs, JobStatus
from artstore.security import Principal, Scope
from artstore.spaces import not_found
from functions.upload.documents.finalizing_models import (
    FinalizationList,
    FinalizationQuery,
    FinalizationShown,
    FinalizeManyOutcome,
    FinalizeManyRequest,
    FinalizeOutcome,
    FinalizeRequest,
    Reason,
    show,
    summarize,
)

_DERIVED = uuid.UUID("0b8a8f0e-3d0c-5c1b-9a55-5f0f8c2b7d41")
"""The namespace (RFC 9562 §5.5) of transactions that are derived from an account, a key and a document."""
_STATUS_OF = {"completed": JobStatus.COMPLETED}
"""States that jobs of one status alone are in."""


@dataclass(frozen=True)
class Started:
    """What a request came to; ``begun`` is False for what was under way, or done, before."""

    shown: FinalizationShown
    begun: bool


class FinalizationDesk:
    """The finalizations of one deployment, for clients."""

    def __init__(self, finalizing: Finalizing, jobs: Jobs) -> None:
        """Take what begins them, and where they are kept."""
        self._finalizing = finalizing
        self._jobs = jobs

    def start(
        self, file_id: UUID, asked: FinalizeRequest, caller: Principal, request: Request, key: str | None = None
    ) -> Started:
        """Begin the finalization of a document, unless it is under way or done.

        Raises what ``artstore.changes.finalizing`` raises, and Conflict (``idempotency_key_reused``).
        """
        reach = caller.reach(Scope.FILES_WRITE)
        transaction_id = None
        if key is not None:
            transaction_id = derived_id(_DERIVED, caller.client_id, f"{key}\x00{file_id}")
            if (before := self._jobs.find(transaction_id)) is not None:
                reach.require(before.space, "document")
                if before.request.get("retain_until") != msgspec.to_builtins(asked.retain_until):
                    raise key_reused()
                return Started(show(before), begun=False)
        begun = self._finalizing.start(
            file_id, reach, actor_of(caller, request), asked.retain_until, transaction_id
        )
        return Started(show(begun.job), begun=begun.now)

    def start_all(self, asked: FinalizeManyRequest, caller: Principal, request: Request) -> FinalizeManyOutcome:
        """Begin many; each has an outcome of its own.

        Raises Invalid (``retain_until_past``, ``retention_out_of_range``) and Unavailable.
        """
        outcomes = self._finalizing.start_all(
            asked.file_ids, caller.reach(Scope.FILES_WRITE), actor_of(caller, request), asked.retain_until
        )
        items = [_outcome(each, outcomes[each]) for each in dict.fromkeys(asked.file_ids)]
        accepted = sum(each.error is None for each in items)
        return FinalizeManyOutcome(items, accepted=accepted, refused=len(items) - accepted)

    def show(self, transaction_id: UUID, caller: Principal) -> FinalizationShown:
        """Tell where a finalization stands. Raises NotFound (``finalization_not_found``), Unavailable."""
        job = self._jobs.find(transaction_id)
        if job is None or job.kind != KIND:
            raise not_found("finalization")
        caller.reach(Scope.FILES_WRITE).require(job.space, "finalization")
        return show(job)

    def list(self, query: FinalizationQuery, caller: Principal) -> FinalizationList:
        """Give one page, newest first. Raises Invalid (``invalid_cursor``), Unavailable."""
        status = None if query.status is None else _STATUS_OF.get(query.status)
        page = self._jobs.list(KIND, status, query.limit, query.cursor)
        reach = caller.reach(Scope.FILES_WRITE)
        items = [summarize(each) for each in page.items if reach.includes(each.space)]
        return FinalizationList([each for each in items if query.status in (None, each.state)], page.next)


def _outcome(file_id: UUID, begun: Begun | ArtStoreError) -> FinalizeOutcome:
    if isinstance(begun, ArtStoreError):
        return FinalizeOutcome(file_id=file_id, error=Reason(begun.code, begun.detail))
    shown = show(begun.job)
    return FinalizeOutcome(file_id=file_id, transaction_id=shown.transaction_id, state=shown.state)
