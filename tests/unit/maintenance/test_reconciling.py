"""Reconciling: what differs between bucket, index and upload records is told by kind, mended by ingest alone."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from artstore.finalizations import Finalization, Phase
from artstore.index import DocumentIndex
from artstore.index.claims import Place
from artstore.jobs import JobStatus
from artstore.naming import attributes_key
from artstore.spaces import EVERYWHERE
from functions.maintenance.reconciling.findings import MOST_SAMPLES
from functions.maintenance.reconciling.runner import PART
from tests.fakes.memory_bucket import EDIT, KEPT
from tests.fakes.memory_index import MemoryIndex
from tests.support.ingesting.world import rebuild, showing
from tests.support.killing import AFTER, BEFORE, Killed, Killer
from tests.support.reconciling import Reconciled, counts


@pytest.fixture
def archive() -> Reconciled:
    return Reconciled()


def test_nothing_differs_where_every_event_was_delivered(archive: Reconciled) -> None:
    archive.document(1)
    archive.document(2, KEPT)
    report = archive.reconcile()
    assert report["agree"]
    assert counts(report) == {}
    assert sum(report["explained"].values()) == 0
    assert {each["element_id"]: each["stored"]["objects"] for each in report["elements"]} == {
        "edit-01": 1,
        "rw-01": 1,
    }


# Each kind.


def lose_creation(archive: Reconciled) -> str:
    key = archive.document(1)
    body, beside = archive.buckets.body(EDIT, key), archive.buckets.body(EDIT, attributes_key(key))
    assert body is not None
    assert beside is not None
    archive.buckets.put(EDIT, "copied.txt", body)
    archive.buckets.put(EDIT, attributes_key("copied.txt"), beside)
    archive.lose_events()
    return "copied.txt"


def lose_edit(archive: Reconciled) -> str:
    key = archive.document(1)
    archive.world.edit(EDIT, key, description="changed")
    archive.lose_events()
    return key


def lose_overwriting(archive: Reconciled) -> str:
    key = archive.document(1)
    archive.buckets.put(EDIT, key, b"other bytes")
    archive.lose_events()
    return key


def lose_deletion_of_object(archive: Reconciled) -> str:
    key = archive.document(1)
    archive.buckets.delete(EDIT, key)
    archive.lose_events()
    return key


def lose_deletion(archive: Reconciled) -> str:
    key = archive.document(1)
    archive.drop_attributes(EDIT, key)
    return key


def lose_deletion_in_kept(archive: Reconciled) -> str:
    key = archive.document(1, KEPT)
    archive.drop_attributes(KEPT, key)
    return key


def lose_upload(archive: Reconciled) -> str:
    key = archive.upload(1)
    archive.lose_events()
    return key


def lose_stranger(archive: Reconciled) -> str:
    archive.buckets.put(KEPT, "docs/from/elsewhere.txt", b"some bytes")
    archive.lose_events()
    return "docs/from/elsewhere.txt"


def stop_before_the_record(archive: Reconciled) -> str:
    key = archive.document(1)
    vars(archive.world.records.kept[UUID(int=1)]).update(status="PENDING", awaited="1", stored_at=None)
    return key


def damage_unheard(archive: Reconciled) -> str:
    key = archive.document(1)
    archive.buckets.put(EDIT, attributes_key(key), b"{}")
    archive.lose_events()
    return key


def damage_otherwise(archive: Reconciled) -> str:
    key = archive.document(1)
    archive.buckets.put(EDIT, attributes_key(key), b"{}")
    archive.world.deliver_all()
    archive.buckets.put(EDIT, attributes_key(key), b"not JSON")
    archive.lose_events()
    return key


def damage_a_strangers(archive: Reconciled) -> str:
    archive.buckets.put(EDIT, attributes_key("from/elsewhere.txt"), b"{}")
    archive.lose_events()
    return "from/elsewhere.txt"


def lose_what_was_damaged(archive: Reconciled) -> str:
    key = damage_a_strangers(archive)
    archive.reconcile(repair=True)
    archive.look()
    archive.drop_attributes(EDIT, key)
    archive.looks.asked.clear()
    return key


@pytest.mark.parametrize(
    ("break_it", "kind", "reason"),
    [
        (lose_creation, "not_indexed", None),
        (lose_edit, "stale", "attributes"),
        (lose_overwriting, "stale", "object"),
        (lose_deletion_of_object, "stale", "object_gone"),
        (lose_deletion, "ghost", None),
        (lose_deletion_in_kept, "ghost", None),
        (lose_upload, "undescribed", None),
        (lose_stranger, "undescribed", None),
        (stop_before_the_record, "record_open", "pending"),
        (damage_unheard, "stale", "damaged"),
        (damage_otherwise, "stale", "damaged"),
        (damage_a_strangers, "stale", "damaged"),
        (lose_what_was_damaged, "stale", "damaged"),
    ],
)
@pytest.mark.parametrize("page", [1, 1000])
def test_what_nobody_heard_of_is_reported_with_its_kind_and_mended_by_a_look(
    break_it: Callable[[Reconciled], str], kind: str, reason: str | None, page: int
) -> None:
    archive = Reconciled(page=page)
    archive.document(7)
    key = break_it(archive)
    report = archive.reconcile()
    assert counts(report) == {kind: 1}
    [sample] = report["differences"][kind]["samples"]
    assert sample["place"].endswith(key)
    assert sample.get("reason") == reason
    assert not archive.looks.asked, "a report changes nothing"
    assert archive.reconcile(repair=True)["asked"] == 1
    archive.look()
    left = archive.reconcile()
    assert left["agree"]
    assert counts(left) in ({}, {"damaged": 1}, {"object_missing": 1})
    rebuilt = MemoryIndex()
    rebuild(archive.world._build(rebuilt), archive.buckets)
    assert showing(archive.index) == showing(rebuilt)
    assert _kept_back(archive.index) == _kept_back(rebuilt)


def _kept_back(index: DocumentIndex) -> list[tuple[str, str | None]]:
    page = index.kept_back(None, 1000, None, EVERYWHERE, damaged=True)
    return [(each.key, each.code) for each in page.items]


def test_what_ingest_knows_to_be_damaged_or_missing_is_told_and_asks_for_nothing(archive: Reconciled) -> None:
    archive.document(1)
    archive.buckets.put(EDIT, attributes_key(archive.document(2)), b"not JSON")
    archive.buckets.delete(EDIT, archive.document(3))
    archive.world.deliver_all()
    report = archive.reconcile(repair=True)
    assert counts(report) == {"damaged": 1, "object_missing": 1}
    assert report["agree"]
    assert not archive.looks.asked


# What looks like a difference, and is none.


def test_what_changed_within_the_grace_may_have_its_event_on_the_way(archive: Reconciled) -> None:
    archive.document(1)
    archive.upload(2)
    report = archive.reconcile(grace_seconds=900)
    assert counts(report) == {}
    assert report["explained"]["recent"] == 1
    archive.lose_events()
    archive.buckets.now += timedelta(seconds=1000)
    assert counts(archive.reconcile(grace_seconds=900)) == {"undescribed": 1}


def test_what_a_deletion_left_behind_stays_what_it_is(archive: Reconciled) -> None:
    key = archive.document(1)
    archive.buckets.put(EDIT, "stranger.txt", b"some bytes")
    archive.world.deliver_all()
    for each in (key, "stranger.txt"):
        archive.world.remove(EDIT, attributes_key(each))
    archive.world.deliver_all()
    report = archive.reconcile(repair=True)
    assert counts(report) == {}
    assert report["explained"]["left_behind"] == 2
    assert not archive.looks.asked


def test_bytes_of_a_refused_upload_are_the_business_of_a_sweep(archive: Reconciled) -> None:
    archive.upload(1, sha256="ab" * 32)
    archive.world.deliver_all()
    report = archive.reconcile(repair=True)
    assert counts(report) == {}
    assert report["explained"]["refused"] == 1


def test_the_copy_of_a_finalization_is_no_document_yet(archive: Reconciled) -> None:
    source = archive.document(1)
    del archive.world.records.kept[UUID(int=1)]
    place = Place(KEPT, "docs/" + source)
    archive.finalizations.kept[UUID(int=1)] = Finalization(
        file_id=UUID(int=1),
        transaction_id=UUID(int=9),
        phase=Phase.OPEN,
        source=Place(EDIT, source),
        target=place,
        element_id="rw-01",
        started_at=archive.buckets.now,
    )
    archive.buckets.put(*place, b"some bytes")
    archive.lose_events()
    report = archive.reconcile(repair=True)
    assert counts(report) == {}
    assert report["explained"]["finalizing"] == 1


def test_a_version_that_is_not_the_documents_is_none_of_its_differences(archive: Reconciled) -> None:
    key = archive.document(1, KEPT)
    archive.buckets.put(KEPT, key, b"foreign bytes")
    archive.world.deliver_all()
    assert counts(archive.reconcile()) == {}
    archive.buckets.delete(KEPT, key)
    archive.world.deliver_all()
    assert counts(archive.reconcile()) == {}


def test_neighbours_whose_attributes_come_much_later_in_a_listing_are_seen_once(archive: Reconciled) -> None:
    """Between ``a`` and ``a.attr.json`` lie other keys; pages end anywhere."""
    for page in (1, 2, 3, 5):
        archive = Reconciled(page=page)
        for name in ("a", "a.1", "a.1.txt", "a.aa", "a.b", "ab"):
            archive.buckets.put(EDIT, name, name.encode())
        archive.world.deliver_all()
        assert counts(archive.reconcile()) == {}, page
        for name in ("a", "a.1"):
            beside = archive.buckets.body(EDIT, attributes_key(name))
            assert beside is not None
            archive.buckets.delete(EDIT, name)
            archive.buckets.put(EDIT, f"z{name}.attr.json", beside)
        archive.lose_events()
        report = archive.reconcile()
        assert counts(report) == {"not_indexed": 2, "stale": 2}, page


# What is counted.


@pytest.mark.parametrize("seconds", [0, 300])
@pytest.mark.parametrize("fits", [True, False])
def test_every_version_is_counted_once_in_parts_or_not(seconds: float, fits: bool) -> None:
    archive = Reconciled(page=2, fits=fits)
    for number in range(5):
        key = archive.document(number, KEPT, bytes(number))
        archive.buckets.put(KEPT, key, b"over it")
        archive.buckets.now += timedelta(hours=7)
    archive.buckets.put(KEPT, "elsewhere/not-ours.txt", b"x")
    archive.buckets.put(KEPT, ".artstore/audit", b"x")
    archive.world.deliver_all()
    job_id = archive.start(element_id="rw-01")
    archive.work(seconds=seconds)
    report = archive.report(job_id)
    attributes = [
        archive.buckets.body(KEPT, each) for each in archive.buckets.keys(KEPT) if each.endswith(".json")
    ]
    [element] = report["elements"]
    assert element["stored"] == {
        "bytes": sum(range(5)) + 5 * len(b"over it") + sum(len(each or b"") for each in attributes),
        "objects": 5,
        "attributes": 5,
        "earlier": 5,
    }
    assert element["indexed"] == {"documents": 5, "bytes": sum(range(5))}
    assert archive.table.usage["rw-01"].beyond_bytes == element["bytes_beyond_documents"]
    assert counts(report) == {}


def test_more_places_than_there_is_room_for_are_counted_and_some_of_them_named(archive: Reconciled) -> None:
    for number in range(MOST_SAMPLES + 20):
        archive.buckets.put(EDIT, f"{number}.txt", b"x")
    archive.lose_events()
    found = archive.reconcile()["differences"]["undescribed"]
    assert found["count"] == MOST_SAMPLES + 20
    assert len(found["samples"]) == MOST_SAMPLES


def test_an_index_that_holds_more_than_the_bucket_is_walked_to_its_end(
    archive: Reconciled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("functions.maintenance.reconciling.walking.ROWS_AT_ONCE", 3)
    for number in range(10):
        archive.buckets.put(EDIT, f"{number}.txt", b"x")
    archive.world.deliver_all()
    for number in range(9):
        archive.buckets.delete(EDIT, f"{number}.txt")
        archive.buckets.delete(EDIT, f"{number}.txt.attr.json")
    archive.lose_events()
    assert counts(archive.reconcile()) == {"ghost": 9}


def test_only_a_reconciliation_of_everything_tells_how_much_differs(archive: Reconciled) -> None:
    lose_upload(archive)
    archive.reconcile(element_id="edit-01")
    assert archive.told == []
    archive.reconcile()
    assert archive.told == [1]


def test_an_element_that_is_not_there_is_not_reconciled(archive: Reconciled) -> None:
    job = archive.job(archive.start(element_id="nobody"))
    archive.work()
    error = archive.job(job.job_id).error
    assert error is not None
    assert error.code == "element_not_found"


def test_a_server_that_begins_a_page_with_the_key_it_is_to_follow_is_counted_right(
    archive: Reconciled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("functions.maintenance.reconciling.walking.ROWS_AT_ONCE", 1)
    archive.listing.begins_with_marker = True
    for number in range(4):
        archive.document(number)
    report = archive.reconcile(element_id="edit-01")
    assert counts(report) == {}
    assert report["elements"][0]["stored"]["objects"] == 4


# Parts, and whoever is killed.


def spread(archive: Reconciled) -> None:
    """Fill two elements over some days, and break something of each kind."""
    for number in range(1, 9):
        archive.document(number, (EDIT, KEPT)[number % 2])
        archive.buckets.now += timedelta(hours=9)
    lose_stranger(archive)
    archive.buckets.put(EDIT, "2026/03/02/stranger.txt", b"x")
    archive.lose_events()
    for number in (2, 3):
        record = archive.world.records.kept[UUID(int=number)]
        archive.drop_attributes(record.bucket, record.key)
    stop = archive.world.records.kept[UUID(int=4)]
    vars(stop).update(status="PENDING", awaited="4", stored_at=None)


EXPECTED = {"undescribed": 2, "ghost": 2, "record_open": 1}


def test_a_large_element_is_walked_by_jobs_of_their_own(archive: Reconciled) -> None:
    archive = Reconciled(page=2, fits=False)
    spread(archive)
    report = archive.reconcile(repair=True)
    assert counts(report) == EXPECTED
    assert report["asked"] == 5
    parts = archive.jobs.list(PART, None, 1000, None).items
    assert len(parts) > 4
    assert {each.status for each in parts} == {JobStatus.COMPLETED}


def test_a_part_that_broke_is_walked_by_the_job_that_wanted_it() -> None:
    archive = Reconciled(page=2, fits=False)
    spread(archive)
    job_id = archive.start()
    archive.jobs_run_once()
    for each in archive.jobs.list(PART, None, 3, None).items:
        archive.kill_job(each.job_id)
    archive.work()
    assert counts(archive.report(job_id)) == EXPECTED


def test_a_reconciliation_that_is_killed_at_any_call_ends_with_the_same_report() -> None:
    counting = Killer()
    first = Reconciled(page=4, fits=False)
    spread(first)
    job_id = first.start(repair=True)
    first.work(counting)
    expected = first.report(job_id)
    assert counts(expected) == EXPECTED
    moments = [(number, when) for number in range(len(counting.calls)) for when in (BEFORE, AFTER)]
    assert len(moments) > 200
    for number, when in random.Random(10).sample(moments, 60):  # the same each time
        archive, killer = Reconciled(page=4, fits=False), Killer()
        spread(archive)
        job_id = archive.start(repair=True)
        killer.kill_at(number, when)
        with pytest.raises(Killed):
            archive.work(killer)
        archive.buckets.now += timedelta(minutes=10)
        archive.work()
        report = archive.report(job_id)
        where = (when, number, counting.calls[number])
        assert report["differences"] == expected["differences"], where
        assert [each["stored"] for each in report["elements"]] == [
            each["stored"] for each in expected["elements"]
        ], where
        archive.look()
        assert archive.reconcile()["agree"], where
