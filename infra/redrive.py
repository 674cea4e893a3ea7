"""Shows the events of a deployment that were given up, or sends them back, without its API.

    python -m infra.redrive [--prefix artstore] [--list] [--max N]

Works with the caller's own AWS credentials, on the queues ``{prefix}-events`` and ``{prefix}-events-dlq``; which
rights are needed stands in artstore.aws.dead_letters, and sqs:GetQueueUrl. Mend the cause first: what fails again
comes back. Exits 1 when SQS does not answer or refuses.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from artstore.aws.dead_letters import DeadLetters, reaching_queue, sqs_client
from artstore.errors import Unavailable

_SHOWN = 100
_LONGEST_BODY = 200


def open_dead_letters(prefix: str, client: Callable[[], Any] = sqs_client) -> DeadLetters:
    """Find the queues of the deployment ``prefix``. Raises Unavailable."""
    with reaching_queue():
        events, dead = (
            client().get_queue_url(QueueName=name)["QueueUrl"]
            for name in (f"{prefix}-events", f"{prefix}-events-dlq")
        )
    return DeadLetters(dead, events, client)


def main(arguments: list[str] | None = None, client: Callable[[], Any] = sqs_client) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m infra.redrive", description=__doc__.split("\n\n")[0])
    parser.add_argument("--prefix", default="artstore", help="what the names of the deployment begin with")
    parser.add_argument("--list", action="store_true", help=f"show up to {_SHOWN} of them, and leave them there")
    parser.add_argument("--max", type=int, default=None, help="send back so many at most")
    options = parser.parse_args(arguments)
    try:
        letters = open_dead_letters(options.prefix, client)
        if options.list:
            for each in letters.peek(_SHOWN):
                print(f"{each.first_seen}  {each.reason}  attempts {each.attempts}  {each.body[:_LONGEST_BODY]}")
            print(f"about {letters.count()} in all")
        else:
            came = letters.redrive(most=options.max, until=datetime.now(UTC))
            print(f"sent back {came.sent}")
    except Unavailable as error:
        print(f"{error.detail}: {error.__cause__}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
