"""What is known of documents beside the archive: what was asked for, and what was acknowledged.

Of each member of a document that says what it is now the values are kept that it may have: those asked for since
the last acknowledged change was, that one included, since requests at the same time may be taken in any order.
Marks are never taken away: each that was acknowledged stays.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from artstore.changes.bulk import Action
from functions.upload.uploads.models import UploadRequest
from tests.support.flows.lives import Transfer


@dataclass
class Claim:
    """A value that was asked for, and since when it may be so."""

    value: Any
    since: datetime
    pending: bool = False
    """Whether a request or a job that is not over may still make it so."""


@dataclass
class Claims:
    """The values that something may have."""

    of: list[Claim]

    @property
    def values(self) -> set[Any]:
        """Give them."""
        return {each.value for each in self.of}

    def granted(self, claim: Claim) -> None:
        """Forget what had been asked for before."""
        if any(each is claim for each in self.of):
            at = next(number for number, each in enumerate(self.of) if each is claim)
            claim.since = min(each.since for each in self.of if each.value == claim.value)  # it may have been so
            self.of = [each for number, each in enumerate(self.of) if number >= at or each.pending]

    def refused(self, claim: Claim) -> None:
        """Forget what was not done."""
        self.of = [each for each in self.of if each is not claim]

    def settle(self, value: Any, of: str) -> None:
        """See that it is one of them, and know it from now on."""
        assert value in self.values, f"{of} is {value}, not among {self.values}"
        self.of = [Claim(value, min(each.since for each in self.of if each.value == value))]


@dataclass
class Known:
    """What is known of an upload and its document."""

    transfer: Transfer
    supersedes: UUID | None
    ends: datetime | None
    deleted: Claims
    held: Claims
    described: Claims
    sent: bool = False
    """Its bytes lie there whole, or did."""
    abort_asked: bool = False
    aborted: bool = False
    marks: set[str] = field(default_factory=set)
    marks_asked: set[str] = field(default_factory=set)
    """Those that may be there; one that was refused may not."""
    changed: set[str] = field(default_factory=set)
    """The ETags that acknowledged changes named."""
    granted: dict[str, int] = field(default_factory=dict)
    """How many requests of each action of the audit log were granted."""
    turns: int = 0
    """How often it was asked into the trash or out of it."""
    was_deleted: bool = False
    purged: bool = False


def newly(transfer: Transfer, supersedes: UUID | None, ends: datetime | None, now: datetime) -> Known:
    """Begin to know an upload."""
    return Known(
        transfer,
        supersedes,
        ends,
        deleted=Claims([Claim(False, now)]),
        held=Claims([Claim(False, now)]),
        described=Claims([Claim(None, now)]),
    )


@dataclass
class Batch:
    """Uploads that were asked for together, and those of which the client was told."""

    key: str
    since: datetime
    asked: list[tuple[bytes, UploadRequest]]
    told: dict[int, UUID] = field(default_factory=dict)


@dataclass
class BulkAsked:
    """A change of many documents, and what it claims of each that is known."""

    action: Action
    mark: str
    claims: dict[UUID, tuple[Claims, Claim]] = field(default_factory=dict)
    found: dict[UUID, int] = field(default_factory=dict)
    """What the search found when it was asked for, and how often each had been asked into the trash or out of it
    by then: what stays as it is until the work starts is among the documents of the job."""
