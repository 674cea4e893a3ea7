"""Refusals that matter are recorded, and nobody fills the audit log by knocking."""

from __future__ import annotations

import pytest

from artstore.audit import AuditEvent
from artstore.errors import ArtStoreError, Conflict, Forbidden, Invalid, RateLimited, Unavailable
from artstore.http import Refusal, Request
from functions.auth.refusals import RefusalRecorder

SCOPE = Forbidden("no", code="insufficient_scope")
GUESSING = RateLimited("no", retry_after=9, code="too_many_attempts")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Outbox:
    def __init__(self) -> None:
        self.entries: list[AuditEvent] = []

    def leave(self, event: AuditEvent) -> None:
        self.entries.append(event)


@pytest.fixture
def audit() -> Outbox:
    return Outbox()


@pytest.fixture
def recorder(audit: Outbox, clock: Clock) -> RefusalRecorder:
    return RefusalRecorder(audit, clock)


def refusal(
    error: ArtStoreError = SCOPE,
    client: str | None = "sa_1",
    operation: str = "create_account",
    ip: str = "192.0.2.1",
) -> Refusal:
    return Refusal(operation, Request("POST", "/x", "req-1", source_ip=ip), client, error)


def test_who_asks_for_what_the_token_does_not_permit_is_recorded(recorder: RefusalRecorder, audit: Outbox) -> None:
    recorder.record(refusal())
    (entry,) = audit.entries
    assert (entry.action, entry.actor, entry.object) == ("operation.refused", "sa_1", "operation/create_account")
    assert (entry.outcome, entry.reason) == ("refused", "insufficient_scope")
    assert (entry.source_ip, entry.request_id) == ("192.0.2.1", "req-1")


def test_who_keeps_guessing_is_recorded_by_address(recorder: RefusalRecorder, audit: Outbox) -> None:
    recorder.record(refusal(GUESSING, None, "issue_token"))
    recorder.record(refusal(GUESSING, None, "issue_token", "192.0.2.2"))
    assert [(entry.actor, entry.source_ip) for entry in audit.entries] == [
        ("anonymous", "192.0.2.1"),
        ("anonymous", "192.0.2.2"),
    ]


@pytest.mark.parametrize(
    "error", [Conflict("taken"), Invalid("bad"), Unavailable("down"), RateLimited("slow", retry_after=1)]
)
def test_what_is_no_attempt_to_get_in_is_left_to_the_log_lines(
    recorder: RefusalRecorder, audit: Outbox, error: ArtStoreError
) -> None:
    recorder.record(refusal(error))
    assert audit.entries == []


def test_knocking_again_is_recorded_once_a_minute(recorder: RefusalRecorder, audit: Outbox, clock: Clock) -> None:
    for _ in range(50):
        recorder.record(refusal())
        clock.now += 3
    assert len(audit.entries) == 3
    for number in range(5):
        recorder.record(refusal(ip=f"192.0.2.{number}"))
    assert len(audit.entries) == 3
    recorder.record(refusal(operation="rotate_signing_keys"))
    recorder.record(refusal(client="sa_2"))
    assert len(audit.entries) == 5


def test_a_refusal_stays_one_when_the_audit_log_cannot_be_written(clock: Clock) -> None:
    class Down:
        def leave(self, event: AuditEvent) -> None:
            raise Unavailable("down")

    RefusalRecorder(Down(), clock).record(refusal())
