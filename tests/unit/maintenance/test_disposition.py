"""What decisions about documents that are due come to, and what schedules decide by themselves."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from artstore.audit import REFUSED, SYSTEM, Actor
from artstore.changes.bulk import BulkPage, DocumentResult
from artstore.errors import Invalid, Unavailable
from artstore.finalizations import Finalization, Phase
from artstore.index.claims import Place
from artstore.jobs import Job
from artstore.schedules import ScheduleAction
from artstore.spaces import ALL, EVERYWHERE
from functions.maintenance.retention import runner as runner_module
from functions.maintenance.steps import Continue, Done, Fail, Wait
from functions.maintenance.sweeping import Candidate, Did
from functions.maintenance.sweeps.runner import SweepRunner
from tests.fakes.memory_bucket import EDIT, KEPT
from tests.support.changing.desk import ANNA
from tests.support.disposing import DAY, Disposing
from tests.support.killing import AFTER, BEFORE, Killed, Killer


def test_what_is_approved_where_documents_are_kept_goes_for_good_with_every_version() -> None:
    world = Disposing()
    file_id = world.store(description="first")
    world.desk.world.edit(*world.desk.place(file_id), description="second")
    world.desk.world.deliver_all()
    assert world.left(file_id) > 2
    world.wait(400)
    [result] = world.decide([file_id]).values()
    assert result.outcome == "disposed"
    assert world.left(file_id) == 0
    world.desk.settle()
    assert world.desk.found(file_id) is None


def test_of_an_attr_json_the_version_that_is_shown_goes_last() -> None:
    world = Disposing()
    file_id = world.store(description="first")
    world.desk.world.edit(*world.desk.place(file_id), description="second")
    _, key = world.desk.place(file_id)
    shown = world.buckets.all_versions(KEPT, f"{key}.attr.json")[-1].number
    world.wait(400)
    world.decide([file_id])
    assert world.storage.removed[0][0] == key
    assert world.storage.removed[-1] == (f"{key}.attr.json", f"v{shown}")


def test_what_is_approved_where_documents_may_be_deleted_goes_into_the_trash() -> None:
    world = Disposing()
    file_id = world.store(bucket=EDIT)
    world.wait(400)
    assert world.decide([file_id])[file_id].outcome == "disposed"
    assert world.desk.written(file_id)["deleted_by_id"] == "sa_anna"
    world.desk.settle()
    assert world.desk.listed() == set()
    [certificate] = world.certificates()
    assert certificate.after is not None
    assert certificate.after["how"] == "trash"


@pytest.mark.parametrize("bucket", [EDIT, KEPT])
def test_the_certificate_names_document_schedule_who_decided_and_why(bucket: str) -> None:
    world = Disposing()
    file_id = world.store(bucket=bucket)
    attributes = world.desk.written(file_id)
    world.wait(400)
    world.decide([file_id], reason="destruction list 12")
    [certificate] = world.certificates()
    assert (certificate.actor, certificate.object) == ("sa_anna", f"file/{file_id}")
    assert (certificate.reason, certificate.request_id) == ("destruction list 12", "req-1")
    assert certificate.before is not None
    told = {name: certificate.before[name] for name in ("original_filename", "checksum", "file_size")}
    assert told == {name: attributes[name] for name in told}
    assert (certificate.before["schedule"], certificate.before["period"]) == ("tax", "P1Y")
    assert certificate.before["why"].endswith("+ P1Y")
    assert certificate.before["due_at"].startswith("2027-03-01")


@pytest.mark.parametrize("bucket", [EDIT, KEPT])
def test_a_legal_hold_is_stronger_than_any_decision(bucket: str) -> None:
    world = Disposing(Disposing.schedule(automatic=True))
    file_id = world.store(bucket=bucket)
    world.desk.holding.set(file_id, EVERYWHERE, hold=True, reason="case 7", actor=ANNA)
    world.wait(400)
    [result] = world.decide([file_id]).values()
    assert (result.outcome, result.code) == ("held", "legal_hold")
    assert world.sweep.settle(candidate(file_id), dry_run=False).did is Did.KEPT
    assert world.desk.found(file_id) is not None
    assert not world.certificates()


def test_a_hold_that_only_storage_knows_of_is_respected_too() -> None:
    world = Disposing()
    file_id = world.store()
    world.lock(file_id, None, held=True)
    world.wait(400)
    assert world.decide([file_id])[file_id].outcome == "held"


@pytest.mark.parametrize("beside", [False, True])
def test_a_lock_in_storage_is_waited_for_and_told(beside: bool) -> None:
    world = Disposing()
    file_id = world.store()
    until = world.buckets.now + 500 * DAY
    world.lock(file_id, until, beside=beside)
    before = world.left(file_id)
    world.wait(400)
    [result] = world.decide([file_id]).values()
    assert (result.outcome, result.waits_until) == ("waits", until)
    assert world.left(file_id) == before
    world.wait(101)
    assert world.decide([file_id])[file_id].outcome == "disposed"


@pytest.mark.parametrize("bucket", [EDIT, KEPT])
def test_what_is_permanent_until_a_day_waits_for_it(bucket: str) -> None:
    world = Disposing()
    until = (world.buckets.now + 500 * DAY).replace(microsecond=0)
    file_id = world.store(bucket=bucket, retention={"expires_at": until.isoformat()})
    world.wait(400)
    [result] = world.decide([file_id]).values()
    assert (result.outcome, result.waits_until) == ("waits", until)
    assert world.desk.found(file_id) is not None


def call_of(name: str) -> int:
    """Give the number of the first call of a name when one document is disposed of."""
    probe, probing = Disposing(), Killer()
    probe.store()
    probe.wait(400)
    probe.use(probing)
    probe.decide([UUID(int=1)])
    return probing.calls.index(name)


def test_what_is_kept_for_good_while_its_locks_are_read_stays() -> None:
    world, killer = Disposing(), Killer()
    file_id = world.store()
    world.wait(400)

    def keep() -> None:
        world.retaining.keep(file_id, EVERYWHERE, ANNA, "case 7")

    killer.do_at(call_of("LockedVersions.lock"), AFTER, keep)
    world.use(killer)
    assert world.decide([file_id])[file_id].code == "kept_for_good"
    assert not world.storage.removed
    assert not world.certificates()


def test_what_is_locked_between_the_look_and_the_removal_stays() -> None:
    world, counting = Disposing(), Killer()
    file_id = world.store()
    world.wait(400)

    def lock() -> None:
        world.desk.holding.set(file_id, EVERYWHERE, hold=True, reason="case 7", actor=ANNA)
        world.lock(file_id, None, held=True)

    counting.do_at(call_of("LockedVersions.remove"), BEFORE, lock)
    world.use(counting)
    assert world.decide([file_id])[file_id].outcome == "held"
    assert world.desk.found(file_id) is not None
    assert not world.certificates()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"retention": {"schedule": "unheard-of"}}, "schedule_unknown"),
        ({"retention": {"schedule": None}}, "no_schedule"),
        ({"retention": {"kept_at": "2026-06-01T00:00:00Z"}}, "kept_for_good"),
        ({"retention": {"extended_until": "2030-06-01T00:00:00Z"}}, "not_due"),
        ({"finalization": str(uuid4())}, "finalization_in_progress"),
    ],
)
def test_what_is_not_due_is_refused_with_a_reason(said: dict[str, Any], code: str) -> None:
    world = Disposing()
    file_id = world.store(**said)
    world.wait(400)
    [result] = world.decide([file_id]).values()
    assert (result.outcome, result.code) == (REFUSED, code)
    assert world.left(file_id)


def test_nothing_is_approved_before_it_is_due_nor_where_that_cannot_be_computed() -> None:
    world = Disposing(Disposing.schedule(), Disposing.schedule(name="case", trigger="attribute:closed"))
    early, unsaid = world.store(1), world.store(2, retention={"schedule": "case"})
    world.wait(364)
    results = world.decide([early, unsaid])
    assert (results[early].code, results[unsaid].code) == ("not_due", "attribute_absent")
    assert "2027-03-01" in (results[early].detail or "")


def test_a_review_ends_in_disposal_when_it_is_approved_and_keep_in_keeping() -> None:
    world = Disposing(
        Disposing.schedule(ScheduleAction.REVIEW), Disposing.schedule(ScheduleAction.KEEP, name="deeds")
    )
    reviewed, deed = world.store(1), world.store(2, retention={"schedule": "deeds"})
    world.wait(400)
    results = world.decide([reviewed, deed])
    assert (results[reviewed].outcome, results[deed].outcome) == ("disposed", "kept")
    assert world.desk.written(deed)["retention"]["kept_at"]
    assert world.decide([deed])[deed].code == "kept_for_good"


def test_extending_puts_it_off_and_is_in_the_audit_log() -> None:
    world = Disposing()
    file_id = world.store()
    world.wait(400)
    until = world.buckets.now.replace(microsecond=0) + 90 * DAY
    assert world.decide([file_id], "extend", until=until)[file_id].outcome == "extended"
    assert world.decide([file_id])[file_id].code == "not_due"
    event = world.desk.audit.events[-1]
    assert (event.action, event.actor, event.reason) == ("retention.extended", "sa_anna", "the period is over")
    again = world.decide([file_id], "extend", until=until - DAY)
    assert again[file_id].code == "retention_shortened"
    world.wait(91)
    assert world.decide([file_id])[file_id].outcome == "disposed"


def test_what_is_kept_for_good_is_due_no_more_even_by_the_clock() -> None:
    world = Disposing(Disposing.schedule(automatic=True))
    file_id = world.store()
    world.wait(400)
    assert world.decide([file_id], "keep")[file_id].outcome == "kept"
    assert world.sweep.find(None, 10).candidates == []
    assert world.sweep.settle(candidate(file_id), dry_run=False).reason == "kept_for_good"


@pytest.mark.parametrize(
    "said", [{"decision": "extend"}, {"decision": "approve", "until": "2030-01-01T00:00:00Z"}]
)
def test_a_day_belongs_to_an_extension(said: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        Disposing().job([uuid4()], **said)


def test_nothing_beyond_the_reach_of_who_decided_is_touched() -> None:
    world = Disposing()
    file_id = world.store(space="press")
    world.wait(400)
    assert world.decide([file_id], spaces=["legal"])[file_id].code == "document_not_found"
    assert world.decide([file_id], spaces=["press"])[file_id].outcome == "disposed"


def test_what_lies_in_the_trash_already_is_not_there() -> None:
    world = Disposing()
    file_id = world.store(bucket=EDIT)
    world.wait(400)
    world.desk.deleting.delete(file_id, EVERYWHERE, ANNA)
    assert world.decide([file_id])[file_id].code == "document_not_found"
    assert not world.certificates()


def test_what_others_deleted_or_moved_while_a_job_was_down_is_not_told_as_disposed() -> None:
    world = Disposing()
    deleted = world.store(1, bucket=EDIT)
    moved = world.store(2, bucket=EDIT, space="legal")
    world.wait(400)
    for file_id, spaces in ((deleted, [ALL]), (moved, ["legal"])):
        job = world.job([file_id], spaces=spaces)
        begun = DocumentResult(file_id=file_id, outcome="disposing")
        world.pages.write(job.job_id, 0, BulkPage(ids=[file_id], results=[begun]))
        if file_id == deleted:
            world.desk.deleting.delete(file_id, EVERYWHERE, Actor("sa_boris", "192.0.2.2", "req-2"))
        else:
            world.desk.world.edit(*world.desk.place(file_id), space="press")
            world.desk.world.deliver_all()
        ended = world.run(job)
        assert isinstance(ended, Done)
        assert ended.result["counts"] == {"refused": 1}
        assert world.pages.kept[0].results[0].code == "document_not_found"
    assert not world.certificates()


@pytest.mark.parametrize("phase", [Phase.OPEN, Phase.COMMITTED])
def test_nothing_goes_for_good_before_what_its_finalization_left_behind(phase: Phase) -> None:
    world = Disposing()
    file_id = world.store()
    source = Place(EDIT, "2026/03/friday.pdf")
    for key in (source.key, f"{source.key}.attr.json"):
        world.buckets.put(EDIT, key, b"left")
    world.finalizations.kept[file_id] = Finalization(
        file_id=file_id,
        transaction_id=uuid4(),
        source=source,
        target=Place(*world.desk.place(file_id)),
        element_id="kept",
        started_at=world.buckets.now,
        phase=phase,
    )
    world.wait(400)
    for key in (source.key, f"{source.key}.attr.json"):
        assert world.decide([file_id])[file_id].code == "source_not_removed"
        assert not world.storage.removed
        world.buckets.delete(EDIT, key)
    assert world.decide([file_id])[file_id].outcome == "disposed"


def test_a_version_between_others_stays() -> None:
    world = Disposing()
    oldest = world.store(1)
    middle = world.store(2, supersedes=oldest)
    world.store(3, supersedes=middle)
    world.wait(400)
    assert world.decide([middle])[middle].code == "version_in_between"


def test_storage_that_does_not_answer_is_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Disposing()
    file_id = world.store()
    world.wait(400)
    monkeypatch.setattr(world.storage, "versions", _unavailable)
    with pytest.raises(Unavailable):
        world.decide([file_id])


def _unavailable(*_arguments: Any) -> Any:
    raise Unavailable("away")


def test_with_little_time_a_step_ends_and_the_next_one_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Disposing()
    ids = [world.store(number) for number in (1, 2, 3)]
    world.wait(400)
    job = world.job(ids)
    step = world.runner.step(job, lambda: 60.0)
    assert isinstance(step, Continue)
    job = msgspec.structs.replace(job, progress=step.progress)
    left = iter([60.0, 1.0])
    step = world.runner.step(job, lambda: next(left))
    assert isinstance(step, Wait)
    assert [len(page.results) for page in world.pages.kept.values()] == [1]
    ended = world.run(msgspec.structs.replace(job, progress=step.progress))
    assert isinstance(ended, Done)
    assert ended.result["counts"] == {"disposed": 3}


def steps(world: Disposing, job: Job, killer: Killer) -> tuple[Done | Fail, bool]:
    """Do a job's steps; who is killed is followed by another, who goes on from what was saved."""
    killed = False
    world.use(killer)
    for _ in range(60):
        try:
            step = world.runner.step(job, lambda: 60.0)
        except Killed:
            killed = True
            world.use(Killer())
            continue
        if isinstance(step, Done | Fail):
            return step, killed
        job = msgspec.structs.replace(job, progress=step.progress)
    raise AssertionError("the job does not end")


