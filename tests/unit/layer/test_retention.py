"""Whether a document may go is decided in one place, for clients, sweepers and finalization alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from artstore.attributes import Retention
from artstore.elements import Mode
from artstore.retention import may_delete, refuse_deletion
from tests.fakes.documents import make_attributes

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATER, EARLIER = NOW + timedelta(days=1), NOW - timedelta(days=1)


@pytest.mark.parametrize(
    ("retention", "mode", "code"),
    [
        (None, Mode.EDIT, None),
        (Retention(policy="temporary", expires_at=LATER), Mode.EDIT, None),
        (Retention(policy="permanent"), Mode.EDIT, None),
        (Retention(policy="permanent", expires_at=EARLIER), Mode.EDIT, None),
        (Retention(policy="permanent", expires_at=LATER), Mode.EDIT, "retained"),
        (Retention(policy="temporary", legal_hold=True), Mode.EDIT, "legal_hold"),
        (Retention(policy="temporary", expires_at=EARLIER, legal_hold=True), Mode.EDIT, "legal_hold"),
        (None, Mode.RW, "deletion_not_allowed"),
        (Retention(policy="permanent", expires_at=EARLIER), Mode.RW, "deletion_not_allowed"),
        (Retention(policy="permanent", legal_hold=True), Mode.RW, "legal_hold"),
        (None, Mode.RO, "deletion_not_allowed"),
        (None, Mode.AR, "deletion_not_allowed"),
    ],
)
def test_a_document_goes_only_where_its_element_lets_it_and_nothing_keeps_it(
    retention: Retention | None, mode: Mode, code: str | None
) -> None:
    attributes = make_attributes(retention=retention)
    refusal = refuse_deletion(attributes, mode, NOW)
    assert (refusal.code if refusal else None) == code
    assert may_delete(attributes, mode, NOW) == (code is None)
