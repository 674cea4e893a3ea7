"""`chalice local`: every HTTP route in one process, from the working tree, on the running stack's data.

For trying a change to a handler without deploying it. The settings are those of the deployed functions; the
credentials are the stack owner's, so no function's role is tried here (the end-to-end tests do that).
"""

from __future__ import annotations

import os
import socket
import sys

from infra.console import Console
from infra.errors import CommandError
from infra.local.answering import running_stack
from infra.local.commands import shell
from infra.local.emulators import account_of
from infra.local.settings import REPOSITORY, Settings
from infra.local.state import LocalDirectory, StackFile

HOST = "127.0.0.1"


def environment(stack: StackFile) -> dict[str, str]:
    """The environment in which the functions' code finds the running stack."""
    functions = account_of(stack).client("lambda")
    variables: dict[str, str] = {}
    for name in ("auth", "upload", "documents", "query", "maintenance", "maintenance-worker", "storage-webhook"):
        answer = functions.get_function_configuration(FunctionName=stack.functions[name])
        variables |= answer["Environment"]["Variables"]
    return variables | shell.variables(stack) | {"ARTSTORE_DATABASE_URL": stack.database_url}


def serve(settings: Settings, console: Console, port: int) -> None:
    """Become `chalice local` on `port` of the loopback interface.

    Raises CommandError without a stack that runs, and when the port is not free.
    """
    stack = running_stack(LocalDirectory(settings.directory))
    _check_free(port)
    variables = environment(stack)
    command = [sys.executable, "-m", "infra.local.chalice_server", "local", "--stage", "local", "--no-autoreload"]
    console.say(f"every HTTP route on http://{HOST}:{port}, from the working tree; Ctrl-C ends it")
    sys.stdout.flush()
    os.chdir(REPOSITORY)
    os.execve(
        sys.executable,
        [*command, "--host", HOST, "--port", str(port)],
        {**os.environ, **variables, "ARTSTORE_PUBLIC_URL": f"http://{HOST}:{port}"},
    )


def _check_free(port: int) -> None:
    """Raise CommandError when something listens on `port` already, or this user may not."""
    with socket.socket() as probe:
        # As the server does: a port on which connections of an earlier one are still being closed is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise CommandError(
                f"Port {port} of {HOST} cannot be had ({error.strerror}): `make serve PORT=…` takes another."
            ) from None