@pytest.mark.parametrize("when", [BEFORE, AFTER])
@pytest.mark.parametrize("bucket", [EDIT, KEPT])
def test_killed_at_any_call_each_document_goes_and_has_its_certificate(
    bucket: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "SAVED_EVERY", 1)

    def prepare() -> tuple[Disposing, list[UUID], Job]:
        world = Disposing()
        ids = [world.store(number, bucket=bucket) for number in (1, 2)]
        world.wait(400)
        return world, ids, world.job(ids)

    counting = Killer()
    world, _, job = prepare()
    steps(world, job, counting)
    for number, name in enumerate(counting.calls):
        world, ids, job = prepare()
        killer = Killer()
        killer.kill_at(number, when)
        ended, killed = steps(world, job, killer)
        assert killed, name
        assert isinstance(ended, Done)
        assert ended.result["counts"] == {"disposed": 2}, f"{when} {number} {name}"
        world.desk.settle()
        assert world.desk.listed() == set()
        certified = [each.object for each in world.certificates()]
        assert set(certified) == {f"file/{each}" for each in ids}, f"{when} {number} {name}"
        assert len(certified) <= 3, "twice at most, and only for the one at which the process was killed"
        if bucket == KEPT:
            assert [world.left(each) for each in ids] == [0, 0], f"{when} {number} {name}"


