"""What one run of the tests starts once, however many workers it has: PostgreSQL, an emulator, a whole stack.

The first test that needs one starts it, under a lock, and writes down what the others have to know, in the
directory of the run. The process that began the run ends all of them, however the run ends: workers only use them.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any

from infra import migrate
from infra.errors import CommandError
from infra.local import postgres
from infra.local.emulators import ministack
from infra.local.postgres import home as postgres_home
from infra.local.settings import REPOSITORY
from infra.local.state import LocalDirectory, exclusive, read_json, write_json

STACK_PARAMETERS = "RevocationDelaySeconds=2"
"""Template parameters of the stack under test: waits that a deployment has longer, for reasons of its own."""

_REQUESTS_TO_END = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_START_SECONDS = 900


class NotStarted(Exception):
    """Something that tests share did not start; the first who needs it gets the whole reason."""


class Run:
    """One run of the tests, by the directory that its processes share."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @classmethod
    def begin(cls) -> Run:
        """Begin a run in this process, which must `end` it; a request to end the process becomes Ctrl-C."""
        for number in _REQUESTS_TO_END:
            signal.signal(number, _interrupt)
        return cls(Path(tempfile.mkdtemp(prefix="artstore-tests-")))

    def end(self) -> list[str]:
        """Stop what was started and delete the directory; give what went wrong."""
        with ThreadPoolExecutor(3) as pool:
            wrong = [each for each in pool.map(lambda stop: stop(), self._stops()) if each is not None]
        shutil.rmtree(self.directory, ignore_errors=True)
        return wrong

    def stack(self) -> dict[str, Any]:
        """Give what stack.json says of a whole stack. Raises NotStarted."""

        def start() -> dict[str, Any]:
            started = _local("up", self._stack)
            if started.returncode != 0:
                raise CommandError(f"The stack for the end-to-end tests did not start:\n{started.stdout}")
            return json.loads((self._stack / "stack.json").read_text("utf-8"))  # type: ignore[no-any-return]

        return dict(self._once("stack", start))

    @property
    def stack_directory(self) -> Path:
        """Where the whole stack lies, once there is one."""
        return self._stack

    def database_server(self) -> str:
        """Give the URL of a database with the index's schema, to be copied. Raises NotStarted."""

        def start() -> str:
            home = postgres_home.temporary_home()
            self._postgres_home.write_text(str(home.path), "utf-8")
            url = postgres.start_temporary(home)
            migrate.upgrade(url)
            return url

        return str(self._once("postgres", start))

    def emulator(self) -> str:
        """Give the URL of an empty MiniStack. Raises NotStarted."""

        def start() -> str:
            ministack.install()
            return ministack.start(LocalDirectory(self._emulator)).url

        return str(self._once("emulator", start))

    def alone(self, places: Sequence[int] = ()) -> list[int]:
        """Give the places of the tests that have the stack to themselves, as the first process said."""
        return list(self._once("alone", lambda: list(places)))

    @contextlib.contextmanager
    def using_the_stack(self, *, alone: bool) -> Iterator[None]:
        """Use the stack together with others, or `alone`: after those who use it, and before those who come."""
        with (self.directory / "turn").open("w") as turn, (self.directory / "stack.users").open("w") as users:
            fcntl.flock(turn, fcntl.LOCK_EX)
            fcntl.flock(users, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            fcntl.flock(turn, fcntl.LOCK_UN)
            yield

    @property
    def _stack(self) -> Path:
        return self.directory / "stack"

    @property
    def _emulator(self) -> Path:
        return self.directory / "emulator"

    @property
    def _postgres_home(self) -> Path:
        return self.directory / "postgres.home"

    def _once(self, name: str, start: Callable[[], Any]) -> Any:
        """Give what the first call for `name` in any process of the run gave."""
        record = self.directory / f"{name}.json"
        with exclusive(self.directory / f"{name}.lock", timeout_seconds=_START_SECONDS):
            known = read_json(record)
            if known is None:
                try:
                    known = {"is": start()}
                except (CommandError, OSError) as error:
                    write_json(record, {"failed": str(error).partition("\n")[0]})
                    raise NotStarted(str(error)) from error
                write_json(record, known)
        if "failed" in known:
            raise NotStarted(known["failed"])
        return known["is"]

    def _stops(self) -> list[Callable[[], str | None]]:
        return [self._remove_stack, self._remove_database_server, self._remove_emulator]

    def _remove_stack(self) -> str | None:
        if not self._stack.exists():
            return None
        removed = _local("clean", self._stack)
        return removed.stdout if removed.returncode != 0 else None

    def _remove_database_server(self) -> str | None:
        if self._postgres_home.exists():
            postgres.remove(postgres_home.home_at(Path(self._postgres_home.read_text("utf-8"))))
        return None

    def _remove_emulator(self) -> str | None:
        if self._emulator.exists():
            ministack.forget(LocalDirectory(self._emulator))
        return None


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Take the first request to end as Ctrl-C; no second one keeps the process from clearing up."""
    for number in _REQUESTS_TO_END:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _local(command: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Run a command of infra.local on a directory of its own, with no other ARTSTORE_ setting."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ARTSTORE_")}
    return subprocess.run(
        [sys.executable, "-m", "infra.local", command],
        cwd=REPOSITORY,
        env={
            **environment,
            "ARTSTORE_LOCAL_DIR": str(directory),
            "ARTSTORE_LOCAL_PARAMETERS": STACK_PARAMETERS,
            "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{REPOSITORY / 'layers/common/python'}",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        # Ctrl-C at the terminal must not end the clearing up.
        start_new_session=command == "clean",
    )
