"""Every POST that makes something can be repeated under an Idempotency-Key, or says here why it need not be."""

from __future__ import annotations

import pytest

from artstore.http import Endpoint
from infra import openapi

POSTS: list[Endpoint] = [
    each for endpoints in openapi.ENDPOINTS_OF.values() for each in endpoints if each.method == "POST"
]
_ASKS = "asks, and leaves nothing behind"
_PERMITS = "permits what was announced, as often as it is asked; nothing is made"
_SAME = "ends in the same state however often it is sent, and answers alike"
EXCEPTIONS = {
    "issue_token": "a token more does no harm; RFC 6749 knows no such header",
    "introspect_token": _ASKS,
    "revoke_token": _SAME,
    "verify_audit_log": _ASKS,
    "rotate_signing_keys": "has a lock, and a time within which it is not done again",
    "rotate_service_account_secret": "takes If-Match: who repeats it with the ETag of before is refused",
    "restore_service_account": _SAME,
    "sign_parts": _PERMITS,
    "sign_request": _PERMITS,
    "renew_upload": _PERMITS,
    "complete_upload": _SAME,
    "undelete_document": _SAME,
    "release_document": _SAME,
    "restore_document": "asks storage for the bytes, which brings them once",
    "change_storage_element_mode": "goes one way, and meets the change that is under way",
    "finalize_documents": "each document meets its own transaction, whose id is derived from what it moves",
    "take_minio_event": "an event may come twice, and storage knows no such header",
    "take_seaweedfs_event": "an event may come twice, and storage knows no such header",
    "cancel_job": _SAME,
    "retry_job": "concerns a job that is dead, and no longer once it was sent",
}
"""Operations without the header: why they need none."""


@pytest.mark.parametrize("operation", POSTS, ids=lambda each: each.operation_id)
def test_what_is_made_can_be_asked_for_twice(operation: Endpoint) -> None:
    takes_it = any(each.name == "Idempotency-Key" for each in operation.headers)
    assert takes_it != (operation.operation_id in EXCEPTIONS), "either the header, or a reason above: not both"


def test_what_answers_201_is_no_exception() -> None:
    assert not [each.operation_id for each in POSTS if 201 in each.answers and each.operation_id in EXCEPTIONS]


def test_no_exception_is_left_of_an_operation_that_is_gone() -> None:
    assert not set(EXCEPTIONS) - {each.operation_id for each in POSTS}
