"""The SQL of the PostgreSQL index, over the table ``documents`` (see infra/migrations).

A row is a place: what its attr.json claims, or, without a ``file_id``, a tombstone. Of the places that claim one
document only one is ``shown``, and none when its attr.json says ``deleted_at``: then that place is ``trashed``.
What is read is what is shown, within the spaces of the one who asks and unless it is ``withheld`` from them; lists
show what is ``current``, which nothing newer takes the place of (see ``version_statements``).
"""

from __future__ import annotations

import functools

from artstore.index import Only
from artstore.index.matching import EVERYTHING
from artstore.index.usage import Dimension
from artstore.spaces import Reach

# A place that was never seen gets a row, one that was is overwritten: the writer has just looked at the bucket.
_PROJECT = """
INSERT INTO documents
    (bucket, object_key, file_id, revision, created_at, updated_at, attributes, attributes_etag, search_text,
     search, passages, words_for, deleted_at, at_home, missing,
     object_etag, object_modified, object_version_id, object_sha256, space, shown, trashed,
     supersedes, withheld)
VALUES
    {rows}
ON CONFLICT (bucket, object_key) DO UPDATE SET
    file_id = excluded.file_id, revision = excluded.revision,
    created_at = excluded.created_at, updated_at = excluded.updated_at, attributes = excluded.attributes,
    attributes_etag = excluded.attributes_etag, search_text = excluded.search_text, search = excluded.search,
    passages = excluded.passages, words_for = excluded.words_for,
    deleted_at = excluded.deleted_at, at_home = excluded.at_home, missing = excluded.missing,
    object_etag = excluded.object_etag, object_modified = excluded.object_modified,
    object_version_id = excluded.object_version_id, object_sha256 = excluded.object_sha256,
    space = excluded.space, shown = excluded.shown, trashed = excluded.trashed,
    supersedes = excluded.supersedes, withheld = excluded.withheld, removed_at = NULL, damage = NULL
"""
_PROJECTED = """
    (%(bucket_{n})s, %(key_{n})s, %(file_id_{n})s, %(revision_{n})s, %(created_at_{n})s, %(updated_at_{n})s,
     %(attributes_{n})s, %(etag_{n})s, %(search_text_{n})s, %(search_{n})s::tsvector,
     %(passages_{n})s::text[]::tsvector[], %(words_for_{n})s, %(deleted_at_{n})s, %(at_home_{n})s, %(missing_{n})s,
     %(object_etag_{n})s, %(object_modified_{n})s, %(object_version_id_{n})s, %(object_sha256_{n})s,
     %(space_{n})s, %(shown_{n})s, %(trashed_{n})s, %(supersedes_{n})s, %(withheld_{n})s)
""".strip()


@functools.lru_cache(maxsize=32)
def project(count: int) -> str:
    """Write ``count`` claims; the names of the parameters end in _0, _1 and so on."""
    return _PROJECT.format(rows=",\n    ".join(_PROJECTED.format(n=number) for number in range(count)))


# Places are given as lists of the same order: buckets, keys, ats, damages.
#
# The object's columns stay: they tell the deleted document's object from a new one under its key.
REMOVE = """
INSERT INTO documents AS known (bucket, object_key, removed_at, damage)
SELECT * FROM unnest(%(buckets)s::text[], %(keys)s::text[], %(ats)s::timestamptz[], %(damages)s::jsonb[])
ON CONFLICT (bucket, object_key) DO UPDATE SET
    file_id = NULL, revision = NULL, created_at = NULL, updated_at = NULL, attributes = NULL,
    attributes_etag = NULL, search_text = NULL, search = NULL, passages = NULL, words_for = NULL,
    deleted_at = NULL, at_home = false, missing = false, supersedes = NULL, withheld = false,
    shown = false, trashed = false, damage = excluded.damage,
    removed_at = greatest(known.removed_at, excluded.removed_at)
"""

# Locks end with the transaction. Places are locked before ids, ids before successions, and each in the order of
# their numbers: no two writers wait for each other, however many places they write. The first number keeps the
# three apart, and from the lock of compactions (COMPACTING_ALONE). Who writes a row that is or becomes a
# document's holds the lock of its id; who may change whether it is shown, or is current, that of its succession
# too.
LOCK_PLACES = """
SELECT pg_advisory_xact_lock(1, number)
FROM (
    SELECT DISTINCT hashtext(bucket || '/' || key) AS number
    FROM unnest(%(buckets)s::text[], %(keys)s::text[]) AS place (bucket, key) ORDER BY 1
) AS each
"""
LOCK_IDS = "SELECT pg_advisory_xact_lock(2, number) FROM unnest(%(locks)s::integer[]) AS number"
LOCK_SUCCESSIONS = "SELECT pg_advisory_xact_lock(3, number) FROM unnest(%(locks)s::integer[]) AS number"

