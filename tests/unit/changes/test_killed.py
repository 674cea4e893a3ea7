"""Whatever stops between any two calls: the document is as it was or as it was to be, and the next try ends it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from artstore.changes.changing import no_precondition
from artstore.changes.patching import DocumentPatch
from artstore.spaces import EVERYWHERE
from tests.support.changing.desk import ANNA, EDIT, KEPT, Desk
from tests.support.killing import AFTER, BEFORE, Killed, Killer

Flow = Callable[[Desk, UUID], Any]


def _patch(desk: Desk, file_id: UUID) -> Any:
    until = (desk.world.buckets.now + timedelta(days=10)).replace(minute=0, second=0, microsecond=0)
    patch = msgspec.convert(
        {"description": "new", "retention": {"policy": "permanent", "expires_at": until.isoformat()}},
        DocumentPatch,
    )
    return desk.patching.patch(file_id, EVERYWHERE, patch, no_precondition)


def _delete(desk: Desk, file_id: UUID) -> Any:
    return desk.deleting.delete(file_id, EVERYWHERE, ANNA)


def _undelete(desk: Desk, file_id: UUID) -> Any:
    return desk.deleting.undelete(file_id, EVERYWHERE, ANNA)


def _hold(desk: Desk, file_id: UUID) -> Any:
    return desk.holding.set(file_id, EVERYWHERE, hold=True, reason="case 7", actor=ANNA)


def _release(desk: Desk, file_id: UUID) -> Any:
    return desk.holding.set(file_id, EVERYWHERE, hold=False, reason="closed", actor=ANNA)


FLOWS: dict[str, tuple[str, list[Flow], Flow]] = {
    "patch": (EDIT, [], _patch),
    "patch of a kept one": (KEPT, [], _patch),
    "delete": (EDIT, [], _delete),
    "undelete": (EDIT, [_delete], _undelete),
    "hold": (EDIT, [], _hold),
    "hold of a kept one": (KEPT, [], _hold),
    "release": (EDIT, [_hold], _release),
    "release of a kept one": (KEPT, [_hold], _release),
}


def prepare(bucket: str, before: list[Flow]) -> tuple[Desk, UUID]:
    """A document that took the place of another, and what was done to it before."""
    desk = Desk()
    file_id = desk.store(2, b"friday", bucket=bucket, supersedes=desk.store(1))
    for each in before:
        each(desk, file_id)
    desk.world.deliver_all()
    return desk, file_id


def state(desk: Desk, file_id: UUID) -> dict[str, Any]:
    """Everything that lasts, without the times of this run."""
    document = {name: value for name, value in desk.written(file_id).items() if name != "updated_at"}
    if "deleted_at" in document:
        document["deleted_at"] = "then"
    holders = {str(each): held.successor for each, held in desk.world.successions.kept.items()}
    return {
        "attributes": document,
        "listed": desk.listed(),
        "locked": bool(desk.locks.until),
        "held": bool(desk.locks.held),
        "holders": holders,
        "audited": {(each.action, each.outcome, each.reason) for each in desk.audit.events},
    }


@pytest.mark.parametrize("when", [BEFORE, AFTER])
@pytest.mark.parametrize("name", FLOWS)
def test_killed_at_any_call_it_is_whole_or_not_begun_and_is_ended_by_doing_it_again(name: str, when: str) -> None:
    bucket, before, flow = FLOWS[name]
    desk, file_id = prepare(bucket, before)
    begin = state(desk, file_id)
    counting = Killer()
    desk.use(counting)
    flow(desk, file_id)
    desk.settle()
    end = state(desk, file_id)
    assert len(counting.calls) >= 4
    for number in range(len(counting.calls)):
        desk, file_id = prepare(bucket, before)
        desk.use(Killer(number, when))
        with pytest.raises(Killed):
            flow(desk, file_id)
        desk.settle()
        between = state(desk, file_id)
        assert between["attributes"] in (begin["attributes"], end["attributes"]), counting.calls[number]
        said = between["attributes"].get("retention", {})
        assert between["held"] or bucket == EDIT or not said.get("legal_hold"), "said to be held, and is not"
        desk.use(Killer())
        flow(desk, file_id)
        desk.settle()
        assert state(desk, file_id) == end, counting.calls[number]
