"""The SQL of a rebuild. What is being built is called as what is in use, with ``reindex_`` before it."""

from __future__ import annotations

from artstore.index.version_statements import PREDECESSORS, SET_CURRENT

PREFIX = "reindex_"
NEXT = "reindex_documents"
USAGE = "reindex_usage_deltas"
TRIGGER = "reindex_touch"

# REMOVE and PROJECT name file_id among what they set; what only decides which claim is shown does not.
MAKE = """
CREATE TABLE reindex_state (
    job_id uuid NOT NULL, schema_version text,
    done integer NOT NULL DEFAULT 0, swapped boolean NOT NULL DEFAULT false,
    carried_bucket text COLLATE "C" NOT NULL DEFAULT '', carried_key text COLLATE "C" NOT NULL DEFAULT ''
);
CREATE TABLE reindex_parts (
    number integer PRIMARY KEY, after text, version text, over boolean NOT NULL DEFAULT false
);
CREATE TABLE reindex_looks (bucket text COLLATE "C" NOT NULL, object_key text COLLATE "C" NOT NULL);
CREATE TABLE reindex_touched (bucket text COLLATE "C" NOT NULL, object_key text COLLATE "C" NOT NULL);
CREATE FUNCTION reindex_touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO reindex_touched VALUES (OLD.bucket, OLD.object_key);
    ELSE
        INSERT INTO reindex_touched VALUES (NEW.bucket, NEW.object_key);
    END IF;
    RETURN NULL;
END $$
"""
NOTE_WRITES = """
CREATE TRIGGER reindex_touch AFTER INSERT OR DELETE OR UPDATE OF file_id ON documents
FOR EACH ROW EXECUTE FUNCTION reindex_touch()
"""
DROP = """
DROP TABLE IF EXISTS
    reindex_documents, reindex_usage_deltas, reindex_state, reindex_parts, reindex_looks, reindex_touched;
DROP FUNCTION IF EXISTS reindex_touch()
"""
STOP_NOTING = "DROP TRIGGER IF EXISTS reindex_touch ON documents"

# Whoever builds holds this to the end of a transaction; the first number keeps it apart from the locks of writers.
ALONE = "SELECT pg_advisory_xact_lock(5, 0)"

PRESENT = """
SELECT object_key, file_id, attributes_etag, missing, words_for,
    object_etag, object_modified, object_version_id, object_sha256
FROM documents WHERE bucket = %(bucket)s AND object_key = ANY(%(keys)s) AND file_id IS NOT NULL
"""
TEXTS = """
SELECT object_key, search_text FROM documents
WHERE bucket = %(bucket)s AND object_key = ANY(%(keys)s) AND file_id IS NOT NULL
"""
STAND = """
UPDATE reindex_parts SET after = %(after)s, version = %(version)s, over = %(over)s
WHERE number = %(part)s AND NOT over
    AND after IS NOT DISTINCT FROM %(was_after)s AND version IS NOT DISTINCT FROM %(was_version)s
    AND EXISTS (SELECT FROM reindex_state WHERE job_id = %(job_id)s)
"""

_BEST = """
SELECT DISTINCT ON (file_id) bucket, object_key FROM reindex_documents WHERE file_id IN (IDS)
ORDER BY file_id, missing, at_home DESC, attributes ? 'finalization', revision DESC, bucket, object_key
"""
_HIDE = "UPDATE reindex_documents SET shown = false, trashed = false WHERE file_id IN (IDS) AND (shown OR trashed)"
_SHOW = """
UPDATE reindex_documents AS built SET shown = deleted_at IS NULL, trashed = deleted_at IS NOT NULL
FROM (BEST) AS best WHERE (built.bucket, built.object_key) = (best.bucket, best.object_key)
""".replace("BEST", _BEST)
_GIVEN = "SELECT unnest(%(ids)s::uuid[])"
HIDE, SHOW = _HIDE.replace("IDS", _GIVEN), _SHOW.replace("IDS", _GIVEN)
CURRENT = SET_CURRENT.replace("documents", NEXT)
TAKEN_BY = PREDECESSORS.replace("documents", NEXT)

