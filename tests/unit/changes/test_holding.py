"""A legal hold keeps a document, is in the audit log with its reason, and ends only when somebody ends it."""

from __future__ import annotations

import pytest

from artstore.errors import Conflict, NotFound
from artstore.spaces import EVERYWHERE, Reach
from tests.support.changing.desk import ANNA, EDIT, KEPT, Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize("bucket", [EDIT, KEPT])
def test_a_hold_is_said_kept_by_storage_where_it_can_and_ended(desk: Desk, bucket: str) -> None:
    file_id = desk.store(bucket=bucket)
    version = desk.written(file_id).get("storage_version_id")
    held = desk.holding.set(file_id, EVERYWHERE, hold=True, reason="case 7", actor=ANNA)
    assert held.attributes.retention is not None
    assert (held.attributes.retention.legal_hold, held.attributes.retention.hold_reason) == (True, "case 7")
    assert desk.locks.held == ({version} if bucket == KEPT else set())
    assert held == desk.found(file_id)
    released = desk.holding.set(file_id, EVERYWHERE, hold=False, reason="closed", actor=ANNA)
    assert released.attributes.retention is not None
    assert (released.attributes.retention.legal_hold, released.attributes.retention.hold_reason) == (False, None)
    assert desk.locks.held == set()
    desk.settle()


def test_each_hold_is_in_the_audit_log_with_its_reason_and_what_was_before(desk: Desk) -> None:
    file_id = desk.store()
    for hold, reason in ((True, "case 7"), (True, "case 8"), (False, "closed")):
        desk.holding.set(file_id, EVERYWHERE, hold=hold, reason=reason, actor=ANNA)
    told = [(each.action, each.outcome, each.reason, each.before, each.after) for each in desk.audit.events]
    none, seven, eight = (
        {"legal_hold": reason is not None, "hold_reason": reason} for reason in (None, "case 7", "case 8")
    )
    assert told == [
        ("legal_hold.placed", "success", "case 7", none, seven),
        ("legal_hold.placed", "success", "case 8", seven, eight),
        ("legal_hold.released", "success", "closed", eight, none),
    ]


def test_a_hold_that_is_there_is_put_into_storage_again(desk: Desk) -> None:
    file_id = desk.store(bucket=KEPT)
    desk.holding.set(file_id, EVERYWHERE, hold=True, reason="case 7", actor=ANNA)
    revision = desk.written(file_id)["revision"]
    desk.locks.held.clear()
    desk.holding.set(file_id, EVERYWHERE, hold=True, reason="case 7", actor=ANNA)
    assert desk.locks.held == {desk.written(file_id)["storage_version_id"]}
    assert desk.written(file_id)["revision"] == revision


def test_a_document_in_the_trash_can_be_held_there(desk: Desk) -> None:
    file_id = desk.store()
    desk.deleting.delete(file_id, EVERYWHERE, ANNA)
    desk.holding.set(file_id, EVERYWHERE, hold=True, reason="case 7", actor=ANNA)
    assert desk.written(file_id)["retention"]["legal_hold"] is True
    assert desk.found(file_id) is None


def test_a_refusal_is_in_the_audit_log_and_out_of_reach_there_is_nothing_to_refuse(desk: Desk) -> None:
    file_id = desk.store(finalization="5d0f4c0e-6f0b-5b54-9d0e-0c8b9f5c7a10")
    with pytest.raises(Conflict):
        desk.holding.set(file_id, EVERYWHERE, hold=True, reason="case 7", actor=ANNA)
    assert [(each.outcome, each.reason) for each in desk.audit.events] == [("refused", "finalization_in_progress")]
    with pytest.raises(NotFound):
        desk.holding.set(file_id, Reach(frozenset({"other"})), hold=True, reason="case 7", actor=ANNA)
