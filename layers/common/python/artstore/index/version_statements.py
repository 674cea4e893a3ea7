"""The SQL of versions: which documents are current, the chain of one, and what lies in the trash."""

from __future__ import annotations

from artstore.index.statements import NEWEST_FIRST, ROW, following, in_spaces
from artstore.spaces import Reach

# What documents any claim of these takes the place of.
PREDECESSORS = "SELECT DISTINCT supersedes FROM documents WHERE file_id = ANY(%(ids)s) AND supersedes IS NOT NULL"

# The condition of artstore.index.claims.takes_the_place, of a row ``newer`` and a row ``older``.
_TAKES_THE_PLACE = """
    newer.shown AND newer.supersedes = older.file_id AND newer.space = older.space
    AND (newer.created_at, newer.file_id) > (older.created_at, older.file_id)
"""

_UNLESS_CURRENT_AS_FOUND = """
UPDATE documents SET current = NOT current
FROM (
    SELECT bucket, object_key, NOT EXISTS (SELECT FROM documents AS newer WHERE """
_OF_THESE = """) AS is_current
    FROM documents AS older WHERE file_id = ANY(%(ids)s) AND shown
) AS found
WHERE documents.bucket = found.bucket AND documents.object_key = found.object_key
    AND documents.current <> found.is_current
"""

# One that is withheld takes nobody's place: who does not see it would see neither.
SET_CURRENT = _UNLESS_CURRENT_AS_FOUND + _TAKES_THE_PLACE + " AND NOT newer.withheld" + _OF_THESE

# What %(file_id)s takes the place of, back to the first, and all that came from there. Each step leads to a later
# document, so that no circle is walked.
_CHAIN = """
WITH RECURSIVE back AS (
    SELECT file_id, created_at, supersedes, space FROM documents WHERE file_id = %(file_id)s AND shown
    UNION
    SELECT older.file_id, older.created_at, older.supersedes, older.space
    FROM back JOIN documents AS older ON older.file_id = back.supersedes AND older.shown
        AND older.space = back.space
        AND (older.created_at, older.file_id) < (back.created_at, back.file_id)
), chain AS (
    (SELECT file_id, created_at, space FROM back ORDER BY created_at, file_id LIMIT 1)
    UNION
    SELECT newer.file_id, newer.created_at, newer.space FROM chain AS older JOIN documents AS newer ON """
_IN_CHAIN = " WHERE shown AND file_id IN (SELECT file_id FROM chain)"

_LAST_DELETED_FIRST = " ORDER BY deleted_at DESC, file_id DESC LIMIT %(limit)s"
_DELETED_BEFORE = " AND (deleted_at, file_id) < (%(after_deleted_at)s, %(after_file_id)s)"


def versions(reach: Reach, *, after: bool) -> str:
    """Read a page of the versions of %(file_id)s, newest first. All of them lie in the space of that one."""
    within = " AND " + in_spaces(reach)
    return _CHAIN + _TAKES_THE_PLACE + ")" + ROW + _IN_CHAIN + within + following(after) + NEWEST_FIRST


def trash(reach: Reach, *, after: bool) -> str:
    """Read a page of the documents that are deleted."""
    within = " WHERE trashed AND " + in_spaces(reach)
    return ROW + within + (_DELETED_BEFORE if after else "") + _LAST_DELETED_FIRST
