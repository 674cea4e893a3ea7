"""Bytes in the archive: refused until they were restored, and nobody else pays for that."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from artstore.elements import Mode, StorageElement, StorageElements
from artstore.errors import Conflict, Gone, NotFound
from functions.query.archived import ArchivedBytes

FOUND: Any = SimpleNamespace(bucket="b", key="a/x", version_id="v1")


class Storage:
    def __init__(self, archived: bool | None) -> None:
        self.archived = archived
        self.calls: list[Any] = []

    def head(self, bucket: str, key: str, version_id: str | None = None) -> Any:
        self.calls.append("head")
        if self.archived is None:
            raise NotFound("the object does not exist")
        return SimpleNamespace(archived=self.archived)

    def restore(self, bucket: str, key: str, version_id: str | None, days: int) -> None:
        self.calls.append((bucket, key, version_id, days))


def bytes_in(mode: Mode, storage: Storage) -> ArchivedBytes:
    elements = StorageElements((StorageElement("a", "b", mode, prefix="a/"), StorageElement("root", "b", Mode.RW)))
    return ArchivedBytes(lambda: elements, lambda: storage)


@pytest.mark.parametrize("mode", [Mode.EDIT, Mode.RW, Mode.RO])
def test_where_bytes_can_be_read_storage_is_not_asked(mode: Mode) -> None:
    storage = Storage(True)
    bytes_in(mode, storage).require_at_hand(FOUND)
    assert bytes_in(mode, storage).restore(FOUND, 7)
    assert storage.calls == []


def test_archived_bytes_are_refused_until_they_were_restored() -> None:
    storage = Storage(True)
    archive = bytes_in(Mode.AR, storage)
    with pytest.raises(Conflict) as refusal:
        archive.require_at_hand(FOUND)
    assert refusal.value.code == "archived"
    assert not archive.restore(FOUND, 7)
    assert storage.calls[-1] == ("b", "a/x", "v1", 7)
    storage.archived = False
    archive.require_at_hand(FOUND)
    assert archive.restore(FOUND, 7)


def test_bytes_that_are_gone_are_gone() -> None:
    with pytest.raises(Gone):
        bytes_in(Mode.AR, Storage(None)).require_at_hand(FOUND)
