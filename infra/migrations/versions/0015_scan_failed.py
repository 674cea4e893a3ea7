"""Documents that a scanner failed at."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index that finds them: until the scanner is back, so it is nearly empty."""
    op.execute(
        """
        CREATE INDEX documents_scan_failed ON documents (file_id)
        WHERE shown AND attributes #>> '{scan,status}' = 'failed'
        """
    )


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP INDEX documents_scan_failed")
