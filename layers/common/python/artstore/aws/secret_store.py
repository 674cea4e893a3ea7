"""Secrets Manager: reading a secret's text, and replacing it where a role may.

Calls go out through ``json_service`` where the environment allows it, and through botocore's client elsewhere.
They are bounded: connect 2 s, read 5 s, three tries, and the deadline of the request. What is read is never logged
and never part of an error.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable
from typing import Any, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from artstore.aws import create_client
from artstore.aws.json_service import SECRETS_MANAGER, JsonService
from artstore.deadline import DeadlineExceeded
from artstore.errors import Unavailable

CURRENT, PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"
"""Stages of a secret's value: the present one, and the one that it replaced."""
_CODE = "secret_unavailable"
_TIMEOUTS = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 3, "mode": "standard"})


@functools.cache
def caller() -> Callable[..., dict[str, Any]]:
    """Give what calls an operation with its arguments: the process's client."""
    service = JsonService.of(SECRETS_MANAGER)
    if service is not None:
        return service.call
    client = create_client(SECRETS_MANAGER.name, _TIMEOUTS)
    return lambda operation, arguments: client._make_api_call(operation, arguments)


def read_secret(secret_id: str, stage: str = CURRENT) -> str | None:
    """Read the text of a secret, or None when it has no value (yet, or of that stage). Raises Unavailable."""
    try:
        answer = caller()("GetSecretValue", {"SecretId": secret_id, "VersionStage": stage})
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
        token = str(uuid.uuid4())  # so that a try that is repeated makes no second version
        caller()("PutSecretValue", {"SecretId": secret_id, "SecretString": text, "ClientRequestToken": token})
    except (ClientError, BotoCoreError, DeadlineExceeded) as error:
        raise Unavailable("a secret of this deployment cannot be written", code=_CODE) from error


def _unreadable() -> Unavailable:
    return Unavailable("a secret of this deployment cannot be read", code=_CODE)
