"""One botocore session for the process.

What a session has loaded, endpoints and service descriptions, it keeps: the first client costs some 60 ms to make,
each further one of the same session 4 ms. Making a client is not thread-safe (boto3's guide, "Multithreading"), so
whoever makes one holds the lock.

Calls of its clients keep to ``artstore.deadline``: no try starts after it, none waits for bytes beyond it, and
none follows when the pause before it could outlast it. A client's own connect timeout is not shortened, so a call
can be late by that.
"""

from __future__ import annotations

import functools
import threading
from typing import Any

import botocore.session
from botocore.config import Config

from artstore import deadline

making_clients = threading.RLock()


@functools.cache
def session() -> botocore.session.Session:
    """Give the session."""
    made = botocore.session.get_session()
    made.register("before-send", _keep_to_deadline)
    made.get_component("event_emitter").register_first("needs-retry", _give_up)
    return made


def create_client(service: str, config: Config) -> Any:
    """Make a client of ``service``; region, credentials and endpoint come from the environment."""
    with making_clients:
        return session().create_client(service, config=config)


def _keep_to_deadline(**event: Any) -> None:
    """Called before each try, the first included."""
    deadline.check()
    context: dict[str, Any] = event["request"].context
    own_limit: float = context["client_config"].read_timeout
    context["read_timeout"] = min(own_limit, deadline.remaining())


def _give_up(
    *, attempts: int, response: Any = None, caught_exception: Exception | None = None, **_: object
) -> None:
    """Called after each try. botocore's "standard" mode pauses up to 1 s after the first, 2 s after the second."""
    failed = caught_exception is not None or (response is not None and response[0].status_code >= 500)
    if failed and deadline.remaining() <= 2 ** (attempts - 1):
        raise deadline.DeadlineExceeded("a service did not answer in time") from caught_exception