# Each document was filled in as shown; those that several places claim are few.
_CLAIMED_TWICE = (
    "SELECT file_id FROM reindex_documents WHERE file_id IS NOT NULL GROUP BY file_id HAVING count(*) > 1"
)
_TWICE = "SELECT file_id FROM reindex_twice"
SETTLE_CLAIMS = (
    f"CREATE TEMP TABLE reindex_twice ON COMMIT DROP AS {_CLAIMED_TWICE};\n"
    f"{_HIDE.replace('IDS', _TWICE)};\n{_SHOW.replace('IDS', _TWICE)}"
)
SETTLE_CURRENT = """
UPDATE reindex_documents AS older SET current = false FROM reindex_documents AS newer
WHERE older.shown AND newer.shown AND NOT newer.withheld AND newer.supersedes = older.file_id
    AND newer.space = older.space AND (newer.created_at, newer.file_id) > (older.created_at, older.file_id)
"""
_USED = """
SELECT used.space, used.account, used.element, used.content_type, used.trashed,
    SIGN count(*), SIGN sum(used.bytes)
FROM reindex_documents AS built, LATERAL usage_of(ROW(built.*)::documents) AS used
WHERE (built.shown OR built.trashed) AND WHICH
GROUP BY used.space, used.account, used.element, used.content_type, used.trashed
"""
_COUNT = "INSERT INTO reindex_usage_deltas" + _USED
_OF_IDS = "built.file_id = ANY(%(ids)s)"
COUNT_USAGE = _COUNT.replace("SIGN ", "").replace("WHICH", "true")
USED_NO_MORE = _COUNT.replace("SIGN ", "-").replace("WHICH", _OF_IDS)
USED_NOW = _COUNT.replace("SIGN ", "").replace("WHICH", _OF_IDS)
TAKE_USAGE = "DELETE FROM usage_deltas; INSERT INTO usage_deltas SELECT * FROM reindex_usage_deltas"

# What has a row in use, and no claim among the new ones: a tombstone it was, or becomes.
CARRY = """
WITH page AS (
    SELECT bucket, object_key, file_id, removed_at, object_etag, object_modified, object_version_id, object_sha256,
        CASE WHEN file_id IS NULL THEN damage END AS damage
    FROM documents WHERE (bucket, object_key) > (%(bucket)s, %(key)s)
    ORDER BY bucket, object_key LIMIT %(limit)s
), left_over AS (
    INSERT INTO reindex_documents
        (bucket, object_key, removed_at, object_etag, object_modified, object_version_id, object_sha256, damage)
    SELECT bucket, object_key, removed_at, object_etag, object_modified, object_version_id, object_sha256, damage
    FROM page
    ON CONFLICT DO NOTHING RETURNING bucket, object_key
), ghosts AS (
    INSERT INTO reindex_looks SELECT bucket, object_key FROM left_over JOIN page USING (bucket, object_key)
    WHERE page.file_id IS NOT NULL OR page.damage IS NOT NULL
)
SELECT bucket, object_key FROM page ORDER BY bucket DESC, object_key DESC LIMIT 1
"""
CARRIED = "UPDATE reindex_state SET carried_bucket = %(bucket)s, carried_key = %(key)s"

TAKE_TOUCHED = """
DELETE FROM reindex_touched WHERE ctid = ANY(ARRAY(SELECT ctid FROM reindex_touched LIMIT %(limit)s))
RETURNING bucket, object_key
"""
_THESE = """
(bucket, object_key) IN (SELECT * FROM unnest(%(buckets)s::text[], %(keys)s::text[]) AS these (bucket, object_key))
"""
CLAIMED_HERE = """
SELECT file_id, supersedes FROM reindex_documents WHERE file_id IS NOT NULL AND THESE
UNION SELECT file_id, supersedes FROM documents WHERE file_id IS NOT NULL AND THESE
""".replace("THESE", _THESE)
FORGET_HERE = "DELETE FROM reindex_documents WHERE THESE".replace("THESE", _THESE)
TAKE_OVER_HERE = "INSERT INTO reindex_documents (COLUMNS) SELECT COLUMNS FROM documents WHERE THESE".replace(
    "THESE", _THESE
)
"""The columns are those that say what lies there, not whether it is shown."""

# After a disaster every document is among them.
ORDER_LOOKS = "CREATE INDEX ON reindex_looks (bucket, object_key)"
LOOKS = """
SELECT DISTINCT bucket, object_key FROM reindex_looks WHERE (bucket, object_key) > (%(bucket)s, %(key)s)
ORDER BY bucket, object_key LIMIT %(limit)s
"""
