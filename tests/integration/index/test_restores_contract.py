"""What every document index keeps of restores; run on PostgreSQL and on the fake."""

from __future__ import annotations

from datetime import timedelta

import pytest

from artstore.index import DocumentIndex
from artstore.index.postgres import PostgresIndex
from artstore.restoring import NotedRestore, Restore, RestoreStatus
from tests.fakes.documents import NOON
from tests.fakes.memory_index import MemoryIndex

LATER = NOON + timedelta(days=7)


@pytest.fixture(params=["postgres", "memory"])
def index(request: pytest.FixtureRequest) -> DocumentIndex:
    if request.param == "memory":
        return MemoryIndex()
    index: PostgresIndex = request.getfixturevalue("postgres_index")
    return index


def test_what_storage_said_last_of_a_restore_is_kept_for_each_version(index: DocumentIndex) -> None:
    on_its_way = NotedRestore(etag='"1"', restore=Restore(status=RestoreStatus.IN_PROGRESS))
    here = NotedRestore(etag='"1"', restore=Restore(status=RestoreStatus.RESTORED, until=LATER))
    index.note_restore("kept", "restored", "v1", None)
    assert index.restore_of("kept", "restored", "v1") is None
    for noted in (on_its_way, here, here):
        index.note_restore("kept", "restored", "v1", noted)
        assert index.restore_of("kept", "restored", "v1") == noted
    index.note_restore("kept", "restored", None, on_its_way)
    assert index.restore_of("kept", "restored", None) == on_its_way
    assert index.restore_of("kept", "restored", "v2") is None
    for _ in range(2):
        index.note_restore("kept", "restored", "v1", None)
        assert index.restore_of("kept", "restored", "v1") is None
    assert index.restore_of("kept", "restored", None) == on_its_way
    index.note_restore("kept", "restored", None, None)