_OF_PLACE = " WHERE bucket = %(bucket)s AND object_key = %(key)s"
_IDS = "SELECT file_id FROM documents"
_SEEN = """
file_id, attributes_etag, missing, removed_at, damage,
    object_etag, object_modified, object_version_id, object_sha256
FROM documents
"""

AT = "SELECT " + _SEEN + _OF_PLACE

PLACES = f"""
SELECT object_key, {_SEEN}
WHERE bucket = %(bucket)s AND object_key >= %(prefix)s AND object_key > %(after)s AND object_key <= %(until)s
ORDER BY object_key LIMIT %(limit)s
"""  # constants only

CLAIMED_BY = """
SELECT documents.bucket, object_key, file_id
FROM unnest(%(buckets)s::text[], %(keys)s::text[]) AS place (bucket, key)
    JOIN documents ON documents.bucket = place.bucket AND documents.object_key = place.key
"""

IS_CLAIMED = "SELECT FROM documents WHERE file_id = %(file_id)s LIMIT 1"

# The first of each document, in the order of artstore.index.claims.rank.
BEST_ELSEWHERE = """
SELECT DISTINCT ON (file_id)
    file_id, bucket, object_key, revision, missing, at_home, deleted_at IS NOT NULL, attributes ? 'finalization'
FROM documents
WHERE file_id = ANY(%(ids)s)
    AND (bucket, object_key) NOT IN (SELECT * FROM unnest(%(buckets)s::text[], %(keys)s::text[]))
ORDER BY file_id, missing, at_home DESC, attributes ? 'finalization', revision DESC, bucket, object_key
"""

HIDE = "UPDATE documents SET shown = false, trashed = false WHERE file_id = ANY(%(ids)s) AND (shown OR trashed)"

SHOW = """
UPDATE documents SET shown = deleted_at IS NULL, trashed = deleted_at IS NOT NULL
FROM unnest(%(buckets)s::text[], %(keys)s::text[]) AS place (bucket, key)
WHERE documents.bucket = place.bucket AND documents.object_key = place.key AND NOT (shown OR trashed)
"""

_FOLDER = """(attributes ->> 'folder') COLLATE "C\""""

PING = "SELECT FROM documents LIMIT 1"

ROW = """
SELECT attributes, bucket, object_key, attributes_etag, object_etag, object_version_id, missing, current
FROM documents
"""
_OF_EACH_SPACE = """
SELECT attributes, bucket, object_key, attributes_etag, object_etag, object_version_id, missing, current
FROM unnest(%(spaces)s::text[]) AS mine (name) CROSS JOIN LATERAL ({page}) AS page
"""
_OF_ONE_SPACE = """
SELECT attributes, bucket, object_key, attributes_etag, object_etag, object_version_id, missing, current,
    created_at, file_id
FROM documents WHERE space = mine.name AND {listed}
"""

NEWEST_FIRST = " ORDER BY created_at DESC, file_id DESC LIMIT %(limit)s"


def within(reach: Reach) -> dict[str, object]:
    """Give the parameters that say how far a caller reaches, for every statement below."""
    names = sorted(reach.names or ())
    withheld = sorted(reach.withheld or ())
    return {"spaces": names, "space": names[0] if len(names) == 1 else None, "withheld": withheld}


def in_spaces(reach: Reach) -> str:
    """Give the condition of what lies within reach. One space is asked for as one: its index gives the order."""
    if reach.names is None:
        return _seen(reach)
    names = "space = %(space)s" if len(reach.names) == 1 else "space = ANY(%(spaces)s)"
    return f"{names} AND {_seen(reach)}"


def _seen(reach: Reach) -> str:
    if reach.withheld is None:
        return "true"
    return "(NOT withheld OR space = ANY(%(withheld)s))" if reach.withheld else "NOT withheld"


def _listed(all_versions: bool) -> str:
    return "shown" if all_versions else "shown AND current"


def find(reach: Reach) -> str:
    """Read the document %(file_id)s."""
    return f"{ROW} WHERE file_id = %(file_id)s AND shown AND {in_spaces(reach)}"


def with_checksum(reach: Reach) -> str:
    """Find the newest document of each of %(checksums)s, in the words of the index documents_checksum."""
    newest = "SELECT DISTINCT ON (attributes ->> 'checksum') attributes ->> 'checksum', file_id FROM documents"
    proven = """
        NOT missing AND NOT attributes ? 'quarantine' AND NOT attributes @> '{"checksum_verified": false}'
    """
    where = f"shown AND {in_spaces(reach)} AND attributes ->> 'checksum' = ANY(%(checksums)s) AND {proven}"
    return f"{newest} WHERE {where} ORDER BY attributes ->> 'checksum', created_at DESC, file_id DESC"


