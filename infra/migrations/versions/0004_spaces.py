"""The space of each place, and what each space, account, element and type holds."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the space, and keep the usage from now on.

    ``documents_in_space`` gives a list within a space its order. ``trashed`` marks the place that would be shown
    if its document were not deleted, so that each document is counted once, shown or in the trash.

    ``usage_deltas`` is only ever added to, by a trigger in the transaction of the change, so that writers do not
    wait for each other; usage is the sum, and ``artstore.index.usage`` replaces many rows by few. A row that the
    version before writes meanwhile has the default space, as its documents do.
    """
    op.execute(
        """
        ALTER TABLE documents
            ADD COLUMN space text COLLATE "C" NOT NULL DEFAULT 'default',
            ADD COLUMN trashed boolean NOT NULL DEFAULT false
        """
    )
    op.execute("UPDATE documents SET space = attributes ->> 'space' WHERE attributes ->> 'space' <> 'default'")
    op.execute(
        """
        UPDATE documents SET trashed = true FROM (
            SELECT DISTINCT ON (file_id) bucket, object_key, deleted_at FROM documents
            WHERE file_id IN (SELECT file_id FROM documents WHERE deleted_at IS NOT NULL)
            ORDER BY file_id, missing, at_home DESC, revision DESC, bucket, object_key
        ) AS best
        WHERE best.deleted_at IS NOT NULL
            AND (documents.bucket, documents.object_key) = (best.bucket, best.object_key)
        """
    )
    op.execute("CREATE INDEX documents_in_space ON documents (space, created_at DESC, file_id DESC) WHERE shown")
    op.execute(
        """
        CREATE TABLE usage_deltas (
            space text COLLATE "C" NOT NULL,
            account text COLLATE "C" NOT NULL,
            element text COLLATE "C" NOT NULL,
            content_type text COLLATE "C" NOT NULL,
            trashed boolean NOT NULL,
            documents bigint NOT NULL,
            bytes numeric NOT NULL
        )
        """
    )
    op.execute("CREATE INDEX usage_deltas_of_space ON usage_deltas (space)")
    op.execute(_USAGE_OF)
    op.execute(_TRIGGER)
    op.execute(
        """
        CREATE TRIGGER documents_usage AFTER INSERT OR DELETE OR UPDATE OF shown, trashed, space, attributes
            ON documents FOR EACH ROW EXECUTE FUNCTION documents_usage()
        """
    )
    op.execute(
        """
        CREATE FUNCTION documents_usage_ends() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            TRUNCATE usage_deltas;
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER documents_usage_ends AFTER TRUNCATE ON documents
            FOR EACH STATEMENT EXECUTE FUNCTION documents_usage_ends()
        """
    )
    op.execute(
        """
        INSERT INTO usage_deltas
        SELECT used.space, used.account, used.element, used.content_type, used.trashed, count(*), sum(used.bytes)
        FROM documents, LATERAL usage_of(documents) AS used
        WHERE documents.shown OR documents.trashed
        GROUP BY used.space, used.account, used.element, used.content_type, used.trashed
        """
    )


_USAGE_OF = """
CREATE FUNCTION usage_of(place documents) RETURNS usage_deltas LANGUAGE sql IMMUTABLE AS $$
    SELECT place.space, coalesce(place.attributes ->> 'created_by_id', ''),
        coalesce(place.attributes ->> 'storage_element_id', ''),
        lower(btrim(split_part(coalesce(place.attributes ->> 'content_type', ''), ';', 1))),
        place.trashed AND NOT place.shown, 1::bigint, coalesce((place.attributes ->> 'file_size')::numeric, 0)
$$
"""
_TRIGGER = """
CREATE FUNCTION documents_usage() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    was usage_deltas;
    is_now usage_deltas;
BEGIN
    IF TG_OP <> 'INSERT' AND (OLD.shown OR OLD.trashed) THEN
        was := usage_of(OLD);
    END IF;
    IF TG_OP <> 'DELETE' AND (NEW.shown OR NEW.trashed) THEN
        is_now := usage_of(NEW);
    END IF;
    IF was IS DISTINCT FROM is_now THEN
        IF was.documents IS NOT NULL THEN
            was.documents := -was.documents;
            was.bytes := -was.bytes;
            INSERT INTO usage_deltas SELECT was.*;
        END IF;
        IF is_now.documents IS NOT NULL THEN
            INSERT INTO usage_deltas SELECT is_now.*;
        END IF;
    END IF;
    RETURN NULL;
END $$
"""


def downgrade() -> None:
    """Drop what was added; the version before shows every document to everybody who may read."""
    op.execute("DROP TRIGGER documents_usage ON documents")
    op.execute("DROP TRIGGER documents_usage_ends ON documents")
    op.execute("DROP FUNCTION documents_usage(), documents_usage_ends(), usage_of(documents)")
    op.execute("DROP TABLE usage_deltas")
    op.execute("DROP INDEX documents_in_space")
    op.execute("ALTER TABLE documents DROP COLUMN trashed, DROP COLUMN space")
