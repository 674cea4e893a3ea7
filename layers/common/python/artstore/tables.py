"""The DynamoDB tables, as pynamodb models whose names are resolved at run time.

A model is declared once, without a table; ``bind`` gives the class that speaks to the table of one deployment
(``{prefix}-accounts`` and so on), so that two deployments can share an account and a process. Every call has a
time limit: connect 2 s, read 3 s, three tries. Failures of DynamoDB itself surface as Unavailable through
``reaching_dynamodb``.
"""

from __future__ import annotations

import contextlib
import functools
import types
from collections.abc import Iterator
from typing import Any, TypeVar, cast

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.attributes import (
    BooleanAttribute,
    JSONAttribute,
    ListAttribute,
    NumberAttribute,
    UnicodeAttribute,
)
from pynamodb.exceptions import PynamoDBException
from pynamodb.models import Model

from artstore.errors import Unavailable

_Model = TypeVar("_Model", bound=Model)


class ServiceAccount(Model):
    """A service account: who may ask for tokens, with which secrets and which role."""

    client_id = UnicodeAttribute(hash_key=True)
    username = UnicodeAttribute()
    description = UnicodeAttribute(null=True)
    role = UnicodeAttribute()
    status = UnicodeAttribute(default="ACTIVE")
    """ACTIVE or SUSPENDED."""
    is_system = BooleanAttribute(default=False)
    """True for the first administrator, which cannot be deleted, demoted or suspended."""
    secret_hashes: ListAttribute[str] = ListAttribute()
    """bcrypt hashes; two while a rotation overlaps."""
    created_at = UnicodeAttribute()
    """RFC 3339, UTC."""


class UploadRecord(Model):
    """The write-ahead entry of an upload: written before a URL is handed out, settled by the event."""

    file_id = UnicodeAttribute(hash_key=True)
    status = UnicodeAttribute(default="PENDING")
    """PENDING, then STORED, REJECTED (with a reason) or EXPIRED."""
    reason = UnicodeAttribute(null=True)
    element_id = UnicodeAttribute()
    bucket = UnicodeAttribute()
    key = UnicodeAttribute()
    original_filename = UnicodeAttribute()
    size = NumberAttribute()
    """Bytes."""
    sha256 = UnicodeAttribute()
    """64 lowercase hex digits."""
    content_type = UnicodeAttribute()
    description = UnicodeAttribute(null=True)
    tags: ListAttribute[str] = ListAttribute(default=list)
    custom_attributes = JSONAttribute(null=True)
    retention_policy = UnicodeAttribute()
    """temporary or permanent."""
    ttl_days = NumberAttribute(null=True)
    created_at = UnicodeAttribute()
    expires_at = UnicodeAttribute()
    """When the presigned URL ends; RFC 3339, UTC."""
    expires_at_epoch = NumberAttribute()
    """When DynamoDB may drop the record: seconds since 1970, well after ``expires_at``."""
    created_by_id = UnicodeAttribute()
    created_by_username = UnicodeAttribute()
    created_by_fullname = UnicodeAttribute(null=True)
    version_id = UnicodeAttribute(null=True)
    stored_at = UnicodeAttribute(null=True)


class SigningKeyRecord(Model):
    """The public half of a signing key: what a verifying function reads."""

    issuer = UnicodeAttribute(hash_key=True)
    kid = UnicodeAttribute(range_key=True)
    jwk = JSONAttribute()
    """Public JWK (RFC 7517 §4)."""
    created_at = UnicodeAttribute()


_TABLES: dict[type[Model], str] = {
    ServiceAccount: "accounts",
    UploadRecord: "uploads",
    SigningKeyRecord: "signing-keys",
}


@functools.cache
def bind(model: type[_Model], prefix: str) -> type[_Model]:
    """Give the class of ``model`` that speaks to the table of the deployment ``prefix``."""
    meta: dict[str, Any] = {
        "table_name": f"{prefix}-{_TABLES[model]}",
        "connect_timeout_seconds": 2,
        "read_timeout_seconds": 3,
        "max_retry_attempts": 2,
    }
    body = {"Meta": type("Meta", (), meta), "__module__": __name__}
    return cast(
        type[_Model], types.new_class(model.__name__, (model,), exec_body=lambda space: space.update(body))
    )


@contextlib.contextmanager
def reaching_dynamodb() -> Iterator[None]:
    """Turn a failure of DynamoDB inside the block into Unavailable, its cause kept for the log.

    A conditional check that failed is an answer, not a failure, and passes through as it is.
    """
    try:
        yield
    except PynamoDBException as error:
        if error.cause_response_code == "ConditionalCheckFailedException":
            raise
        raise Unavailable("the table store does not answer") from error
    except (BotoCoreError, ClientError) as error:
        raise Unavailable("the table store does not answer") from error
