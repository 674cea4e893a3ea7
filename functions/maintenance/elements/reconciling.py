"""Counting what really lies in a storage element: the job of kind ``reconcile``.

The whole prefix is walked, every version, and compared with what the index counts. The difference is what the
documents do not account for: attributes, earlier versions, what was rejected or left behind. It is kept in the
registry and added to the index's count from then on, so that an element is known to be as full as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from artstore.audit import format_time
from artstore.elements import StorageElements
from artstore.elements.registry import Rows, Usage, merge
from artstore.jobs import Job
from artstore.naming import is_attributes_key, is_reserved
from functions.maintenance.elements.tending import Counted
from functions.maintenance.steps import Continue, Done, Fail, Step

KIND = "reconcile"


class Table(Protocol):
    """What is asked of the registry; see ``artstore.aws.element_table``."""

    def read(self) -> Rows: ...
    def count(self, element_id: str, usage: Usage) -> None: ...


class Version(msgspec.Struct, frozen=True):
    """A version of an object, and whether it is the one that a GET gives."""

    key: str
    size: int
    is_latest: bool


class Versions(msgspec.Struct, frozen=True):
    """A page of versions, and where the next one begins."""

    versions: list[Version]
    next: dict[str, str] | None


class Reconciliation:
    """Counts one element for each job; see ``functions.maintenance.steps.Runner``."""

    def __init__(
        self,
        *,
        seeds: StorageElements,
        table: Table,
        versions: Callable[[str, str, dict[str, str] | None], Versions],
        usage: Callable[[], Mapping[str, Counted]],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the ports; ``versions`` lists a page under a bucket's prefix."""
        self._seeds = seeds
        self._table = table
        self._versions = versions
        self._usage = usage
        self._clock = clock

    def step(self, job: Job, time_left: Callable[[], float]) -> Step:
        """Walk on while there is time; a page that is walked twice is counted once, since progress is one."""
        elements = StorageElements(merge(self._seeds, self._table.read()))
        element = elements.find(str(job.request.get("element_id")))
        if element is None:
            return Fail("element_not_found", "there is no such storage element")
        seen: dict[str, Any] = {"bytes": 0, "objects": 0, "attributes": 0, "earlier": 0} | job.progress
        while True:
            page = self._versions(element.bucket, element.prefix, seen.get("after"))
            for each in page.versions:
                found = elements.locate(element.bucket, each.key)
                if is_reserved(each.key) or found is None or found.element_id != element.element_id:
                    continue
                seen["bytes"] += each.size
                kind = "attributes" if is_attributes_key(each.key) else "objects"
                seen[kind if each.is_latest else "earlier"] += 1
            seen["after"] = page.next
            if page.next is None:
                return self._finish(element.element_id, seen)
            if time_left() <= 0:
                return Continue(seen)

    def _finish(self, element_id: str, seen: dict[str, Any]) -> Step:
        indexed = self._usage().get(element_id, Counted())
        before = self._table.read().usage.get(element_id, Usage())
        now = format_time(self._clock())
        beyond = seen["bytes"] - indexed.bytes
        self._table.count(
            element_id,
            Usage(
                used_bytes=seen["bytes"],
                file_count=indexed.documents,
                counted_at=now,
                beyond_bytes=beyond,
                reconciled_at=now,
            ),
        )
        report = {
            "element_id": element_id,
            "stored": {name: seen[name] for name in ("bytes", "objects", "attributes", "earlier")},
            "indexed": msgspec.to_builtins(indexed),
            "registered_before": {"used_bytes": before.used_bytes, "file_count": before.file_count},
            "bytes_beyond_documents": beyond,
            "objects_beyond_documents": seen["objects"] - indexed.documents,
        }
        return Done(report)
