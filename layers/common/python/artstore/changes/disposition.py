"""Decisions about documents whose retention schedules say that they are due: what may be asked, and what is told.

A decision is a job, since storage may be slow and a thousand documents many; each document has a result of its
own.
"""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from artstore.changes.bulk import MAX_IDS
from artstore.changes.limits import Reason
from artstore.errors import Invalid
from artstore.spaces import Reach, named

KIND = "retention"
"""The kind of job."""


class Decision(enum.StrEnum):
    """What is decided about documents."""

    APPROVE = "approve"
    """What is due is done: a document of the actions delete and review goes, one of the action keep is kept for
    good."""
    EXTEND = "extend"
    KEEP = "keep"


class DecisionRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Which documents, and what is decided about each."""

    ids: Annotated[list[UUID], Meta(min_length=1, max_length=MAX_IDS)]
    decision: Decision
    until: Annotated[datetime, Meta(tz=True)] | None = None
    """Of extend, and only then: no document is due before."""
    reason: Reason
    """It is in the audit log, and in the certificate of what was disposed of."""


def check_decision(request: DecisionRequest) -> DecisionRequest:
    """Check what no schema says, and give the request as it is carried out. Raises Invalid."""
    if (request.decision is Decision.EXTEND) != (request.until is not None):
        raise Invalid("until belongs to extend, and extend needs it", code="invalid_body", field="until")
    return msgspec.structs.replace(request, ids=list(dict.fromkeys(request.ids)))


class DecisionJob(msgspec.Struct, frozen=True, kw_only=True):
    """What a job of this kind is asked: the request, and how far its caller reached when it was made."""

    asked: DecisionRequest
    spaces: list[str]
    """Names, or ``*`` alone."""

    @property
    def reach(self) -> Reach:
        """Give the spaces in which the documents are."""
        return Reach(named(self.spaces), named(self.spaces))


class Outcome(enum.StrEnum):
    """What became of one document."""

    DISPOSED = "disposed"
    """It is gone: in the trash, from which the sweep takes it, or for good where documents are kept."""
    EXTENDED = "extended"
    KEPT = "kept"
    HELD = "held"
    """It is under a legal hold, and stays as it is."""
    WAITS = "waits"
    """It may not go before ``waits_until``; decide again then."""
    REFUSED = "refused"
    """See ``code`` and ``detail``."""
    DISPOSING = "disposing"
    """It is being removed just now."""
