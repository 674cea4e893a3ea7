"""Documents by their checksum."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index that finds content which is stored already."""
    op.execute("CREATE INDEX documents_checksum ON documents ((attributes ->> 'checksum')) WHERE shown")


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP INDEX documents_checksum")
