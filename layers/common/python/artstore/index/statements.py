"""The SQL of the PostgreSQL index, over the table ``documents`` (see infra/migrations).

A row is a place: what its attr.json claims, or, without a ``file_id``, a tombstone. Of the places that claim one
document only one is ``shown``, and none when its attr.json says ``deleted_at``; what is read is what is shown.
"""

from __future__ import annotations

# A place that was never seen gets a row, one that was is overwritten: the writer has just looked at the bucket.
PROJECT = """
INSERT INTO documents
    (bucket, object_key, file_id, revision, created_at, updated_at, attributes, attributes_etag, search_text,
     search, passages, words_for, deleted_at, at_home, missing,
     object_etag, object_modified, object_version_id, object_sha256, shown)
VALUES
    (%(bucket)s, %(key)s, %(file_id)s, %(revision)s, %(created_at)s, %(updated_at)s, %(attributes)s, %(etag)s,
     %(search_text)s, %(search)s::tsvector, %(passages)s::text[]::tsvector[], %(words_for)s, %(deleted_at)s,
     %(at_home)s, %(missing)s, %(object_etag)s, %(object_modified)s, %(object_version_id)s, %(object_sha256)s,
     %(shown)s)
ON CONFLICT (bucket, object_key) DO UPDATE SET
    file_id = excluded.file_id, revision = excluded.revision,
    created_at = excluded.created_at, updated_at = excluded.updated_at, attributes = excluded.attributes,
    attributes_etag = excluded.attributes_etag, search_text = excluded.search_text, search = excluded.search,
    passages = excluded.passages, words_for = excluded.words_for,
    deleted_at = excluded.deleted_at, at_home = excluded.at_home, missing = excluded.missing,
    object_etag = excluded.object_etag, object_modified = excluded.object_modified,
    object_version_id = excluded.object_version_id, object_sha256 = excluded.object_sha256, shown = excluded.shown,
    removed_at = NULL
"""

# The object's columns stay: they tell the deleted document's object from a new one under its key.
REMOVE = """
INSERT INTO documents AS known (bucket, object_key, removed_at) VALUES (%(bucket)s, %(key)s, %(at)s)
ON CONFLICT (bucket, object_key) DO UPDATE SET
    file_id = NULL, revision = NULL, created_at = NULL, updated_at = NULL, attributes = NULL,
    attributes_etag = NULL, search_text = NULL, search = NULL, passages = NULL, words_for = NULL,
    deleted_at = NULL, at_home = false, missing = false,
    shown = false,
    removed_at = greatest(known.removed_at, excluded.removed_at)
"""

# Locks end with the transaction. A place is locked before the ids, and the ids in their order: no two writers
# wait for each other. The first number keeps places and ids apart.
LOCK_PLACE = "SELECT pg_advisory_xact_lock(1, hashtext(%(bucket)s || '/' || %(key)s))"
LOCK_ID = "SELECT pg_advisory_xact_lock(2, %(lock)s)"

_OF_PLACE = " WHERE bucket = %(bucket)s AND object_key = %(key)s"
_IDS = "SELECT file_id FROM documents"
_KNOWN = """
SELECT file_id, attributes_etag, missing, removed_at,
    object_etag, object_modified, object_version_id, object_sha256
FROM documents
"""
_SHOW = "UPDATE documents SET shown = true"

AT = _KNOWN + _OF_PLACE

CLAIMED_BY = _IDS + _OF_PLACE

IS_CLAIMED = "SELECT FROM documents WHERE file_id = %(file_id)s LIMIT 1"

# In the order of artstore.index.claims.rank.
BEST_ELSEWHERE = """
SELECT bucket, object_key, revision, missing, at_home, deleted_at IS NOT NULL, attributes ? 'finalization'
FROM documents
WHERE file_id = %(file_id)s AND (bucket, object_key) <> (%(bucket)s, %(key)s)
ORDER BY missing, at_home DESC, attributes ? 'finalization', revision DESC, bucket, object_key LIMIT 1
"""

HIDE = "UPDATE documents SET shown = false WHERE file_id = %(file_id)s AND shown"

SHOW = _SHOW + _OF_PLACE + " AND NOT shown"

PING = "SELECT FROM documents LIMIT 1"

_ROW = "SELECT attributes, bucket, object_key, attributes_etag, object_version_id, missing FROM documents"

FIND = _ROW + " WHERE file_id = %(file_id)s AND shown"

_VISIBLE = "shown"
_NEWEST_FIRST = " ORDER BY created_at DESC, file_id DESC LIMIT %(limit)s"


def candidates(condition: str) -> str:
    """Collect the ids of up to %(count)s matches, in no order: the count, and when they are few, the set."""
    return f"{_IDS} WHERE {_VISIBLE} AND {condition} LIMIT %(count)s"


def page_of_candidates(*, after: bool) -> str:
    """Read a page out of few matches, %(candidates)s: they are sorted, no date index is walked for them."""
    return f"{_ROW} WHERE file_id = ANY(%(candidates)s) AND shown{_following(after)}{_NEWEST_FIRST}"


def page_of_many(condition: str, *, after: bool) -> str:
    """Read a page out of many matches: walking the date index meets them soon."""
    return f"{_ROW} WHERE {_VISIBLE} AND {condition}{_following(after)}{_NEWEST_FIRST}"


def _following(after: bool) -> str:
    return " AND (created_at, file_id) < (%(after_created_at)s, %(after_file_id)s)" if after else ""
