"""The same messages in any order, any number of times, from any kind of storage: the index ends the same."""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.storage_events import app, dependencies
from functions.storage_events.events import StorageEvent
from functions.storage_events.gathering import GatheringIndex
from tests.fakes.memory_queue import MemoryQueue
from tests.support.ingesting.messages import SOURCES, aws, event_bridge, filer
from tests.support.ingesting.truth import Act, Truth, acts
from tests.support.ingesting.world import World, showing
from tests.support.runs.examples import examples

BATCH = 10
LANES = ThreadPoolExecutor(BATCH)
"""The messages of a batch are handled side by side, and what they write is written together."""
_DONE = st.lists(acts.filter(lambda act: not act[0].startswith("deliver")), min_size=1, max_size=12)
_PROPERTY = settings(
    max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Context:
    """As much of a Lambda context as the handler looks at."""

    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


class Deliveries:
    """A world whose events reach the handler in batches, told as ``source`` tells each, mixed and repeated."""

    def __init__(
        self, world: World, patched: pytest.MonkeyPatch, chance: random.Random, sources: Sequence[Any] = SOURCES
    ) -> None:
        self.world = world
        self.chance = chance
        self.sources = sources
        self.told: list[str] = []
        index = GatheringIndex(world.index)
        ingest = world._build(index)
        patched.setattr(dependencies, "settings", lambda: SimpleNamespace(log_level="CRITICAL", prefix="unit"))
        patched.setattr(dependencies, "ingest", lambda: ingest)
        self.queue = MemoryQueue()
        patched.setattr(dependencies, "event_queue", lambda: self.queue)
        patched.setattr(dependencies, "index", lambda: index)
        patched.setattr(dependencies, "threads", lambda: LANES)

    def deliver(self, bodies: list[str], most: int) -> None:
        """Deliver each message up to ``most`` times, in any order."""
        sent = [body for body in bodies for _ in range(self.chance.randint(1, most))]
        self.chance.shuffle(sent)
        for start in range(0, len(sent), BATCH):
            records = [
                {"messageId": f"m{number}", "body": body, "eventSource": "aws:sqs", "attributes": {}}
                for number, body in enumerate(sent[start : start + BATCH])
            ]
            assert app.handler({"Records": records}, Context()) == {"batchItemFailures": []}
            assert self.queue == MemoryQueue(), "each was handled"

    def drain(self, most: int = 3) -> None:
        """Deliver what was done, and what follows from that, until nothing follows."""
        for _ in range(50):
            waiting: list[StorageEvent] = list(self.world.buckets.events)
            if not waiting:
                return
            self.world.buckets.events.clear()
            bodies = [self.chance.choice(self.sources)(event) for event in waiting]
            self.told += bodies
            self.deliver(bodies, most)
        raise AssertionError("events follow from events without end")


def done(knows_sha256: bool, tools: list[Act]) -> World:
    state = Truth()
    state.begin(knows_sha256=knows_sha256)
    for act in tools:
        state.do(act)
    return state.world


@_PROPERTY
@given(st.booleans(), _DONE, st.randoms(use_true_random=False))
def test_shuffled_and_repeated_the_messages_of_every_storage_end_in_the_same_index(
    monkeypatch: pytest.MonkeyPatch, knows_sha256: bool, tools: list[Act], chance: random.Random
) -> None:
    world = done(knows_sha256, tools)
    deliveries = Deliveries(world, monkeypatch, chance)
    deliveries.drain()
    world.check()


@_PROPERTY
@given(st.booleans(), _DONE, st.randoms(use_true_random=False))
def test_all_that_was_ever_told_told_again_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, knows_sha256: bool, tools: list[Act], chance: random.Random
) -> None:
    """Of S3's messages: a filer tells no time, EventBridge whole seconds, and there doubt makes an object new."""
    world = done(knows_sha256, tools)
    deliveries = Deliveries(world, monkeypatch, chance, (aws,))
    deliveries.drain()
    before = showing(world.index)
    deliveries.deliver(deliveries.told, 2)
    assert showing(world.index) == before
    assert world.buckets.events == []


def test_a_removal_that_comes_before_the_creation_it_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    for source in SOURCES:
        world = done(True, [("put", (0, b"monday")), ("delete_object", (0,))])
        created, removed = world.buckets.events
        deliveries = Deliveries(world, monkeypatch, random.Random(1), (source,))
        deliveries.deliver([source(removed)], 1)
        deliveries.deliver([source(created)], 2)
        world.buckets.events.clear()
        deliveries.drain()
        assert showing(world.index) == [], source


def test_what_is_written_within_the_second_of_a_deletion_is_new_though_its_time_is_told_in_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = done(True, [("put", (0, b"monday")), ("wait", (0,))])
    deliveries = Deliveries(world, monkeypatch, random.Random(1), (aws,))
    deliveries.drain()
    world.wait(400)
    world.remove("edit", "a.txt.attr.json")
    deliveries.drain()
    world.wait(100)
    world.buckets.put("edit", "a.txt", b"friday")
    deliveries.sources = (event_bridge,)
    deliveries.drain()
    world.check()
    assert len(showing(world.index)) == 1


def test_messages_without_a_time_keep_a_deleted_document_away(monkeypatch: pytest.MonkeyPatch) -> None:
    world = done(True, [("put", (0, b"monday"))])
    deliveries = Deliveries(world, monkeypatch, random.Random(1), (filer,))
    deliveries.drain()
    world.remove("edit", "a.txt.attr.json")
    deliveries.drain()
    deliveries.deliver(deliveries.told, 3)
    assert showing(world.index) == []
    assert world.buckets.events == []


@pytest.mark.parametrize("calls", range(12))
def test_a_wrong_object_put_over_an_upload_while_it_is_described_is_what_its_attributes_tell(calls: int) -> None:
    """The overwriting event finds the upload open, refuses the bytes and leaves no row: who is writing the
    attr.json learns of it by the record, and looks again."""
    state = Truth()
    state.begin(knows_sha256=False)
    state.act(act=("upload", ("edit", 1, b"monday", 0)))
    state.deliver_overtaken(acts=[("put", (b"friday",))], calls=calls, number=0)
    state.teardown()
