"""Bring the document index up to date, its schema and its words: ``python -m infra.migrate``.

The same command serves a laptop and production. The database is ARTSTORE_DATABASE_URL, or the secret named
with ``--database-url-secret`` (Secrets Manager id or ARN, read with the caller's own AWS credentials).
Needs USAGE and CREATE on the schema the connection starts in, and no extension. Two runs at once are safe:
the second waits for the first and finds nothing to do. The schema is brought there in one transaction, all or
nothing; then documents that were indexed by the rules of an older version are indexed anew, in batches
(``infra.rewording``), which may take an hour for a million of them and may be interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from infra.rewording import reword

_LOCK = 0x61727473746F7265  # "artstore"
_LOCK_TIMEOUT = "60s"


def upgrade(url: str, revision: str = "head") -> tuple[str | None, str | None]:
    """Migrate the database behind ``url`` (postgresql://...) to the newest schema, or to an older revision; give
    revision before and after.

    Raises psycopg.OperationalError or sqlalchemy.exc.OperationalError when the database does not answer in
    10 s, or the lock is not free within a minute.
    """
    with _engine(url).begin() as connection:
        connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        before = MigrationContext.configure(connection).get_current_revision()
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        return before, MigrationContext.configure(connection).get_current_revision()


def current_revision(url: str) -> str | None:
    """Give the revision of the schema that the database behind ``url`` has; None when it has none.

    Raises what ``upgrade`` raises when the database does not answer. Changes nothing.
    """
    with _engine(url).connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest_revision() -> str:
    """Give the newest revision that this version knows."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def is_known(revision: str) -> bool:
    """Tell whether this version knows a revision; it does not know those of later versions."""
    return any(each.revision == revision for each in ScriptDirectory.from_config(_config()).walk_revisions())


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; 0 when the schema is up to date, 1 when it could not be brought there."""
    parser = argparse.ArgumentParser(prog="python -m infra.migrate", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--database-url-secret", metavar="ARN", help="read the URL from this secret")
    options = parser.parse_args(arguments)
    url = (
        _read_secret(options.database_url_secret)
        if options.database_url_secret
        else os.environ.get("ARTSTORE_DATABASE_URL")
    )
    if not url:
        parser.error("set ARTSTORE_DATABASE_URL or give --database-url-secret")
    try:
        before, after = upgrade(url)
        print(f"index schema {after}: nothing to do" if before == after else f"index schema {before} -> {after}")
        done = reword(url, lambda so_far: print(f"  {so_far} documents indexed anew", end="\r", flush=True))
    except (OperationalError, psycopg.OperationalError) as error:
        print(f"the database cannot be migrated: {_first_line(error)}", file=sys.stderr)
        return 1
    print(f"index words: {done} documents indexed anew" if done else "index words: nothing to do")
    return 0


def _engine(url: str) -> Engine:
    return create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(url, connect_timeout=10), poolclass=NullPool
    )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _read_secret(secret_id: str) -> str:
    import boto3

    secret: str = boto3.client("secretsmanager").get_secret_value(SecretId=secret_id)["SecretString"]
    return secret


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


if __name__ == "__main__":
    sys.exit(main())
