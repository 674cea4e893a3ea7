"""One botocore session for the process.

What a session has loaded, endpoints and service descriptions, it keeps: the first client costs some 60 ms to make,
each further one of the same session 4 ms. Making a client is not thread-safe (boto3's guide, "Multithreading"), so
whoever makes one holds the lock.
"""

from __future__ import annotations

import functools
import threading
from typing import Any

import botocore.session
from botocore.config import Config

making_clients = threading.RLock()


@functools.cache
def session() -> botocore.session.Session:
    """Give the session."""
    return botocore.session.get_session()


def create_client(service: str, config: Config) -> Any:
    """Make a client of ``service``; region, credentials and endpoint come from the environment."""
    with making_clients:
        return session().create_client(service, config=config)
