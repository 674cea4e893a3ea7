"""A batch of messages, from the queue to its end: each is handled, comes again, or is given up with a reason.

The index is looked at first. While it is away nothing is worked at: the batch is held, for as long as the
invocation has time, and worked at the moment the index is back. What is left then is given back, however often.

Messages run side by side, those about one place after each other. One of which a function may have died is handled
when the others are done and deleted, and alone: whatever it does, it takes no neighbour with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import Executor, Future
from typing import Final, Protocol

import msgspec

from artstore import deadline
from artstore.deadline import DeadlineExceeded
from artstore.errors import Unavailable
from artstore.naming import document_key
from functions.storage_events.events import StorageEvent
from functions.storage_events.gathering import GatheringIndex
from functions.storage_events.messages import (
    GiveBack,
    GiveUp,
    Message,
    TryAgain,
    Verdict,
    index_is_away,
    judge,
    never_finished,
)

NEEDED_SECONDS: Final = 15.0
"""What one message may take; with less time left it is given back rather than cut off."""
RESERVED_SECONDS: Final = 3.0
"""What is left of the invocation's time, whatever a message waits for, to settle those that were not handled."""
_LOOK_SECONDS = 0.5
"""How often the index is looked at while it is away."""


class Queue(Protocol):
    """What settles messages; see functions.storage_events.event_queue."""

    def send_again(self, message: Message, *, attempts: int, delay_seconds: int, alone: bool) -> None: ...
    def give_up(self, message: Message, reason: str) -> None: ...
    def delete(self, message: Message) -> None: ...


class Handling(Protocol):
    """What is done with messages."""

    def read(self, message: Message) -> Sequence[StorageEvent]:
        """Read the events. Raises UnknownMessage."""
        ...

    def handle(self, message: Message, event: StorageEvent) -> None:
        """Do what follows from one of them. Raises whatever it is that keeps it from being done."""
        ...

    def settled(self, message: Message, verdict: Verdict, error: Exception | None) -> None:
        """Hear what becomes of a message that was not handled."""
        ...


class _Task(msgspec.Struct):
    message: Message
    events: Sequence[StorageEvent]
    error: Exception | None = None

    @property
    def places(self) -> set[tuple[str, str]]:
        return {(each.bucket, document_key(each.key)) for each in self.events}


