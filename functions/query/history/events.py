"""What happened to a document, in the words of PREMIS (Data Dictionary 3.0, "eventType"), from what its attr.json
and the audit log tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from artstore.attributes import Attributes
from artstore.audit import SUCCESS, SYSTEM, AuditEntry
from artstore.fixity import Fixity, FixityOutcome
from functions.query.history.models import HistoryEvent

FAILURE = "failure"
_DELETION, _DEACCESSION = "deletion", "deaccession"
_TYPES: Mapping[str, str] = {
    "document.deleted": _DEACCESSION,
    "document.undeleted": "recovery",
    "document.purged": _DELETION,
    "document.quarantined": "quarantine",
    "document.released": "unquarantine",
    "object.removed": _DELETION,
    "finalization.completed": "migration",
    "finalization.failed": "migration",
    "fixity.checked": "fixity check",
    "fixity.failed": "fixity check",
    "legal_hold.placed": "policy assignment",
    "legal_hold.released": "policy assignment",
    "retention.extended": "policy assignment",
    "retention.kept": "policy assignment",
    "retention.disposed": _DELETION,
}
_MOST_DETAIL = 1000


def from_attributes(attributes: Attributes) -> list[HistoryEvent]:
    """Give the events that an attr.json tells of, newest first. Deletions, quarantine and the like are the audit
    log's to tell, which knows who and why."""
    events = [
        _told("ingestion", attributes.created_at, attributes.created_by_id, attributes.original_filename),
    ]
    if attributes.revision > 1 and attributes.updated_at > attributes.created_at:
        detail = f"revision {attributes.revision}; earlier ones are not remembered"
        events.append(_told("metadata modification", attributes.updated_at, None, detail))
    scan = attributes.scan
    if scan is not None:
        said = " ".join(each for each in (scan.signature, scan.reason) if each) or None
        events.append(_told("virus check", scan.at, scan.engine, said, outcome=scan.status))
    return sorted(events, key=order, reverse=True)


def from_check(fixity: Fixity | None) -> list[HistoryEvent]:
    """Give the last check of the bytes; one that failed is in the audit log as well."""
    if fixity is None:
        return []
    outcome = SUCCESS if fixity.outcome == FixityOutcome.OK else FAILURE
    return [_told("fixity check", fixity.checked_at, SYSTEM, f"the last one: {fixity.outcome}", outcome=outcome)]


def from_entry(entry: AuditEntry) -> HistoryEvent:
    """Give the event that an entry of the audit log tells of."""
    kind = _TYPES.get(entry.action, entry.action.replace(".", " ").replace("_", " "))
    if entry.action == "retention.disposed" and (entry.after or {}).get("how") == "trash":
        kind = _DEACCESSION
    failed = entry.outcome != SUCCESS or entry.action.endswith(".failed")
    return HistoryEvent(
        event_id=f"audit-{entry.seq:012d}",
        type=kind,
        at=datetime.fromisoformat(entry.at),
        outcome=FAILURE if failed else SUCCESS,
        agent=entry.actor,
        action=entry.action,
        detail=_summary(entry.after or entry.before),
        reason=entry.reason,
    )


def order(event: HistoryEvent) -> tuple[datetime, str]:
    """Give what events are sorted by."""
    return event.at, event.event_id


def _told(
    kind: str, at: datetime, agent: str | None, detail: str | None, *, outcome: str = SUCCESS
) -> HistoryEvent:
    return HistoryEvent(
        event_id=kind.replace(" ", "-"),
        type=kind,
        at=at,
        outcome=outcome,
        agent=agent,
        action=None,
        detail=detail,
        reason=None,
    )


def _summary(state: dict[str, Any] | None) -> str | None:
    """Write what an entry says became, or was, as a line."""
    said = [f"{name}: {value}" for name, value in sorted((state or {}).items()) if value not in (None, {}, [])]
    return "; ".join(said)[:_MOST_DETAIL] or None
