"""Asking the guard to have storage refuse what the registry says. Needs lambda:InvokeFunction on that function."""

from __future__ import annotations

import functools
from typing import Any

import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from artstore.aws import create_client
from artstore.deadline import DeadlineExceeded
from artstore.errors import Unavailable
from functions.maintenance.elements.mode_change import Guarded

_PAYLOAD = b'{"task": "guard-storage"}'
_TIMEOUTS = Config(connect_timeout=2, read_timeout=55, retries={"total_max_attempts": 1, "mode": "standard"})


@functools.cache
def _client() -> Any:
    return create_client("lambda", _TIMEOUTS)


class Guard:
    """The guard of one deployment."""

    def __init__(self, function_name: str) -> None:
        """Take the name of the function; no call is made yet."""
        self._function_name = function_name

    def __call__(self) -> Guarded:
        """Have it run, and give what it says. Raises Unavailable."""
        try:
            answer = _client().invoke(FunctionName=self._function_name, Payload=_PAYLOAD)
            body = answer["Payload"].read()
        except (BotoCoreError, ClientError, DeadlineExceeded, OSError) as error:
            raise Unavailable("the storage guard does not answer") from error
        if answer.get("FunctionError"):
            raise Unavailable("the storage guard failed")
        return msgspec.json.decode(body, type=Guarded)
