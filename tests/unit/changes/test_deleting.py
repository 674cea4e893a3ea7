"""A deleted document is found by nobody and can be had back; what must stay is not deleted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from artstore.errors import ArtStoreError, PreconditionFailed
from artstore.http.preconditions import IfMatch
from artstore.index import IndexedDocument
from artstore.spaces import EVERYWHERE, Reach
from tests.support.changing.desk import ANNA, KEPT, TRASH, Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()


def delete(desk: Desk, file_id: UUID) -> IndexedDocument:
    return desk.deleting.delete(file_id, EVERYWHERE, ANNA)


def undelete(desk: Desk, file_id: UUID) -> IndexedDocument:
    return desk.deleting.undelete(file_id, EVERYWHERE, ANNA)


def code_of(act: Any) -> str:
    with pytest.raises(ArtStoreError) as refused:
        act()
    return refused.value.code


def trash(desk: Desk, reach: Reach = EVERYWHERE) -> list[UUID]:
    return [each.attributes.file_id for each in desk.world.index.trash(10, None, reach).items]


def test_a_deleted_document_is_gone_at_once_lies_in_the_trash_and_comes_back_as_it_was(desk: Desk) -> None:
    file_id = desk.store(description="mine")
    before = desk.written(file_id)
    delete(desk, file_id)
    assert desk.found(file_id) is None
    assert desk.listed() == set()
    assert trash(desk) == [file_id]
    assert trash(desk, Reach(frozenset({"other"}))) == []
    assert desk.written(file_id)["deleted_by_id"] == "sa_anna"
    desk.settle()
    undeleted = undelete(desk, file_id)
    assert undeleted == desk.found(file_id)
    assert trash(desk) == []
    after = desk.written(file_id)
    assert after | {"revision": before["revision"], "updated_at": before["updated_at"]} == before
    desk.settle()


def test_deleting_and_undeleting_twice_is_as_good_as_once_and_each_is_in_the_audit_log(desk: Desk) -> None:
    file_id = desk.store()
    first = delete(desk, file_id)
    assert delete(desk, file_id) == first
    back = undelete(desk, file_id)
    assert undelete(desk, file_id) == back
    told = [(each.action, each.object, each.actor, each.source_ip) for each in desk.audit.events]
    assert told == [
        (action, f"file/{file_id}", "sa_anna", "192.0.2.1")
        for action in ["document.deleted"] * 2 + ["document.undeleted"] * 2
    ]


def test_a_deletion_heeds_if_match_unless_the_document_is_deleted_already(desk: Desk) -> None:
    file_id = desk.store()
    seen = desk.found(file_id)
    assert seen is not None
    desk.world.edit(*desk.place(file_id), description="theirs")
    stale = IfMatch(seen.attributes_etag).check_any
    with pytest.raises(PreconditionFailed):
        desk.deleting.delete(file_id, EVERYWHERE, ANNA, stale)
    delete(desk, file_id)
    desk.deleting.delete(file_id, EVERYWHERE, ANNA, stale)


def test_what_must_stay_is_not_deleted(desk: Desk) -> None:
    kept = desk.store(1, bucket=KEPT)
    assert code_of(lambda: delete(desk, kept)) == "deletion_not_allowed"
    held = desk.store(2)
    desk.holding.set(held, EVERYWHERE, hold=True, reason="case 7", actor=ANNA)
    assert code_of(lambda: delete(desk, held)) == "legal_hold"
    desk.holding.set(held, EVERYWHERE, hold=False, reason="closed", actor=ANNA)
    delete(desk, held)
    later = (desk.changes.now() + timedelta(days=1)).isoformat()
    retained = desk.store(3, retention={"policy": "permanent", "expires_at": later})
    assert code_of(lambda: delete(desk, retained)) == "retained"
    assert desk.listed() == {kept, retained}


def test_after_its_time_in_the_trash_a_document_does_not_come_back(desk: Desk) -> None:
    file_id = desk.store()
    delete(desk, file_id)
    desk.world.buckets.now += TRASH
    assert code_of(lambda: undelete(desk, file_id)) == "undelete_too_late"
    assert trash(desk) == [file_id]


def test_who_does_not_reach_a_document_neither_deletes_it_nor_brings_it_back(desk: Desk) -> None:
    file_id = desk.store()
    elsewhere = Reach(frozenset({"other"}))
    assert code_of(lambda: desk.deleting.delete(file_id, elsewhere, ANNA)) == "document_not_found"
    delete(desk, file_id)
    assert code_of(lambda: desk.deleting.undelete(file_id, elsewhere, ANNA)) == "document_not_found"


def test_the_one_before_is_current_again_when_the_newest_version_is_deleted(desk: Desk) -> None:
    first = desk.store(1)
    second = desk.store(2, b"friday", supersedes=first)
    assert desk.listed() == {second}
    delete(desk, second)
    assert desk.listed() == {first}
    assert desk.world.successions.kept == {}, "another may take the place at once"
    undelete(desk, second)
    assert desk.listed() == {second}
    desk.settle()


def test_a_version_between_two_others_stays(desk: Desk) -> None:
    first = desk.store(1)
    second = desk.store(2, b"friday", supersedes=first)
    third = desk.store(3, b"sunday", supersedes=second)
    assert code_of(lambda: delete(desk, second)) == "version_in_between"
    delete(desk, first)
    assert desk.listed() == {third}
    delete(desk, second)
    assert desk.listed() == {third}


def test_who_comes_back_takes_the_place_it_had_unless_another_has_it(desk: Desk) -> None:
    first = desk.store(1)
    second = desk.store(2, b"friday", supersedes=first)
    delete(desk, second)
    third = desk.store(3, b"sunday", supersedes=first)
    assert desk.listed() == {third}
    undelete(desk, second)
    assert desk.listed() == {second, third}
    assert "supersedes" not in desk.written(second)
    desk.settle()


def test_who_is_on_its_way_out_of_the_trash_keeps_its_place(desk: Desk) -> None:
    first = desk.store(1)
    second = desk.store(2, b"friday", supersedes=first)
    delete(desk, second)
    desk.world.wait(1000)
    desk.world.successions.settle(first, second)  # and the attr.json is written, and the index not told yet
    third = desk.store(3, b"sunday", supersedes=first)
    assert "supersedes" not in desk.written(third)
    undelete(desk, second)
    assert desk.listed() == {second, third}
    assert desk.written(second)["supersedes"] == str(first)
    desk.settle()