def find_any(reach: Reach) -> str:
    """Read the document %(file_id)s, in the trash or not."""
    return f"{ROW} WHERE file_id = %(file_id)s AND (shown OR trashed) AND {in_spaces(reach)}"


def only(which: Only) -> str:
    """Narrow a search, in the words of the indexes documents_checksum and documents_folder."""
    conditions = []
    if which.sha256 is not None:
        conditions.append("attributes ->> 'checksum' = %(only_sha256)s")
    if which.folder is not None:
        # What is below begins with the folder and a slash, which the digit 0 follows.
        conditions.append(
            f"({_FOLDER} = %(only_folder)s"
            f" OR {_FOLDER} >= %(only_folder)s || '/' AND {_FOLDER} < %(only_folder)s || '0')"
        )
    return " AND ".join(conditions)


def candidates(condition: str, reach: Reach, *, all_versions: bool) -> str:
    """Collect the ids of up to %(count)s matches, in no order: the count, and when they are few, the set."""
    return f"{_IDS} WHERE {_listed(all_versions)} AND {in_spaces(reach)} AND {condition} LIMIT %(count)s"


def page_of_candidates(reach: Reach, *, all_versions: bool, after: bool) -> str:
    """Read a page out of few matches, %(candidates)s: they are sorted, no date index is walked for them.

    One may have gone to another space, or got a successor, since they were collected. IS TRUE keeps the planner
    from walking the index of the space.
    """
    where = f"file_id = ANY(%(candidates)s) AND {_listed(all_versions)} AND ({in_spaces(reach)}) IS TRUE"
    return f"{ROW} WHERE {where}{following(after)}{NEWEST_FIRST}"


def page_of_many(condition: str, reach: Reach, *, all_versions: bool, after: bool) -> str:
    """Read a page out of many matches: walking the date index meets them soon.

    A list of several spaces takes a page of each, walking its own index, and merges them.
    """
    if reach.names is None or len(reach.names) == 1 or condition != EVERYTHING:
        where = f"{_listed(all_versions)} AND {in_spaces(reach)} AND {condition}"
        return f"{ROW} WHERE {where}{following(after)}{NEWEST_FIRST}"
    of_one = f"{_listed(all_versions)} AND {_seen(reach)}"
    page = f"{_OF_ONE_SPACE.replace('{listed}', of_one)}{following(after)}{NEWEST_FIRST}"
    return f"{_OF_EACH_SPACE.replace('{page}', page)}{NEWEST_FIRST}"


_AMOUNTS = """
sum(documents) FILTER (WHERE NOT trashed), sum(bytes) FILTER (WHERE NOT trashed),
sum(documents) FILTER (WHERE trashed), sum(bytes) FILTER (WHERE trashed)
"""
_COLUMN_OF = {
    Dimension.SPACE: "space",
    Dimension.ACCOUNT: "account",
    Dimension.ELEMENT: "element",
    Dimension.TYPE: "content_type",
}


def usage(by: Dimension, reach: Reach) -> str:
    """Sum what is used by each of up to %(limit)s keys, and, in the row that is no key's, by all of them."""
    column, everywhere = _COLUMN_OF[by], reach.names is None
    of_caller = "" if everywhere else " WHERE space = ANY(%(spaces)s)"
    having = "HAVING grouping(key) = 1 OR sum(documents) <> 0"
    source = f"(SELECT {column} AS key, documents, bytes, trashed FROM usage_deltas{of_caller}) AS used"  # noqa: S608
    ordered = "ORDER BY is_total DESC, sum(bytes) DESC, key LIMIT %(limit)s + 1"
    amounts = f"SELECT grouping(key) = 1 AS is_total, key, {_AMOUNTS}"
    return f"{amounts} FROM {source} GROUP BY GROUPING SETS ((key), ()) {having} {ordered}"


# Each row is taken by one compaction alone; what was summed comes to the same for whoever reads meanwhile.
COMPACT = """
WITH taken AS (
    DELETE FROM usage_deltas
    RETURNING space, account, element, content_type, trashed, documents, bytes
)
INSERT INTO usage_deltas
SELECT space, account, element, content_type, trashed, sum(documents), sum(bytes) FROM taken
GROUP BY space, account, element, content_type, trashed
HAVING sum(documents) <> 0 OR sum(bytes) <> 0
"""
COMPACTING_ALONE = """
SELECT pg_try_advisory_xact_lock(4, 0) AND (SELECT count(*) FROM (SELECT FROM usage_deltas LIMIT %(many)s) AS seen)
    >= %(many)s
"""


def following(after: bool) -> str:
    return " AND (created_at, file_id) < (%(after_created_at)s, %(after_file_id)s)" if after else ""
