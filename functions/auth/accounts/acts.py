"""One administrative act: the change of an account, its audit entry and the end of its tokens, in one transaction.

All of it happens, or none of it. A change is made to the revision that was read, so that two administrators cannot
undo each other unseen; and where an administrator goes, another one is required to stay in the same transaction,
so that the last two cannot remove each other.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from artstore import audit
from artstore.audit import SYSTEM, AuditLog, StateChanged, format_time
from artstore.errors import Conflict, Forbidden, NotFound
from artstore.http.preconditions import IfMatch
from artstore.tables import ServiceAccount
from functions.auth.accounts import rules
from functions.auth.accounts.table import with_changes
from functions.auth.accounts.views import etag, record, record_change
from functions.auth.permissions import ACTIVE

if TYPE_CHECKING:
    from pynamodb.transactions import TransactWrite

CREATED = "service_account.created"
UPDATED = "service_account.updated"
DELETED = "service_account.deleted"
RESTORED = "service_account.restored"
SECRET_ROTATED = "service_account.secret_rotated"  # noqa: S105  # the name of an act
_ACTIVATED = "service_account.activated"
_SUSPENDED = "service_account.suspended"
_MAX_ATTEMPTS = 5

Clock = Callable[[], datetime]
Plan = Callable[[ServiceAccount], dict[str, Any]]
"""From the account as it is to the attributes that change (None removes one); raises ArtStoreError."""


class AccountStore(Protocol):
    """What is asked of the accounts table; see ``functions.auth.accounts.table.ServiceAccounts``."""

    def find(self, client_id: str) -> ServiceAccount | None:
        """Read one account, or None."""
        ...

    def walk(self, after: str | None = None) -> Iterator[ServiceAccount]:
        """Give all accounts, or those after one."""
        ...

    def new(self, client_id: str, **attributes: Any) -> ServiceAccount:
        """Make an account that is not saved yet."""
        ...

    def add(self, account: ServiceAccount, transaction: TransactWrite) -> None:
        """Save a new account unless its id is taken."""
        ...

    def change(self, account: ServiceAccount, changes: Mapping[str, Any], transaction: TransactWrite) -> None:
        """Change an account unless it was changed meanwhile."""
        ...

    def require(self, account: ServiceAccount, transaction: TransactWrite) -> None:
        """Require that an account was not changed meanwhile."""
        ...


class ClientRevocations(Protocol):
    """What is asked of the revoked tokens; see ``artstore.security.revocations.Revocations``."""

    def revoke_client(
        self,
        client_id: str,
        before: float,
        transaction: TransactWrite | None = None,
        *,
        revision: int | None = None,
    ) -> None:
        """Forbid all tokens issued to a client from an earlier revision; ``before`` is now, in epoch seconds."""
        ...


@dataclass(frozen=True)
class Actor(audit.Actor):
    """Who acts on accounts."""

    is_deployer: bool = False
    """True for whoever may invoke the bootstrap function: no account, and bound by no account's scopes."""


def deployer(request_id: str) -> Actor:
    """Give the actor behind an invocation of the bootstrap function."""
    return Actor(SYSTEM, "", request_id, is_deployer=True)


class AccountActs:
    """The acts of one deployment."""

    def __init__(
        self, accounts: AccountStore, audit: AuditLog, revocations: ClientRevocations, clock: Clock
    ) -> None:
        """Act on ``accounts`` and record it in ``audit``."""
        self._accounts = accounts
        self._audit = audit
        self._revocations = revocations
        self._clock = clock

    def add(self, account: ServiceAccount, actor: Actor) -> bool:
        """Add a new account; False when its id is taken. Raises Forbidden (``exceeds_own_scopes``)."""
        after = {**record(account), "client_id": account.client_id}
        with self._recording_refusals(CREATED, account.client_id, actor, after):
            self._check_reach(actor, account)
        event = actor.event(CREATED, _object(account.client_id), after=after)
        try:
            self._audit.append(event, lambda transaction: self._accounts.add(account, transaction))
        except StateChanged:
            return False
        return True

    def change(
        self,
        act: str,
        client_id: str,
        if_match: IfMatch,
        actor: Actor,
        plan: Plan,
        *,
        revoke: bool = False,
    ) -> ServiceAccount:
        """Change an account as ``plan`` says and give it as it is then; a plan without changes writes nothing.

        Its tokens are revoked when they say more than it may do afterwards, or when ``revoke`` is true. Raises
        NotFound, PreconditionFailed, Forbidden (``exceeds_own_scopes``), Conflict (``system_account``,
        ``last_administrator``) and what ``plan`` raises.
        """
        for _ in range(_MAX_ATTEMPTS):
            before = self._accounts.find(client_id)
            if before is None:
                raise NotFound("there is no such service account", code="account_not_found")
            if_match.check(etag(before))
            changes = plan(before)
            if not changes:
                return before
            now = self._clock()
            changes |= {"revision": int(before.revision) + 1, "updated_at": format_time(now)}
            after = with_changes(before, changes)
            name = _name(act, before, after)
            old, new = record_change(before, after)
            with self._recording_refusals(name, client_id, actor, new):
                self._check_reach(actor, before, after)
                rules.check_system_account(before, after)
                required = self._administrator_who_stays(before, after, now)
            writes = self._writes(before, after, changes, required, now, revoke)
            try:
                self._audit.append(actor.event(name, _object(client_id), before=old, after=new), writes)
            except StateChanged:
                continue
            return after
        raise Conflict("the account is being changed by others; try again", code="account_busy")

    def _check_reach(self, actor: Actor, *touched: ServiceAccount) -> None:
        if not actor.is_deployer:
            rules.check_reach(self._accounts.find(actor.client_id), *touched)

    def _writes(
        self,
        before: ServiceAccount,
        after: ServiceAccount,
        changes: Mapping[str, Any],
        required: ServiceAccount | None,
        now: datetime,
        revoke: bool,
    ) -> Callable[[TransactWrite], None]:
        def write(transaction: TransactWrite) -> None:
            self._accounts.change(before, changes, transaction)
            if revoke or rules.ends_tokens(before, after):
                self._revocations.revoke_client(
                    before.client_id, now.timestamp(), transaction, revision=int(after.revision)
                )
            if required is not None:
                self._accounts.require(required, transaction)

        return write

    def _administrator_who_stays(
        self, before: ServiceAccount, after: ServiceAccount, now: datetime
    ) -> ServiceAccount | None:
        if not rules.loses_administrator(before, after, now):
            return None
        return rules.find_other_administrator(self._accounts.walk(), before, now)

    @contextlib.contextmanager
    def _recording_refusals(
        self, act: str, client_id: str, actor: Actor, wanted: dict[str, Any]
    ) -> Iterator[None]:
        try:
            yield
        except (Conflict, Forbidden) as refusal:
            self._audit.append(actor.event(act, _object(client_id), after=wanted, refusal=refusal))
            raise


def _object(client_id: str) -> str:
    """Give what the audit log calls an account."""
    return f"service-account/{client_id}"


def _name(act: str, before: ServiceAccount, after: ServiceAccount) -> str:
    """Name a change of status for what it is."""
    if act == UPDATED and before.status != after.status:
        return _ACTIVATED if after.status == ACTIVE else _SUSPENDED
    return act
