"""The job that scans what is there: what it passes over, what it writes, and what it does without a scanner."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from artstore.attributes import Attributes, Quarantine, Scan, dump, parse
from artstore.audit import AuditEvent
from artstore.errors import Misconfigured, NotFound, PreconditionFailed, Unavailable
from artstore.index.ended import Ended
from artstore.index.unscanned import UnscannedPage, Which
from artstore.jobs import Job, new_job
from artstore.naming import attributes_key, document_key
from artstore.objects import Content, StoredObject
from artstore.scanning import Verdict
from functions.maintenance.scanning.runner import MOST_WAITS, MOST_WAITS_OF_THE_CLOCK, ScanRunner
from functions.maintenance.steps import Continue, Done, Fail, Step, Wait
from tests.fakes.documents import make_attributes

NOW = datetime(2026, 6, 1, tzinfo=UTC)
BEFORE = datetime(2026, 5, 1, tzinfo=UTC)
CLEAN = Verdict(status="clean", engine="ClamAV 1.4.6")
INFECTED = Verdict(status="infected", signature="Eicar", engine="ClamAV 1.4.6")
AWAY = Verdict(status="failed", reason="unreachable")
FAILED = Scan(status="failed", at=BEFORE, reason="timeout")


class Archive:
    """Documents by number, their attr.json, and a scanner that says ``verdicts`` of them."""

    def __init__(self) -> None:
        self.written: dict[str, bytes] = {}
        self.verdicts: dict[int, Verdict] = {}
        self.scanned: list[int] = []
        self.looked_at: list[str] = []
        self.events: list[AuditEvent] = []
        self.before_replace: Callable[[str], None] = lambda _key: None
        self.required = False
        self.has_scanner = True

    def store(self, number: int, **said: Any) -> None:
        self.written[f"{number}"] = dump(make_attributes(file_id=UUID(int=number), **said))

    def told(self, number: int) -> Attributes:
        return parse(self.written[f"{number}"])

    def unscanned(self, which: Which, element_id: str | None, limit: int, after: UUID | None) -> UnscannedPage:
        """Give pages of two, of all there is: what is due is the runner's to see."""
        keys = sorted(self.written, key=int)
        keys = [each for each in keys if after is None or int(each) > after.int]
        items = [Ended(file_id=UUID(int=int(each)), bucket="b", key=each) for each in keys[:2]]
        return UnscannedPage(tuple(items), items[-1].file_id if len(keys) > 2 else None)

    def head(self, bucket: str, key: str, version_id: str | None = None) -> StoredObject:
        return StoredObject(
            bucket=bucket,
            key=key,
            size=4,
            etag='"1"',
            last_modified=BEFORE,
            content_type="",
            content_encoding=None,
            metadata={},
            version_id=version_id,
            sha256=None,
        )

    def read(self, bucket: str, key: str, limit: int) -> Content:
        body = self.written.get(document_key(key))
        if body is None:
            raise NotFound("gone")
        return Content(body=body, etag=_etag(body))

    def replace(self, bucket: str, key: str, body: bytes, if_match: str) -> str:
        self.before_replace(key)
        assert key == attributes_key(document_key(key))
        if _etag(self.written[document_key(key)]) != if_match:
            raise PreconditionFailed("changed")
        self.written[document_key(key)] = body
        return _etag(body)

    def scan(self, stored: StoredObject) -> Verdict:
        self.scanned.append(int(stored.key))
        return self.verdicts.get(int(stored.key), CLEAN)

    def step(self, job: Job, time_left: Callable[[], float] = lambda: 100.0) -> Step:
        runner = ScanRunner(
            index=self,
            objects=self,
            scanning=self if self.has_scanner else None,
            ingest=lambda _bucket, key: self.looked_at.append(key),
            record=self.events.append,
            is_required=self.required,
            clock=lambda: NOW,
        )
        return runner.step(job, time_left)

    def run(self, which: str = "unscanned", **time_left: Any) -> dict[str, int]:
        """Take steps until it is done, and give its counts."""
        job = a_job(which)
        while not isinstance(step := self.step(job, **time_left), Done):
            assert isinstance(step, Continue)
            job = with_progress(job, step)
        counts: dict[str, int] = step.result["counts"]
        return counts


