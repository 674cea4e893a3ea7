"""The function is killed around every single call it makes for an upload in parts, and its client begins again.

Whatever the call, in the end there is one upload, put together once of all its parts, or given up; nothing is
left in storage but what was begun there and never written down, which has no parts and ends by the bucket's
lifecycle.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest

from artstore.attributes import to_document
from artstore.aws.ingesting import IngestOutcome
from functions.upload.uploads.parts import MIB, composite_sha256
from tests.fakes.documents import make_attributes
from tests.support.killing import AFTER, BEFORE, Killed, Killer
from tests.support.uploading import Clock, UploadWorld

NOW = datetime(2026, 11, 21, 7, 5, 9, tzinfo=UTC)
SIZES = (8 * MIB, 8 * MIB, 8 * MIB, MIB)
DIGESTS = tuple(hashlib.sha256(bytes([number])).hexdigest() for number in range(4))


def begin(world: UploadWorld) -> str:
    """Start the upload, or find it: the key is all that a client remembers."""
    answer = world.start("the key", size=sum(SIZES), method="multipart")
    assert answer.status in (200, 201), answer.text
    return str(answer.json["file_id"])


def arrived(world: UploadWorld, file_id: str) -> set[int]:
    there: set[int] = set()
    after: int | None = 0
    while after is not None:
        state = world.of("GET", file_id, after_part=after).json.get("multipart", {})
        there |= {each["part_number"] for each in state.get("parts", [])}
        after = state.get("next_after_part")
    return there


def upload(world: UploadWorld) -> None:
    """Do all that a client does, as far as it is not yet done."""
    file_id = begin(world)
    missing = sorted({1, 2, 3, 4} - arrived(world, file_id))
    if world.records.kept[file_id].status == "PENDING" and not world.storage.objects:
        for some in filter(None, (missing[:2], missing[2:])):
            announced = [
                {"part_number": number, "size": SIZES[number - 1], "sha256": DIGESTS[number - 1]}
                for number in some
            ]
            answer = world.of("POST", file_id, "/parts", {"parts": announced})
            assert answer.status == 200, answer.text
            for number in some:
                upload_id = world.records.kept[file_id].upload_id
                assert upload_id is not None
                world.storage.send(upload_id, number, SIZES[number - 1], DIGESTS[number - 1])
    completed = world.of("POST", file_id, "/complete")
    assert completed.status == 200, completed.text


def give_up(world: UploadWorld) -> None:
    """Send a part, and give the upload up."""
    file_id = begin(world)
    if world.records.kept[file_id].status == "PENDING":
        announced = [{"part_number": 1, "size": SIZES[0], "sha256": DIGESTS[0]}]
        assert world.of("POST", file_id, "/parts", {"parts": announced}).status == 200
    assert world.of("DELETE", file_id).status == 204


def fresh(monkeypatch: pytest.MonkeyPatch, killer: Killer) -> UploadWorld:
    world = UploadWorld(Clock(NOW), monkeypatch)
    world.multiparts.sessions = killer.guard(world.multiparts.sessions)
    world.multiparts.storage = killer.guard(world.multiparts.storage)
    world.uploads.records = killer.guard(world.uploads.records, "write")

    def ingest(bucket: str, key: str) -> IngestOutcome:
        """Describe what lies there, as the event would."""
        if (bucket, key) not in world.storage.objects:
            return IngestOutcome(outcome="gone")
        [record] = world.records.kept.values()
        record.status = "STORED"
        attributes = make_attributes(file_id=UUID(record.file_id))
        return IngestOutcome(outcome="stored", attributes=to_document(attributes), attributes_etag='"1"')

    world.ingest = ingest
    return world


def run(world: UploadWorld, client: Callable[[UploadWorld], None]) -> int:
    """Let the client begin again until it comes to its end; tell how often it was stopped."""
    for killed in range(3):
        try:
            client(world)
        except Killed:
            continue
        return killed
    raise AssertionError("killed more than once")


def calls_of(monkeypatch: pytest.MonkeyPatch, client: Callable[[UploadWorld], None]) -> int:
    killer = Killer()
    client(fresh(monkeypatch, killer))
    return len(killer.calls)


@pytest.mark.parametrize("when", [BEFORE, AFTER])
def test_an_upload_is_put_together_once(monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    count = calls_of(monkeypatch, upload)
    assert count >= 10
    for at in range(count):
        killer = Killer()
        world = fresh(monkeypatch, killer)
        killer.kill_at(at, when)
        assert run(world, upload) == 1, at
        [record] = world.records.kept.values()
        assert record.status == "STORED", at
        assert world.storage.objects == {(record.bucket, record.key): sum(SIZES)}, at
        assert record.composite_sha256 == composite_sha256(DIGESTS), at
        assert all(not parts for parts in world.storage.under_way.values()), at
        assert len(world.storage.under_way) <= 1, at


@pytest.mark.parametrize("when", [BEFORE, AFTER])
def test_an_upload_is_given_up_once_and_for_all(monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    count = calls_of(monkeypatch, give_up)
    assert count > 5
    for at in range(count):
        killer = Killer()
        world = fresh(monkeypatch, killer)
        killer.kill_at(at, when)
        assert run(world, give_up) == 1, at
        [record] = world.records.kept.values()
        assert record.status == "ABORTED", at
        assert world.storage.objects == {}, at
        assert record.upload_id not in world.storage.under_way, at
        assert all(not parts for parts in world.storage.under_way.values()), at
