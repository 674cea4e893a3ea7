"""What a document takes the place of, and which of the documents shown are the current ones."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Read from the attributes what they say, and hide from lists what has a successor.

    ``current`` says of the row that is shown whether no other takes its place; see ``artstore.index.claims``.
    Adding the columns rewrites no row, and only documents that name a predecessor, or are one, are written. The
    order of lists within a space is kept for what they show.
    """
    op.execute("ALTER TABLE documents ADD COLUMN supersedes uuid")
    op.execute("ALTER TABLE documents ADD COLUMN current boolean NOT NULL DEFAULT true")
    op.execute(
        "UPDATE documents SET supersedes = (attributes ->> 'supersedes')::uuid WHERE attributes ? 'supersedes'"
    )
    op.execute(
        """
        CREATE INDEX documents_successors ON documents (supersedes, created_at, file_id)
            WHERE shown AND supersedes IS NOT NULL
        """
    )
    op.execute("DROP INDEX documents_in_space")
    op.execute(
        """
        CREATE INDEX documents_in_space ON documents (space, created_at DESC, file_id DESC)
            WHERE shown AND current
        """
    )
    op.execute("CREATE INDEX documents_trash ON documents (deleted_at DESC, file_id DESC) WHERE trashed")
    op.execute(
        """
        UPDATE documents AS older SET current = false
        FROM documents AS newer
        WHERE older.shown AND newer.shown AND newer.supersedes = older.file_id AND newer.space = older.space
            AND (newer.created_at, newer.file_id) > (older.created_at, older.file_id)
        """
    )


def downgrade() -> None:
    """Drop the columns and their indexes."""
    op.execute("DROP INDEX documents_trash, documents_successors, documents_in_space")
    op.execute("CREATE INDEX documents_in_space ON documents (space, created_at DESC, file_id DESC) WHERE shown")
    op.execute("ALTER TABLE documents DROP COLUMN current")
    op.execute("ALTER TABLE documents DROP COLUMN supersedes")
