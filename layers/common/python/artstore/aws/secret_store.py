"""Secrets Manager: reading a secret's text, and replacing it where a role may.

Calls are bounded: connect 2 s, read 5 s, three tries, and the deadline of the request. What is read is never
logged and never part of an error.
"""

from __future__ import annotations

import functools
from typing import Any, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from artstore.aws import create_client
from artstore.deadline import DeadlineExceeded
from artstore.errors import Unavailable

CURRENT, PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"
"""Stages of a secret's value: the present one, and the one that it replaced."""
_CODE = "secret_unavailable"
_TIMEOUTS = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 3, "mode": "standard"})


@functools.cache
def client() -> Any:
    """Give the process's client."""
    return create_client("secretsmanager", _TIMEOUTS)


def read_secret(secret_id: str, stage: str = CURRENT) -> str | None:
    """Read the text of a secret, or None when it has no value (yet, or of that stage). Raises Unavailable."""
    try:
        answer = client().get_secret_value(SecretId=secret_id, VersionStage=stage)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise _unreadable() from error
    except (BotoCoreError, DeadlineExceeded) as error:
        raise _unreadable() from error
    return cast(str, answer["SecretString"])


def write_secret(secret_id: str, text: str) -> None:
    """Replace the text of a secret. Raises Unavailable."""
    try:
        client().put_secret_value(SecretId=secret_id, SecretString=text)
    except (ClientError, BotoCoreError, DeadlineExceeded) as error:
        raise Unavailable("a secret of this deployment cannot be written", code=_CODE) from error


def _unreadable() -> Unavailable:
    return Unavailable("a secret of this deployment cannot be read", code=_CODE)
