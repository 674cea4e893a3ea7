"""The local AWS that a stack runs on: a MiniStack of its own, or a LocalStack.

A stack's directory holds one stack on one emulator, chosen when it is first started and remembered from then on.
What differs between the two is behind `Emulator`; the rest of infra.local knows neither.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from infra.deploy import Account
from infra.errors import CommandError
from infra.local import state
from infra.local.emulators import gaps, ministack
from infra.local.settings import Settings
from infra.local.state import LocalDirectory, StackFile

MINISTACK = "ministack"
LOCALSTACK = "localstack"


@dataclass(frozen=True)
class Running:
    """An emulator that answers.

    `url` is the endpoint of every AWS service, as this machine reaches it. `said` tells the person at the terminal
    how it came to run; `warning` what was lost, if anything was. `forgot` is True when it holds no trace of the
    stack, whose index then describes documents that are gone. `doubtful` is True when what it holds was left by a
    crash: a deployment that fails on it is tried once more, on an empty one.
    """

    url: str
    said: str
    warning: str | None = None
    forgot: bool = False
    doubtful: bool = False


@dataclass(frozen=True)
class Database:
    """The index's PostgreSQL: its URL from this machine, and from inside a function."""

    url: str
    url_in_functions: str


class Emulator(Protocol):
    """What a stack asks of its emulator. Every method may be called again without harm."""

    @property
    def name(self) -> str:
        """As its makers write it."""

    @property
    def build_target(self) -> str:
        """The target of infra.build for the functions that run in it."""

    @property
    def may_bring_database(self) -> bool:
        """Whether `database` has to be asked once it is started."""

    def start(self) -> Running:
        """Start it, or find it running. Raises CommandError when neither succeeds."""

    def database(self) -> Database | None:
        """The database that came with it, once it is started; None when it brings none."""

    def account(self, running: Running) -> Account:
        """Its owner's rights."""

    def parameters(self, running: Running) -> dict[str, str]:
        """Template parameters that are different here from what they are on AWS."""

    def complete(self, account: Account, outputs: dict[str, str], template: Path) -> None:
        """Put in what its CloudFormation leaves out of the template, as far as it can be put in."""

    def restart_functions(self, account: Account, names: Iterable[str]) -> None:
        """Make functions that run read again what they read when they started. `save` may do it as well."""

    def save(self) -> str | None:
        """Make what it holds outlive a crash. Says what was done; None when there is nothing to do."""

    def trust(self) -> None:
        """Take note that the stack in it was seen to work."""

    def forget(self) -> str:
        """End it, if it is the stack's own, and delete what it holds of the stack. What belongs to others stays.

        Says what happened.
        """

    def stop(self) -> str:
        """Stop it, if it is the stack's own. Says what happened."""

    def is_running(self) -> bool:
        """Whether it answers now."""

    def log(self) -> Path | None:
        """Its log file, if it has one here."""


class MiniStack:
    """The emulator of a stack, seen through what infra.local asks of one."""

    name = "MiniStack"
    build_target = "local"
    may_bring_database = False

    def __init__(self, directory: LocalDirectory, settings: Settings) -> None:
        self._directory = directory
        self._settings = settings

    def start(self) -> Running:
        """Install it at the first time; start it with the state it had. Raises CommandError when it does not."""
        installed = ministack.install()
        emulator = ministack.start(self._directory, self._settings.port)
        said = f"{'started' if emulator.started else 'runs'} on {emulator.url}"
        return Running(
            emulator.url,
            f"installed, {said}" if installed else said,
            warning=(
                "the emulator was killed: what it knew since its last clean stop is lost, but its objects"
                if emulator.crashed
                else None
            ),
            doubtful=not emulator.fresh and not emulator.trusted,
        )

    def database(self) -> Database | None:
        """None: it brings no PostgreSQL."""
        return None

    def account(self, running: Running) -> Account:
        """The root user of its one account."""
        return Account(ministack.REGION, running.url, ministack.ROOT, ministack.ROOT)

    def parameters(self, running: Running) -> dict[str, str]:
        """It applies the policies that ask for TLS, which it does not have, or whether a write is conditional,
        which it does not tell them. `make clean` deletes tables."""
        return {
            "RequireTls": str(running.url.startswith("https:")).lower(),
            "CreateOnlyAttributes": "false",
            "DeletionProtection": "false",
        }

    def complete(self, account: Account, outputs: dict[str, str], template: Path) -> None:
        """Put the default retention on the rw bucket."""
        gaps.put_default_retention(account, outputs["RwBucket"], template)

    def restart_functions(self, account: Account, names: Iterable[str]) -> None:
        """Nothing: `save` restarts them all."""

    def save(self) -> str | None:
        """Write its state to the disk."""
        ministack.checkpoint(self._directory)
        return "the emulator's state is on the disk"

    def trust(self) -> None:
        """Call its state good."""
        ministack.trust(self._directory)

    def forget(self) -> str:
        """Kill it and delete all it knows."""
        return "ended, its data deleted" if ministack.forget(self._directory) else "did not run"

    def stop(self) -> str:
        """Stop it; its state is kept."""
        return ministack.stop(self._directory).value

    def is_running(self) -> bool:
        """Whether its process runs."""
        return ministack.is_running(self._directory)

    def log(self) -> Path | None:
        """What it prints."""
        return self._directory.emulator_log if self._directory.emulator_log.exists() else None


def choose(directory: LocalDirectory, settings: Settings) -> str:
    """The name of the emulator: the one that was decided before, else the one asked for, else MiniStack.

    Raises CommandError when another one is asked for than the stack in `directory` runs on.
    """
    decided = state.read_decisions(directory).emulator
    if decided is None and state.read_json(directory.decisions) is not None:
        decided = MINISTACK
    if decided is not None and settings.emulator not in (None, decided):
        raise CommandError(
            f"The stack in {directory.root} runs on {decided}, not on {settings.emulator}.\n"
            "`make clean` removes it, with its documents; or give ARTSTORE_LOCAL_DIR another directory."
        )
    return decided or settings.emulator or MINISTACK


def emulator_of(directory: LocalDirectory, settings: Settings) -> Emulator:
    """The emulator of the stack in `directory`, whether it runs or not. Raises as `choose` does."""
    if choose(directory, settings) == LOCALSTACK:
        from infra.local.emulators.localstack import LocalStack

        return LocalStack(directory, settings)
    return MiniStack(directory, settings)


def account_of(stack: StackFile) -> Account:
    """The account of a stack that was brought up, with its owner's rights."""
    return Account(stack.region, stack.aws_endpoint, stack.aws_access_key_id, stack.aws_secret_access_key)
