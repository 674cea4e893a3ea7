"""The locks that storage itself keeps on a version of a document's bytes."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Locks(Protocol):
    """See artstore.object_lock. Everything may be done again. Raises Unavailable."""

    def keep_until(self, bucket: str, key: str, version_id: str, until: datetime) -> None:
        """Have a version kept ``until`` at least; one that is kept longer stays so."""
        ...

    def hold(self, bucket: str, key: str, version_id: str, *, on: bool) -> None:
        """Put a version under a legal hold, or end it."""
        ...
