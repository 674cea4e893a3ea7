"""Walks a range of an element, a page at a time: counts what lies there, and compares it with the index."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import msgspec

from artstore import deadline
from artstore.elements import StorageElement, StorageElements
from artstore.index import KnownPlace
from artstore.index.claims import Place
from artstore.naming import is_attributes_key, is_reserved
from functions.maintenance.ranges import Range
from functions.maintenance.reconciling.comparing import suspects
from functions.maintenance.reconciling.findings import Findings, Found, Kind
from functions.maintenance.reconciling.looking import Looking
from functions.maintenance.reconciling.ports import Index, Listing, Looks, Version

ROWS_AT_ONCE = 1000
_AT_ONCE = 8
"""Places that are looked at side by side."""
_LAST = "\U0010ffff"
"""Sorts behind every key."""


class Stored(msgspec.Struct, kw_only=True):
    """What lies in storage: bytes of every version, objects, attr.json files, versions that are not the last."""

    bytes: int = 0
    objects: int = 0
    attributes: int = 0
    earlier: int = 0

    def add(self, other: Stored) -> None:
        """Take in what another part of the walk has counted."""
        self.bytes += other.bytes
        self.objects += other.objects
        self.attributes += other.attributes
        self.earlier += other.earlier


class Walked(msgspec.Struct, kw_only=True):
    """How far the walk of one range has come: also the progress of its job."""

    of: Range
    after: str | None = None
    version: str | None = None
    """Behind which version of ``after`` the listing goes on."""
    stored: Stored = msgspec.field(default_factory=Stored)
    findings: Findings = msgspec.field(default_factory=Findings)
    over: bool = False


class Walk:
    """Walks ranges. A page that is walked twice is counted once: what counts is saved with where it ended."""

    def __init__(self, *, listing: Listing, index: Index, looking: Looking, looks: Looks) -> None:
        """Take the ports; ``looks`` has places mended."""
        self._listing = listing
        self._index = index
        self._looking = looking
        self._looks = looks

    def begin(self, of: Range) -> Walked:
        """Stand before a range."""
        return Walked(of=of, after=of.after)

    def advance(
        self, walked: Walked, elements: StorageElements, *, repair: bool, settled_before: datetime
    ) -> None:
        """Walk one page. Raises Unavailable."""
        element = elements.find(walked.of.element_id)
        if element is None:
            walked.over = True
            return
        versions, rows, after = self._read(walked, element)
        is_ours = _belongs(elements, element)
        for each in versions:
            if is_reserved(each.key) or not is_ours(each.key):
                continue
            walked.stored.bytes += each.size
            if not each.is_latest:
                walked.stored.earlier += 1
            elif is_attributes_key(each.key):
                walked.stored.attributes += 1
            else:
                walked.stored.objects += 1
        here, earlier = suspects(versions, rows, after, is_ours)
        unseen = [key for key in earlier if self._looking.is_unseen(Place(element.bucket, key))]
        found = self._look(element, here | {key: earlier[key] for key in unseen}, settled_before)
        for one in found:
            walked.findings.note(one)
        if repair and (broken := to_be_mended(found)):
            self._looks(broken)
            walked.findings.asked += len(broken)

    def _read(
        self, walked: Walked, element: StorageElement
    ) -> tuple[list[Version], list[tuple[str, KnownPlace]], str]:
        """Give a page of versions, the index's rows of the same keys, and the key that both begin behind."""
        after = walked.after or ""
        page = self._listing.page(element.bucket, element.prefix, walked.after, walked.version)
        end = page.next if page.next is not None else element.prefix + _LAST
        until = walked.of.until
        is_last = page.next is None or (until is not None and page.next >= until)
        if until is not None:
            end = min(end, until)
        rows = list(self._index.places(element.bucket, element.prefix, after, end, ROWS_AT_ONCE))
        version = page.next_version
        if len(rows) == ROWS_AT_ONCE and rows[-1][0] < end:  # more rows than objects: they end the page
            end, version, is_last = rows[-1][0], None, False
        versions = [each for each in page.versions if each.key <= end and _follows(each, walked)]
        if is_last and until is not None and page.next == until and page.next_version is not None:
            is_last = False  # its last key has more versions
        walked.after, walked.version, walked.over = end, version, is_last
        return versions, rows, after

    def _look(
        self, element: StorageElement, keys: dict[str, Version | None], settled_before: datetime
    ) -> list[Found]:
        if not keys:
            return []
        ends_in = deadline.remaining()

        def look(item: tuple[str, Version | None]) -> Found | None:
            key, listed = item
            with deadline.within(ends_in):  # a deadline belongs to its thread
                return self._looking.at(Place(element.bucket, key), element, listed, settled_before)

        with ThreadPoolExecutor(_AT_ONCE) as threads:
            return [each for each in threads.map(look, keys.items()) if each is not None]


def _follows(listed: Version, walked: Walked) -> bool:
    """Tell whether a version lies behind where the walk stands; some servers begin a page with that very key."""
    return walked.after is None or walked.version is not None or listed.key > walked.after


def _belongs(elements: StorageElements, element: StorageElement) -> Callable[[str], bool]:
    def is_ours(key: str) -> bool:
        found = elements.locate(element.bucket, key)
        return found is not None and found.element_id == element.element_id

    return is_ours


def to_be_mended(found: Iterable[Found]) -> list[Place]:
    """Give the places where a look of ingest's may change something."""
    return [each.place for each in found if isinstance(each.kind, Kind) and each.can_be_mended]