def candidate(file_id: UUID) -> Candidate:
    return Candidate(f"file/{file_id}", {"file_id": str(file_id)})


def sweep(world: Disposing, killer: Killer, *, dry_run: bool = False) -> tuple[Done | Fail, bool]:
    """Run the sweep as a job; who is killed is followed by another."""
    job = world.job([uuid4()])
    job = msgspec.structs.replace(job, kind="sweep", request={"sweep": "retention", "dry_run": dry_run})
    killed = False
    world.use(killer)
    for _ in range(60):
        runner = SweepRunner({"retention": lambda: world.sweep}, clock=lambda: world.buckets.now)
        try:
            step = runner.step(job, lambda: 60.0)
        except Killed:
            killed = True
            world.use(Killer())
            continue
        if isinstance(step, Done | Fail):
            return step, killed
        world.wait(0.001)
        job = msgspec.structs.replace(job, progress=step.progress)
    raise AssertionError("the sweep does not end")


def automatic_world(bucket: str) -> tuple[Disposing, list[UUID]]:
    world = Disposing(
        Disposing.schedule(automatic=True),
        Disposing.schedule(name="by-hand"),
        Disposing.schedule(name="zero", period="P0D", automatic=True),
    )
    due = [world.store(1, bucket=bucket), world.store(2, bucket=bucket, retention={"schedule": "zero"})]
    world.store(3, bucket=bucket, retention={"schedule": "by-hand"})
    world.wait(400)
    world.store(4, bucket=bucket)
    return world, due


