"""Restores of archived bytes."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of what storage said last of archived bytes that were asked back."""
    op.execute(
        """
        CREATE TABLE restores (
            bucket text NOT NULL,
            object_key text NOT NULL,
            version_id text NOT NULL,
            etag text NOT NULL,
            status text NOT NULL,
            until timestamptz,
            PRIMARY KEY (bucket, object_key, version_id)
        )
        """
    )


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP TABLE restores")
