"""Sweeps: what is over goes, what is not stays, and whoever is stopped when, the archive is the same then."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import msgspec
import pytest

from artstore.attributes import Retention
from artstore.aws.ingesting import IngestOutcome
from artstore.changes.changing import Changes
from artstore.elements import StorageElements
from artstore.errors import NotFound, Unavailable
from artstore.index import IndexedDocument
from artstore.jobs import JobStatus
from artstore.naming import attributes_key
from artstore.spaces import EVERYWHERE
from functions.maintenance.sweeping import Did, Verdict
from functions.maintenance.sweeps.records import SHARDS
from tests.fakes.memory_bucket import EDIT, KEPT
from tests.support.killing import AFTER, BEFORE, Killed, Killer
from tests.support.sweeping import ORPHAN_AGE, TRASH_KEPT, SweptWorld

FILE = f"file/{UUID(int=1)}"
BODY = b"some bytes"


def temporary(at: datetime, **members: Any) -> Retention:
    return Retention(policy="temporary", expires_at=at, **members)


# Uploads.


def test_an_upload_whose_bytes_are_there_is_ingested_since_its_event_was_lost() -> None:
    world = SweptWorld()
    world.upload()
    world.wait(hours=3)
    job = world.run("uploads")
    assert world.outcomes(job) == {FILE: ("ingested", "stored")}
    assert world.records.kept[UUID(int=1)].status == "STORED"
    assert [each[0] for each in world.snapshot()["index"]] == [UUID(int=1)]


def test_an_upload_of_which_nothing_came_is_expired_and_its_parts_are_dropped() -> None:
    world = SweptWorld()
    world.swept.multiparts.add("m-1")
    world.upload(sent=False, upload_id="m-1", kind="multipart")
    world.wait(hours=3)
    assert world.outcomes(world.run("uploads")) == {FILE: ("expired", None)}
    record = world.records.kept[UUID(int=1)]
    assert (record.status, record.awaited, world.swept.multiparts) == ("EXPIRED", None, set())


def test_bytes_that_come_after_an_upload_has_expired_are_a_document_all_the_same() -> None:
    world = SweptWorld()
    key = world.upload(sent=False)
    world.wait(hours=3)
    world.run("uploads")
    world.buckets.put(EDIT, key, BODY)
    assert [each[0] for each in world.snapshot()["index"]] == [UUID(int=1)]


def test_an_upload_is_let_alone_until_its_time_and_the_grace_are_over() -> None:
    world = SweptWorld()
    world.upload(sent=False)
    world.wait(hours=2, seconds=-1)
    assert world.outcomes(world.run("uploads")) == {}
    world.wait(seconds=2)
    assert world.outcomes(world.run("uploads")) == {FILE: ("expired", None)}


def test_an_upload_that_is_renewed_while_it_is_swept_stays() -> None:
    world = SweptWorld()
    world.upload(sent=False)
    world.wait(hours=3)
    record = world.records.kept[UUID(int=1)]
    renewed = (world.now() + timedelta(hours=1)).isoformat()
    world.buckets.between = lambda: vars(record).update(expires_at=renewed)
    assert world.outcomes(world.run("uploads")) == {FILE: ("later", "changed")}
    assert (record.status, record.awaited) == ("PENDING", "1")


def test_parts_that_are_put_together_while_the_upload_is_ended_are_a_document() -> None:
    world = SweptWorld()
    key = world.upload(sent=False, upload_id="m-1")
    world.wait(hours=3)
    end = world.swept.end_multipart

    def completed_first(bucket: str, name: str, upload_id: str) -> None:
        world.buckets.put(EDIT, key, BODY)
        end(bucket, name, upload_id)

    world.swept.end_multipart = completed_first  # type: ignore[assignment,method-assign]
    assert world.outcomes(world.run("uploads")) == {FILE: ("ingested", "stored")}


def test_bytes_that_cannot_be_ingested_now_are_looked_at_again() -> None:
    world = SweptWorld()
    world.upload()
    world.wait(hours=3)
    world.ingest.answers = False
    assert world.outcomes(world.run("uploads")) == {FILE: ("later", "later")}
    assert world.records.kept[UUID(int=1)].status == "PENDING"
    world.ingest.answers = True
    assert world.outcomes(world.run("uploads")) == {FILE: ("ingested", "stored")}


def an_attr_json_that_is_none(world: SweptWorld, key: str) -> None:
    world.buckets.put(EDIT, attributes_key(key), b"{")


def an_element_that_takes_no_more(world: SweptWorld, key: str) -> None:
    world.ingest.says = IngestOutcome(outcome="gone", reason="element_read_only")


def a_place_that_belongs_to_no_element(world: SweptWorld, key: str) -> None:
    world.ingest.says = IngestOutcome(outcome="ignored", reason="no_element")


@pytest.mark.parametrize(
    "found", [an_attr_json_that_is_none, an_element_that_takes_no_more, a_place_that_belongs_to_no_element]
)
@pytest.mark.parametrize("upload_id", [None, "m-1"])
def test_an_upload_that_is_no_document_whatever_lies_there_ends_all_the_same(
    found: Callable[[SweptWorld, str], None], upload_id: str | None
) -> None:
    world = SweptWorld()
    world.swept.multiparts |= {"m-1"} if upload_id else set()
    found(world, world.upload(upload_id=upload_id))
    world.wait(hours=3)
    [(outcome, reason)] = world.outcomes(world.run("uploads")).values()
    assert outcome == "expired"
    assert reason is not None
    record = world.records.kept[UUID(int=1)]
    assert (record.status, record.awaited, world.swept.multiparts) == ("EXPIRED", None, set())


def test_an_upload_that_is_renewed_while_its_place_is_looked_at_goes_on() -> None:
    """Whatever lies there is no document, and the client has just been told that it may still send one."""
    for number in range(100):
        for when in (BEFORE, AFTER):
            world = SweptWorld()
            world.swept.multiparts |= {"m-1"}
            an_element_that_takes_no_more(world, world.upload(upload_id="m-1"))
            world.wait(hours=3)
            record = world.records.kept[UUID(int=1)]

            def renew(world: SweptWorld = world, record: Any = record) -> None:
                kept = None if record.status == "EXPIRED" else record.upload_id
                until = (world.now() + timedelta(hours=1)).isoformat()
                vars(record).update(status="PENDING", awaited="1", expires_at=until, upload_id=kept)

            killer = Killer()
            killer.do_at(number, when, renew)
            world.run("uploads", killer=killer)
            if len(killer.calls) <= number:
                assert number > 5
                return
            assert (record.status, record.awaited) == ("PENDING", "1")
            assert record.upload_id is None or record.upload_id in world.swept.multiparts
    raise AssertionError("no end")


@pytest.mark.parametrize("is_left", ["bytes and attr.json", "attr.json", "bytes in the trash"])
def test_an_upload_whose_ingest_was_stopped_before_the_record_is_stored(is_left: str) -> None:
    world = SweptWorld()
    key = world.upload()
    world.ingest.at(EDIT, key)
    vars(world.records.kept[UUID(int=1)]).update(status="PENDING", stored_at=None, awaited=SHARDS[1])
    if is_left == "attr.json":
        world.buckets.delete(EDIT, key)
    if is_left == "bytes in the trash":
        world.change(key, deleted_at=world.now())
    world.wait(hours=3)
    assert [outcome for outcome, _ in world.outcomes(world.run("uploads")).values()] == ["ingested"]
    record = world.records.kept[UUID(int=1)]
    assert (record.status, record.awaited) == ("STORED", None)


def test_a_record_that_is_settled_is_awaited_no_more() -> None:
    world = SweptWorld()
    world.upload(awaited="1", status="STORED")
    world.wait(hours=3)
    assert world.outcomes(world.run("uploads")) == {FILE: ("settled", "STORED")}
    assert world.records.kept[UUID(int=1)].awaited is None


def test_every_upload_is_found_however_many_there_are() -> None:
    world = SweptWorld()
    for number in range(1, 331):
        world.upload(number, sent=False)
    world.wait(hours=3)
    job = world.run("uploads")
    assert job.result is not None
    assert job.result["counts"] == {"expired": 330}
    assert {each.status for each in world.records.kept.values()} == {"EXPIRED"}


# Temporary documents and the trash.


def test_a_temporary_document_whose_time_is_over_is_gone_with_its_bytes_and_the_log_knows() -> None:
    world = SweptWorld()
    key = world.document(retention=temporary(world.now() + timedelta(days=1)))
    assert world.outcomes(world.run("temporary")) == {}
    world.wait(days=1, seconds=1)
    assert world.outcomes(world.run("temporary")) == {FILE: ("deleted", None)}
    assert world.snapshot()["objects"] == {}
    assert world.snapshot()["index"] == []
    (event,) = world.outbox.events
    assert (event.action, event.object, event.actor, event.reason) == (
        "document.purged",
        FILE,
        "system",
        "expired",
    )
    assert event.before is not None
    assert event.before["original_filename"] == "upload1.txt"
    assert world.buckets.body(EDIT, key) is None


def test_the_trash_is_emptied_once_nobody_can_take_a_document_out_again() -> None:
    world = SweptWorld()
    world.document(deleted_at=world.now(), deleted_by_id="sa_anna")
    world.wait(days=TRASH_KEPT.days, minutes=59)
    assert world.outcomes(world.run("trash")) == {}
    world.wait(minutes=2)
    assert world.outcomes(world.run("trash")) == {FILE: ("deleted", None)}
    assert world.snapshot()["objects"] == {}
    assert [(each.action, each.reason) for each in world.outbox.events] == [("document.purged", "trash")]


def test_a_temporary_document_in_the_trash_goes_when_its_own_time_is_over() -> None:
    world = SweptWorld()
    until = world.now() + timedelta(days=2)
    world.document(retention=temporary(until), deleted_at=world.now())
    world.wait(days=2, seconds=1)
    assert world.outcomes(world.run("temporary")) == {FILE: ("deleted", None)}


def old_trash(world: SweptWorld, **changes: Any) -> str:
    key = world.document(1, BODY, **{"deleted_at": world.now(), "deleted_by_id": "sa_anna"} | changes)
    world.wait(days=31)
    return key


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"retention": Retention(policy="permanent", legal_hold=True, hold_reason="lawsuit")}, "legal_hold"),
        ({"finalization": UUID(int=9)}, "finalization_in_progress"),
    ],
)
def test_what_must_stay_stays_whatever_the_clock_says(changes: dict[str, Any], reason: str) -> None:
    world = SweptWorld()
    key = old_trash(world, **changes)
    before = world.snapshot()
    assert world.outcomes(world.run("trash")) == {FILE: ("kept", reason)}
    assert world.snapshot() == before
    assert world.buckets.body(EDIT, key) == BODY


def test_a_held_temporary_document_is_not_even_found() -> None:
    world = SweptWorld()
    world.document(retention=temporary(world.now(), legal_hold=True, hold_reason="lawsuit"))
    world.wait(days=1)
    assert world.outcomes(world.run("temporary")) == {}


def test_nothing_goes_where_documents_are_kept() -> None:
    world = SweptWorld()
    old_trash(world)
    world.elements = type(world.elements)(
        tuple(msgspec.structs.replace(each, mode=type(each.mode).RW) for each in world.elements)
    )
    assert world.outcomes(world.run("trash")) == {FILE: ("kept", "deletion_not_allowed")}
    assert world.outbox.events == []


def test_other_bytes_than_those_that_were_deleted_stay() -> None:
    world = SweptWorld()
    key = old_trash(world)
    world.buckets.put(EDIT, key, BODY[::-1])
    world.buckets.events.clear()
    assert world.outcomes(world.run("trash")) == {FILE: ("reported", "object_changed")}
    assert world.buckets.body(EDIT, key) == BODY[::-1]
    assert world.attributes(key) is not None


def strike_between(world: SweptWorld, calls: int, act: Callable[[], None]) -> None:
    """Let something happen before the call number ``calls`` on an object."""
    left = [calls]

    def between() -> None:
        left[0] -= 1
        if left[0] == 0:
            act()

    world.buckets.between = between


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_a_document_that_is_taken_out_or_held_before_the_decision_stays_whole(calls: int) -> None:
    for changes in (
        {"deleted_at": None, "deleted_by_id": None},
        {"retention": Retention(policy="permanent", legal_hold=True, hold_reason="lawsuit")},
    ):
        world = SweptWorld()
        key = old_trash(world)
        strike_between(world, calls, lambda world=world, key=key, changes=changes: world.change(key, **changes))  # type: ignore[misc]
        (outcome,) = world.outcomes(world.run("trash")).values()
        assert outcome in [("later", "changed"), ("kept", "not_deleted"), ("kept", "legal_hold")]
        assert world.buckets.body(EDIT, key) == BODY
        assert world.outbox.events == []
        found = world.attributes(key)
        assert found is not None
        assert found.purged_at is None


def test_bytes_that_are_put_there_after_the_decision_are_not_deleted() -> None:
    world = SweptWorld()
    key = old_trash(world)
    # Read, head and replace were the calls before; the next is the head inside the conditional deletion.
    strike_between(world, 4, lambda: world.buckets.put(EDIT, key, b"somebody else's"))
    assert world.outcomes(world.run("trash")) == {FILE: ("reported", "object_changed")}
    assert world.buckets.body(EDIT, key) == b"somebody else's"


def test_a_document_whose_bytes_are_gone_already_loses_its_attributes_too() -> None:
    world = SweptWorld()
    key = old_trash(world)
    world.buckets.delete(EDIT, key)
    world.world.deliver_all()
    assert world.outcomes(world.run("trash")) == {FILE: ("deleted", None)}
    assert world.snapshot()["objects"] == {}


def test_what_another_tool_has_removed_is_no_longer_found() -> None:
    world = SweptWorld()
    key = old_trash(world)
    for each in (key, attributes_key(key)):
        world.buckets.delete(EDIT, each)
    world.buckets.events.clear()
    assert world.outcomes(world.run("trash")) == {FILE: ("gone", None)}
    assert world.outcomes(world.run("trash")) == {}


# Orphans.


def orphaned(world: SweptWorld, key: str, body: bytes = BODY, bucket: str = EDIT) -> None:
    world.buckets.put(bucket, key, body)
    world.buckets.events.clear()


def test_an_object_that_came_from_elsewhere_and_whose_event_was_lost_is_ingested_after_a_week() -> None:
    world = SweptWorld()
    orphaned(world, "scans/a.txt")
    orphaned(world, "docs/b.txt", bucket=KEPT)
    orphaned(world, ".artstore/c")
    world.wait(days=ORPHAN_AGE.days, seconds=-2)
    assert world.outcomes(world.run("orphans")) == {}
    world.wait(seconds=10)
    assert world.outcomes(world.run("orphans")) == {
        f"s3://{EDIT}/scans/a.txt": ("ingested", "stored"),
        f"s3://{KEPT}/docs/b.txt": ("ingested", "stored"),
    }
    assert sorted(each[2] for each in world.snapshot()["index"]) == ["docs/b.txt", "scans/a.txt"]
    assert world.outcomes(world.run("orphans")) == {}


def test_what_an_upload_was_refused_for_is_deleted_after_a_week_and_the_log_knows() -> None:
    world = SweptWorld()
    key = world.upload(body=b"announced")
    world.buckets.put(EDIT, key, b"something else")
    world.ingest.at(EDIT, key)
    world.buckets.events.clear()
    assert world.records.kept[UUID(int=1)].status == "REJECTED"
    world.wait(days=8)
    assert world.outcomes(world.run("orphans")) == {f"s3://{EDIT}/{key}": ("deleted", "size_mismatch")}
    assert world.snapshot()["objects"] == {}
    assert [(each.action, each.object) for each in world.outbox.events] == [("object.removed", FILE)]


def test_what_came_of_an_upload_that_had_been_given_up_is_deleted_after_a_week() -> None:
    world = SweptWorld()
    key = world.upload(status="ABORTED", awaited=None)
    assert world.ingest.at(EDIT, key).reason == "aborted"
    world.buckets.events.clear()
    world.wait(days=8)
    assert world.outcomes(world.run("orphans")) == {f"s3://{EDIT}/{key}": ("deleted", "aborted")}
    assert world.snapshot()["objects"] == {}
    assert [(each.action, each.object) for each in world.outbox.events] == [("object.removed", FILE)]


def test_what_nobody_can_decide_about_is_told_and_left() -> None:
    world = SweptWorld()
    deleted, unknown = world.document(1), world.upload(2)
    world.buckets.delete(EDIT, attributes_key(deleted))
    world.world.deliver_all()
    del world.records.kept[UUID(int=2)]
    world.wait(days=8)
    before = world.snapshot()
    assert world.outcomes(world.run("orphans")) == {
        f"s3://{EDIT}/{deleted}": ("reported", "left_behind"),
        f"s3://{EDIT}/{unknown}": ("reported", "unknown_upload"),
    }
    assert world.snapshot() == before


def test_a_listing_is_followed_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.maintenance.sweeps.orphans.LISTED_AT_ONCE", 7)
    monkeypatch.setattr("functions.maintenance.sweeps.runner.FOUND_AT_ONCE", 3)
    world = SweptWorld()
    for number in range(40):
        orphaned(world, f"scans/{number:02}.txt", f"number {number}".encode())
        if number % 3 == 0:
            world.ingest.at(EDIT, f"scans/{number:02}.txt")
    world.buckets.events.clear()
    world.wait(days=8)
    job = world.run("orphans")
    assert job.result is not None
    assert job.result["counts"] == {"ingested": 26}


def test_an_orphan_that_is_overwritten_after_it_was_found_is_let_alone_for_a_week() -> None:
    world = SweptWorld()
    orphaned(world, "scans/a.txt")
    world.wait(days=8)
    sweep = world.sweep("orphans", Killer())
    [candidate] = sweep.find(None, 10).candidates
    orphaned(world, "scans/a.txt", b"other bytes")
    assert sweep.settle(candidate, dry_run=False) == Verdict(Did.KEPT, "too_young")


def test_orphans_are_found_also_while_their_element_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    world = SweptWorld()
    orphaned(world, "scans/a.txt")
    world.wait(days=8)
    page = world.swept.page

    def page_while_it_is_counted(*arguments: Any) -> Any:
        counted = (msgspec.structs.replace(each, used_bytes=each.used_bytes + 1) for each in world.elements)
        world.elements = StorageElements(tuple(counted))
        return page(*arguments)

    monkeypatch.setattr(world.swept, "page", page_while_it_is_counted)
    assert world.outcomes(world.run("orphans")) == {f"s3://{EDIT}/scans/a.txt": ("ingested", "stored")}


# Every sweep.


def parts_came(world: SweptWorld) -> None:
    world.swept.multiparts.add("m")
    world.upload(sent=False, upload_id="m")


def other_bytes_came(world: SweptWorld) -> None:
    world.buckets.put(EDIT, world.upload(), b"other")


def an_upload_was_refused(world: SweptWorld) -> None:
    other_bytes_came(world)
    world.world.deliver_all()


def one_of_two_was_deleted(world: SweptWorld) -> None:
    world.document(deleted_at=world.now())
    world.document(2, b"2")


def a_held_one_was_deleted(world: SweptWorld) -> None:
    hold = Retention(policy="permanent", legal_hold=True, hold_reason="x")
    world.document(deleted_at=world.now(), retention=hold)


SCENES: dict[str, tuple[str, Callable[[SweptWorld], object]]] = {
    "lost event": ("uploads", lambda world: world.upload()),
    "nothing came": ("uploads", lambda world: world.upload(sent=False)),
    "parts came": ("uploads", parts_came),
    "refused bytes": ("uploads", other_bytes_came),
    "expired": ("temporary", lambda world: world.document(retention=temporary(world.now()))),
    "trash": ("trash", one_of_two_was_deleted),
    "held": ("trash", a_held_one_was_deleted),
    "stranger": ("orphans", lambda world: orphaned(world, "scans/a.txt")),
    "refused upload": ("orphans", an_upload_was_refused),
}


def build(scene: str) -> tuple[str, SweptWorld]:
    name, make = SCENES[scene]
    world = SweptWorld()
    make(world)
    world.buckets.events.clear()  # lost
    world.wait(days=40)
    return name, world


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("when", [BEFORE, AFTER])
def test_whoever_is_stopped_when_the_archive_is_the_same_after_another_sweep(scene: str, when: str) -> None:
    name, world = build(scene)
    world.run(name)
    expected = world.snapshot()
    for number in itertools.count():
        name, world = build(scene)
        killer = Killer(number, when)
        with contextlib.suppress(Killed):
            world.run(name, killer=killer)
        if not killer.has_killed:
            break
        world.wait(hours=1)
        world.run(name)
        assert world.snapshot() == expected, killer.calls
    assert number >= 5


@pytest.mark.parametrize("scene", SCENES)
def test_a_dry_run_tells_what_would_be_done_and_does_nothing(scene: str) -> None:
    name, world = build(scene)
    world.buckets.between = lambda: None
    before = world.snapshot()
    told = world.run(name, dry_run=True)
    assert world.snapshot() == before
    assert told.result is not None
    assert told.result["dry_run"] is True
    done = world.run(name)
    assert done.result is not None
    assert told.result["counts"] == done.result["counts"]


@pytest.mark.parametrize("scene", SCENES)
def test_a_second_sweep_finds_nothing_left_to_do(scene: str) -> None:
    name, world = build(scene)
    world.run(name)
    after_first = world.snapshot()
    events = list(world.outbox.events)
    world.run(name)
    assert (world.snapshot(), world.outbox.events) == (after_first, events)


def test_one_that_fails_holds_up_no_other_is_tried_three_times_and_makes_the_job_dead() -> None:
    world = SweptWorld()
    for number in range(1, 4):
        world.upload(number, sent=False)
    world.wait(hours=3)
    head = world.buckets.head
    asked: list[str] = []

    def broken(bucket: str, key: str, version_id: str | None = None) -> Any:
        asked.append(key)
        if str(UUID(int=2)) in key:
            raise RuntimeError("a bug")
        return head(bucket, key, version_id)

    world.buckets.head = broken  # type: ignore[method-assign]
    job = world.run("uploads")
    assert job.status is JobStatus.DEAD
    assert job.error is not None
    assert job.error.code == "candidates_failed"
    assert world.outcomes(job)[f"file/{UUID(int=2)}"] == ("failed", "unexpected")
    assert job.result is not None
    assert job.result["counts"] == {"expired": 2, "failed": 1}
    assert sum(str(UUID(int=2)) in key for key in asked) == 3


def test_when_nothing_can_be_reached_the_sweep_waits_and_blames_no_candidate() -> None:
    world = SweptWorld()
    for number in range(1, 10):
        world.upload(number * 8, sent=False)
    world.wait(hours=3)
    head = world.buckets.head
    away = [True]

    def unreachable(bucket: str, key: str, version_id: str | None = None) -> Any:
        if away[0]:
            away[0] = len(failures) < 8
            failures.append(key)
            raise Unavailable("storage does not answer")
        return head(bucket, key, version_id)

    failures: list[str] = []
    world.buckets.head = unreachable  # type: ignore[method-assign]
    job = world.run("uploads")
    assert job.result is not None
    assert (job.status, job.result["counts"]) == (JobStatus.COMPLETED, {"expired": 9})


def test_a_report_holds_as_many_as_fit_and_counts_the_others() -> None:
    world = SweptWorld()
    for number in range(1100):
        orphaned(world, f"scans/{number:04}.txt", f"number {number}".encode())
    world.wait(days=8)
    job = world.run("orphans", dry_run=True)
    assert job.result is not None
    listed, left_out = len(job.result["items"]), job.result["items_left_out"]
    assert (listed + left_out, job.result["counts"]) == (1100, {"ingested": 1100})
    assert listed == 1000


def test_once_the_decision_is_written_nobody_takes_a_document_out_again() -> None:
    world = SweptWorld()
    key = old_trash(world)
    killer = Killer()
    world.run("trash", dry_run=True, killer=killer)
    looked = len(killer.calls)
    for number in range(looked - 1, looked + 19):
        killer = Killer(number, AFTER)
        with contextlib.suppress(Killed):
            world.run("trash", killer=killer)
        if killer.calls[-1].endswith(".replace"):
            break
    found = world.attributes(key)
    assert found is not None
    assert found.purged_at is not None
    changes = Changes(
        index=SimpleNamespace(find_any=lambda _file_id, _reach: indexed(world, key)),
        elements=lambda: world.elements,
        objects=world.buckets,
        ingest=world.ingest,
        clock=world.now,
    )
    with pytest.raises(NotFound):
        changes.find(UUID(int=1), EVERYWHERE)
    assert world.outcomes(world.run("trash")) == {FILE: ("deleted", None)}


def indexed(world: SweptWorld, key: str) -> IndexedDocument:
    found = world.attributes(key)
    assert found is not None
    return IndexedDocument(attributes=found, bucket=EDIT, key=key, attributes_etag='"1"')
