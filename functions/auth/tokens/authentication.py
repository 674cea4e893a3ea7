"""Client authentication (RFC 6749 §2.3): one answer and one price for every failure.

Nothing is counted against an account before the client has proved that it is the account's. A warm request costs
one UpdateItem, which reads the account and counts the request: the process has verified the same secret minutes
ago, and only sees that the account still has it. A first one costs a GetItem before and one comparison. Failures
are counted where they come from, see ``attempts``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from artstore.errors import RateLimited
from artstore.tables import ServiceAccount
from functions.auth.permissions import ACTIVE
from functions.auth.secrets import SecretVerifier, is_client_id
from functions.auth.tokens.check_in import CheckedIn
from functions.auth.tokens.client_assertion import named_client, verify_assertion
from functions.auth.tokens.oauth_errors import OAuthError, invalid_client
from functions.auth.tokens.requests import AssertionCredentials, Credentials, SecretCredentials


class Accounts(Protocol):
    """Where accounts are read."""

    def find(self, client_id: str) -> ServiceAccount | None:
        """Read one account, or None."""
        ...


class Desk(Protocol):
    """Where a client's account is read and its request counted."""

    def check_in(self, client_id: str, now: float) -> CheckedIn | None:
        """Give the account and its requests in this window, or None."""
        ...


class AttemptCounter(Protocol):
    """Where failures are counted."""

    def limit(self, client_id: str, address: str, now: float) -> RateLimited | None:
        """Give the refusal of a wrong proof, if a limit is known to be passed."""
        ...

    def fail(self, client_id: str, address: str, now: float) -> None:
        """Count a failure. Raises RateLimited."""
        ...

    def claim_assertion(self, client_id: str, jti: str, expires_at: float) -> bool:
        """Remember an assertion; False when it was used before."""
        ...


@dataclass(frozen=True)
class AuthenticatedClient:
    """A client that proved itself, and the headers that tell it of its rate limit."""

    account: ServiceAccount
    headers: dict[str, str] = field(default_factory=dict)


class ClientAuthenticator:
    """Authenticates clients by secret or by private_key_jwt, within their limits."""

    def __init__(
        self,
        *,
        issuer: str,
        accounts: Accounts,
        desk: Desk,
        attempts: AttemptCounter,
        secrets: SecretVerifier,
        requests_per_minute: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Allow ``requests_per_minute`` to an account that has no limit of its own."""
        self._issuer = issuer
        self._accounts = accounts
        self._desk = desk
        self._attempts = attempts
        self._secrets = secrets
        self._requests_per_minute = requests_per_minute
        self._clock = clock

    def authenticate(self, credentials: Credentials, address: str) -> AuthenticatedClient:
        """Give the client behind ``credentials``, sent from ``address``.

        Raises OAuthError (invalid_client), alike for an unknown client, a wrong proof and an account that is not
        active; RateLimited for a wrong proof beyond the limits of failures, and for a right one beyond the
        account's own rate; Unavailable.
        """
        now = self._clock()
        client_id = _named(credentials)
        checked = self._by_known_secret(credentials, now)
        if checked is None:
            limit = self._attempts.limit(client_id, address, now)
            try:
                checked = self._prove(credentials, client_id, now, sparingly=limit is not None)
            except OAuthError:
                if limit is not None:
                    raise limit from None
                self._attempts.fail(client_id, address, now)
                raise
        return AuthenticatedClient(checked.account, self._check_rate(checked))

    def _by_known_secret(self, credentials: Credentials, now: float) -> CheckedIn | None:
        """Check in a client whose secret this process has verified; None when it is not so, or no longer."""
        if not isinstance(credentials, SecretCredentials):
            return None
        client_id, secret = credentials.client_id, credentials.client_secret
        known = self._secrets.recall(client_id, secret)
        if known is None:
            return None
        checked = self._desk.check_in(client_id, now)
        if checked is not None and _is_active(checked.account) and known in checked.account.usable_hashes(now):
            return checked
        self._secrets.forget(client_id, secret)
        return None

    def _prove(self, credentials: Credentials, client_id: str, now: float, *, sparingly: bool) -> CheckedIn:
        """Verify the proof, then check the client in. Raises OAuthError (invalid_client)."""
        found = self._accounts.find(client_id)
        account = found if found is not None and _is_active(found) else None
        if isinstance(credentials, AssertionCredentials):
            return self._prove_by_assertion(credentials.assertion, client_id, account, now)
        return self._prove_by_secret(credentials.client_secret, client_id, account, now, sparingly=sparingly)

    def _prove_by_secret(
        self, secret: str, client_id: str, account: ServiceAccount | None, now: float, *, sparingly: bool
    ) -> CheckedIn:
        kept = [] if account is None else account.usable_secrets(now)
        if sparingly:
            proven = self._secrets.verify_likely(client_id, secret, kept)
        else:
            proven = self._secrets.verify(client_id, secret, [each.hash for each in kept])
        if proven is None:
            raise invalid_client()
        checked = self._check_in(client_id, now)
        if proven not in checked.account.usable_hashes(now):  # rotated at this very moment
            raise invalid_client()
        return checked

    def _prove_by_assertion(
        self, assertion: str, client_id: str, account: ServiceAccount | None, now: float
    ) -> CheckedIn:
        jwks = None if account is None else account.jwks
        verified = verify_assertion(assertion, client_id, jwks, self._issuer, now)
        if not self._attempts.claim_assertion(client_id, verified.jti, verified.expires_at):
            raise invalid_client()
        checked = self._check_in(client_id, now)
        if checked.account.jwks != jwks:  # changed at this very moment
            raise invalid_client()
        return checked

    def _check_in(self, client_id: str, now: float) -> CheckedIn:
        checked = self._desk.check_in(client_id, now)
        if checked is None or not _is_active(checked.account):
            raise invalid_client()
        return checked

    def _check_rate(self, checked: CheckedIn) -> dict[str, str]:
        """Give the RateLimit fields, as draft-ietf-httpapi-ratelimit-headers-06 names them. Raises RateLimited."""
        limit = int(checked.account.rate_limit_per_minute or self._requests_per_minute)
        headers = {
            "RateLimit-Limit": str(limit),
            "RateLimit-Remaining": str(max(0, limit - checked.requests)),
            "RateLimit-Reset": str(checked.seconds_left),
        }
        if checked.requests > limit:
            raise RateLimited(
                f"more than {limit} requests in this minute", retry_after=checked.seconds_left, headers=headers
            )
        return headers


def _named(credentials: Credentials) -> str:
    """Give the client that is named, unless no client can be called so. Raises OAuthError (invalid_client)."""
    client_id = credentials.client_id
    if isinstance(credentials, AssertionCredentials):
        client_id = named_client(credentials.assertion)
        if credentials.client_id not in (None, client_id):
            raise invalid_client()
    if client_id is None or not is_client_id(client_id):
        raise invalid_client()
    return client_id


def _is_active(account: ServiceAccount) -> bool:
    return bool(account.status == ACTIVE)
