"""What is kept from everybody: damaged attr.json files, and documents in quarantine."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let a tombstone tell why the attr.json at its place is none; index what an operator asks for.

    Places that are hidden already tell nothing until their next event, or a rebuild. The version before writes
    rows without the column: a document that it writes over a damaged place keeps the word, which says nothing of a
    row that has a document.
    """
    op.execute("ALTER TABLE documents ADD COLUMN damage jsonb")
    op.execute(
        """
        CREATE INDEX documents_kept_back ON documents (bucket, object_key)
        WHERE attributes ? 'quarantine' OR damage IS NOT NULL
        """
    )


def downgrade() -> None:
    """Drop both."""
    op.execute("DROP INDEX documents_kept_back")
    op.execute("ALTER TABLE documents DROP COLUMN damage")
