"""Reading the audit log page by page, and verifying it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta

from artstore.audit import START, AuditEntry, AuditPage, AuditQuery, Link
from artstore.audit.chain import ChainProblem, verify_end, verify_entries
from artstore.cursors import CursorSealer
from artstore.errors import Invalid

VERIFIED_AT_ONCE = 5000
"""Entries that one call verifies."""

_FIRST_YEAR, _LAST_YEAR = 1001, 3000

Text = Annotated[str, Meta(min_length=1, max_length=256)]
Time = Annotated[datetime, Meta(tz=True)]


class AuditListQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which entries, and how many at a time."""

    actor: Text | None = None
    """client_id of who did it, or system."""
    object: Text | None = None
    """What it was done to, such as service-account/<client_id>."""
    action: Text | None = None
    """What was done, such as service_account.created."""
    since: Time | None = msgspec.field(default=None, name="from")
    """Entries of this time and later; RFC 3339 with an offset."""
    until: Time | None = msgspec.field(default=None, name="to")
    """Entries before this time."""
    limit: Annotated[int, Meta(ge=1, le=100)] = 50
    cursor: Annotated[str, Meta(max_length=300)] | None = None
    """next_cursor of the page before, with the same filters."""


class AuditList(msgspec.Struct):
    """One page of entries, newest first. A page may be short, even empty, while next_cursor says there is more."""

    items: list[AuditEntry]
    next_cursor: str | None


class VerificationRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Where to begin."""

    cursor: Annotated[str, Meta(max_length=300)] | None = None
    """next_cursor of the call before; the beginning of the log without it."""


class AuditVerification(msgspec.Struct):
    """How far this call followed the chain."""

    valid: bool
    """False when a problem was found; true says nothing of what a next_cursor still leads to."""
    checked: int
    """Entries that this call found good."""
    last: Link
    """The last good entry and its hash. Kept elsewhere, it proves later that nothing before it was touched."""
    exported: int | None
    """seq of the last entry in the locked bucket, with which the log was compared; null when there is none."""
    problem: ChainProblem | None
    """The first problem; verifying ends there."""
    next_cursor: str | None
    """Goes on behind ``last``; null when the end of the log, or a problem, was reached."""


class Log(Protocol):
    """What reading asks of the log; see artstore.aws.audit_table."""

    def head(self) -> Link: ...
    def search(self, query: AuditQuery) -> AuditPage: ...
    def entries(self, after: int, limit: int) -> list[AuditEntry]: ...


class AuditReader:
    """The audit log for those who may read it."""

    def __init__(self, *, log: Log, cursors: CursorSealer, newest_export: Callable[[], Link | None]) -> None:
        """Read ``log``; verify it against what ``newest_export`` gives."""
        self._log = log
        self._cursors = cursors
        self._newest_export = newest_export

    def list(self, asked: AuditListQuery) -> AuditList:
        """Give one page, newest first. Raises Invalid for a cursor of another query."""
        if not all(text.isprintable() for text in (asked.actor, asked.object, asked.action) if text):
            raise Invalid("a filter has a character that cannot be printed", code="invalid_parameter")
        if not all(_FIRST_YEAR <= at.year < _LAST_YEAR for at in (asked.since, asked.until) if at):
            raise Invalid("from and to are times of this millennium or the last", code="invalid_parameter")
        filters = ["audit", asked.actor, asked.object, asked.action, asked.since, asked.until]
        page = self._log.search(
            AuditQuery(
                actor=asked.actor,
                object=asked.object,
                action=asked.action,
                since=asked.since,
                until=asked.until,
                before=self._cursors.open(asked.cursor, filters, str) if asked.cursor else None,
                limit=asked.limit,
            )
        )
        return AuditList(page.entries, self._cursors.seal(page.next, filters) if page.next else None)

    def verify(self, asked: VerificationRequest) -> AuditVerification:
        """Follow the chain for some thousand entries, from the cursor or from the beginning."""
        after = self._cursors.open(asked.cursor, "audit/verify", Link) if asked.cursor else START
        known = self._newest_export()
        head = self._log.head()
        entries = self._log.entries(after.seq, VERIFIED_AT_ONCE)
        found = verify_entries(entries, after, known)
        more = found.problem is None and bool(entries) and found.last.seq < head.seq
        problem = found.problem
        if problem is None and not more:
            problem = verify_end(found.last, known) or verify_end(head, after)
        return AuditVerification(
            valid=problem is None,
            checked=found.checked,
            last=found.last,
            exported=known.seq if known else None,
            problem=problem,
            next_cursor=self._cursors.seal(found.last, "audit/verify") if more else None,
        )
