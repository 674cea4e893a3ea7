"""Shows the functions' log lines, as CloudWatch Logs has them, and the end of the emulator's own log."""

from __future__ import annotations

import collections
import datetime
import re
import sys
import time
from typing import Any

from botocore.exceptions import BotoCoreError

from infra.console import Console
from infra.errors import CommandError
from infra.local import emulators
from infra.local.answering import running_stack
from infra.local.settings import Settings
from infra.local.state import LocalDirectory, StackFile


def logs(settings: Settings, console: Console, lines: int, follow: bool) -> None:
    """Print the last `lines` of each log; with `follow`, go on with the functions' lines until interrupted.

    Raises CommandError when the stack does not run, or stops meanwhile.
    """
    directory = LocalDirectory(settings.directory)
    emulator = emulators.emulator_of(directory, settings)
    if (log := emulator.log()) is not None:
        console.say(f"{emulator.name}, {log}:")
        with log.open(encoding="utf-8", errors="replace") as file:
            for line in collections.deque(file, lines):
                console.say(line.rstrip())
    stack = running_stack(directory)
    client = emulators.account_of(stack).client("logs")
    console.say("The functions:")
    shown: set[tuple[int, str, str]] = set()
    newest, wanted = 0, lines
    while True:
        try:
            fresh = [event for event in _events(client, stack, newest) if event not in shown]
        except BotoCoreError as error:
            raise CommandError(f"The stack does not answer any more: {error}") from error
        for at, name, message in fresh[-wanted:]:
            console.say(f"{datetime.datetime.fromtimestamp(at / 1000, datetime.UTC):%H:%M:%S} {name}: {message}")
        if not follow:
            return
        shown.update(fresh)
        newest, wanted = max([newest, *(at for at, _, _ in fresh)]), sys.maxsize
        time.sleep(1)


def _events(client: Any, stack: StackFile, since: int) -> list[tuple[int, str, str]]:
    """Time (milliseconds of the epoch), function and line of what was logged from `since` on, in that order."""
    found = []
    for name, function in stack.functions.items():
        for group in log_groups_of(client, function):
            pages = client.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since)
            found += [
                (event["timestamp"], name, event["message"].rstrip()) for page in pages for event in page["events"]
            ]
    return sorted(found, key=lambda event: event[0])


def log_groups_of(client: Any, function: str) -> list[str]:
    """The groups with a function's lines: the stack's, those of stacks before it, one that an emulator made."""
    beginning = f"/aws/lambda/{function}"
    pages = client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=beginning)
    names = [group["logGroupName"] for page in pages for group in page["logGroups"]]
    return [name for name in names if re.fullmatch(rf"{beginning}(-[0-9a-f]{{8}})?", name)]
