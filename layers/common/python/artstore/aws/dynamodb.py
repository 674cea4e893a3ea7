"""Reaching DynamoDB: one connection for all tables of a deployment, and its failures as errors of ours.

Every call has a time limit: connect 2 s, read 3 s, three tries, and the deadline of the request.
"""

from __future__ import annotations

import contextlib
import functools
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.session import Session
from pynamodb.connection import Connection, TableConnection
from pynamodb.exceptions import PynamoDBException, TransactWriteError

from artstore import aws
from artstore.deadline import DeadlineExceeded
from artstore.errors import Unavailable

if TYPE_CHECKING:
    from pynamodb.transactions import TransactWrite

LIMITS: dict[str, Any] = {"connect_timeout_seconds": 2, "read_timeout_seconds": 3, "max_retry_attempts": 2}
_OUR_AFFAIR = frozenset({"ConditionalCheckFailedException", "ValidationException", "SerializationException"})


class _SharedConnection(Connection):
    """A connection on the process's one session."""

    @property
    def session(self) -> Session:
        return aws.session()

    @property
    def client(self) -> Any:
        with aws.making_clients:
            return super().client


@functools.cache
def connect(_prefix: str) -> Connection:
    """Give the one connection, and so the one client, of all tables of a deployment, named by its prefix.

    pynamodb by itself makes a client for each model.
    """
    return _SharedConnection(**LIMITS)


class OneConnection:
    """Mixed into a bound model: its calls go through the deployment's one connection."""

    Meta: Any

    @classmethod
    def _get_connection(cls) -> TableConnection:
        table: TableConnection = super()._get_connection()  # type: ignore[misc]  # pynamodb's Model has it
        shared = connect(cls.Meta.prefix)
        if table.connection is not shared:
            meta_table = table.get_meta_table()
            with contextlib.suppress(ValueError):  # another model of the same table was here before
                shared.add_meta_table(meta_table)
            table.connection = shared
        return table


def write_together(prefix: str, writes: Callable[[TransactWrite], None]) -> bool:
    """Do all that ``writes`` adds to the transaction it is given, or nothing: one TransactWriteItems.

    False when a condition did not hold or others were writing the same items, so that it may be tried again.
    Raises Unavailable; the transaction may have happened all the same.
    """
    from pynamodb.transactions import TransactWrite

    with reaching_dynamodb():
        try:
            with TransactWrite(connection=connect(prefix), client_request_token=str(uuid.uuid4())) as transaction:
                writes(transaction)
        except TransactWriteError as error:
            codes = {reason.code if reason else None for reason in error.cancellation_reasons}
            if codes & {"ConditionalCheckFailed", "TransactionConflict"}:
                return False
            raise
    return True


def refusal_code(error: PynamoDBException) -> str | None:
    """Give the code with which DynamoDB refused a call; None when it did not answer at all.

    pynamodb's own ``cause_response_code`` falls over where the connection ran out of time.
    """
    answer = getattr(error.cause, "response", None) or {}
    code: str | None = answer.get("Error", {}).get("Code")
    return code


@contextlib.contextmanager
def reaching_dynamodb() -> Iterator[None]:
    """Turn a failure of DynamoDB inside the block into Unavailable, its cause kept for the log.

    A conditional check that failed is an answer, not a failure, and passes through as it is. So does a call that
    DynamoDB refuses as malformed: it would be refused again, and is our fault, an unexpected error.
    """
    try:
        yield
    except PynamoDBException as error:
        if refusal_code(error) in _OUR_AFFAIR:
            raise
        raise Unavailable("the table store does not answer") from error
    except ParamValidationError:
        raise
    except ClientError as error:
        if error.response["Error"]["Code"] in _OUR_AFFAIR:
            raise
        raise Unavailable("the table store does not answer") from error
    except (BotoCoreError, DeadlineExceeded) as error:
        raise Unavailable("the table store does not answer") from error
