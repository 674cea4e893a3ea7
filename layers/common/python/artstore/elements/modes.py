"""What may be done in a storage element, by its mode: the one table that every path asks.

=====  =========================================================================
edit   create, read, change, delete; temporary documents live here
rw     create, read, change metadata; no deletion (versioning and Object Lock) but by a decision about retention
ro     read
ar     read metadata; bytes only after a restore
=====  =========================================================================

Nothing at all is written in ro and ar: no attr.json either, so no metadata, hold or retention changes there. It
needs none of these, since nothing can be deleted there.
"""

from __future__ import annotations

import enum


class Mode(enum.StrEnum):
    """What a storage element allows."""

    EDIT = "edit"
    RW = "rw"
    RO = "ro"
    AR = "ar"


class Right(enum.StrEnum):
    """Something that is done to the documents of a storage element."""

    CREATE = "create"
    """New documents, by an upload or as the target of a finalization."""
    ARRIVE = "arrive"
    """Bytes of uploads that were started before."""
    INGEST = "ingest"
    """Describing what has arrived: creating an attr.json where none is."""
    CHANGE = "change"
    """Metadata: replacing an attr.json."""
    OVERWRITE = "overwrite"
    """Other bytes at the place of a document, by whatever tool."""
    DELETE = "delete"
    """Removing objects: of deleted documents, of uploads that were not completed, of finalized sources."""
    DISPOSE = "dispose"
    """Removing a document for good whose retention schedule says so, once no lock keeps it."""
    HOLD = "hold"
    """Legal holds, and retention that is made longer."""
    READ = "read"
    """The bytes, at once."""
    RESTORE = "restore"
    """The bytes, some time after they were asked for."""


RIGHTS: dict[Mode, frozenset[Right]] = {
    Mode.EDIT: frozenset(Right) - {Right.RESTORE},
    Mode.RW: frozenset(
        {Right.CREATE, Right.ARRIVE, Right.INGEST, Right.CHANGE, Right.DISPOSE, Right.HOLD, Right.READ}
    ),
    Mode.RO: frozenset({Right.READ}),
    Mode.AR: frozenset({Right.RESTORE}),
}

WHILE_CHANGING: dict[Mode, frozenset[Right]] = {
    Mode.RW: frozenset({Right.INGEST, Right.READ}),
    Mode.RO: frozenset({Right.READ}),
}
"""While an element of the mode turns into the next one: what arrived before is still described."""

NEXT: dict[Mode, Mode] = {Mode.RW: Mode.RO, Mode.RO: Mode.AR}
"""The one way of a storage element; edit stays what it is, and ar is the end."""
