"""Notifications of AWS, MinIO and LocalStack say the same thing in the end."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.storage_events.events import EventKind, StorageEvent, UnknownMessage, parse_message

RECORDED = Path(__file__).parents[2] / "events"


def recorded(name: str) -> str:
    return (RECORDED / f"{name}.json").read_text(encoding="utf-8")


def only_event(name: str) -> StorageEvent:
    (event,) = parse_message(recorded(name))
    return event


def changed(**changes: Any) -> str:
    message = json.loads(recorded("aws_object_created_put"))
    message["Records"][0] |= changes
    return json.dumps(message)


def test_aws_tells_of_a_new_object() -> None:
    assert only_event("aws_object_created_put") == StorageEvent(
        kind=EventKind.CREATED,
        name="ObjectCreated:Put",
        bucket="artstore-edit-123456789012-eu-central-1",
        key="2026/03/01/12/Отчёт + 1_anna_20260301T120000_6f1d7c1e-5a52-4f0e-9f0a-0c5a3f0d9b11.pdf",
        at=datetime(2026, 3, 1, 12, 0, 5, 123000, tzinfo=UTC),
    )


def test_minio_tells_of_a_new_object() -> None:
    event = only_event("minio_object_created_put")
    assert (event.kind, event.name) == (EventKind.CREATED, "ObjectCreated:Put")
    assert (event.bucket, event.key) == ("documents", "2026/03/01/12/Отчёт 1.pdf")


def test_localstack_tells_of_a_new_object() -> None:
    event = only_event("localstack_object_created_put")
    assert (event.kind, event.key) == (EventKind.CREATED, "2026/03/01/Отчёт + 1 (a%b).pdf")


@pytest.mark.parametrize("name", ["aws_object_removed_delete_marker", "aws_lifecycle_expiration"])
def test_every_way_an_object_goes_is_a_removal(name: str) -> None:
    assert only_event(name).kind is EventKind.REMOVED


def test_minio_calls_tagging_a_creation_and_so_it_is_read() -> None:
    assert only_event("minio_object_created_put_tagging").kind is EventKind.CREATED


@pytest.mark.parametrize(
    "name", ["ObjectTagging:Put", "ObjectAcl:Put", "ReducedRedundancyLostObject", "ObjectCreatedAnew:Put", ""]
)
def test_other_events_are_read_and_concern_nobody(name: str) -> None:
    (event,) = parse_message(changed(eventName=name))
    assert event.kind is EventKind.OTHER


def test_the_test_event_of_a_new_notification_holds_no_event() -> None:
    assert parse_message(recorded("aws_test_event")) == ()


def test_a_message_may_hold_several_events() -> None:
    records = [
        json.loads(recorded(name))["Records"][0] for name in ("aws_object_created_put", "aws_lifecycle_expiration")
    ]
    events = parse_message(json.dumps({"Records": records}))
    assert [event.kind for event in events] == [EventKind.CREATED, EventKind.REMOVED]


def test_a_key_is_decoded_once_and_no_more() -> None:
    key = {"key": "a%252Fb%2520c"}
    (event,) = parse_message(changed(s3={"bucket": {"name": "b"}, "object": key}))
    assert event.key == "a%2Fb%20c"


@pytest.mark.parametrize("version", ["2.0", "2.1", "2.5", "2.99"])
def test_every_version_2_is_understood(version: str) -> None:
    assert parse_message(changed(eventVersion=version))


def test_a_time_that_is_none_is_not_told() -> None:
    (event,) = parse_message(changed(eventTime="now"))
    assert event.at is None


@pytest.mark.parametrize(
    "body",
    [
        "",
        "hello",
        "null",
        "[]",
        "{}",
        '{"Records": null}',
        '{"Records": [{}]}',
        '{"Records": [{"eventSource": "aws:sqs"}]}',
        '{"Event": "s3:OtherEvent"}',
        "[" * 100_000,
        changed(eventVersion="3.0"),
        changed(eventVersion="1.0"),
        changed(eventSource="aws:ses"),
        changed(s3={"bucket": {"name": "b"}}),
        changed(s3={"bucket": {}, "object": {"key": "k"}}),
        changed(eventName=None),
    ],
)
def test_anything_else_is_an_unknown_message(body: str) -> None:
    with pytest.raises(UnknownMessage):
        parse_message(body)


@settings(deadline=None)
@given(
    st.text(max_size=50)
    | st.builds(
        lambda value, name: changed(**{name: value}),
        st.none() | st.integers() | st.text(max_size=9) | st.lists(st.text(max_size=3), max_size=2),
        st.sampled_from(["eventVersion", "eventSource", "eventName", "eventTime", "s3", "other"]),
    )
)
def test_no_body_is_more_than_unknown(body: str) -> None:
    try:
        parse_message(body)
    except UnknownMessage:
        return
    assert "Records" in body
