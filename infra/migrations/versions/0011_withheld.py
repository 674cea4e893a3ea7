"""Documents that exist for nobody but those who administer their space."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Mark them: the column rewrites no row. An attr.json of this kind that is there already was written by
    another tool; it is rare, and asked for by the index of attributes."""
    op.execute("ALTER TABLE documents ADD COLUMN withheld boolean NOT NULL DEFAULT false")
    op.execute(
        """
        UPDATE documents SET withheld = true WHERE attributes @> '{"quarantine": {"reason": "infected"}}'
        """
    )


def downgrade() -> None:
    """Drop the column."""
    op.execute("ALTER TABLE documents DROP COLUMN withheld")
