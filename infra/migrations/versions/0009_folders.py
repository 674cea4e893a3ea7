"""Documents by their folder."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index that finds what is in a folder, and below it: in the order of bytes, so that it is one
    range."""
    op.execute(
        """CREATE INDEX documents_folder ON documents (((attributes ->> 'folder') COLLATE "C")) WHERE shown"""
    )


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP INDEX documents_folder")
