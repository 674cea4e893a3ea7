"""A document moves from its edit element into one that keeps documents: what it is there, and what stops it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from artstore import attributes as attr
from artstore.attributes import Attributes, Retention
from artstore.elements import ElementStatus, StorageElements
from artstore.errors import Conflict, Invalid, NotFound, Unavailable
from artstore.finalizations import Phase
from artstore.jobs import JobStatus
from artstore.naming import attributes_key, file_id_of
from artstore.spaces import EVERYWHERE
from functions.maintenance.finalizing.departed import Verdict
from functions.maintenance.jobs.engine import Ran, cancel
from functions.maintenance.steps import Continue, Done
from tests.fakes.memory_bucket import EDIT, KEPT
from tests.fakes.memory_index import MemoryIndex
from tests.support.flows import world as worlds
from tests.support.flows.world import Flows
from tests.support.ingesting.world import ELEMENTS

FILE = UUID(int=7)
BODY = b"a small document"
LARGE = bytes(range(100))
DAY = 24 * 60 * 60 * 1000


@pytest.fixture
def world() -> Flows:
    """A world in which one document lies in the edit element."""
    world = Flows(MemoryIndex())
    world.upload(EDIT, FILE.int, BODY)
    world.deliver_all()
    return world


def key_of(world: Flows) -> str:
    found = world.index.find(FILE, EVERYWHERE)
    assert found is not None
    return found.key


def shown(world: Flows, file_id: UUID = FILE) -> Attributes:
    found = world.index.find(file_id, EVERYWHERE)
    assert found is not None
    return found.attributes


def beside(world: Flows, bucket: str, key: str) -> Attributes:
    body = world.buckets.body(bucket, attributes_key(key))
    assert body is not None
    return attr.parse(body)


def finalize(world: Flows, **asked: Any) -> str | None:
    """Ask, and let the worker do it; give the state it ends in."""
    transaction = world.finalize(FILE, **asked).transaction_id
    world.run_job(transaction)
    job = world.jobs.find(transaction)
    assert job is not None
    return job.state


def test_the_document_is_the_same_at_its_new_place_and_permanent(world: Flows) -> None:
    key, before = key_of(world), shown(world)
    assert finalize(world) == "completed"
    after, found = shown(world), world.index.find(FILE, EVERYWHERE)
    assert found is not None
    assert (found.bucket, found.key) == (KEPT, "docs/" + key)
    assert after == msgspec.structs.replace(
        before,
        revision=before.revision + 2,
        updated_at=after.updated_at,
        storage_element_id="rw-01",
        storage_version_id=found.version_id,
        retention=Retention(policy="permanent"),
        finalized_at=after.updated_at,
    )
    assert after.updated_at >= before.updated_at
    assert found.version_id is not None
    world.check_shown(FILE, BODY, KEPT)


def test_it_is_shown_at_its_new_place_before_any_event_has_come(world: Flows) -> None:
    finalize(world)
    assert world.buckets.events != []
    world.check_shown(FILE, BODY, KEPT)
    world.deliver_all()
    world.check()
    world.check_shown(FILE, BODY, KEPT)


def test_a_document_whose_key_is_not_of_our_form_gets_one_that_names_it(world: Flows) -> None:
    world.buckets.put(EDIT, "inbox/report.txt", BODY)
    world.deliver_all()
    items = world.index.search(None, 10, None, EVERYWHERE).items
    file_id = next(each.attributes.file_id for each in items if "inbox" in each.key)
    world.buckets.put(KEPT, "docs/inbox/report.txt", b"a stranger's")
    world.deliver_all()
    world.run_job(world.finalize(file_id).transaction_id)
    found = world.index.find(file_id, EVERYWHERE)
    assert found is not None
    assert found.bucket == KEPT
    assert file_id_of(found.key) == file_id
    assert found.attributes.original_filename == "report.txt"
    world.deliver_all()
    world.check()


def test_what_is_large_is_copied_in_parts_and_each_part_once(world: Flows) -> None:
    world.upload(EDIT, 8, LARGE)
    world.deliver_all()
    transaction = world.finalize(UUID(int=8)).transaction_id
    assert world.run_job(transaction) is Ran.COMPLETED
    assert sorted(world.copies.parts_copied) == [1, 2, 3, 4, 5, 6, 7]
    world.check_shown(UUID(int=8), LARGE, KEPT)


def test_a_copy_is_locked_as_long_as_its_element_keeps_documents_or_longer(world: Flows) -> None:
    until = world.buckets.now + timedelta(days=3650)
    finalize(world, retain_until=until)
    assert world.buckets.version(KEPT, key_of(world)).retained_until == until
    assert shown(world).retention == Retention(policy="permanent", expires_at=until)


def test_a_copy_is_locked_at_least_as_long_as_its_element_keeps_documents(world: Flows) -> None:
    finalize(world, retain_until=world.buckets.now + timedelta(days=1))
    kept = world.buckets.version(KEPT, key_of(world)).retained_until
    assert kept is not None
    assert kept >= world.buckets.now + timedelta(days=364)


def test_a_legal_hold_goes_along(world: Flows) -> None:
    world.edit(EDIT, key_of(world), retention={"policy": "temporary", "legal_hold": True, "hold_reason": "case 7"})
    world.deliver_all()
    finalize(world)
    assert world.buckets.version(KEPT, key_of(world)).held
    assert shown(world).retention == Retention(policy="permanent", legal_hold=True, hold_reason="case 7")


def test_what_a_client_only_declared_is_proven_by_reading_the_copy(world: Flows) -> None:
    world.edit(EDIT, key_of(world), checksum_verified=False)
    world.deliver_all()
    finalize(world)
    assert shown(world).checksum_verified is None


def test_a_change_while_it_is_copied_goes_along(world: Flows) -> None:
    transaction = world.finalize(FILE).transaction_id
    step_until(world, transaction, "copied")
    world.edit(EDIT, key_of(world), revision=2, description="changed meanwhile")
    world.deliver_all()
    world.mend()
    assert shown(world).description == "changed meanwhile"
    world.check_shown(FILE, BODY, KEPT)


def step_until(world: Flows, transaction: UUID, state: str) -> None:
    """Do steps, saving after each, until the job says ``state``."""
    finalizer = world.finalizer()
    for _ in range(20):
        job = world.jobs.find(transaction)
        assert job is not None
        if job.state == state:
            return
        step: Any = finalizer.step(job, lambda: 60)
        world.jobs.save(msgspec.structs.replace(job, progress=step.progress, state=step.state))
    raise AssertionError(f"it is never {state}")


def other_bytes(world: Flows) -> None:
    world.buckets.put(EDIT, key_of(world), b"other bytes here")


def a_longer_body(world: Flows) -> None:
    world.buckets.put(EDIT, key_of(world), b"bytes of another length")


def no_bytes(world: Flows) -> None:
    world.buckets.delete(EDIT, key_of(world))


def the_trash(world: Flows) -> None:
    world.edit(EDIT, key_of(world), deleted_at="2026-03-01T12:00:00Z")


def no_attributes(world: Flows) -> None:
    world.remove(EDIT, attributes_key(key_of(world)))


def quarantine(world: Flows) -> None:
    world.edit(EDIT, key_of(world), quarantine={"reason": "checksum_mismatch", "at": "2026-03-01T12:00:00Z"})


def an_object_that_is_yet_to_be_read(world: Flows) -> None:
    etag = world.buckets.head(EDIT, key_of(world)).etag
    world.edit(EDIT, key_of(world), checksum=None, checksum_verified=False, storage_etag=etag)


def nonsense(world: Flows) -> None:
    world.buckets.put(EDIT, attributes_key(key_of(world)), b"not JSON")


def a_stranger_at_the_target(world: Flows) -> None:
    other = {**json.loads(attr.dump(shown(world))), "file_id": str(UUID(int=99))}
    world.buckets.put(KEPT, attributes_key("docs/" + key_of(world)), json.dumps(other).encode())


@pytest.mark.parametrize("state", ["pending", "copying", "copied", "verifying"])
@pytest.mark.parametrize(
    ("happens", "codes"),
    [
        (other_bytes, {"source_changed"}),
        (a_longer_body, {"source_changed"}),
        (no_bytes, {"source_changed", "document_missing"}),
        (the_trash, {"document_deleted"}),
        (no_attributes, {"document_gone"}),
        (quarantine, {"quarantined"}),
        (an_object_that_is_yet_to_be_read, {"checksum_pending"}),
        (nonsense, {"attributes_unreadable"}),
        (a_stranger_at_the_target, {"target_occupied"}),
    ],
)
def test_whatever_makes_it_impossible_leaves_the_source_as_it_is(
    world: Flows, happens: Callable[[Flows], None], codes: set[str], state: str
) -> None:
    transaction = world.finalize(FILE).transaction_id
    step_until(world, transaction, state)
    key = key_of(world)
    happens(world)
    left = world.buckets.body(EDIT, attributes_key(key))
    if state == "pending" and happens is other_bytes:
        world.deliver_all()  # before it began: then these are the document's bytes
        world.mend()
        world.check_shown(FILE, b"other bytes here", KEPT)
        return
    world.run_job(transaction)
    job = world.jobs.find(transaction)
    assert job is not None
    assert job.error is not None
    assert job.error.code in codes
    was_copied = world.buckets.body(KEPT, "docs/" + key) is not None
    assert job.state == ("rolled_back" if was_copied else "failed")
    after = world.buckets.body(EDIT, attributes_key(key))
    assert after == left or (after is not None and attr.parse(after).finalization is None)
    world.deliver_all()
    world.check_finalizations()
    world.check()
    assert all(
        each.attributes.file_id != FILE or each.bucket == EDIT
        for each in world.index.search(None, 9, None, EVERYWHERE).items
    )


@pytest.mark.parametrize("state", ["pending", "copying", "copied", "verifying"])
def test_a_finalization_that_is_cancelled_leaves_the_document_where_it_was(world: Flows, state: str) -> None:
    transaction = world.finalize(FILE).transaction_id
    step_until(world, transaction, state)
    cancel(world.jobs, world.queue, transaction, "sa_admin", world.buckets.now)
    assert world.run_job(transaction) is Ran.CANCELLED
    job = world.job_of(FILE)
    assert (job.status, job.error and job.error.code) == (JobStatus.CANCELLED, "cancelled")
    world.deliver_all()
    world.check()
    world.check_shown(FILE, BODY, EDIT)
    assert world.finalize(FILE).transaction_id != transaction, "it can be begun anew"


def test_a_finalization_that_is_over_is_not_cancelled(world: Flows) -> None:
    transaction = world.finalize(FILE).transaction_id
    step_until(world, transaction, "verifying")
    finalizer, job = world.finalizer(), world.jobs.find(transaction)
    assert job is not None
    while not isinstance(step := finalizer.step(job, lambda: 60), Done):  # and the end is not saved
        assert isinstance(step, Continue)
        job = msgspec.structs.replace(job, progress=step.progress, state=step.state)
        world.jobs.save(job)
        job = world.jobs.find(transaction) or job
    cancel(world.jobs, world.queue, transaction, "sa_admin", world.buckets.now)
    assert world.run_job(transaction) is Ran.COMPLETED
    world.deliver_all()
    world.check_shown(FILE, BODY, KEPT)


def test_a_copy_of_other_bytes_is_found_out(world: Flows) -> None:
    world.copies.spoils = True
    assert finalize(world) == "rolled_back"
    job = world.job_of(FILE)
    assert job.error is not None
    assert job.error.code == "checksum_mismatch"
    assert job.result is not None
    assert job.result["left_behind"]["bucket"] == KEPT
    world.deliver_all()
    world.check()
    world.check_shown(FILE, BODY, EDIT)


def test_a_copy_that_was_left_by_a_try_with_other_bytes_is_copied_over(world: Flows) -> None:
    world.copies.spoils = True
    finalize(world)
    world.copies.spoils = False
    assert finalize(world) == "completed"
    world.deliver_all()
    world.check()
    world.check_shown(FILE, BODY, KEPT)


def test_an_element_that_takes_no_documents_any_more_gets_none(
    world: Flows, monkeypatch: pytest.MonkeyPatch
) -> None:
    transaction = world.finalize(FILE).transaction_id
    full = [msgspec.structs.replace(each, status=ElementStatus.PAUSED) for each in ELEMENTS]
    monkeypatch.setattr(worlds, "ELEMENTS", StorageElements(tuple(full)))
    world.run_job(transaction)
    job = world.jobs.find(transaction)
    assert job is not None
    assert job.error is not None
    assert (job.state, job.error.code) == ("failed", "element_unavailable")


@pytest.mark.parametrize(("body", "parts"), [(BODY, 0), (LARGE, 7)], ids=["whole", "in parts"])
def test_in_how_many_parts_it_was_copied_is_told_afterwards_too(world: Flows, body: bytes, parts: int) -> None:
    world.upload(EDIT, 8, body)
    world.deliver_all()
    transaction = world.finalize(UUID(int=8)).transaction_id
    world.run_job(transaction)
    ended = world.finalize(UUID(int=8))
    assert (ended.state, ended.parts_total, ended.parts_copied) == ("completed", parts, parts)


def test_asking_again_tells_of_the_finalization_that_is_under_way_and_of_the_one_that_was(world: Flows) -> None:
    first = world.finalize(FILE)
    assert world.finalize(FILE).transaction_id == first.transaction_id
    world.run_job(first.transaction_id)
    again = world.finalize(FILE)
    assert (again.transaction_id, again.state) == (first.transaction_id, "completed")
    assert (again.bytes_total, again.bytes_copied, again.bytes_verified) == (len(BODY),) * 3


def test_after_one_that_was_undone_another_may_begin(world: Flows) -> None:
    world.copies.spoils = True
    first = world.finalize(FILE)
    world.run_job(first.transaction_id)
    world.copies.spoils = False
    second = world.finalize(FILE)
    assert second.transaction_id != first.transaction_id
    world.run_job(second.transaction_id)
    world.deliver_all()
    world.check_shown(FILE, BODY, KEPT)


def test_what_is_not_there_or_not_in_an_edit_element_is_not_finalized(world: Flows) -> None:
    with pytest.raises(NotFound):
        world.finalize(UUID(int=404))
    world.upload(KEPT, 9, BODY)
    world.deliver_all()
    with pytest.raises(Conflict) as refused:
        world.finalize(UUID(int=9))
    assert refused.value.code == "not_in_edit"
    an_object_that_is_yet_to_be_read(world)
    world.deliver_all()
    with pytest.raises(Conflict) as unread:
        world.finalize(FILE)
    assert unread.value.code == "checksum_pending"
    for year, code in ((2020, "retain_until_past"), (9999, "retention_out_of_range")):
        with pytest.raises(Invalid) as wrong:
            world.finalize(FILE, retain_until=datetime(year, 1, 1, tzinfo=UTC))
        assert wrong.value.code == code


# What broke three times.


def broken(world: Flows, key: str | None = None) -> UUID:
    """Let a finalization break three times; give its transaction."""
    transaction = world.finalize(FILE, key).transaction_id
    step_until(world, transaction, "verifying")
    job = world.jobs.find(transaction)
    assert job is not None
    world.jobs.save(
        msgspec.structs.replace(job, status=JobStatus.DEAD, finished_at=world.buckets.now, due_at=None)
    )
    return transaction


def test_asking_again_goes_on_with_what_has_broken(world: Flows) -> None:
    transaction = broken(world)
    assert world.finalize(FILE).transaction_id == transaction
    world.mend()
    world.check_shown(FILE, BODY, KEPT)


def test_under_its_own_key_what_has_broken_is_only_told(world: Flows) -> None:
    transaction = broken(world, "key")
    woken = len(world.queue.woken)
    told = world.finalize(FILE, "key")
    assert (told.transaction_id, told.state) == (transaction, "failed")
    assert len(world.queue.woken) == woken


@pytest.mark.parametrize("other", [None, "another key"])
def test_asking_under_another_key_or_none_goes_on_with_what_has_broken(world: Flows, other: str | None) -> None:
    transaction = broken(world, "key")
    again = world.finalize(FILE, other)
    assert (again.transaction_id, again.state) == (transaction, "verifying")
    world.mend()
    world.check_shown(FILE, BODY, KEPT)
    for key in ("key", other):
        assert (world.finalize(FILE, key).transaction_id, world.finalize(FILE, key).state) == (
            transaction,
            "completed",
        )


@pytest.mark.parametrize("other", [None, "another key"])
def test_what_was_undone_begins_anew_under_another_key_or_none_and_is_told_under_its_own(
    world: Flows, other: str | None
) -> None:
    transaction = broken(world, "key")
    world.wait(DAY + 1000)
    assert world.sweep() == {FILE: Verdict.UNDONE}
    told = world.finalize(FILE, "key")
    assert (told.transaction_id, told.state) == (transaction, "rolled_back")
    anew = world.finalize(FILE, other)
    assert anew.transaction_id != transaction
    world.mend()
    world.check_shown(FILE, BODY, KEPT)
    told = world.finalize(FILE, "key")
    assert (told.transaction_id, told.state) == (transaction, "rolled_back")


def test_a_finalization_whose_job_is_lost_begins_anew_once_it_was_undone(world: Flows) -> None:
    transaction = broken(world, "key")
    world.jobs.lose(transaction)
    with pytest.raises(Conflict) as refused:
        world.finalize(FILE, "key")
    assert refused.value.code == "finalization_busy"
    world.wait(DAY + 1000)
    assert world.sweep() == {FILE: Verdict.UNDONE}
    world.finalize(FILE, "key")
    world.mend()
    world.check_shown(FILE, BODY, KEPT)


def test_what_has_broken_and_nobody_goes_on_with_is_undone_after_a_day(world: Flows) -> None:
    transaction = broken(world)
    assert world.sweep() == {}
    world.wait(DAY + 1000)
    assert world.sweep() == {FILE: Verdict.UNDONE}
    job = world.jobs.find(transaction)
    assert job is not None
    assert (job.status, job.state) == (JobStatus.FAILED, "rolled_back")
    world.deliver_all()
    world.check()
    world.check_shown(FILE, BODY, EDIT)
    assert finalize(world) == "completed"


@pytest.mark.parametrize("state", ["copying", "verifying"])
def test_what_has_lost_its_job_is_undone_after_a_day(world: Flows, state: str) -> None:
    """Nobody could ask for it again: there is nothing to go on with."""
    transaction = world.finalize(FILE).transaction_id
    step_until(world, transaction, state)
    world.jobs.lose(transaction)
    world.edit(EDIT, key_of(world), revision=5, finalization=str(transaction))
    world.wait(DAY + 1000)
    assert world.sources().look_at(FILE, dry_run=True) is Verdict.UNDONE
    assert world.sweep() == {FILE: Verdict.UNDONE}
    world.deliver_all()
    world.check_shown(FILE, BODY, EDIT)
    assert shown(world).finalization is None
    assert finalize(world) == "completed"


def test_what_has_lost_its_job_after_it_was_handed_over_stays_so(world: Flows) -> None:
    transaction = world.finalize(FILE).transaction_id
    world.run_job(transaction)
    known = world.finalizations.kept[FILE]
    world.jobs.lose(transaction)
    world.finalizations.kept[FILE] = msgspec.structs.replace(
        known, phase=Phase.OPEN, settled_at=None, etag=None, version_id=None, source_etag=None, sealed_etag=None
    )
    world.wait(DAY + 1000)
    assert world.sweep() == {FILE: Verdict.COMPLETED}
    assert world.finalizations.kept[FILE].phase is Phase.COMMITTED
    world.deliver_all()
    world.check_shown(FILE, BODY, KEPT)
    world.wait(DAY + 1000)
    assert world.sweep() == {FILE: Verdict.REMOVED}
    world.deliver_all()
    world.check_shown(FILE, BODY, KEPT)


def test_sources_that_stay_keep_nobody_waiting_who_is_to_be_undone(world: Flows) -> None:
    """A source under a hold is looked at each day, for years."""
    for number in range(20, 26):
        world.upload(EDIT, number, BODY + bytes([number]))
        world.deliver_all()
        world.run_job(world.finalize(UUID(int=number)).transaction_id)
    broken(world)
    world.wait(DAY + 1000)
    due = world.sources().due(4)
    assert FILE in due
    assert len(due) == 4


# The source.


@pytest.fixture
def finalized(world: Flows) -> Flows:
    """The world after its document was finalized, a day and a bit later."""
    finalize(world)
    world.deliver_all()
    assert world.sweep() == {}, "not yet"
    world.wait(DAY + 1000)
    return world


def source_key(world: Flows) -> str:
    return world.finalizations.kept[FILE].source.key


def test_a_source_is_removed_a_day_later(finalized: Flows) -> None:
    assert finalized.sweep() == {FILE: Verdict.REMOVED}
    assert finalized.buckets.keys(EDIT) == []
    finalized.deliver_all()
    finalized.check()
    finalized.check_shown(FILE, BODY, KEPT)
    assert finalized.sweep() == {}


def test_a_rehearsal_says_what_would_be_removed_and_removes_nothing(finalized: Flows) -> None:
    sources = finalized.sources()
    assert sources.due(10) == [FILE]
    assert sources.look_at(FILE, dry_run=True) is Verdict.REMOVED
    assert len(finalized.buckets.keys(EDIT)) == 2
    assert sources.due(10) == [FILE]


def test_a_source_is_not_removed_under_a_hold_and_is_once_that_is_released(finalized: Flows) -> None:
    finalized.edit(KEPT, key_of(finalized), retention={"policy": "permanent", "legal_hold": True})
    assert finalized.sweep() == {FILE: Verdict.HELD}
    assert finalized.sweep() == {}, "it is looked at again a day later"
    finalized.edit(KEPT, key_of(finalized), retention={"policy": "permanent"})
    finalized.wait(DAY + 1000)
    assert finalized.sweep() == {FILE: Verdict.REMOVED}


def test_a_source_that_storage_itself_holds_stays(finalized: Flows) -> None:
    finalized.buckets.version(EDIT, source_key(finalized)).held = True
    assert finalized.sweep() == {FILE: Verdict.HELD}
    assert len(finalized.buckets.keys(EDIT)) == 2


def test_a_change_of_the_document_keeps_no_source(finalized: Flows) -> None:
    finalized.edit(KEPT, key_of(finalized), revision=9, description="a later change")
    finalized.deliver_all()
    assert finalized.sweep() == {FILE: Verdict.REMOVED}
    assert shown(finalized).description == "a later change"


@pytest.mark.parametrize("what", ["object", "attributes"])
def test_a_source_that_somebody_has_changed_stays_and_is_not_shown(finalized: Flows, what: str) -> None:
    if what == "object":
        finalized.buckets.put(EDIT, source_key(finalized), b"other bytes here")
    else:
        finalized.edit(EDIT, source_key(finalized), revision=99, description="somebody's")
    rehearsed = finalized.sources().look_at(FILE, dry_run=True)
    assert rehearsed is Verdict.SOURCE_CHANGED, "before anybody is told of it, too"
    finalized.deliver_all()
    finalized.check_shown(FILE, BODY, KEPT)
    assert finalized.sweep() == {FILE: Verdict.SOURCE_CHANGED}
    assert len(finalized.buckets.keys(EDIT)) == 2
    finalized.check()


@pytest.mark.parametrize("gone", [True, False], ids=["gone", "deleted"])
def test_a_source_stays_while_the_document_does_not_lie_where_it_went(finalized: Flows, gone: bool) -> None:
    target = finalized.finalizations.kept[FILE].target
    if gone:
        finalized.buckets.delete(target.bucket, attributes_key(target.key))
    else:
        finalized.edit(target.bucket, target.key, deleted_at="2026-03-01T12:00:00Z")
    finalized.deliver_all()
    assert finalized.sweep() == {FILE: Verdict.TARGET_CHANGED}
    assert len(finalized.buckets.keys(EDIT)) == 2


def test_a_source_that_somebody_has_removed_needs_no_more_looks(finalized: Flows) -> None:
    finalized.buckets.delete(EDIT, source_key(finalized))
    finalized.buckets.delete(EDIT, attributes_key(source_key(finalized)))
    finalized.deliver_all()
    assert finalized.sweep() == {FILE: Verdict.ALREADY_GONE}
    finalized.wait(DAY * 2)
    assert finalized.sweep() == {}


def test_of_many_those_that_were_begun_are_told_when_the_tables_stop_answering(
    world: Flows, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [UUID(int=number) for number in range(100, 140)]
    for number in range(100, 140):
        world.upload(EDIT, number, BODY)
    world.deliver_all()
    create_all, answers = world.jobs.create_all, iter([True, False])

    def stops(*arguments: Any) -> bool:
        if not next(answers):
            raise Unavailable("the table store does not answer")
        return create_all(*arguments)

    monkeypatch.setattr(world.jobs, "create_all", stops)
    told = world.finalize_all(ids)
    assert 0 < told.accepted < len(ids)
    assert told.accepted + told.refused == len(ids)
    assert {each.error.code for each in told.items if each.error is not None} == {"unavailable"}
    monkeypatch.undo()
    again = world.finalize_all(ids)
    assert (again.accepted, again.refused) == (len(ids), 0)
    begun = {each.file_id: each.transaction_id for each in told.items if each.error is None}
    assert begun.items() <= {each.file_id: each.transaction_id for each in again.items}.items()
