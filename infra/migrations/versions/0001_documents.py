"""The table of documents and tombstones."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table.

    A tombstone of a key that was never projected has no attributes and no times of its own. Keys are compared
    and never sorted, so "C" suits them and is smaller and quicker than a language's order.
    """
    op.execute(
        """
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
        )
        """
    )
    op.execute(
        "CREATE INDEX documents_newest ON documents (created_at DESC, file_id DESC) WHERE deleted_at IS NULL"
    )
    op.execute("CREATE INDEX documents_search ON documents USING gin (search) WHERE deleted_at IS NULL")


def downgrade() -> None:
    """Drop the table; attr.json still holds everything, and a rebuild brings it back."""
    op.execute("DROP TABLE documents")
