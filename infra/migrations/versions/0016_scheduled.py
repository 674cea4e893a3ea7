"""Documents that name a retention schedule are found by it, those created first first."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index. It holds the documents that name a schedule, and costs those that name none nothing."""
    op.execute(
        """
        CREATE INDEX documents_scheduled ON documents
            ((attributes -> 'retention' ->> 'schedule') COLLATE "C", created_at, file_id)
            WHERE shown AND attributes -> 'retention' ->> 'schedule' IS NOT NULL
        """
    )


def downgrade() -> None:
    """Drop the index."""
    op.execute("DROP INDEX documents_scheduled")
