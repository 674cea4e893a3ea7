"""A checksum that was only declared is proven, or its document is put in quarantine; whatever stops in between."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from artstore.attributes import Attributes, Quarantine, Scan, dump, parse
from artstore.errors import Conflict, Misconfigured, NotFound, PreconditionFailed
from artstore.jobs import Job, new_job
from artstore.naming import attributes_key
from artstore.objects import Content
from functions.maintenance.hashing.runner import MOST_REFUSED, HashRunner
from functions.maintenance.steps import Continue, Done, Fail, Step, Wait
from tests.fakes.documents import make_attributes

NOW = datetime(2026, 6, 1, tzinfo=UTC)
BODY = bytes(range(256)) * 4
KEY = "2026/06/01/00/large.bin"
FILE_ID = UUID(int=7)


class Bucket:
    """One object and its attr.json. It is read in chunks of a hundred bytes."""

    def __init__(self) -> None:
        self.body: bytes | None = BODY
        self.etag = '"bytes-2"'
        self.attributes: bytes | None = None
        self.writes = 0
        self.read_bytes = 0
        self.looked_at: list[tuple[str, str]] = []
        self.archived = False
        self.before_replace: Any = lambda: None

    def describe(self, **changes: Any) -> None:
        values = {"file_id": FILE_ID, "of": BODY, "checksum_verified": False, "storage_etag": self.etag} | changes
        self.attributes = dump(make_attributes(**values))

    @property
    def described(self) -> Attributes:
        assert self.attributes is not None
        return parse(self.attributes)

    def read(self, bucket: str, key: str, limit: int) -> Content:
        assert key == attributes_key(KEY)
        if self.attributes is None:
            raise NotFound("gone")
        return Content(body=self.attributes, etag=self._attributes_etag())

    def replace(self, bucket: str, key: str, body: bytes, if_match: str) -> str:
        self.before_replace()
        if self.attributes is None:
            raise NotFound("gone")
        if if_match != self._attributes_etag():
            raise PreconditionFailed("changed")
        self.attributes = body
        self.writes += 1
        return self._attributes_etag()

    @contextlib.contextmanager
    def stream(
        self,
        bucket: str,
        key: str,
        *,
        start: int = 0,
        length: int | None = None,
        if_match: str | None = None,
        version_id: str | None = None,
    ) -> Iterator[Iterator[bytes]]:
        if self.archived:
            raise Conflict("archived", code="archived")
        if self.body is None:
            raise NotFound("gone")
        if if_match != self.etag:
            raise PreconditionFailed("others")
        body = self.body

        def chunks() -> Iterator[bytes]:
            for at in range(start, len(body), 100):
                self.read_bytes += len(body[at : at + 100])
                yield body[at : at + 100]

        yield chunks()

    def _attributes_etag(self) -> str:
        return f'"{hashlib.md5(self.attributes or b"", usedforsecurity=False).hexdigest()}"'

    def look(self, bucket: str, key: str) -> None:
        self.looked_at.append((bucket, key))


@pytest.fixture
def bucket() -> Bucket:
    made = Bucket()
    made.describe()
    return made


def a_job(bucket: Bucket) -> Job:
    request = {"file_id": str(FILE_ID), "bucket": "b", "key": KEY, "etag": bucket.etag, "version_id": None}
    return new_job(UUID(int=1), "hash", request, NOW)


def run(bucket: Bucket, job: Job, *, chunks: int = 10_000) -> Step:
    """Take one step in which there is time for so many chunks."""
    left = iter(range(chunks - 1, -1, -1))
    return HashRunner(bucket, bucket.look, lambda: NOW).step(job, lambda: float(next(left, 0)))


def run_to_the_end(bucket: Bucket, job: Job, *, chunks: int) -> tuple[Step, int]:
    """Take steps until it is over; every progress goes through JSON, as it does in the table."""
    for number in range(1, 100):
        step = run(bucket, job, chunks=chunks)
        if not isinstance(step, Continue):
            return step, number
        progress = msgspec.json.decode(msgspec.json.encode(step.progress))
        job = msgspec.structs.replace(job, progress=progress)
    raise AssertionError("no end")


@pytest.mark.parametrize("chunks", [10_000, 4])
def test_a_document_without_a_checksum_gets_the_one_that_its_bytes_have(bucket: Bucket, chunks: int) -> None:
    bucket.describe(checksum=None)
    ended, _ = run_to_the_end(bucket, a_job(bucket), chunks=chunks)
    digest = hashlib.sha256(BODY).hexdigest()
    assert ended == Done({"outcome": "found", "sha256": digest, "bytes": len(BODY)}, "found")
    described = bucket.described
    assert (described.checksum, described.checksum_verified, described.revision) == (digest, None, 2)
    assert bucket.read_bytes == len(BODY)


def test_what_was_read_of_earlier_bytes_is_never_said_of_those_put_over_them(bucket: Bucket) -> None:
    bucket.describe(checksum=None)

    def put_over() -> None:
        bucket.body, bucket.etag, bucket.before_replace = bytes(len(BODY)), '"others-2"', lambda: None
        bucket.describe(checksum=None, revision=2)

    bucket.before_replace = put_over
    ended, _ = run_to_the_end(bucket, a_job(bucket), chunks=10_000)
    assert ended == Done({"outcome": "replaced"})
    assert (bucket.described.checksum, bucket.described.checksum_verified) == (None, False)


@pytest.mark.parametrize(("chunks", "steps"), [(10_000, 1), (11, 1), (10, 2), (4, 3), (1, 11)])
def test_a_checksum_is_proven_in_as_many_steps_as_it_takes(bucket: Bucket, chunks: int, steps: int) -> None:
    ended, number = run_to_the_end(bucket, a_job(bucket), chunks=chunks)
    assert isinstance(ended, Done)
    assert ended.result["outcome"] == "proven"
    assert number == steps
    assert bucket.read_bytes == len(BODY), "nothing is read twice"
    described = bucket.described
    assert (described.checksum_verified, described.quarantine, described.revision) == (None, None, 2)
    assert bucket.looked_at == [("b", KEY)]


def test_other_bytes_than_were_declared_are_put_in_quarantine(bucket: Bucket) -> None:
    bucket.describe(checksum="cd" * 32)
    ended, _ = run_to_the_end(bucket, a_job(bucket), chunks=10_000)
    assert isinstance(ended, Done)
    assert ended.result == {
        "outcome": "checksum_mismatch",
        "sha256": hashlib.sha256(BODY).hexdigest(),
        "bytes": len(BODY),
    }
    described = bucket.described
    assert described.quarantine is not None
    assert (described.quarantine.reason, described.quarantine.at) == ("checksum_mismatch", NOW)
    assert (described.checksum_verified, described.revision) == (False, 2)


def test_a_quarantine_is_told_to_the_audit_log_with_the_end_of_its_job(bucket: Bucket) -> None:
    bucket.describe(checksum="cd" * 32, space="books")
    ended, _ = run_to_the_end(bucket, a_job(bucket), chunks=10_000)
    assert isinstance(ended, Done)
    event = ended.event
    assert event is not None
    assert (event.action, event.actor, event.object) == ("document.quarantined", "system", f"file/{FILE_ID}")
    assert (event.outcome, event.reason) == ("success", "checksum_mismatch")
    assert event.before == {"checksum": "cd" * 32}
    assert event.after is not None
    assert (event.after["sha256"], event.after["space"]) == (hashlib.sha256(BODY).hexdigest(), "books")


def test_what_is_proven_is_no_matter_of_the_audit_log(bucket: Bucket) -> None:
    ended = run(bucket, a_job(bucket))
    assert isinstance(ended, Done)
    assert ended.event is None


def test_whoever_follows_one_that_was_stopped_after_the_quarantine_tells_of_it(bucket: Bucket) -> None:
    bucket.describe(checksum="cd" * 32)
    found = run(bucket, a_job(bucket))
    assert isinstance(found, Continue)
    assert bucket.writes == 0, "the finding is saved first"
    job = msgspec.structs.replace(a_job(bucket), progress=msgspec.json.decode(msgspec.json.encode(found.progress)))
    stopped = run(bucket, job)
    followed = run(bucket, job)
    assert isinstance(stopped, Done)
    assert followed == stopped
    assert (bucket.writes, bucket.read_bytes) == (1, len(BODY))


def test_a_quarantine_of_somebody_else_s_is_not_told_as_this_job_s(bucket: Bucket) -> None:
    bucket.describe(checksum="cd" * 32)
    found = run(bucket, a_job(bucket))
    assert isinstance(found, Continue)
    bucket.describe(quarantine=Quarantine(reason="checksum_mismatch", at=NOW - timedelta(hours=1)))
    ended = run(bucket, msgspec.structs.replace(a_job(bucket), progress=found.progress))
    assert ended == Done({"outcome": "settled"})


INFECTED = {
    "quarantine": Quarantine(reason="infected", at=NOW - timedelta(hours=1)),
    "scan": Scan(status="infected", at=NOW - timedelta(hours=1), signature="EICAR"),
}


def test_what_a_scanner_found_meanwhile_does_not_keep_the_checksum_from_being_proven(bucket: Bucket) -> None:
    """Once it is released nothing would ask for it again: there is one job for the same bytes."""
    bucket.describe(**INFECTED)
    ended = run(bucket, a_job(bucket))
    assert isinstance(ended, Done)
    assert ended.result["outcome"] == "proven"
    assert bucket.described.checksum_verified is None
    assert bucket.described.quarantine == INFECTED["quarantine"]


def test_what_is_infected_and_not_what_was_declared_is_kept_from_everybody_and_cannot_be_released(
    bucket: Bucket,
) -> None:
    bucket.describe(checksum="cd" * 32)
    found = run(bucket, a_job(bucket))
    assert isinstance(found, Continue)
    bucket.describe(checksum="cd" * 32, **INFECTED)
    ended = run(bucket, msgspec.structs.replace(a_job(bucket), progress=found.progress))
    assert isinstance(ended, Done)
    assert ended.event is not None
    assert bucket.described.quarantine == Quarantine(reason="checksum_mismatch", at=NOW)
    assert bucket.described.is_withheld


def test_nothing_is_put_in_quarantine_on_the_word_of_a_saved_state(bucket: Bucket) -> None:
    first = run(bucket, a_job(bucket), chunks=4)
    assert isinstance(first, Continue)
    other = a_job(bucket)
    wrong = run(self_of(bucket, b"x" * len(BODY)), other, chunks=4)
    assert isinstance(wrong, Continue)
    damaged = msgspec.structs.replace(other, progress=wrong.progress)
    ended, _ = run_to_the_end(bucket, damaged, chunks=10_000)
    assert isinstance(ended, Done)
    assert ended.result["outcome"] == "proven"


def self_of(bucket: Bucket, body: bytes) -> Bucket:
    other = Bucket()
    other.body, other.attributes = body, bucket.attributes
    return other


def test_two_readings_that_disagree_with_what_was_declared_are_believed(bucket: Bucket) -> None:
    bucket.describe(checksum="cd" * 32)
    ended, _ = run_to_the_end(bucket, a_job(bucket), chunks=4)
    assert isinstance(ended, Done)
    assert ended.result["outcome"] == "checksum_mismatch"
    assert bucket.read_bytes == 2 * len(BODY)
    assert bucket.writes == 1


def test_a_step_that_is_run_twice_settles_once(bucket: Bucket) -> None:
    run(bucket, a_job(bucket))
    again = run(bucket, a_job(bucket))
    assert isinstance(again, Done)
    assert again.result == {"outcome": "settled"}
    assert bucket.writes == 1
    assert bucket.read_bytes == len(BODY)


def test_an_attr_json_that_is_changed_meanwhile_keeps_the_change(bucket: Bucket) -> None:
    def edit() -> None:
        bucket.before_replace = lambda: None
        bucket.describe(description="changed", revision=5)

    bucket.before_replace = edit
    ended, steps = run_to_the_end(bucket, a_job(bucket), chunks=10_000)
    assert isinstance(ended, Done)
    assert steps == 2
    assert bucket.read_bytes == len(BODY), "what was read stays read"
    described = bucket.described
    assert (described.description, described.revision, described.checksum_verified) == ("changed", 6, None)


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"attributes": None}, "gone"),
        ({"attributes": b"{"}, "invalid_attributes"),
        ({"etag": '"others"'}, "replaced"),
        ({"body": None}, "replaced"),
    ],
)
def test_what_is_not_there_any_more_is_nobodys_to_prove(
    bucket: Bucket, change: dict[str, Any], outcome: str
) -> None:
    job = a_job(bucket)
    vars(bucket).update(change)
    ended = run(bucket, job)
    assert isinstance(ended, Done)
    assert ended.result == {"outcome": outcome}
    assert bucket.writes == 0


def test_another_document_at_the_place_is_left_alone(bucket: Bucket) -> None:
    bucket.describe(file_id=UUID(int=8))
    ended = run(bucket, a_job(bucket))
    assert isinstance(ended, Done)
    assert ended.result == {"outcome": "replaced"}


def test_a_document_on_its_way_elsewhere_and_archived_bytes_are_waited_for(bucket: Bucket) -> None:
    bucket.archived = True
    assert isinstance(run(bucket, a_job(bucket)), Wait)
    bucket.archived = False
    bucket.describe(finalization=UUID(int=3))
    assert isinstance(run(bucket, a_job(bucket)), Wait)
    assert bucket.writes == 0


def test_what_a_finalization_has_left_is_looked_at_ever_less_often(bucket: Bucket) -> None:
    """Under a legal hold it lies there for years."""
    bucket.describe(finalization=UUID(int=3))
    job, waits = a_job(bucket), []
    for _ in range(12):
        step = run(bucket, job)
        assert isinstance(step, Wait)
        waits.append(step.until - NOW)
        job = msgspec.structs.replace(job, progress=step.progress)
    assert waits[:3] == [timedelta(minutes=5), timedelta(minutes=10), timedelta(minutes=20)]
    assert waits[-1] == timedelta(days=1)


def test_a_proof_that_storage_does_not_let_be_written_is_kept_and_written_later(bucket: Bucket) -> None:
    """The document's element is being closed."""
    bucket.before_replace = refuse
    job = a_job(bucket)
    for _ in range(3):
        step = run(bucket, job)
        assert isinstance(step, Wait)
        progress = msgspec.json.decode(msgspec.json.encode(step.progress))
        job = msgspec.structs.replace(job, progress=progress)
    bucket.before_replace = lambda: None
    ended = run(bucket, job)
    assert isinstance(ended, Done)
    assert ended.result["outcome"] == "proven"
    assert bucket.read_bytes == len(BODY), "what was read stays read"
    assert bucket.described.checksum_verified is None


@pytest.mark.parametrize("checksum", [hashlib.sha256(BODY).hexdigest(), "cd" * 32])
def test_what_can_never_be_written_is_told_by_the_job(bucket: Bucket, checksum: str) -> None:
    bucket.describe(checksum=checksum)
    bucket.before_replace = refuse
    job, step = a_job(bucket), run(bucket, a_job(bucket))
    for _ in range(MOST_REFUSED + 5):
        if not isinstance(step, Wait | Continue):
            break
        job = msgspec.structs.replace(job, progress=step.progress)
        step = run(bucket, job)
    assert isinstance(step, Fail)
    assert (step.code, step.dead) == ("attributes_refused", True)
    assert step.result is not None
    assert step.result["sha256"] == hashlib.sha256(BODY).hexdigest()
    assert (step.result["outcome"] == "proven") is (checksum == step.result["sha256"])


def refuse() -> None:
    raise Misconfigured("storage refused: AccessDenied")
