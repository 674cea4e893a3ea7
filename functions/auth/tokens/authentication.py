"""Client authentication (RFC 6749 §2.3): one answer and one price for every failure.

A warm request costs one UpdateItem, which reads the account and counts the request. Only what this process has not
verified before is costly, so only that is counted as an attempt: by client, known or not, and by address.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from artstore.errors import RateLimited
from artstore.tables import ServiceAccount
from functions.auth.secrets import SecretVerifier
from functions.auth.tokens.check_in import CheckedIn
from functions.auth.tokens.client_assertion import named_client, verify_assertion
from functions.auth.tokens.oauth_errors import OAuthError, invalid_client
from functions.auth.tokens.requests import AssertionCredentials, Credentials


class Desk(Protocol):
    """Where a client's account is read and its request counted."""

    def check_in(self, client_id: str, now: float) -> CheckedIn | None:
        """Give the account and its requests in this window, or None."""
        ...


class AttemptCounter(Protocol):
    """Where attempts are counted."""

    def count(self, client_id: str, address: str, now: float) -> None:
        """Count an attempt, before it is verified. Raises RateLimited."""
        ...

    def forgive(self, client_id: str, now: float) -> None:
        """Take back an attempt that succeeded."""
        ...

    def fail(self, address: str, now: float) -> None:
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
        desk: Desk,
        attempts: AttemptCounter,
        secrets: SecretVerifier,
        requests_per_minute: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Allow ``requests_per_minute`` to an account that has no limit of its own."""
        self._issuer = issuer
        self._desk = desk
        self._attempts = attempts
        self._secrets = secrets
        self._requests_per_minute = requests_per_minute
        self._clock = clock

    def authenticate(self, credentials: Credentials, address: str) -> AuthenticatedClient:
        """Give the client behind ``credentials``, sent from ``address``.

        Raises OAuthError (invalid_client), alike for an unknown client, a wrong proof and an account that is not
        active; RateLimited beyond a limit, the account's own only after it proved itself; Unavailable.
        """
        now = self._clock()
        if isinstance(credentials, AssertionCredentials):
            client_id = named_client(credentials.assertion)
            if credentials.client_id not in (None, client_id):
                raise invalid_client()
        else:
            client_id = credentials.client_id
        checked = self._desk.check_in(client_id, now)
        active = checked is not None and checked.account.status == "ACTIVE"
        account = checked.account if checked is not None and active else None
        try:
            if isinstance(credentials, AssertionCredentials):
                self._check_assertion(credentials.assertion, client_id, account, address, now)
            else:
                self._check_secret(credentials.client_secret, client_id, account, address, now)
        except OAuthError:
            self._attempts.fail(address, now)
            raise
        if checked is None or account is None:
            raise invalid_client()
        return AuthenticatedClient(account, self._check_rate(checked))

    def _check_secret(
        self, secret: str, client_id: str, account: ServiceAccount | None, address: str, now: float
    ) -> None:
        hashes = [] if account is None else account.usable_hashes(now)
        if self._secrets.remembers(secret, hashes):
            return
        self._attempts.count(client_id, address, now)
        if not self._secrets.verify(secret, hashes):
            raise invalid_client()
        self._attempts.forgive(client_id, now)

    def _check_assertion(
        self, assertion: str, client_id: str, account: ServiceAccount | None, address: str, now: float
    ) -> None:
        self._attempts.count(client_id, address, now)
        jwks = None if account is None else account.jwks
        verified = verify_assertion(assertion, client_id, jwks, self._issuer, now)
        if not self._attempts.claim_assertion(client_id, verified.jti, verified.expires_at):
            raise invalid_client()
        self._attempts.forgive(client_id, now)

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