@pytest.mark.parametrize("bucket", [EDIT, KEPT])
def test_the_clock_disposes_of_what_automatic_schedules_say_and_of_nothing_else(bucket: str) -> None:
    world, due = automatic_world(bucket)
    told, _ = sweep(world, Killer(), dry_run=True)
    assert isinstance(told, Done)
    assert told.result["counts"] == {"deleted": 2}
    assert len(world.desk.listed()) == 4
    ended, _ = sweep(world, Killer())
    assert isinstance(ended, Done)
    assert ended.result["counts"] == {"deleted": 2}
    assert world.desk.listed() == {UUID(int=3), UUID(int=4)}
    assert {each.object for each in world.certificates()} == {f"file/{each}" for each in due}
    assert {each.actor for each in world.certificates()} == {SYSTEM}
    assert all(each.after and each.after["automatic"] is True for each in world.certificates())


@pytest.mark.parametrize("when", [BEFORE, AFTER])
@pytest.mark.parametrize("bucket", [EDIT, KEPT])
def test_killed_at_any_call_the_clock_goes_on_and_no_certificate_is_missing(bucket: str, when: str) -> None:
    counting = Killer()
    sweep(automatic_world(bucket)[0], counting)
    assert len(counting.calls) > 6
    for number, name in enumerate(counting.calls):
        world, due = automatic_world(bucket)
        killer = Killer()
        killer.kill_at(number, when)
        ended, killed = sweep(world, killer)
        assert killed, name
        assert isinstance(ended, Done)
        world.desk.settle()
        assert world.desk.listed() == {UUID(int=3), UUID(int=4)}, f"{when} {number} {name}"
        assert {each.object for each in world.certificates()} == {f"file/{each}" for each in due}, (
            f"{when} {number} {name}"
        )


def test_documents_of_many_pages_are_all_found() -> None:
    world = Disposing(Disposing.schedule(automatic=True), Disposing.schedule(name="zero", automatic=True))
    ids = {world.store(number, retention={"schedule": "zero" if number % 2 else "tax"}) for number in range(1, 8)}
    world.wait(400)
    found: list[Candidate] = []
    cursor = None
    while True:
        page = world.sweep.find(cursor, 2)
        found += page.candidates
        if page.next is None:
            break
        cursor = page.next
    assert sorted(each.name for each in found) == sorted(f"file/{each}" for each in ids)
