"""Two attr.json files of one document: who writes late or at the same time takes nothing away."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from artstore import attributes as attr
from artstore.attributes import Attributes
from artstore.elements import StorageElement
from artstore.index.claims import Place
from artstore.naming import attributes_key
from artstore.objects import Content
from artstore.spaces import EVERYWHERE
from functions.maintenance.finalizing.handover import Handover
from functions.maintenance.finalizing.ports import Asked, Progress, Refused
from tests.fakes.memory_bucket import EDIT, KEPT, MemoryBuckets
from tests.fakes.memory_index import MemoryIndex
from tests.support.flows.world import Flows
from tests.support.ingesting.world import ELEMENTS

FILE, TRANSACTION = UUID(int=7), UUID(int=70)
BODY = b"a small document"


class Slow:
    """Storage as a process sees it whose creations arrive later."""

    def __init__(self, buckets: MemoryBuckets) -> None:
        self._buckets = buckets
        self.waiting: list[Callable[[], object]] = []

    def create(self, bucket: str, key: str, body: bytes) -> str:
        self.waiting.append(lambda: self._buckets.create(bucket, key, body))
        return '"on its way"'

    def __getattr__(self, name: str) -> Any:
        return getattr(self._buckets, name)


class Overtaken:
    """Storage as a process sees it right after whose first look at a place somebody else writes there."""

    def __init__(self, buckets: MemoryBuckets, place: Place, write: Callable[[], None]) -> None:
        self._buckets = buckets
        self._place = place
        self._write: Callable[[], None] | None = write

    def read(self, bucket: str, key: str, limit: int) -> Content:
        write = self._write if (bucket, key) == (self._place.bucket, attributes_key(self._place.key)) else None
        try:
            return self._buckets.read(bucket, key, limit)
        finally:
            if write is not None:
                self._write = None
                write()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._buckets, name)


class Copied:
    """A document whose copy is there and proven, but not yet handed over."""

    def __init__(self) -> None:
        self.world = Flows(MemoryIndex())
        self.buckets = self.world.buckets
        self.world.upload(EDIT, FILE.int, BODY)
        self.world.deliver_all()
        found = self.world.index.find(FILE, EVERYWHERE)
        element = ELEMENTS.find("rw-01")
        assert found is not None
        assert element is not None
        self.element: StorageElement = element
        source, target = Place(EDIT, found.key), Place(KEPT, "docs/" + found.key)
        etag = self.buckets.head(*source).etag
        made = self.world.copies.copy(source, etag, target, only_new=True)
        assert made is not None
        self.asked = Asked(file_id=FILE, source=source, target=target, element_id="rw-01", retain_until=None)
        self.progress = Progress(
            size=len(BODY),
            etag=etag,
            copy_etag=made.etag,
            copy_version_id=made.version_id,
            sha256=found.attributes.checksum,
        )

    def handover(self, objects: Any = None) -> Handover:
        """Give a process that hands over."""
        return Handover(objects or self.buckets, lambda: self.buckets.now)

    def run(self, handover: Handover) -> None:
        """Seal, and hand over."""
        sealed, _ = handover.seal(self.asked, TRANSACTION, lambda _found: None)
        handover.hand_over(self.asked, sealed, self.progress, self.element)

    def written(self, place: Place) -> Attributes:
        """Read an attr.json."""
        return attr.parse(self.buckets.body(place.bucket, attributes_key(place.key)) or b"")


@pytest.fixture
def copied() -> Copied:
    return Copied()


def test_a_creation_that_arrives_after_the_seal_was_broken_does_not_move_the_document(copied: Copied) -> None:
    slow = Slow(copied.buckets)
    copied.run(copied.handover(slow))
    copied.handover().take_back(copied.asked, TRANSACTION)
    for arrive in slow.waiting:
        arrive()
    source, target = copied.written(copied.asked.source), copied.written(copied.asked.target)
    assert source.revision > target.revision, "of two at the same revision neither would be the later one"
    is_over, _ = copied.handover().is_over(copied.asked, copied.progress)
    assert not is_over
    copied.world.deliver_all()
    copied.world.check_shown(FILE, BODY, EDIT)


def test_another_document_that_comes_to_the_target_at_the_last_moment_stays_as_it_is(copied: Copied) -> None:
    target = copied.asked.target
    others = attr.dump(copied.written(copied.asked.source)).replace(str(FILE).encode(), str(UUID(int=8)).encode())

    def write() -> None:
        copied.buckets.put(target.bucket, attributes_key(target.key), others)

    with pytest.raises(Refused) as refused:
        copied.run(copied.handover(Overtaken(copied.buckets, target, write)))
    assert refused.value.code == "target_occupied"
    assert copied.buckets.body(target.bucket, attributes_key(target.key)) == others


def test_a_change_made_right_after_another_process_handed_over_is_not_written_over(copied: Copied) -> None:
    target = copied.asked.target

    def write() -> None:
        copied.run(copied.handover())
        said = json.loads(copied.buckets.body(target.bucket, attributes_key(target.key)) or b"")
        said |= {"description": "a client's change", "revision": said["revision"] + 1}
        copied.buckets.put(target.bucket, attributes_key(target.key), json.dumps(said).encode())

    copied.run(copied.handover(Overtaken(copied.buckets, target, write)))
    assert copied.written(target).description == "a client's change"
