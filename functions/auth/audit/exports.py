"""Exports of the audit log to the bucket whose versions are locked, where nobody can change or delete them.

Each export is one object of JSON lines, ``.artstore/audit/YYYY/MM/DD/{first seq}-{last seq}.jsonl``: the date is
that of the export, each ``seq`` has 12 digits. How far the log has been exported is what the bucket itself says.
So a crash loses nothing: an object is there whole or not at all, and the next run begins behind the last one. Two
runs at once may write the same entries twice, in objects whose names begin alike: the longest holds them all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from artstore.audit import START, AuditEntry, Link, to_line
from artstore.audit.chain import ChainProblem, verify_end, verify_entries
from artstore.errors import Unavailable
from artstore.naming import RESERVED_PREFIX
from artstore.objects import Content, Listing

PREFIX = f"{RESERVED_PREFIX}audit/"
CONTENT_TYPE = "application/x-ndjson"
MAX_FILE_ENTRIES = 2000
MAX_FILE_BYTES = 8 * 1024 * 1024
MAX_FILES = 20
"""In one run; the next one goes on."""
_NAME = re.compile(r"(\d{12,})-(\d{12,})\.jsonl\Z")
_LEVELS = (r"\d{4}/\Z", r"\d{2}/\Z", r"\d{2}/\Z")


class Objects(Protocol):
    """The calls on storage that exporting makes; see artstore.objects."""

    def list_folder(self, bucket: str, prefix: str) -> Listing: ...
    def read(self, bucket: str, key: str, limit: int) -> Content: ...
    def create(self, bucket: str, key: str, body: bytes, content_type: str) -> str | None: ...


class Log(Protocol):
    """What exporting reads; see artstore.aws.audit_table."""

    def head(self) -> Link: ...
    def entries(self, after: int, limit: int) -> list[AuditEntry]: ...


class Exported(msgspec.Struct, frozen=True):
    """What a run did."""

    entries: int
    keys: list[str]
    problem: ChainProblem | None
    """What is wrong with the log; it was exported all the same, as evidence."""


def export_key(first: int, last: int, at: datetime) -> str:
    """Name the object that holds the entries ``first`` to ``last``, exported ``at``."""
    return f"{PREFIX}{at.astimezone(UTC):%Y/%m/%d}/{first:012d}-{last:012d}.jsonl"


def _utc_now() -> datetime:
    return datetime.now(UTC)


class AuditExports:
    """The exports of one deployment."""

    def __init__(self, objects: Objects, bucket: str, clock: Callable[[], datetime] = _utc_now) -> None:
        """Use ``bucket``; nothing is read yet."""
        self._objects = objects
        self._bucket = bucket
        self._clock = clock

    def newest(self) -> Link | None:
        """Give the last entry that was exported, or None; four listings and one read.

        Raises Unavailable, also when what lies there is no export of ours.
        """
        key = self._newest_key(PREFIX, _LEVELS)
        if key is None:
            return None
        body = self._objects.read(self._bucket, key, 2 * MAX_FILE_BYTES).body
        try:
            last = msgspec.json.decode(body.rstrip(b"\n").rpartition(b"\n")[2], type=AuditEntry)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Unavailable(
                "the newest export of the audit log cannot be read", code="unreadable_export"
            ) from error
        return Link(last.seq, last.hash)

    def export(self, log: Log) -> Exported:
        """Export what is new in ``log``. Raises Unavailable; what was written until then stays."""
        last = self.newest() or START
        problem = verify_end(log.head(), last)
        keys: list[str] = []
        count = 0
        for _ in range(MAX_FILES):
            entries = log.entries(last.seq, MAX_FILE_ENTRIES)
            if not entries:
                break
            entries, body = _fill(entries)
            problem = problem or verify_entries(entries, last).problem
            key = export_key(entries[0].seq, entries[-1].seq, self._clock())
            self._objects.create(self._bucket, key, body, CONTENT_TYPE)
            last = Link(entries[-1].seq, entries[-1].hash)
            keys.append(key)
            count += len(entries)
        return Exported(count, keys, problem)

    def _newest_key(self, prefix: str, levels: Sequence[str]) -> str | None:
        """Look for the newest export under ``prefix``, the latest folder of each level first."""
        listing = self._objects.list_folder(self._bucket, prefix)
        if not levels:
            named = [(match[2], match[1], key) for key in listing.keys if (match := _NAME.search(key))]
            return max(named, key=lambda each: (int(each[0]), -int(each[1])), default=("", "", None))[2]
        for folder in sorted(listing.folders, reverse=True):
            if re.match(levels[0], folder.removeprefix(prefix)):
                found = self._newest_key(folder, levels[1:])
                if found is not None:
                    return found
        return None


def _fill(entries: list[AuditEntry]) -> tuple[list[AuditEntry], bytes]:
    """Take as many entries as a file holds, one at least."""
    body = bytearray()
    for number, entry in enumerate(entries):
        line = to_line(entry)
        if number and len(body) + len(line) > MAX_FILE_BYTES:
            return entries[:number], bytes(body)
        body += line
    return entries, bytes(body)
