"""The SQL of restores, over the table ``restores``: what storage said last of archived bytes that were asked back.

It stands beside the documents: an attr.json knows nothing of it, so no rebuild could tell it.
"""

from __future__ import annotations

from typing import Any

from artstore.restoring import NotedRestore, Restore, RestoreStatus

_OF_OBJECT = " WHERE bucket = %(bucket)s AND object_key = %(key)s AND version_id = %(version_id)s"

NOTE = """
INSERT INTO restores (bucket, object_key, version_id, etag, status, until)
VALUES (%(bucket)s, %(key)s, %(version_id)s, %(etag)s, %(status)s, %(until)s)
ON CONFLICT (bucket, object_key, version_id) DO UPDATE SET
    etag = excluded.etag, status = excluded.status, until = excluded.until
"""
FORGET = f"DELETE FROM restores{_OF_OBJECT}"  # noqa: S608  # constants only
FIND = f"SELECT etag, status, until FROM restores{_OF_OBJECT}"  # noqa: S608  # constants only


def of_object(bucket: str, key: str, version_id: str | None) -> dict[str, Any]:
    """Give the parameters that name an object; one without versions has the version of no name."""
    return {"bucket": bucket, "key": key, "version_id": version_id or ""}


def values_of(noted: NotedRestore) -> dict[str, Any]:
    """Give the parameters of NOTE that say what was noted."""
    return {"etag": noted.etag, "status": str(noted.restore.status), "until": noted.restore.until}


def read_row(row: tuple[Any, ...]) -> NotedRestore:
    """Read a row of FIND."""
    etag, status, until = row
    return NotedRestore(etag=etag, restore=Restore(status=RestoreStatus(status), until=until))
