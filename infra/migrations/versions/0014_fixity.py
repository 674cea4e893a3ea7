"""What fixity checks found, beside the index: a rebuild of that one leaves it as it is."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table: a row for each place that holds a document, or did.

    ``looked_at`` is when somebody last came by, checked or not, and tells whose turn it is; ``checked_at`` and
    what follows are the last check. Keys are ordered by their bytes, as the index orders them.
    """
    op.execute(
        """
        CREATE TABLE fixity_checks (
            bucket text COLLATE "C" NOT NULL,
            object_key text COLLATE "C" NOT NULL,
            looked_at timestamptz NOT NULL DEFAULT '-infinity',
            checked_at timestamptz,
            outcome text,
            file_id uuid,
            checksum text,
            sha256 text,
            PRIMARY KEY (bucket, object_key),
            CHECK ((checked_at IS NULL) = (outcome IS NULL))
        )
        """
    )
    op.execute("CREATE INDEX fixity_checks_oldest ON fixity_checks (looked_at, bucket, object_key)")


def downgrade() -> None:
    """Drop it: every document counts as never checked."""
    op.execute("DROP TABLE fixity_checks")