class Delivery:
    """Delivers the batches of one process, one at a time."""

    def __init__(
        self,
        *,
        queue: Queue,
        handling: Handling,
        ping: Callable[[], None],
        index: GatheringIndex,
        threads: Executor,
        time_left: Callable[[], float],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take the ports; ``ping`` raises Unavailable while the index is away, ``time_left`` gives the seconds
        that the invocation has."""
        self._queue = queue
        self._handling = handling
        self._ping = ping
        self._index = index
        self._threads = threads
        self._time_left = time_left
        self._sleep = sleep
        self._unsettled: list[Message] = []

    def deliver(self, messages: Sequence[Message]) -> list[Message]:
        """Deliver a batch; give the messages that could not even be settled: SQS is to give them again."""
        suspects = [each for each in messages if each.is_suspect]
        fresh = [each for each in messages if not each.is_suspect]
        self._run(fresh)
        if suspects:
            self._run_alone(suspects, [each for each in fresh if each not in self._unsettled])
        return self._unsettled

    def _run(self, messages: Iterable[Message]) -> None:
        """Handle messages side by side, and settle those that could not be; once more those that met an outage."""
        waiting = self._read(messages)
        while waiting:
            if not self._index_comes_back():
                self._settle_all(waiting, index_is_away())
                return
            if self._time_left() < NEEDED_SECONDS:
                self._settle_all(waiting, GiveBack("too_little_time"))
                return
            self._side_by_side(waiting)
            waiting = [each for each in waiting if self._is_to_be_done_again(each)]

    def _read(self, messages: Iterable[Message]) -> list[_Task]:
        tasks = []
        for message in messages:
            try:
                tasks.append(_Task(message, self._handling.read(message)))
            except Exception as error:  # noqa: BLE001  # told below
                self._settle(message, self._judge(message, error), error)
        return [each for each in tasks if each.events]

    def _is_to_be_done_again(self, task: _Task) -> bool:
        """Settle what failed, unless it met an outage of the index, which may end while there is time."""
        error, task.error = task.error, None
        if error is None:
            return False
        verdict = self._judge(task.message, error)
        if verdict == index_is_away() and self._time_left() > NEEDED_SECONDS:
            return True
        self._settle(task.message, verdict, error)
        return False

    def _judge(self, message: Message, error: Exception) -> Verdict:
        # What waited for others ends a little before the time is up; what cannot be cut off was not even begun.
        out_of_time = isinstance(error, DeadlineExceeded) or self._time_left() < RESERVED_SECONDS + 1
        is_unavailable = isinstance(error, Unavailable)
        return judge(
            message, error, index_answers=not is_unavailable or self._index_answers(), out_of_time=out_of_time
        )

    def _run_alone(self, suspects: Sequence[Message], done: Collection[Message]) -> None:
        """Handle one suspect where nothing else can be lost: what is done is deleted, the others come again."""
        left: list[Message] = []
        for each in suspects:
            verdict = never_finished(each)
            if verdict is None:
                left.append(each)
            else:
                self._settle(each, verdict, None)
        if not left:
            return
        # A copy is counted anew: so of several that functions died of, the one nearest to its end goes on.
        first = max(left, key=lambda each: each.received)
        others = [each for each in left if each is not first]
        settled = [*done, *(each for each in suspects if each not in left and each not in self._unsettled)]
        try:
            for each in settled:
                self._queue.delete(each)
            for each in others:
                self._queue.send_again(each, attempts=each.attempts, delay_seconds=0, alone=True)
                self._queue.delete(each)
        except Unavailable:
            self._unsettled += left  # those sent already come twice
            return
        self._run([first])

    def _side_by_side(self, tasks: Sequence[_Task]) -> None:
        lanes = _lanes(tasks)
        ends_in = self._time_left() - RESERVED_SECONDS
        self._index.open_lanes(len(lanes))
        if len(lanes) == 1:
            self._run_lane(lanes[0], ends_in)
            return
        running: list[Future[None]] = [self._threads.submit(self._run_lane, lane, ends_in) for lane in lanes]
        for each in running:
            each.result()

    def _run_lane(self, tasks: Sequence[_Task], ends_in: float) -> None:
        with self._index.lane(), deadline.within(ends_in):
            for task in tasks:
                try:
                    for event in task.events:
                        self._handling.handle(task.message, event)
                except Exception as error:  # noqa: BLE001  # judged when all are over
                    task.error = error

    def _index_comes_back(self) -> bool:
        """Wait for the index while there is time to work at something afterwards."""
        while not self._index_answers():
            if self._time_left() < NEEDED_SECONDS + _LOOK_SECONDS:
                return False
            self._sleep(_LOOK_SECONDS)
        return True

    def _index_answers(self) -> bool:
        try:
            with deadline.within(min(3.0, self._time_left() - 1)):
                self._ping()
        except Unavailable:
            return False
        return True

    def _settle_all(self, tasks: Iterable[_Task], verdict: GiveBack) -> None:
        for each in tasks:
            self._settle(each.message, verdict, None)

    def _settle(self, message: Message, verdict: Verdict, error: Exception | None) -> None:
        try:
            match verdict:
                case GiveUp(reason):
                    self._queue.give_up(message, reason)
                case TryAgain(_, delay):
                    self._queue.send_again(
                        message, attempts=message.attempts + 1, delay_seconds=delay, alone=message.alone
                    )
                case GiveBack(_, delay, alone):
                    self._queue.send_again(
                        message, attempts=message.attempts, delay_seconds=delay, alone=alone or message.alone
                    )
        except Unavailable as unavailable:
            self._unsettled.append(message)
            error = error or unavailable
        self._handling.settled(message, verdict, error)


def _lanes(tasks: Sequence[_Task]) -> list[list[_Task]]:
    """Part messages so that those about one place are in one lane, in their order."""
    lanes: list[tuple[set[tuple[str, str]], list[_Task]]] = []
    for task in tasks:
        places, together = set(task.places), [task]
        for known in [each for each in lanes if each[0] & places]:
            lanes.remove(known)
            places |= known[0]
            together = [*known[1], *together]
        lanes.append((places, together))
    return [together for _, together in lanes]
