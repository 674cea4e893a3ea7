"""Bytes in the archive: refused until they were restored, shown on their way, and nobody else pays for that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from artstore.elements import Mode, StorageElement, StorageElements
from artstore.errors import Conflict, Gone, NotFound, Unavailable
from artstore.restoring import NotedRestore, Restore, RestoreStatus, Tier
from functions.query.archived import ArchivedBytes
from tests.fakes.memory_index import MemoryIndex

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FOUND: Any = SimpleNamespace(bucket="b", key="a/x", version_id="v1", object_etag='"e"', missing=False)
ON_ITS_WAY = Restore(status=RestoreStatus.IN_PROGRESS)


def restored(days: float) -> Restore:
    return Restore(status=RestoreStatus.RESTORED, until=NOW + timedelta(days=days))


class Storage:
    """One object in the archive, which comes when a test says so."""

    def __init__(self, *, archived: bool | None = True, restore: Restore | None = None) -> None:
        self.archived = archived
        self.state = restore
        self.calls: list[Any] = []

    def head(self, bucket: str, key: str, version_id: str | None = None) -> Any:
        self.calls.append("head")
        if self.archived is None:
            raise NotFound("the object does not exist")
        return SimpleNamespace(archived=self.archived, restore=self.state, etag='"e"')

    def restore(
        self, bucket: str, key: str, version_id: str | None, days: int, tier: Tier = Tier.STANDARD
    ) -> None:
        self.calls.append((bucket, key, version_id, days, tier))
        self.state = restored(days) if self.state and self.state.until else ON_ITS_WAY

    def comes(self, days: int) -> None:
        self.archived, self.state = False, restored(days)

    def goes(self) -> None:
        self.archived, self.state = True, None


class Bytes:
    """Archived bytes, and what is kept of them."""

    def __init__(self, mode: Mode, storage: Storage) -> None:
        elements = StorageElements(
            (StorageElement("a", "b", mode, prefix="a/"), StorageElement("root", "b", Mode.RW))
        )
        self.now = NOW
        self.index = MemoryIndex()
        self.archive = ArchivedBytes(lambda: elements, lambda: storage, self.index, lambda: self.now)

    def note(self, restore: Restore, etag: str = '"e"') -> None:
        self.index.note_restore("b", "a/x", "v1", NotedRestore(etag=etag, restore=restore))


@pytest.mark.parametrize("mode", [Mode.EDIT, Mode.RW, Mode.RO])
def test_where_bytes_can_be_read_storage_is_not_asked(mode: Mode) -> None:
    storage = Storage()
    bytes_ = Bytes(mode, storage)
    bytes_.archive.require_at_hand(FOUND)
    assert bytes_.archive.restore(FOUND, 7, Tier.STANDARD) == (True, None)
    assert bytes_.archive.show(FOUND) is None
    assert storage.calls == []


def test_archived_bytes_are_refused_until_they_were_restored_and_after_their_days() -> None:
    storage = Storage()
    archive = Bytes(Mode.AR, storage).archive
    for _ in range(2):
        with pytest.raises(Conflict) as refusal:
            archive.require_at_hand(FOUND)
        assert refusal.value.code == "archived"
        assert archive.restore(FOUND, 7, Tier.BULK) == (False, ON_ITS_WAY)
        assert ("b", "a/x", "v1", 7, Tier.BULK) in storage.calls
        with pytest.raises(Conflict):
            archive.require_at_hand(FOUND)
        storage.comes(7)
        archive.require_at_hand(FOUND)
        assert archive.restore(FOUND, 7, Tier.BULK) == (True, restored(7))
        storage.goes()


def test_what_is_on_its_way_is_not_asked_for_again() -> None:
    storage = Storage(restore=ON_ITS_WAY)
    assert Bytes(Mode.AR, storage).archive.restore(FOUND, 7, Tier.STANDARD) == (False, ON_ITS_WAY)
    assert storage.calls == ["head"]


def test_bytes_that_are_there_stay_longer_when_they_are_asked_for_again_and_never_shorter() -> None:
    storage = Storage(archived=False, restore=restored(5))
    archive = Bytes(Mode.AR, storage).archive
    assert archive.restore(FOUND, 2, Tier.STANDARD) == (True, restored(5))
    assert storage.calls == ["head"]
    assert archive.restore(FOUND, 9, Tier.STANDARD) == (True, restored(9))


def test_small_bytes_that_never_left_need_no_restore() -> None:
    storage = Storage(archived=False)
    assert Bytes(Mode.AR, storage).archive.restore(FOUND, 7, Tier.STANDARD) == (True, None)
    assert storage.calls == ["head"]


def test_bytes_that_are_gone_are_gone() -> None:
    with pytest.raises(Gone):
        Bytes(Mode.AR, Storage(archived=None)).archive.require_at_hand(FOUND)


def test_a_restore_that_was_asked_for_is_shown_before_any_event_tells_of_it() -> None:
    bytes_ = Bytes(Mode.AR, Storage())
    assert bytes_.archive.show(FOUND) is None
    bytes_.archive.restore(FOUND, 7, Tier.STANDARD)
    assert bytes_.archive.show(FOUND) == ON_ITS_WAY


def test_what_has_come_is_shown_until_its_days_are_over_without_asking_storage() -> None:
    storage = Storage()
    bytes_ = Bytes(Mode.AR, storage)
    bytes_.note(restored(7))
    assert bytes_.archive.show(FOUND) == restored(7)
    bytes_.now += timedelta(days=7)
    assert bytes_.archive.show(FOUND) is None
    assert storage.calls == []


def test_when_the_event_of_its_coming_is_lost_storage_tells() -> None:
    storage = Storage()
    bytes_ = Bytes(Mode.AR, storage)
    bytes_.note(ON_ITS_WAY)
    storage.comes(7)
    assert bytes_.archive.show(FOUND) == restored(7)
    storage.goes()
    assert bytes_.archive.show(FOUND) is None
    storage.archived = None
    assert bytes_.archive.show(FOUND) is None


def test_what_was_noted_of_other_bytes_is_not_shown() -> None:
    bytes_ = Bytes(Mode.AR, Storage())
    bytes_.note(restored(7), etag='"another"')
    assert bytes_.archive.show(FOUND) is None


def test_a_restore_stands_though_it_could_not_be_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    bytes_ = Bytes(Mode.AR, Storage())

    def away(*_arguments: object) -> None:
        raise Unavailable("the index does not answer")

    monkeypatch.setattr(bytes_.index, "note_restore", away)
    assert bytes_.archive.restore(FOUND, 7, Tier.STANDARD) == (False, ON_ITS_WAY)
