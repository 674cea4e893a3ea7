"""Fixity checks in PostgreSQL, in the table ``fixity_checks`` beside the index, on the index's own connection.

Needs SELECT on ``documents`` and SELECT, INSERT, UPDATE and DELETE on ``fixity_checks``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from artstore.fixity import Compared, Enrolled, Fixity, FixityOutcome, Within
from artstore.index.claims import Place
from artstore.index.connection import Server

# A tombstone is a place, too, and moves the walk on. What is enrolled already stays what it is.
_ENROL = """
WITH page AS (
    SELECT bucket, object_key, shown FROM documents
    WHERE (bucket, object_key) > (%(bucket)s, %(key)s) ORDER BY bucket, object_key LIMIT %(limit)s
), made AS (
    INSERT INTO fixity_checks (bucket, object_key) SELECT bucket, object_key FROM page WHERE shown
    ON CONFLICT DO NOTHING
)
SELECT
    count(*) FILTER (WHERE shown AND {counted}),
    (array_agg(bucket ORDER BY bucket DESC, object_key DESC))[1],
    (array_agg(object_key ORDER BY bucket DESC, object_key DESC))[1],
    count(*)
FROM page
"""

_WITHIN = "bucket = %(in_bucket)s AND starts_with(object_key, %(in_prefix)s)"

_OLDEST = """
SELECT bucket, object_key FROM fixity_checks WHERE looked_at < %(before)s AND {counted}
ORDER BY looked_at, bucket, object_key LIMIT %(limit)s
"""

_NOTE = """
INSERT INTO fixity_checks (bucket, object_key, looked_at, checked_at, outcome, file_id, checksum, sha256)
VALUES (%(bucket)s, %(key)s, %(at)s, %(at)s, %(outcome)s, %(file_id)s, %(checksum)s, %(sha256)s)
ON CONFLICT (bucket, object_key) DO UPDATE SET
    looked_at = excluded.looked_at, checked_at = excluded.checked_at, outcome = excluded.outcome,
    file_id = excluded.file_id, checksum = excluded.checksum, sha256 = excluded.sha256
"""

_LOOKED_AT = """
INSERT INTO fixity_checks (bucket, object_key, looked_at) VALUES (%(bucket)s, %(key)s, %(at)s)
ON CONFLICT (bucket, object_key) DO UPDATE SET looked_at = excluded.looked_at
"""

_FORGET = "DELETE FROM fixity_checks WHERE bucket = %(bucket)s AND object_key = %(key)s"

_LAST = """
SELECT checked_at, outcome FROM fixity_checks
WHERE bucket = %(bucket)s AND object_key = %(key)s AND file_id = %(file_id)s AND checksum = %(checksum)s
"""


class FixityTable:
    """See artstore.fixity.FixityChecks."""

    def __init__(self, server: Server) -> None:
        """Take the server of the index; see ``PostgresIndex.server``."""
        self._server = server

    def enrol(self, after: Place | None, limit: int, within: Within | None) -> Enrolled:
        """See FixityChecks."""
        start = after or Place("", "")
        values = {"bucket": start.bucket, "key": start.key, "limit": limit} | _values(within)
        row = self._one(_ENROL.format(counted=_condition(within)), values)
        documents, bucket, key, places = row or (0, None, None, 0)
        return Enrolled(documents, Place(bucket, key) if places == limit else None)

    def oldest(self, before: datetime, limit: int, within: Within | None) -> Sequence[Place]:
        """See FixityChecks."""
        values = {"before": before, "limit": limit} | _values(within)
        statement = _OLDEST.format(counted=_condition(within))
        rows = self._server.run(lambda connection: connection.execute(statement, values).fetchall())
        return [Place(bucket, key) for bucket, key in rows]

    def note(self, place: Place, at: datetime, outcome: FixityOutcome, compared: Compared) -> None:
        """See FixityChecks."""
        values = {"at": at, "outcome": str(outcome), "file_id": compared.file_id, "checksum": compared.checksum}
        self._do(_NOTE, place, values | {"sha256": compared.sha256})

    def pass_over(self, place: Place, at: datetime) -> None:
        """See FixityChecks."""
        self._do(_LOOKED_AT, place, {"at": at})

    def forget(self, place: Place) -> None:
        """See FixityChecks."""
        self._do(_FORGET, place, {})

    def last(self, place: Place, file_id: UUID, checksum: str) -> Fixity | None:
        """See FixityChecks."""
        values = {"bucket": place.bucket, "key": place.key, "file_id": file_id, "checksum": checksum}
        row = self._one(_LAST, values)
        return None if row is None else Fixity(row[0], FixityOutcome(row[1]))

    def _one(self, statement: str, values: dict[str, Any]) -> tuple[Any, ...] | None:
        return self._server.run(lambda connection: connection.execute(statement, values).fetchone())

    def _do(self, statement: str, place: Place, values: dict[str, Any]) -> None:
        values = values | {"bucket": place.bucket, "key": place.key}
        self._server.run(lambda connection: connection.execute(statement, values))


def _condition(within: Within | None) -> str:
    return "true" if within is None else _WITHIN


def _values(within: Within | None) -> dict[str, str]:
    return {} if within is None else {"in_bucket": within.bucket, "in_prefix": within.prefix}
