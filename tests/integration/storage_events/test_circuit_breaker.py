"""An element whose storage fails is left out, and comes back when it answers again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from artstore.aws.element_table import ElementTable, open_registry
from artstore.elements import Mode, RetentionPolicy, StorageElement, StorageElements
from artstore.elements.health import FAILURES_TO_OPEN, FIRST_PAUSE_SECONDS
from artstore.elements.registry import ElementRegistry
from artstore.elements.watch import TOLD_EVERY_SECONDS, StorageWatch
from artstore.errors import Unavailable
from artstore.objects import ObjectStore
from functions.maintenance.elements.tending import ElementTending
from functions.storage_events.outcomes import Outcome
from tests.support.ingesting.archive import PREFIX, Archive

SEEDS = StorageElements(
    (
        StorageElement("edit-01", "edit", Mode.EDIT, prefix=PREFIX, priority=1),
        StorageElement("edit-02", "spare", Mode.EDIT, priority=2),
    )
)


class FailingStorage:
    """An S3 client whose calls fail while ``failure`` says so."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.failure: Exception | None = None

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            if self.failure is not None:
                raise self.failure
            return getattr(self._client, name)(**arguments)

        return call


class Clock:
    now = datetime(2026, 3, 1, tzinfo=UTC).timestamp()

    def __call__(self) -> float:
        return self.now


NO_ANSWER = EndpointConnectionError(endpoint_url="https://storage")
REFUSED = ClientError(
    {"Error": {"Code": "SlowDown"}, "ResponseMetadata": {"HTTPStatusCode": 503}},  # type: ignore[typeddict-item]
    "HeadObject",
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def storage(archive: Archive, s3: Any, clock: Clock) -> FailingStorage:
    """Storage of the archive that can fail, watched."""
    s3.create_bucket(Bucket="spare")
    failing = FailingStorage(s3)
    archive.ingest = archive.build(
        elements=process().current,
        objects=ObjectStore(failing),
        watch=StorageWatch(ElementTable("moto"), clock),
    )
    return failing


def process() -> ElementRegistry:
    """What another process knows of the elements when it starts."""
    return open_registry("moto", SEEDS)


def placed(now: float) -> str:
    return process().current().place(RetentionPolicy.TEMPORARY, now=now).element_id


def tend(storage: FailingStorage, clock: Clock) -> list[str]:
    tending = ElementTending(
        seeds=SEEDS,
        table=ElementTable("moto"),
        probe=lambda bucket: ObjectStore(storage if bucket == "edit" else storage._client).ping(bucket),
        usage=dict,
        take_up=lambda _element, _transition: False,
        clock=lambda: datetime.fromtimestamp(clock.now, UTC),
    )
    return tending.tend().failing


@pytest.mark.parametrize("failure", [NO_ANSWER, REFUSED])
def test_after_three_failures_new_documents_go_elsewhere_until_a_probe_succeeds(
    archive: Archive, storage: FailingStorage, clock: Clock, failure: Exception
) -> None:
    record = archive.uploaded()
    storage.failure = failure
    for _ in range(FAILURES_TO_OPEN):
        assert placed(clock.now) == "edit-01"
        with pytest.raises(Unavailable):
            archive.created(record.key)
        clock.now += TOLD_EVERY_SECONDS
    assert placed(clock.now) == "edit-02"

    assert tend(storage, clock) == ["edit-01"]
    clock.now += FIRST_PAUSE_SECONDS
    assert placed(clock.now) == "edit-02", "the failed probe made it longer"

    storage.failure = None
    assert tend(storage, clock) == []
    assert placed(clock.now) == "edit-01"
    assert archive.created(record.key).outcome is Outcome.STORED


def test_without_probes_it_comes_back_by_itself(archive: Archive, storage: FailingStorage, clock: Clock) -> None:
    record = archive.uploaded()
    storage.failure = NO_ANSWER
    for _ in range(FAILURES_TO_OPEN):
        with pytest.raises(Unavailable):
            archive.created(record.key)
        clock.now += TOLD_EVERY_SECONDS
    assert placed(clock.now) == "edit-02"
    assert placed(clock.now + FIRST_PAUSE_SECONDS) == "edit-01"


def test_a_success_in_between_counts_as_none_in_a_row(
    archive: Archive, storage: FailingStorage, clock: Clock
) -> None:
    record = archive.uploaded()
    for _ in range(FAILURES_TO_OPEN + 1):
        storage.failure = NO_ANSWER
        with pytest.raises(Unavailable):
            archive.created(record.key)
        clock.now += TOLD_EVERY_SECONDS
        storage.failure = None
        archive.ingest = archive.build(elements=process().current, watch=StorageWatch(ElementTable("moto"), clock))
        archive.created(record.key)
        archive.ingest = archive.build(
            elements=process().current,
            objects=ObjectStore(storage),
            watch=StorageWatch(ElementTable("moto"), clock),
        )
    assert placed(clock.now) == "edit-01"


def test_many_requests_that_fail_at_once_are_one_failure(
    archive: Archive, storage: FailingStorage, clock: Clock
) -> None:
    record = archive.uploaded()
    storage.failure = NO_ANSWER
    for _ in range(20):
        with pytest.raises(Unavailable):
            archive.created(record.key)
    assert ElementTable("moto").read().health["edit-01"].failures == 1
    assert placed(clock.now) == "edit-01"


def test_the_index_being_away_is_no_failure_of_storage(
    archive: Archive, storage: FailingStorage, clock: Clock
) -> None:
    record = archive.uploaded()

    class Away:
        def __getattr__(self, name: str) -> Any:
            raise Unavailable("the index does not answer")

    archive.ingest = archive.build(
        elements=process().current, index=Away(), watch=StorageWatch(ElementTable("moto"), clock)
    )
    for _ in range(FAILURES_TO_OPEN):
        with pytest.raises(Unavailable):
            archive.created(record.key)
        clock.now += TOLD_EVERY_SECONDS
    assert ElementTable("moto").read().health == {}