def _etag(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def a_job(which: str = "unscanned", **changes: Any) -> Job:
    return new_job(UUID(int=1), "scan", {"which": which, "element_id": None}, NOW, **changes)


def with_progress(job: Job, step: Continue | Wait) -> Job:
    return msgspec.structs.replace(job, progress=step.progress)


@pytest.fixture
def archive() -> Archive:
    return Archive()


def test_what_nobody_scanned_gets_its_verdict_and_the_index_follows(archive: Archive) -> None:
    for number in range(1, 6):
        archive.store(number)
    archive.verdicts[4] = INFECTED
    assert archive.run() == {"clean": 4, "infected": 1}
    assert archive.told(1).scan == Scan(status="clean", at=NOW, engine="ClamAV 1.4.6")
    assert (archive.told(1).revision, archive.told(1).updated_at) == (2, NOW)
    assert archive.told(4).quarantine == Quarantine(reason="infected", at=NOW)
    assert archive.looked_at == ["1", "2", "3", "4", "5"]
    [event] = archive.events
    assert (event.action, event.object) == ("document.quarantined", f"file/{UUID(int=4)}")


@pytest.mark.parametrize(("which", "scanned"), [("failed", [2]), ("unscanned", [1, 2]), ("all", [1, 2, 3])])
def test_which_are_scanned_is_seen_in_what_attr_json_says_now(
    archive: Archive, which: str, scanned: list[int]
) -> None:
    archive.store(1)
    archive.store(2, scan=FAILED)
    archive.store(3, scan=Scan(status="clean", at=BEFORE))
    archive.store(4, scan=Scan(status="infected", at=BEFORE, released_at=BEFORE, released_by_id="sa_anna"))
    archive.store(5, quarantine=Quarantine(reason="infected", at=BEFORE))
    archive.store(6, deleted_at=BEFORE)
    archive.store(7, finalization=UUID(int=9))
    archive.run(which)
    assert archive.scanned == scanned


def test_bytes_that_were_kept_back_until_they_would_be_scanned_are_given_out_when_they_are_clean(
    archive: Archive,
) -> None:
    archive.required = True
    held = Quarantine(reason="not_scanned", at=BEFORE)
    archive.store(1, scan=FAILED, quarantine=held)
    archive.store(2, scan=FAILED, quarantine=held)
    archive.verdicts[2] = Verdict(status="failed", reason="scanner_error")
    assert archive.run() == {"clean": 1, "failed": 1}
    assert archive.told(1).quarantine is None
    assert archive.told(2).quarantine == held


def test_a_quarantine_for_another_reason_stays_and_what_is_found_besides_is_told(archive: Archive) -> None:
    mismatch = Quarantine(reason="checksum_mismatch", at=BEFORE)
    archive.store(1, quarantine=mismatch)
    archive.store(2, quarantine=mismatch)
    archive.verdicts[2] = INFECTED
    archive.run()
    assert (archive.told(1).quarantine, archive.told(1).is_withheld) == (mismatch, False)
    assert (archive.told(2).quarantine, archive.told(2).is_withheld) == (mismatch, True)


def test_the_same_failure_again_writes_nothing(archive: Archive) -> None:
    archive.store(1, scan=FAILED)
    archive.verdicts[1] = Verdict(status="failed", reason="timeout")
    before = archive.written["1"]
    assert archive.run("failed") == {"failed": 1}
    assert archive.written["1"] == before


def test_a_job_goes_on_where_its_time_was_over(archive: Archive) -> None:
    for number in range(1, 6):
        archive.store(number)
    assert archive.run(time_left=lambda: 0.0) == {"clean": 5}
    assert archive.scanned == [1, 2, 3, 4, 5]


def test_a_scanner_that_is_away_is_waited_for_and_nothing_is_written(archive: Archive) -> None:
    archive.store(1)
    archive.store(2)
    archive.verdicts[2] = AWAY
    before = archive.written["2"]
    job = a_job(created_by_id="sa_anna")
    step = archive.step(job)
    assert isinstance(step, Wait)
    assert step.until > NOW
    assert archive.written["2"] == before
    archive.verdicts.clear()
    assert archive.step(with_progress(job, step)) == Done({"counts": {"clean": 2}})
    assert archive.scanned == [1, 2, 2]


@pytest.mark.parametrize(("by", "most"), [("system", MOST_WAITS_OF_THE_CLOCK), ("sa_anna", MOST_WAITS)])
def test_waiting_has_an_end(archive: Archive, by: str, most: int) -> None:
    archive.store(1)
    archive.verdicts[1] = AWAY
    job, waits = a_job(created_by_id=by), 0
    while isinstance(step := archive.step(job), Wait):
        job, waits = with_progress(job, step), waits + 1
    assert waits == most
    assert isinstance(step, Done if by == "system" else Fail)


def test_a_change_that_came_first_stays_and_storage_that_refuses_ends_nothing(archive: Archive) -> None:
    archive.store(1)
    archive.store(2)

    def meanwhile(key: str) -> None:
        if key.startswith("1"):
            archive.store(1, description="changed meanwhile")
        else:
            raise Misconfigured("storage refused")

    archive.before_replace = meanwhile
    assert archive.run() == {"changed": 1, "refused": 1}
    assert archive.told(1).description == "changed meanwhile"


def test_a_finding_that_the_audit_log_cannot_be_told_is_not_written(archive: Archive) -> None:
    archive.store(1)
    archive.verdicts[1] = INFECTED

    def away(_event: AuditEvent) -> None:
        raise Unavailable("the tables do not answer")

    archive.events = type("Away", (), {"append": staticmethod(away)})()
    with pytest.raises(Unavailable):
        archive.step(a_job())
    assert archive.told(1).scan is None


def test_without_a_scanner_the_job_says_so(archive: Archive) -> None:
    archive.has_scanner = False
    step = archive.step(a_job())
    assert isinstance(step, Fail)
    assert step.code == "scanning_off"
