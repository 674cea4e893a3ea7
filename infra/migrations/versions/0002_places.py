"""A row for each place, and of the places that claim one document only one shown."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Turn rows of documents into rows of places; what was visible stays visible.

    ``object_*`` are the bytes that lay there at the last projection. Nobody has looked at those of the rows that
    are here already: their ETag stays unknown until an event or a rebuild tells it. The order of
    ``documents_claims`` is the one in which claims are preferred; ``documents_shown`` makes it impossible to show
    a document twice.
    """
    op.execute(
        """
        ALTER TABLE documents
            DROP CONSTRAINT documents_pkey,
            DROP CONSTRAINT documents_bucket_object_key_key,
            DROP CONSTRAINT documents_check,
            DROP CONSTRAINT documents_check1,
            ALTER COLUMN file_id DROP NOT NULL,
            ALTER COLUMN revision DROP NOT NULL,
            ADD COLUMN at_home boolean NOT NULL DEFAULT false,
            ADD COLUMN missing boolean NOT NULL DEFAULT false,
            ADD COLUMN shown boolean NOT NULL DEFAULT false,
            ADD COLUMN removed_at timestamptz,
            ADD COLUMN object_etag text,
            ADD COLUMN object_modified timestamptz,
            ADD COLUMN object_version_id text,
            ADD COLUMN object_sha256 text
        """
    )
    op.execute("DROP INDEX documents_newest, documents_search")
    op.execute(
        """
        UPDATE documents SET
            file_id = CASE WHEN NOT removed THEN file_id END,
            revision = CASE WHEN NOT removed THEN revision END,
            created_at = CASE WHEN NOT removed THEN created_at END,
            updated_at = CASE WHEN NOT removed THEN updated_at END,
            attributes = CASE WHEN NOT removed THEN attributes END,
            attributes_etag = CASE WHEN NOT removed THEN attributes_etag END,
            search_text = CASE WHEN NOT removed THEN search_text END,
            search = CASE WHEN NOT removed THEN search END,
            deleted_at = CASE WHEN NOT removed THEN deleted_at END,
            removed_at = CASE WHEN removed THEN deleted_at END,
            shown = NOT removed AND deleted_at IS NULL,
            at_home = NOT removed AND right(
                object_key, length((attributes ->> 'storage_path') || (attributes ->> 'storage_filename'))
            ) = (attributes ->> 'storage_path') || (attributes ->> 'storage_filename'),
            object_version_id = CASE WHEN NOT removed THEN attributes ->> 'storage_version_id' END
        """
    )
    op.execute(
        """
        ALTER TABLE documents
            DROP COLUMN removed,
            ADD CONSTRAINT documents_pkey PRIMARY KEY (bucket, object_key),
            ADD CONSTRAINT documents_claim CHECK (file_id IS NULL OR (revision IS NOT NULL
                AND created_at IS NOT NULL AND updated_at IS NOT NULL AND attributes IS NOT NULL
                AND attributes_etag IS NOT NULL AND search_text IS NOT NULL AND search IS NOT NULL
                AND removed_at IS NULL)),
            ADD CONSTRAINT documents_visible CHECK (NOT shown OR (file_id IS NOT NULL AND deleted_at IS NULL))
        """
    )
    op.execute("CREATE INDEX documents_newest ON documents (created_at DESC, file_id DESC) WHERE shown")
    op.execute("CREATE INDEX documents_search ON documents USING gin (search) WHERE shown")
    op.execute("CREATE UNIQUE INDEX documents_shown ON documents (file_id) WHERE shown")
    op.execute(
        """
        CREATE INDEX documents_claims ON documents
            (file_id, missing, at_home DESC, revision DESC, bucket, object_key) WHERE file_id IS NOT NULL
        """
    )


def downgrade() -> None:
    """Drop the table and make the one before; attr.json still holds everything, and a rebuild brings it back."""
    op.execute("DROP TABLE documents")
    op.execute(_BEFORE)


_BEFORE = """
    CREATE TABLE documents (
        file_id uuid PRIMARY KEY,
        bucket text COLLATE "C" NOT NULL,
        object_key text COLLATE "C" NOT NULL,
        revision bigint NOT NULL,
        created_at timestamptz,
        updated_at timestamptz,
        attributes jsonb,
        attributes_etag text,
        search_text text,
        search tsvector,
        deleted_at timestamptz,
        removed boolean NOT NULL,
        UNIQUE (bucket, object_key),
        CHECK (removed OR (created_at IS NOT NULL AND updated_at IS NOT NULL AND attributes IS NOT NULL
            AND attributes_etag IS NOT NULL AND search_text IS NOT NULL AND search IS NOT NULL)),
        CHECK (NOT removed OR deleted_at IS NOT NULL)
    );
    CREATE INDEX documents_newest ON documents (created_at DESC, file_id DESC) WHERE deleted_at IS NULL;
    CREATE INDEX documents_search ON documents USING gin (search) WHERE deleted_at IS NULL
"""
