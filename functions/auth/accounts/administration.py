"""Administering service accounts: create, change, delete, restore, and rotate a secret."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec import UNSET

from artstore.audit import AuditLog, format_time
from artstore.errors import Conflict
from artstore.http.idempotency import key_reused
from artstore.http.preconditions import IfMatch
from artstore.security import Role
from artstore.tables import AccountSecret, ServiceAccount
from functions.auth.accounts import acts, rules
from functions.auth.accounts.acts import AccountActs, AccountStore, Actor, ClientRevocations, Clock
from functions.auth.accounts.client_keys import validate_jwks
from functions.auth.accounts.models import AccountChange, AccountRequest
from functions.auth.accounts.table import make_secret, with_changes
from functions.auth.permissions import DELETED, SUSPENDED
from functions.auth.secrets import generate_client_id, generate_secret


@dataclass(frozen=True)
class Created:
    """A new account and its secret, None when it has none or the request was repeated."""

    account: ServiceAccount
    secret: str | None
    repeated: bool = False


class AccountAdministration:
    """The use cases of administering the accounts of one deployment."""

    def __init__(
        self,
        *,
        accounts: AccountStore,
        audit: AuditLog,
        revocations: ClientRevocations,
        bcrypt_cost: int,
        secret_lifetime: timedelta,
        space_exists: Callable[[str], bool],
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        """Administer ``accounts``; new secrets are valid for ``secret_lifetime``."""
        self._space_exists = space_exists
        self._accounts = accounts
        self._acts = AccountActs(accounts, audit, revocations, clock)
        self._bcrypt_cost = bcrypt_cost
        self._secret_lifetime = secret_lifetime
        self._clock = clock

    def create(self, request: AccountRequest, actor: Actor, idempotency_key: str | None = None) -> Created:
        """Create an account, with a secret unless it has keys.

        The same ``idempotency_key`` and request from the same actor, however much later, give the account that was
        made then, without its secret. Raises Invalid (``scope_outside_role``, ``scope_not_of_documents``,
        ``unknown_space``, ``invalid_jwks``), Forbidden (``exceeds_own_scopes``, ``exceeds_own_spaces``) and
        Conflict (``idempotency_key_reused``) for another request under the same key.
        """
        rules.check_scopes(request.role, request.scopes)
        rules.check_spaces(request.role, request.spaces, self._space_exists)
        jwks = None if request.jwks is None else validate_jwks(request.jwks)
        client_id, fingerprint = generate_client_id(), None
        if idempotency_key is not None:
            client_id = _derived_id(actor.client_id, idempotency_key)
            fingerprint = _fingerprint(request)
            if existing := self._accounts.find(client_id):
                return _repeated(existing, fingerprint)
        now = self._clock()
        secret = generate_secret() if jwks is None else None
        account = self._accounts.new(
            client_id,
            username=request.name,
            description=request.description,
            role=str(request.role),
            scopes=_sorted(request.scopes),
            spaces=_sorted_spaces(request.spaces),
            rate_limit_per_minute=request.rate_limit_per_minute,
            jwks=jwks,
            secrets=[] if secret is None else [self._keep(secret, now)],
            created_at=format_time(now),
            created_by=actor.client_id,
            updated_at=format_time(now),
            request_hash=fingerprint,
        )
        if self._acts.add(account, actor):
            return Created(account, secret)
        existing = self._accounts.find(client_id)
        if existing is None or fingerprint is None:  # a random id that is taken is not to be expected
            raise Conflict("the account could not be added; try again", code="account_busy")
        return _repeated(existing, fingerprint)

    def create_system_administrator(self, client_id: str, secret: str, actor: Actor) -> bool:
        """Create the first administrator; False when an account of that id is there already."""
        now = self._clock()
        account = self._accounts.new(
            client_id,
            username="admin",
            description="First administrator, made at deployment",
            role=str(Role.ADMIN),
            is_system=True,
            secrets=[self._keep(secret, now)],
            created_at=format_time(now),
            updated_at=format_time(now),
        )
        return self._acts.add(account, actor)

    def change(self, client_id: str, wanted: AccountChange, if_match: IfMatch, actor: Actor) -> ServiceAccount:
        """Change what ``wanted`` names.

        Raises NotFound, PreconditionFailed, Invalid (``scope_outside_role``, ``scope_not_of_documents``,
        ``unknown_space``, ``invalid_jwks``), Forbidden (``exceeds_own_scopes``, ``exceeds_own_spaces``) and
        Conflict (``account_deleted``, ``system_account``, ``last_administrator``).
        """
        changes = _wanted_attributes(wanted)

        def plan(account: ServiceAccount) -> dict[str, Any]:
            _require_not_deleted(account)
            after = with_changes(account, changes)
            if {"role", "scopes"} & set(changes):
                rules.check_scopes(after.role, after.scopes)
            if {"role", "spaces"} & set(changes):
                added = set(changes.get("spaces") or ()) - set(account.spaces or ())
                rules.check_spaces(
                    after.role, after.spaces, lambda name: name not in added or self._space_exists(name)
                )
            return {name: value for name, value in changes.items() if getattr(account, name) != value}

        return self._acts.change(acts.UPDATED, client_id, if_match, actor, plan)

    def delete(self, client_id: str, if_match: IfMatch, actor: Actor) -> ServiceAccount:
        """Delete an account: it is kept, may do nothing, and can be restored. Raises as ``change`` does."""

        def plan(account: ServiceAccount) -> dict[str, Any]:
            _require_not_deleted(account)
            return {
                "status": DELETED,
                "status_before_deletion": account.status,
                "deleted_at": format_time(self._clock()),
            }

        return self._acts.change(acts.DELETED, client_id, if_match, actor, plan)

    def restore(self, client_id: str, if_match: IfMatch, actor: Actor) -> ServiceAccount:
        """Make a deleted account what it was, active or suspended; tokens from before stay revoked.

        Raises Conflict (``account_not_deleted``) and as ``change`` does.
        """

        def plan(account: ServiceAccount) -> dict[str, Any]:
            if account.status != DELETED:
                raise Conflict("the account is not deleted", code="account_not_deleted")
            status = account.status_before_deletion or SUSPENDED
            return {"status": status, "status_before_deletion": None, "deleted_at": None}

        return self._acts.change(acts.RESTORED, client_id, if_match, actor, plan)

    def rotate_secret(
        self, client_id: str, overlap: timedelta, if_match: IfMatch, actor: Actor
    ) -> tuple[ServiceAccount, str]:
        """Give a new secret; the newest of the present ones stays valid for ``overlap``, any other ends now.

        Without an overlap the secret counts as stolen, and the account's tokens are revoked too. Raises as
        ``change`` does.
        """
        secret = generate_secret()
        kept = self._keep(secret, self._clock())

        def plan(account: ServiceAccount) -> dict[str, Any]:
            _require_not_deleted(account)
            return {
                "secrets": [*_overlapping(account, self._clock(), overlap), kept],
                "secret_hashes": None,
            }

        revoke = not overlap
        account = self._acts.change(acts.SECRET_ROTATED, client_id, if_match, actor, plan, revoke=revoke)
        return account, secret

    def _keep(self, secret: str, now: datetime) -> AccountSecret:
        return make_secret(secret, self._bcrypt_cost, now, self._secret_lifetime)


def _wanted_attributes(wanted: AccountChange) -> dict[str, Any]:
    """Give the attributes of the table that ``wanted`` names. Raises Invalid (``invalid_jwks``)."""
    values = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value is not UNSET}
    if "name" in values:
        values["username"] = values.pop("name")
    if values.get("scopes") is not None:
        values["scopes"] = _sorted(values["scopes"])
    if values.get("spaces") is not None:
        values["spaces"] = _sorted_spaces(values["spaces"])
    if values.get("jwks") is not None:
        values["jwks"] = validate_jwks(values["jwks"])
    return {name: str(value) if name in ("role", "status") else value for name, value in values.items()}


def _require_not_deleted(account: ServiceAccount) -> None:
    if account.status == DELETED:
        raise Conflict("the account is deleted; restore it first", code="account_deleted")


def _overlapping(account: ServiceAccount, now: datetime, overlap: timedelta) -> list[AccountSecret]:
    """Give the newest secret with the end that a rotation at ``now`` sets it, or nothing."""
    usable = [each for each in account.known_secrets() if each.is_usable(now.timestamp())]
    if not usable or not overlap:
        return []
    newest, end = usable[-1], format_time(now + overlap)
    if newest.expires_at is not None:
        end = min(end, newest.expires_at, key=datetime.fromisoformat)
    return [
        AccountSecret(
            hash=newest.hash, created_at=newest.created_at, expires_at=end, fingerprint=newest.fingerprint
        )
    ]


def _sorted(scopes: list[Any] | None) -> list[str] | None:
    return None if scopes is None else sorted({str(scope) for scope in scopes})


def _sorted_spaces(spaces: Mapping[str, list[Any] | None] | None) -> dict[str, list[str] | None] | None:
    return None if spaces is None else {name: _sorted(spaces[name]) for name in sorted(spaces)}


def _fingerprint(request: AccountRequest) -> str:
    """Give the hash of a request; one that names no spaces has the one it had before there were any."""
    said = msgspec.to_builtins(request)
    if said["spaces"] is None:
        del said["spaces"]
    return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()


def _derived_id(actor: str, idempotency_key: str) -> str:
    """Give the client_id that this actor's key always leads to, in the form of a random one."""
    digest = hashlib.sha256(f"{actor}\x00{idempotency_key}".encode()).digest()
    return f"sa_{base64.urlsafe_b64encode(digest[:16]).rstrip(b'=').decode()}"


def _repeated(existing: ServiceAccount, fingerprint: str) -> Created:
    if existing.request_hash != fingerprint:
        raise key_reused()
    return Created(existing, None, repeated=True)
