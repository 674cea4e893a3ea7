"""One attr.json of an older format becomes one of schema 2.0 that says the same, on condition of the one read."""

from __future__ import annotations

import enum
from typing import Protocol

import msgspec

from artstore import attributes as attr
from artstore.errors import Conflict, Invalid, Misconfigured, NotFound, PreconditionFailed, TooLarge
from artstore.objects import Content

TRIES = 3
"""How often one that others change meanwhile is read again."""


class Outcome(enum.StrEnum):
    """What became of an attr.json."""

    MIGRATED = "migrated"
    """It is of schema 2.0 now; in a dry run, it would be."""
    PRESENT = "present"
    """It was of schema 2.x before."""
    DAMAGED = "damaged"
    """It is none, so nobody knows what to write."""
    UNWRITABLE = "unwritable"
    """What it says cannot be written as schema 2.0: it would be too large."""
    REFUSED = "refused"
    """Storage does not let it be read or written."""
    LATER = "later"
    """Others change it all the time; another migration finds it."""
    GONE = "gone"
    """It was removed meanwhile."""


class Rewritten(msgspec.Struct, frozen=True):
    """What became of one, and the code that says why where it is not as it should be."""

    outcome: Outcome
    reason: str | None = None


class Objects(Protocol):
    """The calls on storage that are made; see artstore.objects."""

    def read(self, bucket: str, key: str, limit: int) -> Content: ...
    def replace(self, bucket: str, key: str, body: bytes, if_match: str) -> str: ...


def rewrite(objects: Objects, bucket: str, key: str, *, dry_run: bool) -> Rewritten:
    """Rewrite the attr.json that lies under its own ``key``. Raises Unavailable.

    What is written is read back before it replaces anything, and says exactly what the one before said: neither
    the revision nor a time changes, since nothing that is said of the document does.
    """
    for _ in range(TRIES):
        try:
            content = objects.read(bucket, key, attr.MAX_BYTES + 1)
        except NotFound:
            return Rewritten(Outcome.GONE)
        except (Conflict, Invalid) as error:
            return Rewritten(Outcome.REFUSED, error.code)
        try:
            described = attr.parse(content.body)
        except (Invalid, TooLarge) as error:
            return Rewritten(Outcome.DAMAGED, error.code)
        if not attr.is_older(content.body):
            return Rewritten(Outcome.PRESENT)
        try:
            raw = attr.dump(described)
        except (Invalid, TooLarge) as error:
            return Rewritten(Outcome.UNWRITABLE, error.code)
        if attr.parse(raw) != described:
            return Rewritten(Outcome.UNWRITABLE, "not_the_same")
        if dry_run:
            return Rewritten(Outcome.MIGRATED)
        try:
            objects.replace(bucket, key, raw, content.etag)
        except PreconditionFailed:
            continue
        except NotFound:
            return Rewritten(Outcome.GONE)
        except Misconfigured:
            return Rewritten(Outcome.REFUSED, "write_refused")
        return Rewritten(Outcome.MIGRATED)
    return Rewritten(Outcome.LATER, "changing_too_fast")
