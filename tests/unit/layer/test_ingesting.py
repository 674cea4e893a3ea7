"""Ingest now: what the function answers, and LATER whatever goes wrong."""

from __future__ import annotations

import io
import json
from typing import Any
from uuid import UUID

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from artstore import deadline
from artstore.aws import ingesting
from artstore.aws.ingesting import IngestNow, IngestOutcome


class FakeLambda:
    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[dict[str, Any]] = []

    def invoke(self, **arguments: Any) -> Any:
        self.asked.append(arguments)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def ask(monkeypatch: pytest.MonkeyPatch, answer: Any) -> tuple[IngestOutcome, FakeLambda]:
    client = FakeLambda(answer)
    monkeypatch.setattr(ingesting, "_client", lambda: client)
    return IngestNow("artstore-storage-events").at("edit", "a/b.pdf"), client


def test_the_function_is_asked_about_the_place_and_its_answer_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"outcome": "stored", "file_id": str(UUID(int=7)), "attributes": {"a": 1}, "attributes_etag": '"e"'}
    outcome, client = ask(monkeypatch, {"Payload": io.BytesIO(json.dumps(said).encode())})
    assert outcome == IngestOutcome(
        outcome="stored", file_id=UUID(int=7), attributes={"a": 1}, attributes_etag='"e"'
    )
    (asked,) = client.asked
    assert asked["FunctionName"] == "artstore-storage-events"
    assert asked["Payload"] == b'{"ingest":{"bucket":"edit","key":"a/b.pdf"}}'


@pytest.mark.parametrize(
    "answer",
    [
        ClientError({"Error": {"Code": "TooManyRequestsException"}}, "Invoke"),
        ConnectTimeoutError(endpoint_url="https://lambda"),
        {"Payload": io.BytesIO(b'{"errorMessage":"x"}'), "FunctionError": "Unhandled"},
        {"Payload": io.BytesIO(b"<html>")},
        {"Payload": io.BytesIO(b"[]")},
    ],
)
def test_whatever_goes_wrong_the_event_does_it(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    assert ask(monkeypatch, answer)[0] == IngestOutcome(outcome="later")


def test_a_request_that_has_no_time_left_does_not_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    with deadline.within(0):
        outcome, client = ask(monkeypatch, {"Payload": io.BytesIO(b"{}")})
    assert (outcome.outcome, client.asked) == ("later", [])
