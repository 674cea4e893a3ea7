"""Somebody answers for a document in quarantine, and is remembered; not for bytes that are not the declared."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from artstore.changes.releasing import Releasing
from artstore.errors import Conflict, NotFound, Unavailable
from artstore.index import IndexedDocument
from artstore.spaces import EVERYWHERE, Reach
from tests.fakes.documents import NOON
from tests.support.changing.desk import ANNA, Desk

OPERATOR = Reach(frozenset({"default"}), frozenset({"default"}))
USER = Reach(frozenset({"default"}))
AT = NOON.isoformat()
FOUND = {"status": "infected", "at": AT, "signature": "Eicar", "engine": "ClamAV 1.4.6"}


@pytest.fixture
def desk() -> Desk:
    return Desk()


def release(desk: Desk, file_id: UUID, reach: Reach = OPERATOR, reason: str = "a false alarm") -> IndexedDocument:
    releasing = Releasing(desk.changes, desk.audit.append)
    return releasing.release(file_id, reach, reason=reason, actor=ANNA)


def quarantined(desk: Desk, reason: str = "infected", scan: dict[str, str] = FOUND) -> UUID:
    return desk.store(quarantine={"reason": reason, "at": AT}, scan=scan)


def test_a_release_brings_the_document_back_and_says_who_answers_for_it(desk: Desk) -> None:
    file_id = quarantined(desk)
    assert desk.world.index.find(file_id, USER) is None
    freed = release(desk, file_id).attributes
    assert freed.quarantine is None
    assert freed.scan is not None
    assert (freed.scan.status, freed.scan.signature) == ("infected", "Eicar")
    assert freed.scan.released_by_id == "sa_anna"
    assert freed.scan.released_at is not None
    assert NOON < freed.scan.released_at <= desk.changes.now()
    assert desk.world.index.find(file_id, USER) is not None
    [event] = desk.audit.events
    assert (event.action, event.outcome, event.reason) == ("document.released", "success", "a false alarm")
    assert event.object == f"file/{file_id}"
    assert event.before is not None
    assert (event.before["quarantine"], event.before["found"]) == ("infected", "Eicar")


def test_a_document_that_was_not_scanned_where_it_must_be_is_released_too(desk: Desk) -> None:
    file_id = quarantined(desk, "not_scanned", {"status": "skipped", "at": AT, "reason": "too_large"})
    freed = release(desk, file_id).attributes
    assert freed.quarantine is None
    assert freed.scan is not None
    assert freed.scan.released_by_id == "sa_anna"


def test_a_release_that_is_asked_for_again_changes_and_records_nothing(desk: Desk) -> None:
    file_id = quarantined(desk)
    first = release(desk, file_id)
    again = release(desk, file_id, reason="once more")
    assert (again.attributes, again.attributes_etag) == (first.attributes, first.attributes_etag)
    assert len(desk.audit.events) == 1


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({}, "not_quarantined"),
        ({"quarantine": {"reason": "checksum_mismatch", "at": AT}}, "not_releasable"),
    ],
)
def test_what_cannot_be_released_is_refused_and_that_is_recorded(
    desk: Desk, said: dict[str, Any], code: str
) -> None:
    file_id = desk.store(**said)
    with pytest.raises(Conflict) as refused:
        release(desk, file_id)
    assert refused.value.code == code
    assert [(each.outcome, each.reason) for each in desk.audit.events] == [("refused", code)]


def test_who_does_not_administer_the_space_finds_nothing_to_release(desk: Desk) -> None:
    file_id = quarantined(desk)
    for reach in (USER, Reach(frozenset({"press"}), None)):
        with pytest.raises(NotFound):
            release(desk, file_id, reach)
    assert desk.world.index.find(file_id, EVERYWHERE) is not None


def test_nothing_is_released_that_the_audit_log_cannot_be_told(desk: Desk) -> None:
    file_id = quarantined(desk)

    def away(_event: object) -> None:
        raise Unavailable("the tables do not answer")

    with pytest.raises(Unavailable):
        Releasing(desk.changes, away).release(file_id, OPERATOR, reason="x", actor=ANNA)
    assert desk.written(file_id)["quarantine"]["reason"] == "infected"
