"""The files of one local stack: where they lie, and how they are written so that no crash halves them."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.errors import CommandError

PREFIX = "artstore"
"""What the names of a local stack's resources begin with, and the name of its CloudFormation stack."""


@dataclass(frozen=True)
class LocalDirectory:
    """The paths below one stack's directory."""

    root: Path

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def decisions(self) -> Path:
        return self.root / "decisions.json"

    @property
    def stack(self) -> Path:
        return self.root / "stack.json"

    @property
    def asked_for(self) -> Path:
        """Touched whenever somebody asks for the stack to run on."""
        return self.root / "asked_for"

    @property
    def emulator(self) -> Path:
        return self.root / "ministack"

    @property
    def localstack(self) -> Path:
        return self.root / "localstack.json"

    @property
    def emulator_log(self) -> Path:
        return self.root / "ministack.log"

    @property
    def emulator_record(self) -> Path:
        return self.root / "ministack.pid"

    @property
    def emulator_port(self) -> Path:
        return self.root / "ministack.port"


@dataclass(frozen=True)
class Decisions:
    """What was decided before anything was started, so that a repeated or repaired start decides the same.

    `emulator` is what the stack runs on. `postgres_home` is where the embedded server lives: inside the stack's
    directory, or, when root runs the stack, in a directory that the server's unprivileged user can reach.
    """

    emulator: str | None = None
    postgres_home: str | None = None
    client_id: str | None = None
    client_secret: str | None = None


@dataclass(frozen=True)
class StackFile:
    """stack.json: all that a client, a test or a benchmark needs to talk to the running stack.

    `emulator` says what answers there, for those who have to know what it cannot do.
    """

    emulator: str
    api_url: str
    s3_endpoint: str
    aws_endpoint: str
    region: str
    client_id: str
    client_secret: str
    database_url: str
    aws_access_key_id: str
    aws_secret_access_key: str
    prefix: str
    edit_bucket: str
    rw_bucket: str
    events_queue_url: str
    dead_letter_queue_url: str
    functions: dict[str, str] = field(default_factory=dict)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Replace `path` as a whole, readable by its owner only. The file is durable before it takes the name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in `path`, or None when there is no such file or it holds no JSON object."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return content if isinstance(content, dict) else None


def read_decisions(directory: LocalDirectory) -> Decisions:
    """The recorded decisions; fields of another version of this program are dropped."""
    known = {item.name for item in dataclasses.fields(Decisions)}
    return Decisions(**{k: v for k, v in (read_json(directory.decisions) or {}).items() if k in known})


def write_decisions(directory: LocalDirectory, decisions: Decisions) -> None:
    write_json(directory.decisions, dataclasses.asdict(decisions))


def read_stack(directory: LocalDirectory) -> StackFile | None:
    """stack.json, or None when there is none or it was written by another version of this program."""
    content = read_json(directory.stack)
    if content is None or content.keys() != {item.name for item in dataclasses.fields(StackFile)}:
        return None
    return StackFile(**content)


def write_stack(directory: LocalDirectory, stack: StackFile) -> bool:
    """Write stack.json unless it says the same already. Returns whether it was written."""
    content = dataclasses.asdict(stack)
    if read_json(directory.stack) == content:
        return False
    write_json(directory.stack, content)
    return True


@contextlib.contextmanager
def exclusive(
    lock: Path, waiting: Callable[[], None] = lambda: None, timeout_seconds: float = 900
) -> Iterator[int]:
    """Hold a lock file, so that two commands never start, stop, build or deploy the same thing at once.

    The kernel lets go of the lock when its holder dies, however it dies. `waiting` is called once when
    another command holds it. Gives the file's descriptor: a child that inherits it holds the lock as well.
    Raises CommandError when it is not free in time.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + timeout_seconds
    with lock.open("w", encoding="ascii") as file:
        told = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise CommandError(f"Another command holds {lock} for too long") from None
                if not told:
                    waiting()
                    told = True
                time.sleep(0.2)
        yield file.fileno()
