"""An upload under way goes on only where its element still takes bytes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from artstore.elements import ElementStatus, Health, Mode, StorageElement, StorageElements, Transition
from artstore.elements.watch import StorageWatch
from artstore.errors import Conflict, Unavailable
from functions.upload.uploads.gate import ElementGate, GatedPermit

TO_RO = Transition(to=Mode.RO, phase="draining", since="t", job_id="j", requested_by="me")
RECORD: Any = SimpleNamespace(element_id="one")


class Told:
    def __init__(self) -> None:
        self.failures: list[str] = []
        self.recovered_: list[str] = []

    def failed(self, element_id: str, reason: str, now: float) -> None:
        self.failures.append(element_id)

    def recovered(self, element_id: str, now: float) -> None:
        self.recovered_.append(element_id)


def gate(told: Told | None = None, **element: Any) -> ElementGate:
    one = StorageElement("one", "b", element.pop("mode", Mode.RW), **element)
    return ElementGate(lambda: StorageElements((one,)), StorageWatch(told or Told(), lambda: 1000.0))


@pytest.mark.parametrize(
    ("element", "code"),
    [({"transition": TO_RO}, "element_mode_changing"), ({"mode": Mode.RO}, "element_read_only")],
)
def test_no_url_is_handed_out_that_storage_will_refuse(element: dict[str, Any], code: str) -> None:
    permit = GatedPermit(lambda _record, _seconds: pytest.fail("it was signed"), gate(**element))
    with pytest.raises(Conflict) as refusal:
        permit(RECORD, 60)
    assert refusal.value.code == code


@pytest.mark.parametrize("status", [ElementStatus.ACTIVE, ElementStatus.PAUSED, ElementStatus.DELETED])
def test_what_was_started_may_arrive_where_nothing_new_is_placed(status: ElementStatus) -> None:
    signed: Any = object()
    assert GatedPermit(lambda _record, _seconds: signed, gate(status=status))(RECORD, 60) is signed


def test_what_storage_does_is_told() -> None:
    told = Told()
    with pytest.raises(Unavailable), gate(told).watch(RECORD):
        raise Unavailable("storage does not answer", code="storage_unavailable")
    assert told.failures == ["one"]
    with gate(told, health=Health(failures=2)).watch(RECORD):
        pass
    assert told.recovered_ == ["one"]
