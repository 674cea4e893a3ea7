"""Lexemes that the functions make themselves, and passages for the phrases of long texts."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the words of a document need beside ``search``.

    ``words_for`` tells what they were made for, rules and attr.json; a row whose words are not for what it holds,
    one written by the version before among them, is found and indexed anew by ``infra.rewording``. Adding the
    columns rewrites no row.
    """
    op.execute("ALTER TABLE documents ADD COLUMN passages tsvector[]")
    op.execute("ALTER TABLE documents ADD COLUMN words_for text")


def downgrade() -> None:
    """Drop the columns; the version before finds rows by their words as long as it has not written them anew."""
    op.execute("ALTER TABLE documents DROP COLUMN words_for")
    op.execute("ALTER TABLE documents DROP COLUMN passages")
