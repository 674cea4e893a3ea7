"""Stops a local stack, and removes it when asked."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from pathlib import Path

import requests
from botocore.exceptions import BotoCoreError, ClientError

from infra.console import Console
from infra.deploy import await_idle_queue
from infra.local import emulators, postgres, state
from infra.local.emulators import Emulator
from infra.local.postgres import home as postgres_home
from infra.local.settings import Settings
from infra.local.state import LocalDirectory


def down(settings: Settings, console: Console, *, unless: Callable[[], bool] = lambda: False) -> None:
    """Stop the emulator and the embedded database, and keep their data. Nothing happens when nothing runs.

    `unless` is asked when no other command is at work: True leaves the stack as it is.
    """
    directory = LocalDirectory(settings.directory)
    if not directory.root.is_dir():
        console.say("  nothing runs")
        return
    with state.exclusive(directory.lock, functools.partial(console.say, "  another command is at work; waiting")):
        if unless():
            console.say("  somebody else asked for it meanwhile: it runs on")
            return
        _await_ingest(directory, emulators.emulator_of(directory, settings), console)
        _stop(directory, settings, console)


def clean(settings: Settings, console: Console) -> None:
    """Stop the stack and delete everything it has made, its documents included."""
    directory = LocalDirectory(settings.directory)
    if directory.root.is_dir():
        with state.exclusive(
            directory.lock, functools.partial(console.say, "  another command is at work; waiting")
        ):
            emulator = emulators.emulator_of(directory, settings)
            with console.step(emulator.name) as outcome:
                outcome.append(emulator.forget())
            with console.step("PostgreSQL") as outcome:
                home = postgres_home.home_of(directory.root)
                outcome.append("stopped, its data deleted" if postgres.stop(home) else "did not run")
                postgres.remove(home)
            _empty(directory.root, keep=directory.lock)
        shutil.rmtree(directory.root)
    console.say(f"  removed {directory.root}")


def _await_ingest(directory: LocalDirectory, emulator: Emulator, console: Console) -> None:
    """Let events be ingested that are on their way; cut short, they come again only after six minutes."""
    stack = state.read_stack(directory)
    if stack is None or not emulator.is_running() or not _answers(stack.aws_endpoint):
        return
    try:
        await_idle_queue(emulators.account_of(stack), stack.events_queue_url)
    except (BotoCoreError, ClientError) as error:
        console.warn(f"the queue of events cannot be asked whether it is empty: {error}")


def _answers(endpoint: str) -> bool:
    """Whether anything answers there soon: what hangs is stopped without being asked."""
    try:
        requests.get(endpoint, timeout=3)
    except requests.RequestException:
        return False
    return True


def _stop(directory: LocalDirectory, settings: Settings, console: Console) -> None:
    emulator = emulators.emulator_of(directory, settings)
    with console.step(emulator.name) as outcome:
        outcome.append(emulator.stop())
    with console.step("PostgreSQL") as outcome:
        outcome.append("stopped" if postgres.stop(postgres_home.home_of(directory.root)) else "did not run")


def _empty(root: Path, keep: Path) -> None:
    """Delete all below `root` but the lock, which another command may be waiting for."""
    for path in root.iterdir():
        if path == keep:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
