"""Tells whether a stack answers, before a command relies on it."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from infra.errors import CommandError
from infra.local import state
from infra.local.state import LocalDirectory, StackFile


def running_stack(directory: LocalDirectory) -> StackFile:
    """The stack of `directory`, whose emulator was seen to answer. Raises CommandError when there is none."""
    stack = state.read_stack(directory)
    if stack is None:
        raise CommandError("No stack runs here: `make up` starts one.")
    if not takes_connections(stack.aws_endpoint):
        raise CommandError(f"The stack of {directory.root} does not run: `make up` starts it.")
    return stack


def takes_connections(endpoint: str) -> bool:
    """Whether anything listens at the URL `endpoint`, as far as two seconds tell."""
    url = urlsplit(endpoint)
    try:
        socket.create_connection(
            (url.hostname or "", url.port or {"http": 80, "https": 443}[url.scheme]), timeout=2
        ).close()
    except OSError:
        return False
    return True
