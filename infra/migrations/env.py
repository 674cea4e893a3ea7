"""What Alembic runs: the migrations on the connection that infra.migrate opened and holds a lock on."""

from __future__ import annotations

from alembic import context


def run() -> None:
    """Run the migrations inside the transaction of the connection given."""
    context.configure(connection=context.config.attributes["connection"])
    context.run_migrations()


run()
