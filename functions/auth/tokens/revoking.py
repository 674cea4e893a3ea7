"""Revoking tokens (RFC 7009): the entry that ends a token and the event that tells of it, in one transaction.

Each process that verifies tokens knows every revoked one, so what one client may add is bounded. Up to MAX_SINGLE
tokens of a client are ended one by one in the time that a token lives; after that ending one ends all that the
client has been issued until now, which is one entry a minute at most. A client that ends a token for each of its
jobs stays below; one that wants to make everybody else slow ends its own tokens, and no more.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from artstore.audit import AuditEvent
from artstore.aws.dynamodb import write_together
from artstore.errors import Unavailable

if TYPE_CHECKING:
    from pynamodb.transactions import TransactWrite

MAX_SINGLE = 1000
_MAX_ATTEMPTS = 6
_PAUSE_SECONDS = 0.02


class Revoked(Protocol):
    """Where revoked tokens are noted; see ``artstore.security.revocations.Revocations``."""

    def revoke_token(self, jti: str, expires_at: float, transaction: TransactWrite | None = None) -> None:
        """Forbid one token."""
        ...

    def has_revoked(self, jti: str, expires_at: float) -> None:
        """Refuse a token from now on in this process."""
        ...

    def cut_client(self, client_id: str, before: float, transaction: TransactWrite) -> None:
        """Forbid all tokens of a client from before."""
        ...


class Outbox(Protocol):
    """Where events for the audit log are left; see ``artstore.aws.audit_outbox.AuditOutbox``."""

    def leave(self, event: AuditEvent, transaction: TransactWrite | None = None) -> None:
        """Leave an event."""
        ...


class Counter(Protocol):
    """Where revocations are counted; see ``functions.auth.tokens.attempts.Attempts``."""

    def count_revocation(self, client_id: str, window_seconds: int, now: float) -> int:
        """Count one, and give how many there are in this window."""
        ...


class TokenRevoker:
    """Ends tokens of one deployment."""

    def __init__(
        self,
        prefix: str,
        *,
        revoked: Revoked,
        outbox: Outbox,
        counter: Counter,
        token_lifetime_seconds: int,
        max_single: int = MAX_SINGLE,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """End up to ``max_single`` tokens of a client one by one in ``token_lifetime_seconds``."""
        self._prefix = prefix
        self._revoked = revoked
        self._outbox = outbox
        self._counter = counter
        self._window = token_lifetime_seconds
        self._max_single = max_single
        self._clock = clock
        self._sleep = sleep

    def revoke(self, claims: Mapping[str, Any], event: AuditEvent) -> None:
        """End the token with these ``claims``, and leave ``event`` for the audit log. Raises Unavailable."""
        jti, expires_at, client_id = claims["jti"], claims["exp"], claims["client_id"]
        single = self._counter.count_revocation(client_id, self._window, self._clock()) <= self._max_single
        told = (
            event if single else msgspec.structs.replace(event, after={**(event.after or {}), "all_before": True})
        )

        def write(transaction: TransactWrite) -> None:
            if single:
                self._revoked.revoke_token(jti, expires_at, transaction)
            else:
                self._revoked.cut_client(client_id, self._clock(), transaction)
            self._outbox.leave(told, transaction)

        for _ in range(_MAX_ATTEMPTS):
            if write_together(self._prefix, write):
                self._revoked.has_revoked(jti, expires_at)
                return
            self._sleep(random.uniform(0, _PAUSE_SECONDS))  # noqa: S311  # jitter
        raise Unavailable("the client's tokens are being revoked by too many at once")
