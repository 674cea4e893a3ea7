"""The mapping that hands events to their function, paused and resumed.

Rights needed: lambda:GetEventSourceMapping and lambda:UpdateEventSourceMapping on that one.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from artstore.aws import create_client
from artstore.deadline import DeadlineExceeded
from artstore.errors import Unavailable

_TIMEOUTS = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 3, "mode": "standard"})


@functools.cache
def _client() -> Any:
    return create_client("lambda", _TIMEOUTS)


class EventsMapping:
    """The event source mapping of one deployment."""

    def __init__(self, mapping_id: str) -> None:
        """Take its UUID; no call is made yet."""
        self._mapping_id = mapping_id

    def is_enabled(self) -> bool:
        """Tell whether it is, or is about to be. Raises Unavailable."""
        with _reaching_lambda():
            state = _client().get_event_source_mapping(UUID=self._mapping_id)["State"]
        return state not in ("Disabled", "Disabling")

    def pause(self) -> None:
        """Let messages wait in the queue. Raises Unavailable."""
        self._update(enabled=False)

    def resume(self) -> None:
        """Hand them to the function again. Raises Unavailable."""
        self._update(enabled=True)

    def _update(self, *, enabled: bool) -> None:
        with _reaching_lambda():
            _client().update_event_source_mapping(UUID=self._mapping_id, Enabled=enabled)


@contextlib.contextmanager
def _reaching_lambda() -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError, DeadlineExceeded) as error:
        raise Unavailable("Lambda does not answer", code="lambda_unavailable") from error
