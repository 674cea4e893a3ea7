"""The command line: python -m infra.local up | down | status | env | logs | clean | demo | serve."""

from __future__ import annotations

import argparse
import signal
import sys

from infra.console import Console
from infra.errors import CommandError
from infra.local.settings import Settings


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Returns the exit status: 0, 1 when it failed, 130 for Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m infra.local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start and deploy the stack, or bring it up to date")
    commands.add_parser("down", help="stop the stack and keep its data")
    commands.add_parser("status", help="say what runs")
    commands.add_parser("env", help="print what points every AWS tool of a shell at the stack")
    shown = commands.add_parser("logs", help="show the functions' and the emulator's logs")
    shown.add_argument("--lines", type=int, default=40)
    shown.add_argument("--follow", action="store_true")
    commands.add_parser("clean", help="stop the stack and delete all its data")
    commands.add_parser("demo", help="carry one document through the stack and show each step")
    served = commands.add_parser("serve", help="serve every HTTP route from the working tree (chalice local)")
    served.add_argument("--port", type=_port, default=8000)
    given = parser.parse_args(arguments)
    console = Console()
    # A polite request to end is what Ctrl-C is: the demonstration then stops the stack.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _run(given, Settings.from_environment(), console)
    except (CommandError, ValueError, OSError) as error:
        console.warn(str(error))
        return 1
    except KeyboardInterrupt:
        return 130


def _port(text: str) -> int:
    """A TCP port. Raises ArgumentTypeError."""
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is no TCP port")
    return int(text)


def _run(given: argparse.Namespace, settings: Settings, console: Console) -> int:
    """Import what the command needs, no more: `status` and `down` are quick."""
    if given.command == "up":
        from infra.local.commands.up import up

        console.say(f"ArtStore in {settings.directory}")
        stack = up(settings, console)
        console.say(f"  up in {console.total():.1f} s: {stack.api_url}")
    elif given.command == "down":
        from infra.local.commands.down import down

        down(settings, console)
    elif given.command == "status":
        from infra.local.commands.status import status

        status(settings, console)
    elif given.command == "env":
        from infra.local.commands.shell import env

        env(settings, console)
    elif given.command == "logs":
        from infra.local.commands.logs import logs

        logs(settings, console, given.lines, given.follow)
    elif given.command == "clean":
        from infra.local.commands.down import clean

        clean(settings, console)
    elif given.command == "serve":
        from infra.local.commands.serve import serve

        serve(settings, console, given.port)
    else:
        from infra.local.commands.demo import demo

        demo(settings, console)
    return 0


if __name__ == "__main__":
    sys.exit(main())
