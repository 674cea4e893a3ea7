"""What becomes of each message of a batch, whatever goes wrong with it, with the index, or with the function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from artstore.deadline import DeadlineExceeded
from artstore.errors import Unavailable
from functions.storage_events.delivery import NEEDED_SECONDS, Delivery
from functions.storage_events.events import EventKind, StorageEvent, UnknownMessage
from functions.storage_events.gathering import GatheringIndex
from functions.storage_events.messages import BACK_OFF_SECONDS, MOST_RECEIVES, Message, Verdict, read_record
from tests.fakes.memory_index import MemoryIndex
from tests.fakes.memory_queue import Again, GivenUp, MemoryQueue

SOME_DAY = "2026-03-01T12:00:00Z"
INDEX_AWAY = Unavailable("the index does not answer", code="index_unavailable")


class FunctionDied(BaseException):
    """Lambda ended the process."""


@dataclass
class World:
    """One invocation: its time, the index, and what handling each key comes to."""

    queue: MemoryQueue = field(default_factory=MemoryQueue)
    seconds: float = 60.0
    away_for: float = 0.0
    """Seconds until the index answers."""
    errors: dict[str, list[BaseException]] = field(default_factory=dict)
    costs: dict[str, float] = field(default_factory=dict)
    handled: list[str] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)

    # Handling

    def read(self, message: Message) -> Sequence[StorageEvent]:
        if message.body == "junk":
            raise UnknownMessage("not JSON")
        return [event(key) for key in message.body.split()]

    def handle(self, _message: Message, event: StorageEvent) -> None:
        self.handled.append(event.key)
        self.pass_time(self.costs.get(event.key, 0.01))
        if waiting := self.errors.get(event.key):
            raise waiting.pop(0)

    def settled(self, _message: Message, verdict: Verdict, _error: Exception | None) -> None:
        self.verdicts.append(verdict)

    # The rest

    def pass_time(self, seconds: float) -> None:
        self.seconds -= seconds
        self.away_for = max(0.0, self.away_for - seconds)

    def ping(self) -> None:
        if self.away_for > 0:
            raise INDEX_AWAY

    def deliver(self, *messages: Message) -> list[str]:
        with ThreadPoolExecutor(1) as threads:
            delivery = Delivery(
                queue=self.queue,
                handling=self,
                ping=self.ping,
                index=GatheringIndex(MemoryIndex()),
                threads=threads,
                time_left=lambda: self.seconds,
                sleep=self.pass_time,
            )
            return [each.message_id for each in delivery.deliver(messages)]


@pytest.fixture
def world() -> World:
    return World()


def event(key: str) -> StorageEvent:
    return StorageEvent(kind=EventKind.CREATED, name="ObjectCreated:Put", bucket="edit", key=key, at=None)


def message(body: str, **said: Any) -> Message:
    return Message(
        message_id=f"id of {body}", receipt_handle="", body=body, first_seen="2026-03-01T12:00:00Z", **said
    )


def fresh(*bodies: str) -> Iterator[Message]:
    return (message(body) for body in bodies)


def test_a_message_that_is_handled_leaves_no_trace(world: World) -> None:
    assert world.deliver(*fresh("a", "b")) == []
    assert sorted(world.handled) == ["a", "b"]
    assert world.queue == MemoryQueue()


@pytest.mark.parametrize(("attempts", "delay"), list(enumerate(BACK_OFF_SECONDS)))
def test_a_message_that_fails_waits_longer_each_time(world: World, attempts: int, delay: int) -> None:
    world.errors["a"] = [RuntimeError("a bug")]
    world.deliver(message("a", attempts=attempts), *fresh("b"))
    assert world.queue.again == [Again("a", attempts + 1, delay, alone=False)]


def test_after_the_last_attempt_it_is_given_up_with_its_reason(world: World) -> None:
    world.errors["a"] = [Unavailable("storage does not answer", code="storage_unavailable")]
    world.deliver(message("a", attempts=len(BACK_OFF_SECONDS)))
    assert world.queue == MemoryQueue(given_up=[GivenUp("a", "storage_unavailable")])


def test_what_nobody_can_read_is_given_up_at_once(world: World) -> None:
    world.deliver(message("junk"))
    assert world.queue.given_up == [GivenUp("junk", "unknown_message")]


def test_while_the_index_is_away_nothing_is_worked_at_and_when_it_is_back_everything(world: World) -> None:
    world.away_for = 20
    world.deliver(*fresh("a", "b"))
    assert sorted(world.handled) == ["a", "b"]
    assert 39 < world.seconds < 40, "it was worked at the moment the index was back"
    assert world.queue == MemoryQueue()


@pytest.mark.parametrize("attempts", [0, len(BACK_OFF_SECONDS)])
def test_an_outage_that_outlasts_the_invocation_counts_against_no_message(world: World, attempts: int) -> None:
    world.away_for = 1000
    world.deliver(message("a", attempts=attempts))
    assert world.handled == []
    assert world.seconds > 3, "there was time left to say so"
    assert world.queue == MemoryQueue(again=[Again("a", attempts, 3, alone=False)])


def test_an_outage_in_the_middle_is_waited_for_and_what_it_met_is_done_again(world: World) -> None:
    def go_away() -> None:
        world.away_for = 5

    class GoesAway(Unavailable):
        def __init__(self) -> None:
            super().__init__("the index does not answer", code="index_unavailable")

    handle = world.handle

    def handling(_message: Message, event: StorageEvent) -> None:
        if event.key == "b" and "b" not in world.handled:
            world.handled.append("b")
            go_away()
            raise GoesAway
        handle(_message, event)

    world.handle = handling  # type: ignore[method-assign]
    world.deliver(*fresh("a", "b", "c"))
    assert sorted(world.handled) == ["a", "b", "b", "c"]
    assert world.queue == MemoryQueue()


def test_what_the_index_refuses_while_it_answers_counts(world: World) -> None:
    world.errors["a"] = [INDEX_AWAY] * 9
    world.deliver(*fresh("a"))
    assert world.handled == ["a"], "it is not tried in circles"
    assert world.queue.again == [Again("a", 1, BACK_OFF_SECONDS[0], alone=False)]


def test_with_too_little_time_left_messages_are_given_back_and_it_does_not_count(world: World) -> None:
    world.seconds = NEEDED_SECONDS - 1
    world.deliver(message("a", attempts=2))
    assert world.handled == []
    assert world.queue.again == [Again("a", 2, 0, alone=False)]


def test_what_was_cut_off_is_tried_alone_and_only_then_it_counts(world: World) -> None:
    world.costs["slow"] = 58
    world.errors["slow"] = [Unavailable("out of time"), Unavailable("out of time")]
    world.deliver(*fresh("quick", "slow"))
    assert world.queue.again == [Again("slow", 0, 0, alone=True)]
    world.seconds = 60
    world.deliver(message("slow", alone=True))
    assert world.queue.again[1:] == [Again("slow", 1, BACK_OFF_SECONDS[0], alone=True)]


def test_what_was_not_begun_for_lack_of_time_does_not_count_either(world: World) -> None:
    world.costs["first"] = 30
    world.errors["second"] = [DeadlineExceeded("the document would not be read in time")]
    world.deliver(*fresh("first", "second"))
    assert world.queue.again == [Again("second", 0, 0, alone=True)]


def test_events_about_one_place_are_handled_after_each_other(world: World) -> None:
    world.deliver(*fresh("a", "b", "a.attr.json", "b a c"))
    about_a = [key for key in world.handled if key.startswith("a")]
    assert about_a == ["a", "a.attr.json", "a"]


def test_a_suspect_is_handled_last_and_where_it_can_take_nobody_with_it(world: World) -> None:
    world.errors["killer"] = [FunctionDied()]
    suspects = [message(body, received=2) for body in ("killer", "innocent")]
    with pytest.raises(FunctionDied):
        world.deliver(*suspects, *fresh("a", "b"))
    assert sorted(world.handled) == ["a", "b", "killer"]
    gone = {"id of a", "id of b", "id of innocent"}
    assert set(world.queue.deleted) == gone, "the queue holds the killer and nothing else of this batch"
    assert world.queue.again == [Again("innocent", 0, 0, alone=True)]


def test_neighbours_of_a_killer_are_done_and_only_the_killer_is_given_up(world: World) -> None:
    """Play the queue: what a function that died had received is received again, once more each time."""
    queued = {f"m{number}": message(f"m{number}") for number in range(10)}
    given_up: list[GivenUp] = []
    for _ in range(200):
        if not queued:
            break
        batch = list(queued.values())[:10]
        world.queue = MemoryQueue()
        world.seconds = 60
        world.errors["m3"] = [FunctionDied()]
        try:
            world.deliver(*batch)
            gone = {each.message_id for each in batch}
        except FunctionDied:
            gone = set(world.queue.deleted)
        for each in batch:
            del queued[each.body]
            if each.message_id not in gone:
                queued[each.body] = message(each.body, received=each.received + 1, alone=each.alone)
        queued |= {each.body: message(each.body, alone=each.alone) for each in world.queue.again}
        given_up += world.queue.given_up
    assert queued == {}
    assert given_up == [GivenUp("m3", "never_finished")]
    assert {f"m{number}" for number in range(10)} <= set(world.handled)


def test_of_several_killers_the_one_that_killed_most_goes_on(world: World) -> None:
    world.errors["worse"] = [FunctionDied()]
    with pytest.raises(FunctionDied):
        world.deliver(message("bad", received=2), message("worse", received=MOST_RECEIVES - 1))
    assert world.handled == ["worse"]
    assert world.queue.again == [Again("bad", 0, 0, alone=True)], "its count begins again, the other's goes on"


def test_a_suspect_is_not_touched_when_its_neighbours_cannot_be_brought_to_safety(world: World) -> None:
    world.queue.failure = Unavailable("the queue does not answer")
    unsettled = world.deliver(message("killer", received=2), *fresh("a"))
    assert unsettled == ["id of killer"]
    assert world.handled == ["a"]


def test_what_no_function_ever_finished_is_given_up_before_the_queue_does_without_a_word(world: World) -> None:
    world.deliver(message("a", received=MOST_RECEIVES))
    assert world.handled == []
    assert world.queue.given_up == [GivenUp("a", "never_finished")]


def test_what_cannot_be_settled_is_left_to_the_queue(world: World) -> None:
    world.errors["b"] = [RuntimeError("a bug")]
    world.queue.failure = Unavailable("the queue does not answer")
    assert world.deliver(*fresh("a", "b")) == ["id of b"]


def test_a_record_says_what_was_told_of_its_message() -> None:
    record = {
        "messageId": "m1",
        "receiptHandle": "handle",
        "body": "{}",
        "attributes": {"ApproximateReceiveCount": "3", "SentTimestamp": "1772366400000"},
        "messageAttributes": {
            "attempts": {"stringValue": "2", "dataType": "Number"},
            "alone": {"stringValue": "true", "dataType": "String"},
        },
    }
    read = read_record(record)
    assert (read.received, read.attempts, read.alone) == (3, 2, True)
    assert read.first_seen == "2026-03-01T12:00:00.000Z"
    record["messageAttributes"] = {"first_seen": {"stringValue": "2026-02-01T00:00:00Z", "dataType": "String"}}
    assert read_record(record).first_seen == "2026-02-01T00:00:00Z", "a copy is as old as the first of them"
