"""Whether a document may go: the one place where that is decided.

Whoever deletes, for a client, because time is up or because the bytes lie elsewhere by now, asks here first, with
the attr.json as it has just been read. Storage holds it to the same: the bucket of an element that keeps documents
refuses deletion to everybody, and a legal hold there is on the version of the bytes as well.
"""

from __future__ import annotations

from datetime import datetime

from artstore.attributes import Attributes
from artstore.elements import Mode, RetentionPolicy
from artstore.errors import Conflict


def refuse_deletion(attributes: Attributes, mode: Mode, now: datetime) -> Conflict | None:
    """Give the reason why the document must stay, None when it may go; ``now`` is aware.

    ``legal_hold``: somebody has to be able to rely on it, whatever else is said. ``deletion_not_allowed``: its
    storage element keeps what it has. ``retained``: it is permanent until a day that is to come.
    """
    retention = attributes.retention
    if retention is not None and retention.legal_hold:
        return Conflict("the document is under a legal hold", code="legal_hold")
    if mode is not Mode.EDIT:
        return Conflict(f"a document in an element of mode {mode} is not deleted", code="deletion_not_allowed")
    if retention is None or retention.expires_at is None or retention.policy != RetentionPolicy.PERMANENT:
        return None
    if retention.expires_at > now:
        return Conflict(f"the document is kept until {retention.expires_at.isoformat()}", code="retained")
    return None


def may_delete(attributes: Attributes, mode: Mode, now: datetime) -> bool:
    """Tell whether the document may go."""
    return refuse_deletion(attributes, mode, now) is None
