"""Many documents at once: each as a single request would do it, each with a result, and none twice or left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from artstore.changes.bulk import Acting, Action, BulkJob, BulkPage, BulkRequest, DocumentResult, check_bulk
from artstore.changes.finalizing import Finalizing
from artstore.errors import Invalid, Unavailable
from artstore.http import Request
from artstore.jobs import Job, new_job
from artstore.security import Principal, Scope
from artstore.spaces import ALL
from functions.maintenance.bulk import runner as bulk_runner
from functions.maintenance.bulk.runner import NEEDED_SECONDS, BulkRunner
from functions.maintenance.jobs.engine import RESERVED_SECONDS, Engine, Ran
from functions.maintenance.steps import Continue, Done, Fail, Wait
from functions.upload.documents.bulk import BulkDesk
from tests.fakes.memory_finalizations import MemoryFinalizations
from tests.fakes.memory_jobs import MemoryJobs, RememberedWake
from tests.fakes.memory_outbox import MemoryOutbox
from tests.support.changing.desk import KEPT, Desk
from tests.support.ingesting.world import ELEMENTS
from tests.support.killing import AFTER, BEFORE, Killed, Killer


class MemoryPages:
    """Pages in a dictionary; see artstore.aws.bulk_table."""

    def __init__(self) -> None:
        self.kept: dict[int, BulkPage] = {}

    def read(self, job_id: UUID, number: int) -> BulkPage | None:
        """See BulkPages."""
        return self.kept.get(number)

    def write(self, job_id: UUID, number: int, page: BulkPage) -> None:
        """See BulkPages."""
        self.kept[number] = page


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_runner, "PAGE", 3)
    monkeypatch.setattr(bulk_runner, "SAVED_EVERY", 2)


class Bulk:
    """A desk, and one bulk job on it."""

    def __init__(self, documents: int = 7) -> None:
        self.desk = Desk()
        self.pages = MemoryPages()
        self.jobs = MemoryJobs()
        self.finalizations = MemoryFinalizations()
        self.ids = [self.desk.store(number, b"friday") for number in range(1, documents + 1)]
        self.desk.world.wait(1000)

    def runner(self, killer: Killer | None = None) -> BulkRunner:
        """Build the runner; a killer stands before the pages and every port of the desk."""
        killer = killer or Killer()
        self.desk.use(killer)
        buckets = self.desk.world.buckets
        finalizing = Finalizing(
            elements=lambda: ELEMENTS,
            index=killer.guard(self.desk.world.index),
            jobs=killer.guard(self.jobs),
            wake=RememberedWake(),
            finalizations=self.finalizations,
            outbox=MemoryOutbox(),
            clock=lambda: buckets.now,
        )
        acting = Acting(
            patching=self.desk.patching,
            deleting=self.desk.deleting,
            holding=self.desk.holding,
            finalizing=finalizing,
        )
        return BulkRunner(index=self.desk.world.index, pages=killer.guard(self.pages), acting=acting)

    def job(self, spaces: list[str] | None = None, **asked: Any) -> Job:
        """Make a job."""
        request = check_bulk(msgspec.convert(msgspec.to_builtins(asked), BulkRequest))
        bulk = BulkJob(asked=request, spaces=spaces or [ALL])
        now = self.desk.world.buckets.now
        return new_job(uuid4(), "bulk", msgspec.to_builtins(bulk), now, created_by_id="sa_anna")

    def results(self) -> dict[UUID, str]:
        """Give the outcome, or the code, of every document."""
        found: list[DocumentResult] = [each for page in self.pages.kept.values() for each in page.results]
        assert len({each.file_id for each in found}) == len(found)
        return {each.file_id: each.code or each.outcome for each in found}


def run(runner: BulkRunner, job: Job, time_left: Callable[[], float] = lambda: 60.0) -> tuple[Done | Fail, Job]:
    """Do steps until there is nothing more to do."""
    for _ in range(100):
        step = runner.step(job, time_left)
        if isinstance(step, Done | Fail):
            return step, job
        assert isinstance(step, Continue | Wait)
        job = msgspec.structs.replace(job, progress=step.progress)
    raise AssertionError("the job does not end")


def test_each_document_gets_what_a_single_request_would_do_and_a_result() -> None:
    bulk = Bulk()
    kept = bulk.desk.store(8, bucket=KEPT)
    missing = uuid4()
    job = bulk.job(action="delete", ids=[*bulk.ids, kept, missing])
    done, _ = run(bulk.runner(), job)
    assert done == Done({"documents": 9, "counts": {"done": 7, "refused": 2}, "dry_run": False})
    assert bulk.results() == dict.fromkeys(bulk.ids, "done") | {
        kept: "deletion_not_allowed",
        missing: "document_not_found",
    }
    assert bulk.desk.listed() == {kept}
    bulk.desk.settle()


@pytest.mark.parametrize(
    ("asked", "member", "value"),
    [
        ({"action": "tag", "add_tags": ["new"], "remove_tags": ["old"]}, "tags", ["kept", "new"]),
        ({"action": "set_attributes", "custom_attributes": {"a": None, "b": 2}}, "custom_attributes", {"b": 2}),
        ({"action": "move", "folder": "/x/y"}, "folder", "/x/y"),
        (
            {"action": "hold", "reason": "case 7"},
            "retention",
            {"policy": "permanent", "legal_hold": True, "hold_reason": "case 7"},
        ),
    ],
)
def test_every_action_does_what_it_says(asked: dict[str, Any], member: str, value: Any) -> None:
    bulk = Bulk(0)
    file_id = bulk.desk.store(tags=["old", "kept"], custom_attributes={"a": 1}, retention=None)
    run(bulk.runner(), bulk.job(ids=[file_id], **asked))
    assert bulk.desk.written(file_id)[member] == value


def test_holds_end_and_documents_come_back() -> None:
    bulk = Bulk(2)
    said: dict[str, Any] = {"hold": {"reason": "x"}, "release": {"reason": "y"}}
    for action in ("hold", "release", "delete", "undelete"):
        bulk.pages.kept.clear()
        done, _ = run(bulk.runner(), bulk.job(action=action, ids=bulk.ids, **said.get(action, {})))
        assert isinstance(done, Done)
        assert done.result["counts"] == {"done": 2}
    assert bulk.desk.listed() == set(bulk.ids)


def test_many_finalizations_are_begun_and_each_once() -> None:
    bulk = Bulk(3)
    kept = bulk.desk.store(8, bucket=KEPT)
    for _ in range(2):
        bulk.pages.kept.clear()
        run(bulk.runner(), bulk.job(action="finalize", ids=[*bulk.ids, kept]))
        assert bulk.results() == dict.fromkeys(bulk.ids, "done") | {kept: "not_in_edit"}
    begun = bulk.jobs.list("finalize", None, 10, None).items
    assert sorted(each.object or "" for each in begun) == sorted(f"file/{each}" for each in bulk.ids)


def test_a_search_is_frozen_and_what_came_after_the_request_is_not_meant() -> None:
    bulk = Bulk()
    job = bulk.job(action="tag", add_tags=["x"], search={"query": "friday"})
    runner = bulk.runner()
    bulk.desk.store(99, b"friday")
    while not job.progress.get("frozen"):
        step = runner.step(job, lambda: 60.0)
        assert isinstance(step, Continue)
        job = msgspec.structs.replace(job, progress=step.progress)
        bulk.desk.world.wait(5000)
        bulk.desk.store(100 + len(bulk.pages.kept), b"friday")
    run(runner, job)
    assert bulk.results() == dict.fromkeys(bulk.ids, "done")


def test_the_trash_is_searched_to_bring_documents_back() -> None:
    bulk = Bulk()
    run(bulk.runner(), bulk.job(action="delete", search={}))
    assert bulk.desk.listed() == set()
    bulk.desk.world.wait(1000)
    bulk.pages.kept.clear()
    run(bulk.runner(), bulk.job(action="undelete", search={}))
    assert bulk.desk.listed() == set(bulk.ids)


def test_nothing_is_searched_or_changed_beyond_the_reach_that_the_caller_had() -> None:
    bulk = Bulk(2)
    theirs = bulk.desk.store(9, b"friday", space="theirs")
    run(bulk.runner(), bulk.job(["theirs"], action="delete", search={}))
    assert bulk.results() == {theirs: "done"}
    bulk.pages.kept.clear()
    run(bulk.runner(), bulk.job(["theirs"], action="delete", search={"space": "default"}))
    assert bulk.results() == {}
    run(bulk.runner(), bulk.job(["theirs"], action="delete", ids=bulk.ids))
    assert set(bulk.results().values()) == {"document_not_found"}


def test_a_dry_run_counts_and_changes_nothing() -> None:
    bulk = Bulk()
    done, _ = run(bulk.runner(), bulk.job(action="delete", search={}, dry_run=True))
    assert done == Done({"documents": 7, "counts": {}, "dry_run": True})
    assert bulk.desk.listed() == set(bulk.ids)


def test_more_documents_than_a_job_takes_are_refused_before_anything_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bulk_runner, "MAX_DOCUMENTS", 5)
    bulk = Bulk()
    failed, _ = run(bulk.runner(), bulk.job(action="delete", search={}))
    assert isinstance(failed, Fail)
    assert failed.code == "too_many_documents"
    assert bulk.desk.listed() == set(bulk.ids)


def test_with_little_time_a_step_ends_and_the_next_one_goes_on() -> None:
    bulk = Bulk(3)
    times = iter([60.0, 1.0] * 50)
    done, _ = run(bulk.runner(), bulk.job(action="delete", ids=bulk.ids), lambda: next(times))
    assert isinstance(done, Done)
    assert done.result["counts"] == {"done": 3}


def test_what_is_left_of_a_stretch_that_is_too_short_for_a_document_is_not_spent_on_looking() -> None:
    """A runner that says Continue is called again at once."""
    bulk = Bulk(3)
    bulk.jobs.create(bulk.job(action="delete", ids=bulk.ids))
    [job_id] = bulk.jobs.due(bulk.desk.world.buckets.now, 10)
    runner = bulk.runner()
    engine = Engine(jobs=bulk.jobs, wake=RememberedWake(), runner_of=lambda _kind: runner)
    assert engine.run(job_id, lambda: RESERVED_SECONDS + NEEDED_SECONDS - 1) is Ran.WAITING
    assert bulk.desk.listed() == set(bulk.ids)
    assert engine.run(job_id, lambda: 300.0) is Ran.COMPLETED
    assert bulk.desk.listed() == set()


def test_storage_that_does_not_answer_is_no_result() -> None:
    bulk = Bulk(1)
    runner = bulk.runner()
    job = bulk.job(action="delete", ids=bulk.ids)
    step = runner.step(job, lambda: 60.0)
    assert isinstance(step, Continue)
    job = msgspec.structs.replace(job, progress=step.progress)

    def fail() -> None:
        raise Unavailable("not now")

    bulk.desk.world.buckets.between = fail
    with pytest.raises(Unavailable):
        runner.step(job, lambda: 60.0)
    bulk.desk.world.buckets.between = lambda: None
    run(runner, job)
    assert bulk.results() == {bulk.ids[0]: "done"}


def test_what_is_done_is_written_down_on_the_way_so_that_little_is_done_twice() -> None:
    bulk = Bulk(3)
    seconds = iter([60.0, 60.0])

    def time_left() -> float:
        for left in seconds:
            return left
        raise Killed("the process is stopped before the third document")

    with pytest.raises(Killed):
        run(bulk.runner(), bulk.job(action="delete", ids=bulk.ids), time_left)
    assert bulk.results() == dict.fromkeys(bulk.ids[:2], "done")


@pytest.mark.parametrize("when", [BEFORE, AFTER])
def test_killed_at_any_call_the_job_goes_on_and_ends_the_same(when: str) -> None:
    counting, bulk = Killer(), Bulk(5)
    run(bulk.runner(counting), bulk.job(action="delete", search={}))
    expected = len(counting.calls)
    for number in range(expected):
        bulk = Bulk(5)
        job = bulk.job(action="delete", search={})
        runner = bulk.runner(Killer(number, when))
        killed = False
        for _ in range(20):
            try:
                step = runner.step(job, lambda: 60.0)
            except Killed:
                killed, runner = True, bulk.runner()
                continue
            if isinstance(step, Done):
                break
            assert isinstance(step, Continue)
            job = msgspec.structs.replace(job, progress=step.progress)
        assert killed
        assert isinstance(step, Done)
        assert step.result["counts"] == {"done": 5}
        assert bulk.results() == dict.fromkeys(bulk.ids, "done")
        bulk.desk.settle()
        assert bulk.desk.listed() == set()


@pytest.mark.parametrize(
    "asked",
    [
        {"action": "delete"},
        {"action": "delete", "ids": [uuid4()], "search": {}},
        {"action": "delete", "ids": [uuid4()], "folder": "/a"},
        {"action": "tag", "ids": [uuid4()]},
        {"action": "move", "ids": [uuid4()]},
        {"action": "hold", "ids": [uuid4()]},
        {"action": "undelete", "search": {"query": "x"}},
        {"action": "delete", "search": {"query": "a\0b"}},
        {"action": "move", "ids": [uuid4()], "folder": "x"},
        {"action": "set_attributes", "ids": [uuid4()], "custom_attributes": {"a": "\0"}},
    ],
)
def test_a_request_that_cannot_be_meant_is_refused(asked: dict[str, Any]) -> None:
    request = msgspec.convert(msgspec.to_builtins(asked), BulkRequest)
    with pytest.raises(Invalid):
        check_bulk(request)


@pytest.mark.parametrize("cursor", ["x", "", "-1", "1", "²", "1\n", "9" * 5000])
def test_only_a_cursor_that_the_job_gave_goes_on(cursor: str) -> None:
    bulk = Bulk(documents=1)
    desk = BulkDesk(jobs=bulk.jobs, pages=bulk.pages, wake=RememberedWake())
    caller = Principal("sa_anna", "anna", frozenset({Scope.FILES_WRITE}))
    asked = BulkRequest(action=Action.TAG, ids=bulk.ids, add_tags=["a"])
    started, _ = desk.start(asked, caller, Request("POST", "/api/v1/files/bulk", "request-1"), None)
    assert desk.show(started.job_id, caller, "0").next_cursor is None
    with pytest.raises(Invalid) as refused:
        desk.show(started.job_id, caller, cursor)
    assert refused.value.code == "invalid_cursor"
