"""What goes wrong: events come three times, in any order, or never; processes die; the database is away."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.local import postgres, processes
from infra.local.postgres.home import PostgresHome
from infra.local.state import LocalDirectory
from tests.e2e.operator import Operator

COPIES = 3
LOST = 0.1
"""How many of the events nobody delivers."""
LATEST_SECONDS = 8
_ATTRIBUTES = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
_DELAYED = "ApproximateNumberOfMessagesDelayed"


@dataclass
class Deliveries:
    """Takes what the buckets tell, and brings it to the queue of events ``COPIES`` times, out of order, or not."""

    operator: Operator
    seed: int = 1
    lost: int = 0
    delivered: int = 0
    _queue: str = ""
    _before: dict[str, Any] = field(default_factory=dict)
    _waiting: list[tuple[float, str]] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self) -> None:
        """Have the buckets tell a queue of our own, and deliver from there."""
        sqs, buckets = self.operator.sqs, (self.operator.edit_bucket, self.operator.rw_bucket)
        self._queue = sqs.create_queue(QueueName=f"{self.operator.prefix}-chaos")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        allowed = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        sqs.set_queue_attributes(QueueUrl=self._queue, Attributes={"Policy": policy})
        for bucket in buckets:
            before = self.operator.s3.get_bucket_notification_configuration(Bucket=bucket)
            before.pop("ResponseMetadata", None)
            self._before[bucket] = before
            told = {
                "QueueConfigurations": [
                    {"QueueArn": arn, "Events": each["Events"]} for each in before["QueueConfigurations"]
                ]
            }
            self.operator.s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=told)
        self._threads = [threading.Thread(target=self._take), threading.Thread(target=self._deliver)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Have the buckets tell the queue of events again."""
        if self._ended.is_set():
            return
        self._ended.set()
        for thread in self._threads:
            thread.join()
        for bucket, before in self._before.items():
            self.operator.s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=before)

    def are_over(self) -> bool:
        """Tell whether nothing waits to be delivered, nor to be worked at."""
        with self._lock:
            waiting = len(self._waiting)
        return not waiting and not _depth(self.operator, self._queue) and not depth(self.operator)

    def _take(self) -> None:
        chance = random.Random(self.seed)
        while not self._ended.is_set():
            taken = self.operator.sqs.receive_message(
                QueueUrl=self._queue, MaxNumberOfMessages=10, WaitTimeSeconds=1
            ).get("Messages", ())
            for message in taken:
                with self._lock:
                    if chance.random() < LOST:
                        self.lost += 1
                    else:
                        now = time.monotonic()
                        self._waiting += [
                            (now + chance.uniform(0, LATEST_SECONDS), message["Body"]) for _ in range(COPIES)
                        ]
                self.operator.sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])

    def _deliver(self) -> None:
        while not self._ended.wait(0.1):
            with self._lock:
                now = time.monotonic()
                due = sorted(each for each in self._waiting if each[0] <= now)
                for start in range(0, len(due), 10):
                    part = due[start : start + 10]
                    entries = [{"Id": str(number), "MessageBody": body} for number, (_, body) in enumerate(part)]
                    self.operator.sqs.send_message_batch(QueueUrl=self.operator.events_queue_url, Entries=entries)
                self.delivered += len(due)
                self._waiting = [each for each in self._waiting if each[0] > now]


def depth(operator: Operator) -> int:
    """Count the messages in the queue of events: waiting, at work, and to come."""
    return _depth(operator, operator.events_queue_url)


def _depth(operator: Operator, queue: str) -> int:
    told = operator.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    return sum(int(told.get(name, 0)) for name in (*_ATTRIBUTES, _DELAYED))


@dataclass
class Killing:
    """Kills the process of one function after the other, whatever it does at the moment."""

    directory: LocalDirectory
    every_seconds: float = 2.5
    """Longer than a function takes to start."""
    killed: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def begin(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._kill)
        self._thread.start()

    def end(self) -> None:
        """Let them live."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _kill(self) -> None:
        chance = random.Random(2)
        emulator = processes.recorded(self.directory.emulator_record)
        assert emulator is not None
        while not self._ended.wait(self.every_seconds):
            workers = _workers(emulator.pid)
            if workers:
                os.kill(chance.choice(workers), signal.SIGKILL)
                self.killed += 1


def _workers(emulator: int) -> list[int]:
    """Give the processes in which the emulator runs functions."""
    lists = [each.read_text("ascii") for each in Path(f"/proc/{emulator}/task").glob("*/children")]
    children = [int(pid) for each in lists for pid in each.split()]
    return [pid for pid in children if "_worker" in processes.command_line(pid)]


@dataclass(frozen=True)
class Database:
    """A PostgreSQL that can be stopped, as at a power cut, and comes back at the same address."""

    home: PostgresHome
    url: str

    def stop(self) -> None:
        """Stop it without a checkpoint."""
        stopped = self.home.run(
            [self.home.program / "bin" / "pg_ctl", "stop", "-D", self.home.data, "-m", "immediate", "-w"]
        )
        assert stopped.code == 0, stopped.output

    def start(self) -> None:
        """Start it."""
        assert postgres.start(self.home).url == self.url
