"""What is done for the storage elements each minute.

Each element's storage is probed, and the registry told: a probe that fails keeps an element left out longer, one
that succeeds brings it back. What the index counts in each element is written into the registry, so that placing
an upload needs no database. Changes of mode that nobody works at are taken up. Each of these may fail by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec

from artstore.audit import format_time
from artstore.elements import ElementStatus, Fill, StorageElement, StorageElements, Transition
from artstore.elements.registry import Rows, Usage, definitions_of, merge
from artstore.elements.watch import STORAGE_REFUSES
from artstore.errors import ArtStoreError, Misconfigured


class Table(Protocol):
    """What is asked of the registry; see ``artstore.aws.element_table``."""

    def read(self) -> Rows: ...
    def count(self, element_id: str, usage: Usage) -> None: ...
    def failed(self, element_id: str, reason: str, now: float) -> object: ...
    def recovered(self, element_id: str, now: float) -> None: ...


class Counted(msgspec.Struct, frozen=True):
    """What the index counts in one element, trash included."""

    documents: int = 0
    bytes: int = 0


class Tended(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to. Each list holds element ids; ``problems`` names what could not be done."""

    probed: int
    failing: list[str]
    counted: int
    fills: dict[str, str]
    taken_up: list[str]
    problems: list[str]


class ElementTending:
    """Tends the elements of one deployment."""

    def __init__(
        self,
        *,
        seeds: StorageElements,
        table: Table,
        probe: Callable[[str], object],
        usage: Callable[[], Mapping[str, Counted]],
        take_up: Callable[[str, Transition], bool],
        failed: Callable[[str, BaseException], None] = lambda _what, _error: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the ports: ``probe`` asks a bucket for a sign of life, ``usage`` the index, by element id;
        ``take_up`` starts the job of a change of mode unless there is one; ``failed`` is told what failed."""
        self._seeds = seeds
        self._table = table
        self._probe = probe
        self._usage = usage
        self._take_up = take_up
        self._failed = failed
        self._clock = clock

    def tend(self) -> Tended:
        """Do all of it once. Raises Unavailable where the registry cannot be read."""
        rows = self._table.read()
        every = [one for one in merge(self._seeds, rows) if one.status is not ElementStatus.DELETED]
        problems: list[str] = []
        failing = self._try("probe", problems, lambda: self._probe_all(every)) or []
        counted = self._try("usage", problems, lambda: self._count_all(every, rows)) or {}
        taken_up = self._try("modes", problems, lambda: self._take_up_all(rows)) or []
        fills = {
            one.element_id: str(msgspec.structs.replace(one, used_bytes=counted[one.element_id]).fill)
            if one.element_id in counted
            else str(one.fill)
            for one in every
        }
        return Tended(
            probed=len(every),
            failing=failing,
            counted=len(counted),
            fills=fills,
            taken_up=taken_up,
            problems=problems,
        )

    def _try(self, what: str, problems: list[str], act: Callable[[], Any]) -> Any:
        try:
            return act()
        except Exception as error:  # noqa: BLE001  # the other duties are done all the same
            self._failed(what, error)
            problems.append(what)
            return None

    def _probe_all(self, every: list[StorageElement]) -> list[str]:
        """Ask each bucket once; give the elements that are left out now, or will be."""
        answers = {bucket: self._answer(bucket) for bucket in dict.fromkeys(one.bucket for one in every)}
        now = self._clock().timestamp()
        failing = []
        for one in every:
            reason = answers[one.bucket]
            if reason is not None:
                failing.append(one.element_id)
                self._table.failed(one.element_id, reason, now)
            elif one.health.failures:
                self._table.recovered(one.element_id, now)
        return failing

    def _answer(self, bucket: str) -> str | None:
        """Give why the bucket fails, None when it answers."""
        try:
            self._probe(bucket)
        except ArtStoreError as error:
            self._failed(f"probe of {bucket}", error)
            return error.code
        except Misconfigured as error:
            self._failed(f"probe of {bucket}", error)
            return STORAGE_REFUSES
        return None

    def _count_all(self, every: list[StorageElement], rows: Rows) -> dict[str, int]:
        at = format_time(self._clock())
        counted = self._usage()
        used = {}
        for one in every:
            found = counted.get(one.element_id, Counted())
            before = rows.usage.get(one.element_id, Usage())
            used[one.element_id] = max(0, found.bytes + before.beyond_bytes)
            now = Usage(
                used_bytes=used[one.element_id],
                file_count=found.documents,
                counted_at=at,
                beyond_bytes=before.beyond_bytes,
            )
            self._table.count(one.element_id, now)
        return used

    def _take_up_all(self, rows: Rows) -> list[str]:
        return [
            one.element_id
            for one in definitions_of(self._seeds, rows).values()
            if one.transition is not None and self._take_up(one.element_id, one.transition)
        ]


def fill_counts(fills: Mapping[str, str]) -> dict[Fill, int]:
    """Count elements by how full they are."""
    return {fill: sum(1 for each in fills.values() if each == fill) for fill in Fill}


def job_id_of(transition: Transition) -> UUID:
    """Give the id of the job that carries a change of mode out."""
    return UUID(transition.job_id)
