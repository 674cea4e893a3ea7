"""The DynamoDB tables, as pynamodb models whose names are resolved at run time.

A model is declared once, without a table; ``bind`` gives the class that speaks to the table of one deployment
(``{prefix}-accounts`` and so on), so that two deployments can share an account and a process.
"""

from __future__ import annotations

import functools
import types
from typing import Any, TypeVar, cast

from pynamodb.models import Model

from artstore.aws.dynamodb import LIMITS, OneConnection, hold_plainly
from artstore.tables.accounts import AccountSecret, ServiceAccount
from artstore.tables.audit import AuditRecord, WaitingEvent
from artstore.tables.jobs import BulkPageRecord, JobLockRecord, JobRecord
from artstore.tables.registries import ElementItem, ScheduleItem, SpaceItem
from artstore.tables.signing_keys import KeyRotationLock, KeyRotationRecord, SigningKeyRecord
from artstore.tables.tokens import Attempt, Revocation
from artstore.tables.uploads import FinalizationRecord, Succession, UploadRecord

__all__ = [
    "AccountSecret",
    "Attempt",
    "AuditRecord",
    "BulkPageRecord",
    "ElementItem",
    "FinalizationRecord",
    "JobLockRecord",
    "JobRecord",
    "KeyRotationLock",
    "KeyRotationRecord",
    "Revocation",
    "ScheduleItem",
    "ServiceAccount",
    "SigningKeyRecord",
    "SpaceItem",
    "Succession",
    "UploadRecord",
    "WaitingEvent",
    "bind",
]

_Model = TypeVar("_Model", bound=Model)

_TABLES: dict[type[Model], str] = {
    Attempt: "attempts",
    AuditRecord: "audit",
    ElementItem: "elements",
    SpaceItem: "spaces",
    ScheduleItem: "retention-schedules",
    JobRecord: "jobs",
    ServiceAccount: "accounts",
    UploadRecord: "uploads",
    Succession: "uploads",
    BulkPageRecord: "jobs",
    JobLockRecord: "jobs",
    FinalizationRecord: "uploads",
    SigningKeyRecord: "signing-keys",
    KeyRotationRecord: "signing-keys",
    KeyRotationLock: "signing-keys",
    Revocation: "revocations",
    WaitingEvent: "audit-outbox",
}


@functools.cache
def bind(model: type[_Model], prefix: str) -> type[_Model]:
    """Give the class of ``model`` that speaks to the table of the deployment ``prefix``."""
    meta: dict[str, Any] = {"table_name": f"{prefix}-{_TABLES[model]}", "prefix": prefix, **LIMITS}
    body = {"Meta": type("Meta", (), meta), "__module__": __name__}
    bound = types.new_class(model.__name__, (OneConnection, model), exec_body=lambda space: space.update(body))
    hold_plainly(bound)
    return cast(type[_Model], bound)
