"""Temporary documents whose time is over are found by an index."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index. It holds temporary documents alone, those under a legal hold left out.

    Times are compared as the text that attr.json has them in: RFC 3339 in UTC, which sorts as time does but for
    fractions of one second.
    """
    op.execute(
        """
        CREATE INDEX documents_ending ON documents
            ((attributes -> 'retention' ->> 'expires_at') COLLATE "C", file_id)
            WHERE (shown OR trashed) AND attributes -> 'retention' ->> 'policy' = 'temporary'
                AND attributes -> 'retention' ->> 'legal_hold' IS DISTINCT FROM 'true'
        """
    )


def downgrade() -> None:
    """Drop the index."""
    op.execute("DROP INDEX documents_ending")
