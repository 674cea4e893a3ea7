"""Trying a request to AWS up to three times, as botocore's "standard" mode does.

It is tried again after a lost connection, silence, 500, 502, 503, 504 and throttling, after a random pause that
doubles. What was not answered may have happened, so every try but the first may meet what an earlier one has done.
No try begins after ``artstore.deadline``, none waits beyond it, and none follows when the pause would outlast it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from botocore import exceptions
from botocore.exceptions import ClientError

from artstore import deadline

TRIES: Final = 3
_PAUSE_SECONDS: Final = 0.05
_PAUSE_WHEN_THROTTLED_SECONDS: Final = 1.0
_TRANSIENT_STATUSES: Final = frozenset({500, 502, 503, 504})
_TRANSIENT: Final = frozenset({"RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete"})
_THROTTLED: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)

T = TypeVar("T")


class Spoilt(Exception):
    """An answer that fails its checksum; ``refusal`` is what is raised when none better comes."""

    def __init__(self, refusal: ClientError) -> None:
        """Take what is raised in the end."""
        super().__init__(str(refusal))
        self.refusal = refusal


def trying(send: Callable[[int], T]) -> T:
    """Give what ``send`` gives, told how many tries there were before; it raises ClientError for a refusal.

    Raises what the last try did: a refusal at once where trying again is of no use; DeadlineExceeded.
    """
    before = 0
    while True:
        deadline.check()
        scale = _PAUSE_SECONDS
        failure: Exception
        try:
            return send(before)
        except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
            failure = error
        except Spoilt as error:
            failure = error.refusal
        except ClientError as error:
            response: Any = error.response
            code = response["Error"]["Code"]
            if code in _THROTTLED:
                scale = _PAUSE_WHEN_THROTTLED_SECONDS
            elif (
                code not in _TRANSIENT
                and response["ResponseMetadata"]["HTTPStatusCode"] not in _TRANSIENT_STATUSES
            ):
                raise
            failure = error
        before += 1
        if before == TRIES:
            raise failure
        pause = scale * random.random() * 2 ** (before - 1)  # noqa: S311  # so that clients do not all come back at once
        if deadline.remaining() <= pause:
            raise deadline.DeadlineExceeded("a service did not answer in time") from failure
        time.sleep(pause)
