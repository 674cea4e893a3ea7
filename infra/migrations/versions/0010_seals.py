"""Documents whose attr.json names a finalization."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index that finds them where they are shown: for some seconds each, so it is nearly empty."""
    op.execute(
        """
        CREATE INDEX documents_sealed ON documents (file_id)
        WHERE (shown OR trashed) AND attributes ? 'finalization'
        """
    )


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP INDEX documents_sealed")
