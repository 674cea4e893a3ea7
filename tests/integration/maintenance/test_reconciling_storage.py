"""Listings of real buckets, page by page, and the message that has a place looked at."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from artstore.aws import look_queue
from artstore.aws.look_queue import LookQueue
from artstore.index.claims import Place
from functions.maintenance.ranges import cut
from functions.maintenance.reconciling.storage import ListedStorage
from functions.storage_events.events import EventKind, parse_message


def test_every_version_is_listed_once_page_by_page(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.create_bucket(Bucket="kept")
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    put = {
        (key, s3.put_object(Bucket="kept", Key=f"docs/{key}", Body=body)["VersionId"])
        for key in ("a", "b c+ü", "d")
        for body in (b"1", b"2", b"3")
    }
    s3.put_object(Bucket="kept", Key="other", Body=b"x")
    s3.delete_object(Bucket="kept", Key="docs/d")
    whole = ListedStorage(s3).page("kept", "docs/", None, None)
    assert whole.next is None
    few = ListedStorage(_FewAtOnce(s3))
    listed, after, version = [], None, None
    while True:
        page = few.page("kept", "docs/", after, version)
        listed += page.versions
        if page.next is None:
            break
        after, version = page.next, page.next_version
    assert listed == whole.versions
    assert {(each.key.removeprefix("docs/"), each.version_id) for each in listed} == put
    assert [(each.key, each.size) for each in listed if each.is_latest] == [("docs/a", 1), ("docs/b c+ü", 1)]


def test_an_object_of_a_bucket_without_versions_has_none(s3: Any) -> None:
    etag = s3.put_object(Bucket="edit", Key="a", Body=b"x")["ETag"]
    [only] = ListedStorage(s3).page("edit", "", None, None).versions
    assert (only.etag, only.version_id, only.is_latest) == (etag, None, True)


def test_an_element_is_cut_along_its_folders(s3: Any) -> None:
    for day in range(20):
        s3.put_object(Bucket="edit", Key=f"p/2026/01/{day:02}/a", Body=b"x")
    few = ListedStorage(_FewAtOnce(s3, most=5))
    ranges = cut(few, "e", "edit", "p/")
    assert [each.until for each in ranges] == [*(f"p/2026/01/{day:02}/" for day in range(20)), None]
    assert ranges[0].after is None
    assert cut(ListedStorage(s3), "e", "edit", "p/")[0].until is None, "what fits a page is one range"


def test_whoever_handles_events_understands_what_is_to_be_looked_at(
    aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqs = boto3.client("sqs")
    look_queue._client.cache_clear()
    url = sqs.create_queue(QueueName="events")["QueueUrl"]
    LookQueue(url)([Place("edit", "a b+ü.txt")])
    [message] = sqs.receive_message(QueueUrl=url)["Messages"]
    assert json.loads(message["Body"]) == {"look": {"bucket": "edit", "key": "a b+ü.txt"}}
    [event] = parse_message(message["Body"])
    assert (event.kind, event.bucket, event.key) == (EventKind.CREATED, "edit", "a b+ü.txt")
    look_queue._client.cache_clear()


class _FewAtOnce:
    """A client whose listings are short."""

    def __init__(self, client: Any, most: int = 2) -> None:
        self._client = client
        self._most = most

    def list_object_versions(self, **asked: Any) -> Any:
        return self._client.list_object_versions(MaxKeys=self._most, **asked)

    def list_objects_v2(self, **asked: Any) -> Any:
        return self._client.list_objects_v2(**asked, **({} if "Delimiter" in asked else {"MaxKeys": self._most}))
