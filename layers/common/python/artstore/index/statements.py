"""The SQL of the PostgreSQL index, over the table ``documents`` (see infra/migrations).

A row is a document, or a tombstone: ``removed`` says that the attr.json under that bucket and key is gone. A
document deleted by its own attr.json (``deleted_at`` there) is not removed: a higher revision may bring it
back.
"""

from __future__ import annotations

# The same key again: a higher revision, or the same one edited by a tool that counts nothing. Another key
# (the document has moved): a higher revision only, whatever became of the old place.
PROJECT = """
INSERT INTO documents AS known
    (file_id, bucket, object_key, revision, created_at, updated_at, attributes, attributes_etag, search_text,
     search, passages, words_for, deleted_at, removed)
VALUES
    (%(file_id)s, %(bucket)s, %(key)s, %(revision)s, %(created_at)s, %(updated_at)s, %(attributes)s, %(etag)s,
     %(search_text)s, %(search)s::tsvector, %(passages)s::text[]::tsvector[], %(words_for)s, %(deleted_at)s,
     false)
ON CONFLICT (file_id) DO UPDATE SET
    bucket = excluded.bucket, object_key = excluded.object_key, revision = excluded.revision,
    created_at = excluded.created_at, updated_at = excluded.updated_at, attributes = excluded.attributes,
    attributes_etag = excluded.attributes_etag, search_text = excluded.search_text, search = excluded.search,
    passages = excluded.passages, words_for = excluded.words_for,
    deleted_at = excluded.deleted_at, removed = false
WHERE CASE WHEN (known.bucket, known.object_key) = (excluded.bucket, excluded.object_key)
    THEN NOT known.removed AND (known.revision < excluded.revision
        OR (known.revision = excluded.revision AND known.attributes_etag <> excluded.attributes_etag
            AND known.updated_at <= excluded.updated_at))
    ELSE known.revision < excluded.revision END
"""

# An attr.json now names another document under this key: the one it named before has no attr.json any more.
SUPERSEDE = """
DELETE FROM documents
WHERE bucket = %(bucket)s AND object_key = %(key)s AND file_id <> %(file_id)s AND NOT removed
    AND updated_at <= %(updated_at)s
"""

# Both halves see the table as it was before, so `before` tells whether a visible document disappeared.
REMOVE = """
WITH before AS (
    SELECT deleted_at IS NULL AS visible FROM documents WHERE bucket = %(bucket)s AND object_key = %(key)s
), tombstone AS (
    INSERT INTO documents AS known (file_id, bucket, object_key, revision, deleted_at, removed)
    VALUES (%(file_id)s, %(bucket)s, %(key)s, -1, %(at)s, true)
    ON CONFLICT (bucket, object_key) DO UPDATE SET
        deleted_at = coalesce(known.deleted_at, excluded.deleted_at), removed = true
)
SELECT coalesce((SELECT visible FROM before), false)
"""

REVISION = "SELECT revision FROM documents WHERE file_id = %(file_id)s AND revision >= 0"

PING = "SELECT FROM documents LIMIT 1"

_IDS = "SELECT file_id FROM documents"
_ROW = "SELECT attributes, bucket, object_key, attributes_etag FROM documents"

FIND = _ROW + " WHERE file_id = %(file_id)s AND deleted_at IS NULL"

_VISIBLE = "deleted_at IS NULL"
_NEWEST_FIRST = " ORDER BY created_at DESC, file_id DESC LIMIT %(limit)s"


def candidates(condition: str) -> str:
    """Collect the ids of up to %(count)s matches, in no order: the count, and when they are few, the set."""
    return f"{_IDS} WHERE {_VISIBLE} AND {condition} LIMIT %(count)s"


def page_of_candidates(*, after: bool) -> str:
    """Read a page out of few matches, %(candidates)s: they are sorted, no date index is walked for them."""
    return f"{_ROW} WHERE file_id = ANY(%(candidates)s){_following(after)}{_NEWEST_FIRST}"


def page_of_many(condition: str, *, after: bool) -> str:
    """Read a page out of many matches: walking the date index meets them soon."""
    return f"{_ROW} WHERE {_VISIBLE} AND {condition}{_following(after)}{_NEWEST_FIRST}"


def _following(after: bool) -> str:
    return " AND (created_at, file_id) < (%(after_created_at)s, %(after_file_id)s)" if after else ""
